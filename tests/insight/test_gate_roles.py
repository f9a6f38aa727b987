from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import nn
from unrolled.insight import gates
from unrolled.insight.gate_roles import persistence, roles_of


def noise_with_memory(rho, T=20000, seed=0):
    rng, x = np.random.default_rng(seed), np.zeros(T)
    for t in range(1, T):
        x[t] = rho * x[t - 1] + rng.normal()
    return x


def test_persistence_of_noise_with_memory():
    """An AR(1) process is correlated with itself by ρ^k: 0.8^4 = 0.41, 0.8^5 = 0.33; 0.7^2 = 0.49, 0.7^3 = 0.34; 1/e = 0.37."""
    values = np.stack([noise_with_memory(rho) for rho in (0.0, 0.8, 0.7)], 1)[:, None]
    assert persistence(values).tolist() == [1, 5, 3]
    with_gaps = np.concatenate([values, values], 1)
    with_gaps[15000:, 1] = np.nan
    assert persistence(with_gaps).tolist() == [1, 5, 3]
    assert np.isnan(persistence(np.ones((5, 2, 1)))).all()
    assert persistence(np.linspace(0, 1, 2)[:, None, None]).tolist() == [1]


@pytest.mark.parametrize(
    ("openness", "said"),
    [
        ([0.1, 0.2, 0.8, 0.9], "more closed where states are short (correlation of log τ and the reset gate: 0.95)"),
        ([0.9, 0.8, 0.2, 0.1], "more closed where states are long (correlation of log τ and the reset gate: -0.95)"),
        ([0.5, 0.9, 0.9, 0.5], "about as open where states are short as where they are long"),
        ([0.5, 0.5, 0.5, 0.5], "Units do not differ enough"),
    ],
)  # fmt: skip
def test_what_is_said_of_reset_gates(openness, said):
    shape = np.random.default_rng(0).normal(size=(50, 2, 1)) * 0.01
    shape -= shape.mean()
    tau = np.exp([0.0, 1.0, 2.0, 3.0])
    found = roles_of("l0", np.array(openness) + shape, np.exp(-1 / tau) + shape, tau)
    assert said in found.verdict
    np.testing.assert_allclose(found.openness, openness, atol=1e-9)


def test_only_grus_have_roles():
    torch.manual_seed(0)
    x = torch.randn(40, 4, 2)
    for layer in (torch.nn.GRU(2, 6), nn.GRU(2, 6, reset_after=False)):
        found = gates(layer, x)["l0"]
        assert found.roles is not None
        np.testing.assert_array_equal(found.roles.time_constants, found.time_constants)
        assert str(found.roles).startswith("l0: the update gates keep a state for ")
    assert "they themselves never change, the reset gates never change." in str(gates(layer, x[:1] * 0)["l0"].roles)
    for layer in (torch.nn.LSTM(2, 6), torch.nn.RNN(2, 6), nn.MGU(2, 6), nn.SRU(2, 2)):
        assert gates(layer, x)["l0"].roles is None
