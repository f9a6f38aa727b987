"""``unrolled watch``: scripts as they are, their arguments and exit codes, and fits."""

from __future__ import annotations

import pytest

SCRIPT = """
import sys, torch
from helper import LAYERS
model, head = LAYERS(1, 4), torch.nn.Linear(4, 1)
optimiser = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)
for x in torch.randn(9, 8, 4, 1):
    head(model(x)[0]).square().mean().backward()
    optimiser.step()
print(__name__, sys.argv[1:])
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "helper.py").write_text("from torch.nn import GRU as LAYERS")
    return tmp_path


def test_a_script_is_run_as_python_would(unrolled, folder):
    done = unrolled("watch", "train.py", "--epochs", "5", "-h")
    assert done.code == 0
    assert done.out == "__main__ ['--epochs', '5', '-h']\n"
    assert "gradients_not_zeroed in the optimiser" in done.err
    assert "wrote train.watch.csv" in done.err
    assert len((folder / "train.watch.csv").read_text().splitlines()) == 10


@pytest.mark.parametrize(
    ("end", "code"), [("import sys; sys.exit(3)", 3), ("raise SystemExit", 0), ("exit('no')", 1), ("1 / 0", 1)]
)
def test_the_exit_code_is_the_scripts(unrolled, folder, end, code):
    (folder / "end.py").write_text(end)
    done = unrolled("watch", "--csv", "own.csv", "end.py")
    assert done.code == code
    assert (folder / "own.csv").exists()
    if end == "1 / 0":
        assert "ZeroDivisionError" in done.err
        assert "end.py" in done.err


def test_wrong_inputs(unrolled, folder):
    (folder / "mine.csv").write_text("a\n1\n")
    for arguments, reason in (
        (["nothing.py"], "no such script"),
        (["--csv", "mine.csv", "train.py"], "no record of a watcher"),
        (["--interval", "0", "train.py"], "--interval"),
    ):
        done = unrolled("watch", *arguments)
        assert done.code == 2
        assert reason in done.err
        assert done.err.count("\n") == 1


def test_a_fit_is_watched(unrolled, folder):
    rows = "".join(f"{'good' if k % 2 else 'bad'} film {k},{'yes' if k % 2 else 'no'}\n" for k in range(40))
    (folder / "films.csv").write_text("text,label\n" + rows)
    done = unrolled("watch", "fit", "classify", "films.csv", "--max-epochs", "1", "--members", "1")
    assert done.code == 0, done.err
    assert (folder / "films.safetensors").exists()
    assert "steps watched" in done.err
