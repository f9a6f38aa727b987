"""Classifier and regressor of whole sequences: what they learn, what they refuse, what a model file keeps."""

import subprocess
import sys

import numpy as np
import pytest

import unrolled
from unrolled import InputError, SequenceClassifier, SequenceRegressor
from unrolled.metrics.classes import accuracy, macro_f1
from unrolled.metrics.regression import regression_measures
from unrolled.networks.encoder import Encoder, EncoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.runtime.probabilities import sigmoid, softmax
from unrolled.training.length_buckets import length_buckets

TINY = {
    "hidden_size": 8, "members": 1, "max_epochs": 25, "random_state": 0, "learning_rate": 0.02, "batch_size": 32,
    "validation_fraction": 0.1,
}  # fmt: skip


def walks(seed=0, N=80, channels=2):
    """Random walks of 5 to 20 steps that rise or fall, and which."""
    rng = np.random.default_rng(seed)
    up = rng.random(N) < 0.5
    steps = [0.7 * (1 if rises else -1) + rng.normal(size=(rng.integers(5, 20), channels)) for rises in up]
    return [each.cumsum(0) for each in steps], np.where(up, "up", "down")


@pytest.fixture(scope="module")
def fitted():
    return SequenceClassifier(**TINY).fit(*walks())


def test_it_learns_what_can_be_learned(fitted):
    X, y = walks(seed=1)
    assert fitted.score(X, y) > 0.9
    assert fitted.classes_.tolist() == ["down", "up"]
    assert fitted.validation_["accuracy"] > 0.7
    p = fitted.predict_proba(X)
    assert p.shape == (80, 2)
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-12)
    assert (fitted.classes_[p.argmax(1)] == fitted.predict(X)).all()


def test_pooling_by_its_equation():
    """Of a layer whose outputs are known, each pooling as a loop over one sequence's own steps."""
    rng = np.random.default_rng(0)
    for pooling in ("mean", "max", "attention"):
        config = EncoderConfig(StackConfig("gru", 2, 3, 1), pooling, 3)
        tensors = {name: rng.normal(size=size).astype(dtype) for name, (size, dtype) in config.parameters().items()}
        tensors["head.weight"], tensors["head.bias"] = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
        encoder = Encoder(KernelEngine(tensors), config)
        long, short = rng.normal(size=(9, 2)).astype(np.float32), rng.normal(size=(4, 2)).astype(np.float32)
        y = encoder.rnn(short[:, None])[0][:, 0].astype(np.float64)
        if pooling == "attention":
            score = np.tanh(y @ tensors["attention.weight"].T + tensors["attention.bias"]) @ tensors["score"][0]
            expected = (np.exp(score) / np.exp(score).sum()) @ y
        else:
            expected = y.mean(0) if pooling == "mean" else y.max(0)
        np.testing.assert_allclose(encoder.scores([long, short])[1], expected, rtol=1e-5, atol=1e-6)


def test_a_model_file_keeps_every_bit_and_needs_no_torch(fitted, tmp_path):
    X, _ = walks(seed=2)
    fitted.save(tmp_path / "model.safetensors")
    again = unrolled.load(tmp_path / "model.safetensors")
    assert (again.predict_proba(X) == fitted.predict_proba(X)).all()
    assert again.get_params() == fitted.get_params()
    assert (again.validation_, again.epochs_, again.seed_) == (fitted.validation_, fitted.epochs_, fitted.seed_)
    np.savez(tmp_path / "data.npz", *X)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np, unrolled\n"
        f"X = list(np.load({str(tmp_path / 'data.npz')!r}).values())\n"
        f"p = unrolled.load({str(tmp_path / 'model.safetensors')!r}).predict_proba(X)\n"
        f"np.save({str(tmp_path / 'p.npy')!r}, p)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (np.load(tmp_path / "p.npy") == fitted.predict_proba(X)).all()


def test_the_same_seed_gives_the_same_model():
    X, y = walks(N=30)
    first, second = (SequenceClassifier(**TINY).set_params(max_epochs=3).fit(X, y) for _ in range(2))
    assert (first.predict_proba(X) == second.predict_proba(X)).all()
    other = SequenceClassifier(**TINY).set_params(max_epochs=3, random_state=1).fit(X, y)
    assert (first.predict_proba(X) != other.predict_proba(X)).any()


def test_several_classes_at_once():
    X, y = walks()
    long = np.array([len(x) > 12 for x in X])
    Y = np.stack([y == "up", long], axis=1).astype(int)
    classifier = SequenceClassifier(**TINY).set_params(max_epochs=150, pooling="mean", hidden_size=16).fit(X, Y)
    p = classifier.predict_proba(X)
    assert p.shape == (80, 2)
    assert ((p > 0.5) == classifier.predict(X)).all()
    assert (classifier.predict(X) == Y).mean() > 0.8
    with pytest.raises(InputError, match="expected zeros and ones"):
        SequenceClassifier(**TINY).fit(X, Y * 2)
    with pytest.raises(InputError, match="class_weight is for one class a sequence"):
        SequenceClassifier(**TINY, class_weight="balanced").fit(X, Y)


def test_balanced_weights_find_the_rare_class():
    rng = np.random.default_rng(0)
    rare = np.arange(200) % 20 == 0
    X = (rng.normal(size=(200, 6, 1)) + 0.8 * rare[:, None, None]).astype(np.float32)
    options = {**TINY, "max_epochs": 10, "validation_fraction": 0.0}
    plain = SequenceClassifier(**options).fit(X, rare)
    balanced = SequenceClassifier(**options, class_weight="balanced").fit(X, rare)
    assert balanced.predict(X)[rare].mean() > plain.predict(X)[rare].mean()


def test_regression_of_one_number_and_of_two():
    X, _ = walks(channels=1)
    y = np.array([100 + 10 * x.mean() for x in X])
    options = {**TINY, "max_epochs": 80, "hidden_size": 16}
    regressor = SequenceRegressor(**options).fit(X, y)
    assert regressor.score(X, y) > 0.9
    assert regressor.predict(X).shape == (80,)
    Y = np.stack([y, [len(x) for x in X]], axis=1)
    both = SequenceRegressor(**options).fit(X, Y)
    assert both.predict(X).shape == (80, 2)
    assert set(both.validation_) == {"r2", "mae", "rmse"}


def test_measures_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="compares with scikit-learn, which is not installed")
    rng = np.random.default_rng(0)
    y, predicted = rng.integers(0, 4, 50), rng.integers(0, 5, 50)
    assert accuracy(y, predicted) == pytest.approx(metrics.accuracy_score(y, predicted))
    assert macro_f1(y, predicted) == pytest.approx(metrics.f1_score(y, predicted, average="macro"))
    a, b = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    found = regression_measures(a, b)
    assert found["r2"] == pytest.approx(metrics.r2_score(a, b))
    assert found["rmse"] == pytest.approx(metrics.mean_squared_error(a, b) ** 0.5)


def test_probabilities_at_the_ends():
    scores = np.float32([[0, 1000, -1000], [-5000, -5000, -5001]])
    p = softmax(scores)
    np.testing.assert_allclose(p[0], [0, 1, 0], atol=1e-300)
    np.testing.assert_allclose(p[1, 0] / p[1, 2], np.e)
    assert sigmoid(np.float32([[-1000, 1000]])).tolist() == [[0, 1]]


def test_batches_hold_every_sequence_once_and_little_padding():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 100, size=333)
    batches = list(length_buckets(lengths, 8, rng))
    assert sorted(np.concatenate(batches)) == list(range(333))
    padding = sum(lengths[b].max() * len(b) for b in batches) / lengths.sum()
    assert padding < 1.1


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([np.ones((3, 2)), np.ones((4, 3))], [0, 1], "sequence 1 has 3 numbers a step, the first has 2"),
        ([np.ones((3, 2)), np.full((4, 2), np.nan)], [0, 1], "sequence 1, step 0, number 0 is NaN: fill it"),
        ([np.ones((3, 2)), np.ones((0, 2))], [0, 1], "every sequence needs at least one step"),
        ([np.ones((3, 2)), [["a", "b"]]], [0, 1], "sequence 1 does not hold numbers"),
        (np.ones((3, 4, 2)), [0, 1], "there are 3 sequences and 2 targets"),
        (np.ones((3, 4, 2)), [1, 1, 1], "y holds one class, 1: a classifier needs sequences of 2 classes"),
        (np.ones((3, 4, 2)), [0.5, 1.0, 0.25], "y holds fractions, which are no classes"),
        (np.ones((3, 4, 2)), [0.0, np.nan, 1.0], "y holds NaN or infinity"),
        (np.ones((3, 4, 2)), np.array(["a", 1, "b"], object), "y holds labels of the types int, str, expected one"),
        (np.ones(3), [0, 1, 1], r"the data has shape \[3\], expected a list of arrays"),
        ([], [], "there are 0 sequences"),
    ],
)
def test_what_is_no_sequence_or_no_class_is_refused(X, y, message):
    with pytest.raises(InputError, match=message):
        SequenceClassifier(**TINY).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cell": "gruu"}, "cell is 'gruu', expected one of rnn, rnn_tanh"),
        ({"pooling": "sum"}, "pooling is 'sum', expected one of last, mean, max, attention"),
        ({"hidden_size": 0}, "hidden_size is 0, expected at least 1"),
        ({"dropout": 1.0}, "dropout is 1.0, expected from 0 to below 1"),
        ({"validation_fraction": 0.9}, "validation_fraction is 0.9, expected from 0"),
        ({"class_weight": "heavy"}, "class_weight is 'heavy', expected balanced, or a dictionary"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters, message):
    with pytest.raises(InputError, match=message):
        SequenceClassifier(**parameters).fit(*walks(N=12))


def test_predictions_for_other_data_are_refused(fitted):
    with pytest.raises(InputError, match="sequence 0 has 3 numbers a step, the model was trained on 2"):
        fitted.predict([np.ones((4, 3))])
    with pytest.raises(InputError, match="not fitted yet"):
        SequenceRegressor().predict([np.ones((4, 3))])
    with pytest.raises(InputError, match=r"y has shape \[2\], the predictions have \[1\]"):
        fitted.evaluate([np.ones((4, 2))], ["up", "down"])
