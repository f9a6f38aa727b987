"""Families: their sizes, and those without a network against the libraries that they stand on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from unrolled.cells import CELLS
from unrolled.comparison import Part, classify_task, tag_task
from unrolled.comparison.catalogue import DEFAULT_MODELS, family_of, missing_package, refusal
from unrolled.comparison.crf import features
from unrolled.comparison.family import NETWORKS, network_family
from unrolled.comparison.hidden_markov import tag_model
from unrolled.comparison.matching import matched
from unrolled.comparison.most_frequent import MOST_FREQUENT
from unrolled.comparison.ngram import NGRAM
from unrolled.comparison.seasonal_naive import SEASONAL_NAIVE
from unrolled.comparison.smoothing import AUTOREGRESSION, SMOOTHING_FAMILY
from unrolled.errors import InputError
from unrolled.statistical.ngrams import NGrams

NAMES = [*CELLS, *NETWORKS, "rnn", "lstm-bidirectional", "qrnn-bidirectional", "slstm-bidirectional"]


def wanted(task):
    gru = network_family("gru")
    return task.weights(gru, gru.config(task.context, 32))


@pytest.mark.parametrize("name", NAMES)
def test_networks_have_as_many_parameters_to_5_percent(name, series, classes):
    family = network_family(name)
    if refusal(family, "classify") is not None:
        assert name == "sru"
        return
    for task in (series, classes):
        config = matched(family, task.context, wanted(task), task.weights)
        assert abs(task.weights(family, config) / wanted(task) - 1) < 0.05


def test_tables_of_words_do_not_count(tags):
    family = network_family("gru")
    config = family.config(tags.context, 8)
    module = tags.make(family, config)
    words = tags.encoded.tokens.words * tags.encoded.tokens.word_size
    assert sum(p.numel() for p in module.parameters()) == module.weights + words == tags.weights(family, config) + words


def test_a_size_that_nothing_fits_is_refused(series):
    with pytest.raises(InputError, match=r"transformer has .* parameters with .* units, where 10 are wanted"):
        matched(network_family("transformer"), series.context, 10, series.weights)


def test_every_default_model_is_known_and_makes_sense():
    for task, names in DEFAULT_MODELS.items():
        for name in names:
            assert refusal(family_of(name), task) is None


@pytest.mark.parametrize(
    ("name", "task"),
    [("crf", "classify"), ("hmm", "forecast"), ("ngram", "tag"), ("seasonal-naive", "tag"), ("transformer", "generate"),
     ("gru-bidirectional", "generate"), ("most-frequent", "forecast"), ("sru", "tag")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_a_reason(name, task):
    assert len(refusal(family_of(name), task)) > 20


def test_a_missing_package_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setattr("unrolled.comparison.catalogue.find_spec", lambda name: None)
    assert missing_package(family_of("crf")).endswith("pip install '.[compare]'")
    assert missing_package(family_of("lstm")) is None


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(InputError, match=r"models is 'ltsm', expected feed-forward, .*, one of the cells rnn_tanh, "):
        family_of("ltsm")


def test_the_seasonal_naive_forecast_is_the_last_season(series):
    found = SEASONAL_NAIVE.fits["forecast"](series, 0).predict()
    for forecast, i, o in zip(found, *series.origins[2], strict=True):
        np.testing.assert_array_equal(forecast, series.values[i][o - 6 : o - 3])
    errors = [
        np.abs(series.values[i][o : o + 3] - series.values[i][o - 6 : o - 3]).mean()
        / np.abs(series.values[i][6:50] - series.values[i][:44]).mean()
        for i, o in zip(*series.origins[2], strict=True)
    ]
    assert series.score(found) == pytest.approx(np.mean(errors))


@pytest.mark.parametrize("family", [SEASONAL_NAIVE, SMOOTHING_FAMILY, AUTOREGRESSION])
def test_no_forecast_knows_what_comes_later(family, series):
    before = family.fits["forecast"](series, 0).predict()
    spoiled = [values.copy() for values in series.values]
    last = int(series.origins[2].steps[0]) + 3
    for values in spoiled:
        values[last:] = 1000.0
    other = type(series)(**{**vars(series), "values": spoiled})
    first = np.flatnonzero(series.origins[2].steps + 3 <= last)
    np.testing.assert_array_equal(family.fits["forecast"](other, 0).predict()[first], before[first])


def test_the_most_frequent_tag_of_a_word_is_counted(tags):
    found = MOST_FREQUENT.fits["tag"](tags, 0).predict()
    counts = {}
    for sentence, true in zip(tags.items[0], tags.targets[0], strict=True):
        for word, tag in zip(sentence, true, strict=True):
            counts.setdefault(word, []).append(tag)
    for sentence, given in zip(tags.items[2], found, strict=True):
        assert given.tolist() == [max(counts[word], key=counts[word].count) for word in sentence]


def test_the_most_frequent_class_is_that(classes):
    found = MOST_FREQUENT.fits["classify"](classes, 0).predict()
    assert set(found) == {np.bincount(classes.targets[0]).argmax()}


def test_n_grams_say_what_the_statistical_module_says(text):
    fitted = NGRAM.fits["generate"](text, 0)
    models = [NGrams.counted(text.whole, tokens=text.head.symbols, order=order) for order in range(2, 9)]
    perplexities = [model.perplexity(text.pieces[1]) for model in models]
    best = models[int(np.argmin(perplexities))]
    assert fitted.chosen == f"order {best.order}"
    assert 2 ** text.score(fitted.predict()) == pytest.approx(best.perplexity(text.pieces[2]), rel=1e-9)


def test_the_hmm_of_tags_has_the_shares_that_are_counted(tags):
    pytest.importorskip("hmmlearn")
    model = tag_model(tags, 0.1)
    true = tags.targets[0]
    K, words = len(tags.tags), tags.encoded.tokens.words
    start = np.bincount([each[0] for each in true], minlength=K) + 0.1
    np.testing.assert_allclose(model.startprob_, start / start.sum())
    steps, emitted = np.full((K, K), 0.1), np.full((K, words), 0.1)
    for item, each in zip(tags.encoded.parts[0], true, strict=True):
        for a, b in pairwise(each):
            steps[a, b] += 1
        for word, tag in zip(item.words, each, strict=True):
            emitted[tag, word] += 1
    np.testing.assert_allclose(model.transmat_, steps / steps.sum(1, keepdims=True))
    np.testing.assert_allclose(model.emissionprob_, emitted / emitted.sum(1, keepdims=True))


def test_the_hmm_of_tags_takes_hmmlearns_path(tags):
    pytest.importorskip("hmmlearn")
    fitted = family_of("hmm").fits["tag"](tags, 0)
    model = tag_model(tags, float(fitted.chosen.split()[0]))
    for item, path in zip(tags.encoded.parts[2], fitted.predict(), strict=True):
        _, expected = model.decode(item.words[:, None])
        np.testing.assert_array_equal(path, expected)


def test_the_hmm_of_classes_is_the_likelier_one_of_hmmlearn(classes):
    hmm = pytest.importorskip("hmmlearn.hmm")
    fitted = family_of("hmm").fits["classify"](classes, 3)
    states = int(fitted.chosen.split()[0])
    logs = []
    for k in range(2):
        own = [classes.encoded.parts[0][n].astype(float) for n in np.flatnonzero(classes.targets[0] == k)]
        model = hmm.GaussianHMM(states, covariance_type="diag", min_covar=1e-2, n_iter=20, random_state=3)
        model.fit(np.concatenate(own), [len(each) for each in own])
        assert (model.transmat_.sum(1) > 0.99).all()
        share = np.log((classes.targets[0] == k).mean())
        logs.append([model.score(item.astype(float)) + share for item in classes.encoded.parts[2]])
    np.testing.assert_array_equal(fitted.predict(), np.argmax(logs, 0))


def test_the_crf_predicts_what_its_library_predicts(tags):
    library = pytest.importorskip("sklearn_crfsuite")
    fitted = family_of("crf").fits["tag"](tags, 0)
    penalty = float(fitted.chosen.split()[1])
    crf = library.CRF("lbfgs", c1=penalty, c2=penalty, max_iterations=100, all_possible_transitions=True)
    named = [[tags.tags[k] for k in each] for each in tags.targets[0]]
    crf.fit([features(item, True) for item in tags.items[0]], named)
    expected = crf.predict([features(item, True) for item in tags.items[2]])
    assert [[tags.tags[k] for k in each] for each in fitted.predict()] == [list(each) for each in expected]
    assert tags.score(fitted.predict()) == 1.0


def test_a_class_of_one_short_sequence_has_a_model():
    pytest.importorskip("hmmlearn")
    rng = np.random.default_rng(0)
    parts = [Part([rng.normal(size=(6, 1)), np.array([[9.0]])], ["long", "short"])] * 3
    task = classify_task(parts, "numbers", batch_size=2)
    assert family_of("hmm").fits["classify"](task, 0).chosen == "1 state a class"


def test_a_tag_that_training_lacks_is_never_right_and_leaves_the_loss_alone():
    items = [["a", "b"], ["a", "b"]]
    parts = [Part(items, [["X", "Y"], ["X", "Y"]]), Part(items[:1], [["X", "Z"]]), Part(items[:1], [["X", "Z"]])]
    task = tag_task(parts, "tokens", batch_size=2)
    assert task.score([np.array([0, 1])]) == task.score([np.array([0, 0])], validation=True) == 0.5
    family = network_family("gru")
    module = task.make(family, family.config(task.context, 4)).eval()
    problem = task.problem(lambda: module)
    scores = module(task.encoded.parts[1]).emissions.log_softmax(2)
    assert problem.validate(module) == pytest.approx(-scores[0, 0, 0].item(), rel=1e-5)
