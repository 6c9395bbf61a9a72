"""A graph with its large products in 8-bit integers. Only what prepares a model imports this.

ONNX Runtime's own dynamic quantization has one scale for a whole batch: a text's vector then depends on its neighbours,
and one outlier costs all of them precision. Here each token has a scale of its own, and outliers that sit in the same
channels of every token are moved into the weights beforehand (SmoothQuant: Xiao et al., 2023, equation 4).
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto
from onnx.helper import make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array, to_array

Floats = npt.NDArray[np.float32]

_LARGEST_INPUT: Final = 127
_ZERO: Final = 128  # the kernels want inputs without and weights with a sign
# Seven bits: of eight, the sum of two products does not fit the 16 bits that processors without VNNI add them up in.
_LARGEST_WEIGHT: Final = 63
_TINY: Final = 1e-6


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
    chosen = products(made)
    inputs = {node.input[0] for node in chosen}
    scales = {
        name: _smoothing(peaks[name], [weights[node.input[1]] for node in chosen if node.input[0] == name])
        for name in inputs
    }
    names = {node.name for node in chosen}
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.name not in names:
            nodes.append(node)
            continue
        source, weight = node.input
        if source in inputs:  # only once, though queries, keys and values share theirs
            inputs.remove(source)
            graph.initializer.append(from_array(1 / scales[source], f"{source}_smoothing"))
            nodes.extend(_rounding(source))
        graph.initializer.extend(
            from_array(array, f"{weight}_{part}") for part, array in _parts(weights[weight] * scales[source][:, None])
        )
        nodes.extend(_product(source, weight, node.output[0]))
    _replace(made, nodes, unused={node.input[1] for node in chosen})
    return made


def _smoothing(peaks: Floats, weights: list[Floats]) -> Floats:
    """How much of each channel is moved into the weights: such that both have to be rounded equally coarsely."""
    heaviest = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
    scale: Floats = np.sqrt(np.maximum(peaks, _TINY) / np.maximum(heaviest, _TINY)).astype(np.float32)
    return scale


def _rounding(source: str) -> Iterator[NodeProto]:
    """Each token's channels to integers, by the largest of them."""
    yield make_node("Mul", [source, f"{source}_smoothing"], [f"{source}_smooth"])
    yield make_node("Abs", [f"{source}_smooth"], [f"{source}_magnitudes"])
    yield make_node("ReduceMax", [f"{source}_magnitudes"], [f"{source}_peak"], axes=[-1], keepdims=1)
    yield make_node("Max", [f"{source}_peak", "int8_tiny"], [f"{source}_scale"])
    yield make_node("Div", [f"{source}_smooth", f"{source}_scale"], [f"{source}_unit"])
    yield make_node("QuantizeLinear", [f"{source}_unit", "int8_scale", "int8_zero"], [f"{source}_integers"])


def _parts(weight: Floats) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    """A matrix as integers, with a scale for each of its columns."""
    scale = np.maximum(np.abs(weight).max(axis=0) / _LARGEST_WEIGHT, _TINY).astype(np.float32)
    yield "integers", np.rint(weight / scale).astype(np.int8)
    yield "scale", scale
    yield "zero", np.zeros(len(scale), np.int8)


def _product(source: str, weight: str, output: str) -> Iterator[NodeProto]:
    operands = [f"{source}_integers", f"{weight}_integers", "int8_scale", f"{weight}_scale", "int8_zero"]
    yield make_node("MatMulIntegerToFloat", [*operands, f"{weight}_zero"], [f"{output}_unit"], domain="com.microsoft")
    yield make_node("Mul", [f"{output}_unit", f"{source}_scale"], [output])


def _replace(model: ModelProto, nodes: list[NodeProto], *, unused: set[str]) -> None:
    graph = model.graph
    kept = [weight for weight in graph.initializer if weight.name not in unused]
    kept += [
        from_array(np.array(1 / _LARGEST_INPUT, np.float32), "int8_scale"),
        from_array(np.array(_ZERO, np.uint8), "int8_zero"),
        from_array(np.array(_TINY, np.float32), "int8_tiny"),
    ]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    if all(opset.domain != "com.microsoft" for opset in model.opset_import):
        model.opset_import.append(make_opsetid("com.microsoft", 1))
