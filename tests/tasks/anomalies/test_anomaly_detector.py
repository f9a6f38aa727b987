"""The anomaly detector: what it finds, what it promises, what it refuses, what a model file keeps."""

import subprocess
import sys
from datetime import datetime, timezone

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone

import unrolled
from unrolled import AnomalyDetector, InputError
from unrolled.codecs.cycles import calendar
from unrolled.data.table import FrameLike, TimeStyle
from unrolled.metrics.alarms import compare_alarms
from unrolled.networks.autoencoder import Autoencoder, AutoencoderConfig
from unrolled.networks.lead_forecast import LeadForecast, LeadForecastConfig
from unrolled.networks.spread import SMALLEST_SPREAD
from unrolled.networks.stack import StackConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.tasks.anomalies.labelled_windows import read_windows
from unrolled.tasks.anomalies.model import AnomalyModel
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.laplace import laplace_loss
from unrolled.training.subsequences import subsequences

TINY = {"hidden_size": 8, "members": 2, "max_epochs": 8, "random_state": 0}
START = np.datetime64("2024-01-01", "us")


def sensor(T=1400, seed=0):
    """Hourly readings with a day, two channels; anomalies are put in by the tests."""
    rng = np.random.default_rng(seed)
    t = np.arange(T)
    first = 20 + 5 * np.sin(2 * np.pi * t / 24) + rng.normal(scale=0.5, size=T)
    return np.stack([first, 100 - 3 * first + rng.normal(scale=2, size=T)], axis=1)


def frame(values, start=START):
    times = start + np.arange(len(values)) * np.timedelta64(1, "h")
    return pl.DataFrame({"time": times, "flow": values[:, 0], "load": values[:, 1]})


@pytest.fixture(scope="module")
def fitted():
    return AnomalyDetector(**TINY).fit(frame(sensor()[:1000]))


@pytest.fixture(scope="module")
def rebuilding():
    return AnomalyDetector(method="reconstruction", window=12, seasons=(24,), **TINY).fit(sensor()[:1000])


def test_networks_give_means_and_spreads_of_what_the_module_says():
    torch.manual_seed(0)
    stack = StackConfig("lstm", 5, 4, 2)
    x = np.random.default_rng(0).normal(size=(9, 7, 5)).astype(np.float32)
    module = NetworkModule(LeadForecast, LeadForecastConfig(stack, (1, 2, 5), 2), NetworkOptions()).eval()
    mean, spread = LeadForecast(KernelEngine(module.tensors()), module.network.config).forecast(x[0])
    outputs = module(torch.from_numpy(x[0, :, None])).detach().double().reshape(7, 2, 3, 2)
    np.testing.assert_allclose(mean, outputs[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(spread, torch.nn.functional.softplus(outputs[:, 1]) + SMALLEST_SPREAD, rtol=1e-4)

    config = AutoencoderConfig(stack, StackConfig("lstm", 6, 4, 2), 3, 7, 2)
    module = NetworkModule(Autoencoder, config, NetworkOptions()).eval()
    network = Autoencoder(KernelEngine(module.tensors()), config)
    mean, spread = network.reconstruct(x)
    outputs = module(torch.from_numpy(x.transpose(1, 0, 2))).detach().double().transpose(0, 1)
    np.testing.assert_allclose(mean, outputs[..., :2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(spread, torch.nn.functional.softplus(outputs[..., 2:]) + SMALLEST_SPREAD, rtol=1e-4)
    for each, last in zip((mean, spread), network.reconstruct(x[3:4], 2), strict=True):
        assert (each[3:4, -2:] == last).all()


def test_the_loss_is_the_density_of_laplace():
    stats = pytest.importorskip("scipy.stats", reason="compares with SciPy, which is not installed")
    outputs, z = torch.randn(5, 8, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    mean, raw = outputs.numpy()[:, :4], outputs.numpy()[:, 4:]
    expected = -stats.laplace.logpdf(z.numpy(), mean, np.logaddexp(0, raw) + SMALLEST_SPREAD).mean()
    assert laplace_loss(outputs, z).item() == pytest.approx(expected)


def test_nothing_but_the_code_passes_from_a_window_to_what_is_rebuilt():
    """The Jacobian of the outputs by the values of the window has the rank of the code."""
    torch.manual_seed(0)
    config = AutoencoderConfig(StackConfig("gru", 4, 16, 1), StackConfig("gru", 5, 16, 1), 3, 10, 2)
    module = NetworkModule(Autoencoder, config, NetworkOptions()).double().eval()
    known = torch.randn(10, 1, 2, dtype=torch.float64)

    def rebuilt(z):
        return module(torch.cat([z, known], dim=2)).flatten()

    jacobian = torch.autograd.functional.jacobian(rebuilt, torch.randn(10, 1, 2, dtype=torch.float64))
    singular = torch.linalg.svdvals(jacobian.reshape(40, 20))
    assert singular[2] > 1e-6
    assert singular[3] < 1e-12


def test_subsequences_cover_the_series_and_stay_inside():
    seen = np.zeros(203, int)
    for epoch in range(40):
        for batch in subsequences(203, 16, 8, np.random.default_rng(epoch)):
            assert batch.shape[0] == 16
            assert (np.diff(batch, axis=0) == 1).all()
            np.add.at(seen, batch, 1)
    assert seen.min() > 0
    assert np.allclose(seen[30:170], 8 * 40, rtol=0.05)


def network_errors_by_hand(model: AnomalyModel, z, x):
    """Averaged and last error of each step from ``context`` on, step by step, from the networks' own outputs."""
    shape, network = model.shape, model.shape.network
    if isinstance(network, LeadForecastConfig):
        errors, last = np.full(z.shape, np.nan), np.full(z.shape, np.nan)
        start = shape.settling
        told = [LeadForecast(KernelEngine(tensors), network).forecast(x[start:]) for tensors in model.members]
        mean, spread = (np.mean([each[part] for each in told], 0) for part in (0, 1))
        for t in range(start + shape.window + network.leads[-1] - 1, len(z)):
            each = [abs(z[t] - mean[t - k - start, i]) / spread[t - k - start, i] for i, k in enumerate(network.leads)]
            errors[t], last[t] = np.mean(each, 0), each[0]
        rows = range(shape.context, len(z))
        return np.array([errors[t - shape.smoothing + 1 : t + 1].mean(0) for t in rows]), last[shape.context :]
    means, lasts = [], []
    for t in range(shape.settling + shape.window - 1, len(z)):
        window = slice(t - shape.window + 1, t + 1)
        told = [Autoencoder(KernelEngine(tensors), network).reconstruct(x[None, window]) for tensors in model.members]
        mean, spread = (np.mean([each[part][0] for each in told], 0) for part in (0, 1))
        error = abs(z[window] - mean) / spread
        means.append(error[-shape.smoothing :].mean(0))
        lasts.append(error[-1])
    return np.array(means), np.array(lasts)


def scores_by_hand(model: AnomalyModel, values, times):
    """The definition, step by step, with everything that a regression reads looked up by its place in time."""
    shape = model.shape
    z = model.scaled(values)
    averaged, last = network_errors_by_hand(model, z, model.inputs(z, times))
    low = np.clip(z, -5, 5)
    known = np.zeros((len(z), 0)) if times is None else calendar(times, shape.cycles)
    told = {view: np.full(z.shape, np.nan) for view in model.regressions}
    for t in range(shape.context - shape.smoothing + 1, len(z)):
        for c in range(z.shape[1]):
            past = [low[t - lag, c] for lag in (1, 2, 3, 4, 6, 8) if lag < shape.window]
            past += [low[t - m + near, c] for m in shape.seasons for near in (1, 0, -1)]
            past += [np.median([low[t - j * m, c] for j in range(1, 5) if t >= j * m]) for m in shape.seasons]
            others = [low[t, o] for o in range(z.shape[1]) if o != c]
            for view, read in {"past": past, "others": others, "all": past + others}.items():
                weights = model.regressions[view][c]
                told[view][t, c] = np.dot(weights, [*read, *known[t], 1.0])
    off = {view: abs(z - each) for view, each in told.items()}
    rows = range(shape.context, len(z))
    smooth = np.array([off["others"][t - shape.smoothing + 1 : t + 1].mean(0) for t in rows])
    parts = [averaged, last, off["past"][shape.context :], smooth, off["all"][shape.context :]]
    root = [np.sqrt(part / unit) for part, unit in zip(parts, model.units, strict=True)]
    return np.maximum(np.mean(root[:3], 0) ** 2, np.mean(root[3:], 0) ** 2)


@pytest.mark.parametrize("detector", ["fitted", "rebuilding"])
def test_the_score_is_its_definition_and_knows_nothing_of_later_steps(detector, request):
    detector = request.getfixturevalue(detector)
    values = sensor(seed=3)[:700]
    times = None if detector.method == "reconstruction" else START + np.arange(700) * np.timedelta64(1, "h")
    scores = detector.model_.scores(values, times)
    assert np.isnan(scores[: detector.context_]).all()
    np.testing.assert_allclose(scores[detector.context_ :], scores_by_hand(detector.model_, values, times), rtol=1e-9)
    values[500:] *= -7
    earlier = detector.model_.scores(values, times)[:500]
    assert np.array_equal(earlier, scores[:500], equal_nan=True)
    assert np.array_equal(
        detector.model_.scores(values[:500], None if times is None else times[:500]), earlier, equal_nan=True
    )


@pytest.mark.parametrize("detector", ["fitted", "rebuilding"])
def test_it_finds_a_level_that_moved_and_names_the_channel(detector, request):
    detector = request.getfixturevalue(detector)
    values = sensor()
    values[1200:1210, 1] += 40
    data = values if detector.method == "reconstruction" else frame(values)
    found = detector.windows(data)
    channel = "1" if detector.method == "reconstruction" else "load"
    assert channel in list(found["channel"])
    bounds = (1200, 1209) if detector.method == "reconstruction" else ("2024-02-20 00:00", "2024-02-20 09:00")
    result = detector.evaluate(data, [bounds])
    assert result.found == (True,)
    assert result.false_episodes <= 1
    assert detector.evaluate(data, [bounds], threshold=1e9).missed == 1
    assert detector.evaluate(data, found).precision == 1.0
    assert "of 1 windows found" in str(result)


def test_a_channel_with_the_values_of_another_day_is_found_by_the_others():
    """Nothing is wrong with it but that it no longer goes with them."""
    rng = np.random.default_rng(1)
    common = np.convolve(rng.normal(size=3023), np.ones(24) / 5, "valid")
    values = np.stack(
        [common + rng.normal(scale=0.1, size=3000), 5 - 2 * common + rng.normal(scale=0.1, size=3000)], axis=1
    )
    detector = AnomalyDetector(**TINY).fit(values[:2000])
    values[2500:2548, 1] = values[2200:2248, 1]
    scores = detector.model_.scores(values, None)
    assert scores[2510:2548, 1].min() > detector.threshold_
    assert detector.evaluate(values[2000:], [(500, 547)]).found == (True,)
    alone = AnomalyDetector(**TINY).fit(values[:2000, 1])
    inside = alone.score_samples(values[:, 1])[2510:2540]
    assert (inside > alone.threshold_).sum() < len(inside) / 2


def test_a_threshold_that_no_value_could_reach_is_said():
    values = sensor()[:800, 0]
    with pytest.warns(UserWarning, match="of values up to half the range beyond those seen none"):
        detector = AnomalyDetector(**TINY, false_alarm_every=10**12).fit(values)
    assert detector.calibration_.reach is not None
    assert detector.calibration_.reach < detector.threshold_
    assert AnomalyDetector(**TINY).fit(values).calibration_.reach > 1


def test_answers_come_in_the_kind_of_frame_that_was_given(fitted, tmp_path):
    data = frame(sensor())
    answer = fitted.predict(data)
    assert answer.columns == ["time", "score", "threshold", "alarm"]
    assert (answer["time"] == data["time"]).all()
    assert (answer["threshold"] == fitted.threshold_).all()
    score = fitted.score_samples(data)
    assert np.array_equal(answer["score"].to_numpy(), score, equal_nan=True)
    assert np.array_equal(answer["alarm"].to_numpy(), np.nan_to_num(score) > fitted.threshold_)
    pandas = data.to_pandas().set_index("time")
    pandas.index = pandas.index.tz_localize("Europe/Berlin", ambiguous="NaT", nonexistent="NaT")[:1400]
    pandas = pandas[pandas.index.notna()]
    low = 0.8 * fitted.threshold_
    index = AnomalyDetector(**TINY).set_params(members=1, max_epochs=2).fit(pandas[:1000])
    answer = index.predict(pandas)
    assert (answer.index == pandas.index).all()
    found = index.windows(pandas, threshold=low)
    assert found["start"].dtype == pandas.index.dtype
    assert set(found["start"]) <= set(pandas.index)
    moments = [
        (start.to_pydatetime(), end.to_pydatetime()) for start, end in zip(found["start"], found["end"], strict=True)
    ]
    assert all(index.evaluate(pandas, moments, threshold=low).found)
    texts = data.with_columns(pl.col("time").dt.strftime("%Y/%m/%d %H:%M"))
    texts.write_csv(tmp_path / "flow.csv")
    answer = fitted.predict(tmp_path / "flow.csv")
    assert answer["time"].to_list() == texts["time"].to_list()
    assert np.allclose(answer["score"].to_numpy(), score, equal_nan=True)
    array = AnomalyDetector(window=8, **TINY).fit(sensor()[:500, 0])
    answer = array.predict(sensor()[:, 0])
    assert answer.dtype.names == ("score", "threshold", "alarm")
    assert array.windows(sensor()[:, 0], threshold=1.5)["start"].dtype.kind == "i"


def test_data_that_follow_on_the_training_data_have_scores_from_their_first_step(fitted):
    data = frame(sensor())
    after = fitted.score_samples(data[1000:])
    assert not np.isnan(after).any()
    np.testing.assert_allclose(after[-50:], fitted.score_samples(data)[-50:], rtol=1e-3)
    later = fitted.score_samples(data[1001:])
    assert np.isnan(later[: fitted.context_]).all()
    assert not np.isnan(later[fitted.context_ :]).any()


def test_the_threshold_comes_from_steps_that_were_not_learned_from(fitted):
    assert fitted.calibration_.steps == 300
    assert fitted.calibration_.method == "tail"
    assert fitted.threshold_ == fitted.calibration_.threshold
    changed = sensor()[:1000]
    changed[700:] += 3
    other = AnomalyDetector(**TINY).fit(frame(changed))
    for ours, theirs in zip(fitted.model_.members, other.model_.members, strict=True):
        assert all((ours[name] == theirs[name]).all() for name in ours)
    for view, weights in fitted.model_.regressions.items():
        assert np.array_equal(weights, other.model_.regressions[view])
    assert (other.model_.units > fitted.model_.units).any()
    often = AnomalyDetector(**TINY).set_params(false_alarm_every=30, merge=1).fit(frame(sensor()[:1000]))
    assert often.calibration_.method == "counted"
    assert often.calibration_.episodes == 10
    assert (often.model_.units < fitted.model_.units).all()


def test_sizes_are_told_by_the_time_stamps(fitted):
    shape = fitted.model_.shape
    assert (shape.cycles, shape.seasons, shape.window) == (("day", "week"), (24, 168), 24)
    assert (shape.smoothing, fitted.merge_, shape.network.leads) == (3, 24, (1, 2, 4, 8, 16, 24))
    assert "the network sees the time of the week" in fitted.inferred_
    short = AnomalyDetector(**TINY).set_params(members=1, max_epochs=1).fit(frame(sensor()[:600]))
    assert short.model_.shape.seasons == (24,)
    assert "the week is left out: there are fewer than 3 to learn from" in short.inferred_
    spans = AnomalyDetector(
        window="12h", horizon="6h", smoothing="2h", merge="2d", false_alarm_every="90d", max_epochs=1
    )
    chosen = spans.fit(frame(sensor()))
    assert (chosen.model_.shape.window, chosen.model_.shape.network.leads[-1]) == (12, 6)
    assert (chosen.model_.shape.smoothing, chosen.merge_, chosen.calibration_.every) == (2, 48, 2160)
    plain = AnomalyDetector(seasons=[24], **TINY).fit(sensor())
    assert (plain.model_.shape.cycles, plain.model_.shape.seasons) == ((), (24,))


@pytest.mark.parametrize("detector", ["fitted", "rebuilding"])
def test_a_model_file_keeps_every_bit_and_needs_no_torch(detector, request, tmp_path):
    detector = request.getfixturevalue(detector)
    data = frame(sensor())[1000:]
    data.write_csv(tmp_path / "data.csv")
    np.save(tmp_path / "data.npy", sensor()[1000:])
    given = sensor()[1000:] if detector.method == "reconstruction" else tmp_path / "data.csv"
    detector.save(tmp_path / "model.safetensors")
    again = unrolled.load(tmp_path / "model.safetensors")
    assert again.get_params() == detector.get_params()
    assert (again.threshold_, again.calibration_, again.inferred_) == (
        detector.threshold_, detector.calibration_, detector.inferred_,
    )  # fmt: skip
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np, unrolled\n"
        f"detector = unrolled.load({str(tmp_path / 'model.safetensors')!r})\n"
        f"data = np.load({str(tmp_path / 'data.npy')!r}) if detector.method == 'reconstruction' else "
        f"{str(tmp_path / 'data.csv')!r}\n"
        f"np.save({str(tmp_path / 'scores.npy')!r}, detector.score_samples(data))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    expected = detector.score_samples(given)
    assert np.isfinite(expected).any()
    for found in (np.load(tmp_path / "scores.npy"), again.score_samples(given)):
        assert np.array_equal(found, expected, equal_nan=True)


def test_the_same_seed_gives_the_same_detector():
    options = {**TINY, "members": 1, "max_epochs": 2}
    first, second = (AnomalyDetector(**options).fit(sensor()[:400]) for _ in range(2))
    assert first.threshold_ == second.threshold_
    assert first.losses_ == second.losses_
    assert AnomalyDetector(**{**options, "random_state": 1}).fit(sensor()[:400]).threshold_ != first.threshold_
    assert clone(first).get_params() == first.get_params()
    assert first.set_params(merge="1h").merge == "1h"


def test_windows_in_every_form():
    times = START + np.arange(48) * np.timedelta64(1, "h")
    like = FrameLike("polars")
    moment = datetime(2024, 1, 1, 6)
    pairs = [("2024-01-01 06:00", "2024-01-01T07:30")]
    for given in (
        pairs, [(moment, np.datetime64("2024-01-01T07"))], pl.DataFrame({"start": [moment], "end": [datetime(2024, 1, 1, 7)]}),
        pd.DataFrame({"start": ["2024-01-01 06:00"], "end": ["2024-01-01 07:00"]}),
        pl.DataFrame({"start": [moment], "end": [datetime(2024, 1, 1, 7)]}).to_arrow(),
    ):  # fmt: skip
        assert read_windows(given, times, 48, like).tolist() == [[6, 7]]
    utc = FrameLike("polars", time_style=TimeStyle("datetime", zone="UTC", clock="utc"))
    zoned = datetime(2024, 1, 1, 6, tzinfo=timezone.utc)
    assert read_windows([(zoned, zoned)], times, 48, utc).tolist() == [[6, 6]]
    wall = FrameLike("polars", time_style=TimeStyle("datetime", zone="Europe/Berlin", clock="wall"))
    assert read_windows([(zoned, zoned)], times, 48, wall).tolist() == [[7, 7]]
    with pytest.raises(InputError, match="has a time zone, the times of the data have none"):
        read_windows([(zoned, zoned)], times, 48, like)
    assert read_windows([(3, 5)], None, 48, like).tolist() == [[3, 5]]
    assert read_windows([], None, 48, like).shape == (0, 2)
    for wrong, message in [
        (5, "expected pairs"), ([(1,)], "expected pairs"), ([("soon", "later")], "window 0: 'soon' is no time"),
        ([*pairs, ("2023-01-01", "2023-01-02")], "window 1, 2023-01-01 to 2023-01-02, holds no row of the data"),
        ([("2024-01-02", "2024-01-01")], "window 0 ends before it starts: 2024-01-02 to 2024-01-01"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=message):
            read_windows(wrong, times, 48, like)
    with pytest.raises(InputError, match="window 0: '3' is not a row number"):
        read_windows([("3", 5)], None, 48, like)


def test_what_lies_far_off_does_not_throw_what_is_said_afterwards(fitted):
    values = sensor()
    times = START + np.arange(len(values)) * np.timedelta64(1, "h")
    usual = fitted.model_.scores(values, times)
    values[800] = 1e9
    scores = fitted.model_.scores(values, times)
    assert scores[800].min() > 1e4
    assert np.nanmax(abs(fitted.model_.inputs(fitted.model_.scaled(values), times))) <= 5
    assert scores[840:].max() < 2 * usual[fitted.context_ :].max()


def test_episodes_and_windows_that_share_a_step_overlap():
    rng = np.random.default_rng(0)
    for _ in range(50):
        found, wanted = (
            np.sort(rng.choice(60, (n, 2), replace=False).reshape(-1, 2), axis=1) for n in rng.integers(0, 6, 2)
        )
        steps = [[set(range(a, b + 1)) for a, b in each] for each in (found, wanted)]
        result = compare_alarms(found, wanted, 1.0, steps=60)
        assert result.found == tuple(any(w & f for f in steps[0]) for w in steps[1])
        false = sum(not any(w & f for w in steps[1]) for f in steps[0])
        assert (result.episodes, result.false_episodes) == (len(found), false)
        assert result.alarmed == pytest.approx(sum(map(len, steps[0])) / 60)
        assert result.recall == (sum(result.found) / len(wanted) if len(wanted) else 1)
        assert result.precision == pytest.approx(1 - false / len(found) if len(found) else 1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "magic"}, "method is 'magic', expected one of forecast, reconstruction"),
        ({"cell": "gruu"}, "cell is 'gruu', expected one of rnn, rnn_tanh"),
        ({"hidden_size": 0}, "hidden_size is 0, expected at least 1"),
        ({"merge": "soon"}, "merge is 'soon', expected steps"),
        ({"window": "1d"}, "window is '1d', but the data has one row a step, not of a fixed length"),
        ({"window": 1}, "window is 1, expected at least 2"),
        ({"false_alarm_every": None}, "false_alarm_every is None, expected steps"),
        ({"false_alarm_every": 20}, "false_alarm_every is 20, expected more than merge = 32 steps"),
        ({"calibration_fraction": 1.0}, "calibration_fraction is 1.0, expected above 0"),
        ({"calibration_fraction": 0.05}, "the data has 400 rows, 380 to learn from and 20 to calibrate on"),
        ({"window": 300}, "the data has 400 rows, 280 to learn from .* need at least 900"),
        ({"seasons": [1]}, "seasons is 1, expected at least 2"),
        ({"seasons": 5}, "seasons is 5, expected numbers of steps"),
        ({"seasons": [200]}, "need at least 392"),
        ({"code_size": 3}, "code_size is 3, expected None: only method='reconstruction'"),
        ({"method": "reconstruction", "horizon": 3}, "horizon is 3, expected None: only method='forecast'"),
        (
            {"method": "reconstruction", "window": 32, "seasons": [31]},
            r"seasons is \(31,\), expected numbers of at least window = 32",
        ),
        (
            {"method": "reconstruction", "code_size": 64},
            "code_size is 64, expected less than the 64 numbers of a window",
        ),
        ({"method": "reconstruction", "smoothing": 33}, "smoothing is 33, expected at most window = 32"),
        ({"missing": "guess"}, "missing is 'guess', expected one of raise"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters, message):
    with pytest.raises(InputError, match=message):
        AnomalyDetector(**parameters).fit(sensor()[:400])


def test_data_that_will_not_do_are_refused(fitted, rebuilding):
    values = sensor()
    values[3, 1] = np.nan
    with pytest.raises(InputError, match=r"the array holds nan at \[3, 1\]"):
        AnomalyDetector().fit(values)
    gap = pl.concat([frame(sensor())[:100], frame(sensor())[103:]])
    with pytest.raises(InputError, match=r"3 time steps have no row.*missing='interpolate'"):
        AnomalyDetector().fit(gap)
    filled = AnomalyDetector(**{**TINY, "missing": "previous", "max_epochs": 1}).fit(gap)
    assert len(filled.predict(gap)) == 1400
    twice = pl.concat([frame(sensor()), frame(sensor())[5:6]])
    with pytest.raises(InputError, match=r"duplicate time stamps: 2024-01-01T05:00 .*keep one row$"):
        AnomalyDetector().fit(twice)
    with pytest.raises(InputError, match="no column of numbers to watch among 'time'"):
        AnomalyDetector().fit(frame(sensor())[["time"]])
    with pytest.raises(InputError, match=r"no column 'flwo' \(values=\)"):
        AnomalyDetector().fit(frame(sensor()), values=["flwo"])
    with pytest.raises(InputError, match="an array has no columns to name: leave out values="):
        AnomalyDetector().fit(sensor(), values=["flow"])
    with pytest.raises(InputError, match=r"expected \[T\] for one channel or \[T, C\] for several"):
        AnomalyDetector().fit(np.zeros((2, 3, 4)))
    with pytest.raises(InputError, match="there are no values in it"):
        AnomalyDetector().fit(np.zeros((0, 2)))
    with pytest.raises(InputError, match="this AnomalyDetector is not fitted yet"):
        AnomalyDetector().predict(sensor())
    with pytest.raises(InputError, match="no column 'load'"):
        fitted.predict(frame(sensor()).drop("load"))
    with pytest.raises(InputError, match="an array has no times, but the detector learned from those in 'time'"):
        fitted.predict(sensor())
    with pytest.raises(InputError, match="the data has 1 channels, the detector was trained on 2: '0', '1'"):
        rebuilding.predict(sensor()[:, :1])
    with pytest.raises(InputError, match="the data has 11 rows, need at least 36 for one to have a score"):
        rebuilding.predict(sensor()[:11])
    with pytest.raises(InputError, match="threshold is -1, expected at least 0"):
        rebuilding.predict(sensor(), threshold=-1)


def test_one_column_among_others_can_be_watched():
    detector = AnomalyDetector(**{**TINY, "max_epochs": 1}).fit(frame(sensor()), values=["load"])
    assert detector.channels_ == ["load"]
    assert "not used: 'flow'" in detector.inferred_
    assert detector.windows(frame(sensor()), threshold=0).columns == ["start", "end", "peak"]


@pytest.mark.parametrize(
    ("written", "window"),
    [
        ("%d.%m.%Y %H:%M", ("27.02.2024 02:00", "27.02.2024 06:00")),
        ("%m/%d/%Y %I:%M %p", ("02/27/2024 02:00 AM", "2024-02-27 06:00")),
        ("%Y%m%d%H", (2024022702, 2024022706)),
    ],
)
def test_windows_are_told_as_the_times_are_written(fitted, written, window):
    data = frame(sensor()).with_columns(pl.col("time").dt.strftime(written))
    if "%d%H" in written:
        data = data.with_columns(pl.col("time").cast(pl.Int64))
    detector = AnomalyDetector(**{**TINY, "max_epochs": 1, "members": 1}).fit(data[:1000])
    channels = detector.read(data)
    assert channels.times is not None
    assert channels.times[0] == np.datetime64("2024-01-01")
    rows = read_windows([window], channels.times, 1400, channels.frame_like)
    assert rows.tolist() == [[57 * 24 + 2, 57 * 24 + 6]]
    assert len(detector.evaluate(data, [window]).found) == 1
    assert detector.predict(data)["time"].to_list() == data["time"].to_list()
    assert detector.windows(data, threshold=0.0)["start"].dtype == data["time"].dtype
    with pytest.raises(InputError, match="window 0: 'soon' is no time"):
        detector.evaluate(data, [("soon", "later")])


def test_results_come_back_row_by_row():
    """Newest first, shuffled, filtered: what is put beside the data belongs to its row."""
    data = frame(sensor()).to_pandas()
    detector = AnomalyDetector(**{**TINY, "max_epochs": 1, "members": 1}).fit(data)
    plain = detector.predict(data).set_index("time")["score"]
    for given in (data[::-1], data.sample(frac=1, random_state=0), data.set_index(pd.Index(data.index + 7))):
        answer = detector.predict(given)
        assert answer.index.equals(given.index)
        np.testing.assert_array_equal(answer["score"], plain[given["time"]])
        np.testing.assert_array_equal(detector.score_samples(given), plain[given["time"]])
    newest_first = pl.from_pandas(data[::-1])
    np.testing.assert_array_equal(detector.predict(newest_first)["score"], plain[data["time"][::-1]])
