"""The forecasting network on the runtime: order of quantiles, independence of neighbours, parts left out."""

import numpy as np
import pytest

from unrolled.networks.es_rnn import EsRnn, EsRnnConfig, SmoothingParameters
from unrolled.networks.series_batch import SeriesBatch
from unrolled.runtime.engine import KernelEngine


def model(quantiles=(0.05, 0.25, 0.5, 0.75, 0.95), season=4, cell="gru", F=1):
    rng = np.random.default_rng(0)
    config = EsRnnConfig(cell, 6, 2, 5, 7, quantiles, season, 3, 1, F, 1)
    tensors = {name: rng.normal(size=size).astype(dtype) for name, (size, dtype) in config.parameters().items()}
    return EsRnn(KernelEngine(tensors), config), tensors, rng


def series(rng, lengths, season=4, F=1):
    batch = SeriesBatch.pad(
        [rng.normal(size=n).cumsum() for n in lengths],
        [rng.normal(size=(n, 1)) for n in lengths],
        [rng.normal(size=(n + 7, F)) for n in lengths],
        rng.normal(size=(len(lengths), 1)),
        7,
    )
    N = len(lengths)
    speeds = rng.uniform(0.1, 0.9, (2, 3, N))
    return batch, SmoothingParameters(speeds[0], speeds[1], rng.normal(size=(3, N)), rng.normal(size=(season, 3, N)))


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru", "gru_reset_before"])
def test_quantiles_never_cross(cell):
    network, _, rng = model(cell=cell)
    batch, parameters = series(rng, [30, 12, 5])
    quantiles = network.forecast(batch, parameters)
    assert quantiles.shape == (3, 7, 5)
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_a_series_has_the_same_bits_alone_and_beside_others():
    network, _, rng = model()
    lengths = [30, 12, 5, 17]
    batch, parameters = series(rng, lengths)
    together = network.forecast(batch, parameters)
    for i in range(len(lengths)):
        own = SmoothingParameters(*(part[..., i : i + 1] for part in vars(parameters).values()))
        alone = network.forecast(batch.select(np.array([i])), own)
        np.testing.assert_array_equal(alone[0], together[i])


def test_smoothing_alone_is_level_season_and_regression():
    network, tensors, rng = model(F=2)
    batch, parameters = series(rng, [9], F=2)
    from unrolled.codecs.smoothing import smooth

    expected = np.zeros(7)
    for k in range(3):
        effect = batch.future[:, 0] @ tensors["regression"][k]
        own = [part[..., k, :] for part in vars(parameters).values()]
        levels, seasonals = smooth((batch.z[:, 0] - effect[:9])[:, None], *own)
        expected += levels[-1, 0] + seasonals[9 + np.arange(7) % 4, 0] + effect[9:16]
    got = network.forecast(batch, parameters, part="smoothing")
    np.testing.assert_allclose(got[0], np.broadcast_to(expected[:, None] / 3, (7, 5)), rtol=1e-12)


def test_without_hidden_state_the_heads_bias_remains():
    network, tensors, rng = model()
    batch, parameters = series(rng, [9])
    bias = network.forecast(batch, parameters, part="bias") - network.forecast(batch, parameters, part="smoothing")
    medians = np.mean([tensors[f"members.{k}.head.bias"].reshape(7, 5)[:, 2] for k in range(3)], axis=0)
    np.testing.assert_allclose(bias[0, :, 2], medians, rtol=1e-6)


def test_inputs_are_counted():
    assert EsRnnConfig("gru", 6, 1, 12, 3, (0.5,), 4, 1, past=2, future=5, static=1).inputs == 12 + 2 + 15 + 1
