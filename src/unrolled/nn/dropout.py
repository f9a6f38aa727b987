"""The masks that regularise a layer in training, drawn from a generator: the same seed gives the same masks.

They are drawn for sequences in the order they were given, time first, whatever the lengths are. A layer's come in the order
dropout between layers, input, state, candidate, ``h``, ``c``, ``U`` of each direction, as far as it has them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unrolled.nn.arrangement import Origin
from unrolled.nn.inputs import NO_MASKS, Masks
from unrolled.nn.kind import Kind
from unrolled.nn.options import Settings

__all__ = ["draw", "draw_masks", "draw_steps", "evaluation_masks"]


def draw(shape: tuple[int, ...], probability: float, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """A dropout mask: 0 with a probability, ``1 / (1 - probability)`` elsewhere."""
    keep = like.new_empty(shape).bernoulli_(1 - probability, generator=generator)
    return keep.div_(1 - probability)


def draw_steps(
    width: int, probability: float, x: Tensor, origin: Origin, generator: torch.Generator | None,
) -> Tensor:  # fmt: skip
    """A dropout mask for every step of an input arranged like ``x``, ``[T, B, width]``."""
    T, B = origin.given or (x.shape[0], x.shape[1])
    return _arrange(draw((T, B, width), probability, x.detach(), generator), x, origin)


def _arrange(mask: Tensor, x: Tensor, origin: Origin) -> Tensor:
    if origin.rows is None:
        return mask
    return mask.flatten(0, 1)[origin.rows].view(*x.shape[:2], mask.shape[2])


def draw_masks(
    settings: Settings, cell: Kind, x: Tensor, origin: Origin, directions: int, hidden: int, size: int,
    generator: torch.Generator | None,
) -> tuple[Tensor | None, Masks]:  # fmt: skip
    """The masks of one layer: that of its input, shaped to be multiplied with it, and those of its pass."""
    T, B = origin.given or (x.shape[0], x.shape[1])
    D, H, P = directions, hidden, size
    share_h, share_c = settings.shares(cell)
    on_input = on_state = candidate = keep_h = keep_c = None
    if settings.input_dropout:
        on_input = draw((B, x.shape[2]), settings.input_dropout, x.detach(), generator)
        if origin.rows is not None:
            on_input = on_input[origin.rows % B].view(x.shape)
    if settings.state_dropout:
        on_state = draw((D, B, P), settings.state_dropout, x.detach(), generator)
        if origin.sequences is not None:
            on_state = on_state[:, origin.sequences]
    if settings.recurrent_dropout:
        candidate = draw_steps(D * H, settings.recurrent_dropout, x, origin, generator)
    if share_h:
        keep_h = _arrange(x.new_empty((T, B, D * P)).bernoulli_(share_h, generator=generator), x, origin)
    if share_c:
        keep_c = _arrange(x.new_empty((T, B, D * H)).bernoulli_(share_c, generator=generator), x, origin)
    return on_input, Masks(state=on_state, candidate=candidate, keep_h=keep_h, keep_c=keep_c)


def evaluation_masks(settings: Settings, cell: Kind) -> Masks:
    """Outside training zoneout mixes, and nothing else is left."""
    if not settings.zoneout:
        return NO_MASKS
    share_h, share_c = settings.shares(cell)
    return Masks(zoneout_h=share_h, zoneout_c=share_c)
