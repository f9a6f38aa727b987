"""The network of windows on the runtime, beside its equations written out with the reference cells."""

import numpy as np
import pytest
from scipy import stats

from unrolled.cells import get_cell
from unrolled.networks.series_batch import SeriesBatch
from unrolled.networks.window_rnn import WindowInputs, WindowRnn, WindowRnnConfig
from unrolled.runtime.engine import KernelEngine


def model(distribution="quantiles", window=10, season=4, cell="gru", P=2, F=1, S=3, quantiles=(0.1, 0.5, 0.75, 0.9)):
    rng = np.random.default_rng(0)
    config = WindowRnnConfig(cell, 6, 2, window, 5, quantiles, season, 3, P, F, S, distribution)
    tensors = {name: rng.normal(size=size).astype(dtype) for name, (size, dtype) in config.parameters().items()}
    return WindowRnn(KernelEngine(tensors), config), tensors, rng


def batch_of(rng, N, window=10, P=2, F=1, S=3):
    return SeriesBatch.pad(
        [rng.normal(size=window) + 100 for _ in range(N)],
        [rng.normal(size=(window, P)) for _ in range(N)],
        [rng.normal(size=(window + 5, F)) for _ in range(N)],
        rng.normal(size=(N, S)),
        5,
    )


def by_hand(network, tensors, batch, i):
    """The forecast of series ``i``, in float64 and one number after the other."""
    config, z = network.config, batch.z[:, i]
    level, spread = z.mean(), max(np.sqrt(np.mean(np.square(z - z.mean()))), 0.01)
    rows = [[(z[t] - level) / spread, *batch.past[t, i], *batch.future[t, i]] for t in range(len(z))]
    missing = -len(rows) % config.segment
    rows = [[0.0] * len(rows[0])] * missing + rows
    x = [
        np.concatenate([*rows[t : t + config.segment], [np.log(spread)], batch.static[i]])
        for t in range(0, len(rows), config.segment)
    ]
    known = np.r_[batch.future[len(z) :, i].ravel(), batch.static[i]]
    total = 0.0
    for k in range(config.members):
        y = np.array(x)[:, None]
        for layer in range(config.num_layers):
            own = {
                name: tensors[f"members.{k}.rnn.{name}_l{layer}"].astype(np.float64)
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            }
            y = get_cell(config.cell).forward(own, y)[0]
        own = {
            name: tensors[f"members.{k}.{name}"]
            for name in (
                "head.weight", "head.bias", "weights.weight", "weights.bias", "linear.weight", "linear.bias",
            )
        }  # fmt: skip
        o = (own["head.weight"] @ np.r_[y[-1, 0], known] + own["head.bias"]).reshape(5, -1)
        moved = own["linear.weight"] @ np.r_[z - level, known] / np.sqrt(len(z)) + own["linear.bias"]
        weights = (own["weights.weight"] @ np.r_[y[-1, 0], known] + own["weights.bias"]).tolist()
        for ahead in range(5):
            season, phase = divmod(ahead, config.segment)
            for s in range(config.segments):
                t = s * config.segment + phase - missing  # as far into that segment of the window
                if t >= 0:
                    moved[ahead] += weights[season * config.segments + s] * (z[t] - level) / config.segments
        softplus = np.log1p(np.exp(o))
        if config.distribution == "student_t":
            spread = [stats.t.ppf(q, 2 + softplus[:, 2], 0, softplus[:, 1] + 1e-4) for q in config.quantiles]
            quantiles = o[:, :1] + np.array(spread).T
        else:
            m = o[:, 1]
            quantiles = np.array([m - softplus[:, 0], m, m + softplus[:, 2], m + softplus[:, 2] + softplus[:, 3]]).T
        total = total + level + moved[:, None] + quantiles
    return total / config.members


@pytest.mark.parametrize("distribution", ["quantiles", "student_t"])
@pytest.mark.parametrize(("window", "season"), [(10, 4), (8, 4), (3, 4), (10, 1)])
def test_forecasts_follow_the_equations(distribution, window, season):
    network, tensors, rng = model(distribution, window, season)
    batch = batch_of(rng, 2, window)
    got = network.forecast(batch)
    assert got.shape == (2, 5, 4)
    assert (np.diff(got, axis=-1) >= 0).all()
    for i in range(2):
        np.testing.assert_allclose(got[i], by_hand(network, tensors, batch, i), rtol=0, atol=2e-4)


def test_a_series_has_the_same_bits_alone_and_beside_others(monkeypatch):
    network, _, rng = model("student_t", window=37)
    batch = batch_of(rng, 9, 37)
    together = network.forecast(batch)
    monkeypatch.setattr("unrolled.networks.window_rnn.LARGEST_BATCH", 4)
    np.testing.assert_array_equal(network.forecast(batch), together)
    for i in range(9):
        np.testing.assert_array_equal(network.forecast(batch.select(np.array([i])))[0], together[i])


def test_without_the_recurrent_layers_the_linear_path_and_biases_remain():
    network, tensors, rng = model(F=0, P=0, S=0)
    batch = batch_of(rng, 1, P=0, F=0, S=0)
    x = batch.z[:, 0] - batch.z[:, 0].mean()
    seasons = np.r_[0, 0, x].reshape(3, 4)
    medians = [
        tensors[f"members.{k}.linear.weight"] @ x / np.sqrt(10)
        + tensors[f"members.{k}.linear.bias"]
        + (tensors[f"members.{k}.weights.bias"].reshape(2, 3) @ seasons / 3).ravel()[:5]
        + tensors[f"members.{k}.head.bias"].reshape(5, 4)[:, 1]
        for k in range(3)
    ]
    expected = batch.z[:, 0].mean() + np.mean(medians, axis=0)
    np.testing.assert_allclose(network.forecast(batch, recurrent=False)[0, :, 1], expected, atol=1e-5)


def test_the_last_steps_of_each_series():
    rng = np.random.default_rng(0)
    z, past, future = ([rng.normal(size=(n, *more)) for n in (9, 6)] for more in ((), (2,), (1,)))
    future[1] = rng.normal(size=(8, 1))  # known two steps ahead
    last = SeriesBatch.pad(z, past, future, np.zeros((2, 0)), 3).last(4)
    assert last.lengths.tolist() == [4, 4]
    np.testing.assert_array_equal(last.z, np.stack([z[0][-4:], z[1][-4:]], 1))
    np.testing.assert_array_equal(last.past[:, 1], past[1][-4:])
    np.testing.assert_array_equal(last.future[:, 1], future[1][[2, 3, 4, 5, 6, 7, 7]])
    np.testing.assert_array_equal(last.future[:, 0], future[0][[5, 6, 7, 8, 8, 8, 8]])


def test_inputs_are_counted():
    config = WindowRnnConfig("gru", 6, 1, 12, 3, (0.5,), 5, 1, past=2, future=4, static=1)
    assert (config.segment, config.segments, config.seasons_ahead) == (5, 3, 1)
    assert (config.inputs, config.known) == (5 * 7 + 1 + 1, 13)
    inputs = WindowInputs.of(config, np.ones((2, 12)), np.ones((2, 12, 2)), np.ones((2, 15, 4)), np.ones((2, 1)))
    assert inputs.segments.shape == (3, 2, 37)
    assert inputs.window.shape == (2, 25)
    assert inputs.seasons.shape == (2, 3, 5)


def test_the_recurrent_layers_see_a_windows_shape_and_its_spread_apart():
    config = WindowRnnConfig("gru", 6, 1, 8, 3, (0.5,), 4, 1)
    z, none = np.random.default_rng(0).normal(size=(1, 8)), np.zeros((1, 11, 0))
    z = np.concatenate([z, 1000 * z + 5, np.ones((1, 8))])
    inputs = WindowInputs.of(config, z, none[:, :8].repeat(3, 0), none.repeat(3, 0), np.zeros((3, 0)))
    shape, spread = inputs.segments[..., :4], inputs.segments[..., 4]
    np.testing.assert_allclose(shape[:, 1], shape[:, 0], rtol=1e-5)
    assert np.square(shape[:, :2]).mean((0, 2)) == pytest.approx([1, 1], rel=1e-5)
    assert spread[:, 1] - spread[:, 0] == pytest.approx([np.log(1000)] * 2, rel=1e-5)
    assert not shape[:, 2].any()  # nothing changes, and nothing is divided by zero
    assert spread[:, 2] == pytest.approx([np.log(0.01)] * 2)
