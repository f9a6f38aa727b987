r"""What a network thinks of given answers.

.. math::
    \log p(y) = \sum_{t=1}^{T+1} \log p(y_t \mid y_1 \dots y_{t-1}), \quad y_{T+1} = \text{eos}

the negative of what teacher forcing minimises.

Source: Sutskever, Vinyals, Le 2014, arXiv 1409.3215, equation 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrolled.aliases import Integers, Values
from unrolled.errors import InputError
from unrolled.kernels.admission import whole_numbers
from unrolled.runtime.decoding.decodable import Decodable, State, next_log_p

__all__ = ["forced_log_p"]


def forced_log_p(
    network: Decodable[State], state: State, targets: Sequence[Sequence[int] | Integers], *, bos: int, eos: int
) -> list[Values]:
    """The log-probability of every token of a target a source, and of the ``eos`` after it.

    Args:
        network: what answers.
        state: of B rows, one a source.
        targets: B sequences of tokens, without ``bos`` and ``eos``; an empty one is a target, too.
        bos: the token that every answer starts from.
        eos: the token that ends an answer.

    Returns:
        B arrays ``[T + 1]``; their sums are the log-probabilities of the targets.

    Raises:
        InputError: a target has a token that the network does not know.

    >>> from unrolled.statistical.ngrams import NGrams
    >>> model = NGrams.counted([[0, 1], [0, 0]], tokens=3, order=1, eos=2)
    >>> np.exp(forced_log_p(model, model.start(1), [[0]], bos=-1, eos=2)[0]).round(3).tolist()
    [0.417, 0.333]
    """
    y = [
        whole_numbers(f"target {n}", target) if len(target) else np.empty(0, np.int64)
        for n, target in enumerate(targets)
    ]
    lengths = np.array([len(target) for target in y], np.int64)
    found = [np.empty(length + 1) for length in lengths]
    rows, tokens = np.arange(len(y)), np.full(len(y), bos)
    for t in range(lengths.max(initial=-1) + 1):
        going = lengths[rows] >= t
        if not going.all():
            rows, tokens, state = rows[going], tokens[going], network.select(state, np.flatnonzero(going))
        log_p, state = next_log_p(network, state, tokens)
        tokens = np.array([y[n][t] if t < lengths[n] else eos for n in rows], np.int64)
        unknown = np.flatnonzero((tokens < 0) | (tokens >= log_p.shape[1]))
        if len(unknown):
            n = rows[unknown[0]]
            raise InputError(
                f"target {n}, position {t}: token {tokens[unknown[0]]}, expected 0 to {log_p.shape[1] - 1}"
            )
        for n, value in zip(rows, log_p[np.arange(len(rows)), tokens], strict=True):
            found[n][t] = value
    return found
