"""The bias that a forecasting head begins with: it says the quantiles of what it is to learn, however far apart they lie."""

import numpy as np
import pytest
import torch

from unrolled.networks.forecast_head import quantiles_of
from unrolled.networks.window_rnn import WindowRnnConfig
from unrolled.training.forecast_head import initial_bias

LEVELS = (0.1, 0.5, 0.9)


@pytest.mark.parametrize("distribution", ["quantiles", "student_t"])
@pytest.mark.parametrize("size", [0.01, 1.0, 19.0, 30.0, 100.0, 1e6, 1e20])
def test_the_first_bias_says_the_quantiles_of_the_targets(distribution, size):
    config = WindowRnnConfig(
        "gru", 3, 1, input_window=4, horizon=2, quantiles=LEVELS, season=1, members=1, distribution=distribution
    )
    targets = size * np.random.default_rng(0).standard_t(6, size=(2000, 2))
    bias = initial_bias(config, targets)
    assert torch.isfinite(bias).all()
    found = quantiles_of(config, bias.numpy()[None])[0]
    expected = np.quantile(targets, LEVELS, axis=0).T
    np.testing.assert_allclose(found, expected, atol=(0.15 if distribution == "student_t" else 0.01) * size)
