"""The bar: silent off a terminal and for what is quick."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from unrolled.cli import progress
from unrolled.cli.progress import ShareBar, TrainingBar


def run(*, terminal: bool, seconds: list[float], phases: list[str] | None = None) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=80, force_interactive=terminal)
    with TrainingBar(console) as bar:
        for step, elapsed in enumerate(seconds, start=1):
            phase = phases[step - 1] if phases else "training"
            bar(SimpleNamespace(phase=phase, step=step, steps=len(seconds), loss=0.5 / step, seconds=elapsed))
    return stream.getvalue()


def test_silent_off_a_terminal() -> None:
    assert run(terminal=False, seconds=[1, 5, 50]) == ""


def test_silent_for_what_is_quick() -> None:
    assert run(terminal=True, seconds=[0.5, 1.9]) == ""


def test_bar_with_loss_rate_and_time_left() -> None:
    text = run(terminal=True, seconds=[1.0, 2.5, 3.0, 3.5])
    assert "training" in text
    assert "loss 0.125" in text
    assert "1 steps/s" in text


def test_a_bar_for_each_phase() -> None:
    text = run(terminal=True, seconds=[2.5, 3.0, 0.1, 0.2], phases=["validating"] * 2 + ["training"] * 2)
    assert "validating" in text
    assert "training" in text


def test_an_error_stops_the_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)

    def fail() -> None:
        with TrainingBar(console) as bar:
            bar(SimpleNamespace(phase="training", step=1, steps=2, loss=1.0, seconds=3.0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with TrainingBar(console) as bar:  # a bar left running would refuse another
        bar(SimpleNamespace(phase="training", step=1, steps=2, loss=1.0, seconds=3.0))


def share_bar(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, stdout: bool, seconds: float) -> str:
    stream = io.StringIO()
    times = iter([0.0, seconds, seconds])
    monkeypatch.setattr(progress, "monotonic", lambda: next(times))
    monkeypatch.setattr("sys.stdout.isatty", lambda: stdout)
    with ShareBar("predicting", Console(file=stream, force_terminal=terminal, width=80)) as bar:
        bar(0.5, 1234)
        bar(1.0, 2468)
    return stream.getvalue()


def test_bar_of_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "2,468 done" in share_bar(monkeypatch, terminal=True, stdout=False, seconds=2.5)


@pytest.mark.parametrize(
    ("terminal", "stdout", "seconds"), [(False, False, 9.0), (True, True, 9.0), (True, False, 1.9)]
)
def test_no_bar_off_a_terminal_among_results_or_for_what_is_quick(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, stdout: bool, seconds: float
) -> None:
    assert share_bar(monkeypatch, terminal=terminal, stdout=stdout, seconds=seconds) == ""
