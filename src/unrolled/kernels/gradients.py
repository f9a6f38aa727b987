"""From the gate gradients of a backward pass to those of inputs and parameters: sums over all rows at once."""

from __future__ import annotations

from typing import NamedTuple

from unrolled.kernels import _native
from unrolled.kernels.kernel import Kernel
from unrolled.kernels.layout import Layout

__all__ = ["GateGradients"]


class GateGradients(NamedTuple):
    """The gate gradients ``δa`` that a backward pass left in ``[N, columns]``, and what they are multiplied with.

    All buffers are addresses of contiguous arrays.
    """

    kernel: Kernel
    layout: Layout
    hidden: int
    threads: int
    address: int

    @property
    def _row(self) -> int:
        return self.kernel.compiled.grad_columns * self.hidden

    def _columns(self, first: int) -> int:
        return self.address + first * self._size

    @property
    def _size(self) -> int:
        return self.kernel.number_size

    @property
    def _input_columns(self) -> int:
        """The last columns belong to W."""
        return self._columns(self._row - self.kernel.gates * self.hidden)

    def inputs(self, inputs: int, packed: int, grad_x: int, *, add: bool) -> None:
        """``δx = δa W`` into ``grad_x [N, I]``, or added to it; ``packed`` is W packed for the backward pass."""
        columns = self.kernel.gates * self.hidden
        if self.layout.rows and inputs:
            _native.dense(
                self.kernel.wide, self.layout.rows, columns, inputs, add, packed, 0, self._input_columns, self._row,
                grad_x, inputs, self.threads,
            )  # fmt: skip

    def parameters(
        self,
        inputs: int,
        *,
        reverse: bool,
        x: int,
        h: int,
        h_row: int,
        h0: int,
        reset_state: int,
        weight_ih: int,
        weight_hh: int,
        bias_ih: int,
        bias_hh: int,
    ) -> None:
        """``δW = Σ δa xᵀ``, ``δU = Σ δa h[t-1]ᵀ``, ``δb = Σ δa`` over all rows of all steps.

        ``reset_state [N, H]`` takes the place of ``h[t-1]`` in a second dependent product. The last four are where
        the gradients go; 0 for those nobody wants.
        """
        H, size = self.hidden, self._size
        if weight_ih or bias_ih:
            self._outer_sum(
                reverse, self.kernel.gates * H, self._input_columns, inputs, x, inputs, 0, weight_ih, bias_ih
            )
        if not (weight_hh or bias_hh):
            return
        column = 0
        for product, runs in enumerate(self.kernel.compiled.backward):
            b, b_row, initial = (reset_state, H, 0) if product else (h, h_row, h0)
            for gate, count in runs:
                self._outer_sum(
                    reverse, count * H, self._columns(column), H, b, b_row, initial,
                    weight_hh and weight_hh + gate * H * H * size, bias_hh and bias_hh + gate * H * size,
                )  # fmt: skip
                column += count * H

    def _outer_sum(
        self, reverse: bool, columns: int, a: int, width: int, b: int, b_row: int, initial: int, sums: int, total: int
    ) -> None:
        layout = self.layout
        _native.outer_sum(
            self.kernel.wide, layout.steps, layout.address, reverse, columns, width if sums else 0, a, self._row, b,
            b_row, bool(initial), initial, sums, total, self.threads,
        )  # fmt: skip
