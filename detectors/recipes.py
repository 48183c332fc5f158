"""What the shipped networks were taught with: drawn examples, and real ones where they lie."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from data.dataset import Dataset
from data.face import Box, Face
from data.frame import Frame
from data.reading import read_whole
from detectors import sets
from detectors.crops import REACH, sharp_cut, square, turning
from detectors.drawn import DrawnDetector, Found
from detectors.examples import MIDDLES, Examples, about, drawn, glanced, pictured, squares
from detectors.pages import Pages, drawn_pages, laid_out
from detectors.self_teaching import judged, mistakes

UNKNOWN = np.nan
LOST = 0.15  # of the face's size: points so far off are not gone by
# Pictures of a face: zip, folder in it, the face's longer side and its middle's height, shares.
_PORTRAITS = (
    ("anime_faces_256", "", 0.5, 0.55),
    ("anime_faces_tagged_96", "", 0.65, 0.49),
    ("drawn_patches_64", "face", 0.75, 0.5),
)


def landmark_parts(
    count: int,
    seed: int,
    folder: Path | None = None,
    labels: Path | None = None,
    dataset: Dataset | None = None,
) -> list[tuple[Examples, float]]:
    """Examples for the landmark network and each part's share of a batch.

    count: drawn faces. folder: of zips as ../shared/sets holds them. labels: key points labelled
    by eye on faces of those zips. dataset: faces corrected by people, the strongest teacher.
    """
    parts = [(drawn(seed, count), 0.3)]
    if dataset is not None:
        parts.append((pictured(corrected(dataset), seed + 6, 40), 0.3))
    if folder is None:
        return parts
    detector = DrawnDetector(0.0)
    if labels is not None:
        for free, share in ((False, 0.55), (True, 0.25)):
            faces = sets.labelled(labels, folder, free=free)
            parts.append((pictured(faces, seed + 1, 30, looked_at(detector)), share))
        parts.append((pictured(sure(folder, labels, detector), seed + 11, 3), 0.25))
        for male, times, share in ((1.0, 6, 0.03), (0.0, 1, 0.05)):
            read = ((p, told) for p, told in sets.read_by_eye(labels, folder) if told[1] == male)
            parts.append((squares(upright(read, detector, 0.75), seed + 10, times), share))
        parts.append((squares(none_there(labels, folder), seed + 12, 4), 0.06))
    parts.append((pictured(sets.photo_points(folder / "photo_68.zip"), seed + 2, 3), 0.08))
    for under, face, share in (("not_face", 0.0, 0.05), ("face", 1.0, 0.03)):
        patches = sets.pictures(folder / "drawn_patches_64.zip", under)
        known = np.array([face, UNKNOWN, UNKNOWN])
        parts.append((squares(((p, known) for _, p in patches), seed + 3, 1), share))
    parts.append((squares(upright(gendered(folder, False), detector), seed + 5, 5), 0.15))
    parts.append((squares(women(folder), seed + 8, 1), 0.03))
    parts.append((squares(read_photos(folder), seed + 9, 5), 0.06))
    for pages in (portraits(folder, seed + 7), drawn_pages(40_000_000 + seed, 1200)):
        parts.append((mistakes(pages, DrawnDetector(), seed + 7), 0.06))
    return parts


def scout_parts(
    count: int, seed: int, folder: Path | None = None, labels: Path | None = None
) -> list[tuple[Examples, float]]:
    """Examples for the scout and each part's share of a batch; as `landmark_parts`."""
    parts = [(drawn(seed, count, glanced), 0.4)]
    if folder is None:
        return parts
    detector = DrawnDetector(0.0)
    if labels is not None:
        faces = answered(sets.labelled(labels, folder), detector)
        parts.append((pictured(faces, seed + 1, 12, cut=glanced), 0.3))
    photos = sets.photo_points(folder / "photo_68.zip")
    parts.append((pictured(photos, seed + 2, 2, cut=glanced), 0.06))
    for under, face, share in (("not_face", 0.0, 0.06), ("face", 1.0, 0.04)):
        patches = sets.pictures(folder / "drawn_patches_64.zip", under)
        known = np.array([face, UNKNOWN, UNKNOWN])
        parts.append((squares(((p, known) for _, p in patches), seed + 3, 1), share))
    parts.append((judged(frames(folder, seed + 7), detector, seed + 7), 0.3))
    return parts


def frames(folder: Path, seed: int) -> Iterator[np.ndarray]:
    """What detectors are shown: film frames as they are and in parts, pages, photos."""
    rng = np.random.default_rng(seed)
    for _, pixels in sets.pictures(folder / "drawn_scenes.zip"):
        height, width = pixels.shape[:2]
        yield pixels
        for _ in range(2):
            part = rng.uniform(0.4, 0.8)
            high, wide = round(height * part), round(width * part)
            top, left = rng.integers(height - high + 1), rng.integers(width - wide + 1)
            yield np.ascontiguousarray(pixels[top : top + high, left : left + wide][:, ::-1])
    yield from portraits(folder, seed).pixels
    yield from drawn_pages(30_000_000 + seed, 800).pixels
    for number, (_, pixels) in enumerate(sets.pictures(folder / "selfies.zip")):
        if number % 5 == 0:
            yield pixels


def answered(
    pictures: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]], detector: DrawnDetector
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Faces of which some points are known, with all 68 as the detector places them if near."""
    for pixels, points, traits in pictures:
        face = _placed(pixels, points, detector)
        if face is not None:
            points = points.copy()
            points[:68] = face.landmarks
            yield pixels, points, traits


def _placed(pixels: np.ndarray, points: np.ndarray, detector: DrawnDetector) -> Face | None:
    """The face by the detector, if it does not go by the points that are known of it."""
    known = np.isfinite(points[:68]).all(1)
    box = Box.around(points[:68][known])
    [face] = detector.place(pixels, [Found(box, 1.0)])
    off = np.linalg.norm(face.landmarks[known] - points[:68][known], axis=1).mean()
    return face if off < LOST * box.size else None


def looked_at(
    detector: DrawnDetector,
) -> Callable[[np.ndarray, np.ndarray], tuple[float, float, float, float]]:
    """Where the detector looks a second time at faces of which some points are known."""

    def where(pixels: np.ndarray, points: np.ndarray) -> tuple[float, float, float, float]:
        face = _placed(pixels, points, detector)
        return about(pixels, points) if face is None else square(face.landmarks)

    return where


def sure(
    folder: Path, labels: Path, detector: DrawnDetector
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Faces that `labels` tells no points of, with those the detector is sure of.

    What it says of a plain face teaches what to say of it when it is changed (Sohn et al. 2020,
    FixMatch). Half of anime_faces_256 stays apart.
    """
    told = {
        key for key, entry in json.loads(labels.read_text("utf-8")).items() if "points" in entry
    }
    for name, under, inner, middle in _PORTRAITS:
        for file, pixels in sets.pictures(folder / f"{name}.zip", under):
            if f"{name}:{file}" in told or (name == "anime_faces_256" and not _learnt_from(file)):
                continue
            face = filling(pixels, detector, inner, middle)
            if face.score > 0.9 and np.median(face.landmark_scores) > 0.7:
                middles = [face.landmarks[[a, b]].mean(0) for _, a, b in MIDDLES.values()]
                yield pixels, np.vstack([face.landmarks, middles]), np.array([1, UNKNOWN, UNKNOWN])


def none_there(labels: Path, folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What a detector took for faces of the zips and `labels` calls none, and traits."""
    for pixels, (x, y, width, height) in sets.faceless(labels, folder):
        turn = turning(x + width / 2, y + height / 2, max(width, height) * REACH, 0.0)
        yield sharp_cut(pixels, turn), np.array([0, UNKNOWN, UNKNOWN])


def upright(
    pictures: Iterator[tuple[np.ndarray, np.ndarray]], detector: DrawnDetector, inner: float = 0.8
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Faces that fill so much of their pictures, cut as the detector looks at them; traits."""
    for pixels, traits in pictures:
        x, y, side, lean = square(filling(pixels, detector, inner).landmarks)
        yield sharp_cut(pixels, turning(x, y, side * REACH, lean)), traits


def filling(
    pixels: np.ndarray, detector: DrawnDetector, inner: float = 0.8, middle: float = 0.5
) -> Face:
    """The face of a square picture, where its box fills a share of it; middle: of its height."""
    side = pixels.shape[0]
    box = Box(side * (1 - inner) / 2, side * (middle - inner / 2), side * inner, side * inner)
    [face] = detector.place(pixels, [Found(box, 1.0)])
    return face


def portraits(folder: Path, seed: int, count: int = 600) -> Pages:
    """Pages of real portraits among patches without a face, to see what the finder takes for one.

    A portrait of anime_faces_256 holds its face in the middle; box: about there.
    """
    faces = []
    for _, pixels in sets.pictures(folder / "anime_faces_256.zip"):
        side = pixels.shape[0]
        faces.append((pixels, np.array([[side / 4, side * 0.3, side / 2, side / 2, 1.0]])))
    others = [pixels for _, pixels in sets.pictures(folder / "drawn_patches_64.zip", "not_face")]
    return laid_out(faces, others, seed, count)


def women(folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """anime_faces_256.zip: its faces and traits. All are read as women: without them the network
    takes one in twenty for a man's. Half of the pictures stay apart.
    """
    for name, pixels in sets.pictures(folder / "anime_faces_256.zip"):
        if _learnt_from(name):
            side = pixels.shape[0]
            left, top, wide = int(side * 0.12), int(side * 0.17), int(side * 0.76)
            yield pixels[top : top + wide, left : left + wide], np.array([1, 0, UNKNOWN])


def _learnt_from(name: str) -> bool:
    """Of a picture of anime_faces_256.zip; the others are for the generator's scores."""
    return zlib.crc32(name.encode()) % 2 == 0


def gendered(folder: Path, held_out: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """drawn_gender.zip: pictures and traits; a third, by near-duplicate group, is held out."""
    rows = {row["file"]: row for row in sets.rows(folder / "drawn_gender.zip", "labels.csv")}
    told = {"male": 1.0, "female": 0.0, "yes": 1.0, "no": 0.0}
    for name, pixels in sets.pictures(folder / "drawn_gender.zip"):
        row = rows[name]
        group = row["near_duplicate_group"] or name
        if (zlib.crc32(group.encode()) % 3 == 0) == held_out:
            traits = [1, told.get(row["gender"], UNKNOWN), told.get(row["glasses"], UNKNOWN)]
            yield pixels, np.array(traits)


def photographed(folder: Path, held_out: bool) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """photo_gender.zip: pictures, the photo detector's 68 points on them, whether a man's.

    held_out: the fifth that nothing learns from, instead of the others.
    """
    from detectors.photo import PhotoDetector

    detector = PhotoDetector(min_score=0)
    rows = {
        row["file"]: row["gender"] for row in sets.rows(folder / "photo_gender.zip", "gender.csv")
    }
    for name, pixels in sets.pictures(folder / "photo_gender.zip"):
        if (zlib.crc32(name.encode()) % 5 == 0) != held_out:
            continue
        faces = [detector.place(pixels, found) for found in detector.find(pixels)]
        for face in sorted(faces, key=lambda face: -face.score)[:1]:
            yield pixels, face.landmarks, rows[name] == "male"


def read_photos(folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """photo_gender.zip without the fifth held out: upright faces and traits."""
    for pixels, landmarks, man in photographed(folder, held_out=False):
        x, y, side, lean = square(landmarks)
        yield sharp_cut(pixels, turning(x, y, side * REACH, lean)), np.array([1, man, UNKNOWN])


def corrected(dataset: Dataset) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Faces that people labelled: their frame's pixels, 72 points, traits."""
    frame_id, pixels = "", np.zeros((1, 1, 3), np.uint8)
    for record in dataset.faces():
        if record.label is None:
            continue
        if record.frame.frame_id != frame_id:
            frame_id, (pixels, _) = record.frame.frame_id, read_whole(record.frame)
        face = record.face
        points = np.full((72, 2), np.nan, np.float32)
        points[:68] = face.landmarks
        if np.isfinite(points).all(1).sum() < 5:
            continue
        male = UNKNOWN if face.gender is None else float(face.gender.name == "male")
        worn = UNKNOWN if face.glasses is None else float(face.glasses > 0.5)
        # Only the face's surroundings are kept in memory.
        side = int(2 * max(face.box.width, face.box.height)) + 8
        x, y = (int(at) for at in face.box.centre)
        left, top = max(x - side, 0), max(y - side, 0)
        yield (
            pixels[top : y + side, left : x + side],
            points - (left, top),
            np.array([1, male, worn]),
        )


def corrected_photos(dataset: Dataset) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Photographed faces whose 68 points a person has told: pixels around them, (68, 2)."""
    for record in dataset.faces():
        face = record.face
        if record.label is None or face.domain != "photo" or not np.isfinite(face.landmarks).all():
            continue
        pixels, _ = read_whole(record.frame)
        side = int(2 * max(face.box.width, face.box.height)) + 8
        x, y = (int(at) for at in face.box.centre)
        left, top = max(x - side, 0), max(y - side, 0)
        yield (
            pixels[top : y + side, left : x + side],
            face.landmarks - np.array([left, top], np.float32),
        )


def page_parts(
    count: int,
    seed: int,
    faces: list[tuple[np.ndarray, np.ndarray]] | None = None,
    others: list[np.ndarray] | None = None,
) -> list[tuple[Pages, float]]:
    """Pages for the finder and each part's share of a batch.

    count: drawn pages. faces: real pictures with (K, 5) boxes as in `Pages`; others: without.
    """
    parts = [(drawn_pages(10_000_000 + seed, count), 0.6)]
    if faces and others:
        parts.append((laid_out(faces, others, seed, count // 2), 0.4))
    return parts


def real_faces(folder: Path) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    """Real pictures for the finder: with the boxes our landmark network is sure of, and without.

    A face takes its box from the points; where the network doubts it the part counts neither way.
    """
    detector = DrawnDetector(min_score=0.0)
    faces = []
    for name, inner, middle in (("anime_faces_256", 0.5, 0.55), ("drawn_gender", 0.8, 0.5)):
        for _, pixels in sets.pictures(folder / f"{name}.zip"):
            face = filling(pixels, detector, inner, middle)
            sure = float(np.median(face.landmark_scores) > 0.5 and face.score > 0.6)
            box = face.box
            faces.append((pixels, np.array([[box.x, box.y, box.width, box.height, sure]])))
    others = [pixels for _, pixels in sets.pictures(folder / "drawn_patches_64.zip", "not_face")]
    return faces, others


def corrected_boxes(dataset: Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames on which people labelled faces, each with all its faces' boxes."""
    frames: dict[str, tuple[Frame, list[list[float]], bool]] = {}
    for record in dataset.faces():
        frame, boxes, by_person = frames.get(record.frame.frame_id, (record.frame, [], False))
        box = record.face.box
        boxes.append([box.x, box.y, box.width, box.height, 1.0])
        told = by_person or record.label is not None
        frames[record.frame.frame_id] = (frame, boxes, told)
    return [
        (read_whole(frame)[0], np.array(boxes)) for frame, boxes, told in frames.values() if told
    ]
