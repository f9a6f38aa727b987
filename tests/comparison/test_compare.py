"""A comparison from end to end, and what its result says."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from unrolled import InputError
from unrolled.cells import get_cell
from unrolled.comparison import compare, forecast_task, task_for
from unrolled.comparison.chance import half_width, interval, wilson
from unrolled.comparison.family import network_family
from unrolled.data.panel import read_panel
from unrolled.tasks.held_out.examples import ExampleData
from unrolled.tasks.held_out.series import SeriesData

QUICK = {"hidden_size": 8, "seeds": 2, "updates": 20, "verbose": False}


@pytest.fixture(scope="module")
def found(series):
    models = ["rnn", "gru", "lstm", "feed-forward", "tcn", "transformer-causal", "transformer", "seasonal-naive"]
    return compare(series, models, **QUICK)


def test_all_rows_are_there_and_the_best_comes_first(found):
    assert len(found.rows) == 8
    assert [row.mean for row in found.rows] == sorted(row.mean for row in found.rows)
    assert found.verdict.startswith(f"{found.rows[0].name} does best, MASE ")
    assert len(found.row("rnn").scores) == 2
    assert len(found.row("seasonal-naive").scores) == 1
    with pytest.raises(KeyError):
        found.row("crf")


def test_what_is_counted_is_right(found):
    gru, naive, tcn = found.row("gru"), found.row("seasonal-naive"), found.row("tcn")
    head = 8 * 3 + 3
    assert (
        gru.parameters
        == sum(np.prod(s) for s in get_cell("gru").parameter_shapes(input_size=1, hidden_size=8).values()) + head
    )
    assert (gru.state_bytes, found.row("lstm").state_bytes) == (32, 4 * 2 * found.row("lstm").units)
    assert naive.parameters == 0
    assert naive.training_bytes is naive.update_seconds is naive.memory is None
    assert tcn.memory is None
    assert tcn.reach >= 9
    assert found.row("feed-forward").reach == 9
    assert found.row("transformer").state_bytes is None
    assert 1 <= gru.memory <= 8
    assert all(row.training_bytes > 16 * row.parameters for row in found.rows if row.units)
    assert all(row.update_seconds > 0 and row.step_seconds > 0 for row in found.rows if row.units)


def test_times_to_a_loss_are_measured_to_one_loss(found):
    times = [row.seconds_to_loss for row in found.rows if row.units]
    assert any(time is not None for time in times)
    best = min((row for row in found.rows if row.units), key=lambda row: row.validation_loss)
    assert best.validation_loss <= found.target_loss
    assert best.seconds_to_loss is not None


def test_the_same_seeds_give_the_same_scores(series, found):
    again = compare(series, ["gru", "tcn"], **QUICK)
    for name in ("gru", "tcn"):
        assert again.row(name).scores == found.row(name).scores
    assert again.digest == found.digest


def test_other_data_have_another_digest(series, found):
    values = [each.copy() for each in series.values]
    values[0][3] += 1e-6
    other = forecast_task(values, [(50, 70)] * 2, season=6, window=9, horizon=3, batch_size=16)
    assert other.digest != found.digest


def test_the_result_can_be_read_in_every_form(found):
    text = found.markdown()
    assert text.count("\n| ") == 1 + 1 + 8 - 1 + 1 + 1 + len(found.claims) or found.claims
    for row in found.rows:
        assert f"| {row.name} |" in text
    for claim in found.claims:
        assert f"| {claim.text} | {claim.verdict} | {claim.measured} |" in text
    assert found.digest in text
    told = json.loads(json.dumps(found.to_dict()))
    assert told["rows"][0]["name"] == found.rows[0].name
    assert told["verdict"] == found.verdict
    frame = found.to_frame()
    assert frame["name"].to_list() == [row.name for row in found.rows]
    assert frame["mean"].to_list() == pytest.approx([row.mean for row in found.rows])
    picture = found.plot()
    assert picture.svg.count("<circle") == 8


def test_claims_carry_numbers_of_this_comparison(found):
    claims = {claim.text: claim for claim in found.claims}
    sizes = claims["With as many units an RNN has few parameters, a GRU more, an LSTM the most."]
    assert sizes.holds is True
    counts = {
        name: sum(int(np.prod(s)) for s in get_cell(cell).parameter_shapes(input_size=1, hidden_size=8).values()) + 27
        for name, cell in {"rnn": "rnn_tanh", "gru": "gru", "lstm": "lstm"}.items()
    }
    assert sizes.measured == ", ".join(f"{name} {count:,}" for name, count in counts.items())
    grows = claims[
        "Advantage of the RNN: the model does not grow with the input, because weights are shared over time."
    ]
    assert grows.holds is True
    net, rnn = found.row("feed-forward"), found.row("rnn")
    assert grows.measured == (
        f"parameters as it is, and with windows twice as long: rnn {rnn.parameters:,} and {rnn.parameters:,},"
        f" feed-forward {net.parameters:,} and {net.parameters + 9 * net.units:,}"
    )
    assert not any("still to come" in text for text in claims)  # a forecast has no future to read


@pytest.mark.parametrize("kind", ["classes", "tags", "text"])
def test_other_tasks_are_compared_likewise(kind, request):
    task = request.getfixturevalue(kind)
    plain = {"classes": "most-frequent", "tags": "most-frequent", "text": "ngram"}[kind]
    models = [
        "gru",
        "tcn",
        plain,
        *(["gru-bidirectional", "transformer"] if kind != "text" else ["transformer-causal"]),
    ]
    found = compare(task, models, match="size", **{**QUICK, "updates": 40, "seeds": 1})
    assert {row.name for row in found.rows} == set(models)
    assert all(np.isfinite(row.scores).all() for row in found.rows)
    if kind != "text":
        assert all(0 <= score <= 1 for row in found.rows for score in row.scores)
        assert found.row("gru").mean > 0.6
        assert found.row("gru-bidirectional").state_bytes is None
    else:
        assert all(0 < row.mean < np.log2(6) for row in found.rows)
    assert all(row.units in (8, None) for row in found.rows)


def test_networks_predict_alike_alone_and_together(classes, tags, text):
    for task in (classes, tags, text):
        family = network_family("transformer-causal")
        module = task.make(family, family.config(task.context, 8)).eval()
        first, second = task.predict(module), task.predict(module)
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_budget_in_seconds_is_a_number_of_updates(series):
    found = compare(series, ["gru"], hidden_size=8, seeds=1, budget=0.05, verbose=False)
    assert re.search(r"0\.05 s of the processor \(\d+ updates? of 16\)", found.budget)
    assert found.row("gru").scores == (found.row("gru").mean,)


def test_threads_and_random_numbers_are_what_they_were(series):
    before, state = torch.get_num_threads(), torch.get_rng_state()
    compare(series, ["fast_grnn", "seasonal-naive"], **QUICK)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_a_row_without_its_package_is_left_out(tags, monkeypatch):
    monkeypatch.setattr("unrolled.comparison.catalogue.find_spec", lambda name: None)
    found = compare(tags, ["hmm", "crf", "most-frequent"], verbose=False)
    assert [row.name for row in found.rows] == ["most-frequent"]
    assert found.left_out["hmm"].endswith("pip install '.[compare]'")
    assert "\nhmm is left out: hmm needs the package 'hmmlearn'" in found.markdown()
    with pytest.raises(InputError, match="nothing is left to compare: hmm: "):
        compare(tags, ["hmm"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["crf"]}, "models is 'crf', but that makes no sense for forecast: it gives every step"),
        ({"models": ["grU"]}, "models is 'grU', expected feed-forward"),
        ({"seeds": 0}, "seeds"),
        ({"hidden_size": 0}, "hidden_size"),
        ({"updates": 1.5}, "updates"),
        ({"budget": 0.0}, "budget is 0.0, expected a finite number above 0"),
        ({"target_loss": float("nan")}, "target_loss is nan"),
        ({"models": ["transformer"], "match": "size", "hidden_size": 6}, "needs a multiple of 4"),
        ({"updates": 5, "budget": 0.2}, "updates is 5, but budget=0.2 says how many"),
        ({"models": ["seasonal-naive"], "updates": 5}, "updates is 5, but no network is compared"),
        ({"models": ["seasonal-naive"], "budget": 0.5}, "budget is 0.5, but no network is compared"),
        ({"models": ["seasonal-naive"], "seeds": 2}, "seeds is 2, but nothing that is compared depends on a seed"),
        ({"match": "units"}, "match is 'units', expected 'parameters' or 'size'"),
    ],
)
def test_wrong_options_are_named(options, message, series):
    with pytest.raises(InputError, match=message):
        compare(series, **options)


def test_intervals_are_students():
    from scipy import stats

    for x in ([1.0, 4.0, 2.0, 7.0], [1.0, 2.0]):
        low, high = stats.t.interval(0.95, len(x) - 1, np.mean(x), stats.sem(x))
        assert half_width(x) == pytest.approx((high - low) / 2)
    for right, count in ((24, 24), (22, 24), (0, 7), (300, 370)):
        ends = stats.binomtest(right, count).proportion_ci(method="wilson")
        assert wilson(right / count, count) == pytest.approx((ends.low, ends.high), abs=1e-12)


def test_seeds_and_items_both_widen_an_interval():
    rng = np.random.default_rng(0)
    each = [rng.normal(size=30) for _ in range(3)]
    seeds, items = half_width([x.mean() for x in each]), half_width(np.mean(each, 0))
    low, high = interval(each, seeded=True, share=False)
    assert (high - low) / 2 == pytest.approx(np.hypot(seeds, items))
    assert interval(each[:1], seeded=True, share=False) is None
    assert interval(each[:1], seeded=False, share=False) is not None
    low, high = interval([np.ones(10), np.r_[np.zeros(4), np.ones(6)]], seeded=True, share=True)
    assert (low, high) == (0.0, 1.0)


def test_one_seed_tells_nothing_of_chance(series):
    found = compare(series, ["rnn", "gru", "lstm", "transformer-causal", "seasonal-naive"], **{**QUICK, "seeds": 1})
    assert found.row("gru").interval is None
    assert found.row("seasonal-naive").interval is not None
    assert found.verdict.endswith("; one seed tells nothing of chance, take two at least")
    assert {row.name for row in found.rows[1:]} <= set(found.verdict.split("from it: ")[1].split(";")[0].split(", "))
    told = json.loads(json.dumps(found.to_dict()))
    assert [row["interval"] is None for row in told["rows"]] == [row.name != "seasonal-naive" for row in found.rows]
    of_scores = [
        c for c in found.claims if "MASE" in c.measured or "memory rnn" in c.measured or "one seed" in c.measured
    ]
    assert {c.holds for c in of_scores} == {None}
    assert found.to_frame()["low"].null_count() == 4
    assert found.plot().svg.count("<circle") == 5


def test_without_a_network_there_is_nothing_to_say_of_updates(series):
    found = compare(series, ["seasonal-naive"], verbose=False)
    assert found.budget == ""
    assert "Every network" not in found.markdown()
    assert found.verdict.startswith("seasonal-naive: MASE ")


def test_parts_are_those_of_the_data():
    values = np.sin(np.arange(120) / 3) + 5
    data = SeriesData.of(read_panel(values), horizon=5)
    task = task_for(data)
    learned, test = data.test_split()
    assert task.origins[2].steps.min() == len(learned.panel.values[0])
    assert task.origins[2].steps.max() + 5 == len(test.panel.values[0]) == 120
    assert task.origins[1].steps.max() + 5 == len(learned.panel.values[0])
    assert task.origins[0].steps.max() + 5 == task.origins[1].steps.min()


def test_examples_that_are_given_are_the_parts():
    from unrolled import SequenceClassifier

    rng = np.random.default_rng(0)
    items = [rng.normal(size=(5, 1)) for _ in range(40)]
    data = ExampleData(estimator=SequenceClassifier, items=items, targets=np.arange(40) % 2)
    given = ExampleData(estimator=SequenceClassifier, items=items[:7], targets=np.arange(7) % 2)
    task = task_for(ExampleData(**{**vars(data), "test": given}))
    assert task.about.endswith("7 to test; 2 classes")
    fewer = task_for(ExampleData(**{**vars(data), "test": given}), examples=20)
    assert task_for(ExampleData(**{**vars(data), "test": given}), examples=6 + 14).digest == fewer.digest
    assert fewer.about.startswith("16 sequences to learn from, 4 to validate, 7 to test")


def test_data_that_are_not_compared_are_refused():
    from unrolled import SequenceRegressor

    rng = np.random.default_rng(0)
    data = ExampleData(
        estimator=SequenceRegressor, items=[rng.normal(size=(5, 1)) for _ in range(40)], targets=np.arange(40.0)
    )
    with pytest.raises(InputError, match="data of a SequenceRegressor are not compared"):
        task_for(data)
    with pytest.raises(InputError, match="window is 3, but only series"):
        task_for(data, window=3)
    with pytest.raises(InputError, match="examples is 3, but series are cut"):
        task_for(SeriesData.of(read_panel(np.arange(120.0)), horizon=10), examples=3)


def test_a_series_that_repeats_itself_has_nothing_to_measure_by():
    values = np.tile([1.0, 2.0, 4.0], 30)
    with pytest.raises(InputError, match="season_length is 3, but in its training part a series repeats itself"):
        forecast_task([values], [(50, 70)], season=3, window=6, horizon=3, batch_size=8)
