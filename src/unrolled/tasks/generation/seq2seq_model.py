"""A fitted model from sequences to sequences: from items in the user's units to probabilities of symbols, without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.inputs import AudioCodec, Item, NumberCodec
from unrolled.codecs.ranges import Count
from unrolled.codecs.target_tokens import TargetCodec
from unrolled.codecs.tokens import TokenCodec, TokenIds
from unrolled.errors import InputError
from unrolled.networks.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from unrolled.networks.length_batches import batches_of_similar_length
from unrolled.runtime.decoding.beam import BeamSearch, Hypothesis
from unrolled.runtime.decoding.decodable import Ensemble, Without
from unrolled.runtime.engine import KernelEngine, Storage
from unrolled.runtime.model_file import ModelFile
from unrolled.runtime.probabilities import log_mean
from unrolled.statistical.joint_ngrams import JointNGrams
from unrolled.tasks.ensemble import Members, named_members, restored_members
from unrolled.tasks.generation.joint_ranking import Judged, judged
from unrolled.tasks.generation.seq2seq_parameters import LONGEST_ORDER, Seq2SeqParameters
from unrolled.tasks.generation.seq2seq_wanted import NOTHING_WANTED, Wanted
from unrolled.tasks.item_estimator import ItemConfig

__all__ = [
    "LONGEST", "LONGEST_SOURCE", "JointConfig", "Seq2SeqConfig", "Seq2SeqModel", "check_lengths", "joint_bases", "words_of",
]  # fmt: skip

JOINT = "joint."  # which the names of its arrays begin with
SOURCES = 64  # that are answered at once, fewer where the beam is wide:
BEGINNINGS = 512  # of answers that are followed at once, as far as one source allows
LONGEST = 10_000  # tokens that a target has at most,
LONGEST_SOURCE = (
    50_000  # and steps of a source: what attention compares at each step stays within some hundred megabytes
)


class JointConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """N-grams of pairs beside the networks: pieces, n-grams of each order, and how much they count."""

    pieces: Count
    ngrams: Annotated[list[Count], msgspec.Meta(min_length=1, max_length=LONGEST_ORDER)]
    weight: Annotated[float, msgspec.Meta(ge=0, le=100)]


class Seq2SeqConfig(ItemConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything of a fitted estimator but its arrays."""

    shape: EncoderDecoderConfig
    inputs: NumberCodec | TokenCodec | AudioCodec
    targets: TargetCodec
    longest: Annotated[int, msgspec.Meta(ge=1, le=LONGEST)]
    """Tokens of the longest target."""
    joint: JointConfig | None = None


@dataclass(frozen=True)
class Seq2SeqModel:
    """Networks whose probabilities are averaged, n-grams of pairs beside them, and what turns items into what they read.

    Weights are packed and vocabularies indexed at the first use, and kept as long as the model; a copy begins without.
    """

    shape: EncoderDecoderConfig
    inputs: NumberCodec | TokenCodec | AudioCodec
    members: Members
    joint: JointNGrams | None = None
    weights: Storage | None = None
    """What the matrices of the networks are stored as, by default as they are."""

    def __reduce__(self) -> tuple[type[Seq2SeqModel], tuple[Any, ...]]:
        return type(self), (self.shape, self.inputs, self.members, self.joint, self.weights)

    @cached_property
    def _networks(self) -> list[EncoderDecoder]:
        return [EncoderDecoder(KernelEngine(tensors, weights=self.weights), self.shape) for tensors in self.members]

    @cached_property
    def _encode(self) -> Callable[[Any], Item]:
        return self.inputs.encoder()

    def search(
        self,
        items: Sequence[Any],
        search: BeamSearch,
        wanted: Wanted = NOTHING_WANTED,
        *,
        unknown: bool = False,
        weight: float = 0.0,
    ) -> list[list[Hypothesis]]:
        """Answers to each item, the best first.

        Args:
            items: the sources.
            search: how, and how many.
            wanted: what the answers begin with and contain.
            unknown: whether some of their tokens may be.
            weight: of the n-grams of pairs.
        """
        if not weight:
            return self._by_networks(self.encoded(items), search, wanted, unknown)
        found = self.judged(items, replace(search, n_best=search.width), wanted, unknown=unknown)
        return [each.ranked(weight)[: search.n_best] for each in found]

    def judged(
        self, items: Sequence[Any], search: BeamSearch, wanted: Wanted = NOTHING_WANTED, *, unknown: bool = False
    ) -> list[Judged]:
        """What the n-grams of pairs think of the answers that the networks find, and of those that they find.

        They find none where answers have to fulfil what only the networks' search sees to.
        """
        assert self.joint is not None
        read = self.encoded(items)
        tied = unknown or search.block_ngrams > 0 or search.coverage_penalty > 0
        return judged(
            self.joint,
            words_of(read),
            self._by_networks(read, search, wanted, unknown),
            search,
            [] if tied else [n for n in range(len(read)) if wanted.nothing(n)],
            lambda places, targets: self._log_likelihoods([read[n] for n in places], targets),
        )

    def _by_networks(
        self, read: Sequence[Item], search: BeamSearch, wanted: Wanted, unknown: bool
    ) -> list[list[Hypothesis]]:
        found: list[list[Hypothesis]] = [[]] * len(read)
        network = Ensemble(self._networks if unknown else [Without(each, [0]) for each in self._networks])
        size = max(1, min(SOURCES, BEGINNINGS // search.width))
        for batch in batches_of_similar_length([len(item) for item in read]):
            for chosen in (batch[at : at + size] for at in range(0, len(batch), size)):
                sources = [read[n] for n in chosen]
                state = tuple(each.start(sources) for each in self._networks)
                lengths = np.array([len(source) for source in sources])
                given = wanted.of(chosen)
                answered = search(network, state, len(chosen), source_lengths=lengths, attention=unknown, **given)
                for n, answers in zip(chosen, answered, strict=True):
                    found[n] = answers
        return found

    def encoded(self, items: Sequence[Any]) -> list[Item]:
        """Items as the networks read them."""
        if isinstance(self.inputs, AudioCodec):
            self.inputs.warn_of_short(items)
        read = [self._encode(item) for item in items]
        check_lengths([len(each) for each in read])
        return read

    def log_likelihoods(self, items: Sequence[Any], targets: Sequence[NDArray[np.int64]]) -> list[Values]:
        """Of each target's symbols and of its end, by the mean of the networks' probabilities, ``[U_i + 1]`` each."""
        return self._log_likelihoods(self.encoded(items), targets)

    def _log_likelihoods(self, read: Sequence[Item], targets: Sequence[NDArray[np.int64]]) -> list[Values]:
        each = [network.log_likelihoods(read, targets) for network in self._networks]
        return [log_mean(own) for own in zip(*each, strict=True)]

    def attention(self, items: Sequence[Any], targets: Sequence[NDArray[np.int64]]) -> list[Values]:
        """What was read of the source for each symbol of the targets, the mean of the networks, ``[U_i, T_i]`` each."""
        read = self.encoded(items)
        each = [network.attention_weights(read, targets) for network in self._networks]
        return [np.stack(own).astype(np.float64).mean(0)[:-1] for own in zip(*each, strict=True)]

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays as a model file names them."""
        joint = {} if self.joint is None else self.joint.arrays()
        return {**named_members(self.members), **{JOINT + name: array for name, array in joint.items()}}

    @classmethod
    def restore(cls, model_file: ModelFile, config: Seq2SeqConfig, settings: Seq2SeqParameters) -> Seq2SeqModel:
        """Put a model together from its file.

        Raises:
            ModelFileError: tensors are missing, surplus, of another shape or dtype, or not finite; all are listed.
            InputError: the n-grams of pairs are none.
        """
        others: dict[str, tuple[tuple[int, ...], Any]] = {}
        if config.joint is not None:
            others = {
                JOINT + name: kind
                for name, kind in JointNGrams.shapes(config.joint.pieces, config.joint.ngrams).items()
            }
        members = restored_members(model_file, config.shape.parameters(), settings, others)
        joint = None
        if isinstance(config.inputs, TokenCodec) and config.joint is not None:
            arrays = {name.removeprefix(JOINT): model_file.tensors[name] for name in others}
            joint = JointNGrams.from_arrays(arrays, joint_bases(config.inputs, config.targets))
        return cls(config.shape, config.inputs, members, joint)


def joint_bases(inputs: TokenCodec, targets: TargetCodec) -> tuple[int, int]:
    """Tokens of sources and of targets, that which stands for all unknown ones included."""
    return len(inputs.words), len(targets.vocabulary)


def words_of(read: Sequence[Item]) -> list[NDArray[np.int64]]:
    """The places of the tokens of sources."""
    return [each.words for each in read if isinstance(each, TokenIds)]


def check_lengths(lengths: Sequence[int]) -> None:
    """Raise an InputError that names a source with too many steps.

    >>> check_lengths([3, 90_000])
    Traceback (most recent call last):
        ...
    unrolled.errors.InputError: source 1 has 90,000 steps, expected at most 50,000: cut it into parts
    """
    for n, length in enumerate(lengths):
        if length > LONGEST_SOURCE:
            raise InputError(f"source {n} has {length:,} steps, expected at most {LONGEST_SOURCE:,}: cut it into parts")
