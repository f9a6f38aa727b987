"""How training fits the amount of data: the rule, and how it reaches an estimator."""

import numpy as np
import pytest

from unrolled import SequenceClassifier, SequenceTagger
from unrolled.parameters.amount import Amount, training_by_amount
from unrolled.tasks.sequences.parameters import sequence_training


def test_the_rule_gives_few_examples_small_batches_and_enough_steps():
    assert training_by_amount(36) == Amount(36, 4, 167, 0.0, 3)  # 9 batches an epoch, 1,503 steps
    assert training_by_amount(199).validation_fraction == 0
    assert training_by_amount(200) == Amount(200, 6, 60, 0.1, 3)  # 34 batches, 2,040 steps
    assert training_by_amount(1999, epochs=20, members=1) == Amount(1999, 32, 24, 0.1, 3)
    assert training_by_amount(5000, epochs=20, members=1) == Amount(5000, 32, 20, 0.1, 1)


def test_taggers_keep_nothing_back_below_2000_sentences():
    kept_back = {N: sequence_training(SequenceTagger(), N).validation_fraction for N in (199, 200, 1000, 1999, 2000)}
    assert kept_back == {199: 0, 200: 0, 1000: 0, 1999: 0, 2000: 0.1}
    assert sequence_training(SequenceTagger(validation_fraction=0.2), 1000).validation_fraction == 0.2
    assert sequence_training(SequenceClassifier(), 200).validation_fraction == 0.1


@pytest.mark.parametrize("examples", [1, 3, 20, 70, 150, 333, 1000])
def test_training_takes_1500_steps_at_least(examples):
    amount = training_by_amount(examples, epochs=1)
    steps = amount.max_epochs * -(-examples // amount.batch_size)
    assert 1500 <= steps < 1500 + -(-examples // amount.batch_size)


def test_an_estimator_fills_in_what_is_left_open_and_says_so():
    X, y = np.random.default_rng(0).normal(size=(20, 3)), ["a", "b"] * 10
    tiny = {"hidden_size": 2, "members": 1, "random_state": 0}
    planned = []

    def stop(progress):
        planned.append(progress.steps)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SequenceClassifier(**tiny, convolutions=False, callback=stop).fit(X, y)
    assert planned == [1500]  # 300 epochs of 5 batches
    given = SequenceClassifier(**tiny, max_epochs=2, batch_size=6).fit(X, y)
    assert given.inferred_[:1] == ["1 network, batches of 6, 2 epochs, nothing kept back: 20 examples"]
    assert (given.batch_size, given.validation_fraction) == (6, None)
    kept = SequenceClassifier(**tiny, max_epochs=2, validation_fraction=0.2).fit(X, y)
    assert kept.inferred_[:1] == ["1 network, batches of 4, 2 epochs, 20% kept back: 20 examples"]
    assert kept.validation_ is not None
    assert SequenceClassifier(**tiny, max_epochs=2, convolutions=False).fit(X, y).validation_ is None
    tagger = SequenceTagger(hidden_size=2, max_epochs=1, random_state=0).fit([["a"]] * 30, [["A"], ["B"]] * 15)
    assert tagger.inferred_ == ["3 networks, batches of 4, 1 epoch, nothing kept back: 30 examples"]
    assert len(tagger.model_.members) == 3
