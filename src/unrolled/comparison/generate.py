r"""Language models: each symbol after those before it.

.. math:: p(y[u] \mid y[<u]) = \mathrm{softmax}(V\,h[u] + b)_{y[u]}, \qquad h = \mathrm{body}(E_{y[0]}, \dots, E_{y[u-1]})

One long text is read in pieces of equal length, of which each begins anew for every family; several texts are pieces, each with
an end. Scored are bits a symbol.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.aliases import Values
from unrolled.codecs.vocabulary import Vocabulary
from unrolled.comparison.body import BodyModule, BodyStart
from unrolled.comparison.classify import WORD_SIZE
from unrolled.comparison.family import Context
from unrolled.comparison.task import DROPOUT, PROBED, Task, digest_of
from unrolled.insight import GradientFlow, gradient_flow
from unrolled.networks.length_batches import batches_of_similar_length
from unrolled.networks.next_step import NextStep, NextStepConfig
from unrolled.networks.stack import StackConfig
from unrolled.networks.symbol_head import SymbolHeadConfig
from unrolled.training.engine import NetworkOptions
from unrolled.training.length_buckets import length_buckets
from unrolled.training.problem import Problem

__all__ = ["GenerateTask", "generate_task"]

PIECE = 64
"""Symbols of a piece of one long text."""
BEFORE = 8
"""Symbols that a feed-forward net reads."""

Symbols = NDArray[np.int64]


@dataclass(frozen=True)
class GenerateTask(Task):
    """Texts.

    Attributes:
        pieces: symbols ``[U]`` of each piece, of the three parts.
        head: what is read of symbols and said of the next.
        ends: whether a piece's end is foretold, too.
        whole: the training part as it is counted, which pieces of one long text are cut from.
    """

    name = "generate"
    measure = "bits a symbol"
    best_is_high = False
    sees_ahead = False

    pieces: tuple[list[Symbols], list[Symbols], list[Symbols]]
    head: SymbolHeadConfig
    ends: bool
    whole: list[Symbols]

    def network(self, config: StackConfig, start: BodyStart | None) -> BodyModule:
        """The network that says the next step."""
        return BodyModule(NextStep, NextStepConfig(config, self.head), NetworkOptions(dropout=DROPOUT), start)

    def expected(self, piece: Symbols) -> Symbols:
        """What is to be said of a piece."""
        return self.head.ending(piece) if self.ends else piece

    def problem(self, make: Callable[[], BodyModule]) -> Problem[BodyModule, Any]:
        """Negative log-likelihood of each symbol."""
        training, validation = self.pieces[:2]
        lengths = [len(self.expected(piece)) for piece in training]

        def batches(generator: np.random.Generator) -> Iterator[list[Symbols]]:
            for chosen in length_buckets(lengths, min(self.batch_size, len(lengths)), generator):
                yield [training[n] for n in chosen]

        def validate(module: BodyModule) -> float:
            return -float(np.concatenate(self._log_p_of(module, validation)).mean())

        return Problem(
            make=lambda _: make(),
            batches=batches,
            batches_per_epoch=math.ceil(len(lengths) / self.batch_size),
            loss=lambda module, batch: -torch.cat(self._log_p(module, batch)).mean(),
            validate=validate,
        )

    def _batch(self, pieces: Sequence[Symbols]) -> tuple[Symbols, Symbols, Symbols]:
        """What is read and what is said ``[U, N]``, and lengths."""
        said = [self.expected(piece) for piece in pieces]
        lengths = np.array([len(each) for each in said])
        read, expected = np.zeros((2, int(lengths.max()), len(pieces)), np.int64)
        for n, each in enumerate(said):
            read[: len(each), n] = np.concatenate([self.head.first(1), each[:-1]])
            expected[: len(each), n] = each
        return read, expected, lengths

    def _log_p(self, module: BodyModule, pieces: Sequence[Symbols]) -> list[Tensor]:
        read, expected, lengths = self._batch(pieces)
        scores, _ = module(read, None, lengths)
        log_p = module.network.head.log_p(scores, expected)
        return [log_p[:length, n] for n, length in enumerate(lengths.tolist())]

    def _log_p_of(self, module: BodyModule, pieces: Sequence[Symbols]) -> list[Values]:
        found: list[Values] = [np.empty(0)] * len(pieces)
        with torch.no_grad():
            for chosen in batches_of_similar_length([len(piece) + 1 for piece in pieces]):
                for n, log_p in zip(chosen, self._log_p(module, [pieces[n] for n in chosen]), strict=True):
                    found[n] = log_p.double().numpy()
        return found

    def predict(self, module: BodyModule) -> list[Values]:
        """Log-likelihoods of each symbol of each piece."""
        return self._log_p_of(module, self.pieces[2])

    def each(self, predictions: list[Values], *, validation: bool = False) -> Values:
        """Bits of each symbol; the log-likelihoods say of which part they are."""
        return -np.concatenate(predictions) / math.log(2)

    def flow(self, module: BodyModule) -> GradientFlow:
        """Of the last symbol, along the beginnings of the longest pieces."""
        pieces = sorted(self.pieces[2], key=len)[-PROBED:]
        pieces = [piece[: min(map(len, pieces))] for piece in pieces]
        read, expected, lengths = self._batch(pieces)
        at = torch.from_numpy(lengths) - 1, torch.arange(len(pieces))

        def loss(output: tuple[Tensor, Any], truth: Tensor) -> Tensor:
            return torch.nn.functional.cross_entropy(output[0][at], truth)

        return gradient_flow(module, ((read, None, lengths), torch.from_numpy(expected)[at]), loss)

    @property
    def predicted_steps(self) -> int:
        """All symbols."""
        return sum(len(self.expected(piece)) for piece in self.pieces[2])


def generate_task(parts: Sequence[Sequence[Sequence[str]]], *, batch_size: int) -> GenerateTask:
    """The task of three parts of texts, or of lists of tokens; a part of one text is a long one.

    >>> task = generate_task([["abab" * 40], ["abab" * 20], ["abab" * 20]], batch_size=4)
    >>> task.about
    '2 pieces to learn from, 1 to validate, 1 to test, of 64 symbols; 2 different ones'
    """
    vocabulary = Vocabulary.fit(symbol for text in parts[0] for symbol in text)
    encoded = [[vocabulary.encode(text) for text in part] for part in parts]
    ends = any(len(part) > 1 for part in parts)
    pieces = encoded if ends else [_cut(part[0]) for part in encoded]
    head = SymbolHeadConfig(symbols=len(vocabulary), size=WORD_SIZE)
    steps = max(len(piece) + ends for piece in pieces[0])
    counts = [f"{len(part):,}" for part in pieces]
    about = (
        f"{counts[0]} pieces to learn from, {counts[1]} to validate, {counts[2]} to test, of"
        f" {'at most ' * ends}{steps} symbols; {len(vocabulary.entries)} different ones"
    )
    context = Context(head.inputs, steps, before=min(BEFORE, steps))
    digest = digest_of([piece for part in pieces for piece in part])
    return GenerateTask(
        context, batch_size, about, digest, (pieces[0], pieces[1], pieces[2]), head, ends, encoded[0]
    )  # fmt: skip


def _cut(text: Symbols) -> list[Symbols]:
    """Pieces of equal length, without what is left over."""
    size = min(PIECE, len(text))
    return [text[at : at + size] for at in range(0, len(text) - size + 1, size)]
