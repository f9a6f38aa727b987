"""The network of windows as a torch module against the runtime, and its losses against other libraries."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import Ridge
from torch.distributions import StudentT

from unrolled.networks.es_rnn import EsRnn, EsRnnConfig
from unrolled.networks.series_batch import SeriesBatch
from unrolled.networks.window_rnn import WindowInputs, WindowRnn, WindowRnnConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.training.engine import NetworkOptions
from unrolled.training.es_rnn import EsRnnModule, es_rnn_loss
from unrolled.training.forecast import window_rnn_problem
from unrolled.training.forecast_head import head_loss, initial_bias, student_t_loss
from unrolled.training.loop import train
from unrolled.training.options import TrainingOptions
from unrolled.training.series_windows import SeriesWindows
from unrolled.training.window_rnn import RIDGE, window_rnn_loss, window_rnn_module

QUANTILES = (0.1, 0.5, 0.9)


def batch_of(lengths, P=1, F=2, S=1, horizon=3, seed=0):
    rng = np.random.default_rng(seed)
    return SeriesBatch.pad(
        [rng.normal(size=n).cumsum() + np.sin(np.arange(n) * np.pi / 2) for n in lengths],
        [rng.normal(size=(n, P)) for n in lengths],
        [rng.normal(size=(n, F)) for n in lengths],
        rng.normal(size=(len(lengths), S)),
        horizon,
    )


def config_of(P=1, F=2, S=1, **changes):
    sizes = {
        "cell": "gru",
        "hidden_size": 5,
        "num_layers": 1,
        "input_window": 6,
        "horizon": 3,
        "season": 4,
        "members": 2,
    }
    return WindowRnnConfig(**{**sizes, "quantiles": QUANTILES, "past": P, "future": F, "static": S, **changes})


def module_of(config, batch, oldest_weight=1.0):
    windows = SeriesWindows(batch, config, oldest_weight)
    torch.manual_seed(0)
    module = window_rnn_module(config, windows, NetworkOptions(), np.random.default_rng(0))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return module.eval(), windows


def cut(batch, i, end, config):
    """Series ``i`` as it was known at ``end``, with what was known ahead, and the values that came."""
    start = end - config.input_window
    known = SeriesBatch(
        batch.z[start:end, i : i + 1], np.array([config.input_window]), batch.past[start:end, i : i + 1],
        batch.future[start : end + config.horizon, i : i + 1], batch.static[i : i + 1],
    )  # fmt: skip
    return known, batch.z[end : end + config.horizon, i]


@pytest.mark.parametrize(("cell", "layers"), [("gru", 1), ("lstm", 2), ("rnn_tanh", 1)])
def test_loss_is_that_of_the_runtimes_forecasts(cell, layers):
    config = config_of(cell=cell, num_layers=layers, members=1)
    batch = batch_of([14, 11])
    module, windows = module_of(config, batch, oldest_weight=0.3)
    loss = window_rnn_loss(config, module, windows.draw(np.arange(len(windows)))).item()
    network, losses, weights = WindowRnn(KernelEngine(module.tensors()), config), [], []
    for i, length in enumerate(batch.lengths):
        count = length - 8
        for k in range(count):
            known, actual = cut(batch, i, k + 6, config)
            weights.append(0.3 ** ((count - 1 - k) / count))
            quantiles = network.forecast(known)[0]
            error = actual[:, None] - quantiles
            losses.append(np.maximum(np.array(QUANTILES) * error, (np.array(QUANTILES) - 1) * error).mean())
    assert loss == pytest.approx(np.average(losses, weights=weights), rel=2e-5)
    assert len(windows) == len(losses) == 6 + 3


def test_quantiles_of_the_runtime_are_those_of_the_student_t_that_learned():
    config, batch = config_of(distribution="student_t", members=1), batch_of([14])
    module, windows = module_of(config, batch)
    drawn = windows.draw(np.array([2]))
    with torch.no_grad():
        ((outputs, linear),) = module(WindowInputs(*map(torch.from_numpy, drawn.inputs)))
        location, a, b = outputs.view(3, 3).T
    location = location + linear[0]
    scale, nu = torch.nn.functional.softplus(a) + 1e-4, 2 + torch.nn.functional.softplus(b)
    known, _ = cut(batch, 0, 8, config)
    expected = stats.t.ppf(np.array(QUANTILES), nu[:, None], location[:, None], scale[:, None]) + drawn.inputs.level
    np.testing.assert_allclose(
        WindowRnn(KernelEngine(module.tensors()), config).forecast(known)[0], expected, atol=1e-5
    )
    expected_loss = -StudentT(nu, location, scale).log_prob(torch.from_numpy(drawn.targets)).mean()
    assert window_rnn_loss(config, module, drawn).item() == pytest.approx(expected_loss.item(), rel=1e-5)


def test_student_t_loss_and_its_gradients_are_torchs():
    generator = torch.Generator().manual_seed(0)
    y, location, scale, nu = (torch.randn(40, generator=generator, dtype=torch.float64) for _ in range(4))
    scale, nu = scale.exp(), 2 + (3 * nu).exp()
    ours = [x.clone().requires_grad_() for x in (location, scale, nu)]
    theirs = [x.clone().requires_grad_() for x in (location, scale, nu)]
    loss, expected = student_t_loss(y, *ours), -StudentT(theirs[2], theirs[0], theirs[1]).log_prob(y)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    loss.sum().backward()
    expected.sum().backward()
    for x, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(x.grad, reference.grad, rtol=1e-9, atol=1e-12)


def test_smoothing_learns_a_student_t_too():
    config = EsRnnConfig("gru", 5, 1, 4, 3, QUANTILES, 4, 1, distribution="student_t")
    batch = batch_of([200], P=0, F=0, S=0)
    module = EsRnnModule(config, batch, NetworkOptions(), oldest_weight=1.0).eval()
    windows = module._windows(batch, np.arange(1))
    with torch.no_grad():
        location, a, b = module.head_bias[0].detach().view(3, 3).T
        module.head_weight.zero_()
        scale, nu = torch.nn.functional.softplus(a) + 1e-4, 2 + torch.nn.functional.softplus(b)
        targets = windows.targets[0, :, 0]
        assert es_rnn_loss(config, module(batch, np.arange(1))).item() == pytest.approx(
            -StudentT(nu, location, scale).log_prob(targets).mean().item(), rel=1e-5
        )
    torch.testing.assert_close(nu, torch.full((3,), 6.0))
    inside = (targets - location).abs() <= scale * float(stats.t.ppf(0.75, 6))
    assert inside.float().mean() == pytest.approx(0.5, abs=0.08)
    network = EsRnn(KernelEngine(module.tensors()), config)
    known = batch.select(np.array([0]))
    bias = network.forecast(known, module.parameters_of_series(), part="bias")
    bias -= network.forecast(known, module.parameters_of_series(), part="smoothing")
    np.testing.assert_allclose(bias[0, :, 2], stats.t.ppf(0.9, nu, location, scale), rtol=1e-5)


def test_pinball_of_the_head_at_given_numbers():
    config = config_of(horizon=1, members=1)
    outputs = torch.tensor([[0.0, 2.0, 1.0]])  # median 2, log(2) below it, log(1 + e) above
    losses = head_loss(config, torch.tensor([[3.0]]), outputs)[0, 0]
    expected = [0.1 * (1 + np.log(2)), 0.5, 0.1 * (np.log(1 + np.e) - 1)]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)


def test_training_starts_at_ridge_regression_and_the_quantiles_it_leaves():
    config, batch = config_of(members=1), batch_of([60, 41])
    windows = SeriesWindows(batch, config, 0.5)
    module = window_rnn_module(config, windows, NetworkOptions(), np.random.default_rng(0))
    drawn = windows.draw(np.arange(len(windows)))
    x, weights = drawn.inputs.window.astype(float), drawn.weights.astype(float)
    gram = (x * weights[:, None]).T @ x
    expected = Ridge(alpha=RIDGE * np.trace(gram) / len(gram), solver="cholesky").fit(
        x, drawn.targets, sample_weight=weights
    )
    member = module.network.members[0]
    np.testing.assert_allclose(member.linear.weight.detach(), expected.coef_, atol=1e-4)
    np.testing.assert_allclose(member.linear.bias.detach(), expected.intercept_, atol=1e-4)
    residuals = drawn.targets - expected.predict(x)
    assert not member.weights.weight.any()
    assert not member.weights.bias.any()
    torch.testing.assert_close(member.head.bias, initial_bias(config, residuals), atol=1e-3, rtol=1e-3)


def test_windows_are_of_one_series_each_and_learn_from_nothing_else():
    batch = batch_of([10, 8, 9])  # the second is one step too short
    windows = SeriesWindows(batch, config_of(), 0.5)
    assert windows.series.tolist() == [0, 0, 2]
    drawn = windows.draw(np.array([1, 2]))
    np.testing.assert_allclose(drawn.targets[1] + drawn.inputs.level[1], batch.z[6:9, 2], rtol=1e-5)
    np.testing.assert_allclose(drawn.targets[0] + drawn.inputs.level[0], batch.z[7:10, 0], rtol=1e-5)
    assert drawn.weights.tolist() == [1.0, 1.0]
    assert windows.weights[0] == pytest.approx(0.5**0.5)


def learn(batch, **changes):
    known = {
        "max_epochs": 3,
        "patience": 2,
        "batch_size": 8,
        "learning_rate": 0.01,
    }
    options = TrainingOptions(**{**known, "clip_norm": 1.0, "seed": 3, **changes})
    problem = window_rnn_problem(config_of(), batch, NetworkOptions(dropout=0.2), options, oldest_weight=0.5)
    return train(problem, options)[0].tensors()


def test_the_same_seed_gives_the_same_bits_and_an_epoch_may_draw(monkeypatch):
    batch, told = batch_of([30, 28]), []
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = (learn(batch) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["members.0.head.weight"], first["members.1.head.weight"])
    other = learn(batch, seed=4)
    assert not np.array_equal(other["members.0.head.weight"], first["members.0.head.weight"])
    monkeypatch.setattr("unrolled.training.forecast.WINDOWS_AN_EPOCH", 20)
    learn(batch, callback=told.append)
    assert len(told) == told[0].steps == 3 * 3  # of 42 windows 20 an epoch, in batches of 8
