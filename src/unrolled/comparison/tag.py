r"""Tagging: one label for each step.

.. math:: p[t] = \mathrm{softmax}(V\,h[t] + b), \qquad h = \mathrm{body}(x[1..T])

Scored is the share of steps with the right tag.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.tag_scheme import tag_order
from unrolled.comparison.body import BodyModule, BodyStart
from unrolled.comparison.classify import Encoded, encoded_items, probed_items
from unrolled.comparison.family import Context
from unrolled.comparison.task import DROPOUT, Part, Task, digest_of
from unrolled.errors import InputError
from unrolled.insight import GradientFlow, gradient_flow
from unrolled.networks.length_batches import batches_of_similar_length
from unrolled.networks.stack import StackConfig
from unrolled.networks.tagger import Tagger, TaggerConfig, TagScores
from unrolled.training.engine import NetworkOptions
from unrolled.training.examples import Examples, examples_problem
from unrolled.training.problem import Problem
from unrolled.training.tag_loss import tag_loss

__all__ = ["TagTask", "tag_task"]

AROUND = 2
"""Steps on either side that a feed-forward net reads."""
UNKNOWN = -100
"""In the place of a tag that the training part lacks: no answer is right, and the loss leaves it out."""
LONGEST_PROBED = 40
"""Steps along which effective memory is measured, at most."""


@dataclass(frozen=True)
class TagTask(Task):
    """Sequences with a tag for each step.

    Attributes:
        encoded: what networks read.
        items: what was read of the file, of the three parts.
        targets: places of tags ``[T]`` of each item, of the three parts.
        tags: in order.
    """

    name = "tag"
    measure = "accuracy"
    best_is_high = is_share = True
    sees_ahead = True

    encoded: Encoded
    items: tuple[list[Any], list[Any], list[Any]]
    targets: tuple[list[NDArray[np.int64]], list[NDArray[np.int64]], list[NDArray[np.int64]]]
    tags: list[str]

    def network(self, config: StackConfig, start: BodyStart | None) -> BodyModule:
        """A tagger that scores each tag by itself."""
        shape = TaggerConfig(config, len(self.tags), tokens=self.encoded.tokens, crf=False)
        return BodyModule(Tagger, shape, NetworkOptions(dropout=DROPOUT), start)

    def problem(self, make: Callable[[], BodyModule]) -> Problem[BodyModule, Any]:
        """Cross entropy of each step."""
        loss = tag_loss(tag_order(self.tags, "none"))
        training, validation = (Examples(self.encoded.parts[k], self.targets[k]) for k in (0, 1))
        return examples_problem(make, loss, training, self.batch_size, validation=validation)

    def predict(self, module: BodyModule) -> list[NDArray[np.int64]]:
        """Places of tags."""
        items = self.encoded.parts[2]
        found = [np.zeros(0, np.int64)] * len(items)
        with torch.no_grad():
            for chosen in batches_of_similar_length([len(item) for item in items]):
                scores: TagScores = module([items[n] for n in chosen])
                best = scores.emissions.argmax(2).numpy()
                for place, n in enumerate(chosen):
                    found[n] = best[: scores.lengths[place], place]
        return found

    def each(self, predictions: list[NDArray[np.int64]], *, validation: bool = False) -> Values:
        """Whether the tag of each step is right."""
        targets = self.targets[1 if validation else 2]
        return (np.concatenate(predictions) == np.concatenate(targets)).astype(np.float64)

    def flow(self, module: BodyModule) -> GradientFlow:
        """Of the tag of the last step, along the ends of long sequences."""
        chosen, items = probed_items(self.encoded.parts[2], LONGEST_PROBED)
        truth = torch.tensor([max(0, self.targets[2][n][-1]) for n in chosen])

        def loss(scores: TagScores, truth: torch.Tensor) -> torch.Tensor:
            last = scores.emissions[torch.from_numpy(scores.lengths) - 1, torch.arange(len(scores.lengths))]
            return torch.nn.functional.cross_entropy(last, truth)

        return gradient_flow(module, ((items,), truth), loss)

    @property
    def predicted_steps(self) -> int:
        """Those of all sequences."""
        return sum(map(len, self.encoded.parts[2]))


def tag_task(parts: Sequence[Part], kind: str, *, batch_size: int) -> TagTask:
    """The task of three parts of items with a tag for each step.

    A tag that the training part lacks is never right, and leaves no mark on the loss.

    Raises:
        InputError: there are fewer than two tags.
    """
    tags = sorted({*chain(*parts[0].targets)})
    if len(tags) < 2:
        raise InputError("the training part has one tag only: there is nothing to tell apart")
    known = {tag: place for place, tag in enumerate(tags)}
    encoded = encoded_items(parts, kind)
    targets = [
        [np.array([known.get(tag, UNKNOWN) for tag in each], np.int64) for each in part.targets] for part in parts
    ]
    counts = [f"{len(part.items):,} sequences ({sum(map(len, part.targets)):,} steps)" for part in parts]
    about = f"{counts[0]} to learn from, {counts[1]} to validate, {counts[2]} to test; {len(tags)} tags"
    digest = digest_of([*encoded.arrays(), *chain(*targets)])
    context = Context(encoded.inputs, encoded.steps, before=AROUND + 1, after=AROUND)
    items = (list(parts[0].items), list(parts[1].items), list(parts[2].items))
    return TagTask(context, batch_size, about, digest, encoded, items, (targets[0], targets[1], targets[2]), tags)
