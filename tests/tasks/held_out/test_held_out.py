"""Parts of data: nothing that is held out is in what is learned from, and every part is the same whenever it is asked for."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from unrolled import AnomalyDetector, Forecaster, InputError, SequenceClassifier
from unrolled.data.channels import read_channels
from unrolled.data.panel import read_panel
from unrolled.metrics.forecast_errors import mae, mase
from unrolled.tasks.generation.generator import SequenceGenerator
from unrolled.tasks.generation.seq2seq import Seq2Seq
from unrolled.tasks.held_out.channels import ChannelData
from unrolled.tasks.held_out.examples import ExampleData
from unrolled.tasks.held_out.series import SeriesData

WAVE = 10 + np.sin(np.arange(144) * np.pi / 6) + 0.01 * np.arange(144)


def series(values=WAVE, horizon=12):
    return SeriesData.of(read_panel(values), {"members": 1, "max_epochs": 1, "hidden_size": 2}, horizon=horizon)


def test_parts_of_a_series_follow_each_other():
    learned, test = series().test_split()
    assert test.held_out == 24
    np.testing.assert_array_equal(learned.panel.values[0], WAVE[:120])
    np.testing.assert_array_equal(test.panel.values[0], WAVE)
    ends = []
    for round in range(6):
        train, validation = learned.validation_split(round)
        end = len(validation.panel.values[0])
        assert (len(train.panel.values[0]), train.held_out, validation.held_out) == (end - 12, 0, 12)
        np.testing.assert_array_equal(validation.panel.values[0], WAVE[:end])
        ends.append(end)
    assert ends == [120, 108, 96, 84, 72, 120]  # as long as half of the 120 is before them


def test_scores_of_a_series_are_those_of_forecasts_by_one_model_from_every_origin():
    learned, test = series().test_split()
    fitted = learned.fit(seed=3)
    assert len(fitted.model_.trained.values[0]) == 120
    assert fitted.seed_ == 3
    errors, scaled = [], []
    later = np.unique(np.linspace(0, 12, 12).round().astype(int))
    for steps in later:
        end = 144 - steps
        forecast = fitted.predict(WAVE[: end - 12])
        errors.append(mae(WAVE[end - 12 : end], forecast))
        scaled.append(mase(WAVE[end - 12 : end], forecast, WAVE[: end - 12], fitted.season_length_))
    found = test.scores(fitted)
    assert found["mae"] == pytest.approx(np.mean(errors))
    assert found["mase"] == pytest.approx(np.mean(scaled))
    assert test.measure(found) == "mase"
    assert test.by("rmse").measure(found) == "rmse"


def test_a_series_too_short_to_be_judged_is_refused():
    with pytest.raises(
        InputError, match="shortest series has 15 steps to learn from and to be judged on, need at least 16"
    ):
        series(WAVE[:15], horizon=8).test_split()
    with pytest.raises(InputError, match="measure is 'f1', expected one of mase, mae"):
        series().by("f1").measure({"mase": 1.0, "mae": 2.0})


def labelled(count=100, estimator=SequenceClassifier):
    return ExampleData(
        estimator=estimator, items=[f"text {n}" for n in range(count)], targets=np.arange(count) % 4 // 3
    )


def test_examples_are_held_out_of_each_class_alike_and_never_learned_from():
    data = labelled()
    learned, test = data.test_split()
    assert data.test_split()[1].items == test.items
    assert np.bincount(test.targets).tolist() == [15, 5]
    assert sorted(learned.items + test.items) == sorted(data.items)
    drawn = []
    for round in range(3):
        train, validation = learned.validation_split(round)
        assert not {*train.items} & {*validation.items}
        assert {*train.items, *validation.items} == {*learned.items}
        assert [data.targets[data.items.index(item)] for item in train.items] == train.targets.tolist()
        drawn.append(frozenset(validation.items))
    assert len({*drawn}) == 3


@pytest.mark.parametrize(
    "items", [["a b", "c"] * 3 + [f"w{n}" for n in range(40)], [["a", "b"]] * 5 + [[f"w{n}"] for n in range(40)]]
)
def test_what_is_twice_in_the_data_is_on_one_side(items):
    data = ExampleData(estimator=Seq2Seq, items=items, targets=list(range(len(items))))
    for part in (data.test_split(), *(data.validation_split(round) for round in range(10))):
        learned, held_out = ({str(item) for item in side.items} for side in part)
        assert not learned & held_out


def test_arrays_are_told_apart_by_all_of_their_values():
    items = [np.full((3, 1), n % 12, float) for n in range(36)]
    learned, test = ExampleData(estimator=SequenceClassifier, items=items, targets=np.zeros(36, int)).test_split()
    assert not {item[0, 0] for item in learned.items} & {item[0, 0] for item in test.items}
    assert len(test.items) == 6


def test_of_one_long_text_the_end_is_held_out():
    data = ExampleData(estimator=SequenceGenerator, items=["abcdefghij" * 10])
    learned, test = data.test_split()
    assert learned.items[0] + test.items[0] == data.items[0]
    assert len(test.items[0]) == 20
    assert "one long text of 100" in data.describe()


def test_given_parts_are_taken_as_they_are():
    validation, test = labelled(20), labelled(30)
    data = ExampleData(
        estimator=SequenceClassifier, items=["a b", "c d"], targets=np.arange(2), validation=validation, test=test
    )
    learned, found = data.test_split()
    assert (found, learned.items) == (test, ["a b", "c d"])
    train, judged = learned.validation_split(5)
    assert judged is validation
    assert train.validation is None


def test_given_validation_chooses_the_epoch_of_what_learns_from_all():
    values = {"members": 1, "max_epochs": 2, "hidden_size": 2, "embedding_size": 2}
    data = ExampleData(
        estimator=SequenceClassifier, values=values, items=["good", "bad"] * 4, targets=np.arange(8) % 2,
        validation=ExampleData(estimator=SequenceClassifier, items=["good", "bad"], targets=np.arange(2)),
    )  # fmt: skip
    assert len(data.fit().validation_losses_) == 2
    assert data.fit({"hidden_size": 3}, seed=2).get_params()["hidden_size"] == 3


def test_too_few_examples_are_refused():
    with pytest.raises(InputError, match="9 examples, of which at least 10 must differ"):
        labelled(9).test_split()


def test_windows_of_trouble_are_shared_out_in_order_of_time():
    channels = read_channels(np.random.default_rng(0).normal(size=1000))
    data = ChannelData.of(channels, [(800, 820), (400, 410), (600, 610)])
    learned, test = data.test_split()
    assert (learned.windows, test.windows) == (((400, 410), (600, 610)), ((800, 820),))
    assert len(learned.channels.values) == test.start == (610 + 800) // 2 + 1
    train, validation = learned.validation_split(0)
    assert len(train.channels.values) == validation.start == 400
    with pytest.raises(InputError, match="1 window of known trouble, need at least 2"):
        ChannelData.of(channels, [(1, 2)]).test_split()


def test_a_detector_is_judged_on_its_own_windows_only():
    values = np.random.default_rng(0).normal(size=900)
    values[500:503] += 30
    values[800:803] += 30
    settled = {"members": 1, "max_epochs": 1, "hidden_size": 2, "window": 8, "false_alarm_every": 1000}
    data = ChannelData.of(read_channels(values), [(500, 502), (800, 802)], settled)
    learned, test = data.test_split()
    train, validation = learned.validation_split(0)
    fitted = train.fit(seed=0)
    assert isinstance(fitted, AnomalyDetector)
    for part, end in ((validation, 652), (test, 900)):
        found = part.scores(fitted)
        start = part.start - fitted.context_
        windows = [(first - start, last - start) for first, last in part.windows]
        same = fitted.evaluate(values[start:end], windows)
        assert (found["precision"], found["recall"]) == (same.precision, same.recall)
        assert found["recall"] == 1


@pytest.mark.parametrize("data", [series(), labelled()], ids=["series", "examples"])
def test_parts_travel_to_other_processes(data):
    again = pickle.loads(pickle.dumps(data))
    assert again.describe() == data.describe()
    assert again.estimator is (Forecaster if isinstance(data, SeriesData) else SequenceClassifier)
