"""The model as a torch module against the runtime, which computes the same with NumPy and kernels."""

import numpy as np
import pytest
import torch

from unrolled.errors import InputError
from unrolled.networks.es_rnn import EsRnn, EsRnnConfig
from unrolled.networks.series_batch import SeriesBatch
from unrolled.networks.stack import StackConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.training.engine import NetworkOptions, recurrent_layers
from unrolled.training.es_rnn import EsRnnModule, es_rnn_loss
from unrolled.training.forecast import es_rnn_problem
from unrolled.training.forecast_head import quantiles_of
from unrolled.training.loop import train
from unrolled.training.options import TrainingOptions
from unrolled.training.pinball import pinball
from unrolled.training.smoothing import differentiable_smoothing


def batch_of(lengths, P=0, F=0, S=0, horizon=3, seed=0):
    rng = np.random.default_rng(seed)
    return SeriesBatch.pad(
        [rng.normal(size=n).cumsum() + np.sin(np.arange(n) * np.pi / 2) for n in lengths],
        [rng.normal(size=(n, P)) for n in lengths],
        [rng.normal(size=(n, F)) for n in lengths],
        rng.normal(size=(len(lengths), S)),
        horizon,
    )


def config_of(cell="gru", layers=1, season=4, quantiles=(0.1, 0.5, 0.9), P=0, F=0, S=0, **layer_options):
    return EsRnnConfig(cell, 5, layers, 4, 3, quantiles, season, 2, P, F, S, **layer_options)


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru_reset_before", "qrnn", "sru_highway"])
@pytest.mark.parametrize(
    ("layers", "season", "quantiles"), [(1, 4, (0.1, 0.5, 0.9)), (2, 1, (0.5,)), (1, 2, (0.5, 0.7))]
)
def test_loss_is_that_of_the_runtimes_forecasts(cell, layers, season, quantiles):
    config = config_of(cell, layers, season, quantiles, P=1, F=2, S=1, residual=layers > 1)
    batch = batch_of([14, 11], P=1, F=2, S=1)
    torch.manual_seed(0)
    module = EsRnnModule(config, batch, NetworkOptions(), oldest_weight=1.0).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
        loss = es_rnn_loss(config, module(batch, np.arange(2))).item()

    network, parameters = EsRnn(KernelEngine(module.tensors()), config), module.parameters_of_series()
    levels, losses = np.array(quantiles), []
    for i, length in enumerate(batch.lengths):
        for end in range(config.input_window, length - config.horizon + 1):
            known = batch.select(np.array([i]))
            known = SeriesBatch(known.z[:end], np.array([end]), known.past[:end], known.future[: end + 3], known.static)
            one = type(parameters)(*(part[..., i : i + 1] for part in vars(parameters).values()))
            forecast = single_member_losses(network, known, one, batch.z[end : end + 3, i], levels, config, module)
            losses.append(forecast)
    assert loss == pytest.approx(np.mean(losses), rel=2e-5)


def single_member_losses(network, known, parameters, actual, levels, config, module):
    """Mean loss over members: each alone, since the ensemble averages forecasts and training averages losses."""
    tensors, total = module.tensors(), 0.0
    for k in range(config.members):
        alone = {"regression": tensors["regression"][k : k + 1]}
        alone |= {
            name.replace(f"members.{k}.", "members.0."): t for name, t in tensors.items() if f"members.{k}." in name
        }
        sizes = EsRnnConfig(**{**{f: getattr(config, f) for f in config.__struct_fields__}, "members": 1})
        one = type(parameters)(
            parameters.alpha[k : k + 1],
            parameters.gamma[k : k + 1],
            parameters.level[k : k + 1],
            parameters.season[:, k : k + 1],
        )
        quantiles = EsRnn(KernelEngine(alone), sizes).forecast(known, one)[0]
        error = actual[:, None] - quantiles
        total += np.maximum(levels * error, (levels - 1) * error).mean() / config.members
    return total


def test_smoothing_passes_gradcheck():
    rng = np.random.default_rng(0)
    arguments = [rng.normal(size=(7, 2)), rng.uniform(0.2, 0.8, 2), rng.uniform(0.2, 0.8, 2), rng.normal(size=2)]
    tensors = [torch.tensor(a, requires_grad=True) for a in [*arguments, rng.normal(size=(3, 2))]]
    assert torch.autograd.gradcheck(differentiable_smoothing, tensors)


def test_the_minimum_of_the_pinball_loss_is_the_quantile():
    y = torch.tensor(np.random.default_rng(0).normal(size=2001))
    candidates = torch.linspace(-2, 2, 801, dtype=torch.float64)
    losses = pinball(y, candidates.expand(len(y), -1), torch.tensor(0.8, dtype=torch.float64)).mean(0)
    assert candidates[losses.argmin()].item() == pytest.approx(np.quantile(y, 0.8), abs=0.01)


def test_training_starts_at_the_quantiles_of_what_smoothing_leaves():
    config, batch = config_of(), batch_of([200])
    module = EsRnnModule(config, batch, NetworkOptions(), oldest_weight=1.0)
    with torch.no_grad():
        quantiles = quantiles_of(module.head_bias[0].unflatten(0, (config.horizon, -1)), config.median)
    windows = module._windows(batch, np.arange(1))
    spread = np.quantile(windows.targets[0, :, 0].detach().numpy(), (0.1, 0.5, 0.9), axis=0).T
    np.testing.assert_allclose(np.diff(quantiles, axis=1), np.diff(spread, axis=1), rtol=1e-4)


def test_regression_starts_at_the_effect_of_what_is_known_ahead():
    rng = np.random.default_rng(0)
    future = rng.normal(size=(80, 2))
    z = rng.normal(size=80).cumsum() * 0.05 + future @ [1.5, -0.5]
    none = np.zeros((80, 0))
    batch = SeriesBatch.pad([z], [none], [future], np.zeros((1, 0)), 3)
    module = EsRnnModule(config_of(season=1, F=2), batch, NetworkOptions(), oldest_weight=1.0)
    assert module.regression[0].tolist() == pytest.approx([1.5, -0.5], abs=0.05)


def test_weights_fall_from_one_to_the_oldest():
    batch = batch_of([16, 10])  # 10 and 4 windows
    module = EsRnnModule(config_of(), batch, NetworkOptions(), oldest_weight=0.01)
    weights = module._weights(batch, module._windows(batch, np.arange(2)))
    np.testing.assert_allclose(weights[:, 0], 0.01 ** (np.arange(9, -1, -1) / 10), rtol=1e-5)
    np.testing.assert_allclose(weights[:, 1], [*(0.01 ** (np.arange(3, -1, -1) / 4)), 0, 0, 0, 0, 0, 0], rtol=1e-5)


def test_large_steps_draw_from_their_windows(monkeypatch):
    batch = batch_of([30, 20])
    module = EsRnnModule(config_of(), batch, NetworkOptions(), oldest_weight=0.5)
    whole = module.eval()._windows(batch, np.arange(2))
    monkeypatch.setattr(
        "unrolled.training.es_rnn.LARGEST_STEP", 5 * 2 * 2 * 3 * 3
    )  # members, series, horizon, quantiles
    assert len(module._windows(batch, np.arange(2)).origins) == len(whole.origins) == 24
    torch.manual_seed(0)
    drawn = module.train()._windows(batch, np.arange(2))
    assert len(drawn.origins) == 5
    torch.testing.assert_close(drawn.targets, whole.targets[:, drawn.origins])
    torch.testing.assert_close(module._weights(batch, drawn), module._weights(batch, whole)[drawn.origins])
    mean = np.mean([loss_of(module, batch) for _ in range(400)])
    assert mean == pytest.approx(loss_of(module.eval(), batch), rel=0.05)


def loss_of(module, batch):
    return es_rnn_loss(module.config, module(batch, np.arange(2))).item()


def learn(batch, **changes):
    known = {
        "max_epochs": 4,
        "patience": 2,
        "batch_size": 2,
        "learning_rate": 0.01,
        "clip_norm": 1.0,
    }
    options = TrainingOptions(**{**known, "seed": 3, **changes})
    return train(es_rnn_problem(config_of(), batch, NetworkOptions(dropout=0.2), options, oldest_weight=0.5), options)


def test_the_same_seed_gives_the_same_bits_and_leaves_torch_alone():
    batch, results = batch_of([20, 18, 15]), []
    for _ in range(2):
        torch.manual_seed(len(results))
        before, threads = torch.get_rng_state(), torch.get_num_threads()
        module, run = learn(batch)
        assert torch.equal(before, torch.get_rng_state())
        assert threads == torch.get_num_threads()
        results.append((module.tensors(), run.losses))
    assert results[0][1] == results[1][1]
    assert all(np.array_equal(results[0][0][name], results[1][0][name]) for name in results[0][0])
    other, _ = learn(batch, seed=4)
    assert not np.array_equal(other.tensors()["members.0.head.weight"], results[0][0]["members.0.head.weight"])


def test_series_learn_only_from_their_own_batches():
    batch = batch_of([20, 18, 15])
    module = EsRnnModule(config_of(), batch, NetworkOptions(), oldest_weight=1.0)
    es_rnn_loss(module.config, module(batch.select(np.array([2])), np.array([2]))).backward()
    assert module.level.grad[:, :2].abs().sum() == 0
    assert module.level.grad[:, 2].abs().min() > 0


def test_unknown_cells_are_refused():
    with pytest.raises(InputError, match="unknown cell 'rnn'"):
        recurrent_layers(StackConfig("rnn", 2, 3, 1), NetworkOptions())
