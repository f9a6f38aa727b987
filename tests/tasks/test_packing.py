"""A loaded model packs its weights for the kernels once, however often it is asked; copies begin without."""

import copy
import pickle

import numpy as np
import pytest

import unrolled
from unrolled.kernels.packed import PackedWeights

SERIES = np.sin(np.arange(240) / 4) + np.arange(240) / 100
MEMBERS, LAYERS, CALLS = 2, 2, 1000
SMALL = {"members": MEMBERS, "num_layers": LAYERS, "hidden_size": 3, "max_epochs": 1, "random_state": 0}


@pytest.fixture
def packed(monkeypatch):
    """What has been packed: weights of a layer, in one form or the other."""
    made, arranged = [], PackedWeights.arranged

    def noted(self, *, fused):
        if fused not in self._arranged:
            made.append((self, fused))
        return arranged(self, fused=fused)

    monkeypatch.setattr(PackedWeights, "arranged", noted)
    return made


def layers_of(packed):
    """How many layers' weights these are; each form of them was packed once."""
    forms = [(id(weights), fused) for weights, fused in packed]
    assert len(set(forms)) == len(forms)
    return len({weights for weights, _ in forms})


@pytest.fixture(params=["smoothing", "windows", "forecast", "reconstruction"])
def loaded(request, tmp_path):
    """An estimator from its file, one call of it, and layers of a member."""
    if request.param in ("smoothing", "windows"):
        estimator = unrolled.Forecaster(method=request.param, season_length=12, **SMALL).fit(SERIES[:72])
    else:
        estimator = unrolled.AnomalyDetector(method=request.param, window=8, **SMALL).fit(SERIES)
    estimator.save(tmp_path / "model")
    estimator = unrolled.load(tmp_path / "model")
    if isinstance(estimator, unrolled.Forecaster):
        return estimator, lambda e: e.predict_quantiles(horizon=1), LAYERS
    return estimator, lambda e: e.score_samples(SERIES[-16:]), LAYERS * (1 + (request.param == "reconstruction"))


def test_weights_are_packed_once_per_loaded_model(loaded, packed):
    estimator, call, layers = loaded
    first = np.asarray(call(estimator))
    assert layers_of(packed) == MEMBERS * layers
    before = len(packed)
    for _ in range(CALLS - 1):
        again = call(estimator)
    assert len(packed) == before
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_has_no_packed_weights_and_predicts_the_same(loaded, packed, copied):
    estimator, call, layers = loaded
    first = np.asarray(call(estimator))
    other = copied(estimator)
    assert layers_of(packed) == MEMBERS * layers
    before = len(packed)
    np.testing.assert_array_equal(call(other), first)
    assert layers_of(packed) == 2 * MEMBERS * layers
    assert len(packed) == 2 * before
