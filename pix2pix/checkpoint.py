"""Checkpoints: one safetensors file with weights, optimisers, and the whole configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from data.errors import InputError

FORMAT = "webtoon-face-toolkit checkpoint 1"


def save(path: Path, about: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write whole or not at all. about: plain values, kept as JSON in the file's head."""
    whole = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        save_file(whole, part, metadata={"format": FORMAT, "about": json.dumps(about)})
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.rename(path)
    except SafetensorError as error:
        raise OSError(f"{path} could not be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def load(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What `save` kept. Raises InputError naming the file when it is broken or not ours."""
    try:
        with safe_open(path, "pt") as opened:
            head = opened.metadata() or {}
            if head.get("format") != FORMAT:
                raise InputError(
                    f"{path} is no checkpoint of toolkit train; name one, or the run's folder"
                )
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            about = json.loads(head["about"])
    except FileNotFoundError:
        raise InputError(f"there is no checkpoint {path}; train one with toolkit train") from None
    except (SafetensorError, OSError, json.JSONDecodeError, KeyError) as error:
        raise InputError(
            f"the checkpoint {path} is damaged ({error}); delete it to begin the run anew"
        ) from None
    return about, tensors


def under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin with a prefix, without it."""
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }


def averaged(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What is needed to use a checkpoint: its configuration and averaged weights, float32."""
    about, tensors = load(path)
    weights = under(tensors, "averaged/")
    return about, {
        name: value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
        for name, value in weights.items()
    }
