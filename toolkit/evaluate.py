"""Detections held against truth: the jobs behind `toolkit evaluate`."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from data.crop import cut, inside, square
from data.dataset import Dataset
from data.errors import InputError
from data.face import Face, lab_of
from data.frame import Frame
from data.landmarks import PARTS
from data.reading import read_whole
from data.truth import Known, Picture, read_truth

OVERLAP = 0.3  # intersection over union from which a detection is a face's
FAILED = (0.06, 0.10)  # shares of a face's size from which its points have failed
WORST = 20  # faces shown


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A face that is there and what was found of it; one of them may be missing."""

    kind: str
    frame: Frame
    known: Known | None
    face: Face | None

    @property
    def error(self) -> np.ndarray:
        """(M,) distances of the known points, shares of the known face's size."""
        assert self.known is not None
        assert self.face is not None
        at = self.face.landmarks[self.known.between].mean(1)
        return np.linalg.norm(at - self.known.points, axis=1) / max(self.known.box.size, 1e-6)


def pairs(dataset: Dataset, truth: Path, overlap: float = OVERLAP) -> list[Pair]:
    """Every face asked for and every face found, paired greedily, the likeliest first.

    Hard faces and boxes left alone, and what was found there, are not among them. Frames are
    found by their names. Raises InputError when no frame of the dataset is in the truth.
    """
    known = read_truth(truth)
    found: dict[str, list[Face]] = defaultdict(list)
    for record in dataset.faces():
        found[record.frame.frame_id].append(record.face)
    made: list[Pair] = []
    frames = 0
    for tried in dataset.frames():
        if tried.error is None and (name := _named(tried.frame, known)):
            frames += 1
            made += paired(tried.frame, name, known[name], found[tried.frame.frame_id], overlap)
    if not frames:
        raise InputError(
            f"no frame of {dataset.folder} is told of in {truth}; extract the pictures it names"
        )
    return made


def _named(frame: Frame, known: dict[str, Picture]) -> str | None:
    """The truth's name of a frame: its own, or one that ends alike."""
    if frame.name in known:
        return frame.name
    whole = (PurePosixPath(frame.item.root) / frame.name).as_posix()
    for name in known:
        if whole.endswith("/" + name) or frame.name.endswith("/" + name):
            return name
    return None


def paired(
    frame: Frame, name: str, picture: Picture, faces: list[Face], overlap: float
) -> list[Pair]:
    kind = PurePosixPath(name).parts[0] if "/" in name else "all"
    left = list(picture.faces)
    made = []
    for face in sorted(faces, key=lambda face: -face.score):
        best = max(left, key=lambda one: one.box.overlap(face.box), default=None)
        if best is not None and best.box.overlap(face.box) >= overlap:
            left.remove(best)
            if not best.hard:
                made.append(Pair(kind, frame, best, face))
        elif not any(box.overlap(face.box) >= overlap for box in picture.left_alone):
            made.append(Pair(kind, frame, None, face))
    return made + [Pair(kind, frame, one, None) for one in left if not one.hard]


def by_kind(made: list[Pair]) -> dict[str, list[Pair]]:
    """The pairs of each kind, and under "all" of all."""
    kinds: dict[str, list[Pair]] = defaultdict(list)
    for pair in made:
        kinds[pair.kind].append(pair)
    return {**{kind: kinds[kind] for kind in sorted(kinds) if kind != "all"}, "all": made}


def detections(made: list[Pair], likelihood: float) -> dict[str, Any]:
    """Recall and precision at a likelihood, average precision, calibration; of each kind.

    AP: area under precision over recall, every step counted (Everingham et al. 2015).
    """
    answer: dict[str, Any] = {}
    for kind, here in by_kind(made).items():
        asked = sum(pair.known is not None for pair in here)
        scored = [(pair.face.score, pair.known is not None) for pair in here if pair.face]
        right = sum(hit for score, hit in scored if score >= likelihood)
        told = sum(score >= likelihood for score, _ in scored)
        answer[kind] = {
            "asked": asked,
            "told": told,
            "right": right,
            "recall": right / asked if asked else None,
            "precision": right / told if told else None,
            "AP": _average_precision(scored, asked),
            "calibration": calibration(scored),
        }
    return answer


def _average_precision(scored: list[tuple[float, bool]], asked: int) -> float | None:
    if not asked:
        return None
    hits = np.array([hit for _, hit in sorted(scored, key=lambda one: -one[0])], float)
    if not len(hits):
        return 0.0
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * hits).sum() / asked)


def calibration(scored: list[tuple[float, bool]], bins: int = 10) -> dict[str, Any]:
    """Likelihood told, share right, in bins; and their mean gap (Guo et al. 2017)."""
    table, gap = [], 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        here = [
            one for one in scored if low <= one[0] < high or (number == bins - 1 and one[0] >= 1)
        ]
        if here:
            told, right = (float(np.mean([one[i] for one in here])) for i in (0, 1))
            table.append({"from": low, "told": told, "right": right, "faces": len(here)})
            gap += abs(told - right) * len(here) / len(scored)
    return {"bins": table, "gap": gap}


def landmarks(made: list[Pair]) -> dict[str, Any]:
    """Point errors in shares of the face's size, by kind and part; whether scores foretell them."""
    answer: dict[str, Any] = {}
    for kind, here in by_kind(made).items():
        asked = [pair for pair in here if pair.known is not None and len(pair.known.points)]
        both = [pair for pair in asked if pair.face is not None]
        row: dict[str, Any] = {"asked": len(asked), "found": len(both)}
        if both:
            faces = np.array([pair.error.mean() for pair in both])
            points = np.concatenate([pair.error for pair in both])
            row |= {
                "mean": float(points.mean()),
                "median": float(np.median(points)),
                **{f"over {limit:.0%}": float((faces > limit).mean()) for limit in FAILED},
                "parts": _parts(both),
            }
            if len(both) > 2:
                told = [float(np.median(pair.face.landmark_scores)) for pair in both if pair.face]
                row["rank correlation"] = _ranked(np.array(told), -faces)
        answer[kind] = row
    return answer


def _parts(both: list[Pair]) -> dict[str, float]:
    errors: dict[str, list[float]] = defaultdict(list)
    for pair in both:
        assert pair.known is not None
        for (index, _), error in zip(pair.known.between, pair.error, strict=True):
            part = next(
                name for name, (where, _) in PARTS.items() if where.start <= index < where.stop
            )
            errors[part].append(float(error))
    return {part: float(np.mean(errors[part])) for part in PARTS if part in errors}


def _ranked(one: np.ndarray, other: np.ndarray) -> float | None:
    """Spearman's rank correlation; None where one of them is constant."""
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (one, other)]
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def attributes(made: list[Pair]) -> dict[str, Any]:
    """Names right, distances of colours (CIEDE2000), and who was taken for what."""
    answer: dict[str, Any] = {}
    for kind, here in by_kind(made).items():
        row: dict[str, Any] = {}
        for name in ("hair", "eyes", "skin"):
            told, hits, apart = 0, 0, []
            for pair in here:
                if pair.face is None or pair.known is None:
                    continue
                colours = {"hair": [pair.face.hair], "skin": [pair.face.skin],
                           "eyes": [pair.face.left_eye, pair.face.right_eye]}[name]  # fmt: skip
                wanted = getattr(pair.known, name)
                if wanted:
                    told += 1
                    hits += any(colour is not None and colour.name == wanted for colour in colours)
                if name in pair.known.hexes and colours[0] is not None:
                    apart.append(ciede2000(lab_of(pair.known.hexes[name]), lab_of(colours[0].hex)))
            row[name] = {"asked": told, "right": hits / told if told else None}
            if apart:
                row[name]["ciede2000"] = float(np.median(apart))
        row["gender"] = _confusion(
            [(p.known.gender, p.face.gender.name if p.face.gender else None)
             for p in here if p.known and p.face and p.known.gender]
        )  # fmt: skip
        row["glasses"] = _confusion(
            [("yes" if p.known.glasses else "no", None if p.face.glasses is None else
              "yes" if p.face.glasses > 0.5 else "no")
             for p in here if p.known and p.face and p.known.glasses is not None]
        )  # fmt: skip
        answer[kind] = row
    return answer


def _confusion(said: list[tuple[str, str | None]]) -> dict[str, Any]:
    """Counts of (truth, told); the share told anything; the mean share right of each truth, of
    those told anything and of all, where nothing told is wrong.
    """
    counts = Counter(said)
    shares: dict[bool, list[float]] = {False: [], True: []}
    for truth in {truth for truth, _ in said}:
        for anything in shares:
            asked = sum(
                n
                for (one, other), n in counts.items()
                if one == truth and (other is not None or not anything)
            )
            if asked:
                shares[anything].append(counts[truth, truth] / asked)
    table = {
        f"{truth} told {told or 'nothing'}": n
        for (truth, told), n in sorted(counts.items(), key=str)
    }
    told = sum(n for (_, other), n in counts.items() if other is not None)
    return {
        "counts": table,
        "told": told / len(said) if said else None,
        "balanced accuracy": float(np.mean(shares[True])) if shares[True] else None,
        "balanced accuracy of all": float(np.mean(shares[False])) if shares[False] else None,
    }


def ciede2000(one: np.ndarray, other: np.ndarray) -> float:
    """Distance of two CIELAB colours (Sharma, Wu & Dalal 2005, eqs. 2-22)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    middle = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1 + 0.5 * (1 - np.sqrt(middle / (middle + 25.0**7)))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dl, dc, dh = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    if c1 * c2 == 0:
        hue = h1 + h2
    elif abs(h1 - h2) <= 180:
        hue = (h1 + h2) / 2
    else:
        hue = (h1 + h2 + 360) / 2 if h1 + h2 < 360 else (h1 + h2 - 360) / 2
    t = (1 - 0.17 * _cos(hue - 30) + 0.24 * _cos(2 * hue) + 0.32 * _cos(3 * hue + 6)
         - 0.2 * _cos(4 * hue - 63))  # fmt: skip
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    rc = 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    rt = -np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))) * rc
    return float(np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * dc / sc * dh / sh))


def _cos(degrees: float) -> float:
    return float(np.cos(np.radians(degrees)))


def worst(made: list[Pair], out: Path, side: int = 220) -> Path:
    """The faces with the worst points as a picture: truth white, found pink; returns `out`."""
    both = [p for p in made if p.known is not None and p.face is not None and len(p.known.points)]
    both.sort(key=lambda pair: -float(pair.error.mean()))
    cells = []
    for pair in both[:WORST]:
        assert pair.known is not None
        assert pair.face is not None
        pixels, _ = read_whole(pair.frame)
        box = pair.known.box
        turn = square(*box.centre, 1.7 * max(box.width, box.height), side)
        cell = cut(pixels, turn, side)
        for points, colour in (
            (pair.face.landmarks, (255, 60, 150)),
            (pair.known.points, (255, 255, 255)),
        ):
            for x, y in inside(turn, points):
                cv2.circle(cell, (round(x), round(y)), 2, (20, 20, 20), -1, cv2.LINE_AA)
                cv2.circle(cell, (round(x), round(y)), 1, colour, -1, cv2.LINE_AA)
        words = f"{pair.error.mean():.0%} {pair.frame.item.path[-26:]}"
        cv2.putText(cell, words, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(
            cell, words, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (255, 255, 255), 1, cv2.LINE_AA
        )
        cells.append(cell)
    while not cells or len(cells) % 5:
        cells.append(np.zeros((side, side, 3), np.uint8))
    sheet = np.vstack([np.hstack(cells[start : start + 5]) for start in range(0, len(cells), 5)])
    _, packed = cv2.imencode(".png", sheet[..., ::-1])
    out.write_bytes(packed.tobytes())
    return out


def save(answer: dict[str, Any], what: str, folder: Path) -> Path:
    """Keep an evaluation in FOLDER/evaluation.json beside those of other kinds."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "evaluation.json"
    whole = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    whole[what] = answer
    path.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    return path
