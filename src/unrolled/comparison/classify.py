r"""Classification: one label for a sequence.

.. math:: p = \mathrm{softmax}(V\,h[T] + b), \qquad h = \mathrm{body}(x[1..T])

The answer is read off the last step, for all families alike. Scored is the share of right labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.inputs import NumberCodec
from unrolled.codecs.tokens import TokenCodec, TokenIds
from unrolled.comparison.body import BodyModule, BodyStart
from unrolled.comparison.family import Context
from unrolled.comparison.task import DROPOUT, PROBED, Part, Task, digest_of
from unrolled.errors import InputError
from unrolled.insight import GradientFlow, gradient_flow
from unrolled.networks.embedding import EmbeddingConfig
from unrolled.networks.encoder import Encoder, EncoderConfig
from unrolled.networks.length_batches import batches_of_similar_length
from unrolled.networks.stack import StackConfig
from unrolled.training.engine import NetworkOptions
from unrolled.training.examples import Examples, examples_problem
from unrolled.training.problem import Problem
from unrolled.training.target_loss import target_loss

__all__ = ["WORD_SIZE", "ClassifyTask", "Encoded", "classify_task", "encoded_items", "probed_items"]

WORD_SIZE = 32
"""Numbers of a word's vector."""
LONGEST = 200
"""Steps before now that a feed-forward net reads, at most."""


@dataclass(frozen=True)
class Encoded:
    """The items of three parts as networks read them.

    Attributes:
        parts: numbers ``[T, C]`` or tokens.
        tokens: sizes of vectors of words; None where steps are numbers.
        inputs: numbers a step.
        steps: as many as nine of ten in training have at most.
        longest: the most that one in training has.
    """

    parts: tuple[list[Any], list[Any], list[Any]]
    tokens: EmbeddingConfig | None
    inputs: int
    steps: int
    longest: int

    def arrays(self) -> list[NDArray[Any]]:
        """All items in order."""
        return [item.words if isinstance(item, TokenIds) else item for part in self.parts for item in part]


def encoded_items(parts: Sequence[Part], kind: str) -> Encoded:
    """Numbers standardised, or words by their places, as the training part has them; rare words are unknown.

    Raises:
        InputError: the items are of a kind that is not compared.
    """
    training = parts[0].items
    if kind == "numbers":
        numbers = NumberCodec.fit(training)
        encode: Callable[[Any], Any] = numbers.encoder()
        tokens, inputs = None, numbers.width
    elif kind in ("text", "tokens"):
        words = TokenCodec.fit(training, "words" if kind == "text" else "given", min_count=2, spelled=False)
        encode = words.encoder()
        tokens, inputs = EmbeddingConfig(len(words.words), WORD_SIZE), WORD_SIZE
    else:
        raise InputError(f"items are {kind}, expected numbers, texts or tokens: turn recordings into features first")
    found = [[encode(item) for item in part.items] for part in parts]
    lengths = [len(item) for item in found[0]]
    steps = int(np.quantile(lengths, 0.9, method="higher"))
    return Encoded((found[0], found[1], found[2]), tokens, inputs, steps, max(lengths))


def probed_items(items: Sequence[Any], most: int | None = None) -> tuple[list[int], list[Any]]:
    """Places of the longest of some items, and as many of their last steps as all of them have.

    Sequences of equal length tell alike how far back a gradient reaches; of others the longest alone would speak for what is
    farthest.
    """
    fitting = [n for n, item in enumerate(items) if most is None or len(item) <= most] or list(range(len(items)))
    chosen = sorted(fitting, key=lambda n: -len(items[n]))[:PROBED]
    steps = min(len(items[n]) for n in chosen)
    return chosen, [_last(items[n], steps) for n in chosen]


def _last(item: Any, steps: int) -> Any:
    return TokenIds(item.words[-steps:]) if isinstance(item, TokenIds) else item[-steps:]


@dataclass(frozen=True)
class ClassifyTask(Task):
    """Sequences with a class each.

    Attributes:
        encoded: what is read.
        targets: places of classes, of the three parts.
        classes: in order.
    """

    name = "classify"
    measure = "accuracy"
    best_is_high = is_share = True
    sees_ahead = True

    encoded: Encoded
    targets: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    classes: list[Any]

    def network(self, config: StackConfig, start: BodyStart | None) -> BodyModule:
        """An encoder with a score for each class."""
        shape = EncoderConfig(config, pooling="last", outputs=len(self.classes), tokens=self.encoded.tokens)
        return BodyModule(Encoder, shape, NetworkOptions(dropout=DROPOUT), start)

    def problem(self, make: Callable[[], BodyModule]) -> Problem[BodyModule, Any]:
        """Cross entropy."""
        training, validation = (Examples(self.encoded.parts[k], self.targets[k]) for k in (0, 1))
        return examples_problem(make, target_loss("one_of"), training, self.batch_size, validation=validation)

    def predict(self, module: BodyModule) -> NDArray[np.int64]:
        """Places of classes ``[N]``."""
        items = self.encoded.parts[2]
        found = np.zeros(len(items), np.int64)
        with torch.no_grad():
            for chosen in batches_of_similar_length([len(item) for item in items]):
                found[chosen] = module([items[n] for n in chosen]).argmax(1).numpy()
        return found

    def each(self, predictions: NDArray[np.int64], *, validation: bool = False) -> Values:
        """Whether each class is right."""
        return (predictions == self.targets[1 if validation else 2]).astype(np.float64)

    def flow(self, module: BodyModule) -> GradientFlow:
        """Along the ends of the longest sequences."""
        chosen, items = probed_items(self.encoded.parts[2])
        truth = torch.from_numpy(self.targets[2][chosen])
        return gradient_flow(module, ((items,), truth), torch.nn.functional.cross_entropy)

    @property
    def predicted_steps(self) -> int:
        """Those of all sequences."""
        return sum(map(len, self.encoded.parts[2]))


def classify_task(parts: Sequence[Part], kind: str, *, batch_size: int) -> ClassifyTask:
    """The task of three parts of items with a label each.

    Raises:
        InputError: there are fewer than two classes, or one that is not in the training part.
    """
    classes = sorted(set(parts[0].targets))
    if len(classes) < 2:
        raise InputError("the training part has one class only: there is nothing to tell apart")
    known = {label: place for place, label in enumerate(classes)}
    unknown = next((label for part in parts for label in part.targets if label not in known), None)
    if unknown is not None:
        raise InputError(f"class {unknown!r} is not in the training part: give more examples of it")
    encoded = encoded_items(parts, kind)
    targets = [np.array([known[label] for label in part.targets], np.int64) for part in parts]
    counts = [len(part.items) for part in parts]
    about = f"{counts[0]:,} sequences to learn from, {counts[1]:,} to validate, {counts[2]:,} to test; {len(classes)} classes"
    digest = digest_of([*encoded.arrays(), *targets])
    context = Context(encoded.inputs, encoded.steps, before=min(encoded.longest, LONGEST))
    return ClassifyTask(context, batch_size, about, digest, encoded, (targets[0], targets[1], targets[2]), classes)
