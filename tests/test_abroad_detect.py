"""The benchmark of detectors: streams are cut and faults planted as it says, methods know nothing of later steps."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

ACCURACY = Path(__file__).parents[1] / "benchmarks" / "accuracy"
sys.path.insert(0, str(ACCURACY))
import abroad_detect  # noqa: E402
import abroad_split  # noqa: E402
import abroad_streams  # noqa: E402
import simple_detectors  # noqa: E402

sys.path.remove(str(ACCURACY))


def made_up(channels):
    """Hourly, three weeks and a half of days."""
    t = np.arange(1200)
    waves = [10 + c + 5 * np.sin(2 * np.pi * (t - c) / 24) for c in range(channels)]
    values = np.stack(waves, axis=1) + np.random.default_rng(0).normal(scale=0.3, size=(1200, channels))
    return abroad_streams.Stream(values, np.datetime64("2024-01-01", "us") + t * np.timedelta64(1, "h"))


@pytest.fixture(params=[1, 3])
def stream(request, monkeypatch):
    stream = made_up(request.param)
    monkeypatch.setitem(abroad_streams.STREAMS, "made up", lambda: stream)
    return stream


def test_halves_follow_the_rule_and_are_balanced():
    halves = abroad_split.read_split("detect")
    assert halves == abroad_split.split(abroad_detect.KIND)
    assert len(halves) == len(abroad_streams.STREAMS) >= 24
    counts = Counter((kind, halves[name]) for name, kind in abroad_detect.KIND.items())
    assert all(abs(counts[kind, "chosen"] - counts[kind, "reported"]) <= 1 for kind in abroad_streams.KINDS)


def test_faults_are_planted_in_the_second_half_alone_and_always_the_same(stream):
    case, again = abroad_streams.planted("made up"), abroad_streams.planted("made up")
    np.testing.assert_array_equal(case.after, again.after)
    np.testing.assert_array_equal(case.before, stream.values[:600])
    changed = (case.after != stream.values[600:]).any(axis=1)
    inside = np.zeros(600, bool)
    for first, last in case.windows:
        assert not inside[first : last + 1].any()
        inside[first : last + 1] = True
        assert changed[first : last + 1].any()
    assert not changed[~inside].any()
    expected = abroad_streams.ALONE if stream.values.shape[1] == 1 else abroad_streams.TOGETHER
    assert sorted(case.kinds) == sorted(expected)
    before, after = case.frames()
    assert after["time"].iloc[0] - before["time"].iloc[-1] == np.timedelta64(1, "h")


@pytest.mark.parametrize("name", abroad_streams.STREAMS)
@pytest.mark.filterwarnings("ignore")
def test_every_stream_loads(name):
    try:
        stream = abroad_streams.read_stream(name)
    except (ModuleNotFoundError, AssertionError) as missing:
        pytest.skip(f"a package is not installed: {missing}")
    assert np.isfinite(stream.values).all()
    assert len(stream.values) >= 1000
    assert stream.times is None or len(stream.times) == len(stream.values)


@pytest.mark.parametrize("name", ["rolling z-score", "last season", "weekly-naive", "isolation forest"])
def test_simple_methods_know_nothing_of_later_steps(name):
    values = made_up(2).values
    changed = values.copy()
    changed[900:] += 7
    scores = [simple_detectors.SIMPLE[name](each, 400, 24, 168, 0) for each in (values, changed)]
    assert np.isfinite(scores[0][200:]).all()
    np.testing.assert_array_equal(scores[0][:900], scores[1][:900])
    assert not np.array_equal(scores[0][900:], scores[1][900:])


def test_figures_of_a_score_by_hand():
    case = abroad_streams.Planted(
        np.zeros((5, 1)), np.zeros((60, 1)), None, 4, np.array([[10, 14], [40, 44]]), ("dip", "stuck")
    )
    score = np.zeros(60)
    score[[12, 30]] = 3.0
    score[41] = 1.5
    run = abroad_detect.judge(case, score, threshold=2.0, merge=4)
    assert (run["windows"], run["found"], run["false"]) == (2, 1, 1)
    assert run["kinds"] == {"dip": [True], "stuck": [False]}
    curve = dict(zip(abroad_detect.FACTORS.tolist(), run["curve"], strict=True))
    assert curve[4.0] == (0, 0)
    assert curve[1.0] == (1, 1)
    assert curve[0.25] == (2, 1)
    found = {"calls": {method: [run] for method in abroad_detect.METHODS}}
    text = abroad_detect.report(found)
    assert "| calls | plain | 2 | 1, 1 | 1, 1 |" in text
    assert "| unrolled | 1 | 1 | 2 | 2 | 1, 1 |" in text  # a lower threshold would find both with no more false ones
    cautious = abroad_detect.judge(case, score, threshold=3.0, merge=4)  # finds nothing, makes nothing false
    found["calls"]["last season"] = [cautious]
    assert "| last season | 0 | 0 | 0 | 2 | 0, 0 |" in abroad_detect.report(found)
    assert "60 steps: 0.0 false episodes are asked for" in text
    assert "| unrolled | 1/1 | 0/1 |" in text
