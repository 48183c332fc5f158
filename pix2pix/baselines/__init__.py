"""The systems that learn from photos and drawings without pairs, by name.

A new one is a module here with NAME, a frozen Settings dataclass, one Translator made of such
settings, and PRESETS of (Settings, Plan) under "tiny", "light" and "paper"; then its name in NAMES.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the names are told without torch, which takes seconds
    from pix2pix.trainer import Plan
    from pix2pix.unpaired import Translator

NAMES = (
    "cyclegan",
    "unit",
    "munit",
    "ugatit",
    "fusiongan",
    "xgan",
    "cartoongan",
    "cartoongan_mask",
    "latent_skip",
    "style_transfer",
)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A system: its class, its settings' class, and its presets by name."""

    system: type[Translator]
    settings: Any
    presets: dict[str, tuple[Any, Plan]]


@cache
def baselines() -> dict[str, Baseline]:
    """All of them, in the order of NAMES."""
    return {name: _baseline(import_module(f"{__name__}.{name}")) for name in NAMES}


def _baseline(module: Any) -> Baseline:
    from pix2pix.unpaired import Translator

    [system] = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Translator)
        and kind.__module__ == module.__name__
    ]
    return Baseline(system, module.Settings, module.PRESETS)
