"""What layers share that hand on a single state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unrolled.cells import get_cell
from unrolled.nn.recurrent import Lengths, Recurrent, Steps

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["HiddenState", "Variant"]


class HiddenState(Recurrent):
    """Recurrent layers that hand on one state and nothing else."""

    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        return_states: Literal[False] = False, *, resets: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor | PackedSequence, Tensor]: ...  # fmt: skip
    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        *, return_states: Literal[True], resets: Tensor | None = None, generator: torch.Generator | None = None,
    ) -> tuple[Tensor | PackedSequence, Tensor, Steps]: ...  # fmt: skip
    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        return_states: bool = False, *, return_gates: bool, resets: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Any, ...]: ...  # fmt: skip
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        return_states: bool = False, return_gates: bool = False, resets: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Run over sequences.

        Parameters
        ----------
        input : Tensor ``[T, B, I]``, with ``batch_first`` ``[B, T, I]``, one sequence ``[T, I]``, or a PackedSequence
        hx : Tensor ``[L*D, B, H]`` or ``[L*D, H]``, optional
            Initial states; by default zero, or learned.
        lengths : ``B`` whole numbers from 0 to ``T``, optional
            Steps of each sequence. Past its length a sequence's outputs are zero; its last state is that of its own
            last step, and the initial one if it has none.
        return_states : bool
            Also return the states of every step of every layer.
        return_gates : bool
            Also return the gates of every step of every layer; gradients do not flow through them.
        resets : Tensor of bool ``[T, B]``, with ``batch_first`` ``[B, T]``, optional
            Steps before which the state is reset to the one sequences start from without ``hx``.
        generator : torch.Generator, optional
            Random generator for the masks; torch's default one if not given.

        Returns
        -------
        output : Tensor ``[T, B, D*H]``, with ``batch_first`` ``[B, T, D*H]``, ``[T, D*H]``, or a PackedSequence
            The last layer's outputs of every step.
        h_n : Tensor ``[L*D, B, H]`` or ``[L*D, H]``
            The last states of every layer and direction.
        states : only with ``return_states``, for each layer a tuple ``(h,)``
            Its states of every step, before dropout, shaped like ``output``. Gradients flow through all of them.
        gates : only with ``return_gates``, for each layer a dictionary of its gates
            Each shaped like ``output``.

        Raises
        ------
        InputError
            Sizes, dtypes, devices or lengths do not match; also of the type that torch raises.
        """
        states = None if hx is None else (hx,)
        output, (last,), besides = self._call(input, states, lengths, return_states, return_gates, resets, generator)
        return output, last, *besides


class Variant(HiddenState):
    """Layers of a single cell that has no arguments of its own."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: Any = None,
        dtype: Any = None,
        **options: Unpack[Options],
    ) -> None:
        (name,) = self.cells
        super().__init__(
            get_cell(name), None, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            device, dtype, dict(options),
        )  # fmt: skip
