"""A layer as a node of an ONNX graph: what ``torch.onnx.export`` finds in place of the kernels.

ONNX stacks parameters over directions, ``W [D, G*H, I]``, ``R [D, G*H, H]``, ``B [D, 2*G*H]``, with the gates in an
order of its own, and puts outputs as ``Y [T, D, B, H]``. Source: the operators RNN, GRU and LSTM of the ONNX
specification, version 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unrolled.cells import get_cell
from unrolled.nn.call import is_tracing
from unrolled.nn.errors import TensorError
from unrolled.nn.inputs import NO_MASKS, Inputs, Plan
from unrolled.nn.result import Result
from unrolled.nn.scan import scanned_layer

__all__ = ["is_exporting_to_onnx", "onnx_layer", "refuse_onnx"]

_VERSION = 14

# cell -> operator, the order of its gates there, attributes that make its equation ours
_NODES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "rnn_tanh": ("RNN", "h", {"activations": ["Tanh"]}),
    "rnn_relu": ("RNN", "h", {"activations": ["Relu"]}),
    "rnn_identity": ("RNN", "h", {"activations": ["Affine"], "activation_alpha": [1.0], "activation_beta": [0.0]}),
    "lstm": ("LSTM", "iofg", {}),
    "gru": ("GRU", "zrn", {"linear_before_reset": 1}),
    "gru_reset_before": ("GRU", "zrn", {"linear_before_reset": 0}),
}


def is_exporting_to_onnx() -> bool:
    """Whether the call is made for a graph that ``torch.onnx.export`` builds.

    Raises:
        TensorError: by the exporter that traces a run, which cannot be given nodes.
    """
    tracing = is_tracing()
    if not (tracing or torch.compiler.is_compiling()) or not torch.onnx.is_in_onnx_export():
        return False
    if tracing or not hasattr(torch.onnx, "ops"):
        raise TensorError(
            "this library's layers become ONNX nodes in torch.onnx.export(..., dynamo=True) of torch 2.8 and later only"
        )
    return True


def refuse_onnx() -> None:
    """Say why an ONNX graph cannot hold the operator itself; the exporter would only say that it knows no such one.

    Raises:
        TensorError: a graph is being built for ONNX.
    """
    if torch.onnx.is_in_onnx_export():
        raise TensorError(
            "ONNX has no form of the operator unrolled::layer. Give torch.onnx.export the model itself, not an exported"
            " program; PackedSequences and return_states of an LSTM, which ONNX has not, cannot be exported at all"
        )


def onnx_layer(plan: Plan, inputs: Inputs) -> Result:
    """What :func:`unrolled.nn.layer.layer` returns, of sequences in any order.

    Raises:
        TensorError: no ONNX operator returns the cell states of every step, or gates.
    """
    cell, directions, lengths, masks, cells, gates, _ = plan
    x, h0, c0, weights = inputs
    if gates:
        raise TensorError("return_gates=True: ONNX's recurrent operators do not return gates")
    if cell not in _NODES or masks != NO_MASKS:
        if cells:
            raise TensorError(f"return_states=True: the Scan of {cell} returns no memory but the last")
        return scanned_layer(plan, inputs)
    operator, order, attributes = _NODES[cell]
    own, kinds = get_cell(cell).gates, len(get_cell(cell).states)
    if cells:
        raise TensorError("return_states=True: the LSTM of ONNX returns no cell states but the last")
    T, B, H, each = x.shape[0], x.shape[1], weights[1].shape[1], len(weights) // directions
    places = [own.index(name) for name in order] if len(own) > 1 else [0]

    def stacked(which: Sequence[int]) -> Tensor:
        """Parameters of both directions with the gates in the operator's order, one kind after the other."""
        per_direction = [
            torch.cat([weights[d * each + kind][p * H : (p + 1) * H] for kind in which for p in places])
            for d in range(directions)
        ]
        return torch.stack(per_direction)

    biases = stacked((2, 3)) if each == 4 else None
    sizes = None if lengths is None else lengths.to(torch.int32)
    states = [state for state in (h0, c0) if state is not None]
    operands = (x, stacked((0,)), stacked((1,)), biases, sizes, *states)
    settings: dict[str, Any] = {"hidden_size": H, "direction": "bidirectional" if directions == 2 else "forward"}
    for name, value in attributes.items():  # a list holds one value a direction
        settings[name] = value * directions if isinstance(value, list) else value
    y, *last = torch.onnx.ops.symbolic_multi_out(
        operator, operands, settings, dtypes=(x.dtype,) * (1 + kinds),
        shapes=((T, directions, B, H), *((directions, B, H),) * kinds), version=_VERSION,
    )  # fmt: skip
    if lengths is not None and states:  # of empty sequences the specification says nothing
        empty = (lengths == 0)[:, None]
        last = [torch.where(empty, first, end) for first, end in zip(states, last, strict=True)]
    return Result(y.permute(0, 2, 1, 3).reshape(T, B, directions * H), list(last))
