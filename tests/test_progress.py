"""The bar of a stream: silent off a terminal and for what is quick."""

from __future__ import annotations

import io

import pytest

from unrolled import progress
from unrolled.progress import ShareBar


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def share_bar(monkeypatch: pytest.MonkeyPatch, *, shown: bool, seconds: float) -> str:
    stream = Terminal()
    times = iter([0.0, *(seconds + n for n in range(9))])
    monkeypatch.setattr(progress, "monotonic", lambda: next(times))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    with ShareBar("predicting", shown, stream) as bar:
        bar(0.5, 1234)
        bar(0.75, 1851)
    return stream.getvalue()


def test_bar_of_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    _, first, second, cleared, _ = share_bar(monkeypatch, shown=True, seconds=6.0).split("\r")
    assert (first.split()[0], cleared.strip()) == ("predicting", "")
    assert first.endswith("50 %  1,234 done  6 s left")
    assert (second.count("━"), second.count("─")) == (30, 10)
    assert max(len(first), len(second)) < 80


def test_no_bar_where_nobody_is_to_see_it_or_for_what_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    assert share_bar(monkeypatch, shown=False, seconds=9.0) == ""
    assert share_bar(monkeypatch, shown=True, seconds=0.5) == ""
