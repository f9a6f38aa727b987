"""ONNX graphs of recurrent nodes, run on the kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.errors import InputError
from unrolled.onnx.execution import run_node
from unrolled.onnx.model import Array, check_for_onnx, initializers_of, opset_of, read_model
from unrolled.onnx.node import read_node

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from onnx import GraphProto, ModelProto, ValueInfoProto

__all__ = ["run"]


def run(
    model: ModelProto | bytes | str | PathLike[str], inputs: Mapping[str, ArrayLike] | Sequence[ArrayLike]
) -> dict[str, Array]:
    """Run a graph of RNN, GRU and LSTM nodes.

    All attributes of the three operators are supported, in the versions 7, 14 and 22, for float32, float64 and float16,
    which is computed in float32. Values of ``activation_alpha`` and ``activation_beta`` are assigned in order to the
    functions that use one. The last state of a sequence of length 0 is its initial state; the specification leaves this
    open.

    Args:
        model: the model, its bytes, or the path of its file. Nodes may be chained, with ``Y_h`` of one as ``initial_h``
            of the next, for example. Weights are initializers or inputs.
        inputs: the graph's inputs by name or in order; initializers can be left out.

    Returns:
        The graph's outputs by name.

    Raises:
        InputError: another operator, or an attribute, type or shape that does not match, named with its node; or the
            model keeps data in other files.
        MissingExtraError: the package ``onnx`` is not installed.

    A GRU that halves its state at each step, since all its parameters are zero:

    >>> from onnx import TensorProto, helper
    >>> shapes = {"X": (3, 1, 2), "W": (1, 12, 2), "R": (1, 12, 4), "h": (1, 1, 4)}
    >>> graph = helper.make_graph(
    ...     [helper.make_node("GRU", ["X", "W", "R", "", "", "h"], ["Y", "Y_h"], hidden_size=4)],
    ...     "halving",
    ...     [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
    ...     [helper.make_tensor_value_info("Y_h", TensorProto.FLOAT, (1, 1, 4))],
    ... )
    >>> arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    >>> arrays["h"][:] = 1
    >>> run(helper.make_model(graph), arrays)["Y_h"]
    array([[[0.125, 0.125, 0.125, 0.125]]], dtype=float32)
    """
    check_for_onnx("unrolled.onnx")
    model = read_model(model)
    graph, opset = model.graph, opset_of(model)
    nodes = [read_node(node, index, opset) for index, node in enumerate(graph.node)]
    values = _inputs(graph, inputs)
    for node in nodes:
        for name, value in node.inputs.items():
            if value not in values:
                raise InputError(
                    f"{node.place}: its input {name} is {value!r}, which is no input of the graph, no initializer and"
                    " no output of a node before it"
                )
        outputs = run_node(node, {name: values[value] for name, value in node.inputs.items()})
        values.update({value: outputs[name] for name, value in node.outputs.items()})
    unknown = [output.name for output in graph.output if output.name not in values]
    if unknown:
        raise InputError(f"the graph's output {unknown[0]!r} is the output of no node")
    return {output.name: values[output.name] for output in graph.output}


def _inputs(graph: GraphProto, given: Mapping[str, ArrayLike] | Sequence[ArrayLike]) -> dict[str, Array]:
    """All arrays that are there before the first node runs."""
    values = initializers_of(graph)
    declared = {value.name: value for value in graph.input}
    needed = [name for name in declared if name not in values]
    if isinstance(given, Mapping):
        named: Mapping[str, Any] = given
    else:
        if isinstance(given, (str, bytes)) or hasattr(given, "ndim") or not hasattr(given, "__len__"):
            kind = type(given).__name__
            raise InputError(f"inputs: expected arrays by name, or a list of them in the graph's order, got {kind}")
        if len(given) != len(needed):
            raise InputError(f"inputs: expected {len(needed)} ({', '.join(needed)}), got {len(given)}")
        named = dict(zip(needed, given, strict=True))
    for name in named:
        if name not in declared:
            raise InputError(f"inputs: the graph has no input {name!r}, it has {', '.join(declared)}")
    missing = [name for name in needed if name not in named]
    if missing:
        raise InputError(f"inputs: {missing[0]!r} is missing")
    for name, value in named.items():
        try:
            values[name] = np.asarray(value)
        except (ValueError, TypeError, RuntimeError) as error:  # of rows of several lengths, tensors with gradients
            raise InputError(f"inputs: {name!r} cannot be made an array: {error}") from None
        _check_declared(declared[name], values[name])
    return values


def _check_declared(declared: ValueInfoProto, given: Array) -> None:
    """Whether an input is what the graph says it is."""
    from onnx import TensorProto
    from onnx.helper import tensor_dtype_to_np_dtype

    tensor = declared.type.tensor_type
    if tensor.elem_type not in TensorProto.DataType.values():
        raise InputError(
            f"inputs: the graph declares {declared.name!r} with the element type {tensor.elem_type}, which ONNX does not"
            " know"
        )
    if tensor.elem_type and tensor_dtype_to_np_dtype(tensor.elem_type) != given.dtype:
        expected = tensor_dtype_to_np_dtype(tensor.elem_type)
        raise InputError(f"inputs: {declared.name!r} has type {given.dtype}, the graph declares {expected}")
    if tensor.HasField("shape"):
        sizes = [dimension.dim_value for dimension in tensor.shape.dim]  # 0 where the size is open
        fits = len(sizes) == given.ndim and all(n in (0, m) for n, m in zip(sizes, given.shape, strict=True))
        if not fits:
            shown = tuple(size or "?" for size in sizes)
            raise InputError(f"inputs: {declared.name!r} has shape {given.shape}, the graph declares {shown}")
