"""Exponential smoothing inside torch: :mod:`unrolled.codecs.smoothing` as one differentiable function."""

from __future__ import annotations

from typing import Any

import torch

from unrolled.codecs.smoothing import smooth, smooth_backward

__all__ = ["differentiable_smoothing"]


class _Smoothing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        levels, seasonals = smooth(*(argument.detach().numpy() for argument in arguments))
        results = torch.from_numpy(levels), torch.from_numpy(seasonals)
        ctx.save_for_backward(*arguments, *results)
        return results

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, ...]:
        z, alpha, gamma, level, _, levels, seasonals = (saved.detach().numpy() for saved in ctx.saved_tensors)
        gradients = smooth_backward(z, alpha, gamma, level, levels, seasonals, *(grad.numpy() for grad in grads))
        return tuple(torch.from_numpy(gradient) for gradient in gradients)


def differentiable_smoothing(
    z: torch.Tensor, alpha: torch.Tensor, gamma: torch.Tensor, level: torch.Tensor, season: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Levels ``[T, C]`` and seasonals ``[T + m, C]`` of ``z [T, C]``.

    Arguments are those of :func:`unrolled.codecs.smoothing.smooth`. All are float64 on
    the CPU, and gradients reach every one of them.
    """
    return _Smoothing.apply(z, alpha, gamma, level, season)  # pyright: ignore[reportReturnType]
