"""States in the directions in which they differ most: against eigenvectors of their covariance, and with fixed points."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from unrolled import InputError, nn
from unrolled.insight import fixed_points, trajectories


def rnn(U):
    H = len(U)
    zeros = np.zeros(H)
    return "rnn_tanh", {
        "weight_ih": np.ones((H, 1)),
        "weight_hh": np.asarray(U, float),
        "bias_ih": zeros,
        "bias_hh": zeros,
    }


def test_directions_are_eigenvectors_of_the_covariance():
    torch.manual_seed(0)
    layer, x = torch.nn.LSTM(2, 4), torch.randn(30, 5, 2)
    found = trajectories(layer, x, directions=3)
    states, state = [np.zeros((5, 8))], None
    for step in x:  # one step after the other
        _, state = layer(step[None], state)
        states.append(torch.cat(state, 2)[0].detach().numpy())
    states = np.stack(states)
    values, vectors = np.linalg.eigh(np.cov(states.reshape(-1, 8).T))
    np.testing.assert_allclose(found.shares, values[::-1] / values.sum(), rtol=1e-4)
    assert found.dimensions == pytest.approx(values.sum() ** 2 / np.square(values).sum(), rel=1e-4)
    for direction, vector in zip(found.directions, vectors.T[::-1], strict=False):
        assert abs(direction @ vector) == pytest.approx(1, abs=1e-4)
        assert direction[np.abs(direction).argmax()] > 0
    np.testing.assert_allclose(found.values, found.project(states), atol=1e-5)
    assert found.values.shape == (31, 5, 3)
    assert found.to_frame().shape == (31 * 5, 5)
    assert str(found).startswith("l0: states of 8 numbers move in about ")


def test_a_turn_stays_in_its_plane():
    """Of states that turn in a plane of five numbers, two directions have everything."""
    turn, spread = np.array([[0.8, -0.6], [0.6, 0.8]]), np.linalg.qr(np.random.default_rng(0).normal(size=(5, 2)))[0]
    params = {
        "weight_ih": spread[:, :1], "weight_hh": spread @ turn @ spread.T, "bias_ih": np.zeros(5), "bias_hh": np.zeros(5),
    }  # fmt: skip
    x = np.zeros((200, 1, 1))
    x[0] = 1.0
    found = trajectories(("rnn_identity", params), x)
    assert found.shares[:2].sum() == pytest.approx(1)
    assert found.dimensions == pytest.approx(2, abs=0.05)
    assert str(found).endswith("of the variance, 2 have 95%")


def test_sequences_of_several_lengths_and_backwards():
    torch.manual_seed(0)
    layer = nn.GRU(2, 3, bidirectional=True)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(x, lengths=[6, 4])

    x = torch.randn(6, 2, 2)
    for place, first in (("layer.l0", 0), ("layer.l0_reverse", 1)):
        found = trajectories(Model(), x, place=place)
        assert (~np.isnan(found.values[..., 0])).sum(0).tolist() == [7, 5]
        np.testing.assert_allclose(found.values[2 * first, 1], found.project(np.zeros(3)), atol=1e-6)  # where it begins
        output = Model()(x)[0].detach().numpy()[..., 3 * first : 3 * first + 3]
        last = output[5, 0] if not first else output[0, 0]
        np.testing.assert_allclose(found.values[6, 0], found.project(last), atol=1e-5)
    with pytest.raises(InputError, match=r"no layer 'l7' ran; there are layer.l0, layer.l0_reverse"):
        trajectories(Model(), x, place="l7")


def test_fixed_points_stand_among_the_ways():
    model, x = rnn(2 * np.eye(3)), np.random.default_rng(0).normal(size=(200, 1, 1))
    points = fixed_points(model, x, noise=1.0)
    found = trajectories(model, x)
    svg = found.plot(points).svg
    assert svg.count("<title>stable, 0 unstable</title>") == 8
    assert svg.count("<title>unstable, 3 unstable</title>") == 1
    alone = trajectories(model, x[:1] * 0 + 1).plot().svg
    assert re.findall("<title>(.*?)</title>", alone) == ["sequence 0 begins here", "sequence 0 ends here"]

    with pytest.raises(InputError, match="points are of states of 3 numbers, expected 2"):
        trajectories(rnn(np.eye(2)), x).plot(points)
    with pytest.raises(InputError, match="one direction"):
        trajectories(rnn(np.eye(1)), x).plot()


def test_what_does_not_move_or_is_not_finite_is_said():
    still = trajectories(rnn(np.eye(2)), np.zeros((5, 1, 1)))
    assert str(still) == "rnn_tanh: the states do not move"
    assert still.dimensions == 0
    with pytest.raises(InputError, match="directions is 0"):
        trajectories(rnn(np.eye(2)), np.zeros((5, 1, 1)), directions=0)
    with pytest.raises(InputError, match="l0 has been in no state"):
        trajectories(torch.nn.GRU(1, 2), torch.zeros(3, 0, 1))
    with pytest.raises(InputError, match="not finite"):
        trajectories(rnn(np.eye(2)), np.full((5, 1, 1), np.nan))


def test_ways_of_several_sequences_have_colours_and_ends():
    svg = trajectories(rnn(0.5 * np.eye(3)), np.random.default_rng(0).normal(size=(9, 3, 1))).plot().svg
    assert [svg.count(f'<path class="{colour}"') for colour in ("history", "forecast", "truth")] == [1, 1, 1]
    assert svg.count("sequence 2 ends here") == 1
