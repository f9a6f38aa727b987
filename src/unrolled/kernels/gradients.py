"""From the gate gradients of a backward pass to those of inputs and parameters: sums over all rows at once."""

from __future__ import annotations

from collections.abc import Callable
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

    @property
    def _input_column(self) -> int:
        """The last columns belong to W."""
        return self._row - self.kernel.gates * self.hidden

    def inputs(self, inputs: int, packed: int, grad_x: int, *, add: bool) -> None:
        """``δx = δa W`` into ``grad_x [N, I]``, or added to it; ``packed`` is W packed for the backward pass."""
        columns = self.kernel.gates * self.hidden
        if self.layout.rows and inputs:
            _native.dense(
                self.kernel.wide, self.layout.rows, columns, inputs, add, packed, 0,
                self.address + self._input_column * self.kernel.number_size, self._row, grad_x, inputs, self.threads,
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
        work: Callable[[int], tuple[int, object]],
    ) -> None:
        """``δW = Σ δa xᵀ``, ``δU = Σ δa h[t-1]ᵀ``, ``δb = Σ δa`` over all rows of all steps.

        ``reset_state [N, H]`` takes the place of ``h[t-1]`` in a second dependent product. The weights and biases are
        where the gradients go; 0 for those nobody wants. ``work`` hands out memory for so many numbers: its
        address, and what keeps it.
        """
        H, row, size = self.hidden, self._row, self.kernel.number_size
        factors = [(x, inputs, inputs, 0), (h, h_row, H, h0)]
        if len(self.kernel.compiled.backward) > 1:
            factors.append((reset_state, H, H, 0))

        def segment(column: int, columns: int, product: int, U: int, bias: int) -> tuple[int, ...]:
            """What is wanted of these columns: the gradients of W, of U by its product, and the biases."""
            row_of_W = column - self._input_column
            W = weight_ih + row_of_W * inputs * size if weight_ih and row_of_W >= 0 else 0
            b = bias_ih + row_of_W * size if bias_ih and row_of_W >= 0 else 0
            return column, columns, W, 0 if product else U, U if product else 0, bias, b

        segments: list[tuple[int, ...]] = []
        column = 0
        for product, runs in enumerate(self.kernel.compiled.backward):
            for gate, count in runs:
                at = gate * H * size
                U, bias = weight_hh and weight_hh + at * H, bias_hh and bias_hh + at
                segments.append(segment(column, count * H, product, U, bias))
                column += count * H
        if column < row:
            segments.append(segment(column, row - column, 0, 0, 0))
        wanted = [each for each in segments if any(each[2:])]
        if wanted:
            _native.outer_sums(
                self.kernel.wide, self.layout.steps, self.layout.address, reverse, self.address, row, factors, wanted,
                self.threads, work,
            )  # fmt: skip
