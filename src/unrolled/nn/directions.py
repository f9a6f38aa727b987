"""The directions of a layer one after the other, the second over sequences turned round.

For layers whose directions cannot run in one call: in segments of time, or with inputs of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unrolled.nn.inputs import Inputs, Plan
from unrolled.nn.result import Result
from unrolled.nn.reversal import reversed_rows, turned

__all__ = ["each_direction"]


def each_direction(run: Callable[[Plan, Inputs], Result], plan: Plan, inputs: Inputs) -> Result:
    """What :func:`unrolled.nn.layer.layer` returns, of directions that ``run`` runs forward, one by one."""
    directions, batch_sizes, masks = plan.directions, plan.batch_sizes, plan.masks
    x, h0, c0, weights = inputs
    each = len(weights) // directions
    results: list[Result] = []
    for d in range(directions):
        rows = reversed_rows(batch_sizes, x.shape[1]) if d and batch_sizes is not None else None

        def turn(steps: Tensor, d: int = d, rows: Tensor | None = rows) -> Tensor:
            return turned(steps, rows) if d else steps

        def own(mask: Tensor | None, d: int = d, turn: Callable[[Tensor], Tensor] = turn) -> Tensor | None:
            return None if mask is None else turn(mask.chunk(directions, 2)[d]).contiguous()

        own_masks = masks._replace(
            state=None if masks.state is None else masks.state[d : d + 1].contiguous(),
            candidate=own(masks.candidate), keep_h=own(masks.keep_h), keep_c=own(masks.keep_c),
        )  # fmt: skip
        h, c = (None if s is None else s[d : d + 1] for s in (h0, c0))
        own_weights = weights[d * each : (d + 1) * each]
        result = run(plan._replace(directions=1, masks=own_masks), Inputs(turn(x), h, c, own_weights))
        cells = None if result.cells is None else turn(result.cells)
        results.append(Result(turn(result.y), result.last, cells, [turn(gates) for gates in result.gates]))
    if directions == 1:
        return results[0]
    cells = [r.cells for r in results if r.cells is not None]
    return Result(
        torch.cat([r.y for r in results], 2), [torch.cat(s) for s in zip(*(r.last for r in results), strict=True)],
        torch.cat(cells, 2) if cells else None, [gates for r in results for gates in r.gates],
    )  # fmt: skip
