"""Every estimator trains every cell whose mathematics allow it; no option of training is accepted and ignored."""

from __future__ import annotations

import numpy as np
import pytest

import unrolled
from unrolled import InputError
from unrolled.cells import CELLS

RNG = np.random.default_rng(0)
X = [RNG.normal(size=(n, 4)) for n in (5, 7, 6, 8, 5, 9, 6, 7)]
WAVE = np.sin(np.arange(300) / 5) + 0.1 * RNG.normal(size=300)
TINY = {"hidden_size": 4, "max_epochs": 3, "members": 1, "random_state": 0}
NEEDED = {"lstmp": {"cell_sizes": {"proj_size": 2}}}


def classifier(**given):
    made = unrolled.SequenceClassifier(**{"differences": False, **TINY, **given}, bidirectional=False)
    return made.fit(X, ["a", "b"] * 4), lambda fitted: fitted.predict_proba(X)


def tagger(**given):
    tags = [["p" if value > 0 else "n" for value in x[:, 0]] for x in X]
    made = unrolled.SequenceTagger(**{"cell": "gru", **TINY, **given}, bidirectional=False)
    return made.fit(X, tags), lambda fitted: np.concatenate(fitted.predict_proba(X))


def regressor(**given):
    made = unrolled.SequenceRegressor(**{**TINY, **given}, bidirectional=False)
    return made.fit(X, np.arange(8.0)), lambda fitted: fitted.predict(X)


def detector(**given):
    four = np.stack([WAVE] * 4, axis=1)
    made = unrolled.AnomalyDetector(**{"window": 8, **TINY, **given})
    return made.fit(four), lambda fitted: fitted.score_samples(four)


def last(**given):
    return classifier(pooling="last", **given)


def reconstruction(**given):
    return detector(method="reconstruction", code_size=3, **given)


def forecaster(**given):
    made = unrolled.Forecaster(**{"season_length": 4, "input_window": 4, "horizon": 2, **TINY, **given})
    return made.fit(np.stack([WAVE[n : n + 40] for n in range(3)])), lambda fitted: fitted.predict()


def windows(**given):
    return forecaster(method="windows", **{"input_window": 12, **given})


@pytest.mark.parametrize("fit", [classifier, tagger, detector, forecaster], ids=lambda fit: fit.__name__)
@pytest.mark.parametrize("cell", ["rnn", *CELLS])
def test_every_estimator_trains_saves_and_runs_every_cell(fit, cell, tmp_path):
    fitted, predict = fit(cell=cell, **NEEDED.get(cell, {}))
    fitted.save(tmp_path / "model")
    np.testing.assert_array_equal(predict(unrolled.load(tmp_path / "model")), predict(fitted))


OPTIONS = [
    {"dropout": 0.4}, {"input_dropout": 0.4}, {"state_dropout": 0.4}, {"recurrent_dropout": 0.4}, {"weight_drop": 0.4},
    {"zoneout": 0.4}, {"start": "orthogonal"}, {"forget_bias": 3.0}, {"chrono": 20}, {"truncate": 2},
    {"schedule": "constant"}, {"warmup": 1}, {"weight_decay": 0.9}, {"clip_norm": 0.01}, {"learning_rate": 0.02},
    {"max_epochs": 4}, {"batch_size": 2}, {"hidden_size": 5}, {"num_layers": 2}, {"residual": True, "num_layers": 2},
    {"activations": ("hard_sigmoid", "tanh")}, {"random_state": 1}, {"cell": "lstm"},
]  # fmt: skip


@pytest.mark.parametrize(
    "fit",
    [classifier, last, regressor, tagger, detector, reconstruction, forecaster, windows],
    ids=lambda fit: fit.__name__,
)
def test_every_option_changes_what_is_learned(fit):
    usual = fit()[0].losses_
    two_layers = fit(num_layers=2)[0].losses_
    for option in OPTIONS:
        found = fit(**option)[0].losses_
        assert found != (two_layers if "residual" in option else usual), option


def test_an_option_that_a_cell_cannot_have_is_refused_with_the_reason():
    with pytest.raises(InputError, match="weight_drop: no matrix meets the state"):
        classifier(cell="indrnn", weight_drop=0.1)
    with pytest.raises(InputError, match="leaves 0 activation function"):
        classifier(cell="sru", activations="relu")
