"""Reading an ONNX model: its protobuf, the arrays it holds, the version of its operators."""

from __future__ import annotations

from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

__all__ = ["Array", "array_of", "check_for_onnx", "initializers_of", "opset_of", "place_of", "read_model"]

Array = NDArray[np.generic]


def check_for_onnx(feature: str) -> None:
    """Say what to install, where ``onnx`` is missing.

    Raises:
        MissingExtraError: it is not installed.
    """
    if find_spec("onnx") is None:
        raise MissingExtraError(feature, "onnx", "onnx")


def read_model(model: ModelProto | bytes | str | PathLike[str]) -> ModelProto:
    """The model itself, or the one that its bytes or a file hold.

    Raises:
        InputError: no ONNX model, or one that keeps arrays in other files or in a form other than dense.
    """
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    if isinstance(model, ModelProto):
        read = model
    elif not isinstance(model, (bytes, str, PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"model: expected an onnx.ModelProto, its bytes or a path, got {type(model).__name__}")
    else:
        name = "the bytes given" if isinstance(model, bytes) else str(Path(model))
        read = ModelProto()
        try:
            read.ParseFromString(model if isinstance(model, bytes) else Path(model).read_bytes())
        except DecodeError:
            raise InputError(f"{name}: no ONNX model, its protobuf cannot be read") from None
        if not read.HasField("graph") or not read.opset_import:
            raise InputError(f"{name}: no ONNX model, it has no graph or no operator set")
    _check_texts(read, "model")
    for tensor in read.graph.initializer:
        _check_held(tensor, f"initializer {tensor.name!r}")
    if read.graph.sparse_initializer:
        name = read.graph.sparse_initializer[0].values.name
        raise InputError(f"initializer {name!r} is sparse: only dense ones are read")
    return read


def _check_texts(message: Any, place: str) -> None:
    """Raise an InputError if a name in the model is no text: protobuf gives such ones as bytes."""
    for field, value in message.ListFields():
        texts, messages = field.type == field.TYPE_STRING, field.message_type is not None
        if texts or messages:
            single = isinstance(value, str | bytes) or hasattr(value, "ListFields")
            every: Any = (value,) if single else value
            for each in every:
                if messages:
                    _check_texts(each, f"{place}.{field.name}")
                elif not isinstance(each, str):
                    raise InputError(f"{place}.{field.name} is {each[:40]!r}, expected a text in UTF-8")


def _check_held(tensor: TensorProto, what: str) -> None:
    from onnx import TensorProto

    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise InputError(
            f"{what} keeps its data outside the model: load it with onnx.load, which puts the data in, and give the"
            " model itself"
        )


def array_of(tensor: TensorProto, what: str) -> Array:
    """The array that a tensor of a model holds; ``what`` names it in messages.

    Raises:
        InputError: its data lie outside the model, are of no type ONNX has, or do not fill its shape.
    """
    from onnx import TensorProto
    from onnx.numpy_helper import to_array

    _check_held(tensor, what)
    if tensor.data_type not in TensorProto.DataType.values():
        raise InputError(f"{what} has the element type {tensor.data_type}, which ONNX does not know")
    if min(tensor.dims, default=1) < 0:
        raise InputError(f"{what} has shape {tuple(tensor.dims)}, expected no number below 0")
    try:
        return to_array(tensor)
    except (ValueError, TypeError) as error:
        raise InputError(f"{what}: {error}") from None


def initializers_of(graph: GraphProto) -> dict[str, Array]:
    """The arrays a graph holds, by name.

    Raises:
        InputError: the data of one do not fill its shape.
    """
    return {tensor.name: array_of(tensor, f"initializer {tensor.name!r}") for tensor in graph.initializer}


def opset_of(model: ModelProto) -> int:
    """The version of ONNX's own operators in a model.

    Raises:
        InputError: the model imports none.
    """
    for imported in model.opset_import:
        if imported.domain in ("", "ai.onnx"):
            return imported.version
    raise InputError("the model imports no version of ONNX's own operators (opset_import with the domain '')")


def place_of(node: NodeProto, index: int) -> str:
    """A node as messages name it."""
    name = f" {node.name!r}" if node.name else ""
    domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
    return f"node {index} ({domain}{node.op_type}{name})"
