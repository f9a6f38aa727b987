"""The network of windows as a torch module against the runtime, and its losses against other libraries."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import Ridge
from torch.distributions import StudentT

from unrolled.runtime.es_rnn import EsRnn, EsRnnConfig
from unrolled.runtime.series_batch import SeriesBatch
from unrolled.runtime.window_rnn import WindowRnn, WindowRnnConfig
from unrolled.training.es_rnn import EsRnnModule
from unrolled.training.forecast import ForecastTraining, learn_windows
from unrolled.training.forecast_head import head_loss, initial_bias, student_t_loss
from unrolled.training.window_rnn import RIDGE, WindowRnnModule
from unrolled.training.windows import Windows

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


def shape_of(P=1, F=2, S=1, **changes):
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


def module_of(shape, batch, oldest_weight=1.0, dropout=0.0):
    windows = Windows(batch, shape, oldest_weight)
    torch.manual_seed(0)
    module = WindowRnnModule(shape, windows, dropout=dropout, generator=np.random.default_rng(0))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return module.eval(), windows


def cut(batch, i, end, shape):
    """Series ``i`` as it was known at ``end``, with what was known ahead, and the values that came."""
    start = end - shape.input_window
    known = SeriesBatch(
        batch.z[start:end, i : i + 1], np.array([shape.input_window]), batch.past[start:end, i : i + 1],
        batch.future[start : end + shape.horizon, i : i + 1], batch.static[i : i + 1],
    )  # fmt: skip
    return known, batch.z[end : end + shape.horizon, i]


@pytest.mark.parametrize(("cell", "layers"), [("gru", 1), ("lstm", 2), ("rnn_tanh", 1)])
def test_loss_is_that_of_the_runtimes_forecasts(cell, layers):
    shape = shape_of(cell=cell, num_layers=layers, members=1)
    batch = batch_of([14, 11])
    module, windows = module_of(shape, batch, oldest_weight=0.3)
    loss = module.loss(windows.draw(np.arange(len(windows)))).item()
    network, losses, weights = WindowRnn(shape, module.tensors()), [], []
    for i, length in enumerate(batch.lengths):
        count = length - 8
        for k in range(count):
            known, actual = cut(batch, i, k + 6, shape)
            weights.append(0.3 ** ((count - 1 - k) / count))
            quantiles = network.forecast(known)[0]
            error = actual[:, None] - quantiles
            losses.append(np.maximum(np.array(QUANTILES) * error, (np.array(QUANTILES) - 1) * error).mean())
    assert loss == pytest.approx(np.average(losses, weights=weights), rel=2e-5)
    assert len(windows) == len(losses) == 6 + 3


def test_quantiles_of_the_runtime_are_those_of_the_student_t_that_learned():
    shape, batch = shape_of(distribution="student_t", members=1), batch_of([14])
    module, windows = module_of(shape, batch)
    drawn = windows.draw(np.array([2]))
    segments, window, known_ahead = (torch.from_numpy(x) for x in drawn.inputs[:3])
    with torch.no_grad():
        location, a, b = module.members[0](segments, window, known_ahead).view(3, 3).T
    scale, nu = torch.nn.functional.softplus(a) + 1e-4, 2 + torch.nn.functional.softplus(b)
    known, _ = cut(batch, 0, 8, shape)
    expected = stats.t.ppf(np.array(QUANTILES), nu[:, None], location[:, None], scale[:, None]) + drawn.inputs.level
    np.testing.assert_allclose(WindowRnn(shape, module.tensors()).forecast(known)[0], expected, atol=1e-5)
    expected_loss = -StudentT(nu, location, scale).log_prob(torch.from_numpy(drawn.targets)).mean()
    assert module.loss(drawn).item() == pytest.approx(expected_loss.item(), rel=1e-5)


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
    shape = EsRnnConfig("gru", 5, 1, 4, 3, QUANTILES, 4, 1, distribution="student_t")
    batch = batch_of([200], P=0, F=0, S=0)
    module = EsRnnModule(shape, batch, dropout=0.0, oldest_weight=1.0).eval()
    windows = module._windows(batch, np.arange(1))
    with torch.no_grad():
        location, a, b = module.head_bias[0].detach().view(3, 3).T
        module.head_weight.zero_()
        scale, nu = torch.nn.functional.softplus(a) + 1e-4, 2 + torch.nn.functional.softplus(b)
        targets = windows.targets[0, :, 0]
        assert module.loss(batch, np.arange(1)).item() == pytest.approx(
            -StudentT(nu, location, scale).log_prob(targets).mean().item(), rel=1e-5
        )
    torch.testing.assert_close(nu, torch.full((3,), 6.0))
    inside = (targets - location).abs() <= scale * float(stats.t.ppf(0.75, 6))
    assert inside.float().mean() == pytest.approx(0.5, abs=0.08)
    network = EsRnn(shape, module.tensors())
    known = batch.select(np.array([0]))
    bias = network.forecast(known, module.parameters_of_series(), part="bias")
    bias -= network.forecast(known, module.parameters_of_series(), part="smoothing")
    np.testing.assert_allclose(bias[0, :, 2], stats.t.ppf(0.9, nu, location, scale), rtol=1e-5)


def test_pinball_of_the_head_at_given_numbers():
    shape = shape_of(horizon=1, members=1)
    outputs = torch.tensor([[0.0, 2.0, 1.0]])  # median 2, log(2) below it, log(1 + e) above
    losses = head_loss(shape, torch.tensor([[3.0]]), outputs)[0, 0]
    expected = [0.1 * (1 + np.log(2)), 0.5, 0.1 * (np.log(1 + np.e) - 1)]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)


def test_training_starts_at_ridge_regression_and_the_quantiles_it_leaves():
    shape, batch = shape_of(members=1), batch_of([60, 41])
    windows = Windows(batch, shape, 0.5)
    module = WindowRnnModule(shape, windows, dropout=0.0, generator=np.random.default_rng(0))
    drawn = windows.draw(np.arange(len(windows)))
    x, weights = drawn.inputs.window.astype(float), drawn.weights.astype(float)
    gram = (x * weights[:, None]).T @ x
    expected = Ridge(alpha=RIDGE * np.trace(gram) / len(gram), solver="cholesky").fit(
        x, drawn.targets, sample_weight=weights
    )
    member = module.members[0]
    np.testing.assert_allclose(member.linear.weight.detach(), expected.coef_, atol=1e-4)
    np.testing.assert_allclose(member.linear.bias.detach(), expected.intercept_, atol=1e-4)
    residuals = drawn.targets - expected.predict(x)
    torch.testing.assert_close(member.head.bias, initial_bias(shape, residuals), atol=1e-3, rtol=1e-3)


def test_windows_are_of_one_series_each_and_learn_from_nothing_else():
    batch = batch_of([10, 8, 9])  # the second is one step too short
    windows = Windows(batch, shape_of(), 0.5)
    assert windows.series.tolist() == [0, 0, 2]
    drawn = windows.draw(np.array([1, 2]))
    np.testing.assert_allclose(drawn.targets[1] + drawn.inputs.level[1], batch.z[6:9, 2], rtol=1e-5)
    np.testing.assert_allclose(drawn.targets[0] + drawn.inputs.level[0], batch.z[7:10, 0], rtol=1e-5)
    assert drawn.weights.tolist() == [1.0, 1.0]
    assert windows.weights[0] == pytest.approx(0.5**0.5)


def options(**changes):
    known = {
        "dropout": 0.2,
        "oldest_weight": 0.5,
        "max_epochs": 3,
        "patience": 2,
        "batch_size": 8,
        "learning_rate": 0.01,
    }
    return ForecastTraining(**{**known, "clip_norm": 1.0, "seed": 3, "callback": None, **changes})


def test_the_same_seed_gives_the_same_bits_and_an_epoch_may_draw(monkeypatch):
    batch, told = batch_of([30, 28]), []
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = (learn_windows(shape_of(), batch, options(), phase="training")[0].tensors() for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["members.0.head.weight"], first["members.1.head.weight"])
    other = learn_windows(shape_of(), batch, options(seed=4), phase="training")[0].tensors()
    assert not np.array_equal(other["members.0.head.weight"], first["members.0.head.weight"])
    monkeypatch.setattr("unrolled.training.forecast.WINDOWS_AN_EPOCH", 20)
    learn_windows(shape_of(), batch, options(callback=told.append), phase="training")
    assert len(told) == told[0].steps == 3 * 3  # of 42 windows 20 an epoch, in batches of 8
