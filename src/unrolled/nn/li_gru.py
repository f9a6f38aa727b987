"""The light GRU as a torch module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.nn.arrangement import Origin
from unrolled.nn.errors import TensorError
from unrolled.nn.library import index_operator
from unrolled.nn.variant import Variant

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["LiGRU"]

_EPSILON, _MOMENTUM = 1e-5, 0.1


class LiGRU(Variant, cells={"li_gru": {}}):
    r"""Light GRU: no reset gate, ReLU, and batch normalisation of what comes from the input.

    .. math::

        z &= \sigma(\mathrm{BN}(W_z x_t) + U_z h_{t-1}) \\
        n &= \max(\mathrm{BN}(W_n x_t) + U_n h_{t-1}, 0) \\
        h_t &= z \circ h_{t-1} + (1 - z) \circ n

    In training the rows of a batch are normalised together, over all their steps, so a row's result depends on its
    neighbours; in evaluation the running mean and variance are used and it does not. Normalising :math:`W x` is the same
    as running with other :math:`W` and :math:`b`, which is what happens here. ``weight_bn_l0`` and ``bias_bn_l0`` are the
    normalisation's scale and shift. Source: Ravanelli et al. 2018, arXiv 1803.10225.

    Args:
        bias: True: the normalisation's shift.

    >>> import torch
    >>> from unrolled.nn import LiGRU
    >>> y, h = LiGRU(input_size=3, hidden_size=4)(torch.randn(5, 2, 3))
    >>> y.shape
    torch.Size([5, 2, 4])
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, device: Any = None, dtype: Any = None,
        **options: Unpack[Options],
    ) -> None:  # fmt: skip
        if bias is False:
            raise InputError("LiGRU: bias: its biases are the shift of the batch normalisation, bias must be True")
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device=device, dtype=dtype,
            **options,
        )  # fmt: skip
        for _, suffix in self._suffixes():
            like = getattr(self, f"weight_bn{suffix}").detach()
            self.register_buffer(f"running_mean{suffix}", torch.zeros_like(like))
            self.register_buffer(f"running_var{suffix}", torch.ones_like(like))

    def _parameter_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        shapes = super()._parameter_shapes(inputs)
        rows = shapes.pop("bias_ih")
        del shapes["bias_hh"]
        return {**shapes, "weight_bn": rows, "bias_bn": rows}

    def inference_parameters(self) -> dict[str, Tensor]:
        """``W``, ``U`` and biases of the cell, with the normalisation by the running mean and variance in them."""
        names = [name for name, _ in get_cell(self.cell).parameters]
        return {
            name + suffix: parameter.detach()
            for _, suffix in self._suffixes()
            for name, parameter in zip(names, self._normalising(suffix, None), strict=True)
        }

    @torch.no_grad()
    def take_inference_parameters(self, parameters: Mapping[str, Tensor]) -> None:
        """``W``, ``U`` and biases with the normalisation in them, which therefore changes nothing any more, nor learns."""
        for _, suffix in self._suffixes():
            for name in ("weight_ih", "weight_hh"):
                getattr(self, name + suffix).copy_(parameters[name + suffix])
            getattr(self, f"bias_bn{suffix}").copy_(parameters[f"bias_ih{suffix}"] + parameters[f"bias_hh{suffix}"])
            getattr(self, f"weight_bn{suffix}").fill_(1.0).requires_grad_(False)
            getattr(self, f"running_mean{suffix}").zero_()
            getattr(self, f"running_var{suffix}").fill_(1 - _EPSILON)

    def _kernel_weights(self, index: int, x: Tensor, origin: Origin) -> list[Tensor]:
        moments = _moments(x, origin.sizes) if self.training and x.shape[0] * x.shape[1] else None
        return [w for k, suffix in self._suffixes() if k == index for w in self._normalising(suffix, moments)]

    def _normalising(self, suffix: str, moments: tuple[Tensor, Tensor, Tensor] | None) -> list[Tensor]:
        """``W`` and ``b`` that normalise: ``BN(W x) = (γ/s) W x + β - (γ/s) W m`` for mean ``m`` and deviation ``s``."""
        W, U, scale, shift = (
            getattr(self, stem + suffix) for stem in ("weight_ih", "weight_hh", "weight_bn", "bias_bn")
        )
        if moments is None:
            center, variance = getattr(self, f"running_mean{suffix}"), getattr(self, f"running_var{suffix}")
        else:
            mean, covariance, count = moments
            center, variance = W @ mean, ((W @ covariance) * W).sum(1)
            self._follow(suffix, center.detach(), variance.detach() * count / (count - 1), count > 0)
        factor = scale / (variance + _EPSILON).sqrt()
        shift = shift - factor * center
        return [W * factor[:, None], U, shift, torch.zeros_like(shift)]

    @torch.no_grad()
    def _follow(self, suffix: str, mean: Tensor, variance: Tensor, any_rows: Tensor) -> None:
        """Move the running statistics towards those of a batch."""
        weight = _MOMENTUM * any_rows.to(mean.dtype)
        getattr(self, f"running_mean{suffix}").lerp_(mean, weight)
        getattr(self, f"running_var{suffix}").lerp_(variance, weight)


def _moments(x: Tensor, sizes: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and covariance of the input over all living rows, and how many there are."""
    rows = x.flatten(0, 1)
    count: Tensor = _COUNT_ROWS(torch.ones(rows.shape[0], dtype=torch.int64) if sizes is None else sizes)
    share = 1 / count.clamp(min=1).to(x.dtype)
    alive = None if sizes is None else (torch.arange(rows.shape[0]) < count)[:, None]

    def living(values: Tensor) -> Tensor:
        return values if alive is None else torch.where(alive, values, 0)

    mean = living(rows).sum(0) * share
    centered = living(rows - mean)
    return mean, centered.T @ centered * share, count


def _count_rows(sizes: Tensor) -> Tensor:
    count = sizes.sum()
    if count == 1:
        raise TensorError("LiGRU: batch normalisation in training needs at least 2 rows of input, got 1")
    return count


_COUNT_ROWS = index_operator("count_rows(Tensor sizes) -> Tensor", _count_rows, lambda sizes: sizes.new_empty(()))
