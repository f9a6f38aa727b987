"""Items that choose the epoch, given with the others."""

from __future__ import annotations

import numpy as np
import pytest

import unrolled
from unrolled.errors import InputError

rng = np.random.default_rng(0)
X = [rng.normal(size=(n, 1)) for n in rng.integers(4, 9, size=30)]
y = np.array([x.mean() for x in X])


def test_regression_keeps_back_what_was_given():
    regressor = unrolled.SequenceRegressor(hidden_size=4, members=1, max_epochs=3, random_state=0)
    regressor.fit(X[:20], y[:20], validation=(X[20:], y[20:]))
    assert regressor.validation_ == regressor.evaluate(X[20:], y[20:])
    # nothing of them was learned: the scale of the input is that of the others
    steps = np.concatenate(X[:20])
    assert regressor.model_.inputs.channels[0].mean == pytest.approx(steps.mean())


def test_a_given_validation_is_no_part_of_what_is_learned():
    """Whatever its targets are, the network of a single epoch is the same."""
    kinds = np.where(y > 0, "up", "down")
    states = []
    for others in (kinds[20:], kinds[20:][::-1]):
        classifier = unrolled.SequenceClassifier(hidden_size=4, members=1, max_epochs=1, random_state=0)
        classifier.fit(X[:20], kinds[:20], validation=(X[20:], others))
        states.append(classifier.predict_proba(X))
    np.testing.assert_array_equal(*states)


def test_what_could_not_be_learned_is_refused():
    classifier = unrolled.SequenceClassifier(hidden_size=4, members=1, max_epochs=1)
    with pytest.raises(InputError, match="validation holds 'c', which no item that is learned from has: leave it out"):
        classifier.fit(X[:4], ["a", "b", "a", "b"], validation=(X[4:6], ["a", "c"]))
    with pytest.raises(InputError, match="validation has 2 items and 1 targets: expected as many"):
        classifier.fit(X[:4], ["a", "b", "a", "b"], validation=(X[4:6], ["a"]))
    for no_pair in (X[4:7], np.ones((3, 4)), "ab"):
        with pytest.raises(InputError, match=r"validation is no pair of items .*: give \(X, y\), or a frame"):
            classifier.fit(X[:4], ["a", "b", "a", "b"], validation=no_pair)
    with pytest.raises(InputError, match="numbers a step"):
        classifier.fit(X[:4], ["a", "b", "a", "b"], validation=([np.ones((3, 2))], ["a"]))
    with pytest.raises(InputError, match="expected sequences of numbers"):
        classifier.fit(X[:4], ["a", "b", "a", "b"], validation=(["a text"], ["a"]))
    tagger = unrolled.SequenceTagger(hidden_size=4, max_epochs=1, min_count=1)
    with pytest.raises(InputError, match="validation holds 'C'"):
        tagger.fit([["x", "y"]] * 3, [["A", "B"]] * 3, validation=([["x"]], [["C"]]))
