"""The loss whose minimum is a quantile."""

from __future__ import annotations

import torch

__all__ = ["pinball"]


def pinball(target: torch.Tensor, predicted: torch.Tensor, quantiles: torch.Tensor) -> torch.Tensor:
    """``max(q (y - ŷ), (q - 1)(y - ŷ))`` for ``target [...]``, ``predicted [..., Q]``, ``quantiles [Q]``.

    Source: R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46, 1978.

    >>> pinball(torch.tensor([3.0]), torch.tensor([[1.0, 4.0]]), torch.tensor([0.5, 0.9]))
    tensor([[1.0000, 0.1000]])
    """
    error = target.unsqueeze(-1) - predicted
    return torch.maximum(quantiles * error, (quantiles - 1) * error)
