from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
import torch

from unrolled import InputError, nn
from unrolled.cells import CELLS, get_cell
from unrolled.insight import fixed_points
from unrolled.insight.step_map import path_of

module = sys.modules["unrolled.insight.fixed_points"]  # the function of the same name hides it


def rnn(U, b=None, cell="rnn_tanh"):
    H = len(U)
    b = np.zeros(H) if b is None else np.asarray(b, np.float64)
    return cell, {
        "weight_ih": np.ones((H, 1)),
        "weight_hh": np.asarray(U, float),
        "bias_ih": b,
        "bias_hh": np.zeros(H),
    }


def noise(T=200, B=1, I=1):
    return np.random.default_rng(0).normal(size=(T, B, I))


def test_three_bits_that_keep_themselves():
    """Units without each other: h = tanh(2 h) has -a, 0 and a, so that three of them have 8 stable points, 18 saddles and
    one that all directions leave."""
    found = fixed_points(rnn(2 * np.eye(3)), noise(), starts=200, noise=1.0)
    a = 0.9575040240772687  # by bisection
    expected = sorted(itertools.product((-a, 0.0, a), repeat=3))
    np.testing.assert_allclose(sorted(tuple(np.round(p.state, 9) + 0.0) for p in found.points), expected, atol=1e-8)
    assert [len(found.of_kind(kind)) for kind in ("stable", "saddle", "unstable", "slow")] == [8, 18, 1, 0]
    assert str(found) == "rnn_tanh: 8 stable, 18 saddles, 1 unstable, from 200 of 200 starts"
    for point in found.points:
        slopes = 2 * (1 - point.state**2)
        np.testing.assert_allclose(point.eigenvalues, sorted(slopes, reverse=True), atol=1e-9)
        assert point.unstable == (np.abs(point.state) < 0.1).sum()
    assert found.to_frame().shape == (27, 4)


def test_a_slow_point_is_where_two_fixed_points_have_just_gone():
    """h = tanh(2 h + b): past the fold, at b = -0.5328 for the upper branch, the state only becomes slow near the old point."""
    model = rnn([[2.0]], [-0.54])
    found = fixed_points(model, noise(), noise=1.0)
    assert [p.kind for p in found.points] == ["stable", "slow"]
    (slow,) = found.of_kind("slow")
    assert slow.state[0] == pytest.approx(np.sqrt(0.5), abs=0.01)  # where the slope 2 (1 - h²) is 1
    assert 1e-8 < slow.speed < 1e-4
    assert [p.kind for p in fixed_points(model, noise(), noise=1.0, slow=1e-9).points] == ["stable"]
    assert [p.kind for p in fixed_points(rnn([[2.0]], [-0.5]), noise(), noise=1.0).points].count("stable") == 2


def test_the_input_that_stays_moves_the_points():
    (point,) = fixed_points(rnn([[0.5]]), noise(), x=[0.3]).points
    assert point.state[0] == pytest.approx(np.tanh(0.5 * point.state[0] + 0.3), abs=1e-12)
    assert point.kind == "stable"


@pytest.mark.parametrize("damping", [0.0, 0.01])
def test_a_step_of_the_search_solves_its_equation(damping):
    rng = np.random.default_rng(2)
    model = rnn(rng.normal(size=(4, 4)), rng.normal(size=4))
    step = path_of(model, noise(), None).step
    s = rng.normal(size=(2, 4))
    rest = step(np.full((2, 1), 0.3), s) - s
    d = module._downwards(step, np.array([0.3]), s, rest, np.array([damping, 2 * damping]))
    for k, mu in enumerate((damping, 2 * damping)):
        F = np.tanh(s[k] @ model[1]["weight_hh"].T + model[1]["bias_ih"] + 0.3)
        A = (1 - F**2)[:, None] * model[1]["weight_hh"] - np.eye(4)
        np.testing.assert_allclose((A.T @ A + mu * np.eye(4)) @ d[k], -A.T @ (F - s[k]), atol=1e-12)
        if not damping:
            np.testing.assert_allclose(A @ d[k], s[k] - F, atol=1e-12)


def test_where_every_point_of_a_line_is_fixed():
    """The matrix of an undamped step is singular there."""
    found = fixed_points(rnn(np.diag([1.0, 0.5]), cell="rnn_identity"), noise(), noise=1.0)
    assert found.arrived == found.starts == 200
    assert {point.kind for point in found.points} == {"stable"}
    states = np.stack([point.state for point in found.points])
    np.testing.assert_allclose(states[:, 1], 0, atol=1e-11)
    assert np.ptp(states[:, 0]) > 5


@pytest.mark.parametrize("name", [name for name in CELLS if name not in ("slstm",)])
def test_points_of_every_cell_stay_where_they_are(name):
    cell, H = get_cell(name), 3
    I = H if cell.square else 2
    rng = np.random.default_rng(1)
    params = {key: 0.4 * rng.normal(size=s) for key, s in cell.parameter_shapes(input_size=I, hidden_size=H).items()}
    found = fixed_points((name, params), noise(20, 2, I), starts=10)
    assert found.points
    for point in found.points:
        states, start = [], 0
        for width in cell.state_sizes(input_size=I, hidden_size=H).values():
            states.append(point.state[None, start : start + width])
            start += width
        _, after, _ = cell.forward(params, np.zeros((1, 1, I)), tuple(states))
        speed = 0.5 * np.sum((np.concatenate(after, 1) - point.state) ** 2)
        assert speed == pytest.approx(point.speed, abs=1e-15)


def test_a_layer_of_torch():
    torch.manual_seed(0)
    found = fixed_points(torch.nn.GRU(2, 5), torch.randn(30, 2, 2))
    (point,) = found.points
    assert point.kind == "stable"
    assert found.starts == 60


def test_where_there_is_no_point_none_is_found():
    """h + 1 is never h."""
    found = fixed_points(rnn(np.eye(2), [1.0, 0.0], "rnn_identity"), noise(20), starts=5)
    assert found.points == ()
    assert str(found) == "rnn_identity: no points, from 0 of 5 starts"


def test_what_does_not_fit_is_refused():
    for name in ("starts", "noise", "slow", "apart"):
        with pytest.raises(InputError, match=f"{name} is -1, expected"):
            fixed_points(rnn([[0.5]]), noise(), **{name: -1})
    with pytest.raises(InputError, match=r"x is \[0.0, 1.0\], expected 1 finite numbers"):
        fixed_points(rnn([[0.5]]), noise(), x=[0.0, 1.0])


@pytest.mark.parametrize(("make", "hidden"), [(nn.RNN, 32), (nn.GRU, 24)])
def test_a_network_that_has_learned_to_keep_three_bits(make, hidden):
    """The flip-flop of Sussillo and Barak: a pulse sets a bit; what was learned has a stable point for each of the 8 memories,
    and 8 basins of one space need at least 7 saddles that lead from one to another."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)

    def batch(B=64, T=60):
        x = rng.choice([-1.0, 0.0, 1.0], size=(T, B, 3), p=[0.1, 0.8, 0.1])
        x[0] = rng.choice([-1.0, 1.0], size=(B, 3))
        y = np.zeros((T + 1, B, 3))
        for t in range(T):
            y[t + 1] = np.where(x[t] != 0, x[t], y[t])
        return torch.tensor(x).float(), torch.tensor(y[1:]).float()

    layer, head = make(3, hidden), torch.nn.Linear(hidden, 3)
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.01)
    for _ in range(400):
        x, y = batch()
        loss = torch.nn.functional.mse_loss(head(layer(x)[0]), y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()
    assert loss < 0.01
    found = fixed_points(layer, batch(B=16)[0], starts=512, noise=0.5)
    assert found.arrived > 400
    stable = found.of_kind("stable")
    said = head(torch.tensor(np.stack([point.state for point in stable])).float()).detach().numpy()
    assert sorted(map(tuple, said.round().tolist())) == sorted(itertools.product((-1.0, 1.0), repeat=3))
    np.testing.assert_allclose(np.abs(said), 1, atol=0.1)
    assert sum(point.unstable == 1 for point in found.of_kind("saddle")) >= 7

    exact = getattr(torch.nn, make.__name__)(3, hidden).double()
    exact.load_state_dict(layer.state_dict())

    def step(h):
        return exact(torch.zeros(1, 3, dtype=torch.float64), h[None])[0][0]

    for point in found.points:
        h = torch.tensor(point.state)
        speed = 0.5 * (step(h) - h).square().sum().item()
        assert speed == pytest.approx(point.speed, rel=1e-6, abs=1e-24)
        assert point.fixed == (point.kind != "slow") == (speed < 1e-16)
        moduli = np.abs(np.linalg.eigvals(torch.autograd.functional.jacobian(step, h).numpy()))
        np.testing.assert_allclose(np.sort(np.abs(point.eigenvalues)), np.sort(moduli), atol=1e-6)
