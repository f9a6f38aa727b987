"""Tag every step of a sequence."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.labels import Labels
from unrolled.codecs.tag_scheme import check_tags, infer_scheme, missed_scheme, tag_order
from unrolled.data.containers import in_order
from unrolled.errors import InputError
from unrolled.metrics.classes import accuracy, macro_f1
from unrolled.metrics.entities import EntityMetrics, entity_metrics
from unrolled.networks.embedding import EmbeddingConfig
from unrolled.networks.length_batches import batches_of_similar_length
from unrolled.networks.stack import StackConfig
from unrolled.networks.tagger import TaggerConfig
from unrolled.parameters.declaration import require
from unrolled.runtime.decoding.crf import Crf
from unrolled.runtime.decoding.viterbi import k_best, viterbi
from unrolled.tasks.checks import check_count
from unrolled.tasks.sequences.estimator import SequenceEstimator
from unrolled.tasks.sequences.fitting import EncodedTargets
from unrolled.tasks.sequences.model import SequenceConfig
from unrolled.tasks.sequences.parameters import TaggerParameters
from unrolled.tasks.weights_loss import Told

__all__ = ["SequenceTagger"]

Tags = list[str]


class Taggings(list[Tags]):
    """Lists of tags, one a sequence; as an array each of them is one object, so that NumPy can join and select them."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        array = np.empty(len(self), object)
        for n, tags in enumerate(self):
            array[n] = tags
        return array


class SequenceTagger(SequenceEstimator, TaggerParameters):
    r"""Predict a tag for every step: embeddings of words and their spellings, or numbers; recurrent layers; a
    linear-chain CRF.

    Equations: :mod:`unrolled.networks.embedding`, :mod:`unrolled.networks.tagger` and :mod:`unrolled.runtime.decoding.crf`. The
    networks are trained on :math:`-\log p(\text{tags})` with Adam, and their scores are averaged.

    Attributes:
        validation_: accuracy of steps, macro F1, and F1 of entities in a scheme, on the sequences kept back, or None. The others
            are those of :class:`unrolled.SequenceClassifier`, except for classes.

    >>> X = [["a", "cat", "sleeps"], ["the", "dog", "barks"], ["a", "dog", "sleeps"], ["the", "cat", "purrs"]]
    >>> y = [["DET", "NOUN", "VERB"]] * 4
    >>> tagger = SequenceTagger(hidden_size=8, max_epochs=30, min_count=1, random_state=0).fit(X, y)
    >>> tagger.predict([["the", "cat", "barks"]])
    [['DET', 'NOUN', 'VERB']]
    """

    _parameters = TaggerParameters
    _target_level = "step"
    _noun = "tag"

    @property
    def tags_(self) -> list[str]:
        """The tags in order."""
        labels = self._fitted().labels
        assert labels is not None
        return [str(tag) for tag in labels.values]

    @property
    def scheme_(self) -> str:
        """The scheme that keeps the tags in order."""
        return self._fitted().scheme

    def predict(self, X: Any) -> Taggings:
        """The most probable tags of each sequence as a whole (Viterbi)."""
        crf, tags, items = self._crf(), self.tags_, self._read(X).items
        found = Taggings([[]] * len(items))
        for chosen, scores, lengths in self._batches(items):
            paths = viterbi(crf, scores, lengths).paths
            for place, n in enumerate(chosen):
                found[n] = [tags[k] for k in paths[: lengths[place], place]]
        return found

    def predict_proba(self, X: Any) -> list[Values]:
        """Marginal probability of each tag at each step, ``[T_i, K]`` in the order of ``tags_``."""
        crf, items = self._crf(), self._read(X).items
        found: list[Values] = [np.empty((0, 0))] * len(items)
        for chosen, scores, lengths in self._batches(items):
            p = crf.marginals(scores, lengths)
            for place, n in enumerate(chosen):
                found[n] = p[: lengths[place], place].copy()
        return found

    def predict_k_best(self, X: Any, k: int) -> list[list[tuple[Tags, float]]]:
        """The ``k`` most probable tag sequences of each sequence, with their probabilities; fewer if there are no
        more."""
        check_count("k", k)
        crf, tags, items = self._crf(), self.tags_, self._read(X).items
        found: list[list[tuple[Tags, float]]] = [[]] * len(items)
        for chosen, scores, lengths in self._batches(items):
            best = k_best(crf, scores, lengths, k)
            for place, n in enumerate(chosen):
                paths = best.paths[:, : lengths[place], place]
                found[n] = [
                    ([tags[tag] for tag in path], float(p))
                    for path, p in zip(paths, best.probabilities[:, place], strict=True)
                    if path[0] >= 0
                ]
        return found

    def _numbers_and_answers(self, X: Any, y: Any) -> Told:
        marginals = [p.ravel() for p in self.predict_proba(X)]
        return Told("probabilities of tags", np.concatenate(marginals), self.predict(X))

    def score(self, X: Any, y: Any = None) -> float:
        """Accuracy: the share of steps whose tag is right."""
        return self.evaluate(X, y)["accuracy"]

    def evaluate(self, X: Any, y: Any = None) -> dict[str, float]:
        """Accuracy and macro F1 of steps; in a scheme also precision, recall and F1 of entities.

        A tag the model does not know counts as wrong. A frame may have a column of what is true.

        Raises:
            InputError: ``y`` does not fit ``X``, or is in another scheme than the model's.
        """
        items, given = self._read_with_y(X, y)
        tags = _read_tags(given, items)
        predicted = self.predict(items)
        true, predictions = (np.array([tag for each in part for tag in each]) for part in (tags, predicted))
        found = {"accuracy": accuracy(true, predictions), "macro_f1": macro_f1(true, predictions)}
        if self.scheme_ != "none":
            micro = self._entities(tags, predicted).micro
            found |= {"precision": micro.precision, "recall": micro.recall, "f1": micro.f1}
        return found

    def entities(self, X: Any, y: Any = None) -> EntityMetrics:
        """Precision, recall and F1 of entities, by type; an entity is right if its type, first step and last step are
        right.

        Raises:
            InputError: the tags follow no scheme, so they do not mark entities.
        """
        if self.scheme_ == "none":
            raise InputError("the tags mark no entities (scheme 'none'); evaluate(X, y) gives the accuracy of steps")
        items, tags = self._read_with_y(X, y)
        return self._entities(_read_tags(tags, items), self.predict(items))

    def _entities(self, true: Sequence[Tags], predicted: Sequence[Tags]) -> EntityMetrics:
        return entity_metrics(true, predicted, self._fitted().scheme)

    def _crf(self) -> Crf:
        transitions, start, end = self.model_.transition_scores()
        return Crf.ordered(transitions, start, end, tag_order(self.tags_, self._fitted().scheme))

    def _batches(self, items: Sequence[Any]) -> Iterator[tuple[list[int], Values, NDArray[np.int64]]]:
        """Places of items of similar length, their scores ``[T, B, K]`` and lengths ``[B]``."""
        scores = self.model_.tag_scores(items)
        for chosen in batches_of_similar_length([len(each) for each in scores]):
            lengths = np.array([len(scores[n]) for n in chosen])
            padded = np.zeros((lengths.max(), len(chosen), scores[chosen[0]].shape[1]))
            for place, n in enumerate(chosen):
                padded[: lengths[place], place] = scores[n]
            yield chosen, padded, lengths

    @staticmethod
    def _loss(encoded: EncodedTargets) -> Any:
        from unrolled.training.tag_loss import tag_loss

        assert encoded.labels is not None
        return tag_loss(tag_order([str(tag) for tag in encoded.labels.values], encoded.scheme))

    @staticmethod
    def _shape(
        stack: StackConfig, tokens: EmbeddingConfig | None, outputs: int, settings: TaggerParameters
    ) -> TaggerConfig:
        return TaggerConfig(stack, outputs, tokens, settings.crf)

    @staticmethod
    def _outputs(config: SequenceConfig, settings: TaggerParameters) -> int:
        require("targets", config.targets, not config.targets, "none: a tagger predicts tags")
        scheme, tags = settings.scheme, [] if config.labels is None else config.labels.values
        texts = [tag for tag in tags if isinstance(tag, str) and tag]
        require("labels.values", tags, len(tags) >= 2 and len(texts) == len(tags), "2 tags at least, all of them texts")
        require("scheme", config.scheme, scheme in ("infer", config.scheme), f"{scheme!r}, as in settings")
        tag_order(texts, config.scheme)  # which each tag has to be in
        return len(tags)

    def _read_y(self, y: Any, items: Sequence[Any]) -> list[Tags]:
        return _read_tags(y, items)

    def _encode_targets(self, y: list[Tags], settings: TaggerParameters) -> EncodedTargets:
        tags = y
        labels = Labels.fit(np.array([tag for each in tags for tag in each]))
        if len(labels.values) < 2:
            raise InputError(f"y holds one tag, {labels.values[0]!r}: a tagger needs 2 at least")
        scheme = infer_scheme(tags) if settings.scheme == "infer" else settings.scheme
        missed = missed_scheme(tags) if settings.scheme == "infer" else None
        if missed is not None:
            warnings.warn(
                f"the tags are taken in any order, for they keep to no scheme: {missed}", UserWarning, stacklevel=3
            )
        check_tags(tags, scheme)
        places = [labels.encode(np.array(each)) for each in tags]
        return EncodedTargets(tags, places, len(labels.values), labels=labels, scheme=scheme)


def _read_tags(y: Any, items: Sequence[Any]) -> list[Tags]:
    """``y`` as a list of tags for each sequence, of the sequence's length."""
    if isinstance(y, str) or not hasattr(y, "__len__"):
        raise InputError(f"y is {y!r}, expected a list of tags for each sequence")
    given = in_order(y, "lists of tags")
    if len(given) != len(items):
        raise InputError(f"there are {len(items)} sequences and {len(given)} lists of tags: expected as many")
    tags: list[Tags] = []
    for n, (each, item) in enumerate(zip(given, items, strict=True)):
        if isinstance(each, str) or not hasattr(each, "__len__"):
            raise InputError(f"y of sequence {n} is {each!r}, expected a list of tags, one a step")
        if len(each) != len(item):
            raise InputError(f"sequence {n} has {len(item)} steps and {len(each)} tags: expected one a step")
        tags.append([_tag(tag, n, step) for step, tag in enumerate(in_order(each, "tags"))])
    return tags


def _tag(tag: Any, n: int, step: int) -> str:
    if not isinstance(tag, str) or not tag:
        raise InputError(f"sequence {n}, step {step}: the tag is {tag!r}, expected a str; convert numbers with str()")
    return str(tag)
