"""``unrolled explain``: of models of every task, of torch modules, and what it refuses."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

RNG = np.random.default_rng(0)
FACTORIES = """
import torch


class Net(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.rnn, self.head = cell(1, 8, batch_first=True), torch.nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def simple():
    return Net(torch.nn.RNN)


def bare():
    return torch.nn.GRU(1, 3)


def number():
    return 3


def loss(output, y):
    return output[0].square().mean()


def needs(size):
    return torch.nn.GRU(1, size)


def fails(output, y):
    raise ValueError("no idea")


class OnlyWhileTraining(Net):
    def forward(self, x):
        if self.training and WHERE == "user":
            raise KeyError("no such key")
        if self.training and WHERE == "torch":
            x = x @ torch.ones(7, 7)
        return super().forward(x)


WHERE = "user"


def in_training():
    return OnlyWhileTraining(torch.nn.RNN)


def vector(output, y):
    return output


def score(output, y):
    return output.square().mean()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a module and batches for it."""
    (tmp_path / "factories.py").write_text(FACTORIES)
    x = RNG.normal(size=(60, 25, 1))
    np.savez(tmp_path / "batch.npz", x=x, y=(x[:, 0, 0] > 0).astype(int))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("factories", None)


@pytest.fixture
def examples(folder):
    """Sequences of numbers of two classes."""
    X = RNG.normal(size=(60, 12, 1))
    np.savez(folder / "examples.npz", X=X, y=np.where(X[:, 0, 0] > 0, "up", "down"))
    return folder / "examples.npz"


def test_a_model_and_its_change(unrolled, examples, folder):
    options = ("--cell", "rnn", "--no-convolutions", "--learning-rate", "0.00001", "-o", "model.safetensors")
    assert unrolled("fit", "classify", examples, *options, quick=True).code == 0
    found = unrolled("explain", "model.safetensors", examples)
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0].startswith("It remembers ")
    assert "in rnn.l0" in lines[0]
    assert "its learning rate is 1e-05" in lines[1]
    assert lines[2] == "Try a usual learning rate: --learning-rate 0.005."
    tried = unrolled("explain", "model.safetensors", examples, "--try", "--seeds", 1, "--json")
    report = json.loads(tried.out)
    assert report["cause"] == "learning_rate"
    assert report["change"] == {"learning_rate": 0.005}
    assert report["tried"]["measure"] == "accuracy"
    assert len(report["tried"]["before"]) == len(report["tried"]["after"]) == 1
    assert {layer["place"] for layer in report["layers"]} == {"rnn.l0", "rnn.l0_reverse"}
    wrong = unrolled("explain", "model.safetensors", examples, "--test", examples)
    assert (wrong.code, "nothing is tried: leave it out, or add --try" in wrong.err) == (2, True)
    wrong = unrolled("explain", "model.safetensors", examples, "--loss", "factories:loss")
    assert (wrong.code, "--loss is 'factories:loss', but model.safetensors is a model file" in wrong.err) == (2, True)
    wrong = unrolled("explain", "model.safetensors", examples, "--source", "a")
    assert (
        wrong.code,
        "model.safetensors is a classifier, for which --source means nothing: leave it out" in wrong.err,
    ) == (2, True)


def test_one_example_of_one_class_is_looked_at(unrolled, examples, folder):
    options = ("--no-convolutions", "-o", "model.safetensors")
    assert unrolled("fit", "classify", examples, *options, quick=True).code == 0
    np.savez("one.npz", X=RNG.normal(size=(1, 12, 1)), y=np.array(["up"]))
    found = unrolled("explain", "model.safetensors", "one.npz")
    assert found.code == 0, found.err
    assert "cannot be told from these data: their targets are all the same" in found.out


def test_columns_are_those_of_the_fit(unrolled, folder):
    rows = [f"{n % 3},{'good' if n % 2 else 'bad'} film {n},{'+' if n % 2 else '-'}" for n in range(30)]
    (folder / "films.csv").write_text("\n".join(["stars,review,mood", *rows]))
    fitted = unrolled(
        "fit", "classify", "films.csv", "--text", "review", "--label", "mood", "-o", "m.safetensors", quick=True
    )
    assert fitted.code == 0
    assert unrolled("explain", "m.safetensors", "films.csv").out.startswith("It remembers ")


@pytest.mark.parametrize(
    ("task", "name", "text", "options"),
    [
        ("generate", "text.txt", "the cat sat on the mat. " * 20, ()),
        ("translate", "pairs.tsv", "".join(f"a b {n}\tb a {n}\n" for n in range(20)), ()),
        ("tag", "tags.conll", "".join(f"a B{n}\nb O\nc O\n\n" for n in (0, 1) * 10), ()),
        ("regress", "numbers.csv", "a,b,c,target\n" + "".join(f"{n},{n % 7},{n % 5},{n}\n" for n in range(30)), ()),
    ],
)  # fmt: skip
def test_models_of_other_tasks(unrolled, folder, task, name, text, options):
    (folder / name).write_text(text)
    fitted = unrolled("fit", task, name, "-o", "m.safetensors", *options, quick=True)
    assert fitted.code == 0, fitted.err
    found = unrolled("explain", "m.safetensors", name)
    assert found.code == 0, found.err
    assert found.out.startswith("It remembers ")


def test_a_forecaster_and_a_detector(unrolled, model, passengers, folder):
    found = unrolled("explain", model, passengers)
    assert found.code == 0, found.err
    assert "naive forecast" in found.out
    lines = passengers.read_text().splitlines()
    gap = lines[5].rpartition(",")[0] + ","
    (folder / "gap.csv").write_text("\n".join([*lines[:5], gap, *lines[6:]]))
    assert unrolled("explain", model, "gap.csv").code == 2
    assert unrolled("explain", model, "gap.csv", "--missing", "interpolate").code == 0
    wave = np.sin(np.arange(700.0) / 3) + 0.1 * RNG.normal(size=700)
    (folder / "pump.csv").write_text("pressure\n" + "\n".join(map(str, wave)))
    options = ("--window", 8, "--horizon", 4, "--false-alarm-every", 30, "--merge", 5)
    assert unrolled("fit", "detect", "pump.csv", "-o", "d.safetensors", *options, quick=True).code == 0
    for option, value in (("--values", "a,b"), ("--time", "t"), ("--time-format", "%Y"), ("--windows", "nosuch.csv")):
        refused = unrolled("explain", "d.safetensors", "pump.csv", option, value)
        assert refused.code == 2
        assert f"{option} is {value!r}, but nothing is tried" in refused.err
    found = unrolled("explain", "d.safetensors", "pump.csv")
    assert found.code == 0, found.err
    assert "its error is" in found.out


def test_a_torch_module(unrolled, folder):
    found = unrolled("explain", "factories:simple", "batch.npz")
    assert found.code == 0, found.err
    assert "steps later rnn.l0 feels a change by less than 1 %, and it reads 25 steps" in found.out
    assert "Try a GRU" in found.out
    assert found.out.startswith("factories:simple is looked at as it is made, from seed 0")
    assert unrolled("explain", "factories:simple", "batch.npz").out == found.out
    state = torch.nn.ModuleDict(
        {"rnn": torch.nn.RNN(1, 8, batch_first=True), "head": torch.nn.Linear(8, 2)}
    ).state_dict()
    torch.save({name: value * 0 for name, value in state.items()}, "weights.pt")
    found = unrolled("explain", "factories:simple", "batch.npz", "--weights", "weights.pt", "--json")
    report = json.loads(found.out)
    assert report["loss"] == pytest.approx(np.log(2), rel=1e-4)
    assert report["model"] is None
    assert unrolled("explain", "factories:bare", "batch.npz", "--loss", "factories:loss").code == 0


@pytest.mark.parametrize(("where", "said"), [("user", "KeyError: 'no such key'"), ("torch", "RuntimeError: mat1")])
def test_what_the_users_code_raises_only_while_training_is_named_with_its_line(unrolled, folder, where, said):
    source = FACTORIES.replace('WHERE = "user"', f'WHERE = "{where}"')
    (folder / "factories.py").write_text(source)
    line = next(
        n for n, text in enumerate(source.splitlines(), 1) if ("raise KeyError" if where == "user" else "x @") in text
    )
    found = unrolled("explain", "factories:in_training", "batch.npz", "--try")
    assert found.code == 2
    assert found.err.startswith("unrolled: factories:in_training or its loss, while it was trained, raised ")
    assert said.split(":")[0] in found.err
    assert f"factories.py, line {line})" in found.err
    assert "Traceback" not in found.err
    assert found.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("factories:none", "batch.npz"), "factories has no function 'none'"),
        (("nowhere:none", "batch.npz"), "there is no module 'nowhere'"),
        (("factories:number", "batch.npz"), "factories:number() returned an int, expected a torch.nn.Module"),
        (("factories:simple", "batch.csv"), "expected an .npz file with the arrays x and y"),
        (("factories:simple", "junk.npz"), "junk.npz is damaged, or holds something other than arrays of numbers"),
        (("factories:simple", "objects.npz"), "objects.npz is damaged, or holds something other than arrays of numbers"),
        (("factories:simple", "only.npz"), "only.npz holds X, expected the arrays x and y"),
        (("factories:bare", "batch.npz"), "the module puts out [60, 25, 3] for y of shape [60], expected [..., C] scores"),
        (("factories:simple", "many.npz"), "y holds 0 to 7, expected classes from 0 to 1"),
        (("factories:simple", "batch.npz", "--weights", "whole.pt"), "whole.pt holds no weights alone"),
        (("factories:simple", "batch.npz", "--weights", "other.pt"), "other.pt: Error(s) in loading state_dict"),
        (("factories:simple", "batch.npz", "--label", "a"), "--label is 'a', but factories:simple makes a torch module"),
        (("factories:simple", "none.npz"), "none.npz: no such file"),
        (("factories:needs", "batch.npz"), "factories:needs(), which is called without arguments, raised TypeError"),
        (("broken:none", "batch.npz"), "importing broken raised SyntaxError"),
        (("lacking:none", "batch.npz"), "lacking imports 'nowhere_at_all', which is not installed"),
        (("factories:simple", "batch.npz", "--loss", "factories:fails"), "raised ValueError: no idea ("),
        (("factories:simple", "batch.npz", "--loss", "factories:vector"), "loss returned a tensor of shape [60, 2]"),
        (("factories:simple", "batch.npz", "--seeds", "7"), "--seeds is 7, but nothing is tried"),
        (("factories:simple", "one.npz", "--loss", "factories:score", "--try"), "x holds 1 sequence, expected at least 2"),
        (("none.safetensors", "batch.npz"), "none.safetensors: no such file"),
    ],
)  # fmt: skip
def test_wrong_modules_are_named(unrolled, folder, arguments, message):
    (folder / "junk.npz").write_text("junk")
    np.savez("objects.npz", x=np.array([{}]), y=np.array([1]))
    (folder / "broken.py").write_text("def (")
    (folder / "lacking.py").write_text("import nowhere_at_all")
    np.savez("one.npz", x=RNG.normal(size=(1, 60, 1)), y=np.zeros(1))
    np.savez("only.npz", X=np.ones((2, 3, 1)))
    np.savez("many.npz", x=np.ones((8, 3, 1)), y=np.arange(8))
    torch.save(torch.nn.Linear(1, 1), "whole.pt")
    torch.save(torch.nn.Linear(1, 1).state_dict(), "other.pt")
    found = unrolled("explain", *arguments)
    assert found.code == 2
    assert message in found.err
    assert "Traceback" not in found.err
