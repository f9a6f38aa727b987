"""Every fitted estimator is looked into: with the loss that its training reports, and gradients that are the kernels' own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import unrolled.training.loop
from unrolled import (
    AnomalyDetector,
    CTCTranscriber,
    Forecaster,
    InputError,
    Seq2Seq,
    SequenceClassifier,
    SequenceGenerator,
    SequenceRegressor,
    SequenceTagger,
    insight,
)
from unrolled.cells import CELLS, get_cell

H, N = 5, 6
FIT = {
    "hidden_size": H,
    "num_layers": 1,
    "members": 1,
    "max_epochs": 3,
    "batch_size": 64,
    "random_state": 0,
    "verbose": False,
}
SPELLED = {**FIT, "tokens": "characters", "target_tokens": "characters", "joint_ngrams": 0}
RNG = np.random.default_rng(0)
SEQUENCES = [RNG.normal(size=(7, 2)) for _ in range(N)]
OTHERS = [RNG.normal(size=(7, 2)) for _ in range(N)]
CLASSES, NUMBERS = ["a", "b"] * (N // 2), RNG.normal(size=N)
TAGS = [["A", "B", "C", "B", "A", "A", "C"]] * N
SOURCES, TARGETS = ["abcab", "bbacb", "caabc", "acbbc"], ["bca", "ccb", "aab", "bba"]
TEXT = "the cat sat on the mat and the dog sat on the cat and the mat sat on the dog too. "


def seasonal(n, T=40):
    t = np.arange(T)
    return np.stack([10 + k + np.sin(2 * np.pi * t / 4) + 0.1 * RNG.normal(size=T) for k in range(n)])


def validated(estimator, X, y=None, **options):
    """An estimator that was validated on data of other numbers, these, and the loss that its training reports of them."""
    held = options.pop("held", (X, y))
    estimator.fit(X, *([] if y is None else [y]), validation=held if y is not None else held[0], **options)
    return estimator, held if y is not None else held[0], min(estimator.validation_losses_)


def spied(estimator, data, monkeypatch, batch):
    """An estimator, its data, and the loss of the module that its last training has returned."""
    trained = []
    train = unrolled.training.loop.train

    def spy(problem, options):
        module, run = train(problem, options)
        trained.append((problem, module))
        return module, run

    monkeypatch.setattr(unrolled.training.loop, "train", spy)
    estimator.fit(data)
    problem, module = trained[-1]
    with torch.no_grad():
        return estimator, data, problem.loss(module.eval(), batch(problem, data)).item()


def classifier(_):
    return validated(
        SequenceClassifier(cell="lstm", convolutions=False, pooling="mean", bidirectional=False, **FIT),
        SEQUENCES,
        CLASSES,
        held=(OTHERS, CLASSES),
    )


def regressor(_):
    return validated(
        SequenceRegressor(cell="gru", convolutions=False, pooling="last", bidirectional=False, **FIT),
        SEQUENCES,
        NUMBERS,
        held=(OTHERS, NUMBERS),
    )


def tagger(_):
    return validated(SequenceTagger(cell="lstm", bidirectional=False, **FIT), SEQUENCES, TAGS, held=(OTHERS, TAGS))


def translator(_):
    model = Seq2Seq(
        cell="lstm",
        attention="dot",
        bidirectional=False,
        label_smoothing=0.1,
        scheduled_sampling=0.2,
        **SPELLED,
    )
    return validated(model, SOURCES * 3, TARGETS * 3, held=(SOURCES, TARGETS))


def fed_translator(_):
    model = Seq2Seq(cell="gru", attention="additive", bidirectional=False, input_feeding=True, **SPELLED)
    return validated(model, SOURCES * 3, TARGETS * 3, held=(SOURCES, TARGETS))


def generator(_):
    return validated(
        SequenceGenerator(cell="gru", **FIT), ["abcab", "bcaba", "cabbc"] * 4, held=(["abcba", "babac"], None)
    )


def conditioned_generator(_):
    held = ["abcba", "babac"], ["x", "y"]
    return validated(SequenceGenerator(cell="gru", **FIT), ["abcab", "bcaba"] * 6, ["x", "y"] * 6, held=held)


def carried_generator(_):
    model = SequenceGenerator(cell="lstm", truncate=5, **{**FIT, "batch_size": 4})
    return validated(model, TEXT * 4, held=(TEXT[:80], None))


def transcriber(_):
    y = ["ab", "ba", "aab", "b", "a", "abb"]
    return validated(CTCTranscriber(cell="gru", bidirectional=False, **FIT), SEQUENCES, y, held=(OTHERS, y))


def smoothing(monkeypatch):
    model = Forecaster(method="smoothing", season_length=4, horizon=3, **{**FIT, "members": 2})
    return spied(model, seasonal(3), monkeypatch, lambda problem, data: np.arange(len(data)))


def windows(monkeypatch):
    model = Forecaster(method="windows", season_length=4, horizon=3, **{**FIT, "members": 2})

    def all_windows(problem, data):
        return np.arange(
            sum(len(each) - model.get_params()["horizon"] - W + 1 for each in data for W in [input_window(model, data)])
        )

    return spied(model, seasonal(3), monkeypatch, all_windows)


def input_window(model, data):
    from unrolled.data.panel import read_panel

    return model.shape_for(read_panel(data)).input_window


def detector(method):
    def fitted(monkeypatch):
        series = np.concatenate([seasonal(1, 200)[0], seasonal(1, 100)[0]])
        model = AnomalyDetector(
            method=method,
            window=8,
            horizon=4 if method == "forecast" else None,
            seasons=(),
            calibration_fraction=0.25,
            false_alarm_every=20,
            merge=5,
            **FIT,
        )
        length, ahead = (8, 0) if method == "reconstruction" else (16, 4)
        learned = round(0.75 * len(series))

        def batch(problem, data):
            stride = max(1, length // 8)
            return np.arange(length)[:, None] + np.arange(0, learned - ahead - length + 1, stride)

        model, _, loss = spied(model, series, monkeypatch, batch)
        return model, series[:learned], loss

    return fitted


ESTIMATORS = {
    "classifier": (classifier, "rnn"), "regressor": (regressor, "rnn"), "tagger": (tagger, "rnn"),
    "translator": (translator, "encoder"), "translator's decoder": (translator, "decoder"),
    "translator that feeds back": (fed_translator, "encoder"),
    "generator": (generator, "rnn"), "generator of classes": (conditioned_generator, "rnn"),
    "generator of one text": (carried_generator, "rnn"), "transcriber": (transcriber, "rnn"),
    "forecaster by smoothing": (smoothing, "rnns.1"), "forecaster by windows": (windows, "members.1.rnn"),
    "detector by forecasts": (detector("forecast"), "rnn"), "detector by reconstruction": (detector("reconstruction"), "encoder"),
    "detector's decoder": (detector("reconstruction"), "decoder"),
}  # fmt: skip


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_loss_is_its_trainings_and_the_gradients_are_the_kernels(name, monkeypatch):
    make, path = ESTIMATORS[name]
    model, data, reported = make(monkeypatch)
    flow = insight.gradient_flow(model, data)
    assert flow.loss == pytest.approx(reported, rel=1e-5)

    taught = model.network_loss(*(data if isinstance(data, tuple) else (data,)))
    assert not taught.module.training
    for layer in taught.module.modules():  # which is looked through without truncation
        if getattr(layer, "settings", None) is not None:
            layer.settings = dataclasses.replace(layer.settings, truncate=None)
    taught.loss().backward()
    assert flow.parameters.keys() == {n for n, p in taught.module.named_parameters() if p.requires_grad}
    for parameter, norm in flow.parameters.items():
        gradient = taught.module.get_parameter(parameter).grad
        own = 0.0 if gradient is None else gradient.norm().item()
        assert norm == pytest.approx(own, rel=2e-4, abs=1e-7), parameter

    place = next(f.place for f in flow.states if f.place.startswith(f"{path}."))
    T = len(flow.state(place).norms)
    for t in (1, T // 2, T - 1):
        assert flow.state(place).norms[t - 1] == pytest.approx(cut(taught, path, t), rel=2e-4, abs=1e-8), t
    gates = insight.gates(model, data)
    assert {f.place for f in flow.states} == gates.keys()
    one = insight.jacobians(model, data, place=place)
    assert one.matrices.shape[0] == T
    assert insight.fixed_points(model, data, place=place, starts=4).place == place


def cut(taught, path, t):
    """The mean norm of the gradients with respect to h after t steps of a layer, which the kernels run in two parts."""
    layer = taught.module.get_submodule(path)
    forward, kept = layer.forward, []

    def in_parts(x, hx=None, lengths=None):
        assert lengths is None
        first, states = forward(x[:t], hx)
        states = states if isinstance(states, tuple) else (states,)
        kept.extend(state.detach().requires_grad_() for state in states)
        rest, last = forward(x[t:], tuple(kept) if len(kept) > 1 else kept[0])
        return torch.cat([first[:-1], kept[0], rest]), last

    layer.forward = in_parts
    try:
        taught.loss().backward()
    finally:
        del layer.forward
    return kept[0].grad[0].norm(dim=1).mean().item()


@pytest.mark.parametrize("cell", [name for name in CELLS if not get_cell(name).square and name != "lstmp"])
def test_every_cell_is_looked_into_as_it_predicts(cell):
    model = SequenceClassifier(cell=cell, convolutions=False, bidirectional=cell != "qrnn", **FIT).fit(
        SEQUENCES, CLASSES
    )
    chosen = model.predict_proba(OTHERS)[np.arange(N), [model.classes_.tolist().index(c) for c in CLASSES]]
    flow = insight.gradient_flow(model, (OTHERS, CLASSES))
    assert flow.loss == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
    assert not [name for name in flow.parameters if "weight_bn" in name]  # which is among the others after the fit
    assert max(f.norms.max() for f in flow.states) > 0


def test_embedded_words_are_seen_where_their_products_are_otherwise_put_apart():
    model = SequenceClassifier(cell="gru", embedding_size=32, **{**FIT, "hidden_size": 64, "max_epochs": 1})
    X, y = ["a b c d e f g h i j " * 20, "a b " * 100] * 4, [0, 1] * 4
    flow = insight.gradient_flow(model.fit(X, y), (X, y))
    assert len(flow.states[0].norms) == 200


def test_what_cannot_be_looked_into_says_why():
    with pytest.raises(InputError, match=r"not fitted.*fit\(data\)"):
        insight.gradient_flow(Forecaster(), seasonal(1))
    short = Forecaster(season_length=1, horizon=4, input_window=8, **{**FIT, "members": 1}).fit(np.arange(6.0) ** 2)
    with pytest.raises(InputError, match="has no network: the series it was fitted to are too short"):
        insight.gates(short, seasonal(1))
    model = Forecaster(season_length=4, horizon=3, **{**FIT, "members": 1}).fit(seasonal(1))
    with pytest.raises(
        InputError, match="the longest series has 5 rows, need at least 7: input window 4 and horizon 3"
    ):
        insight.jacobians(model, np.arange(5.0))
    with pytest.raises(InputError, match="y"):
        insight.gates(model, (seasonal(1), [1.0]))
    with pytest.raises(InputError, match="member is 1, expected 0"):
        insight.gates(model, seasonal(1), member=1)
    detector = AnomalyDetector(window=8, horizon=4, seasons=(), false_alarm_every=20, merge=5, **FIT).fit(
        seasonal(1, 300)[0]
    )
    with pytest.raises(InputError, match="the data has 12 rows, need at least 20"):
        insight.gates(detector, np.arange(12.0))
    text = SequenceGenerator(**FIT).fit(TEXT)
    with pytest.raises(InputError, match="X holds 2 texts, but the model learned one long text"):
        insight.gates(text, [TEXT, TEXT])
    listener = CTCTranscriber(**FIT).fit(SEQUENCES, ["ab"] * N)
    with pytest.raises(InputError, match="y: transcript 1 has the symbol 'z'"):
        insight.gates(listener, (SEQUENCES[:2], ["a", "z"]))
    with pytest.raises(InputError, match="transcript 0 has 9 symbols and 8 blanks"):
        insight.gates(listener, (SEQUENCES[:1], ["aaaaaaaaa"]))
    with pytest.raises(InputError, match="requires y"):
        insight.gradient_flow(SequenceClassifier(**FIT).fit(SEQUENCES, CLASSES), SEQUENCES)
    both = SequenceClassifier(cell="qrnn", bidirectional=True, **FIT).fit(SEQUENCES, CLASSES)
    with pytest.raises(InputError, match="QRNN: steps of two directions cannot be watched"):
        insight.gates(both, (SEQUENCES, CLASSES))


@pytest.mark.parametrize(
    "look", [insight.gates, insight.movements, insight.trajectories, insight.jacobians, insight.attributions]
)
def test_what_needs_no_targets_takes_items_alone_or_with_them(look):
    for make, y in ((SequenceClassifier, CLASSES), (SequenceRegressor, list(range(N)))):
        model = make(cell="gru", convolutions=False, **FIT).fit(SEQUENCES, y)
        X, y = SEQUENCES[:1], y[:1]
        assert str(look(model, X)) == str(look(model, (X, y)))
    several = SequenceClassifier(cell="gru", convolutions=False, **FIT).fit(
        SEQUENCES, np.array([[1, 1], [0, 1]] * (N // 2))
    )
    if look is not insight.attributions:
        assert str(look(several, SEQUENCES[:1])) == str(look(several, (SEQUENCES[:1], np.array([[1, 0]]))))
