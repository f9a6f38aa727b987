"""A recurrent node of an ONNX graph, its attributes understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.aliases import Floats
from unrolled.cells import Activation, Cell, get_cell
from unrolled.cells.gates import split, stack
from unrolled.errors import InputError
from unrolled.onnx.activations import read_activations
from unrolled.onnx.model import place_of
from unrolled.onnx.operators import OPERATORS, PEEPHOLES, Form, Operator, name_of, peepholes_of

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["RecurrentNode", "is_recurrent", "read_node"]

_VERSIONS = (7, 14, 22)
"""Those of the three operators that are understood; all of them have the same equations."""
_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@dataclass(frozen=True)
class RecurrentNode:
    """One RNN, GRU or LSTM."""

    place: str
    """What messages call it."""
    form: Form
    cells: tuple[Cell, ...]
    """The cell of each direction, with its activation functions and the clip."""
    reverse: tuple[bool, ...]
    """Whether a direction runs from the last step to the first."""
    batch_first: bool
    hidden_size: int | None
    """As the attribute says."""
    inputs: dict[str, str]
    """The operator's name for an input → the graph's, of those that are there."""
    outputs: dict[str, str]
    """Likewise."""

    @property
    def operator(self) -> Operator:
        """The operator it is of."""
        return OPERATORS[self.form.operator]

    def parameters(self, W: Floats, R: Floats, B: Floats | None, P: Floats | None, direction: int) -> dict[str, Floats]:
        """One direction's parameters as the cell has them.

        Args:
            W, R, B, P: ``[D, G*H, I]``, ``[D, G*H, H]``, ``[D, 2*G*H]``, ``[D, 3*H]``, as the node takes them.
            direction: which of ``D``.
        """
        cell, order, count = self.cells[direction], self.operator.gates, W.shape[1]

        def arranged(stacked: Floats) -> Floats:
            return stack(split(stacked, order, axis=0), cell.gates, axis=0)

        biases = np.zeros(2 * count, W.dtype) if B is None else B[direction]
        parameters = {
            "weight_ih": arranged(W[direction]),
            "weight_hh": arranged(R[direction]),
            "bias_ih": arranged(biases[:count]),
            "bias_hh": arranged(biases[count:]),
        }
        if P is not None:
            parameters["weight_ch"] = stack(split(P[direction], PEEPHOLES), peepholes_of(cell))
        return parameters


def is_recurrent(node: NodeProto) -> bool:
    """Whether a node is one of the three operators."""
    return node.domain in ("", "ai.onnx") and node.op_type in OPERATORS


def read_node(node: NodeProto, index: int, opset: int) -> RecurrentNode:
    """Read a node, or raise an InputError that names what is not supported.

    Args:
        node: a node of a graph.
        index: its place in the graph, for messages.
        opset: version of ONNX's operators.

    Raises:
        InputError: another operator, an unknown version, or an attribute, input or output that is unknown or has an
            impossible value: each by its name.
    """
    place = place_of(node, index)
    if not is_recurrent(node):
        raise InputError(f"{place}: only {', '.join(OPERATORS)} nodes run on the kernels")
    operator = OPERATORS[node.op_type]
    attributes = _attributes(node, place, opset)
    reverse = _DIRECTIONS.get(attributes.get("direction", "forward"))
    if reverse is None:
        raise InputError(
            f"{place}: direction: expected forward, reverse or bidirectional, got {attributes['direction']!r}"
        )
    inputs = _named(node.input, operator.inputs, f"{place}: inputs")
    missing = [name for name in ("X", "W", "R") if name not in inputs]
    if missing:
        raise InputError(f"{place}: the input {missing[0]} is missing")
    form = Form(
        node.op_type,
        linear_before_reset=attributes.get("linear_before_reset", 0) != 0,
        input_forget=bool(_choice(attributes, "input_forget", place)),
        peepholes="P" in inputs,
    )
    try:
        each = _activations(operator, attributes, len(reverse))
        cell = get_cell(name_of(form))
        cells = tuple(cell.with_activations(*own, clip=attributes.get("clip")) for own in each)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    return RecurrentNode(
        place,
        form,
        cells,
        reverse,
        batch_first=bool(_choice(attributes, "layout", place)),
        hidden_size=attributes.get("hidden_size"),
        inputs=inputs,
        outputs=_named(node.output, operator.outputs, f"{place}: outputs"),
    )


def _attributes(node: NodeProto, place: str, opset: int) -> dict[str, Any]:
    """The attributes' values, after their names and types are checked against the operator's version."""
    from onnx import AttributeProto
    from onnx.defs import SchemaError, get_schema
    from onnx.helper import get_attribute_value

    try:
        schema = get_schema(node.op_type, opset, "")
    except SchemaError:
        schema = None
    if schema is None or schema.since_version not in _VERSIONS:
        raise InputError(f"{place}: opset {opset} is not supported: {node.op_type} is known from version 7 to 22")
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        known = schema.attributes.get(attribute.name)
        if known is None:
            raise InputError(
                f"{place}: attribute {attribute.name!r} is not supported: {node.op_type} of version"
                f" {schema.since_version} has {', '.join(sorted(schema.attributes))}"
            )
        expected: str = getattr(known.type, "name")  # noqa: B009  # its stub has no names
        if attribute.ref_attr_name or AttributeProto.AttributeType.Name(attribute.type) != expected:
            raise InputError(f"{place}: attribute {attribute.name!r} is not of the type {expected}")
        value = get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        elif attribute.name == "activations":
            value = [name.decode(errors="replace") for name in value]
        values[attribute.name] = value
    return values


def _choice(attributes: dict[str, Any], name: str, place: str) -> int:
    value = attributes.get(name, 0)
    if value not in (0, 1):
        raise InputError(f"{place}: {name}: expected 0 or 1, got {value}")
    return value


def _activations(operator: Operator, attributes: dict[str, Any], directions: int) -> list[list[Activation]]:
    """The functions of each direction."""
    each = len(operator.activations)
    names = attributes.get("activations", list(operator.activations) * directions)
    if operator is OPERATORS["RNN"] and directions == 1 and [name.lower() for name in names] == ["tanh", "tanh"]:
        names = names[:1]  # the attribute's default has two, whatever the directions
    if len(names) != each * directions:
        raise InputError(f"activations: expected {each} names for each of {directions} direction(s), got {names}")
    alphas, betas = attributes.get("activation_alpha", []), attributes.get("activation_beta", [])
    functions = read_activations(names, alphas, betas)
    return [functions[d * each : (d + 1) * each] for d in range(directions)]


def _named(given: Any, names: tuple[str, ...], what: str) -> dict[str, str]:
    """The operator's names beside the graph's."""
    if len(given) > len(names):
        raise InputError(f"{what}: {len(given)} given, the operator has {', '.join(names)}")
    return {name: value for name, value in zip(names, given, strict=False) if value}
