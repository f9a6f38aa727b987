"""Random convolutions and the ridge on them, beside networks: their definitions, what each counts, model files."""

import numpy as np
import pytest

import unrolled
from unrolled import InputError, SequenceClassifier, SequenceRegressor, SequenceTagger
from unrolled.runtime.probabilities import softmax
from unrolled.tasks.sequences.combination import folds
from unrolled.tasks.sequences.convolutions import KERNELS, Convolutions
from unrolled.tasks.sequences.fitting import EncodedTargets
from unrolled.tasks.sequences.ridge import fit_classes, fit_numbers

TINY = {"hidden_size": 3, "members": 2, "max_epochs": 2, "random_state": 0}


def waves(N=40, seed=0):
    """Slow and quick waves of 12 to 30 steps from anywhere, in two channels of which one is noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(N) % 2
    X = []
    for kind in y:
        t = rng.uniform(0, 6) + np.arange(rng.integers(12, 30)) * (0.4, 1.1)[kind]
        X.append(np.stack([np.sin(t), rng.normal(size=len(t))], axis=1))
    return X, np.array(["slow", "quick"])[y]


def test_features_by_their_definition():
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(n, 3)).astype(np.float32) for n in (40, 33, 40, 5)]
    convolutions = Convolutions.fit(sequences, rng)
    config = convolutions.config
    assert (config.dilations, config.channels) == ([1, 2, 3, 4], 3)
    found = convolutions(sequences).reshape(4, *convolutions.thresholds.shape)
    for x, features in zip(sequences, found, strict=True):
        for n, dilation in enumerate(config.dilations):
            for kernel in (0, 17, 83):
                read = x @ convolutions.channels[n, kernel]
                spread = np.zeros(8 * dilation + 1)
                spread[::dilation] = KERNELS[kernel]
                middle = 4 * dilation
                c = np.convolve(read, spread[::-1])[middle : middle + len(x)]  # its kernel runs backwards
                expected = [(c > threshold).mean() for threshold in convolutions.thresholds[n, kernel]]
                np.testing.assert_allclose(features[n, kernel], expected, atol=1e-6)
    assert sorted(KERNELS.sum(1)) == [0] * 84
    assert len({tuple(kernel) for kernel in KERNELS}) == 84


def test_features_of_a_sequence_have_the_same_bits_alone_and_in_a_batch():
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(n, 2)).astype(np.float32) for n in (20, 1, 20, 31, 20)]
    convolutions = Convolutions.fit(sequences, rng)
    alone = np.concatenate([convolutions([each]) for each in sequences])
    assert convolutions(sequences).tobytes() == alone.tobytes()


def test_what_a_ridge_says_of_an_example_left_out_is_that_of_a_fit_without_it():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(12, 30)).astype(np.float32)
    targets = features[:, :2].astype(float) + 0.1 * rng.normal(size=(12, 2))
    ridge = fit_numbers(features, targets)
    scaled = (features - features.mean(0)) / features.std(0) / 30**0.5
    design = np.hstack([scaled, np.ones((12, 1))])
    left_out = []
    for penalty in np.logspace(-3, 3, 13):
        charge = np.diag([penalty] * 30 + [0])
        solved = [
            np.linalg.solve(design[rest].T @ design[rest] + charge, design[rest].T @ targets[rest])
            for rest in (np.delete(np.arange(12), n) for n in range(12))
        ]
        left_out.append(np.stack([row @ weights for row, weights in zip(design, solved, strict=True)]))
    best = min(left_out, key=lambda said: ((said - targets) ** 2).sum())
    np.testing.assert_allclose(ridge.left_out, best, atol=1e-6)


def test_classes_are_told_apart_with_probabilities_that_are_finite_without_a_mistake():
    rng = np.random.default_rng(0)
    classes = np.arange(60) % 3
    features = (rng.normal(size=(60, 20)) + 5 * np.eye(3, 20)[classes]).astype(np.float32)
    ridge = fit_classes(features, classes, 3)
    scores = features @ ridge.weight.T + ridge.bias
    assert (scores.argmax(1) == classes).all()
    assert (ridge.left_out.argmax(1) == classes).all()
    assert 0.8 < softmax(ridge.left_out)[np.arange(60), classes].mean() < 1


def test_each_network_leaves_out_another_fifth_of_each_class():
    values = np.array([0] * 25 + [1] * 10)
    parts = folds(EncodedTargets(values, values, 2, stratified=True), 5, seed=0)
    assert np.sort(np.concatenate(parts)).tolist() == list(range(35))
    assert [np.bincount(values[part]).tolist() for part in parts] == [[5, 2]] * 5
    assert folds(EncodedTargets(values[:9], values[:9], 2), 3, seed=0) == []


@pytest.mark.parametrize("estimator", [SequenceClassifier, SequenceRegressor])
def test_both_parts_answer_and_a_model_file_has_the_same_bits(estimator, tmp_path):
    X, y = waves()
    y = y if estimator is SequenceClassifier else 3 + 2.0 * (y == "slow")
    fitted = estimator(**TINY).fit(X, y)
    assert fitted.inferred_[-1].startswith("networks count ")
    assert fitted.score(X, y) > 0.9  # two epochs of networks alone do not
    fitted.save(tmp_path / "model")
    again = unrolled.load(tmp_path / "model")
    for items in (X, X[:1]):
        assert again.predict(items).tobytes() == fitted.predict(X)[: len(items)].tobytes()
    assert set(fitted.validation_) == set(fitted.evaluate(X, y))  # by items that networks have left out
    networks = estimator(**TINY, convolutions=False).fit(X, y)
    assert networks.model_.linear is None
    assert len(networks.inferred_) == 1


def test_what_counts_is_decided_by_examples_that_were_not_learned_from():
    X, y = waves()
    untrained = SequenceClassifier(**TINY, learning_rate=1e-6).fit(X, y).model_.networks
    assert untrained < 0.3
    assert SequenceClassifier(**TINY, validation_fraction=0).fit(X, y).model_.networks == 0.5  # nothing to decide by
    kept = SequenceClassifier(**TINY, learning_rate=1e-6, validation_fraction=0.5).fit(X, y)
    assert kept.model_.networks < 0.5


def test_convolutions_are_refused_where_there_can_be_none():
    X, y = waves(12)
    several = np.eye(2, dtype=int)[np.arange(12) % 2]
    for items, targets, weights in ((["good", "bad"] * 6, y, None), (X, several, None), (X, y, np.arange(1, 13))):
        model = SequenceClassifier(**TINY, convolutions=True)
        with pytest.raises(InputError, match="convolutions is True, expected None or False"):
            model.fit(items, targets, weights)
        assert SequenceClassifier(**TINY).fit(items, targets, weights).model_.linear is None
    tagger = SequenceTagger(hidden_size=3, max_epochs=1, random_state=0).fit(
        X, [["a", "b"] * (len(x) // 2) + ["a"] * (len(x) % 2) for x in X]
    )
    assert tagger.model_.linear is None
