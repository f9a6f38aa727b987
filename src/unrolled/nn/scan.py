"""A layer as torch's ``scan``, which ``torch.onnx.export`` turns into an ONNX ``Scan``: for cells that ONNX has no node for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unrolled.cells import StepMasks, get_cell
from unrolled.nn.composite import first_states, named_parameters
from unrolled.nn.errors import TensorError
from unrolled.nn.inputs import Inputs, Plan
from unrolled.nn.result import Result

__all__ = ["scanned_layer"]


def scanned_layer(plan: Plan, inputs: Inputs) -> Result:
    """What :func:`unrolled.nn.layer.layer` returns, of sequences in any order.

    ``c0`` and the last state that belongs to it hold all states but ``h``, a QRNN's window too.

    Raises:
        TensorError: there are masks, or this torch has no ``scan``.
    """
    scan = _find_scan()
    cell, directions, lengths, masks = plan[:4]
    # An exported graph has no gradients, and scan cannot look for those of derived tensors.
    x, h0, c0, weights = Inputs.of([None if tensor is None else tensor.detach() for tensor in inputs.tensors])
    if any(mask is not None for mask in masks.tensors):
        raise TensorError("masks are drawn in training only: call eval() before torch.onnx.export")
    described = get_cell(cell)
    T, B = x.shape[:2]
    steps = torch.arange(T)[:, None, None]
    alive = x.new_ones((T, B, 1), dtype=torch.bool) if lengths is None else steps < lengths[None, :, None]
    met = StepMasks(keep=masks.zoneout_c)
    # a step whose output is no state keeps its memory itself
    shares = {"h": masks.zoneout_h, "c": masks.zoneout_c} if described.hands_on_h else {}
    each = len(weights) // directions
    outputs: list[Tensor] = []
    ends: list[list[Tensor]] = []
    for d in range(directions):
        params = named_parameters(described, weights[d * each : (d + 1) * each], x.shape[2])
        # inside scan every size is a symbol: a single number would no longer broadcast from a dimension of its own
        params |= {name: params[name].squeeze(0) for name, shape in described.parameters if shape == ("1",)}
        given = (None if state is None else state[d] for state in (h0, c0))
        states = first_states(described, params, x, *given)

        def step(before: tuple[Any, ...], now: tuple[Any, Any], params: dict[str, Any] = params) -> tuple[Any, Any]:
            x_t, goes_on = now
            h: Any
            h, made, _ = described.step(described, params, x_t, *before, masks=met)
            after: list[Any] = [
                new if not shares.get(name) else shares[name] * old + (1 - shares[name]) * new
                for name, old, new in zip(described.states, before, made, strict=True)
            ]
            h = after[0] if described.hands_on_h else h
            kept = tuple(torch.where(goes_on, new, old) for old, new in zip(before, after, strict=True))
            return kept, torch.where(goes_on, h, torch.zeros_like(h))

        last, y = scan(step, tuple(states.values()), (x, alive), reverse=d == 1)
        outputs.append(y)
        named = dict(zip(described.states, last, strict=True))
        others = [state for name, state in named.items() if name != "h"]
        ends.append(([named["h"]] if "h" in named else []) + ([torch.cat(others, 1)] if others else []))
    return Result(torch.cat(outputs, 2), [torch.stack(state) for state in zip(*ends, strict=True)])


def _find_scan() -> Any:
    try:
        from torch._higher_order_ops.scan import scan  # pyright: ignore  # torch has no public name for it yet
    except ImportError as error:
        raise TensorError("exporting this cell to ONNX needs a torch with scan, 2.8 or later") from error
    return scan
