"""What a generator sees of a face: planes drawn from its points, colours and traits by torch.

Everything is drawn from numbers, on the device they lie on, and can be differentiated by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from data.landmarks import JAW, LEFT_EYE, PARTS, RIGHT_EYE

SHARPNESS = 0.011  # of the square's side: how fast a line fades, as the spread of a Gaussian
ARC = 12  # points of the arc that closes the head above the jaw

# Name of a plane group -> the planes it has; a condition is some of them, in this order.
PLANES = {"points": 7, "hair": 4, "eyes": 4, "skin": 4, "gender": 1, "glasses": 1, "foreground": 1}
USUAL = ("points", "hair", "eyes", "skin", "gender", "glasses")

# Planes of "points": one a part, both brows and both eyes together, the irises as discs.
_LINES = (
    ("jaw",),
    ("left_brow", "right_brow"),
    ("left_eye", "right_eye"),
    ("nose_bridge", "nose_base"),
    ("outer_lips",),
    ("inner_lips",),
)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What is asked of N pictures.

    points: (N, 68, 2) float32, x before y, shares of the square, 0 at its first edge to 1.
    seen: (N, 68) float32, 1 where a point is to be heeded, 0 where not.
    hair, eyes, skin: (N, 3) float32 sRGB 0 to 1; NaN where not told. gender: (N,) -1 female to
    1 male, 0 not told. glasses: (N,) -1 none to 1 worn, 0 not told.
    foreground: (N, S, S) float32 0 to 1, any S, NaN where not told; or None.
    """

    points: Tensor
    seen: Tensor
    hair: Tensor
    eyes: Tensor
    skin: Tensor
    gender: Tensor
    glasses: Tensor
    foreground: Tensor | None = None

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, which: Tensor | slice) -> Asked:
        return self.each(lambda value: value[which])

    def to(self, device: torch.device | str) -> Asked:
        return self.each(lambda value: value.to(device))

    def each(self, change: Callable[[Tensor], Tensor]) -> Asked:
        """The same change on every value that there is."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{k: change(v) for k, v in told.items() if v is not None})


def count(planes: tuple[str, ...]) -> int:
    """How many channels a condition of these plane groups has."""
    return sum(PLANES[name] for name in planes)


def render(asked: Asked, side: int, planes: tuple[str, ...] = USUAL) -> Tensor:
    """(N, C, side, side) float32, -1 to 1, in the order of `planes`, which is that of PLANES.

    Lines are exp(-d²/2s²) of the distance d to a part's contour, as face vid2vid's edge maps
    (Wang et al. 2018, "Video-to-Video Synthesis", face experiments) but soft, so that a gradient
    reaches the points. A colour is three even planes, that of the eyes in their irises only, and
    a fourth that says whether it is told.
    """
    made = []
    for name in planes:
        if name == "points":
            made.append(contours(asked.points, asked.seen, side) * 2 - 1)
        elif name in ("gender", "glasses"):
            made.append(_even(getattr(asked, name)[:, None], side))
        elif name == "foreground":
            made.append(_mask(asked, side))
        elif name == "eyes":
            colour = _even(_colour(asked.eyes), side)
            disc = irises(asked.points, asked.seen, side)[:, None]
            made.append(torch.cat([colour[:, :3] * disc, colour[:, 3:]], 1))
        else:
            made.append(_even(_colour(getattr(asked, name)), side))
    return torch.cat(made, 1)


def contours(points: Tensor, seen: Tensor, side: int) -> Tensor:
    """(N, 7, side, side), 0 to 1: jaw with brow arc, brows, lids, nose, lips, mouth, irises.

    points: (N, 68, 2) shares of the square. seen: (N, 68). A line between two points is as
    strong as both are seen.
    """
    made = []
    for names in _LINES:
        ends, others, weight = [], [], []
        for name in names:
            first, second = _segments(name)
            ends.append(points[:, first])
            others.append(points[:, second])
            weight.append(seen[:, first] * seen[:, second])
        if names == ("jaw",):
            arc = _arc(points)
            ends.append(arc[:, :-1])
            others.append(arc[:, 1:])
            weight.append((seen[:, 0] * seen[:, 16])[:, None].expand(-1, ARC - 1))
        made.append(_lines(torch.cat(ends, 1), torch.cat(others, 1), torch.cat(weight, 1), side))
    made.append(irises(points, seen, side))
    return torch.stack(made, 1)


def _lines(starts: Tensor, ends: Tensor, weight: Tensor, side: int) -> Tensor:
    """(N, side, side) of the nearest of K segments; starts, ends (N, K, 2), weight (N, K)."""
    grid = _grid(side, starts.device)
    along = ends - starts
    length = along.square().sum(2).clamp_min(1e-8)
    far = torch.full((len(starts), side * side), 1.0, device=starts.device)
    for k in range(starts.shape[1]):
        x, y = grid[:, 0] - starts[:, k, :1], grid[:, 1] - starts[:, k, 1:]
        share = ((x * along[:, k, :1] + y * along[:, k, 1:]) / length[:, k, None]).clamp(0, 1)
        apart = (x - share * along[:, k, :1]).square() + (y - share * along[:, k, 1:]).square()
        # As if it were farther, so that exp(-d²/2s²) is multiplied by the weight.
        fainter = -2 * SHARPNESS**2 * weight[:, k, None].clamp_min(1e-12).log()
        far = torch.minimum(far, apart + fainter)
    return torch.exp(-far / (2 * SHARPNESS**2)).view(-1, side, side)


def irises(points: Tensor, seen: Tensor, side: int) -> Tensor:
    """(N, side, side), 0 to 1: a disc in each eye, as high as it is open; closed eyes have none."""
    grid = _grid(side, points.device)
    made = torch.zeros(len(points), side * side, device=points.device)
    for eye in (LEFT_EYE, RIGHT_EYE):
        lids = points[:, eye]
        middle = lids.mean(1)
        upper, lower = lids[:, 1:3].mean(1), lids[:, 4:6].mean(1)
        radius = (upper - lower).norm(dim=1).clamp_min(1e-4) / 2
        apart = (grid[None] - middle[:, None]).square().sum(2)
        disc = torch.sigmoid((radius[:, None] - apart.clamp_min(1e-8).sqrt()) / (SHARPNESS / 2))
        made = torch.maximum(made, disc * seen[:, eye].mean(1, keepdim=True))
    return made.view(-1, side, side)


def _arc(points: Tensor) -> Tensor:
    """(N, ARC, 2): from ear to ear over the brow, half of the ellipse that the jaw is half of."""
    left, right, chin = points[:, JAW.start], points[:, JAW.stop - 1], points[:, 8]
    middle, across = (left + right) / 2, (right - left) / 2
    up = middle - chin
    angle = torch.linspace(torch.pi, 0, ARC, device=points.device)[None, :, None]
    return middle[:, None] + across[:, None] * angle.cos() + 0.75 * up[:, None] * angle.sin()


def _mask(asked: Asked, side: int) -> Tensor:
    if asked.foreground is None:
        return torch.zeros(len(asked), 1, side, side, device=asked.points.device)
    scaled = functional.interpolate(
        torch.nan_to_num(asked.foreground, nan=0.5)[:, None],
        (side, side),
        mode="bilinear",
        antialias=True,
    )
    return scaled * 2 - 1


def _colour(told: Tensor) -> Tensor:
    known = told.isfinite().all(1, keepdim=True).float()
    return torch.cat([(torch.nan_to_num(told, nan=0.5) * 2 - 1) * known, known], 1)


def _even(values: Tensor, side: int) -> Tensor:
    return values.float()[:, :, None, None].expand(-1, -1, side, side)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # kept for learning too, even when drawing asks for it first
def _grid(side: int, device: torch.device) -> Tensor:
    """(side², 2): where the pixels' centres lie, shares of the square."""
    at = (torch.arange(side, device=device) + 0.5) / side
    y, x = torch.meshgrid(at, at, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


@lru_cache(maxsize=16)
def _segments(part: str) -> tuple[list[int], list[int]]:
    indices, closed = PARTS[part]
    pairs = list(pairwise(range(indices.start, indices.stop)))
    if closed:
        pairs.append((indices.stop - 1, indices.start))
    return [first for first, _ in pairs], [second for _, second in pairs]
