"""What estimators share that say a target of each item: reading both, and a search whose parameters may change after fit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import msgspec

from unrolled.codecs.inputs import NumberCodec
from unrolled.codecs.target_tokens import TargetCodec
from unrolled.data.items import ItemKind, kind_of, read_items
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameters, checked, declared, parameter_values
from unrolled.tasks.generation.targets import Target, check_pairs, read_targets
from unrolled.tasks.item_estimator import ItemEstimator

__all__ = ["GivenPairs", "TargetEstimator"]


@dataclass(frozen=True)
class GivenPairs:
    """What was read: items, their targets, and what both are; the first ``learned`` are learned from."""

    items: list[Any]
    targets: list[Target]
    kind: ItemKind
    in_tokens: bool
    learned: int

    @property
    def identity(self) -> tuple[list[Any], list[Target], int]:
        """What a checkpoint knows the data by."""
        return self.items, self.targets, self.learned

    @classmethod
    def read(cls, X: Any, y: Any, validation: Any) -> GivenPairs:
        """Items and their targets, and those of ``validation (X, y)`` after them.

        Raises:
            InputError: they are of no or of several kinds, or not as many.

        >>> GivenPairs.read(["a", "b"], ["1", "2"], (["c"], ["3"]))
        GivenPairs(items=['a', 'b', 'c'], targets=['1', '2', '3'], kind='text', in_tokens=False, learned=2)
        """
        kind = kind_of(X)
        items, targets = read_items(X, kind=kind), read_targets(y, None)
        check_pairs(items, targets, "X", "y")
        in_tokens, learned = isinstance(targets[0], list), len(items)
        if validation is not None:
            if not isinstance(validation, tuple | list) or len(cast("list[Any]", validation)) != 2:
                raise InputError("validation is no pair of sources and their targets: give (X, y)")
            others, true = cast("Sequence[Any]", validation)
            more = read_items(others, kind=kind, channels=items[0].shape[1] if kind == "numbers" else None)
            said = read_targets(true, in_tokens, "validation's y")
            check_pairs(more, said, "validation's X", "validation's y")
            items, targets = [*items, *more], [*targets, *said]
        return cls(items, targets, kind, in_tokens, learned)


class TargetEstimator(ItemEstimator):
    """Base of the estimators that search what is said of each item.

    Predictions go by the parameters of the search that the estimator has now, and its model file keeps these.
    """

    _search_parameters: ClassVar[type[Parameters]]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, whole or not at all, with the parameters of the search that the estimator has now.

        Raises:
            InputError: not fitted, a parameter of the search is invalid, or ``path`` is a folder.
            OSError: the system refused; an older file is intact.
        """
        config = self._fitted()
        search = {name: getattr(self, name) for name in declared(self._search_parameters)}
        settings = checked(self._parameters, parameter_values(self._settings) | search)
        self._config = msgspec.structs.replace(config, settings=msgspec.json.decode(msgspec.json.encode(settings)))
        super().save(path)

    @property
    def target_kind_(self) -> Literal["text", "tokens"]:
        """Whether targets are texts or lists of tokens."""
        return "tokens" if self._fitted().targets.splitting == "given" else "text"

    @property
    def vocabulary_(self) -> list[str]:
        """The tokens that can be said."""
        return list(self._fitted().targets.vocabulary.entries)

    @property
    def targets_(self) -> TargetCodec:
        """What targets are split into, and made of."""
        return self._fitted().targets

    def _read(self, X: Any) -> list[Any]:
        codec = self._fitted().inputs
        channels = len(codec.channels) if isinstance(codec, NumberCodec) else None
        return read_items(X, kind=self.item_kind_, channels=channels)

    def _read_y(self, y: Any, items: Sequence[Any]) -> list[Target]:
        targets = read_targets(y, self.target_kind_ == "tokens")
        check_pairs(items, targets, "X", "y")
        return targets
