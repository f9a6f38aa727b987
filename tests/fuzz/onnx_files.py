"""ONNX models of recurrent nodes, changed in their fields or in their bytes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from mutate import TEXTS, Random, damaged_bytes, one_of

import unrolled

NUMBERS = (0, 1, -1, 2, 3, 7, 14, 22, 127, 2**31 - 1, -(2**31))
FLOATS = (0.0, -1.0, 0.5, 1e38, 1e-45, float("nan"), float("inf"))
ACTIVATIONS = ("Tanh", "Relu", "Affine", "HardSigmoid", "Elu", "softplus", "Sine", "")


def good_models() -> list[tuple[bytes, dict[str, np.ndarray[Any, Any]]]]:
    """A graph of each operator, with weights within it or as inputs."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    found: list[tuple[bytes, dict[str, np.ndarray[Any, Any]]]] = []
    for operator, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        for directions, held in ((1, True), (2, True), (2, False)):
            shapes = {
                "X": (4, 2, 3), "W": (directions, gates * 5, 3), "R": (directions, gates * 5, 5),
                "B": (directions, 2 * gates * 5),
            }  # fmt: skip
            arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
            arrays["lengths"] = np.array([4, 2], np.int32)
            inside = ("W", "R", "B") if held else ()
            types = {name: TensorProto.INT32 if name == "lengths" else TensorProto.FLOAT for name in arrays}
            direction = "bidirectional" if directions == 2 else "reverse"
            extra = (
                {"clip": 3.0}
                if held and directions == 1
                else {"activations": ["Tanh"] * directions * max(1, gates - 1)}
            )
            node = helper.make_node(
                operator, list(arrays), ["Y", "Y_h"], "node", hidden_size=5, direction=direction, **extra
            )
            graph = helper.make_graph(
                [node], "graph",
                [helper.make_tensor_value_info(n, types[n], a.shape) for n, a in arrays.items() if n not in inside],
                [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("Y", "Y_h")],
                [numpy_helper.from_array(arrays[name], name) for name in inside],
            )  # fmt: skip
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
            found.append((model.SerializeToString(), {n: a for n, a in arrays.items() if n not in inside}))
    return found


class OnnxFiles:
    """Models that :func:`unrolled.onnx.run` and :func:`unrolled.convert.from_onnx` read."""

    suffix = ".onnx"

    def __init__(self, folder: Path) -> None:
        self._seeds = good_models()

    def check_seeds(self) -> None:
        """Run the good models."""
        for model, inputs in self._seeds:
            unrolled.onnx.run(model, inputs)
        unrolled.convert.from_onnx(self._seeds[1][0])

    def case(self, rng: Random) -> bytes:
        """Fields of the message changed, or its bytes."""
        import onnx

        data = one_of(rng, self._seeds)[0]
        if rng.random() < 0.3:
            return damaged_bytes(rng, data)
        model = onnx.ModelProto.FromString(data)
        for _ in range(int(rng.geometric(0.5))):
            with contextlib.suppress(ValueError):  # no such number of an enumeration: it cannot be written
                _damage_message(rng, model)
        return model.SerializeToString()

    def use(self, case: bytes) -> None:
        """Run it with the inputs of each good model, and make it a module."""
        for inputs in (self._seeds[0][1], self._seeds[2][1]):
            try:
                unrolled.onnx.run(case, inputs)
            except unrolled.InputError:
                continue
        unrolled.convert.from_onnx(case)


def _damage_message(rng: Random, message: Any) -> None:
    """Change one field somewhere in a message: another value, none, twice, or in another order."""
    while True:
        fields = message.ListFields()
        if not fields:
            return
        descriptor, value = one_of(rng, fields)
        repeated = not isinstance(value, str | bytes | int | float) and not hasattr(value, "ListFields")
        if descriptor.message_type is None or (repeated and rng.random() < 0.2):
            break
        message = one_of(rng, value) if repeated else value
    if repeated:
        if rng.random() < 0.3 or not len(value):
            message.ClearField(descriptor.name)
        elif descriptor.message_type is not None:
            value.append(one_of(rng, value)) if rng.random() < 0.5 else value.reverse()
        else:
            _set_item(rng, value, int(rng.integers(len(value))))
    elif rng.random() < 0.2:
        message.ClearField(descriptor.name)
    else:
        setattr(message, descriptor.name, _other(rng, value))


def _set_item(rng: Random, values: Any, n: int) -> None:
    if rng.random() < 0.3:
        values.append(values[n])
    elif rng.random() < 0.3:
        del values[n]
    else:
        values[n] = _other(rng, values[n])


def _other(rng: Random, value: Any) -> Any:
    """A value of the same type."""
    if isinstance(value, bool | int):
        return one_of(rng, NUMBERS)
    if isinstance(value, float):
        return one_of(rng, FLOATS)
    if isinstance(value, str):
        return one_of(rng, TEXTS).encode("utf-8", "replace").decode()
    if value.isalpha() and rng.random() < 0.7:
        return one_of(rng, ACTIVATIONS).encode()
    return damaged_bytes(rng, value)
