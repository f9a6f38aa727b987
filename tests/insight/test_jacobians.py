from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from unrolled import InputError, nn
from unrolled.cells import ACTIVATIONS, CELLS, Activation, get_cell
from unrolled.insight import jacobians, step_map
from unrolled.insight.jacobians import steepest

H, T, B = 4, 3, 2
OWN = {"lstmp": {"proj_size": 3}, "qrnn": {"kernel_width": 3}, "slstm": {"head_size": 2}}


def parameters(cell, I, scale=0.7):
    rng = np.random.default_rng(0)
    shapes = cell.parameter_shapes(input_size=I, hidden_size=H, **OWN.get(cell.name, {}))
    return {name: scale * rng.normal(size=shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("name", CELLS)
def test_they_are_finite_differences_of_the_whole_state(name):
    cell = get_cell(name)
    I = H if cell.square else 2
    params, x = parameters(cell, I), np.random.default_rng(1).normal(size=(T, B, I))
    found = jacobians((name, params), x)
    _, _, tape = cell.forward(params, x)
    for t in range(1, T):  # the first state is special: zeros, or -inf
        before = tape[t].before
        columns = []
        for k, state in enumerate(before):
            for i in range(state.shape[1]):
                ends = []
                for sign in (1, -1):
                    moved = [s.copy() for s in before]
                    moved[k][:, i] += sign * 1e-6
                    ends.append(np.concatenate(cell.forward(params, x[t : t + 1], tuple(moved))[1], axis=1))
                columns.append((ends[0] - ends[1]) / 2e-6)
        np.testing.assert_allclose(found.matrices[t], np.stack(columns, axis=2), rtol=1e-6, atol=1e-8)
    assert found.matrices.shape == (T, B, len(columns), len(columns))
    assert tuple(found.widths) == cell.states


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_called_elementwise_where_one_backward_pass_a_gate_says_all(name):
    cell = get_cell(name)
    I, rng = H if cell.square else 2, np.random.default_rng(2)
    widths = cell.state_sizes(input_size=I, hidden_size=H, **OWN.get(name, {}))
    maps = [
        step_map.StepMap(replace(cell, elementwise=elementwise), parameters(cell, I), widths)
        for elementwise in (False, True)
    ]
    x, s = rng.normal(size=(B, I)), rng.normal(size=(B, maps[0].size))
    exact = maps[0].jacobian(x, s)
    try:
        same = np.allclose(maps[1].jacobian(x, s), exact, rtol=1e-12, atol=1e-14)
    except ValueError:  # states or blocks of U are not of H numbers
        same = False
    assert cell.elementwise == same


def test_of_many_rows_they_are_those_of_each(monkeypatch):
    cell, rng = get_cell("gru_layer_norm"), np.random.default_rng(3)
    step = step_map.StepMap(cell, parameters(cell, 2), {"h": H})
    x, s = rng.normal(size=(7, 2)), rng.normal(size=(7, H))
    alone = np.concatenate([step.jacobian(x[k : k + 1], s[k : k + 1]) for k in range(7)])
    monkeypatch.setattr(step_map, "CACHED", 3 * H**2)
    assert step.block == 3
    np.testing.assert_allclose(step.jacobian(x, s), alone, rtol=1e-12)
    assert step.jacobian(x[:0], s[:0]).shape == (0, H, H)


def linear(U):
    H = len(U)
    return "rnn_identity", {
        "weight_ih": np.ones((H, 1)),
        "weight_hh": U,
        "bias_ih": np.zeros(H),
        "bias_hh": np.zeros(H),
    }


def noise(T, B=1):
    return np.random.default_rng(2).normal(size=(T, B, 1))


def test_lyapunov_exponents_of_a_linear_recurrence_are_the_logarithms_of_its_eigenvalues():
    rng = np.random.default_rng(3)
    basis, moduli = rng.normal(size=(5, 5)), np.array([1.2, 0.9, 0.9, 0.5, 0.1])
    angle = 0.9 * np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])  # a pair of complex ones
    D = np.diag(moduli)
    D[1:3, 1:3] = angle
    U = basis @ D @ np.linalg.inv(basis)
    found = jacobians(linear(U), noise(2000))
    np.testing.assert_allclose(np.exp(found.lyapunov()), np.sort(np.abs(np.linalg.eigvals(U)))[::-1], rtol=2e-3)
    np.testing.assert_allclose(found.lyapunov()[[0, 3, 4]], np.log(moduli[[0, 3, 4]]), atol=1e-9)
    np.testing.assert_allclose(found.product(0, 3)[0], U @ U @ U)


def test_an_orthogonal_matrix_times_one_and_a_half():
    """The bound is reached without an activation function, and not with tanh and noise."""
    U = 1.5 * np.linalg.qr(np.random.default_rng(4).normal(size=(32, 32)))[0]
    found = jacobians(linear(U), noise(40))
    np.testing.assert_allclose(found.lyapunov(0), np.log(1.5))
    np.testing.assert_allclose(found.singular_values, 1.5)
    assert found.bound == pytest.approx(1.5)
    _, params = linear(U)
    squashed = jacobians(("rnn_tanh", params), noise(200))
    assert squashed.bound == pytest.approx(1.5)
    first, second, third = squashed.matrices[:3, 0]
    np.testing.assert_allclose(squashed.product(0, 3)[0], third @ second @ first)  # the last step stands first
    assert (squashed.singular_values <= 1.5 + 1e-12).all()
    assert squashed.lyapunov()[0] < np.log(1.5) / 2
    assert str(jacobians(linear(U / 3), noise(20))).endswith("the bound γ σ_max(U) = 0.5 promises it.")
    assert str(jacobians(linear(U / 1.5), noise(20))).startswith(
        "A change of the state of rnn_identity neither shrinks nor grows"
    )


def test_the_verdict_says_from_how_many_steps_and_does_not_foretell_far_beyond_them():
    U = 0.5 * np.eye(2)
    assert "over 2 steps is -0.693, a factor of 0.5 a step;" in str(jacobians(linear(U), noise(2)))
    assert "over 3 steps is -0.693, a factor of 0.5 a step, 1 % after 7 steps;" in str(jacobians(linear(U), noise(3)))


def test_the_slopes_are_at_most_what_is_said():
    a = np.linspace(-8, 8, 4001)
    for name in ACTIVATIONS:
        activation = Activation(name)
        slopes = activation.slope(activation(a))
        assert np.abs(slopes).max() == pytest.approx(steepest(activation), rel=1e-3), name


@pytest.mark.parametrize("make", [torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN, nn.MGU])
def test_of_a_layer_inside_a_torch_model_they_are_what_autograd_says(make):
    torch.manual_seed(0)
    layer = make(
        2, H, num_layers=2, bidirectional=True, batch_first=True, bias=make is not torch.nn.GRU, dtype=torch.float64
    )
    model = torch.nn.Sequential(layer)
    x = torch.randn(B, 5, 2, dtype=torch.float64)
    found = jacobians(model, x, place="0.l1_reverse")
    assert found.matrices.shape[:2] == (5, B)
    # what the second layer reads is what a first one alone puts out; then one step more, from the end of the sequence
    below = make(2, H, bidirectional=True, batch_first=True, bias=layer.bias, dtype=torch.float64)
    below.load_state_dict({name: w for name, w in layer.state_dict().items() if "l0" in name})
    own = make(2 * H, H, batch_first=True, bias=layer.bias, dtype=torch.float64)
    own.load_state_dict(
        {n.replace("l1_reverse", "l0"): w for n, w in layer.state_dict().items() if n.endswith("l1_reverse")}
    )
    read = below(x)[0].detach().flip(1)[:1]
    _, state = own(read[:, :2])

    def step(*flat):
        given = tuple(s.reshape(1, 1, H) for s in flat)
        _, after = own(read[:, 2:3], given if len(given) > 1 else given[0])
        return torch.cat([s.flatten() for s in (after if isinstance(after, tuple) else (after,))])

    states = [s.detach().flatten() for s in (state if isinstance(state, tuple) else (state,))]
    expected = torch.cat(torch.autograd.functional.jacobian(step, tuple(states)), 1)
    np.testing.assert_allclose(found.matrices[2, 0], expected, rtol=1e-9, atol=1e-12)


def test_results_show_themselves():
    found = jacobians(linear(np.eye(3) / 2), noise(4, B=2))
    assert found.to_frame().shape == (4 * 2 * 3, 4)
    assert "singular values" in repr(found.plot())


def test_what_does_not_go_is_refused():
    layer, x = nn.GRU(2, 3, zoneout=0.1), torch.zeros(4, 1, 2)
    with pytest.raises(InputError, match="no layer 'l1' ran; there are l0"):
        jacobians(layer, x, place="l1")
    with pytest.raises(InputError, match="draws masks in training mode"):
        jacobians(layer, x)
    with pytest.raises(InputError, match="has zoneout"):
        jacobians(layer.eval(), x)
    with pytest.raises(InputError, match="sequences of several lengths"):
        jacobians(nn.GRU(2, 3), (torch.zeros(4, 2, 2), None, [4, 2]))
    found = jacobians(linear(np.eye(2)), noise(3))
    with pytest.raises(InputError, match="product of steps 2 to 2"):
        found.product(2, 2)
    with pytest.raises(InputError, match="skip is 3, expected 0 to 2"):
        found.lyapunov(3)
