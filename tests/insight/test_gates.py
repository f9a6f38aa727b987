from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import InputError, SequenceRegressor, nn
from unrolled.cells import CELLS, get_cell
from unrolled.insight import gates, movements, trajectories

T, B, H = 7, 3, 4
OWN = {"lstmp": {"proj_size": 3}, "qrnn": {"kernel_width": 3}, "slstm": {"head_size": 2}}


@pytest.mark.parametrize("name", CELLS)
def test_they_are_those_of_the_kernels(name):
    torch.manual_seed(0)
    inputs = H if get_cell(name).square else 2
    both = name != "qrnn"  # whose directions are not watched together
    layer = nn.layers_for(name, inputs, H, bidirectional=both, dtype=torch.float64, **OWN.get(name, {})).eval()
    x = torch.randn(T, B, inputs, dtype=torch.float64)
    found = gates(layer, (x, None, [5, 7, 2]))
    y, _, (expected,) = layer(x, lengths=[5, 7, 2], return_gates=True)
    inside = np.arange(T)[:, None] < np.array([5, 7, 2])
    for d, place in enumerate(("l0", "l0_reverse")[: 1 + both]):
        for gate, values in found[place].values.items():
            own = expected[gate].chunk(1 + both, 2)[d].detach().numpy()
            np.testing.assert_allclose(values[inside], own[inside], rtol=1e-9, atol=1e-12, err_msg=gate)
            assert np.isnan(values[~inside]).all()
        np.testing.assert_allclose(
            found[place].output[inside], y.chunk(1 + both, 2)[d].detach().numpy()[inside], atol=1e-12
        )
        for gate in found[place].saturation:
            assert 0 <= np.nanmin(found[place].values[gate]) <= np.nanmax(found[place].values[gate]) <= 1
        assert found[place].verdict


def _packed(sequences):
    return (torch.nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False),)


def _with_lengths(sequences):
    return torch.nn.utils.rnn.pad_sequence(sequences), None, [len(each) for each in sequences]


@pytest.mark.parametrize(("kind", "together"), [(torch.nn.GRU, _packed), (nn.GRU, _packed), (nn.GRU, _with_lengths)])
def test_sequences_of_several_lengths_are_in_the_order_in_which_they_were_given(kind, together):
    torch.manual_seed(0)
    layer = kind(2, H, bidirectional=True, dtype=torch.float64)
    sequences = [torch.randn(n, 2, dtype=torch.float64) for n in (4, 7, 1, 5)]
    found, moved = gates(layer, together(sequences)), movements(layer, together(sequences))
    for place in ("l0", "l0_reverse"):
        paths = trajectories(layer, together(sequences), place=place, directions=H)
        inside = ~np.isnan(paths.values[..., 0])
        states = paths.values @ paths.directions + paths.mean
        for b, each in enumerate(sequences):
            n, alone = len(each), gates(layer, each[:, None])[place]
            assert np.isnan(found[place].output[n:, b]).all()
            np.testing.assert_allclose(found[place].output[:n, b], alone.output[:, 0], atol=1e-12)
            np.testing.assert_allclose(found[place].values["z"][:n, b], alone.values["z"][:, 0], atol=1e-12)
            expected = movements(layer, each[:, None])[place].values[:, 0]
            np.testing.assert_allclose(moved[place].values[:n, b], expected, atol=1e-12)
            own = states[inside[:, b], b]
            assert len(own) == n + 1  # the state before the first, too
            steps = alone.output[:: -1 if place.endswith("reverse") else 1, 0]
            np.testing.assert_allclose(own[1:], steps, atol=1e-9)


def test_an_empty_sequence_has_no_steps_at_its_own_place():
    torch.manual_seed(0)
    layer, x = nn.GRU(2, H), torch.randn(5, 3, 2)
    found = gates(layer, (x, None, [3, 0, 5]))["l0"]
    assert found.output.shape == (5, 3, H)
    assert (~np.isnan(found.output[..., 0])).sum(0).tolist() == [3, 0, 5]


def test_items_of_an_estimator_are_in_their_order():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) for n in (4, 7, 3, 5)] * 3
    settings = {"members": 1, "max_epochs": 1, "hidden_size": 3, "convolutions": False, "segment": 1, "random_state": 0}
    model = SequenceRegressor(**settings, verbose=False).fit(X, rng.normal(size=12))
    found = gates(model, X[:4])
    for b, x in enumerate(X[:4]):
        for place, alone in gates(model, [x]).items():
            np.testing.assert_allclose(found[place].output[: len(x), b], alone.output[:, 0], atol=1e-5)


def constant(cls, **biases):
    """A layer whose gates do not depend on anything."""
    layer = cls(1, 2, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        blocks = layer.bias_ih_l0.view(-1, 2)
        for name, values in biases.items():
            blocks[get_cell(layer.cell).gates.index(name)] = torch.tensor(values, dtype=torch.float64)
    return layer


def test_time_constants_are_those_of_the_gate_that_keeps():
    x = torch.zeros(5, 1, 1, dtype=torch.float64)
    k = 1 / (1 + np.exp(-np.array([1.0, 4.0])))
    lstm = gates(constant(nn.LSTM, f=[1.0, 4.0]), x)["l0"]
    np.testing.assert_allclose(lstm.time_constants, -1 / np.log(k))
    assert lstm.saturation["f"] == (0.0, 0.5)
    assert lstm.saturation["i"] == (0.0, 0.0)
    assert lstm.dead.tolist() == [0, 1]
    assert lstm.verdict.endswith("a state lasts 29.1 steps in the median unit, 55.1 in the longest; 2 of 2 units dead")
    mgu = gates(constant(nn.MGU, f=[-1.0, -4.0]), x)["l0"]  # where it keeps is 1 - f
    np.testing.assert_allclose(mgu.time_constants, -1 / np.log(k))
    assert mgu.saturation["f"] == (0.5, 0.0)
    assert gates(nn.RNN(1, 2), x.float())["l0"].time_constants is None


def test_dead_units_are_those_that_never_change():
    layer = nn.RNN(1, 2, nonlinearity="relu")
    with torch.no_grad():
        layer.bias_ih_l0[0] = -100.0
        layer.weight_ih_l0[1] = 1.0
    assert gates(layer, torch.randn(20, 3, 1))["l0"].dead.tolist() == [0]


def test_results_show_themselves_and_refuse_what_there_is_not():
    found = gates(torch.nn.Sequential(torch.nn.GRU(2, 3)), torch.randn(5, 2, 2))["0.l0"]
    assert found.to_frame().columns == ["step", "sequence", "unit", "r", "z", "n", "h"]
    assert found.to_frame().shape[0] == 5 * 2 * 3
    assert "gate z of 0.l0" in repr(found.plot("z"))
    with pytest.raises(InputError, match="no gate 'n' between 0 and 1; it has r, z"):
        found.plot("n")
    with pytest.raises(InputError, match="QRNN: steps of two directions cannot be watched"):
        gates(nn.QRNN(2, 3, bidirectional=True), torch.randn(5, 2, 2))
    with pytest.raises(InputError, match="sequence is 2, expected a whole number from 0 to 1"):
        found.plot("z", 2)
