"""Calls that are nothing but the passes of their layers: sequences of one length, no masks, no other results.

For one row of a small network it takes longer than the kernels to arrange an input, to choose among options and to name what
is returned. So a call that needs none of that is told by a few questions. Any other takes the general way, which also says
what is wrong with a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from unrolled.nn.call import Call, check_tensors, is_plain
from unrolled.nn.inputs import Inputs, Plan
from unrolled.nn.kind import Kind, kind_of
from unrolled.nn.layer import run_checked
from unrolled.nn.stacked import StackedLayers

__all__ = ["plain_call"]

_DTYPES = (torch.float32, torch.float64)


def plain_call(layers: StackedLayers, x: Any, hx: Any) -> tuple[Tensor, Any] | None:
    """What layers without options return for ``x``; None, and nothing done, where the call takes the general way."""
    stored, names, kind = layers._parameters, layers._flat_weights_names, kind_of(layers.cell)  # pyright: ignore
    weights: list[Any] = [stored[name] for name in names if name in stored]
    given = () if hx is None else (hx,) if len(kind.states) == 1 else hx
    if len(weights) < len(names) or type(given) not in (tuple, list) or not is_plain(x, *weights, *given):
        return None
    dtype, shape, first, count = x.dtype, x.shape, layers.batch_first, layers.num_layers
    if len(shape) != 3 or not shape[1 if first else 0] or shape[2] != layers.input_size:
        return None
    if dtype not in _DTYPES or dtype is not weights[0].dtype or x.layout is not torch.strided:
        return None
    y = x.transpose(0, 1) if first else x
    plan, each = _plan(layers.cell, 2 if layers.bidirectional else 1), len(weights) // count
    ends: list[Sequence[Tensor]] = []
    for index in range(count):
        inputs = Inputs(y, None, None, weights[index * each : (index + 1) * each])
        call = check_tensors(plan, inputs)
        if given:
            if not index and not _fit(given, call, count, dtype):
                return None
            inputs = _from(inputs, given, index, plan.directions, kind, count)
        y, *last = run_checked(plan, call, inputs)
        ends.append(last)
    last = ends[0] if count == 1 else [torch.cat(states) for states in zip(*ends, strict=True)]
    return y.transpose(0, 1) if first else y, last[0] if len(last) == 1 else tuple(last)


@lru_cache(maxsize=256)
def _plan(cell: str, directions: int) -> Plan:
    return Plan(cell, directions)


def _fit(given: Sequence[Tensor], call: Call, layers: int, dtype: torch.dtype) -> bool:
    """Whether these are the states of all layers."""
    expected = call.sizes.states
    if len(given) != len(expected):
        return False
    for state, (directions, batch, width) in zip(given, expected, strict=True):
        if state.dtype is not dtype or state.layout is not torch.strided:
            return False
        if state.shape != (layers * directions, batch, width):
            return False
    return True


def _from(inputs: Inputs, given: Sequence[Tensor], index: int, directions: int, kind: Kind, layers: int) -> Inputs:
    """The inputs of a layer that starts from its own of the given states."""
    if layers > 1:
        given = [state[index * directions : (index + 1) * directions] for state in given]
    return inputs._replace(h0=given[0] if kind.hands_on_h else None, c0=given[-1] if kind.memory else None)
