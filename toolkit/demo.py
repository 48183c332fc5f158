"""A local page where one loads a picture, drags points, picks colours, and sees the cartoon."""

from __future__ import annotations

import json
import os
import re
import secrets
from base64 import b64encode
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from data.condition import Asked
from data.crop import cut
from data.face import Face
from data.landmarks import PARTS
from data.pairs import asked_of
from pix2pix.artist import Artist
from pix2pix.proportions import hex_of, redrawn, shipped

COOKIE = "toolkit_demo"
COLOURS = {"hair": "#b5651d", "eyes": "#3a7bd5", "skin": "#f6dccb"}
GENDERS = {"female": -1.0, "male": 1.0, "not told": 0.0}
SHOWN = 256  # pixels of the picture below the points
LARGEST = 2048  # pixels of a loaded picture's longer side


@dataclass(frozen=True, slots=True)
class Told:
    """What the page's controls say."""

    points: str
    hair: str
    eyes: str
    skin: str
    gender: str
    glasses: bool


class Studio:
    """The page's functions. artist: who draws."""

    def __init__(self, artist: Artist) -> None:
        import detectors
        from detectors.attributes import Describer

        self.artist = artist
        self._detector = detectors.load("auto")
        self._describer = Describer()

    def load(self, pixels: np.ndarray | None, number: int, strength: float) -> tuple[Any, ...]:
        """A picture's face: points, hair, eyes, skin, gender, glasses, cartoon, a sentence.

        pixels: (H, W, 3) uint8 RGB. number: which of its faces, the likeliest first.
        """
        faces = self._faces(pixels) if pixels is not None else []
        if pixels is None or not faces:
            said = "No face was found: this is a mean one." if pixels is not None else ""
            return (*self.mean(), said)
        face = faces[min(number, len(faces)) - 1]
        asked = asked_of([face], self.artist.crop)
        if face.domain == "photo":
            asked = redrawn(asked, *shipped(), strength)
        square = cut(pixels, replace(self.artist.crop, side=SHOWN).matrix(face), SHOWN)
        told = self._told(asked, square)
        sure = f"{len(faces)} faces" if len(faces) > 1 else f"a {face.domain} face"
        return (*self._controls(told), self.draw(told), f"Found {sure}.")

    def mean(self) -> tuple[Any, ...]:
        """The mean drawn face, to begin with."""
        points = torch.from_numpy(shipped()[1].points.astype(np.float32))[None]
        none, zero = torch.full((1, 3), torch.nan), torch.zeros(1)
        asked = Asked(points, torch.ones(1, 68), none, none, none, zero - 1, zero - 1)
        told = self._told(asked, None)
        return (*self._controls(told), self.draw(told))

    def draw(self, told: Told) -> np.ndarray:
        """(S, S, 3) uint8 RGB, enlarged to be looked at."""
        points = torch.tensor(json.loads(told.points)["points"], dtype=torch.float32)[None]
        hair, eyes, skin = (torch.tensor([_rgb(c)]) for c in (told.hair, told.eyes, told.skin))
        gender = torch.tensor([GENDERS[told.gender]])
        glasses = torch.tensor([1.0 if told.glasses else -1.0])
        asked = Asked(points, torch.ones(1, 68), hair, eyes, skin, gender, glasses)
        [picture] = self.artist.draw(asked)
        return cv2.resize(picture, (512, 512), interpolation=cv2.INTER_CUBIC)

    def _faces(self, pixels: np.ndarray) -> list[Face]:
        scale = LARGEST / max(pixels.shape[:2])
        if scale < 1:
            pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        [faces] = self._detector.detect([pixels])
        faces = self._describer.ground(pixels, None, [face for face in faces if face.score >= 0.5])
        faces = self._describer.describe(pixels, faces)
        if scale >= 1:
            return faces
        return [_enlarged(face, 1 / scale) for face in faces]

    def _told(self, asked: Asked, square: np.ndarray | None) -> Told:
        parts = [
            {"name": name, "start": part.start, "stop": part.stop, "closed": closed}
            for name, (part, closed) in PARTS.items()
        ]
        value = {
            "points": asked.points[0].numpy().round(4).tolist(),
            "parts": parts,
            "picture": _data_url(square) if square is not None else None,
        }
        hair, eyes, skin = (_hex(getattr(asked, name)[0], usual) for name, usual in COLOURS.items())
        gender = float(asked.gender[0])
        said = "not told" if abs(gender) < 0.3 else "male" if gender > 0 else "female"
        return Told(json.dumps(value), hair, eyes, skin, said, bool(asked.glasses[0] > 0))

    def _controls(self, told: Told) -> tuple[Any, ...]:
        return told.points, told.hair, told.eyes, told.skin, told.gender, told.glasses


def _enlarged(face: Face, scale: float) -> Face:
    box = face.box
    larger = replace(box, x=box.x * scale, y=box.y * scale, width=box.width * scale,
                     height=box.height * scale)  # fmt: skip
    points = ((face.landmarks + 0.5) * scale - 0.5).astype(np.float32)
    return replace(face, box=larger, landmarks=points, foreground=None)


def _hex(rgb: torch.Tensor, usual: str) -> str:
    return hex_of(rgb.numpy()) if bool(torch.isfinite(rgb).all()) else usual


def _rgb(told: str) -> list[float]:
    """Of "#rrggbb", or "rgba(r, g, b, a)" as browsers' pickers say it."""
    if told.startswith("#"):
        return [int(told[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [float(value) / 255 for value in re.findall(r"[\d.]+", told)[:3]]


def _data_url(pixels: np.ndarray) -> str:
    content = cv2.imencode(".jpg", pixels[..., ::-1])[1].tobytes()
    return f"data:image/jpeg;base64,{b64encode(content).decode()}"


def page(studio: Studio) -> Any:
    """The Gradio page."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read at import
    import gradio as gr

    with gr.Blocks(title="webtoon-face-toolkit", analytics_enabled=False, fill_width=True) as made:
        gr.Markdown(
            "## From key points to a cartoon\n"
            "Load a picture, drag points (with Shift the whole part moves), pick colours."
        )
        with gr.Row():
            with gr.Column():
                picture = gr.Image(label="Picture", type="numpy", height=320)
                with gr.Row():
                    number = gr.Number(1, label="Face", precision=0, minimum=1)
                    strength = gr.Slider(0, 1, 0.8, label="A drawing's proportions (photos)")
                said = gr.Markdown()
            with gr.Column():
                points = gr.HTML(
                    value="",
                    html_template='<div class="points"></div>',
                    js_on_load=files("toolkit").joinpath("demo.js").read_text("utf-8"),
                    elem_id="points",
                )
            with gr.Column():
                cartoon = gr.Image(
                    label="Cartoon", interactive=False, height=420, elem_id="cartoon"
                )
                with gr.Row():
                    hair, eyes, skin = (
                        gr.ColorPicker(usual, label=name.capitalize(), elem_id=name)
                        for name, usual in COLOURS.items()
                    )
                gender = gr.Radio(list(GENDERS), value="female", label="Gender")
                glasses = gr.Checkbox(False, label="Glasses")
        controls = [points, hair, eyes, skin, gender, glasses]

        def draw(*values: Any) -> np.ndarray:
            return studio.draw(Told(*values))

        filled = [*controls, cartoon]
        made.load(studio.mean, None, filled)
        for changed in (picture.input, number.input, strength.release):
            changed(studio.load, [picture, number, strength], [*filled, said])
        for event in (
            points.input,
            hair.input,
            eyes.input,
            skin.input,
            gender.input,
            glasses.input,
        ):
            event(draw, controls, cartoon, show_progress="hidden")
    return made


def serve(checkpoint: Path | None, port: int, secret: str | None = None) -> tuple[Any, str]:
    """A server, not yet running, and the address to open: on loopback, with a secret in it.

    Whoever asks without the secret gets 403. secret: default a new one.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI, Request, Response

    secret = secret or secrets.token_urlsafe(16)
    app = FastAPI()

    @app.middleware("http")
    async def known(request: Request, go_on: Any) -> Response:
        by_address = request.query_params.get("secret", "")
        given = by_address or request.cookies.get(COOKIE, "")
        if not secrets.compare_digest(given.encode(), secret.encode()):
            return Response("open the address that toolkit demo printed", status_code=403)
        answer: Response = await go_on(request)
        if by_address:
            answer.set_cookie(COOKIE, secret, httponly=True, samesite="strict")
        return answer

    gr.mount_gradio_app(app, page(Studio(Artist(checkpoint))), path="/")
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")
    return uvicorn.Server(config), f"http://127.0.0.1:{port}/?secret={secret}"
