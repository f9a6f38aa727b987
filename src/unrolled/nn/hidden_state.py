"""What RNN and GRU share: the hidden state is their only one."""

from __future__ import annotations

from typing import Any, Literal, overload

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unrolled.nn.recurrent import Lengths, Recurrent, Steps

__all__ = ["HiddenState"]


class HiddenState(Recurrent):
    """Recurrent layers that hand on ``h`` and nothing else."""

    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        return_states: Literal[False] = False,
    ) -> tuple[Tensor | PackedSequence, Tensor]: ...  # fmt: skip
    @overload
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        *, return_states: Literal[True],
    ) -> tuple[Tensor | PackedSequence, Tensor, Steps]: ...  # fmt: skip
    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, lengths: Lengths | None = None,
        return_states: bool = False,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Run over sequences.

        Parameters
        ----------
        input : Tensor ``[T, B, I]``, with ``batch_first`` ``[B, T, I]``, one sequence ``[T, I]``, or a PackedSequence
        hx : Tensor ``[L*D, B, H]`` or ``[L*D, H]``, optional
            Initial states; zero by default.
        lengths : ``B`` whole numbers from 0 to ``T``, optional
            Steps of each sequence. Past its length a sequence's outputs are zero; its last state is that of its own
            last step, and the initial one if it has none.
        return_states : bool
            Return the states of every step of every layer, too.

        Returns
        -------
        output : Tensor ``[T, B, D*H]``, with ``batch_first`` ``[B, T, D*H]``, ``[T, D*H]``, or a PackedSequence
            The last layer's states of every step.
        h_n : Tensor ``[L*D, B, H]`` or ``[L*D, H]``
            The last states of every layer and direction.
        states : only with ``return_states``, for each layer a tuple ``(h,)``
            Its hidden states of every step, before dropout, shaped like ``output``; the last layer's are ``output``.

        Raises
        ------
        InputError
            Sizes, dtypes, devices or lengths do not fit; also of the type torch raises.
        """
        states, (h_n,) = self._run(input, None if hx is None else (hx,), lengths, return_states)
        return (states[-1][0], h_n, states) if return_states else (states[-1][0], h_n)
