"""``import unrolled`` is cheap: measured by what it imports, which no busy machine can change."""

from __future__ import annotations

import subprocess
import sys

import pytest

import unrolled


def modules_after(statement: str) -> set[str]:
    program = f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_import_brings_nothing_but_itself() -> None:
    loaded = modules_after("import importlib, typing; before = set(sys.modules); import unrolled")
    assert loaded <= {"unrolled", "__future__"}


@pytest.mark.parametrize(
    "statement",
    [
        "from unrolled import Forecaster",
        "from unrolled import load, InputError",
        "from unrolled.data.panel import read_panel; import numpy; read_panel(numpy.ones(3))",
        "from unrolled.runtime.model_file import read_model",
    ],
)
def test_what_runs_after_training_never_imports_torch_or_frames(statement: str) -> None:
    heavy = {"torch", "pandas", "polars", "pyarrow", "narwhals", "typer", "rich", "scipy", "jax"}
    assert packages(modules_after(statement)) & heavy == set()


def test_the_command_line_shows_its_help_without_torch_or_frames() -> None:
    heavy = {"torch", "pandas", "polars", "pyarrow", "narwhals", "numpy"}
    statement = (
        "sys.argv = ['unrolled', '--version']\nfrom unrolled.cli import main\ntry: main()\nexcept SystemExit: pass"
    )
    assert packages(modules_after(statement)) & heavy == set()


def test_every_name_is_there_and_listed() -> None:
    for name in unrolled.__all__:
        assert name in dir(unrolled)
        assert getattr(unrolled, name) is not None
    assert [name for name in dir(unrolled) if not name.startswith("_")] == [n for n in unrolled.__all__ if n[0] != "_"]


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'unrolled' has no attribute 'Forecastre'"):
        _ = unrolled.Forecastre  # type: ignore[attr-defined]
