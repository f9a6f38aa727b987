"""Modules of :mod:`unrolled.nn` as ONNX graphs of recurrent nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.aliases import Floats
from unrolled.cells import get_cell
from unrolled.cells.gates import split, stack
from unrolled.convert.modules import parameters_of, refuse_options, suffixes_of
from unrolled.errors import InputError
from unrolled.onnx.activations import onnx_activations
from unrolled.onnx.model import Array, check_for_onnx
from unrolled.onnx.operators import OPERATORS, PEEPHOLES, Form, form_of, peepholes_of
from unrolled.version import library_version

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto
    from torch import nn

    from unrolled.nn.stacked import StackedLayers

__all__ = ["to_onnx"]

_OPSET, _IR_VERSION = 17, 8
"""Those of 2022: newer ones have the same recurrent operators, and older programs cannot read them."""
_KNOWN = (
    "merge", "residual", "input_dropout", "state_dropout", "recurrent_dropout", "weight_drop", "initial_state", "start",
    "forget_bias", "chrono", "activations", "checkpoint", "truncate",
)  # fmt: skip
"""Options that ONNX has operators for, and those that make no difference in evaluation."""


def to_onnx(module: nn.Module, *, lengths: bool = False, states: bool = False) -> ModelProto:
    """A module in evaluation mode as an ONNX model, with one recurrent node per layer.

    The graph's inputs are ``input``, shaped as for the module, and on request ``lengths [B]`` of int32, ``h_0`` and
    ``c_0``, each ``[L*D, B, H]``; its outputs are ``output``, ``h_n`` and ``c_n``, as the module returns them. The
    numbers of steps and sequences are variable. Constants of activation functions are float32 in ONNX, whatever the
    parameters are.

    Args:
        module: an RNN, IRNN, LSTM or GRU of :mod:`unrolled.nn`.
        lengths: whether the graph takes lengths.
        states: whether the graph takes initial states.

    Raises:
        InputError: ONNX does not have the module's cell, an activation function or an option; the message says which.
        MissingExtraError: the package ``onnx`` is not installed.

    >>> import unrolled
    >>> model = to_onnx(unrolled.nn.GRU(3, 4, num_layers=2), lengths=True)
    >>> [node.op_type for node in model.graph.node]
    ['GRU', 'Transpose', 'Reshape', 'GRU', 'Transpose', 'Reshape', 'Concat']
    """
    check_for_onnx("unrolled.convert.to_onnx")
    from unrolled.nn.stacked import StackedLayers

    if not isinstance(module, StackedLayers):
        raise InputError(f"to_onnx takes layers of unrolled.nn, got {type(module).__name__}")
    cell = get_cell(module.cell)
    form = form_of(cell)
    if form is None:
        raise InputError(
            f"to_onnx: ONNX has no node for the cell {cell.name} ({cell.title}); torch.onnx.export writes it as a Scan"
        )
    refuse_options(module, "to_onnx: ONNX", _KNOWN)
    return _Exporter(module, form, lengths, states).model()


class _Exporter:
    """A graph that grows layer by layer."""

    def __init__(self, module: StackedLayers, form: Form, lengths: bool, states: bool) -> None:
        self._module, self._form, self._lengths, self._states = module, form, lengths, states
        self._cell = get_cell(module.cell)
        self._kinds = OPERATORS[form.operator].states
        self._nodes: list[NodeProto] = []
        self._arrays: dict[str, Array] = {}

    def model(self) -> ModelProto:
        """The whole model."""
        from onnx import TensorProto, helper
        from onnx.numpy_helper import from_array

        module, D = self._module, 2 if self._module.bidirectional else 1
        number = helper.np_dtype_to_tensor_dtype(parameters_of(module, "_l0")["weight_ih"].dtype)
        batched = ["batch", "steps"] if module.batch_first else ["steps", "batch"]
        x = self._add("Transpose", ["input"], "time_first", perm=[1, 0, 2]) if module.batch_first else "input"
        ends: list[list[str]] = []
        for k in range(module.num_layers):
            y, last = self._layer(k, x)
            x = self._add("Add", [y, x], f"residual_l{k}") if module.settings.residual and k else y
            ends.append(last)
        x = self._add("Transpose", [x], "output", perm=[1, 0, 2]) if module.batch_first else self._renamed(x, "output")
        outputs = [(x, [*batched, module.hidden_size * (1 if module.settings.merge == "sum" else D)])]
        for place, kind in enumerate(self._kinds):
            each, name = [last[place] for last in ends], f"{kind}_n"
            name = self._add("Concat", each, name, axis=0) if len(each) > 1 else self._renamed(each[0], name)
            outputs.append((name, [module.num_layers * D, "batch", module.hidden_size]))
        inputs = [helper.make_tensor_value_info("input", number, [*batched, module.input_size])]
        if self._lengths:
            inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]))
        shape = [module.num_layers * D, "batch", module.hidden_size]
        inputs += [helper.make_tensor_value_info(f"{s}_0", number, shape) for s in self._kinds if self._states]
        graph = helper.make_graph(
            self._nodes,
            type(module).__name__,
            inputs,
            [helper.make_tensor_value_info(name, number, sizes) for name, sizes in outputs],
            [from_array(array, name) for name, array in self._arrays.items()],
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
            producer_name="unrolled",
            producer_version=library_version(),
        )

    def _layer(self, index: int, x: str) -> tuple[str, list[str]]:
        """The nodes of one layer; the names of its output ``[T, B, D*H]`` and its last states ``[D, B, H]``."""
        module, operator, end = self._module, OPERATORS[self._form.operator], f"_l{index}"
        D = 2 if module.bidirectional else 1
        weights = self._weights(suffixes_of(module)[index * D : (index + 1) * D], end)
        first = [self._initial(kind, index, x) for kind in self._kinds]
        by_name = {
            **weights,
            "X": x,
            "sequence_lens": "lengths" if self._lengths else "",
            **{f"initial_{kind}": name for kind, name in zip(self._kinds, first, strict=True)},
        }
        inputs = [by_name.get(name, "") for name in operator.inputs]
        while not inputs[-1]:
            inputs.pop()
        outputs = [f"{name}{end}" for name in operator.outputs]
        self._node(self._form.operator, inputs, outputs, f"layer{end}", **self._attributes(D))
        y, *last = outputs
        if module.settings.merge == "sum":
            y = self._add("ReduceSum", [y, self._numbers("axis_1", 1)], f"summed{end}", keepdims=0)
        else:
            y = self._add("Transpose", [y], f"arranged{end}", perm=[0, 2, 1, 3])
            y = self._add("Reshape", [y, self._numbers("same_same_rest", 0, 0, -1)], f"joined{end}")
        if self._lengths and first[0]:  # of empty sequences the specification says nothing
            last = [self._kept(name, start) for name, start in zip(last, first, strict=True)]
        return y, last

    def _attributes(self, directions: int) -> dict[str, Any]:
        form, operator = self._form, OPERATORS[self._form.operator]
        direction = "bidirectional" if directions == 2 else "forward"
        attributes: dict[str, Any] = {"hidden_size": self._module.hidden_size, "direction": direction}
        if form.operator == "GRU":
            attributes["linear_before_reset"] = int(form.linear_before_reset)
        if form.input_forget:
            attributes["input_forget"] = 1
        names, alphas, betas = onnx_activations(self._cell.activations)
        if names != list(operator.activations):
            attributes["activations"] = names * directions
            for key, values in (("alpha", alphas), ("beta", betas)):
                if values:
                    attributes[f"activation_{key}"] = values * directions
        return attributes

    def _weights(self, suffixes: Sequence[str], end: str) -> dict[str, str]:
        """The names of a node's parameters, stacked over directions with the gates in ONNX's order."""
        cell, order = self._cell, OPERATORS[self._form.operator].gates

        def arranged(blocks: dict[str, Floats], order: tuple[str, ...]) -> Floats:
            """With zeros for gates the cell has not."""
            nothing = np.zeros_like(next(iter(blocks.values())))
            return stack({gate: blocks.get(gate, nothing) for gate in order}, order, axis=0)

        stacked: dict[str, list[Floats]] = {"W": [], "R": [], "B": [], "P": []}
        for suffix in suffixes:
            own = parameters_of(self._module, suffix)
            W, R, Wb, Rb = (
                arranged(split(own[name], cell.gates, axis=0), order)
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            stacked["W"].append(W)
            stacked["R"].append(R)
            if self._module.bias:
                stacked["B"].append(np.concatenate([Wb, Rb]))
            if self._form.peepholes:
                stacked["P"].append(arranged(split(own["weight_ch"], peepholes_of(cell)), PEEPHOLES))
        return {name: self._array(f"{name}{end}", np.stack(each)) for name, each in stacked.items() if each}

    def _initial(self, kind: str, index: int, x: str) -> str:
        """The name of a layer's initial state ``[D, B, H]``; nothing where it is zero."""
        D, H = 2 if self._module.bidirectional else 1, self._module.hidden_size
        end = f"_0_l{index}"
        if self._states:
            if self._module.num_layers == 1:
                return f"{kind}_0"
            bounds = [self._numbers(f"place_{k}", k) for k in (index * D, (index + 1) * D, 0)]
            return self._add("Slice", [f"{kind}_0", *bounds], f"{kind}{end}")
        if self._module.settings.initial_state == "zero":
            return ""
        suffixes = suffixes_of(self._module)[index * D : (index + 1) * D]
        learned = [getattr(self._module, f"{kind}_0{suffix}").detach().numpy()[None] for suffix in suffixes]
        batch = self._add("Shape", [x], f"batch_of_{kind}{end}", start=1, end=2)
        sizes = [self._numbers("directions", D), batch, self._numbers("units", H)]
        shape = self._add("Concat", sizes, f"shape_of_{kind}{end}", axis=0)
        return self._add("Expand", [self._array(f"learned_{kind}{end}", np.stack(learned)), shape], f"{kind}{end}")

    def _kept(self, last: str, first: str) -> str:
        """The last states, and the initial ones of empty sequences."""
        if "empty" not in {node.output[0] for node in self._nodes}:
            none = self._add("Equal", ["lengths", self._array("none", np.array([0], np.int32))], "is_empty")
            self._add("Unsqueeze", [none, self._numbers("axis_1", 1)], "empty")
        return self._add("Where", ["empty", first, last], f"kept_{last}")

    def _array(self, name: str, array: Array) -> str:
        self._arrays[name] = np.ascontiguousarray(array)
        return name

    def _numbers(self, name: str, *numbers: int) -> str:
        return self._array(name, np.array(numbers, np.int64))

    def _renamed(self, output: str, name: str) -> str:
        """Another name for an output that no node takes."""
        for node in self._nodes:
            for place, each in enumerate(node.output):
                if each == output:
                    node.output[place] = name
        return name

    def _add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """A node with one output; returns its name."""
        self._node(operator, inputs, [output], output, **attributes)
        return output

    def _node(self, operator: str, inputs: Sequence[str], outputs: Sequence[str], name: str, **attributes: Any) -> None:
        from onnx import helper

        self._nodes.append(helper.make_node(operator, inputs, outputs, name=name, **attributes))
