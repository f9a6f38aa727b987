"""Recurrent nodes of an ONNX graph as a module of :mod:`unrolled.nn`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unrolled.aliases import Floats
from unrolled.cells import ACTIVATIONS, Activation, Cell
from unrolled.convert.modules import make_module
from unrolled.errors import InputError
from unrolled.onnx.model import Array, array_of, check_for_onnx, initializers_of, opset_of, place_of, read_model
from unrolled.onnx.node import RecurrentNode, is_recurrent, read_node

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto
    from torch import nn

__all__ = ["from_onnx"]

_ARRANGING = (
    "Cast", "Concat", "Constant", "ConstantOfShape", "Equal", "Expand", "Gather", "Identity", "ReduceSum", "Reshape", "Shape",
    "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze", "Where",
)  # fmt: skip
"""Operators that put outputs and states in order around the recurrent ones."""


def from_onnx(model: ModelProto | bytes | str | PathLike[str], node: str | int | None = None) -> nn.Module:
    """The recurrent layers of an ONNX model as a module with the same parameters.

    Inputs of the graph at run time are arguments of the module: initial states are ``hx``, ``sequence_lens`` are
    ``lengths``.
    ``layout=1`` becomes ``batch_first``. Modules do not support ``clip``, a single ``reverse`` direction, or different
    activation functions in the two directions; :func:`unrolled.onnx.run` does.

    Args:
        model: the model, its bytes, or the path of its file.
        node: the name or index of one node; the rest of the graph is then ignored. Without it the graph must be a stack
            of recurrent nodes, each the input of the next, with no other operators that compute.

    Returns:
        An RNN, LSTM or GRU of :mod:`unrolled.nn`.

    Raises:
        InputError: an operator, attribute or arrangement that modules do not support, named in the message, or weights
            that are not initializers.
        MissingExtraError: the package ``onnx`` is not installed.

    >>> import torch, unrolled
    >>> stack = unrolled.nn.LSTM(3, 4, num_layers=2, bidirectional=True, peepholes=True)
    >>> again = from_onnx(unrolled.convert.to_onnx(stack))
    >>> again
    LSTM(3, 4, num_layers=2, bidirectional=True, peepholes=True)
    >>> x = torch.randn(5, 2, 3)
    >>> torch.equal(again(x)[0], stack(x)[0])
    True
    """
    check_for_onnx("unrolled.convert.from_onnx")
    model = read_model(model)
    graph, opset = model.graph, opset_of(model)
    held = initializers_of(graph)
    held.update(_constants(graph))
    places = _chosen(graph, node)
    nodes = [read_node(graph.node[index], index, opset) for index in places]
    around = _Around(graph, held)
    if node is None:
        around.check_rest(nodes)
        around.check_start(nodes[0])
    for before, after in pairwise(nodes):
        around.check_follows(before, after)
    for each in nodes:
        around.check_states(each, alone=node is not None)
        if each.inputs.get("sequence_lens") != nodes[0].inputs.get("sequence_lens"):
            raise InputError(
                f"{each.place} and {nodes[0].place} have different sequence_lens: take them apart by node="
            )
    forms = [_form(each, held, around.is_summed(each)) for each in nodes]
    first = forms[0]
    for each, form in zip(nodes, forms, strict=True):
        differing = [name for name in _SHARED if getattr(form, name) != getattr(first, name)]
        if differing:
            raise InputError(
                f"{each.place} and {nodes[0].place} differ in {', '.join(differing)}: take them apart by node="
            )
    options: dict[str, Any] = {
        "batch_first": first.batch_first != (node is None and around.starts_transposed(nodes[0]))
    }
    if first.summed:
        options["merge"] = "sum"
    return make_module(
        _with_short_constants(nodes[0].cells[0]),
        [parameters for form in forms for parameters in form.parameters],
        bias=first.bias,
        bidirectional=first.directions == 2,
        options=options,
    )


class _Form(NamedTuple):
    """What a node computes."""

    parameters: list[dict[str, Floats]]
    """Of each direction."""
    equation: str
    directions: int
    hidden_size: int
    bias: bool
    batch_first: bool
    summed: bool
    dtype: str


_SHARED = ("equation", "directions", "hidden_size", "bias", "batch_first", "summed", "dtype")


def _constants(graph: GraphProto) -> dict[str, Array]:
    """The values of Constant nodes that hold a tensor."""
    values: dict[str, Array] = {}
    for index, node in enumerate(graph.node):
        if node.op_type == "Constant" and len(node.attribute) == 1 and node.attribute[0].name == "value":
            values[node.output[0]] = array_of(node.attribute[0].t, place_of(node, index))
    return values


def _chosen(graph: GraphProto, node: str | int | None) -> list[int]:
    """The indices of the recurrent nodes asked for."""
    if isinstance(node, str):
        found = [index for index, each in enumerate(graph.node) if each.name == node]
        if not found:
            raise InputError(f"the graph has no node named {node!r}")
        return found[:1]
    if node is not None:
        if not 0 <= node < len(graph.node):
            raise InputError(f"the graph has nodes 0 to {len(graph.node) - 1}, not {node}")
        return [node]
    found = [index for index, each in enumerate(graph.node) if is_recurrent(each)]
    if not found:
        raise InputError("the graph has no recurrent nodes")
    return found


class _Around:
    """Where inputs of recurrent nodes come from, and where outputs go."""

    def __init__(self, graph: GraphProto, held: dict[str, Array]) -> None:
        self._graph, self._held = graph, held
        self._producers = {output: node for node in graph.node for output in node.output if output}
        self._sizes = {
            value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
            for value in graph.value_info
            if len(value.type.tensor_type.shape.dim) == 4
        }

    def check_rest(self, nodes: Sequence[RecurrentNode]) -> None:
        """Refuse a graph in which other nodes compute."""
        for index, node in enumerate(self._graph.node):
            known = is_recurrent(node) or node.op_type in _ARRANGING
            if node.op_type == "ReduceSum":
                known = any(self._sums_directions(node, each) for each in nodes)
            if not known:
                raise InputError(
                    f"{place_of(node, index)} is no part of a recurrent layer: name one of the recurrent nodes by node="
                )

    def is_summed(self, node: RecurrentNode) -> bool:
        """Whether the two directions of a node are added up."""
        return len(node.cells) == 2 and any(self._sums_directions(each, node) for each in self._graph.node)

    def starts_transposed(self, node: RecurrentNode) -> bool:
        """Whether steps and sequences of the graph's input are exchanged for a node."""
        return len(self._transposes(node)) % 2 == 1

    def check_start(self, node: RecurrentNode) -> None:
        """Refuse a first node that runs over anything but the graph's input, in its order or time and batch exchanged."""
        transposes = self._transposes(node)
        first = transposes[-1].input[0] if transposes else node.inputs["X"]
        producer = self._producers.get(first)
        if producer is not None or first in self._held:
            found = "a constant" if producer is None or first in self._held else f"made by {producer.op_type}"
            raise InputError(
                f"{node.place}: its X is {found}, expected the graph's input, as it is or with its first two axes"
                " exchanged: take the node by node="
            )

    def _transposes(self, node: RecurrentNode) -> list[NodeProto]:
        """The nodes that exchange the first two axes before a node, the last one first."""
        found: list[NodeProto] = []
        producer = self._producers.get(node.inputs["X"])
        while producer is not None and _attribute(producer, "perm") == [1, 0, 2] and producer not in found:
            found.append(producer)
            producer = self._producers.get(producer.input[0])
        return found

    def check_states(self, node: RecurrentNode, *, alone: bool) -> None:
        """Refuse a node that starts from constants other than zero or, unless ``alone``, from what the graph computes."""
        for name in ("initial_h", "initial_c"):
            origins = self._origins(node.inputs[name]) if name in node.inputs else set[str]()
            if "constant" in origins:
                raise InputError(f"{node.place}: {name} is a constant: modules are given it as hx, or learn it")
            if "computed" in origins and not alone:
                raise InputError(
                    f"{node.place}: {name} is computed by the graph: take the nodes apart by node=, and give it as hx"
                )

    def _origins(self, name: str) -> set[str]:
        """What a value is made of by putting in order: inputs of the graph, zeros, constants, or what other nodes compute."""
        if name in self._held:
            return {"constant" if self._held[name].any() else "zero"}
        node = self._producers.get(name)
        if node is None:
            return {"given"}
        if node.op_type == "ConstantOfShape":
            from onnx.numpy_helper import to_array

            return {"constant" if any(to_array(each.t).any() for each in node.attribute) else "zero"}
        if node.op_type not in _ARRANGING:
            return {"computed"}
        sources = node.input if node.op_type in ("Concat", "Where") else node.input[:1]
        return {origin for source in sources for origin in self._origins(source)}

    def check_follows(self, before: RecurrentNode, after: RecurrentNode) -> None:
        """Refuse a node whose input is anything but the outputs of the one before, directions side by side or added."""
        node = self._producers.get(after.inputs["X"])
        directions = 2 if before.batch_first else 1  # the axis of Y that tells them apart
        merged = False
        if node is not None and node.op_type == "Squeeze":
            merged = len(before.cells) == 1 and self._axes(node) == [directions]
        elif node is not None and node.op_type == "ReduceSum":
            merged = self._sums_directions(node, before)
        elif node is not None and node.op_type == "Reshape":
            merged = self._joins(node, before)
            if not before.batch_first:
                node = self._producers.get(node.input[0])
                merged = merged and node is not None and _attribute(node, "perm") == [0, 2, 1, 3]
        if (
            node is None
            or not merged
            or node.input[0] != before.outputs.get("Y")
            or before.batch_first != after.batch_first
        ):
            raise InputError(
                f"{after.place}: its X is not Y of {before.place} with the directions joined: take the nodes apart by node="
            )

    def _joins(self, node: NodeProto, before: RecurrentNode) -> bool:
        """Whether a Reshape puts the last two axes together."""
        shape = self._held.get(node.input[1]) if len(node.input) == 2 else None
        if shape is None or shape.shape != (3,):
            return False
        units = len(before.cells) * self._held[before.inputs["R"]].shape[2] if before.inputs["R"] in self._held else -1
        *outer, last = (int(size) for size in shape)
        sizes = self._sizes.get(before.outputs.get("Y", ""), [0] * 4)  # as the graph says, 0 where open
        expected = sizes[:2] if before.batch_first else sizes[:3:2]
        copies = not _attribute(node, "allowzero")  # of an axis with 0
        kept = [(given == 0 and copies) or given == size > 0 for given, size in zip(outer, expected, strict=True)]
        return last in (-1, units) and (all(kept) or (any(kept) and -1 in outer and last == units > 0))

    def _sums_directions(self, node: NodeProto, before: RecurrentNode) -> bool:
        """Whether a node adds up the directions of another one's ``Y``."""
        axis = 2 if before.batch_first else 1
        return (
            node.op_type == "ReduceSum"
            and node.input[0] == before.outputs.get("Y")
            and self._axes(node) == [axis]
            and _attribute(node, "keepdims") == 0
        )

    def _axes(self, node: NodeProto) -> list[int] | None:
        """The axes of a node, an attribute before version 13 and an input since."""
        if len(node.input) > 1:
            axes = self._held.get(node.input[1])
            return None if axes is None else axes.ravel().tolist()
        return _attribute(node, "axes")


def _attribute(node: NodeProto, name: str) -> Any:
    from onnx.helper import get_attribute_value

    for attribute in node.attribute:
        if attribute.name == name:
            value = get_attribute_value(attribute)
            return value if isinstance(value, int) else list(value)
    return None


def _with_short_constants(cell: Cell) -> Cell:
    """Without the digits that float32 added to constants: 0.3 rather than 0.30000001192092896."""

    def short(activation: Activation) -> Activation:
        function = ACTIVATIONS[activation.name]
        alpha, beta = (float(str(np.float32(constant))) for constant in activation.constants)
        return Activation(
            activation.name, None if function.alpha is None else alpha, None if function.beta is None else beta
        )

    return cell.with_activations(*map(short, cell.activations))


def _form(node: RecurrentNode, held: dict[str, Array], summed: bool) -> _Form:
    """The parameters of a node, after it is clear that a module can hold it."""
    first = node.cells[0]
    if node.reverse == (True,):
        raise InputError(f"{node.place}: direction: no module is reverse only; unrolled.onnx.run is")
    if first.clip is not None:
        raise InputError(f"{node.place}: clip: modules have none; unrolled.onnx.run has")
    if len(node.cells) == 2 and first.spec != node.cells[1].spec:
        raise InputError(f"{node.place}: activations: the two directions differ, those of a module do not")
    for name in ("W", "R", "B", "P"):
        if name in node.inputs and node.inputs[name] not in held:
            raise InputError(f"{node.place}: {name} is no initializer of the graph")
    if node.inputs.get("sequence_lens") in held:
        raise InputError(f"{node.place}: sequence_lens is a constant: modules are given lengths in a call")
    arrays: dict[str, Any] = {n: held[node.inputs[n]] if n in node.inputs else None for n in ("W", "R", "B", "P")}
    W, R, D, G = arrays["W"], arrays["R"], len(node.cells), len(node.operator.gates)
    for name, array in (("W", W), ("R", R)):
        if array.ndim != 3 or not array.size:
            raise InputError(
                f"{node.place}: {name} has shape {array.shape}, expected three dimensions, each at least 1"
            )
    dtype: str = R.dtype.name
    if dtype not in ("float32", "float64"):
        raise InputError(f"{node.place}: R has type {dtype}, the kernels compute in float32 and float64")
    H = R.shape[-1]
    shapes = {"W": (D, G * H, W.shape[-1]), "R": (D, G * H, H), "B": (D, 2 * G * H), "P": (D, 3 * H)}
    for name, array in arrays.items():
        if array is not None and (array.shape != shapes[name] or array.dtype != R.dtype):
            raise InputError(f"{node.place}: {name} is {array.dtype} {array.shape}, expected {R.dtype} {shapes[name]}")
    if node.hidden_size not in (None, H):
        raise InputError(f"{node.place}: hidden_size is {node.hidden_size}, but R has shape {R.shape}: {H} units")
    return _Form(
        [node.parameters(W, R, arrays["B"], arrays["P"], d) for d in range(D)],
        first.spec,
        D,
        H,
        "B" in node.inputs,
        node.batch_first,
        summed,
        dtype,
    )
