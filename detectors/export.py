"""The networks' graphs for ONNX Runtime, without weights: `python -m detectors.export`.

To be run when `detectors/networks.py` has changed; needs the package onnx, which using the graphs
does not. Weights stay in the safetensors beside them, under the same names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import onnx
import torch
from torch import Tensor, nn

from detectors import networks
from detectors.crops import SIDE
from detectors.loading import NETWORKS


class _OfPictures(nn.Module):
    """A network that takes (N, H, W, 3) uint8."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor, *others: Tensor) -> Tensor:
        return self.network(pictures.permute(0, 3, 1, 2), *others)


class _Centred(torch.autograd.Function):
    """`networks.centred` of bytes: one step, where dividing, scaling and shifting were three."""

    @staticmethod
    def forward(_: Any, pictures: Tensor) -> Tensor:
        return (pictures.float() - 128) * (4 / 255)

    @staticmethod
    def symbolic(graph: Any, pictures: Any) -> Any:
        scale = graph.op("Constant", value_t=torch.tensor(4 / 255))
        zero = graph.op("Constant", value_t=torch.tensor(128, dtype=torch.uint8))
        return graph.op("DequantizeLinear", pictures, scale, zero)


def export(name: str, path: Path) -> None:
    """Write the graph of a network of NETWORKS, every weight a name only."""
    network = getattr(networks, NETWORKS[name])().eval()
    side = 64 if name == "finder" else SIDE
    inputs = [torch.zeros(2, side, side, 3, dtype=torch.uint8)]
    free = {"pictures": {0: "n", 1: "height", 2: "width"} if name == "finder" else {0: "n"}}
    if name == "gender":
        inputs.append(torch.zeros(2, networks.GenderNet.MEASURES))
        free["measures"] = {0: "n"}
    with patch("detectors.networks.centred", _Centred.apply):
        torch.onnx.export(
            _OfPictures(network), tuple(inputs), path, dynamo=False, opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
            input_names=list(free), dynamic_axes=free,
        )  # fmt: skip
    model = onnx.load(path)
    kept = network.state_dict()
    for tensor in model.graph.initializer:
        weight = tensor.name.removeprefix("network.")
        if weight in kept:
            for node in model.graph.node:
                node.input[:] = [weight if one == tensor.name else one for one in node.input]
            tensor.name = weight
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            where = tensor.external_data.add()
            where.key, where.value = "location", "safetensors"
    onnx.save(model, path)


if __name__ == "__main__":
    for each in NETWORKS:
        where = Path(__file__).parent / "weights" / f"{each}.onnx"
        export(each, where)
        print(where)
