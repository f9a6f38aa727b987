"""What a person sees of a fit: a bar while it trains, what was inferred, and whether it is done."""

from __future__ import annotations

import io
import logging
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from unrolled import AnomalyDetector, Forecaster, SequenceClassifier, SequenceRegressor, SequenceTagger, progress
from unrolled.errors import InputError
from unrolled.progress import TrainingBar, person_watches

TINY: dict[str, Any] = {"members": 1, "hidden_size": 4, "max_epochs": 2, "random_state": 0}
WAVE = np.sin(np.arange(240) / 3) + np.random.default_rng(0).normal(scale=0.1, size=240)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def __init__(self, watched: bool = True) -> None:
        super().__init__()
        self._watched = watched

    def isatty(self) -> bool:
        return self._watched


def step(number: int, steps: int, seconds: float, phase: str = "training") -> Any:
    return SimpleNamespace(phase=phase, step=number, steps=steps, loss=0.5 / number, seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eleven seconds from each look at the clock to the next, on a terminal of 80 columns."""
    times = iter(range(0, 100_000, 11))
    monkeypatch.setattr(progress, "monotonic", lambda: float(next(times)))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("UNROLLED_VERBOSE", raising=False)


@pytest.mark.usefixtures("clock")
def test_a_line_is_redrawn_and_goes_in_the_end() -> None:
    stream = Terminal()
    with TrainingBar(shown=True, stream=stream) as bar:
        for each in (step(1, 4, 0.5), step(2, 4, 2.5), step(3, 4, 3.0), step(1, 4, 0.1, "validating")):
            bar(each)
    before, *lines, cleared, end = stream.getvalue().split("\r")
    assert (before, cleared.strip(), end) == ("", "", "")
    assert [line.split()[0] for line in lines] == ["training", "training", "validating"]  # the quick beginning has none
    assert "50 %  loss 0.25  1/s  2 s left" in lines[0]
    assert max(map(len, lines)) < 80
    assert lines[1].count("━") == 3 * lines[1].count("─")  # 75 %


@pytest.mark.usefixtures("clock")
def test_what_is_quick_and_what_is_not_shown_is_silent() -> None:
    for shown, seconds in [(True, [0.5, 1.9]), (False, [3.0, 50.0])]:
        stream = Terminal()
        with TrainingBar(shown, stream) as bar:
            for n, each in enumerate(seconds):
                bar(step(n + 1, 2, each))
        assert stream.getvalue() == ""


@pytest.mark.usefixtures("clock")
def test_a_log_gets_lines() -> None:
    stream = Terminal(watched=False)
    with TrainingBar(shown=True, stream=stream) as bar:
        bar(step(5, 20, 2.5))
        bar(step(20, 20, 10.0))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "\r" not in stream.getvalue()
    assert "100 %" in lines[1]


@pytest.mark.usefixtures("clock")
def test_a_terminal_that_knows_ascii_only() -> None:
    stream = Terminal()
    stream.encoding = "ascii"
    with TrainingBar(shown=True, stream=stream) as bar:
        bar(step(2, 4, 3.0))
    assert stream.getvalue().isascii()
    assert "#" in stream.getvalue()


@pytest.mark.usefixtures("clock")
def test_who_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    assert person_watches(Terminal())
    assert not person_watches(Terminal(watched=False))
    monkeypatch.setenv("TERM", "dumb")
    assert not person_watches(Terminal())
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert person_watches(Terminal(watched=False))  # a notebook
    monkeypatch.setenv("UNROLLED_VERBOSE", "0")
    assert not person_watches(Terminal())
    monkeypatch.setenv("UNROLLED_VERBOSE", "1")
    assert person_watches(Terminal(watched=False))


def fits() -> list[Any]:
    numbers = [np.ones((4, 1)) * n for n in range(12)]
    return [
        (Forecaster(**TINY, horizon=3, input_window=6), (WAVE,)),
        (AnomalyDetector(**TINY, window=8, false_alarm_every=20), (WAVE,)),
        (SequenceClassifier(**TINY), (numbers, ["a", "b"] * 6)),
        (SequenceRegressor(**TINY), (numbers, np.arange(12.0))),
        (SequenceTagger(**TINY, min_count=1), ([["Ada", "slept"]] * 4, [["N", "V"]] * 4)),
    ]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("kind", range(5))
def test_every_estimator_shows_its_training_where_somebody_watches(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator, data = fits()[kind]
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    seen: list[Any] = []
    for watched, verbose, callback, shown in [
        (True, None, None, True),
        (True, False, None, False),
        (True, None, seen.append, False),  # who is called sees it
        (False, None, None, False),
        (False, True, seen.append, True),
    ]:
        stream = Terminal(watched)
        monkeypatch.setattr(sys, "stderr", stream)
        before = len(seen)
        estimator.set_params(verbose=verbose, callback=callback).fit(*data)
        assert (stream.getvalue() != "") == shown, (watched, verbose)
        assert (len(seen) > before) == (callback is not None)
    with pytest.raises(InputError, match="verbose is 'loud', expected True, False or None"):
        estimator.set_params(verbose="loud").fit(*data)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (0, "1 series, 3 steps ahead, by the method 'smoothing'"),
        (1, "watches 'value', an alarm is a score above "),
        (2, "from numbers to 2 classes"),
        (3, "from numbers to 1 number"),
        (4, "from tokens to 2 tags"),
    ],
)
def test_a_fitted_estimator_looks_it(kind: int, told: str) -> None:
    estimator, data = fits()[kind]
    plain = repr(estimator)
    assert plain.startswith(f"{type(estimator).__name__}(hidden_size=4")
    fitted = repr(estimator.fit(*data))
    assert fitted.startswith(f"<fitted {plain}: ")
    assert told in fitted


def test_what_was_inferred_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    estimators = fits()[:2]
    with caplog.at_level(logging.INFO, logger="unrolled"):
        for estimator, data in estimators:
            caplog.clear()
            estimator.fit(*data)
            logged = [record.getMessage() for record in caplog.records]
            assert logged
            assert set(logged) <= set(estimator.inferred_)
    assert {record.name for record in caplog.records} == {"unrolled"}
