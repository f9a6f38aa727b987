"""ONNX Runtime: a model of one GRU, LSTM or RNN node; inference only, and no projections, which those nodes have not."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from unrolled.aliases import Floats
from unrolled.bench.case import Case
from unrolled.bench.contender import Task

__all__ = ["OnnxNode"]

GATE_ORDER = {"gru": "zrn", "lstm": "iofg", "rnn": "h"}  # with torch's letters


class OnnxNode:
    """A session on one node, with as many threads as all the others have."""

    name = "onnx"

    def __init__(self, threads: int) -> None:
        self._onnx = import_module("onnx")
        self._runtime = import_module("onnxruntime")
        self.version: str = self._runtime.__version__
        self._threads = threads

    def prepare(self, case: Case, arrays: Mapping[str, Floats]) -> Task | None:
        """See :class:`~unrolled.bench.contender.Contender`."""
        if case.work == "training" or case.sizes.projected:
            return None
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        model = self._model(case, arrays).SerializeToString()
        session = self._runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        x = arrays["x"]
        return Task(lambda: session.run(["Y"], {"X": x})[0], _read)

    def _model(self, case: Case, arrays: Mapping[str, Floats]) -> Any:
        helper, numpy_helper = self._onnx.helper, self._onnx.numpy_helper
        W, R, Wb, Rb = (_reordered(case, arrays[parameter.name]) for parameter in case.described.parameters)
        weights = {"W": W[None], "R": R[None], "B": np.concatenate([Wb, Rb])[None]}
        reset = {"linear_before_reset": 1} if case.cell == "gru" else {}
        node = helper.make_node(
            case.cell.upper(), ["X", *weights], ["Y"], hidden_size=case.sizes.hidden, direction="forward", **reset
        )
        T, B, I, H = case.sizes.steps, case.sizes.batch, case.sizes.inputs, case.sizes.hidden
        number = self._onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            [node],
            case.cell,
            [helper.make_tensor_value_info("X", number, (T, B, I))],
            [helper.make_tensor_value_info("Y", number, (T, 1, B, H))],
            [numpy_helper.from_array(np.ascontiguousarray(w), name) for name, w in weights.items()],
        )
        # a session refuses versions that are newer than itself; these have the three nodes and are old
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def _read(y: Floats) -> dict[str, Floats]:
    return {"y": y[:, 0]}  # its second axis is the direction


def _reordered(case: Case, stacked: Floats) -> Floats:
    """The gates' blocks from torch's order to ONNX's."""
    blocks = dict(zip(case.described.gates, np.split(stacked, len(case.described.gates)), strict=True))
    return np.concatenate([blocks[gate] for gate in GATE_ORDER[case.cell]])
