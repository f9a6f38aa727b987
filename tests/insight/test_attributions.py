"""Integrated gradients: by hand where the model is linear, by a fine sum of plain autograd where it is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from unrolled import InputError, SequenceClassifier, SequenceRegressor, SequenceTagger, nn
from unrolled.insight import attributions


def last(output):
    return output[0][-1, :, 0]


def linear_rnn():
    """h = 2 x + h / 2, so that the last h is the sum of 2 x[t] / 2^(T-1-t)."""
    rnn = torch.nn.RNN(1, 1, nonlinearity="relu")
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.zero_()
        rnn.weight_ih_l0.fill_(2.0)
        rnn.weight_hh_l0.fill_(0.5)
    return rnn


def test_a_linear_model_by_hand():
    """With inputs above 0 a ReLU network is linear: each step has w (x - x'), whatever the path."""
    x = torch.rand(6, 3, 1) + 0.1
    weights = 2.0 * 0.5 ** np.arange(5, -1, -1.0)[:, None]
    for baseline in (0.0, 0.05):
        found = attributions(linear_rnn(), x, last, baseline=baseline, points=1)
        np.testing.assert_allclose(found.by_step, weights * (x[:, :, 0].numpy() - baseline), rtol=1e-5)
        np.testing.assert_allclose(found.baseline, (weights * baseline).sum(), rtol=1e-5)
        np.testing.assert_allclose(found.answer, (weights * x[:, :, 0].numpy()).sum(0), rtol=1e-5)
    assert found.missed < 1e-5


@pytest.mark.parametrize("layer", [torch.nn.GRU(2, 5), torch.nn.LSTM(2, 5, bidirectional=True), nn.JANET(2, 5)])
def test_against_a_fine_sum_and_completeness(layer):
    """The Riemann sum of 400 middle points, one after the other."""
    torch.manual_seed(0)
    layer = layer.double()
    x, start = torch.randn(7, 2, 2).double(), torch.randn(7, 2, 2).double()
    total = torch.zeros_like(x)
    for k in range(400):
        between = (start + (k + 0.5) / 400 * (x - start)).requires_grad_()
        total += torch.autograd.grad(last(layer(between)).sum(), [between])[0] / 400
    found = attributions(layer, x, last, baseline=start)
    np.testing.assert_allclose(found.values, (x - start) * total, atol=1e-5)
    np.testing.assert_allclose(found.values.sum((0, 2)), found.answer - found.baseline, atol=1e-10)
    with torch.no_grad():
        np.testing.assert_allclose(found.answer, last(layer(x)), atol=1e-12)
        np.testing.assert_allclose(found.baseline, last(layer(start)), atol=1e-12)
    assert all(parameter.grad is None for parameter in layer.parameters())


class Reader(torch.nn.Module):
    """Of tokens, batch first."""

    def __init__(self):
        super().__init__()
        self.words, self.rnn = torch.nn.Embedding(9, 3), torch.nn.GRU(3, 4, batch_first=True)

    def forward(self, tokens):
        return self.rnn(self.words(tokens))


def test_tokens_through_their_embedding():
    torch.manual_seed(0)
    model, tokens = Reader().eval(), torch.randint(9, (4, 6))
    tokens[2] = tokens[1]
    answer = lambda output: output[0][:, -1, 0]  # noqa: E731
    found = attributions(model, tokens, answer, through="words", batch_first=True)
    assert found.values.shape == (6, 4, 3)
    assert found.missed < 1e-4
    np.testing.assert_array_equal(found.values[:, 2], found.values[:, 1])
    embedded = model.words(tokens).detach()
    by_itself = attributions(model.rnn, embedded, answer, batch_first=True)
    np.testing.assert_allclose(found.values, by_itself.values, atol=1e-6)
    with pytest.raises(InputError, match=r"the first input is a tensor \[4, 6\] of torch.int64, expected floats"):
        attributions(model, tokens, answer)


def test_a_few_points_miss_what_many_do_not():
    torch.manual_seed(0)
    rnn = torch.nn.RNN(1, 4)
    with torch.no_grad():
        rnn.weight_ih_l0.mul_(20)
    x = torch.randn(5, 3, 1)
    few, many = (attributions(rnn, x, last, points=points) for points in (1, 200))
    assert few.missed > 0.05 > 0.01 > many.missed
    assert "take more points" in str(few)
    assert "take more points" not in str(many)


def test_the_span_is_where_half_of_the_sizes_lie():
    found = attributions(linear_rnn(), torch.ones(6, 2, 1), last, points=1)  # 2, 1, 1/2, ...
    assert found.span == 1
    assert str(found) == (
        "What is read moves the answer from 0 to 3.94 in the mean; half of what moves it is in the last 1 of 6 steps"
    )
    frame = found.to_frame()
    assert frame.shape == (12, 4)
    assert frame["attribution"].to_list()[5] == 2.0
    svg = found.plot(1).svg
    assert "raises, 5: 1.00" in svg
    assert "raises, 4: 0.50" in svg
    assert "lowers, " not in svg
    assert "lowers, 5: 1.00" in attributions(linear_rnn(), torch.ones(6, 2, 1), lambda o: -last(o)).plot().svg
    with pytest.raises(InputError, match="sequence is 2, expected a whole number from 0 to 1"):
        found.plot(2)
    with pytest.raises(InputError, match="sequence is True, expected a whole number"):
        found.plot(True)


def rising(rng, n):
    return np.linspace(0, 1, n)[:, None] + 0.1 * rng.normal(size=(n, 1))


def test_a_classifier_of_sequences_of_several_lengths():
    rng = np.random.default_rng(0)
    X = [rising(rng, n) for n in (20, 30, 25, 22)] * 3
    X += [-x for x in X]
    y = ["up"] * 12 + ["down"] * 12
    model = SequenceClassifier(hidden_size=6, members=2, max_epochs=5, convolutions=False, random_state=0).fit(X, y)
    found = attributions(model, X[:4], "down", member=1)
    scores = model.model_.member_output(1, X[:4], lambda scores: scores)
    np.testing.assert_allclose(found.answer, scores[:, 0], atol=1e-5)
    assert found.missed < 0.01
    lengths = (~np.isnan(found.by_step)).sum(0)
    assert lengths.tolist() == [len(each) for each in found.labels] == [len(x) for x in model.model_.encoded(X[:4])]
    np.testing.assert_allclose(
        attributions(model, X[1:2], "down", member=1).by_step[:, 0], found.by_step[:, 1], atol=1e-5
    )
    chosen = attributions(model, X[:4], member=1)
    places = [model.classes_.tolist().index(each) for each in model.predict(X[:4])]
    np.testing.assert_allclose(chosen.answer, scores[range(4), places], atol=1e-5)
    with pytest.raises(InputError, match="answer is 'left', expected a class: 'down', 'up'"):
        attributions(model, X, "left")
    with pytest.raises(InputError, match=r"answer is array\(\['up'"):
        attributions(model, X, np.array(["up"] * len(X)))
    with pytest.raises(InputError, match="through and batch_first are for modules"):
        attributions(model, X, through="rnn")


def test_the_words_of_a_text():
    X = ["it was good", "it was bad indeed", "a good one", "a bad one"] * 10
    y = ["yes", "no", "yes", "no"] * 10
    model = SequenceClassifier(
        hidden_size=8, members=1, max_epochs=30, min_count=1, learning_rate=0.02, random_state=0
    ).fit(X, y)
    found = attributions(model, ["it was good", "a bad one"], "yes")
    assert found.labels == (("it", "was", "good"), ("a", "bad", "one"))
    assert found.by_step[:, 0].argmax() == 2
    assert found.by_step[:, 1].argmin() == 1
    assert "raises, good: 1.00" in found.plot().svg


def test_a_number_and_a_tag():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 8, 2))
    model = SequenceRegressor(hidden_size=4, members=1, max_epochs=2, convolutions=False, random_state=0)
    model.fit(X, np.stack([X[:, -1, 0], X[:, 0, 1]], 1))
    first, second = (attributions(model, X[:3], place) for place in (0, 1))
    assert first.missed < 0.01
    assert not np.allclose(first.answer, second.answer)
    with pytest.raises(InputError, match="answer is 2, expected a whole number from 0 to 1"):
        attributions(model, X[:3], 2)
    tagger = SequenceTagger(hidden_size=4, members=1, max_epochs=2, min_count=1, random_state=0)
    tagger.fit([["the", "cat"], ["a", "dog", "barks"]] * 10, [["D", "N"], ["D", "N", "V"]] * 10)
    found = attributions(tagger, [["the", "cat"], ["a", "dog", "barks"]], (1, "N"))
    emissions = tagger.model_.tag_scores([["the", "cat"], ["a", "dog", "barks"]])
    np.testing.assert_allclose(found.answer, [each[1, 1] for each in emissions], atol=1e-5)
    assert found.missed < 0.01
    with pytest.raises(InputError, match="answer is 'N', expected a pair of a step and a tag: D, N, V"):
        attributions(tagger, [["the", "cat"]], "N")
    with pytest.raises(InputError, match="the step of answer is 2, expected a whole number from 0 to 1"):
        attributions(tagger, [["the", "cat"]], (2, "N"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"answer": None}, "a module needs answer="),
        ({"answer": lambda output: output[0].sum()}, r"answer gave \[\], expected a tensor \[2\]"),
        ({"answer": lambda output: 1.0}, r"answer gave a float, expected a tensor \[2\]"),
        ({"answer": lambda output: torch.ones(2)}, "the answer does not depend on what is read"),
        ({"baseline": np.nan}, "baseline is nan, expected a finite number"),
        ({"baseline": torch.zeros(3)}, r"expected a finite number, or a tensor \[4, 2, 1\]"),
        ({"baseline": "a"}, "baseline is 'a', expected a finite number"),
        ({"answer": lambda output: output[0][-1, :, 7]}, "answer failed on what the model returned, a tuple, with IndexError"),
        ({"points": 0}, "points is 0, expected a whole number of at least 1"),
        ({"through": "words"}, "through is 'words', but the model has no such part"),
        ({"member": 1}, "member is 1, but a module is one network"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        attributions(torch.nn.GRU(1, 3), torch.zeros(4, 2, 1), **{"answer": last, **given})


def test_others_are_refused_by_name():
    from unrolled import Forecaster

    with pytest.raises(InputError, match="not of a Forecaster"):
        attributions(Forecaster(), np.zeros(5))
    with pytest.raises(InputError, match=r"expected a torch.nn.Module, got int"):
        attributions(3, torch.zeros(4, 2, 1), last)
    with pytest.raises(InputError, match="an array of NumPy, expected a tensor of torch"):
        attributions(torch.nn.GRU(1, 3), np.zeros((4, 2, 1)), last)
    with pytest.raises(InputError, match=r"there is nothing in x, a tensor \[4, 0, 1\]"):
        attributions(torch.nn.GRU(1, 3), torch.zeros(4, 0, 1), last)
    still = attributions(torch.nn.GRU(1, 3), torch.zeros(4, 2, 1), last)
    assert str(still).startswith("What is read does not move the answer, which is ")
    found = attributions(torch.nn.GRU(1, 3), torch.full((4, 2, 1), torch.nan), last)
    assert str(found) == "The answer is not finite: inputs or weights are not."


def test_points_are_added_until_the_sum_does_not_miss():
    torch.manual_seed(0)
    rnn = torch.nn.RNN(1, 4)
    with torch.no_grad():
        rnn.weight_ih_l0.mul_(1500)
    x = torch.randn(5, 3, 1)
    given, found = attributions(rnn, x, last, points=32), attributions(rnn, x, last)
    assert given.missed > 0.05 >= found.missed
    assert (given.points, "with 32 points the steps miss" in str(given)) == (32, True)
    assert found.points in (64, 128, 256)
    assert attributions(linear_rnn(), torch.ones(6, 2, 1), last).points == 32
    assert "after eval()" in str(given)
    assert "eval" not in str(dataclasses.replace(given, of_module=False))
