"""Our small networks: to find drawn faces, to glance at what was found, to place points."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.boxes import LEVELS


def centred(pictures: Tensor) -> Tensor:
    """What is 0 to 1 about zero: 128 of 255, which ONNX Runtime does to bytes in one step."""
    return (pictures * 4).sub_(4 * 128 / 255)


def _conv(into: int, out: int, step: int = 1, size: int = 3, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, size, step, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class _Block(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016); nothing but the shortcut at first.

    So (Goyal et al. 2017, 5.1) a deeper network begins as the weights it starts with.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        norm = nn.BatchNorm2d(width)
        nn.init.zeros_(norm.weight)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), norm)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)), inplace=True)


class _Trunk(nn.Module):
    """What both networks that look at crops of a face share; blocks: of 12, 6 and 3 cells."""

    def __init__(self, blocks: tuple[int, int, int] = (1, 1, 1)) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, 24, 2), _conv(24, 40, 2), _Block(40))
        self.middle, self.deep, self.deepest = (
            nn.Sequential(_conv(into, wide, 2), *(_Block(wide) for _ in range(count)))
            for into, wide, count in zip((40, 80, 128), (80, 128, 192), blocks, strict=True)
        )

    def features(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """crops: (N, 3, SIDE, SIDE), RGB, 0 to 1. Features of 24, 12, 6 and 3 cells a side."""
        fine = self.stem(centred(crops))
        low = self.middle(fine)
        deep = self.deep(low)
        return fine, low, deep, self.deepest(deep)


class LandmarkNet(_Trunk):
    """Crop in; 68 points with their spread, what hides them, and what the face is like, out.

    Points are the mean of a heatmap's softmax (Sun et al. 2018, integral regression), their
    spread the scale of a Laplace distribution, learnt by its likelihood. Once it has learnt, a
    linear model of its features' means tells the gender; that is not learnt by descent but set.
    """

    TRAITS = ("face", "male", "glasses")

    def __init__(self) -> None:
        super().__init__((2, 3, 2))
        self.down = nn.ModuleList(
            [nn.Conv2d(192, 96, 1), nn.Conv2d(128, 96, 1), nn.Conv2d(80, 96, 1)]
        )
        self.mix = nn.Sequential(*_conv(96, 96), _Block(96))
        self.finer = nn.ModuleList([nn.Conv2d(96, 56, 1), nn.Conv2d(40, 56, 1)])
        self.sharp = _conv(56, 56)
        self.heat = nn.Conv2d(56, 68, 1)
        self.told = nn.Sequential(nn.Flatten(), nn.Linear(192 * 9, 160), nn.ReLU(), nn.Dropout(0.2))
        self.spread = nn.Linear(160, 68)
        self.hidden = nn.Linear(160, 68)
        self.shift = nn.Linear(160, 136)
        self.traits = nn.Linear(160, len(self.TRAITS))
        self.male = nn.Linear(128, 1)
        for part in (self.shift, self.male):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)
        for conv in self.quantised():
            conv.register_buffer("range", torch.zeros(2, 2))

    def quantised(self) -> list[nn.Conv2d]:
        """The convolutions that a CPU computes in 8 bits, all but the first and the last.

        Their `range` is what enters and what leaves them, with what is folded into them, least and
        most each; `fit_landmarks.ranged` sets it.
        """
        return [
            part
            for name, part in self.named_modules()
            if isinstance(part, nn.Conv2d) and name not in ("stem.0.0", "heat")
        ]

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """crops: (N, 3, SIDE, SIDE), RGB, 0 to 1.

        (N, 68, 2) points in crop sides, 0 to 1; (N, 68) log spread, crop sides; (N, 68) logit of
        being hidden; (N, 3) logits of TRAITS.
        """
        return self._told(*self.features(crops))

    def read(self, crops: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Points as `forward` tells them, and features of three sizes, to compare pictures by."""
        features = self.features(crops)
        return self._told(*features)[0], list(features[1:])

    def _told(
        self, fine: Tensor, low: Tensor, deep: Tensor, deepest: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        up = functional.interpolate(self.down[0](deepest), scale_factor=2.0)
        up = functional.interpolate(up + self.down[1](deep), scale_factor=2.0)
        up = self.finer[0](self.mix(torch.relu(up + self.down[2](low))))
        up = functional.interpolate(up, scale_factor=2.0) + self.finer[1](fine)
        heat = self.heat(self.sharp(torch.relu(up))).float()
        rows, columns = heat.shape[2:]
        share = heat.flatten(2).softmax(2).view_as(heat)
        x = torch.arange(columns, device=low.device) + 0.5
        y = torch.arange(rows, device=low.device) + 0.5
        points = torch.stack(
            [(share.sum(2) * x).sum(2) / columns, (share.sum(3) * y).sum(2) / rows], 2
        )
        told = self.told(deepest)
        points = points + self.shift(told).view(-1, 68, 2).float()
        traits = self.traits(told).float()
        if not self.training:  # what is learnt by descent fits the faces learnt from too well
            male = self.male(self._gist(deep)).float()
            traits = torch.cat([traits[:, :1], male, traits[:, 2:]], 1)
        return points, self.spread(told).float(), self.hidden(told).float(), traits

    def gist(self, crops: Tensor) -> Tensor:
        """(N, 128): what the linear model tells a gender by; crops as of `forward`."""
        return self._gist(self.features(crops)[2])

    @staticmethod
    def _gist(deep: Tensor) -> Tensor:
        return deep.mean((2, 3))


class ScoutNet(nn.Module):
    """A glance at a find: whether there is a face, and the square it lies in."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Sequential(
            *(_conv(3, 16, 2), _conv(16, 32, 2), _Block(32)),
            *(_conv(32, 48, 2), _Block(48), _conv(48, 64, 2), _Block(64)),
            *(nn.Flatten(), nn.Linear(64 * 9, 64), nn.ReLU(), nn.Linear(64, 6)),
        )

    def forward(self, crops: Tensor) -> Tensor:
        """crops: (N, 3, SIDE, SIDE), RGB, 0 to 1, about a face and not leaned.

        (N, 6): logit of a face; its middle, x and y from the crop's, crop sides; logarithm of its
        longer side, of what `crops.REACH` takes it for; sine and cosine of its lean.
        """
        return self.seen(functional.avg_pool2d(centred(crops), 2)).float()


class GenderNet(_Trunk):
    """How a viewer reads a photographed face, by its crop and by a linear model of its gradients.

    The linear model (`gender.measured`) is not learnt by descent but set.
    """

    MEASURES = 2508
    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    steep: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.told = nn.Sequential(nn.Flatten(), nn.Dropout(0.4), nn.Linear(192 * 9, 1))
        for name in ("mean", "scale", "weight"):
            self.register_buffer(name, torch.zeros(self.MEASURES))
        self.register_buffer("bias", torch.zeros(()))
        self.register_buffer("steep", torch.ones(()))

    def seen(self, crops: Tensor) -> Tensor:
        """(N,) logits of being read as a man's, by crops as `features` takes them alone."""
        return self.told(self.features(crops)[3])[:, 0]

    def forward(self, crops: Tensor, measures: Tensor) -> Tensor:
        """(N,) calibrated logits. measures: (N, MEASURES) of the same faces."""
        linear = ((measures - self.mean) / self.scale) @ self.weight + self.bias
        return (self.seen(crops) + linear) * self.steep


class FinderNet(nn.Module):
    """Frame in; at each cell of three grids whether a face's middle is there, and its box."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, 16, 2), _conv(16, 32, 2))
        self.first = nn.Sequential(*_thin(32, 64, 2), *_thin(64, 64), *_thin(64, 64))
        self.second = nn.Sequential(*_thin(64, 96, 2), *_thin(96, 96), *_thin(96, 96))
        self.third = nn.Sequential(*_thin(96, 128, 2), *_thin(128, 128), *_thin(128, 128))
        self.side = nn.ModuleList([nn.Conv2d(wide, 64, 1) for wide in (64, 96, 128)])
        self.mix = nn.ModuleList([nn.Sequential(*_thin(64, 64), *_thin(64, 64)) for _ in LEVELS])
        self.out = nn.Conv2d(64, 5, 1)
        # One cell in a hundred, before anything is learnt.
        self.out.bias = nn.Parameter(torch.tensor([-4.6, 0.0, 0.0, 0.0, 0.0]))

    def forward(self, frames: Tensor) -> list[Tensor]:
        """frames: (N, 3, H, W), RGB, 0 to 1, H and W multiples of 32.

        For each of LEVELS (N, 5, H / level, W / level): logit of a face; left, top, right and
        bottom from the cell's middle, log of level pixels.
        """
        first = self.first(self.stem(centred(frames)))
        second = self.second(first)
        third = self.third(second)
        made = []
        above = None
        for at, features in ((2, third), (1, second), (0, first)):
            here = self.side[at](features)
            if above is not None:
                here = here + functional.interpolate(above, size=here.shape[2:])
            above = self.mix[at](here)
            made.append(self.out(above))
        return made[::-1]


def _thin(into: int, out: int, step: int = 1) -> list[nn.Module]:
    """A depthwise 5x5 and a pointwise convolution (Howard et al. 2017)."""
    return [_conv(into, into, step, 5, into), _conv(into, out, 1, 1)]


def decoded(grid: Tensor, level: int) -> Tensor:
    """(N, 4, rows, columns): left, top, right, bottom in pixels, from the network's grid."""
    rows, columns = grid.shape[2:]
    x = (torch.arange(columns, device=grid.device) + 0.5) * level
    y = (torch.arange(rows, device=grid.device) + 0.5) * level
    reach = grid[:, 1:].float().clamp(-6, 5).exp() * level
    return torch.stack(
        [x - reach[:, 0], y[:, None] - reach[:, 1], x + reach[:, 2], y[:, None] + reach[:, 3]], 1
    )
