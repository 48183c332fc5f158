"""Picture files as RGB pixels and alpha: every mode and depth, upright, sRGB, over white."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from data.frame import UnreadableError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "AVIF")
LARGEST = 178_956_970  # pixels decoded at once, Pillow's own bomb limit: half a GiB of RGB

logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what is wrong is told in an exception

_ORIENTATION = 0x0112  # Exif 2.32, 4.6.4
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # TIFF 6.0, page 37
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}  # ICC colour space of a mode


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turns whatever a decoder raises into one sentence about `name`, and silences its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except UnreadableError:
            raise
        except Exception as error:  # decoders meet broken bytes with any exception there is
            raise UnreadableError(_sentence(name, error)) from error


def _sentence(name: str, error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"{name} is no picture that can be read, or its head is broken; get it anew"
    if isinstance(error, FileNotFoundError):
        mend = "rename it in UTF-8" if "\ufffd" in name else "put it back"
        return f"{name} is not there; {mend}"
    if isinstance(error, PermissionError):
        return f"{name} may not be read; give yourself the right to"
    return f"{name} is broken or cut off; get it anew"


def open_picture(content: Path | bytes, name: str) -> Image.Image:
    """The picture with its head read and no pixel decoded; the caller closes it."""
    if isinstance(content, Path) and content.is_dir():
        raise UnreadableError(
            f"{name} is a folder that may not be read; give yourself the right to"
        )
    with decoding(name):
        Image.init()  # without it Pillow knows only some of its formats
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # `decode` has its own
        try:
            source = content if isinstance(content, Path) else BytesIO(content)
            return Image.open(source, formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def orientation(image: Image.Image) -> int:
    """1 to 8, as Exif counts; 1 where the Exif is broken."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken Exif is no reason to lose the picture
        return 1
    return value if value in range(1, 9) else 1


def decode(image: Image.Image, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels (H, W, 3) uint8 sRGB, upright, over white; alpha (H, W) uint8, None where opaque.

    Raises UnreadableError before decoding when there are more than LARGEST pixels.
    """
    check_size(image, name)
    with decoding(name):
        turn = orientation(image)
        image.load()
        pixels, alpha = flatten(image, image.info.get("icc_profile"))
    return upright(pixels, turn), None if alpha is None else upright(alpha, turn)


def check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > LARGEST:
        raise UnreadableError(
            f"{name} has {image.width}×{image.height} pixels, over {LARGEST / 1e6:.0f} million; "
            "make it smaller or cut it up"
        )


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, ...) as it was stored to as it is to be seen (Exif 2.32, table 6)."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def flatten(image: Image.Image, profile: bytes | None) -> tuple[np.ndarray, np.ndarray | None]:
    """A decoded picture of any mode as pixels (H, W, 3) uint8 sRGB over white, and its alpha."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = Image.fromarray(_eight_bit(image))
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
    elif image.mode not in _SPACES:
        image = image.convert("L" if image.mode == "1" else "RGB")
    if alpha is None or alpha.getextrema() == (255, 255):
        return np.array(_srgb(image.convert("RGB") if alpha else image, profile)), None
    colours = _srgb(image.convert("RGB"), profile)
    white = Image.new("RGB", image.size, "white")
    return np.array(Image.composite(colours, white, alpha)), np.array(alpha)


def _eight_bit(image: Image.Image) -> np.ndarray:
    """Grey of 16 or 32 bits or floats as (H, W) uint8.

    16 bits go by 257; floats and 32 bits have no agreed white, so the smallest of 1 (floats),
    255 and 65535 that holds the picture is white, and beyond these the picture's brightest.
    """
    values = np.nan_to_num(np.asarray(image), posinf=0, neginf=0)
    if image.mode.startswith("I;16"):
        white = 65535.0
    else:
        brightest = float(values.max())
        steps = [1.0] * (image.mode == "F") + [255.0, 65535.0, brightest]
        white = next(step for step in steps if brightest <= step)
    grey = np.clip(values * np.float32(255 / white) + np.float32(0.5), 0, 255).astype(np.uint8)
    inverted = image.mode.startswith("I;16") and _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO
    return 255 - grey if inverted else grey


def _tag(image: Image.Image, number: int) -> int | None:
    return image.tag_v2.get(number) if hasattr(image, "tag_v2") else None


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB from mode RGB, L or CMYK by the picture's own ICC profile, if it has a usable one."""
    transform = _transform(profile, image.mode) if profile else None
    if transform:
        return ImageCms.applyTransform(image, transform) or image
    return image.convert("RGB")


@lru_cache(maxsize=8)  # books share one profile
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        described = ImageCms.getProfileDescription(source)
        if source.profile.xcolor_space != _SPACES[mode] or (mode == "RGB" and "sRGB" in described):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):  # a broken profile is passed over
        return None
