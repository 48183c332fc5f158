"""The networks' graphs for ONNX Runtime, without weights: `python -m detectors.export`.

To be run when `detectors/networks.py` has changed; needs the package onnx, which using the graphs
does not. Weights stay in the safetensors beside them, under the same names.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from detectors import networks
from detectors.crops import SIDE
from detectors.loading import NETWORKS


class _OfPictures(nn.Module):
    """A network that takes (N, H, W, 3) uint8; centred: by `_Centred`."""

    def __init__(self, network: nn.Module, centred: bool) -> None:
        super().__init__()
        self.network, self.centred = network, centred

    def forward(self, pictures: Tensor, *others: Tensor) -> Tensor:
        pictures = pictures.permute(0, 3, 1, 2)
        return self.network(pictures if self.centred else pictures.float() / 255, *others)


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
    ranged = {k.removesuffix(".range") for k, _ in network.named_buffers() if k.endswith(".range")}
    _folded(network, ranged)
    side = 64 if name == "finder" else SIDE
    inputs = [torch.zeros(2, side, side, 3, dtype=torch.uint8)]
    free = {"pictures": {0: "n", 1: "height", 2: "width"} if name == "finder" else {0: "n"}}
    if name == "gender":
        inputs.append(torch.zeros(2, networks.GenderNet.MEASURES))
        free["measures"] = {0: "n"}
    # Where others are quantised, ONNX Runtime would quantise the first convolution too, coarsely.
    centred = _Centred.apply if not ranged else networks.centred
    reading = _OfPictures(network, centred=not ranged)
    with patch("detectors.networks.centred", centred):
        torch.onnx.export(
            reading, tuple(inputs), path, dynamo=False, opset_version=17,
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
            tensor.CopyFrom(_elsewhere(weight, tensor.data_type, tensor.dims))
    nodes = list(model.graph.node)
    for conv in list(nodes):
        if conv.op_type == "Conv" and conv.input[1].removesuffix(".weight") in ranged:
            model.graph.initializer.extend(_quantised(nodes, conv, model.graph.initializer))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def _folded(network: nn.Module, names: set[str]) -> None:
    """Normalisation behind the convolutions named becomes part of them, as `loading` has it."""
    for name in names:
        outer = network.get_submodule(name.rpartition(".")[0])
        if isinstance(outer, nn.Sequential):
            conv, norm = outer[0], outer[1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                outer[0], outer[1] = fuse_conv_bn_eval(conv, norm), nn.Identity()


def _elsewhere(name: str, kind: int, dims: Iterable[int]) -> onnx.TensorProto:
    """A tensor whose values come when the graph is loaded."""
    tensor = onnx.TensorProto(name=name, data_type=kind, dims=dims)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    where = tensor.external_data.add()
    where.key, where.value = "location", "safetensors"
    return tensor


def _quantised(
    nodes: list[onnx.NodeProto], conv: onnx.NodeProto, weights: Iterable[onnx.TensorProto]
) -> list[onnx.TensorProto]:
    """Quantise what enters and leaves a convolution, and its weights; the tensors that takes.

    ONNX Runtime makes one step of it (QDQ format). To be called in the order they run.
    """
    kinds, make = onnx.TensorProto, onnx.helper.make_node
    name = conv.input[1].removesuffix(".weight")
    weight, bias = (next(one for one in weights if one.name == key) for key in conv.input[1:])
    weight.data_type, bias.data_type = kinds.INT8, kinds.INT32
    made = []

    def told(end: str, *given: str, axis: int = 1) -> onnx.NodeProto:
        return make("DequantizeLinear", given, [f"{name}.{end}.told"], axis=axis)

    def rounded(end: str, given: str) -> list[onnx.NodeProto]:
        step, zero, whole = (f"{name}.{end}.{part}" for part in ("step", "zero", "bytes"))
        made.append(_elsewhere(step, kinds.FLOAT, []))
        made.append(_elsewhere(zero, kinds.UINT8, []))
        return [make("QuantizeLinear", [given, step, zero], [whole]), told(end, whole, step, zero)]

    parts = ("weight", "bias")
    made += [_elsewhere(f"{name}.{part}.step", kinds.FLOAT, bias.dims) for part in parts]
    before = [told(part, f"{name}.{part}", f"{name}.{part}.step", axis=0) for part in parts]
    if not conv.input[0].endswith(".leaving.told"):  # else it is quantised already
        before += rounded("entering", conv.input[0])
        conv.input[0] = f"{name}.entering.told"
    conv.input[1:] = [f"{name}.weight.told", f"{name}.bias.told"]
    users = [node for node in nodes if conv.output[0] in node.input]
    last = users[0] if [node.op_type for node in users] == ["Relu"] else conv
    left = last.output[0]
    for node in nodes:
        node.input[:] = [f"{name}.leaving.told" if one == left else one for one in node.input]
    first, behind = nodes.index(conv), nodes.index(last) + 1
    nodes[first:behind] = [*before, *nodes[first:behind], *rounded("leaving", left)]
    return made


if __name__ == "__main__":
    for each in NETWORKS:
        where = Path(__file__).parent / "weights" / f"{each}.onnx"
        export(each, where)
        print(where)
