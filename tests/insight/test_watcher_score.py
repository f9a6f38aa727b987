"""The watcher on training scripts with one fault each, and on some that are in order: what it names first."""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
import warnings
from pathlib import Path

import pytest

from unrolled.insight import Watcher
from unrolled.insight.watcher import CAUSES

HERE = Path(__file__).parent
FAULTS, HEALTHY = ({path.stem: path for path in sorted((HERE / kind).glob("*.py"))} for kind in ("faults", "healthy"))


def watched(script: Path, monkeypatch) -> Watcher:
    """The watcher after a run; a finding that came when all was over does not count."""
    monkeypatch.setattr(sys, "argv", [str(script)])
    watcher = Watcher(csv=False, say=lambda _: None)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), watcher:
        warnings.simplefilter("ignore")
        runpy.run_path(str(script), run_name="__main__")
    assert watcher.failure is None
    assert watcher.broken == {}
    return watcher


def test_there_is_a_script_for_every_cause():
    assert {*FAULTS, "not_finite"} == set(CAUSES)
    assert len(HEALTHY) == 12


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_named_first(name, monkeypatch):
    found = watched(FAULTS[name], monkeypatch).findings
    assert [each.cause for each in found][:1] == [name]
    assert found[0].place
    assert found[0].remedy
    assert any(letter.isdigit() for letter in found[0].message + str(found[0].step))


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_where_nothing_is_wrong(name, monkeypatch):
    assert watched(HEALTHY[name], monkeypatch).findings == []
