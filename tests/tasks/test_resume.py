"""Every estimator goes on from its checkpoint: the saved model has the bytes of one that was never stopped."""

import numpy as np
import pytest

import unrolled
from unrolled.errors import InputError
from unrolled.training import checkpoint as checkpoint_module

rng = np.random.default_rng(0)
SEQUENCES = [rng.normal(size=(n, 2)) for n in rng.integers(3, 9, size=24)]
WORDS = [[f"w{k}" for k in rng.integers(6, size=n)] for n in rng.integers(2, 6, size=24)]
TAGS = [["B-x" if int(word[1:]) % 2 else "O" for word in words] for words in WORDS]
SERIES = rng.normal(size=(3, 60)).cumsum(1)

SMALL = {"hidden_size": 4, "max_epochs": 3, "batch_size": 8, "random_state": 0}


def classifier(**given):
    return unrolled.SequenceClassifier(**SMALL, members=2, **given), (SEQUENCES, ["ab"[n % 2] for n in range(24)])


def regressor(**given):
    made = unrolled.SequenceRegressor(**SMALL, members=1, schedule="linear", warmup=1, weight_decay=0.01, **given)
    return made, (SEQUENCES, [x.mean() for x in SEQUENCES])


def tagger(**given):
    return unrolled.SequenceTagger(**SMALL, embedding_size=4, character_size=3, **given), (WORDS, TAGS)


def forecaster(**given):
    made = unrolled.Forecaster(
        **{**SMALL, "max_epochs": 2}, members=2, input_window=6, horizon=4, season_length=4, **given
    )
    return made, (SERIES,)


def windows(**given):
    made = unrolled.Forecaster(**{**SMALL, "max_epochs": 2}, method="windows", input_window=6, horizon=4, **given)
    return made, (SERIES,)


def detector(**given):
    settings = {**SMALL, "batch_size": 32, "max_epochs": 2}
    made = unrolled.AnomalyDetector(**settings, members=2, window=8, seasons=(), **given)
    return made, (np.sin(np.arange(400.0)) + 0.1 * np.random.default_rng(1).normal(size=400),)


class Stop(Exception):
    pass


@pytest.fixture(autouse=True)
def at_every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SECONDS", 0.0)


def stop_after(steps):
    told = []

    def callback(progress):
        told.append(progress)
        if len(told) == steps:
            raise Stop

    return callback, told


@pytest.mark.parametrize("make", [classifier, regressor, tagger, windows, forecaster, detector])
def test_goes_on_to_the_same_bytes(make, tmp_path):
    callback, told = stop_after(None)
    estimator, data = make(callback=callback)
    estimator.fit(*data).save(tmp_path / "whole")
    epochs = sorted({(p.phase, p.epoch) for p in told})
    ends = [max(n for n, p in enumerate(told, 1) if (p.phase, p.epoch) == epoch) for epoch in epochs]
    for step in sorted(ends)[1:]:  # in the last step of every epoch but the first
        estimator, data = make(callback=stop_after(step)[0])
        with pytest.raises(Stop):
            estimator.fit(*data, checkpoint=tmp_path / "run")
        callback, again = stop_after(None)
        estimator, data = make(callback=callback)
        estimator.fit(*data, checkpoint=tmp_path / "run")
        assert (tmp_path / "run").exists()  # until the model is
        estimator.save(tmp_path / "resumed")
        assert len(again) < len(told)
        assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("make", [regressor, detector])
def test_a_training_that_is_over_is_kept_until_the_model_is_saved(make, tmp_path):
    estimator, data = make()
    estimator.fit(*data, checkpoint=tmp_path / "run")
    with pytest.raises(InputError, match="there is no folder"):
        estimator.save(tmp_path / "absent" / "model")
    callback, told = stop_after(1)
    again, _ = make(callback=callback)
    again.fit(*data, checkpoint=tmp_path / "run")
    assert not told  # nothing was left to do
    again.save(tmp_path / "run")  # the model takes the place of its checkpoint
    assert type(unrolled.load(tmp_path / "run")) is type(estimator)
    estimator.save(tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == (tmp_path / "run").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("make", "step"), [(classifier, 7), (forecaster, 3)])
def test_a_seed_that_was_drawn_is_kept(make, step, tmp_path):
    estimator, data = make(callback=stop_after(step)[0])
    with pytest.raises(Stop):
        estimator.set_params(random_state=None).fit(*data, checkpoint=tmp_path / "run")
    estimator, data = make()
    estimator.set_params(random_state=None).fit(*data, checkpoint=tmp_path / "run")
    other, _ = make()
    other.set_params(random_state=estimator.seed_).fit(*data)
    for mine, others in zip(estimator.losses_, other.losses_, strict=True):
        assert mine == others


@pytest.mark.parametrize(("make", "step"), [(classifier, 7), (forecaster, 3)])
def test_other_settings_and_data_are_named(make, step, tmp_path):
    estimator, data = make(callback=stop_after(step)[0])
    with pytest.raises(Stop):
        estimator.fit(*data, checkpoint=tmp_path / "run")
    estimator, data = make()
    with pytest.raises(InputError, match="was begun with hidden_size=4, now 5: go on with the same"):
        estimator.set_params(hidden_size=5).fit(*data, checkpoint=tmp_path / "run")
    estimator, _ = make()
    with pytest.raises(InputError, match="was begun with other data"):
        estimator.fit(data[0][:-1], *(part[:-1] for part in data[1:]), checkpoint=tmp_path / "run")
    other, given = (forecaster if make is classifier else classifier)()
    with pytest.raises(InputError, match=r"is the checkpoint of a \w+, not of a \w+: go on with the same"):
        other.fit(*given, checkpoint=tmp_path / "run")
    with pytest.raises(InputError, match="holds a model for the task 'checkpoint'"):
        unrolled.load(tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": "steps"}, "schedule"),
        ({"warmup": 3}, "warmup is 3, expected epochs from 0 to below max_epochs"),
        ({"weight_decay": 1.0}, "weight_decay is 1.0, expected from 0 to below 1"),
    ],
)
def test_what_the_optimiser_cannot_do_is_named(change, message):
    estimator, data = classifier()
    with pytest.raises(InputError, match=message):
        estimator.set_params(**change).fit(*data)
