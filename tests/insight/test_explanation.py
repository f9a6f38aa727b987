"""What is measured for an explanation, each rule, planted cases, and changes that are tried."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from unrolled import (
    AnomalyDetector,
    Forecaster,
    InputError,
    Seq2Seq,
    SequenceClassifier,
    SequenceGenerator,
    SequenceRegressor,
    SequenceTagger,
    insight,
    nn,
)
from unrolled.insight import attributions, explain
from unrolled.insight.causes import RULES, Change, reason_for
from unrolled.insight.evidence import Evidence, LayerFacts, measured
from unrolled.insight.ignorance import Learned, learned_by, of_targets
from unrolled.insight.subject import Subject
from unrolled.insight.trial import Trial, try_module, try_settings
from unrolled.tasks.held_out.examples import ExampleData


def first_input(output, y):
    return (output[0][-1, :, :1] - y).square().mean()


def layers_of(module, *inputs):
    return measured(Subject(module, lambda: module(*inputs)), lambda output: output[0].sum())["layers"]


def scalar_rnn(u):
    """``h[t] = u h[t-1] + x[t]``."""
    layer = nn.RNN(1, 1, nonlinearity="identity", bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.fill_(1.0)
        layer.weight_hh_l0.fill_(u)
    return layer


@pytest.mark.parametrize(("u", "memory"), [(0.5, 7), (0.2, 3), (1.0, None), (1.2, None)])
def test_what_a_linear_recurrence_remembers_is_what_its_equation_says(u, memory):
    (layer,) = layers_of(scalar_rnn(u), torch.zeros(21, 3, 1, dtype=torch.float64))
    np.testing.assert_allclose(layer.back, u ** np.arange(21.0))
    assert layer.memory == memory
    assert layer.rate == pytest.approx(math.log(u))
    assert layer.growth == pytest.approx(max(1, u**20))
    assert layer.time_constants is None


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_one_unit_remembers_is_the_product_of_its_jacobians(bidirectional):
    torch.manual_seed(0)
    layer = torch.nn.GRU(2, 1, bidirectional=bidirectional, dtype=torch.float64)
    x = torch.randn(12, 1, 2, dtype=torch.float64)
    for found in layers_of(layer, x):
        jacobians = insight.jacobians(layer, x, place=found.place)
        products = [1.0] + [abs(jacobians.product(t, 12).item()) for t in range(11, 0, -1)]
        np.testing.assert_allclose(found.back, products, rtol=1e-9)
        assert found.rate == pytest.approx(jacobians.lyapunov()[0])


def test_sequences_of_several_lengths_count_from_where_each_ends():
    x = torch.zeros(9, 2, 1, dtype=torch.float64)
    layer = scalar_rnn(0.5)
    (found,) = layers_of(layer, x, None, torch.tensor([4, 9]))
    np.testing.assert_allclose(found.back, 0.5 ** np.arange(9.0))


def test_orthogonal_directions_of_an_lstm_are_felt_through_c_too():
    layer = nn.LSTM(1, 8, forget_bias=20.0, dtype=torch.float64)
    (found,) = layers_of(layer, torch.zeros(30, 1, 1, dtype=torch.float64))
    assert found.memory is None
    assert found.back[-1] > 0.3
    assert found.time_constants.min() > 1000


def layer(**changed):
    facts = {
        "place": "l0", "cell": "gru", "units": 8, "back": 0.9 ** np.arange(20.0), "rate": -0.1, "time_constants": np.ones(8),
        "saturation": {"r": (0.1, 0.1), "z": (0.2, 0.2)}, "at_the_edge": None, "dead": 0,
    }  # fmt: skip
    facts = {**facts, **changed}
    return LayerFacts(**{"reached": facts["back"], **facts})


SETTINGS = {
    "learning_rate": 0.005,
    "clip_norm": 1.0,
    "hidden_size": 16,
    "truncate": None,
    "chrono": None,
    "pooling": "mean",
}
FADES = 0.5 ** np.arange(20.0)


def evidence(*layers, **changed):
    facts = {
        "layers": layers or (layer(),), "loss": 0.7, "learned": Learned(0.7, 0.7, "always saying the mean"), "gradient": 1.0,
        "inputs": (0.0, 1.0, 3.0), "settings": SETTINGS, "losses": [0.7, 0.46, 0.455, 0.45],
    }  # fmt: skip
    return Evidence(**{**facts, **changed})


PLANTED = {
    "not_finite": (evidence(loss=math.nan), {"learning_rate": 0.0017, "clip_norm": 1.0}),
    "inputs_not_scaled": (evidence(settings={}, inputs=(500.0, 2.0, 510.0)), {}),
    "exploding": (evidence(layer(cell="rnn_tanh", back=1.5 ** np.arange(20.0))), {"start": "orthogonal"}),
    "exploding, not clipped": (
        evidence(layer(back=1.5 ** np.arange(20.0)), settings={**SETTINGS, "clip_norm": 10.0}),
        {"clip_norm": 1.0},
    ),
    "saturated_gates": (evidence(layer(saturation={"r": (0.96, 0.0), "z": (0.0, 1.0)})), {"learning_rate": 0.0017}),
    "saturated_gates, tanh": (evidence(layer(cell="rnn_tanh", at_the_edge=0.6)), {"learning_rate": 0.0017}),
    "dead_units": (evidence(layer(cell="rnn_relu", dead=5)), {"cell": "rnn"}),
    "short_truncation": (evidence(settings={**SETTINGS, "truncate": 5}), {"truncate": 20}),
    "learning_rate": (evidence(losses=[0.7, 0.8, 0.6, 0.9, 0.7, 0.95, 0.6, 0.8, 0.7]), {"learning_rate": 0.0017}),
    "learning_rate, tiny": (
        evidence(settings={**SETTINGS, "learning_rate": 1e-5}, losses=[0.7, 0.699]),
        {"learning_rate": 0.005},
    ),
    "by_heart": (
        evidence(settings={**SETTINGS, "dropout": 0.1}, losses=[0.7, 0.1], validation_losses=[0.69, 0.8]),
        {"dropout": 0.5},
    ),
    "by_heart, already dropped": (
        evidence(settings={**SETTINGS, "dropout": 0.5}, losses=[0.7, 0.1], validation_losses=[0.69, 0.8]),
        {"hidden_size": 8},
    ),
    "too_short": (evidence(losses=[0.7, 0.65, 0.6, 0.55, 0.5]), {"max_epochs": 10}),
    "too_short, hardly begun": (evidence(layer(back=FADES), losses=[0.7, 0.6]), {"max_epochs": 20}),
    "vanishing": (evidence(layer(cell="rnn_tanh", back=FADES)), {"cell": "gru", "chrono": 20}),
    "vanishing, with gates": (evidence(layer(back=FADES)), {"chrono": 20}),
    "vanishing, with biases": (
        evidence(layer(back=FADES), settings={**SETTINGS, "chrono": 9, "pooling": "last"}),
        {"pooling": "mean"},
    ),
    "short_window": (evidence(settings={**SETTINGS, "input_window": 20}), {"input_window": 40}),
    "learning_rate, low": (evidence(losses=[0.7, 0.699, 0.699, 0.699]), {"learning_rate": 0.015}),
}


@pytest.mark.parametrize("case", PLANTED)
def test_each_rule_names_its_cause_and_the_change(case):
    found, values = PLANTED[case]
    reason = reason_for(found)
    assert reason is not None
    assert reason.cause == case.partition(",")[0]
    assert reason.change.values == values
    assert insight.Explanation(found, reason).advice.startswith("Try ")


def test_nothing_is_said_against_a_network_that_has_learned_or_shows_no_cause():
    assert reason_for(evidence()) is None
    for case, (found, _) in PLANTED.items():
        learned = dataclasses.replace(found, learned=Learned(0.1, 0.7, "always saying the mean"))
        if math.isfinite(found.loss) and not case.startswith("by_heart"):
            assert reason_for(learned) is None
    by_heart = dataclasses.replace(PLANTED["by_heart"][0], learned=Learned(0.1, 0.7, "always saying the mean"))
    said = insight.Explanation(by_heart, reason_for(by_heart)).why
    assert said.startswith(
        "It has learned these data (its loss is 0.1, 14% of the 0.7 of always saying the mean), but it learned"
    )
    assert {rule.__name__ for rule in RULES} >= {"exploding", "vanishing"}
    assert all(rule.__doc__ for rule in RULES)


def test_a_training_that_only_learns_more_by_heart_was_not_too_short():
    still = evidence(losses=[0.7, 0.65, 0.6, 0.55, 0.5, 0.45], validation_losses=[0.7, 0.66, 0.67, 0.67, 0.68, 0.68])
    assert reason_for(still) is None
    falls = dataclasses.replace(still, validation_losses=[0.7, 0.69, 0.68, 0.67, 0.66, 0.65])
    assert reason_for(falls).cause == "too_short"


STRAIGHT = np.ones(20)
ALMOST = np.append(np.ones(18), [0.001, 0.001])


@pytest.mark.parametrize(
    "layers",
    [
        [layer(back=FADES, reached=STRAIGHT)],  # pooled: the loss reaches every step
        [layer(back=ALMOST)],
        [layer(back=0.6 ** np.arange(20.0)), layer(place="l0_reverse", back=0.6 ** np.arange(20.0))],  # from either end
    ],
)
def test_gradients_that_need_no_long_way_do_not_vanish(layers):
    assert reason_for(evidence(*layers)) is None
    torn = [dataclasses.replace(each, back=FADES, reached=FADES * (each.place == "l0")) for each in layers]
    assert reason_for(evidence(*torn)).cause == "vanishing"


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_a_pooled_output_reaches_every_step_and_the_last_one_does_not(pooling):
    torch.manual_seed(0)
    rnn, x = torch.nn.RNN(1, 8), torch.randn(60, 16, 1)
    reduce = {"max": lambda h: h.amax(0), "mean": lambda h: h.mean(0)}[pooling]
    pooled = explain(rnn, (x, x[0]), lambda output, y: (reduce(output[0])[:, :1] - y).square().mean())
    assert pooled.reason is None
    assert explain(rnn, (x, x[0]), first_input).reason.cause == "vanishing"


def test_a_training_of_two_epochs_was_too_short_for_anything_else_to_be_said():
    rng = np.random.default_rng(0)
    items = [rng.normal(size=(30, 1)) for _ in range(60)]
    labels = ["up" if x[:2].mean() > 0 else "down" for x in items]
    settings = {**HARD, "max_epochs": 2, "learning_rate": 0.002}
    found = explain(SequenceClassifier(**settings, random_state=0).fit(items, labels), (items, labels))
    assert found.reason.cause == "too_short"
    assert "its training was only 2 epochs long" in found.why
    assert found.change.values == {"max_epochs": 20}


@pytest.mark.parametrize(
    ("loss", "y", "other"),
    [
        (torch.nn.MSELoss(), [[1.0], [3.0]], 1.0),
        (torch.nn.functional.mse_loss, [[1.0], [3.0]], 1.0),
        (torch.nn.CrossEntropyLoss(), [0, 1], math.log(2)),
        (torch.nn.BCEWithLogitsLoss(), [[0.0], [1.0]], math.log(2)),
        (torch.nn.MSELoss(reduction="sum"), [[1.0], [3.0]], None),
        (torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)), [[0.0], [1.0]], None),
        (torch.nn.CrossEntropyLoss(label_smoothing=0.1), [0, 1], None),
        (torch.nn.L1Loss(), [[1.0], [3.0]], None),
        (lambda output, y: output.square().sum(), [[0.0], [1.0]], None),
    ],
)
def test_only_a_known_loss_has_a_yardstick(loss, y, other):
    y = torch.tensor(y)
    head = torch.nn.GRU(1, 2 if not y.is_floating_point() else 1)
    found = explain(_LastStep(head), (torch.randn(4, 2, 1), y), loss)
    learned = found.evidence.learned
    if other is None:
        assert learned is None
        assert "%" not in found.why.partition("its loss is")[2]
        return
    assert learned.other == pytest.approx(other)
    shares = torch.tensor([0.5, 0.5]).log().expand(2, 2) if not y.is_floating_point() else y.mean() * torch.ones(2, 1)
    logits = torch.zeros(2, 1) if isinstance(loss, torch.nn.BCEWithLogitsLoss) else shares
    assert learned.other == pytest.approx(loss(logits, y).item())


class _LastStep(torch.nn.Module):
    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        return self.rnn(x)[0][-1]


@pytest.mark.parametrize("y", [[[2.0], [2.0], [2.0]], [[0.1], [0.1], [0.1]], [1, 1, 1]])
def test_targets_that_are_all_the_same_judge_nothing(y):
    y = torch.tensor(y)
    loss = torch.nn.MSELoss() if y.is_floating_point() else torch.nn.CrossEntropyLoss()
    module = _LastStep(torch.nn.GRU(1, 1 if y.is_floating_point() else 2))
    found = explain(module, (torch.randn(4, 3, 1), y), loss)
    assert found.reason.cause == "same_targets"
    assert found.why.startswith("Whether it has learned cannot be told from these data: their targets are all the same")
    assert "%" not in found.why


def test_what_is_not_finite_is_named_first():
    x, y = torch.randn(4, 3, 1), torch.zeros(3, 1)
    module = _LastStep(torch.nn.GRU(1, 1))
    for inputs, targets, word in ((x * math.nan, y, "inputs"), (x, y * math.nan, "targets")):
        why = explain(module, (inputs, targets), torch.nn.MSELoss()).why
        assert why == f"It cannot learn: its {word} hold numbers that are not finite."


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda output, y: None, "loss returned None, expected a tensor of one number"),
        (lambda output, y: 3, "loss returned an int, expected a tensor"),
        (lambda output, y: output.square(), r"a tensor of shape \[3, 1\], expected one number, such as its mean"),
        (lambda output, y: y.mean(), "does not depend on the module's parameters"),
    ],
)
def test_a_loss_that_is_no_number_is_named(loss, message):
    with pytest.raises(InputError, match=message):
        explain(_LastStep(torch.nn.GRU(1, 1)), (torch.randn(4, 3, 1), torch.zeros(3, 1)), loss)


def test_who_reads_nothing():
    y = np.array([0, 0, 0, 1])
    constant = torch.tensor([[0.75, 0.25]]).log().expand(4, 2)
    best = torch.nn.functional.cross_entropy(constant, torch.from_numpy(y)).item()
    assert of_targets(0.1, y).other == pytest.approx(best)
    assert of_targets(0.1, y.astype(float)).other == pytest.approx(y.var())
    learned = Learned(0.5, 1.0, "always saying the mean")
    assert learned.has
    assert str(learned) == "its loss is 0.5, 50% of the 1 of always saying the mean"


FIT = {"hidden_size": 4, "max_epochs": 1, "members": 1, "random_state": 0, "verbose": False, "learning_rate": 1e-9}
RNG = np.random.default_rng(0)
X = [RNG.normal(size=(7, 2)) for _ in range(40)]


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (SequenceClassifier(convolutions=False, **FIT), ["a", "b", "a", "a"] * 10),
        (SequenceRegressor(convolutions=False, **FIT), RNG.normal(5, 3, size=40)),
        (SequenceTagger(crf=False, **FIT), [list("AABABBA")] * 40),
        (Seq2Seq(joint_ngrams=0, **FIT), ["a b b"] * 40),
    ],
)
def test_an_estimator_that_has_not_moved_is_as_good_as_who_reads_nothing(model, y):
    """Its outputs are near those of equal shares, so that its loss is a little above the best constant one."""
    found = explain(model.fit(X, y), (X, y))
    assert 0.9 < found.evidence.learned.share < 2.5
    assert "It has learned nothing" in found.why
    assert found.reason.cause == "learning_rate"


def test_estimators_without_targets():
    pieces = ["abab", "baab", "aabb"] * 6
    model = SequenceGenerator(**FIT).fit(pieces)
    assert 0.9 < explain(model, pieces).evidence.learned.share < 1.6
    text = SequenceGenerator(**FIT).fit("abba " * 60)
    found = explain(text, "abba " * 60)
    assert found.evidence.learned.other == pytest.approx(-sum(p * math.log(p) for p in (0.4, 0.4, 0.2)))
    assert found.evidence.settings["truncate"] > 0
    series = 10 + np.sin(2 * np.pi * np.arange(60) / 4) + 0.3 * RNG.normal(size=60)
    forecaster = Forecaster(season_length=4, horizon=3, **{**FIT, "learning_rate": 0.01}).fit(series)
    learned = explain(forecaster, series).evidence.learned
    assert learned.own == forecaster.validation_.accuracy["network"].mae
    assert "naive" in str(learned)
    wave = np.sin(np.arange(400.0)) + 0.1 * RNG.normal(size=400)
    detector = AnomalyDetector(window=8, horizon=4, seasons=(), false_alarm_every=20, merge=5, **FIT).fit(wave)
    found = explain(detector, wave)
    assert found.evidence.learned.share > 0.95  # it has not moved
    assert found.evidence.learned == learned_by(detector, (wave,), found.evidence.loss)


T = 60
HARD = {
    "cell": "rnn", "pooling": "last", "bidirectional": False, "segment": 1, "convolutions": False, "members": 1, "max_epochs": 30,
    "batch_size": 16, "hidden_size": 16, "learning_rate": 0.02, "dropout": 0.0,
}  # fmt: skip


def test_a_simple_rnn_that_forgets_is_named_and_the_change_is_better():
    rng = np.random.default_rng(0)
    items = [rng.normal(size=(T, 1)) for _ in range(200)]
    labels = np.array(["up" if x[:3].mean() > 0 else "down" for x in items])  # decided long before the end
    model = SequenceClassifier(**HARD, random_state=0).fit(items, labels)
    found = explain(model, (items[:64], labels[:64]))
    assert found.reason.cause == "vanishing"
    assert found.change.values == {"cell": "gru", "chrono": T}
    assert found.evidence.longest.memory < T
    assert len(found.verdict.splitlines()) == 3
    assert found.to_frame()["memory"].to_list() == [found.evidence.longest.memory]
    assert "<svg" in found.plot().svg
    data = ExampleData(estimator=SequenceClassifier, items=items, targets=labels)
    trial = try_settings(data, HARD, found.change, seeds=2)
    assert trial.measure == "accuracy"
    assert np.mean(trial.after) > np.mean(trial.before) + 0.15, trial
    assert "40 examples that none had seen: accuracy" in str(trial)


def test_a_healthy_gru_gets_a_clean_bill():
    rng = np.random.default_rng(0)
    items = [rng.normal(size=(20, 1)) for _ in range(150)]
    labels = ["up" if x[-2:].mean() > 0 else "down" for x in items]
    settings = {**HARD, "cell": "gru", "max_epochs": 25}
    found = explain(SequenceClassifier(**settings, random_state=0).fit(items, labels), (items, labels))
    assert found.reason is None
    assert found.advice == ""
    assert re_match(r"It has learned \(its loss is .*\), and nothing stands in the way\.", found.why)


def re_match(pattern, text):
    import re

    return re.fullmatch(pattern, text)


class Reader(torch.nn.Module):
    """A layer and what it says at the end."""

    def __init__(self, layer):
        super().__init__()
        self.rnn, self.head = layer, torch.nn.Linear(layer.hidden_size, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][-1])


def squared(output, y):
    return (output - y).square().mean()


def exploding():
    layer = nn.RNN(1, 8, nonlinearity="identity")
    torch.nn.init.orthogonal_(layer.weight_hh_l0, 1.4)
    return Reader(layer)


def test_an_exploding_network_is_named_and_clipping_is_tried():
    torch.manual_seed(0)
    x = torch.randn(30, 64, 1)
    y = x[-1]
    found = explain(exploding(), (x, y), squared)
    assert found.reason.cause == "exploding"
    assert found.evidence.longest.rate == pytest.approx(math.log(1.4), abs=1e-3)
    assert "grows 1.73e+04 times over 30 steps" in found.why
    assert found.change.clip_norm == 1.0
    trial = try_module(exploding, x, y, squared, found.change, axis=1, seeds=2)
    assert trial.helps is not None
    assert "13 of 64 sequences" in str(trial)


@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
def test_changes_of_a_module_leave_it_what_it_does(kind):
    torch.manual_seed(0)
    x = torch.randn(60, 16, 1)
    found = explain(Reader(kind(1, 8)), (x, x[0]), squared)
    assert found.reason.cause == "vanishing"
    changed = found.change.module(Reader(kind(1, 8)))
    assert changed(x).shape == (16, 1)
    again = explain(changed, (x, x[0]), squared)
    before, after = (each.evidence.longest for each in (found, again))
    assert (after.memory or after.steps) > 2 * before.memory
    assert isinstance(changed.rnn, nn.LSTM if kind is torch.nn.LSTM else nn.GRU)


def test_inputs_that_are_not_scaled_are_scaled():
    torch.manual_seed(0)
    x = 1000 + 5 * torch.randn(20, 8, 1)
    found = explain(Reader(torch.nn.GRU(1, 4)), (x, torch.randn(8, 1)), squared)
    assert found.reason.cause == "inputs_not_scaled"
    changed = found.change.module(Reader(torch.nn.GRU(1, 4)))
    mean, spread, _ = measured(Subject(changed, lambda: changed(x)), lambda output: output.sum())["inputs"]
    assert mean == pytest.approx(0, abs=1e-4)
    assert spread == pytest.approx(1, rel=1e-4)


def test_dead_units_get_tanh_and_an_orthogonal_start_is_one():
    layer = torch.nn.RNN(1, 4, nonlinearity="relu")
    with torch.no_grad():
        layer.bias_ih_l0.fill_(-10.0)
    x = torch.randn(9, 3, 1)
    found = explain(Reader(layer), (x, torch.randn(3, 1)), squared)
    assert found.reason.cause == "dead_units"
    assert found.change.module(Reader(layer)).rnn.nonlinearity == "tanh"
    rule = reason_for(PLANTED["exploding"][0]).change
    lstm = rule.module(torch.nn.LSTM(2, 3))
    for block in lstm.weight_hh_l0.detach().split(3):
        torch.testing.assert_close(block @ block.T, torch.eye(3), atol=1e-5, rtol=0)


def test_a_trial_says_either_way():
    better = Trial("accuracy", True, [0.5, 0.6], [0.9, 0.7], "the rest")
    assert better.helps
    assert str(better) == (
        "Tried on the rest: accuracy 0.55 as it is, 0.8 with the change, better from 2 of 2 seeds: it helps."
    )
    assert better.to_frame()["after"].to_list() == [0.9, 0.7]
    assert str(Trial("rmse", False, [1.0], [2.0], "the rest")).endswith(
        "better from 0 of 1 seed: it makes it worse: leave it out, as far as one seed can tell."
    )
    assert str(Trial("rmse", False, [1.0, 1.0], [2.0, 0.5], "the rest")).endswith(
        "1 of 2 seeds: the seeds do not agree."
    )
    assert str(Trial("rmse", False, [1.0], [1.0], "the rest")).endswith("no difference.")


def test_wrong_inputs_are_named():
    gru, x = torch.nn.GRU(1, 2), torch.zeros(4, 2, 1)
    with pytest.raises(InputError, match=r"data is a Tensor, expected a pair \(inputs, targets\)"):
        explain(gru, x, squared)
    with pytest.raises(InputError, match="a module needs loss="):
        explain(gru, (x, x[0]))
    with pytest.raises(InputError, match=r"expected a torch\.nn\.Module, got int"):
        explain(3, (x, x[0]), squared)
    with pytest.raises(InputError, match="member is -1"):
        explain(gru, (x, x[0]), squared, member=-1)
    model = SequenceClassifier(convolutions=False, **FIT).fit(X, ["a", "b"] * 20)
    with pytest.raises(InputError, match="SequenceClassifier has the loss of its fit: leave loss out"):
        explain(model, (X, ["a", "b"] * 20), squared)
    with pytest.raises(InputError, match="examples, of which at least 10 must differ"):
        try_settings(ExampleData(estimator=SequenceClassifier, items=X[:5], targets=["a"] * 5), {}, Change("nothing"))


def test_a_training_that_broke_down_is_worse_than_any_that_did_not():
    mended = Trial("loss", False, [math.nan, math.inf], [0.5, 0.4], "some")
    assert mended.helps
    assert Trial("accuracy", True, [0.9], [math.nan], "some").helps is False
    assert Trial("loss", False, [math.nan], [math.nan], "some").helps is None
    assert "no difference" in Trial("loss", False, [math.nan], [math.nan], "some").verdict


def test_what_takes_long_says_how_far_it_is(monkeypatch, capsys):
    """From the third second on, and only where a person watches."""
    rnn, x = torch.nn.GRU(1, 4), torch.randn(12, 3, 1)
    looks = {
        "looking inside": lambda: explain(rnn, (x, x[0]), lambda output, y: (output[0][-1, :, :1] - y).square().mean()),
        "attributing at 32 points": lambda: attributions(rnn, x, lambda output: output[0][-1, :, 0]),
    }
    for what, look in looks.items():
        monkeypatch.setattr("unrolled.progress.PATIENCE", 0.0)
        monkeypatch.setenv("UNROLLED_VERBOSE", "0")
        look()
        assert capsys.readouterr().err == ""
        monkeypatch.setenv("UNROLLED_VERBOSE", "1")
        look()
        assert what in capsys.readouterr().err
