"""`--weights bfloat16`: predictions of rounded weights, what that costs, and both measures side by side."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

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
    load,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A classifier of texts, its file and that of its data."""
    folder, rng = tmp_path_factory.mktemp("stored"), np.random.default_rng(0)
    X = [" ".join(rng.choice(["good", "fine", "bad", "poor", "a"], 6)) for _ in range(40)]
    y = ["yes" if text.count("good") + text.count("fine") > 2 else "no" for text in X]
    fitted = SequenceClassifier(hidden_size=8, members=1, max_epochs=3, random_state=0).fit(X, y)
    fitted.save(folder / "model")
    (folder / "data.csv").write_text("text,label\n" + "".join(f"{a},{b}\n" for a, b in zip(X, y, strict=True)))
    return fitted, folder / "model", folder / "data.csv", X


def rounded(a):
    return torch.from_numpy(np.array(a)).to(torch.bfloat16).float().numpy()


def test_a_loaded_model_has_the_bits_of_rounded_matrices(model, tmp_path):
    fitted, path, _, X = model
    stored = load(path, SequenceClassifier, weights="bfloat16")
    with_rounded = load(path, SequenceClassifier)
    for member in with_rounded.model_.members:
        for name in member:
            if ".weight_ih" in name or ".weight_hh" in name:
                member[name] = rounded(member[name])
    p = stored.predict_proba(X)
    assert p.tobytes() == with_rounded.predict_proba(X).tobytes()
    assert p.tobytes() == fitted.with_weights("bfloat16").predict_proba(X).tobytes()
    assert p.tobytes() != fitted.predict_proba(X).tobytes()
    assert fitted.predict_proba(X).tobytes() == stored.with_weights(None).predict_proba(X).tobytes()
    stored.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_the_loss_is_that_of_the_answers(model):
    fitted, _, _, X = model
    stored = fitted.with_weights("bfloat16")
    apart = abs(stored.predict_proba(X) - fitted.predict_proba(X))
    found = stored.weights_loss(X)
    assert (found.largest, found.typical) == (apart.max(), np.median(apart))
    assert (found.numbers, found.answers) == (80, 40)
    assert found.changed == (stored.predict(X) != fitted.predict(X)).sum()
    with pytest.raises(InputError, match="weights are those that were learned"):
        fitted.weights_loss(X)
    with pytest.raises(InputError, match="weights='int8'"):
        fitted.with_weights("int8")


def test_predict_tells_the_loss(model, unrolled, tmp_path):
    fitted, path, data, X = model
    outcome = unrolled("predict", path, data, "--weights", "bfloat16", "-o", tmp_path / "out.csv", "--probabilities")
    assert outcome.code == 0
    assert fitted.with_weights("bfloat16").weights_loss(X).verdict in outcome.err
    written = np.loadtxt(tmp_path / "out.csv", delimiter=",", skiprows=1, usecols=3)
    expected = fitted.with_weights("bfloat16").predict_proba(X)[:, 0]
    np.testing.assert_allclose(written, expected, atol=5e-7)
    assert "bfloat16" not in unrolled("predict", path, data).err


def test_evaluate_shows_both(model, unrolled):
    _, path, data, _ = model
    whole = json.loads(unrolled("evaluate", path, data, "--json").out)
    both = json.loads(unrolled("evaluate", path, data, "--weights", "bfloat16", "--json").out)
    assert list(both) == ["float32", "bfloat16"]
    assert both["float32"] == whole
    outcome = unrolled("evaluate", path, data, "--weights", "bfloat16")
    rows = {line[:12].strip(): line.split()[-3:] for line in outcome.out.splitlines()}
    accuracies = [both[name]["accuracy"] for name in both]
    assert [float(number) for number in rows["accuracy"]] == pytest.approx([*accuracies, accuracies[1] - accuracies[0]])


def test_another_storage_is_refused(model, unrolled):
    _, path, data, _ = model
    outcome = unrolled("evaluate", path, data, "--weights", "int8")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "unrolled: --weights int8: expected bfloat16, or nothing for the float32 of the file\n"


def test_other_estimators():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 6, 2))
    regressor = SequenceRegressor(hidden_size=8, members=1, max_epochs=1, random_state=0).fit(X, X.sum((1, 2)))
    found = regressor.with_weights("bfloat16").weights_loss(X)
    assert (found.unit, found.numbers) == ("numbers", 30)
    assert 0 < found.typical < found.largest < 0.1
    series = 10 + np.sin(np.arange(120) / 4) + rng.normal(size=120) / 10
    forecaster = Forecaster(horizon=4, members=1, max_epochs=1, random_state=0).fit(series)
    exact, stored = forecaster.predict_quantiles(), forecaster.with_weights("bfloat16")
    assert stored.weights_loss().largest == abs(stored.predict_quantiles() - exact).max() > 0
    channels = np.sin(np.arange(300)[:, None] / [5, 9]) + rng.normal(size=(300, 2)) / 10
    detector = AnomalyDetector(members=1, max_epochs=1, false_alarm_every=100, random_state=0).fit(channels)
    stored = detector.with_weights("bfloat16")
    apart = abs(stored.score_samples(channels) - detector.score_samples(channels))
    assert stored.weights_loss(channels).largest == np.nanmax(apart) > 0
    with pytest.raises(InputError, match="scores already"):
        stored.weights_loss(detector.read_and_score(channels))
    words = [["a", "b", "c"], ["c", "b"], ["b", "a", "a"]] * 8
    tagger = SequenceTagger(hidden_size=8, max_epochs=1, random_state=0).fit(words, words)
    found = tagger.with_weights("bfloat16").weights_loss(words)
    assert (found.numbers, found.answers) == (3 * sum(map(len, words)), len(words))
    reversed_ = ["ab", "ba", "bb"] * 8
    seq2seq = Seq2Seq(hidden_size=8, max_epochs=1, random_state=0).fit(reversed_, [text[::-1] for text in reversed_])
    assert seq2seq.with_weights("bfloat16").weights_loss(["ab", "ba"]).answers == 2
    transcriber = CTCTranscriber(hidden_size=8, max_epochs=1, random_state=0).fit(X, ["ab", "b", "a"] * 10)
    assert transcriber.with_weights("bfloat16").weights_loss(X).numbers == 3 * 6 * len(X)
    texts = ["abab", "baba", "aabb"] * 8
    generator = SequenceGenerator(hidden_size=8, max_epochs=1, random_state=0).fit(texts)
    assert generator.with_weights("bfloat16").weights_loss(texts).numbers == sum(len(text) + 1 for text in texts)
