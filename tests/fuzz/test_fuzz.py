"""A small, fixed number of hostile files of each kind; ``make fuzz`` takes many more (``run.py`` says what a fault is)."""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")
CASES = {
    "models": 250,
    "onnx": 150,
    "csv": 250,
    "jsonl": 250,
    "conll": 250,
    "pairs": 250,
    "ts": 250,
    "npz": 250,
    "wav": 250,
    "midi": 250,
    "notes": 250,
}


@pytest.mark.starts_python
@pytest.mark.parametrize("kind", CASES)
def test_only_input_errors(kind):
    if kind == "midi":
        pytest.importorskip("mido")
    command = [sys.executable, str(RUN), kind, "--cases", str(CASES[kind])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert f"{kind}: {CASES[kind]} files, 0 kinds of fault" in done.stdout


def test_every_kind_has_its_files():
    listed = subprocess.run([sys.executable, str(RUN), "--help"], capture_output=True, text=True, check=True).stdout
    assert f"of {', '.join(CASES)};" in " ".join(listed.split())


@pytest.mark.starts_python
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise KeyError(1)", "KeyError at"),
        ("while True: pass", "TooLong at"),
        ("kept = bytes(10**10)", "MemoryError at"),
        ("os.abort()", "ended with -6"),
    ],
)
def test_faults_are_seen(tmp_path, fault, said):
    """The harness itself, with a reader that has each kind of fault in the third file of five."""
    for name in ("run.py", "mutate.py"):
        (tmp_path / name).write_text((RUN.parent / name).read_text())
    (tmp_path / "run.py").write_text((tmp_path / "run.py").read_text().replace("SECONDS = 20", "SECONDS = 1"))
    (tmp_path / "targets.py").write_text(
        "import os\n"
        "class Sample:\n"
        "    suffix = ''\n"
        "    def __init__(self, folder): self.number = 0\n"
        "    def check_seeds(self): pass\n"
        "    def case(self, rng): self.number += 1; return b''\n"
        f"    def use(self, case):\n        if self.number == 3:\n            {fault}\n"
        "TARGETS = {'sample': Sample}\n"
    )
    command = [sys.executable, str(tmp_path / "run.py"), "sample", "--cases", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "--- sample 2: " in done.stdout
    assert said in done.stdout
