from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import InputError, Seq2Seq
from unrolled.charts.chart import Chart
from unrolled.insight import Alignment, alignment


def test_kendall_of_known_weights():
    forth, back = np.eye(4), np.eye(4)[::-1]
    jumps = np.eye(4)[[1, 3, 0, 2]]  # of six pairs three go on
    found = Alignment([forth, back, jumps, np.full((3, 5), 0.2), np.eye(1)], Chart())
    np.testing.assert_allclose(found.monotonicity[:4], [1, -1, 0, 0])
    assert np.isnan(found.monotonicity[4])
    np.testing.assert_allclose(found.sharpness, [1, 1, 1, 0.2, 1])
    np.testing.assert_allclose(found.places[2], [1, 3, 0, 2])
    assert str(found) == (
        "Attention jumps: Kendall's τ of tokens and what they read is 0.00 in the mean of 4, from -1.00 to 1.00; the step that is"
        " read most has 84% of it"
    )
    assert "goes on" in str(Alignment([forth], Chart()))
    assert "goes back" in str(Alignment([back], Chart()))
    assert "No answer has two tokens" in str(Alignment([np.eye(1)], Chart()))


def test_a_translator_reads_what_it_reverses_from_the_end():
    rng = np.random.default_rng(0)
    X = [" ".join(rng.choice(list("abcdef"), rng.integers(2, 6))) for _ in range(300)]
    y = [" ".join(reversed(x.split())) for x in X]
    model = Seq2Seq(hidden_size=24, max_epochs=15, learning_rate=0.01, joint_ngrams=0, random_state=0).fit(X, y)
    found = alignment(model, X[:5], y[:5])
    for own, theirs in zip(found.weights, model.attention_weights(X[:5], y[:5]), strict=True):
        np.testing.assert_array_equal(own, theirs)
        np.testing.assert_allclose(own.sum(1), 1, atol=1e-5)
    assert found.plot().svg == model.plot(X[:5], y[:5]).svg
    assert found.to_frame().shape == (sum(each.size for each in found.weights), 4)
    assert found.monotonicity.mean() < -0.5, str(found)


def test_others_are_refused():
    with pytest.raises(InputError, match="alignment is of a fitted Seq2Seq with attention, not of a GRU"):
        alignment(torch.nn.GRU(1, 2), ["a"])
    model = Seq2Seq(hidden_size=4, max_epochs=1, attention="none", random_state=0).fit(
        ["a b", "b"] * 5, ["b", "a b"] * 5
    )
    with pytest.raises(InputError, match="attention"):
        alignment(model, ["a"])
