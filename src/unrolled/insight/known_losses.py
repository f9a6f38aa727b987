"""Losses of torch modules whose value for the best answer that is always the same is known: others have no yardstick."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled.errors import InputError
from unrolled.insight.ignorance import CLASSES, Learned, of_shares, of_targets

__all__ = ["kind_of", "one_number", "usual_loss", "without_reading"]


def usual_loss(output: Any, y: Any) -> Any:
    """Cross entropy of whole numbers, mean squared error of others, of a module's output or the first of several.

    Raises:
        InputError: the output has no shape that fits the targets.
    """
    from torch.nn import functional as F

    scores = output[0] if isinstance(output, tuple) else output
    if not y.is_floating_point():
        if scores.shape[:-1] == y.shape:
            if int(y.min()) < 0 or int(y.max()) >= scores.shape[-1]:
                raise InputError(
                    f"y holds {int(y.min())} to {int(y.max())}, expected classes from 0 to {scores.shape[-1] - 1}"
                )
            return F.cross_entropy(scores.flatten(0, -2), y.flatten())
    elif scores.shape == y.shape or scores.shape == (*y.shape, 1):
        return F.mse_loss(scores.reshape(y.shape), y)
    kind = "[..., C] scores of classes" if not y.is_floating_point() else "the same shape"
    raise InputError(
        f"the module puts out {list(scores.shape)} for y of shape {list(y.shape)}, expected {kind}: name a function"
        " loss(output, y) with loss='module:function'"
    )


def without_reading(loss: Any, value: float, y: Any) -> Learned | None:
    """A loss beside that of who reads nothing; None of a loss that is not known, is no mean, or weighs its targets.

    Args:
        loss: the function.
        value: what it returned.
        y: the targets.
    """
    from torch import nn
    from torch.nn import functional as F

    if y is None:
        return None
    values = np.asarray(y)
    whole = values.dtype.kind in "biu"
    if loss is usual_loss:
        return of_targets(value, values)
    if isinstance(loss, nn.Module) and (getattr(loss, "reduction", "") != "mean" or _weighs(loss)):
        return None
    if (loss is F.mse_loss or isinstance(loss, nn.MSELoss)) and not whole:
        return of_targets(value, values)
    if (loss is F.cross_entropy or isinstance(loss, nn.CrossEntropyLoss)) and whole:
        ignored = getattr(loss, "ignore_index", -100)
        return of_targets(value, values[values != ignored])
    if loss is F.binary_cross_entropy_with_logits or isinstance(loss, nn.BCEWithLogitsLoss):
        return Learned(value, of_shares(values), CLASSES)
    return None


def one_number(value: Any) -> Any:
    """What a loss returned, checked.

    Raises:
        InputError: it is no tensor of one number that depends on the module.
    """
    import torch

    if not isinstance(value, torch.Tensor):
        raise InputError(f"loss returned {kind_of(value)}, expected a tensor of one number")
    if value.numel() != 1:
        raise InputError(f"loss returned a tensor of shape {list(value.shape)}, expected one number, such as its mean")
    if not value.requires_grad:
        raise InputError(
            "loss returned a number that does not depend on the module's parameters: no gradient reaches them"
        )
    return value.reshape(())


def kind_of(value: Any) -> str:
    """Of what type something is, with its article."""
    name = "None" if value is None else type(value).__name__
    return name if value is None else f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _weighs(loss: Any) -> bool:
    given = (getattr(loss, name, None) for name in ("weight", "pos_weight"))
    return any(each is not None for each in given) or bool(getattr(loss, "label_smoothing", 0.0))
