"""The networks with their weights: to detect with, and for torch to judge and to learn by."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from data.errors import InputError

if TYPE_CHECKING:
    from torch import nn

N = TypeVar("N", bound="nn.Module")
Run = Callable[..., list[np.ndarray]]
NETWORKS = {
    "finder": "FinderNet",
    "scout": "ScoutNet",
    "landmarks": "LandmarkNet",
    "gender": "GenderNet",
}


def best_device() -> str:
    """The GPU where there is one; torch is asked only on machines with a driver for one."""
    try:
        ctypes.CDLL("libcuda.so.1" if os.name == "posix" else "nvcuda.dll")
    except OSError:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def runner(name: str, device: str) -> Run:
    """A network of NETWORKS to detect with: (N, H, W, 3) uint8 RGB in, its answers out.

    Further inputs are arrays as the network's `forward` takes them; answers are float32. On the
    CPU by ONNX Runtime on one thread, since frames are shared out among processes; elsewhere by
    torch in half precision. Weights are the shipped ones, or those of the folder
    $TOOLKIT_WEIGHTS; raises InputError when they do not fit.
    """
    return _by_onnx(name) if device == "cpu" else by_torch(name, device)


def _by_onnx(name: str) -> Run:
    import onnxruntime
    from safetensors.numpy import load_file

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised
    graph = (files("detectors") / "weights" / f"{name}.onnx").read_bytes()
    with _weights(name) as path:
        whole = load_file(path).items()
        kept = _quantised({k: v.astype(np.float32) for k, v in whole if v.dtype.kind == "f"})
        # What leaves a convolution and enters the next has its range in the graph once.
        kept = {key: value for key, value in kept.items() if key.encode() in graph}
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in kept.values()]
        options.add_external_initializers(list(kept), values)
        session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return lambda *inputs: session.run(None, dict(zip(names, inputs, strict=True)))


def _quantised(kept: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights as the graphs have them: convolutions with a range are quantised to 8 bits.

    Weights by a scale for each output (Jacob et al. 2018), and to 7 bits, since AVX2 adds two
    products in 16. Normalisation becomes part of them.
    """
    made: dict[str, Any] = dict(kept)
    for name in (key.removesuffix(".range") for key in kept if key.endswith(".range")):
        weight, norm = kept[f"{name}.weight"], name[:-1] + "1"
        if f"{norm}.running_var" in kept:
            scale, shift, mean, spread = (
                made.pop(f"{norm}.{part}")
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            gain = scale / np.sqrt(spread + 1e-5)
            weight = weight * gain[:, None, None, None]
            bias = shift - mean * gain
        else:
            bias = kept[f"{name}.bias"]
        ranges = made.pop(f"{name}.range")
        for end, (low, high) in zip(("entering", "leaving"), ranges, strict=True):
            low, high = min(low, 0.0), max(high, 1e-6)
            step = np.float32((high - low) / 255)
            made |= {f"{name}.{end}.step": step, f"{name}.{end}.zero": np.uint8(round(-low / step))}
        step = made[f"{name}.entering.step"]
        steps = np.maximum(np.abs(weight).max((1, 2, 3)) / 63, 1e-12)
        made |= {
            f"{name}.weight": (weight / steps[:, None, None, None]).round().astype(np.int8),
            f"{name}.weight.step": steps,
            f"{name}.bias": (bias / (steps * step)).round().astype(np.int32),
            f"{name}.bias.step": steps * step,
        }
    return {key: np.asarray(value) for key, value in made.items()}


def by_torch(name: str, device: str) -> Run:
    """As `runner`, by torch: half precision where it is not the CPU."""
    import torch

    from detectors import networks

    network = loaded(getattr(networks, NETWORKS[name])(), name).to(device)
    half = device != "cpu"
    network = network.half() if half else network

    def run(*inputs: np.ndarray) -> list[np.ndarray]:
        pictures, *others = (torch.from_numpy(np.ascontiguousarray(one)) for one in inputs)
        with torch.inference_mode():
            pictures = pictures.to(device).permute(0, 3, 1, 2)
            pictures = (pictures.half() if half else pictures.float()) / 255
            answer = network(pictures, *(one.to(pictures) for one in others))
            answer = [answer] if isinstance(answer, torch.Tensor) else answer
            return [part.float().cpu().numpy() for part in answer]

    return run


def loaded(network: N, name: str) -> N:
    """A network in float32 with its weights, as `runner` finds them, to judge or to learn by."""
    import torch
    from safetensors.torch import load_file

    with _weights(name) as path:
        whole = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
        network.load_state_dict(whole)
    _fold(network.eval())
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@contextmanager
def _weights(name: str) -> Iterator[Path]:
    own = Path(os.environ.get("TOOLKIT_WEIGHTS") or os.devnull, f"{name}.safetensors")
    shipped = files("detectors") / "weights" / f"{name}.safetensors"
    try:
        with nullcontext(own) if own.is_file() else as_file(shipped) as path:
            yield path
    except Exception as error:  # ONNX Runtime's errors have no common base
        raise InputError(
            f"the weights {own if own.is_file() else shipped} cannot be used ({error}); "
            "fit them again with toolkit fit, or unset TOOLKIT_WEIGHTS"
        ) from None


def _fold(network: nn.Module) -> None:
    """Normalisation becomes part of the convolutions before it: a quarter less to do."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for part in network.modules():
        if not isinstance(part, nn.Sequential) or len(part) < 2:
            continue
        conv, norm = part[0], part[1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            part[0], part[1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
