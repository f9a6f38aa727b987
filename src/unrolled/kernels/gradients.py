"""From the gate gradients of a backward pass to those of inputs and parameters: sums over all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from unrolled.kernels import _native
from unrolled.kernels.compiled import Compiled
from unrolled.kernels.kernel import Kernel
from unrolled.kernels.layout import Layout

__all__ = ["GateGradients", "Rows", "gradient_segments"]

Work = Callable[[int], tuple[int, object]]
"""Hands out memory for so many numbers: its address, and what keeps it."""


class Rows(NamedTuple):
    """Rows of numbers that gate gradients are multiplied with, one a row of all steps."""

    address: int
    row: int
    """Numbers from one row to the next."""
    width: int
    initial: int = 0
    """Those before the first step, ``[B, width]``: then each step is met by what was there before it."""


class GateGradients(NamedTuple):
    """The gate gradients ``δa`` that a backward pass left in ``[N, columns]``.

    All buffers are addresses of contiguous arrays.
    """

    kernel: Kernel
    layout: Layout
    hidden: int
    threads: int
    address: int

    @property
    def _row(self) -> int:
        return len(self.kernel.compiled.gradient_columns) * self.hidden

    def inputs(self, inputs: int, packed: int, grad_x: int, *, add: bool) -> None:
        """``δx = δa W`` into ``grad_x [N, I]``, or added to it; ``packed`` is W packed for the backward pass."""
        columns = self.kernel.compiled.input_gates * self.hidden
        if self.layout.rows and inputs:
            _native.dense(
                self.kernel.wide, rows=self.layout.rows, inputs=columns, outputs=inputs, add=add, weight=packed, bias=0,
                x=self.address + (self._row - columns) * self.kernel.number_size, x_row=self._row, out=grad_x,
                out_row=inputs, threads=self.threads,
            )  # fmt: skip

    def parameters(
        self, x: Rows, state: Rows, reset_state: Rows, to: Mapping[str, int], *, reverse: bool, work: Work
    ) -> None:
        """``δW = Σ δa xᵀ``, ``δU = Σ δa h[t-1]ᵀ``, ``δb = Σ δa`` over all rows of all steps.

        ``state`` is what U met, ``reset_state`` what it met behind a gate. ``to`` says where the gradients go; those
        nobody wants are left out.
        """
        size, P, I = self.kernel.number_size, state.width, x.width
        wanted: list[tuple[int, ...]] = []

        def at(name: str, place: int) -> int:
            begin = to.get(name, 0)
            return begin + place * size if begin and place >= 0 else 0

        for first, columns, reset, W, U, input_bias, recurrent_bias in gradient_segments(
            self.kernel.compiled, I, self.hidden, P
        ):
            grad_U = at("weight_hh", U)
            segment = (
                first * self.hidden, columns * self.hidden, at("weight_ih", W), 0 if reset else grad_U,
                grad_U if reset else 0, at("bias_ih", input_bias), at("bias_hh", recurrent_bias),
            )  # fmt: skip
            if any(segment[2:]):
                wanted.append(segment)
        self._sum(self.address, self._row, (x, state, reset_state), wanted, reverse, work)

    def projection(self, grad_state: int, unprojected: Rows, outputs: int, weight_hr: int, work: Work) -> None:
        """``δP = Σ δh mᵀ``; ``grad_state [N, P]`` is the gradient of ``h``."""
        segments = [(0, outputs, weight_hr, 0, 0, 0, 0)]
        nothing = Rows(0, 0, 0)
        self._sum(grad_state, outputs, (unprojected, nothing, nothing), segments, False, work)

    def _sum(
        self, address: int, row: int, factors: tuple[Rows, ...], segments: list[tuple[int, ...]], reverse: bool,
        work: Work,
    ) -> None:  # fmt: skip
        if segments:
            _native.outer_sums(
                self.kernel.wide, steps=self.layout.steps, offsets=self.layout.address, reverse=reverse, a=address,
                a_row=row, factors=factors, segments=segments, threads=self.threads, hand_out=work,
            )  # fmt: skip


def gradient_segments(compiled: Compiled, I: int, H: int, P: int) -> list[tuple[int, int, bool, int, int, int, int]]:
    """Neighbouring columns of gate gradients: the first, how many, whether their ``U`` meets what a gate left of ``h``, and the
    numbers of ``weight_ih``, ``weight_hh``, ``bias_ih`` and ``bias_hh`` where their sums begin, -1 for none."""

    def begin(block: int, row: int) -> int:
        return block * H * row if block >= 0 else -1

    return [
        (s.column, s.columns, s.reset, begin(s.W, I), begin(s.U, H if s.reset else P), begin(s.bias_ih, 1), begin(s.bias_hh, 1))
        for s in compiled.segments
    ]  # fmt: skip
