"""What estimators of single items share, sequences of numbers, texts or recordings: what a fitted one knows of its items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from unrolled.codecs.inputs import AudioCodec, InputCodec, NumberCodec
from unrolled.codecs.ranges import Count
from unrolled.codecs.tokens import TokenCodec
from unrolled.data.example_columns import ExampleColumns
from unrolled.data.items import ItemKind
from unrolled.tasks.estimator import Estimator, FittedConfig

__all__ = ["ExampleConfig", "ExampleEstimator", "ItemConfig", "ItemEstimator"]

Learned = TypeVar("Learned", bound="ExampleEstimator")
Self = TypeVar("Self", bound="ItemEstimator")


class ExampleConfig(FittedConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all estimators that learn from examples keep beside their arrays."""

    learned: Count
    """Items that the fit was given."""
    validation: dict[str, float] | None = None
    validation_losses: list[float]
    epochs: list[Count]
    columns: ExampleColumns | None = None
    """Of the table or file that was learned from, what each was for."""


class ItemConfig(ExampleConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What those keep that read items; each adds its own."""

    inputs: InputCodec


class ExampleEstimator(Estimator):
    """Base of the estimators that learn from examples."""

    def _adopt(self: Learned, settings: Any, config: Any, model: Any) -> Learned:
        self.validation_losses_ = config.validation_losses
        self.epochs_ = config.epochs
        self.validation_ = config.validation
        return super()._adopt(settings, config, model)

    @property
    def columns_(self) -> ExampleColumns | None:
        """The roles of the columns of what was learned from; None where nothing had a name."""
        return self._fitted().columns

    @columns_.setter
    def columns_(self, columns: ExampleColumns | None) -> None:
        self._config = msgspec.structs.replace(self._fitted(), columns=columns)


class ItemEstimator(ExampleEstimator):
    """Base of the estimators whose ``fit`` takes items and what is to be said of each."""

    _fit_call = "fit(X, y)"
    _needs_y = True

    def _adopt(self: Self, settings: Any, config: Any, model: Any) -> Self:
        if isinstance(config.inputs, NumberCodec):
            self.n_channels_in_ = len(config.inputs.channels)
        return super()._adopt(settings, config, model)

    @property
    def item_kind_(self) -> ItemKind:
        """The kind of the items: ``numbers``, ``text``, ``tokens`` or ``audio``."""
        codec = self._fitted().inputs
        if isinstance(codec, TokenCodec):
            return "tokens" if codec.splitting == "given" else "text"
        return "audio" if isinstance(codec, AudioCodec) else "numbers"

    def steps(self, X: Any) -> list[list[str]]:
        """What each item is split into, by names: tokens, or for numbers and recordings the numbers of their steps.

        Args:
            X: items.
        """
        split = self._split()
        return [split(item) for item in X]

    def _split(self) -> Callable[[Any], list[str]]:
        """What an item is split into, by names; steps of numbers are counted."""
        codec = self._fitted().inputs
        if isinstance(codec, TokenCodec):
            return codec.encoder().split
        encode = codec.encoder()
        return lambda item: [str(n) for n in range(len(encode(item)))]
