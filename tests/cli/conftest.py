from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unrolled.cli.app import run
from unrolled.data.airline import MONTHS, PASSENGERS

QUICK = ["--members", "1", "--max-epochs", "2", "--hidden-size", "4"]


class Outcome:
    """How a command ended: its exit code and what it wrote."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def unrolled(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run a command in this process, as ``main`` would."""

    def command(*arguments: object, quick: bool = False, terminal: int | None = None) -> Outcome:
        """``terminal``: let stdout pass for a terminal of so many columns that knows no colours."""
        capsys.readouterr()
        with monkeypatch.context() as patch:
            if terminal is not None:
                patch.setattr(sys.stdout, "isatty", lambda: True)
                patch.setenv("TERM", "dumb")
                patch.setenv("COLUMNS", str(terminal))
            code = run([*map(str, arguments), *(QUICK if quick else [])])
        return Outcome(code, *capsys.readouterr())

    return command


@pytest.fixture
def passengers(tmp_path: Path) -> Path:
    """The airline series as a file."""
    path = tmp_path / "passengers.csv"
    rows = [f"{month},{count}" for month, count in zip(MONTHS, PASSENGERS, strict=True)]
    path.write_text("\n".join(["month,passengers", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the airline series that was hardly trained."""
    folder = tmp_path_factory.mktemp("model")
    rows = [f"{month},{count}" for month, count in zip(MONTHS, PASSENGERS, strict=True)]
    (folder / "passengers.csv").write_text("\n".join(["month,passengers", *rows]) + "\n")
    path = folder / "model.safetensors"
    assert run(["fit", "forecast", str(folder / "passengers.csv"), "-o", str(path), *QUICK]) == 0
    return path
