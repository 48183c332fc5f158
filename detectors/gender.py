"""How a viewer reads a photographed face: a linear model on the upright face's gradients.

It says how a picture is read, not who a person is. Fitted by `toolkit fit gender`; the card is
`weights/gender.md`. Drawn faces are judged by the landmark network.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import as_file, files

import cv2
import numpy as np

from data.face import Gender
from data.landmarks import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE

SURE = 0.7  # of a gender to be told at all
WIDTH, HEIGHT = 64, 80  # pixels of the crop
_EYES = np.array([31.5, 34.0])  # where the middle between the eyes lies on it
_REACH = 24.0  # pixels from there to the mouth


def gender_of(male: float) -> Gender | None:
    """How a viewer reads the face, or None where that is not sure. male: likelihood."""
    if max(male, 1 - male) < SURE:
        return None
    return Gender("male" if male > 0.5 else "female", max(male, 1 - male))


def male_likelihood(pixels: np.ndarray, landmarks: np.ndarray) -> float:
    """0 to 1. pixels: (H, W, 3) uint8 RGB, a photo; landmarks: (68, 2), its pixels."""
    kept = _weights()
    features = (measured(pixels, landmarks) - kept["mean"]) / kept["scale"]
    logit = float((features @ kept["weight"]).mean() + kept["bias"][0])
    return float(1 / (1 + np.exp(-logit * kept["steep"][0])))


def measured(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(2, F) float32 of the face and of its mirror image: histograms of gradients, coarse colours.

    HOG: Dalal & Triggs 2005, 16-pixel blocks, 8-pixel cells, 9 directions.
    """
    left, right = landmarks[LEFT_EYE].mean(0), landmarks[RIGHT_EYE].mean(0)
    middle = (left + right) / 2
    mouth = landmarks[OUTER_LIPS.start : INNER_LIPS.stop].mean(0)
    scale = _REACH / max(float(np.hypot(*(mouth - middle))), 1e-3)
    lean = np.arctan2(*(right - left)[::-1])
    turn = scale * np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    matrix = np.column_stack([turn, _EYES - turn @ middle])
    if scale < 0.5:  # shrunk first, that nothing flickers
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= scale
    crop = cv2.warpAffine(
        pixels, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    hog = cv2.HOGDescriptor((WIDTH, HEIGHT), (16, 16), (8, 8), (8, 8), 9)
    rows = []
    for face in (crop, np.ascontiguousarray(crop[:, ::-1])):
        coarse = cv2.resize(face, (8, 10), interpolation=cv2.INTER_AREA)
        colours = cv2.cvtColor(coarse, cv2.COLOR_RGB2LAB).ravel() / 256
        rows.append(np.r_[np.ravel(hog.compute(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY))), colours])
    return np.array(rows, np.float32)


def fit(
    faces: Iterable[tuple[np.ndarray, np.ndarray, bool]], folds: int = 5
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Weights for `weights/gender.safetensors`, and scores on the faces of folds left out.

    faces: pixels, landmarks as `male_likelihood` takes them, and whether it is a man.
    """
    from sklearn.linear_model import LogisticRegression

    rows, male = [], []
    for pixels, landmarks, man in faces:
        rows.append(measured(pixels, landmarks))
        male.append(man)
    x, y = np.array(rows), np.array(male)
    mean, scale = x.mean((0, 1)), x.std((0, 1)) + 1e-3
    x = (x - mean) / scale
    logits = np.zeros(len(y))
    fold = np.random.default_rng(0).integers(0, folds, len(y))

    def model(chosen: np.ndarray) -> LogisticRegression:
        made = LogisticRegression(C=2e-3, max_iter=400)
        return made.fit(x[chosen].reshape(-1, x.shape[2]), np.repeat(y[chosen], 2))

    for number in range(folds):
        held = fold == number
        made = model(~held)
        logits[held] = (
            made.decision_function(x[held].reshape(-1, x.shape[2])).reshape(-1, 2).mean(1)
        )
    steep = LogisticRegression(fit_intercept=False).fit(logits[:, None], y).coef_[0]  # Platt 1999
    whole = model(np.ones(len(y), bool))
    likely = 1 / (1 + np.exp(-logits * steep[0]))
    told = np.maximum(likely, 1 - likely) >= SURE
    scores = {"faces": float(len(y))}
    for name, here in (("of all", np.ones(len(y), bool)), ("of those told", told)):
        right = [((likely > 0.5) == y)[here & (y == man)].mean() for man in (False, True)]
        scores[f"balanced accuracy {name}"] = float(np.mean(right))
    scores["share told"] = float(told.mean())
    weights = {
        "mean": mean, "scale": scale, "weight": whole.coef_[0], "bias": whole.intercept_,
        "steep": steep,
    }  # fmt: skip
    return {name: value.astype(np.float32) for name, value in weights.items()}, scores


@lru_cache(maxsize=1)
def _weights() -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    with as_file(files("detectors") / "weights" / "gender.safetensors") as path:
        return load_file(path)
