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
    assert "gradients_not_zeroed (gradients pile up over steps) in the optimiser" in done.err
    assert "wrote train.watch.csv" in done.err
    assert len((folder / "train.watch.csv").read_text().splitlines()) == 10


@pytest.mark.parametrize(
    ("end", "code"), [("import sys; sys.exit(3)", 3), ("raise SystemExit", 0), ("exit('no')", 1), ("1 / 0", 1)]
)
def test_the_exit_code_is_the_scripts(unrolled, folder, end, code):
    (folder / "end.py").write_text(end)
    done = unrolled("watch", "--csv", "own.csv", "end.py")
    assert done.code == code
    assert not (folder / "own.csv").exists()
    assert "no training step was seen" in done.err
    assert "nothing found" not in done.err
    assert "wrote" not in done.err


def test_an_exception_is_shown_from_the_script_on(unrolled, folder):
    (folder / "end.py").write_text("def inner():\n    try:\n        1 / 0\n    except ArithmeticError as e:\n"
                                   "        raise KeyError('k') from e\ninner()\n")  # fmt: skip
    done = unrolled("watch", "end.py")
    assert done.code == 1
    lines = done.err.splitlines()
    assert [line for line in lines if line.startswith("  File")] == [
        '  File "end.py", line 3, in inner', '  File "end.py", line 6, in <module>', '  File "end.py", line 5, in inner',
    ]  # fmt: skip
    assert lines.index("ZeroDivisionError: division by zero") < lines.index("KeyError: 'k'")
    assert "exit code 1" in lines[-1]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("reviews.csv", b"text,label\n", "not a Python script"),
        ("rev.safetensors", b"\x10\0\0\0{}", "not a Python script"),
        ("notes", b"\xff\xfe\0\0", "notes"),
        ("half.py", b"import torch\nfor x in\n", "half.py, line 2"),
        ("zero.py", b"x = 1\0", "zero.py"),
    ],
)
def test_what_is_no_python_is_not_run(unrolled, folder, name, content, reason):
    (folder / name).write_bytes(content)
    done = unrolled("watch", name)
    assert done.code == 2
    assert reason in done.err
    assert done.err.count("\n") == 1
    assert not list(folder.glob("*.watch.csv"))


def test_a_script_may_have_any_name_that_says_python(unrolled, folder):
    (folder / "tool.exe").write_text("#!/usr/bin/env python\nprint('ran')")
    (folder / "plain").write_text("print('ran')")
    assert unrolled("watch", "tool.exe").out == unrolled("watch", "plain").out == "ran\n"


@pytest.mark.parametrize("fit", [["classify", "missing.csv"], ["nosuch"], []], ids=repr)
def test_a_fit_that_does_not_begin(unrolled, folder, fit):
    done = unrolled("watch", "fit", *fit)
    assert "no training step was seen" in done.err
    assert "nothing found" not in done.err
    assert not list(folder.glob("*.watch*"))


def test_an_interrupted_run_has_its_summary(unrolled, folder):
    (folder / "train.py").write_text(SCRIPT + "raise KeyboardInterrupt\n")
    done = unrolled("watch", "train.py")
    assert done.code == 130
    assert "9 steps watched" in done.err


def test_where_tensorboards_numbers_are_is_said(unrolled, folder):
    done = unrolled("watch", "--tensorboard", "tb", "train.py")
    assert "wrote train.watch.csv and the same numbers for TensorBoard to tb" in done.err
    assert list((folder / "tb").iterdir())


def test_wrong_inputs(unrolled, folder):
    (folder / "mine.csv").write_text("a\n1\n")
    for arguments, reason in (
        (["nothing.py"], "no such script"),
        (["--csv", "mine.csv", "train.py"], "no record of a watcher"),
        (["--interval", "0", "train.py"], "--interval"),
        (["--nosuch", "train.py"], "--nosuch: no such option"),
        ([folder], "it is a folder"),
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
