"""A fitted model of transcripts: from items in the user's units to probabilities of symbols a step, without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.inputs import AudioCodec, NumberCodec
from unrolled.codecs.joining import joined
from unrolled.codecs.ranges import Count
from unrolled.codecs.target_tokens import TargetCodec
from unrolled.networks.tagger import Tagger, TaggerConfig
from unrolled.runtime.decoding.ctc import Fusion, PrefixBeam, Transcription, best_path
from unrolled.runtime.engine import KernelEngine, Storage
from unrolled.runtime.model_file import ModelFile
from unrolled.runtime.probabilities import log_mean, log_softmax
from unrolled.statistical.ngrams import BEFORE, NGrams
from unrolled.tasks.ensemble import Members, named_members, restored_members
from unrolled.tasks.generation.seq2seq_parameters import LONGEST_ORDER
from unrolled.tasks.generation.transcriber_parameters import TranscriberParameters
from unrolled.tasks.item_estimator import ItemConfig

__all__ = ["Listener", "Search", "TranscriberConfig", "TranscriberModel"]

LANGUAGE = "language."  # which the names of its arrays begin with


class TranscriberConfig(ItemConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything of a fitted estimator but its arrays."""

    shape: TaggerConfig
    inputs: NumberCodec | AudioCodec
    targets: TargetCodec
    """The symbols; 0 is the blank."""
    language: Annotated[list[Count], msgspec.Meta(max_length=LONGEST_ORDER)]
    """Of each order of the language model its n-grams; empty if there is none."""


@dataclass(frozen=True)
class TranscriberModel:
    """Networks whose probabilities are averaged, what turns items into what they read, and a language model.

    Weights are packed at the first use, and kept as long as the model; a copy begins without.
    """

    shape: TaggerConfig
    inputs: NumberCodec | AudioCodec
    stride: int
    members: Members
    language: NGrams | None = None
    weights: Storage | None = None
    """What the matrices of the networks are stored as, by default as they are."""

    def __reduce__(self) -> tuple[type[TranscriberModel], tuple[Any, ...]]:
        return type(self), (self.shape, self.inputs, self.stride, self.members, self.language, self.weights)

    @cached_property
    def _networks(self) -> list[Tagger]:
        return [Tagger(KernelEngine(tensors, weights=self.weights), self.shape) for tensors in self.members]

    @cached_property
    def _encode(self) -> Callable[[Any], NDArray[np.float32]]:
        return self.inputs.encoder()

    def log_p(self, items: Sequence[Any]) -> list[Values]:
        """Log-probabilities of the blank and each symbol at each step of each item, ``[T_i, V]``."""
        read = self.encoded(items)
        each = [network.emissions(read) for network in self._networks]
        return [log_mean(list(map(log_softmax, scores))) for scores in zip(*each, strict=True)]

    def encoded(self, items: Sequence[Any]) -> list[NDArray[np.float32]]:
        """Items as the networks read them."""
        if isinstance(self.inputs, AudioCodec):
            self.inputs.warn_of_short(items)
        return [joined(self._encode(item), self.stride) for item in items]

    def decoded(
        self, log_p: Sequence[Values], width: int, n_best: int, fusion: Fusion[Any] | None
    ) -> list[list[Transcription]]:
        """The n best transcriptions of each item: the best path where the beam has a width of 1."""
        found: list[list[Transcription]] = []
        for frames in log_p:
            search = Search(width, fusion)
            search.push(frames)
            found.append(search.best(n_best))
        return found

    def fusion(self, weight: float, bonus: float) -> Fusion[Any] | None:
        """The language model as a beam takes it."""
        model = self.language
        if model is None:
            return None
        return Fusion(model=model, state=model.start(1), bos=BEFORE, eos=model.eos, weight=weight, bonus=bonus)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays as a model file names them."""
        language = {} if self.language is None else self.language.arrays()
        return {**named_members(self.members), **{LANGUAGE + name: array for name, array in language.items()}}

    @classmethod
    def restore(
        cls, model_file: ModelFile, config: TranscriberConfig, settings: TranscriberParameters
    ) -> TranscriberModel:
        """Put a model together from its file.

        Raises:
            ModelFileError: tensors are missing, surplus, of another shape or dtype, or not finite; all are listed.
            InputError: the arrays of the language model are none.
        """
        others = {LANGUAGE + name: kind for name, kind in NGrams.shapes(config.language).items()}
        members = restored_members(model_file, config.shape.parameters(), settings, others)
        language = None
        if config.language:
            arrays = {name.removeprefix(LANGUAGE): model_file.tensors[name] for name in others}
            symbols = config.shape.outputs
            language = NGrams.from_arrays(arrays, tokens=symbols + 1, eos=symbols)
        return cls(config.shape, config.inputs, settings.stride, members, language)


class Search:
    """The best path, or a beam of beginnings, over frames that may come in parts.

    >>> search = Search(1, None)
    >>> search.push(np.log([[0.1, 0.9]])); search.push(np.log([[0.8, 0.2]]))
    >>> search.symbols().tolist(), search.best(1)[0].times.tolist()
    ([1], [[0, 1]])
    """

    def __init__(self, width: int, fusion: Fusion[Any] | None) -> None:
        plain = width == 1 and fusion is None
        self._beam = None if plain else PrefixBeam(width=width, fusion=fusion)
        self._frames: list[Values] = []

    def push(self, log_p: Values) -> None:
        """Hear further frames ``[T, V]``."""
        if self._beam is not None:
            self._beam.push(log_p)
        elif len(log_p):
            self._frames.append(log_p)

    def symbols(self) -> NDArray[np.int64]:
        """The best beginning so far."""
        return self._path().symbols if self._beam is None else self._beam.symbols()

    def best(self, n_best: int) -> list[Transcription]:
        """The n best transcriptions of all frames so far."""
        return [self._path()] if self._beam is None else self._beam.best(n_best)

    def _path(self) -> Transcription:
        if not self._frames:
            return Transcription(np.empty(0, np.int64), np.empty((0, 2), np.int64), 0.0, 0.0)
        frames = np.concatenate(self._frames)
        return best_path(frames[:, None], np.array([len(frames)]))[0]


class Listener:
    """The networks step by step, over steps that come in parts; a model of one direction only."""

    def __init__(self, model: TranscriberModel) -> None:
        self._networks = model._networks  # pyright: ignore[reportPrivateUsage], packed once
        self._states: list[Any] = [None] * len(self._networks)

    def hear(self, x: NDArray[np.float32]) -> Values:
        """Log-probabilities ``[T, V]`` of further steps ``[T, I]``, at least one."""
        scores: list[NDArray[np.float32]] = []
        for k, network in enumerate(self._networks):
            found, self._states[k] = network.advance(x[:, None], self._states[k])
            scores.append(np.ascontiguousarray(found[:, 0], np.float32))
        return log_mean(list(map(log_softmax, scores)))
