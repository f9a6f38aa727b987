from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from unrolled import InputError, Seq2Seq, SequenceClassifier, SequenceTagger
from unrolled.insight import OrderEffect, order_effect
from unrolled.insight.order_effect import shuffled_places


def test_steps_stay_in_their_windows_and_reach_every_place_of_them():
    rng = np.random.default_rng(0)
    for length, window in ((10, 3), (7, 7), (7, 100), (1, 2), (9, 2)):
        seen = np.zeros((length, length))
        for _ in range(400):
            places = shuffled_places(length, window, rng)
            assert sorted(places) == list(range(length))
            assert (np.abs(places - np.arange(length)) < window).all()
            seen[np.arange(length), places] += 1
        near = np.abs(np.subtract.outer(np.arange(length), np.arange(length))) < window
        assert (seen[near] > 0).all()
    counts = dict.fromkeys(itertools.permutations(range(3)), 0)
    for _ in range(1200):
        counts[tuple(shuffled_places(3, 3, rng).tolist())] += 1
    assert min(counts.values()) > 140


class Last(torch.nn.Module):
    """What it read last."""

    def forward(self, x):
        return x[-1, :, 0]


def error(output, wanted):
    return (output - wanted).square().mean()


def test_a_model_that_only_reads_the_last_step():
    """Shuffled within windows of w steps the last one is another with probability 1 - 1/w: the error is 2 (1 - 1/w)."""
    x = torch.randn(16, 4000, 1, generator=torch.Generator().manual_seed(0))
    found = order_effect(Last(), (x, x[-1, :, 0]), error, windows=(2, 4, 16), permutations=4)
    assert found.real == 0
    assert found.windows == (2, 4, 16)
    # a window that begins anywhere may end after the sequence: E 1 - 1/w over the lengths of the last one
    expected = [np.mean([2 * (1 - 1 / w) for w in range(1, window + 1)]) for window in (2, 4)] + [2 * (1 - 1 / 16)]
    np.testing.assert_allclose(found.effect, expected, rtol=0.12)
    assert str(found).startswith("loss is 0 in order and 1.8")
    assert "within windows of 4 steps has half of that effect" in str(found) or "within windows of 16 steps" in str(
        found
    )
    assert found.to_frame().shape == (1 + 3 * 4, 3)
    with pytest.raises(InputError, match="loss is not above 0 everywhere"):
        found.plot()


def test_a_model_that_does_not_look_at_the_order():
    x = torch.randint(-9, 10, (3, 8, 2)).float()  # whose sums are exact in any order
    found = order_effect(lambda_module(lambda x: x.mean((1, 2))), (x, x.mean((1, 2))), error, batch_first=True)
    assert found.windows == (2, 4, 8)
    np.testing.assert_allclose(found.effect, 0, atol=1e-12)
    assert "no effect of order can be told from chance" in str(found)


def lambda_module(f):
    class Module(torch.nn.Module):
        def forward(self, x):
            return f(x)

    return Module()


def test_targets_go_with_their_steps_if_asked():
    x = torch.randn(9, 5, 2)
    itself = lambda_module(lambda x: x)
    assert order_effect(itself, (x, x), error, targets_too=True).effect.max() == 0
    assert order_effect(itself, (x, x), error).effect.min() > 0
    found = order_effect(itself, (x, x + 1), error)
    assert found.plot().svg.count("<path") > 5


def test_a_classifier_that_needs_the_order():
    rng = np.random.default_rng(0)
    rising = [np.linspace(-1, 1, n)[:, None] + 0.1 * rng.normal(size=(n, 1)) for n in rng.integers(10, 20, 60)]
    X, y = [*rising, *(-x for x in rising)], ["up"] * 60 + ["down"] * 60
    model = SequenceClassifier(
        hidden_size=6, members=1, max_epochs=15, convolutions=False, differences=False, learning_rate=0.02, random_state=0
    ).fit(X, y)  # fmt: skip
    found = order_effect(model, (X, y), permutations=2, measure="accuracy")
    assert found.real == model.score(X, y) > 0.95
    assert found.windows == (2, 4, 8, 16, max(map(len, X)))
    assert found.shuffled[-1].mean() < 0.8
    assert found.shuffled[0].mean() > 0.9
    with pytest.raises(InputError, match="measure is 'beauty', expected one of those of evaluate: accuracy"):
        order_effect(model, (X, y), measure="beauty")
    with pytest.raises(InputError, match="an estimator has evaluate"):
        order_effect(model, (X, y), error)


def test_tags_go_with_their_words_and_texts_are_shuffled_by_words():
    tagger = SequenceTagger(hidden_size=6, max_epochs=15, min_count=1, learning_rate=0.02, random_state=0)
    X, y = [["the", "cat", "barks"], ["a", "dog", "sleeps"]] * 20, [["D", "N", "V"]] * 40
    found = order_effect(tagger.fit(X, y), (X, y), permutations=2)
    assert found.measure == "accuracy"
    assert found.shuffled.min() > 0.5  # words alone tell most of it
    told = Seq2Seq(hidden_size=8, max_epochs=3, random_state=0).fit(
        ["a b", "b a c", "c a b"] * 10, ["b a", "c a b", "b a c"] * 10
    )
    found = order_effect(told, (["a b", "b a c"], ["b a", "c a b"]), permutations=2, measure="perplexity")
    assert found.windows == (2, 3)
    assert found.real == pytest.approx(told.perplexity(["a b", "b a c"], ["b a", "c a b"]))


@pytest.mark.parametrize(
    ("model", "data", "given", "message"),
    [
        (Last(), 3, {}, "data is a int, expected a pair"),
        (Last(), (torch.zeros(3, 2, 1), None), {"loss": None}, "a module needs loss="),
        (Last(), (torch.zeros(3), None), {}, r"expected a tensor \[T, B, ...\]"),
        (Last(), (torch.zeros(3, 2, 1), torch.zeros(2)), {"targets_too": True}, "targets do not go with steps"),
        (Last(), (torch.zeros(3, 2, 1), None), {"windows": []}, "windows is empty"),
        (Last(), (torch.zeros(3, 2, 1), None), {"windows": 3}, "windows is 3, expected a list"),
        (Last(), (torch.zeros(3, 2, 1), None), {"loss": lambda *_: None}, "loss gave a NoneType, expected one number"),
        (Last(), (torch.zeros(3, 2, 1), None), {"loss": lambda o, _: o}, r"loss gave a Tensor \[2\], expected one number"),
        (Last(), (torch.zeros(3, 2, 1), None), {"windows": [1]}, "a window is 1, expected a whole number of at least 2"),
        (Last(), (torch.zeros(3, 2, 1), None), {"permutations": 0}, "permutations is 0"),
        (Last(), (torch.zeros(3, 2, 1), None), {"measure": "accuracy"}, "measure is for estimators"),
        (3, (torch.zeros(3, 2, 1), None), {}, "expected a torch.nn.Module"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(model, data, given, message):
    with pytest.raises(InputError, match=message):
        order_effect(model, data, **{"loss": error, **given})


def test_others_are_refused_by_name():
    from unrolled import Forecaster

    with pytest.raises(InputError, match="not for a Forecaster"):
        order_effect(Forecaster(), (np.zeros(5), None))


def test_the_axis_of_the_picture_has_the_windows():
    found = OrderEffect("loss", 0.1, (2, 4, 12), np.full((3, 2), 0.5))
    svg = found.plot().svg
    assert [svg.count(f">{window}</text>") for window in (1, 2, 3, 4, 12)] == [1, 1, 0, 1, 1]
