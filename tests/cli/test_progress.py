"""The bar: silent off a terminal and for what is quick."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from unrolled.cli import progress
from unrolled.cli.progress import ShareBar


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
