"""What commands write: nothing that they read, nothing that is lost, and known to be possible before the work."""

from __future__ import annotations

import gzip
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unrolled.cli.output_files import check_places
from unrolled.errors import InputError

Run = Callable[..., Any]


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever trains fails the test."""

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("trained before the place was known to be good")

    monkeypatch.setattr("unrolled.training.loop.train", fail)


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text("review,mood\n" + "fine film,good\ndull film,bad\n" * 10)
    return path


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "names.conll"
    path.write_text("Ada B-PER\nslept O\n\n" * 12)
    return path


@pytest.fixture
def pump(tmp_path: Path) -> Path:
    path = tmp_path / "pump.csv"
    path.write_text("flow,pressure\n" + "".join(f"{n % 7},{n % 5}\n" for n in range(400)))
    return path


FITS = [("forecast", "passengers"), ("classify", "examples"), ("tag", "tokens"), ("detect", "pump")]


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(("task", "data"), FITS)
def test_no_fit_writes_over_what_it_reads(
    unrolled: Run, request: pytest.FixtureRequest, tmp_path: Path, task: str, data: str
) -> None:
    file: Path = request.getfixturevalue(data)
    before = file.read_bytes()
    (tmp_path / "soft").symlink_to(file)
    (tmp_path / "hard").hardlink_to(file)
    (tmp_path / "folder").mkdir()
    for name in (file.name, "soft", "hard", f"folder/../{file.name}"):
        outcome = unrolled("fit", task, file, "-o", tmp_path / name, quick=True)
        message = f"unrolled: cannot write {tmp_path / name}: it is the input {file}, which would be lost; choose another path\n"
        assert (outcome.code, outcome.out, outcome.err) == (2, "", message)
        assert file.read_bytes() == before
    for name, message in [
        ("folder", "it is a folder; give the name of a file in it"),
        ("gone/model", f"there is no folder {tmp_path / 'gone'}; create it first or choose another path"),
        ("hard/model", f"{tmp_path / 'hard'} is a file, not a folder; choose another path"),
    ]:
        outcome = unrolled("fit", task, file, "-o", tmp_path / name, quick=True)
        assert (outcome.code, outcome.err) == (2, f"unrolled: cannot write {tmp_path / name}: {message}\n")
    outcome = unrolled("fit", task, file, "-o", tmp_path / "m", "--checkpoint", tmp_path / "m", quick=True)
    assert (outcome.code, outcome.err) == (
        2,
        f"unrolled: --output and --checkpoint are the same file, {tmp_path / 'm'}: give each its own\n",
    )
    outcome = unrolled("fit", task, file, "-o", tmp_path / "m", "--checkpoint", tmp_path / "gone" / "m", quick=True)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    outcome = unrolled("fit", task, file, "-o", tmp_path / "m", "--checkpoint", os.devnull, quick=True)
    assert "is no file, which training could go on from" in outcome.err
    assert not (tmp_path / "m").exists()


@pytest.mark.usefixtures("untrained")
def test_the_validation_is_an_input_and_so_are_recordings(unrolled: Run, examples: Path, tmp_path: Path) -> None:
    others = tmp_path / "others.csv"
    others.write_bytes(examples.read_bytes())
    outcome = unrolled("fit", "classify", examples, "--validation", others, "-o", others)
    assert (outcome.code, "it is the input" in outcome.err) == (2, True)
    assert others.read_bytes() == examples.read_bytes()
    folder = tmp_path / "tones" / "high"
    folder.mkdir(parents=True)
    (folder / "a.wav").write_bytes(b"RIFF")
    outcome = unrolled("fit", "classify", tmp_path / "tones", "-o", folder / "a.wav")
    assert (outcome.code, "it would be one of the recordings in" in outcome.err) == (2, True)
    assert (folder / "a.wav").read_bytes() == b"RIFF"
    for name, kind in (("a.txt", "transcripts"), ("b.mid", "pieces")):
        with pytest.raises(InputError, match=f"it would be one of the {kind} in"):
            check_places({"-o": folder / name}, [tmp_path / "tones"], as_json=False)
    check_places({"-o": folder / "out.txt"}, [tmp_path / "tones"], as_json=False)
    check_places({"-o": tmp_path / "tones" / "model.safetensors"}, [tmp_path / "tones"], as_json=False)


def test_predict_writes_over_none_of_its_inputs(unrolled: Run, model: Path, passengers: Path, tmp_path: Path) -> None:
    data, learned = passengers.read_bytes(), model.read_bytes()
    for place in (passengers, model):
        for option in ("-o", "--windows"):
            outcome = unrolled("predict", model, passengers, option, place)
            assert (outcome.code, outcome.out) == (2, "")
            assert f"it is the input {place}" in outcome.err
    future = tmp_path / "future.csv"
    future.write_text("month,price\n1961-01,1\n")
    outcome = unrolled("predict", model, passengers, "--future", future, "-o", future)
    assert f"it is the input {future}" in outcome.err
    outcome = unrolled("predict", model, passengers, "-o", tmp_path / "a", "--windows", tmp_path / "a")
    assert "--output and --windows are the same file" in outcome.err
    assert (passengers.read_bytes(), model.read_bytes()) == (data, learned)
    assert not (tmp_path / "a").exists()


@pytest.mark.usefixtures("untrained")
def test_forecast_and_demo_look_first(unrolled: Run, passengers: Path, tmp_path: Path) -> None:
    outcome = unrolled("forecast", passengers, "-o", passengers)
    assert (outcome.code, f"it is the input {passengers}" in outcome.err) == (2, True)
    outcome = unrolled("forecast", passengers, "-o", tmp_path)
    assert (outcome.code, "it is a folder" in outcome.err) == (2, True)
    (tmp_path / "demo" / "index.html").mkdir(parents=True)
    outcome = unrolled("demo", "-o", tmp_path / "demo")
    assert (outcome.code, "index.html is there already" in outcome.err) == (2, True)


def test_into_a_named_pipe(unrolled: Run, model: Path, passengers: Path, tmp_path: Path) -> None:
    expected = unrolled("predict", model, passengers).out
    os.mkfifo(tmp_path / "pipe")
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_text()), daemon=True)
    reader.start()
    assert unrolled("predict", model, passengers, "-o", tmp_path / "pipe").code == 0
    reader.join()
    assert found == [expected]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


MAIN = [sys.executable, "-m", "unrolled"]


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    main = " ".join(MAIN)
    return subprocess.run(
        ["bash", "-c", command.replace("unrolled", main)], cwd=folder, capture_output=True, check=False
    )


@pytest.mark.starts_python
def test_into_stdout(model: Path, passengers: Path, tmp_path: Path) -> None:
    """What goes to stdout goes where it stands: appended, piped, and with nothing of ours between."""
    (tmp_path / "log").write_text("kept\n")
    options = f"predict {model} {passengers}"
    for target in ("/dev/stdout", "-"):
        done = shell(f"unrolled {options} -o {target} >> log", tmp_path)
        assert done.returncode == 0, done.stderr
    direct = shell(f"unrolled {options}", tmp_path).stdout
    assert (tmp_path / "log").read_bytes() == b"kept\n" + direct * 2
    done = shell(f"unrolled {options} -o >(gzip > packed.gz); wait $!; sleep 0.2", tmp_path)
    assert gzip.decompress((tmp_path / "packed.gz").read_bytes()) == direct
    done = shell(f"unrolled {options} --json -o - ", tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"stdout is where --json prints" in done.stderr


@pytest.mark.starts_python
def test_a_model_through_stdout_is_nothing_but_the_model(examples: Path, tmp_path: Path) -> None:
    fit = f"unrolled fit classify {examples} --members 1 --max-epochs 1 --hidden-size 4"
    assert shell(f"{fit} -o model", tmp_path).returncode == 0
    done = shell(f"{fit} -o - | cat > piped", tmp_path)
    assert (tmp_path / "piped").read_bytes() == (tmp_path / "model").read_bytes()
    assert b"wrote /dev/stdout" in done.stderr
    assert b"next:" not in done.stderr
