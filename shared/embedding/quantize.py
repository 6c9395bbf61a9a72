"""A graph with its large products in 8-bit integers. Only what prepares a model imports this.

ONNX Runtime's own dynamic quantization has one scale for a whole batch: a text's vector then depends on its neighbours,
and one outlier costs all of them precision. Here each token has a scale of its own, and outliers that sit in the same
channels of every token are moved into the weights beforehand (SmoothQuant: Xiao et al., 2023, equation 4). The few
channels that are far out all the same stay in floats (as in LLM.int8(): Dettmers et al., 2022, section 3.2).
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto
from onnx.helper import make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array, to_array

Floats = npt.NDArray[np.float32]

_LARGEST_INPUT: Final = 127
_ZERO: Final = 128  # the kernels want inputs without and weights with a sign
# Seven bits: of eight, the sum of two products does not fit the 16 bits that processors without VNNI add them up in.
_LARGEST_WEIGHT: Final = 63
_CHANNELS_PER_OUTLIER: Final = 48  # two in a hundred stay in floats: a tenth slower, with half of the error
_TINY: Final = 1e-9
_DOMAIN: Final = "com.microsoft"
_RIGHT: Final = ("weights", "weights_scale", "weights_zero")


def products(model: ModelProto) -> list[NodeProto]:
    """The products with weights, where nearly all of the time is spent."""
    weights = {weight.name for weight in model.graph.initializer if len(weight.dims) == 2}  # noqa: PLR2004 - matrices
    return [node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in weights]


def with_inputs_shown(model: ModelProto) -> tuple[ModelProto, list[str]]:
    """A copy whose outputs are what goes into the products, and their names."""
    names = sorted({node.input[0] for node in products(model)})
    shown = ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(make_tensor_value_info(name, 1, None) for name in names)
    return shown, names


def quantized(model: ModelProto, peaks: Mapping[str, Floats]) -> ModelProto:
    """A copy with its products in integers; `peaks` has the largest magnitude in each channel of each one's input."""
    made = ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    weights = {weight.name: to_array(weight) for weight in graph.initializer}
    sources = {node.output[0]: node.input[0] for node in products(made)}
    waiting: dict[str, list[NodeProto]] = {}
    for node in products(made):
        waiting.setdefault(node.input[0], []).append(node)
    nodes: list[NodeProto] = []
    for node in graph.node:
        source = sources.get(node.output[0])
        if source is None:
            nodes.append(node)
        elif source in waiting:  # all that have this input at once, such as queries, keys and values
            together = waiting.pop(source)
            parts = [weights[product.input[1]] for product in together]
            graph.initializer.extend(_constants(source, parts, peaks[source]))
            nodes.extend(_product(source, [product.output[0] for product in together]))
    _replace(made, nodes)
    return made


def _constants(source: str, weights: list[Floats], peaks: Floats) -> Iterator[TensorProto]:
    """The weights as integers, with a scale for each of their columns, what smooths their input, and the outliers."""
    weight = np.concatenate(weights, axis=1)
    heaviest = np.abs(weight).max(axis=1)
    # So much of each channel is moved into the weights that both have to be rounded equally coarsely.
    smoothing = np.sqrt(np.maximum(peaks, _TINY) / np.maximum(heaviest, _TINY)).astype(np.float32)
    # What is smoothed is as large as the root of this, in the input as in the weights.
    outliers = np.sort(np.argsort(peaks * heaviest)[-max(1, len(peaks) // _CHANNELS_PER_OUTLIER) :])
    yield from_array(outliers, f"{source}/outliers")
    yield from_array(weight[outliers], f"{source}/outlier_weights")
    shrinking = 1 / smoothing
    shrinking[outliers] = 0
    weight = weight * smoothing[:, None]
    weight[outliers] = 0
    scale = np.maximum(np.abs(weight).max(axis=0) / _LARGEST_WEIGHT, _TINY).astype(np.float32)
    yield from_array(shrinking, f"{source}/smoothing")
    yield from_array(np.rint(weight / scale).astype(np.int8), f"{source}/weights")
    yield from_array(scale, f"{source}/weights_scale")
    yield from_array(np.zeros(len(scale), np.int8), f"{source}/weights_zero")
    yield from_array(np.array([part.shape[1] for part in weights], np.int64), f"{source}/widths")


def _product(source: str, outputs: list[str]) -> Iterator[NodeProto]:
    """Each token's channels to integers by the largest of them, times the weights, and back; and the outliers'."""
    yield make_node("Mul", [source, f"{source}/smoothing"], [f"{source}/smooth"])
    yield make_node("Abs", [f"{source}/smooth"], [f"{source}/magnitudes"])
    yield make_node("ReduceMax", [f"{source}/magnitudes"], [f"{source}/scale"], axes=[-1], keepdims=1)
    # Where all are zero, this is not a number, which becomes some integer, and zero again in the end.
    yield make_node("Div", [f"{source}/smooth", f"{source}/scale"], [f"{source}/unit"])
    yield make_node("QuantizeLinear", [f"{source}/unit", "int8/scale", "int8/zero"], [f"{source}/integers"])
    left, right = (f"{source}/integers", "int8/scale", "int8/zero"), (f"{source}/{part}" for part in _RIGHT)
    operands = [operand for pair in zip(left, right, strict=True) for operand in pair]
    yield make_node("MatMulIntegerToFloat", operands, [f"{source}/product"], domain=_DOMAIN)
    yield make_node("Mul", [f"{source}/product", f"{source}/scale"], [f"{source}/most"])
    yield make_node("Gather", [source, f"{source}/outliers"], [f"{source}/outlying"], axis=-1)
    yield make_node("MatMul", [f"{source}/outlying", f"{source}/outlier_weights"], [f"{source}/rest"])
    if len(outputs) == 1:
        yield make_node("Add", [f"{source}/most", f"{source}/rest"], outputs)
    else:
        yield make_node("Add", [f"{source}/most", f"{source}/rest"], [f"{source}/outputs"])
        yield make_node("Split", [f"{source}/outputs", f"{source}/widths"], outputs, axis=-1)


def _replace(model: ModelProto, nodes: list[NodeProto]) -> None:
    graph = model.graph
    used = {name for node in nodes for name in node.input}
    kept = [weight for weight in graph.initializer if weight.name in used]
    kept.append(from_array(np.array(1 / _LARGEST_INPUT, np.float32), "int8/scale"))
    kept.append(from_array(np.array(_ZERO, np.uint8), "int8/zero"))
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    if all(opset.domain != _DOMAIN for opset in model.opset_import):
        model.opset_import.append(make_opsetid(_DOMAIN, 1))
