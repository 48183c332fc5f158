"""Sample strips with truth: the job behind `toolkit draw`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2

from data import formats
from data.dataset import Dataset
from data.drawing.strip import draw_strip
from data.frame import Frame, identify
from data.sources import list_items
from toolkit.exchange import export

FRAMES, TRUTH = "frames", "truth"


def draw(out: Path, count: int, seed: int = 0, width: int = 690, panels: int = 5) -> Iterator[str]:
    """Draw strips into OUT/frames and their truth into OUT/truth; yields each one's name.

    The truth is a dataset, and its faces in every export format beside it. Running it again draws
    only what is missing; the same seed draws the same strips. width: pixels.
    """
    folder = out / FRAMES
    folder.mkdir(parents=True, exist_ok=True)
    dataset = Dataset(out / TRUTH / "faces")
    done = {record.frame.item.path for record in dataset.frames()}
    with dataset.writer({"drawn": 2, "seed": seed, "width": width, "panels": panels}) as writer:
        for number in range(count):
            name = f"strip_{seed:04d}_{number:04d}.png"
            if name in done and (folder / name).is_file():
                continue
            strip = draw_strip(1_000_003 * seed + number, width, panels)
            part = folder / f".{name}"
            _, packed = cv2.imencode(".png", strip.pixels[..., ::-1])
            part.write_bytes(packed.tobytes())
            part.rename(folder / name)
            [item] = list_items([folder / name])
            height, wide = strip.pixels.shape[:2]
            frame = Frame(identify(item.item_id, None, None), item, wide, height)
            writer.add([(frame, strip.faces)])
            yield name
    for name in formats.NAMES:
        ending = {"coco": ".json", "csv": ".csv"}.get(name, "")
        export(dataset, name, out / TRUTH / f"{name}{ending}")
