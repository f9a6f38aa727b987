"""The scripts in benchmarks/: their peers compute our cells, their ratios are right, and so are their data."""

from __future__ import annotations

import math
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from unrolled.bench.case import Sizes
from unrolled.cells import CELLS, get_cell

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TINY = Sizes(batch=3, steps=4, inputs=5, hidden=6)
SQUARE = Sizes(batch=3, steps=4, inputs=6, hidden=6)


@pytest.fixture(scope="module")
def scripts(scripts_of):
    """Load a script."""
    with scripts_of(BENCHMARKS) as load:
        yield load


@pytest.fixture(scope="module")
def cells(scripts):
    return scripts("cells")


@pytest.fixture(scope="module")
def memory_tasks(scripts):
    return scripts("memory_tasks")


def work_of(cells, name, dtype):
    """The cell's layer and its peer, with parameters that leave nothing out: no bias is 0, no scale 1."""
    sizes = SQUARE if name == "sru" else TINY
    work = cells.Work.of(cells.LAYERS["sru" if name == "sru_highway" else name], sizes, dtype)
    with torch.no_grad():
        for key, parameter in work.layer.named_parameters():
            parameter.uniform_(0.1, 0.9) if parameter.dim() == 1 else parameter.normal_()
            (work.trained if parameter.requires_grad else work.fixed)[key.removesuffix("_l0")].copy_(parameter)
    return work


def check(task, expected, parameters, tolerance):
    """A task's outputs and gradients are those expected, relative to the largest number of each array."""
    found = task.read(task.run())
    assert found.keys() == expected.keys() == {"y", "x", *parameters}
    for key, array in expected.items():
        np.testing.assert_allclose(found[key], array, rtol=0, atol=tolerance * np.abs(array).max(), err_msg=key)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_a_torch_loop_computes_what_our_module_does(cells, name, dtype, tolerance):
    work = work_of(cells, name, dtype)
    assert work.cell.name == name
    loop = cells.loop_task(work)
    check(cells.our_task(work), loop.read(loop.run()), work.trained, tolerance)


@pytest.fixture
def jax_with_doubles():
    jax = pytest.importorskip("jax", reason="JAX is not installed", exc_type=ImportError)
    place = jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")
    with place.enable_x64(True):
        yield jax


@pytest.mark.parametrize("name", CELLS)
def test_a_jax_scan_computes_what_our_module_does(cells, name, jax_with_doubles):
    work = work_of(cells, name, torch.float64)
    leaves, fixed, states = cells.in_jax(work)
    y = jax_with_doubles.jit(lambda leaves: cells.jax_scan(work.peer, leaves["x"], {**leaves, **fixed}, states))
    expected = np.asarray(y(leaves))
    assert expected.dtype == np.float64
    found = work.layer(work.x)[0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["lstm", "leaky_rnn"])
def test_gradients_of_a_jax_scan_are_ours(cells, name, jax_with_doubles):
    """Those of all cells take long to compile; every run of the benchmark compares them."""
    work = work_of(cells, name, torch.float64)
    scan = cells.scan_task(work)
    check(cells.our_task(work), scan.read(scan.run()), work.trained, 1e-10)


def row(cells, name, sizes, **seconds):
    named = {getattr(cells, key.upper()): value for key, value in seconds.items()}
    return cells.Row(get_cell(name), sizes, named, least=0.001)


def test_ratios_of_given_times(cells):
    slow = row(cells, "janet", cells.SMALL, ours=5e-3, our_lstm=2.5e-3, loop=40e-3, scan=11e-3)
    assert (slow.best, slow.ratio, slow.aim, slow.of_lstm) == ("scan", pytest.approx(2.2), 2.5, pytest.approx(2.0))
    assert slow.markdown(["loop", "scan"]) == (
        f"| {slow.title} | 32, 100, 64, 64 | 5.00 | 40.00 | 11.00 | 2.20* scan | 2.5 | 20% | 2.00* |"
    )
    assert [sentence.split(": ")[1] for sentence in slow.missed] == [
        "2.20 times as fast as scan, aim 2.5; 11.00 if nothing but the multiplications took time",
        "2.00 of our LSTM's time, at most 1.6",
    ]  # fmt: skip
    quick = row(cells, "gru_reset_before", cells.LARGE, ours=5e-3, loop=8e-3, compile=9e-3, scan=20e-3)
    assert quick.markdown(["loop", "compile", "scan"]) == (
        f"| {quick.title} | 64, 100, 128, 256 | 5.00 | 8.00 | 9.00 | 20.00 | 1.60 loop | 1.6 | 20% |  |"
    )
    assert quick.missed == []
    assert row(cells, "lstm", TINY, ours=1, loop=2).aim is None
    assert row(cells, "lstm", TINY, ours=1, loop=0.5).markdown(["loop"]).endswith(" | 0.50 loop |  | 0% |  |")
    noisy = row(cells, "lstm", TINY, ours=1, loop=2)._replace(spread={"loop": 1.7})
    assert "2.00 loop, noisy" in noisy.markdown(["loop"])


def test_multiplications_are_those_with_matrices(cells):
    """Of each row: W [2H, I], U [2H, H], forward, and back to what each multiplies and to itself."""
    assert cells.multiplications(work_of(cells, "janet", torch.float32)) == 3 * 2 * 4 * 3 * (2 * 6 * 5 + 2 * 6 * 6)


@pytest.mark.parametrize(
    ("names", "aims"),
    [
        (("lstm", "lstm_cifg", "lstmp", "lstm_layer_norm", "slstm", "gru", "gru_reset_before", "gru3"), (4.0, 1.6)),
        (("rnn_tanh", "leaky_rnn", "janet", "mgu", "li_gru", "fast_grnn"), (2.5, 1.3)),
        (("indrnn", "min_gru", "min_lstm", "sru_highway", "qrnn"), (2.5, 1.3)),
    ],
)
def test_aims(cells, names, aims):
    for name in names:
        assert tuple(row(cells, name, sizes, ours=1, loop=1).aim for sizes in (cells.SMALL, cells.LARGE)) == aims


def test_the_table_of_cells(cells, monkeypatch, capsys):
    """A row and a heading are as wide, and a cell that computes something else is not timed."""
    monkeypatch.setattr(sys, "argv", ["cells.py", "--cells", "lstm", "janet", "--sizes", "2,3,4,5", "--rounds", "1"])
    monkeypatch.setattr(cells, "pin", lambda threads: None)
    monkeypatch.setattr(cells.os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)
    monkeypatch.setattr(cells.os, "environ", {})
    monkeypatch.setattr(cells.torch, "set_num_threads", lambda threads: None)
    monkeypatch.setattr(cells, "find_spec", lambda name: None)
    halved = lambda ops, now, states, U: (0.5 * cells.PEERS["li_gru"].step(ops, now, states, U)[0],)  # noqa: E731
    monkeypatch.setitem(cells.PEERS, "janet", cells.PEERS["janet"]._replace(step=halved))
    assert cells.main() == 1
    out, err = capsys.readouterr()
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert len({line.count("|") for line in table}) == 1
    assert table[2].startswith(f"| {get_cell('lstm').title} | 2, 3, 4, 5 | ")
    assert "disagree: outputs" in table[3]
    assert err == "jax is not installed, its column is left out: pip install jax\n"


@pytest.fixture(scope="module")
def one_step(scripts):
    return scripts("one_step")


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_one_step_at_a_time_comes_to_the_same_everywhere(one_step, cell):
    work = one_step.Work.of(cell, hidden=7, batch=2)
    ready = one_step.chains(work)
    assert len(ready) == 5
    x = torch.from_numpy(work.arrays["x"])
    layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](7, 7)
    layer.load_state_dict({f"{name}_l0": torch.from_numpy(array) for name, array in work.parameters.items()})
    for steps in (1, 2, 9):  # each from the start
        expected = layer(x[:steps])[0][-1].detach().numpy()
        for name, chain in ready.items():
            np.testing.assert_allclose(chain(steps), expected, rtol=0, atol=1e-6, err_msg=name)


def test_the_table_of_one_step(one_step, monkeypatch, capsys):
    times = {one_step.OURS: 3e-6, one_step.RUN: 9e-6, one_step.BOUND: 6e-6, one_step.CELL: 4e-6, one_step.TORCH: 8e-6}
    work = one_step.Work("gru", 64, 1, {})
    row = one_step.Row(work, times, dict.fromkeys(times, 1.0))
    assert row.markdown() == "| GRU | 64 | 3.00* | 9.00 | 6.00 | 4.00 | 8.00 | 3.0* | 2.0 | 2.0 |"
    assert row._replace(work=work._replace(hidden=32)).missed == (False, False)
    monkeypatch.setattr(sys, "argv", ["one_step.py", "--cells", "lstm", "--sizes", "5", "--rounds", "2"])
    monkeypatch.setattr(one_step, "pin", lambda threads: None)
    monkeypatch.setattr(one_step, "TIMED", 2)
    monkeypatch.setattr(one_step.os, "environ", {})
    monkeypatch.setattr(one_step.torch, "set_num_threads", lambda threads: None)
    assert one_step.main() == 0
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert table[2].startswith("| LSTM | 5 | ")
    assert len({line.count("|") for line in table}) == 1
    monkeypatch.setattr(one_step, "bound_chain", lambda work: lambda steps: work.zeros)
    assert one_step.main() == 1
    assert "onnx bound and torch cell disagree: outputs" in capsys.readouterr().out


def test_the_table_of_stored_weights(scripts, monkeypatch, capsys):
    stored_weights = scripts("stored_weights")
    assert stored_weights.Row("lstm", 8, 4, 1, 10.0, 20.0).markdown() == "| LSTM 8 | 4 | 1 | 10 | 20 | 0.50* |"
    argv = ["stored_weights.py", "--cells", "gru", "--sizes", "5", "--rows", "1", "3", "--steps", "2", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(stored_weights, "pin", lambda threads: None)
    monkeypatch.setattr(stored_weights, "SECONDS", 1e-4)
    monkeypatch.setattr(stored_weights.os, "environ", {})
    assert stored_weights.main() == 0
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [line.split("|")[1:4] for line in table[2:]] == [[" GRU 5 ", " 1 ", " 2 "], [" GRU 5 ", " 3 ", " 2 "]]
    monkeypatch.setattr(stored_weights, "rounded", lambda a: a)
    with pytest.raises(SystemExit, match="not the bits of weights that were rounded before"):
        stored_weights.main()


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_checkpointing_compares_gradients(scripts, kind):
    checkpointing = scripts("checkpointing")
    same, distance = checkpointing.compare(kind, [2, 25, 3, 4], 10, torch.get_num_threads())
    assert same
    assert distance < 1e-5


def test_adding(memory_tasks):
    task = memory_tasks.adding(20, updates=1)
    x, wanted = task.batch(5000, torch.Generator().manual_seed(0))
    assert x.shape == (20, 5000, 2)
    numbers, marks = x.unbind(2)
    assert 0 <= numbers.min() < 0.01 < 0.99 < numbers.max() <= 1
    assert set(marks.unique().tolist()) == {0.0, 1.0}
    assert bool((marks[:10].sum(0) == 1).all())
    assert bool((marks[10:].sum(0) == 1).all())
    assert bool((marks.sum(1) > 0).all())  # anywhere in each half
    first, second = (half.argmax(0) for half in (marks[:10], marks[10:]))
    every = torch.arange(5000)
    torch.testing.assert_close(wanted, numbers[first, every] + numbers[10 + second, every])
    outputs = torch.ones(20, 5000, 1)  # the mean, always
    assert task.loss(outputs, wanted).item() == pytest.approx(task.memoryless, rel=0.05)
    outputs[-1, :, 0] = wanted
    assert task.loss(outputs, wanted).item() == 0


def test_copy(memory_tasks):
    task = memory_tasks.copy(7, updates=1)
    x, wanted = task.batch(400, torch.Generator().manual_seed(0))
    assert x.shape == (27, 400, task.inputs) == (27, 400, 10)
    shown = x.argmax(2)
    assert bool((x.sum(2) == 1).all())
    assert set(shown[:10].unique().tolist()) == set(range(8))
    assert bool((shown[10:16] == 8).all())
    assert bool((shown[16] == 9).all())  # ten outputs follow
    assert bool((shown[17:] == 8).all())
    assert bool((wanted[:17] == 8).all())
    assert torch.equal(wanted[17:], shown[:10])
    logits = torch.full((27, 400, task.outputs), -1e9)
    logits[:17, :, 8] = 0
    logits[17:, :, :8] = 0
    assert task.loss(logits, wanted).item() == pytest.approx(task.memoryless) == pytest.approx(10 * math.log(8) / 27)
    perfect = 1e4 * torch.nn.functional.one_hot(wanted, task.outputs).float()
    assert task.loss(perfect, wanted).item() == pytest.approx(0, abs=1e-6)


def test_sequences_are_those_of_their_seed(memory_tasks):
    for task in memory_tasks.TASKS.values():
        a, b, c = (task.batch(4, torch.Generator().manual_seed(seed)).x for seed in (1, 1, 2))
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_a_run_of_a_memory_task(memory_tasks, monkeypatch, capsys):
    monkeypatch.setattr(memory_tasks, "HIDDEN", 8)
    monkeypatch.setattr(memory_tasks, "UNSEEN", 20)
    monkeypatch.setattr(
        sys, "argv", ["memory_tasks.py", "--seeds", "1", "--steps", "2", "--threads", str(torch.get_num_threads())]
    )
    memory_tasks.main()
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 2 * len(memory_tasks.MODELS)
    assert len({line.count("|") for line in table}) == 1


def test_a_row_of_memory_tasks(memory_tasks):
    assert memory_tasks.row("adding", "LSTM", [0.5, 0.01, 0.02], 0.1667, 61.2) == (
        "| adding | LSTM | 0.0200 | 0.0100 to 0.5000 | 0.1667 | 1 of 3 | 61 |"
    )


@pytest.fixture(scope="module")
def encoder_decoder(scripts):
    return scripts("encoder_decoder")


CASES = [(attention, twice) for attention in ("general", "additive", None) for twice in (False, True)]


@pytest.mark.parametrize(("attention", "bidirectional"), CASES)
def test_an_encoder_decoder_in_plain_torch_learns_and_says_what_ours_does(encoder_decoder, attention, bidirectional):
    case, sizes = encoder_decoder.Case(attention, bidirectional), encoder_decoder.Sizes(3, 6, 8, 30)
    names = {"training": {"loss", *case.config(sizes).parameters()}, "search": {"answers", "log p"}}
    for work, tasks in encoder_decoder.TASKS.items():
        results = {name: task.read(task.run()) for name, task in tasks(case, sizes).items()}
        assert list(results) == ["unrolled", *encoder_decoder.PEERS[work]]
        assert set(results["nn.LSTM"]) == names[work]
        largest, error = encoder_decoder.disagreement(results)
        assert error is None
        assert largest < 5e-5
    assert results["unrolled"]["answers"].shape == (5, 6)
    assert len(np.unique(results["unrolled"]["answers"], axis=0)) == 5


def test_results_of_encoder_decoders_are_compared(encoder_decoder):
    ours = {"answers": np.array([[4, 9999]]), "log p": np.array([-2.0])}
    compare = lambda **other: encoder_decoder.disagreement({"unrolled": ours, "nn.LSTM": {**ours, **other}})  # noqa: E731
    assert compare() == (0.0, None)
    assert compare(**{"log p": np.array([-2.0001])}) == (pytest.approx(5e-5, rel=1e-3), None)
    assert "log p, by 5.0e-04 of the largest" in compare(**{"log p": np.array([-2.001])})[1]
    assert "disagree: answers" in compare(answers=np.array([[4, 9998]]))[1]
    assert "names" in compare(more=np.zeros(1))[1]


def test_a_row_of_encoder_decoders(encoder_decoder):
    times = {"unrolled": 5e-3, "nn.LSTM": 20e-3, "nn.LSTMCell": 10e-3}
    searched = encoder_decoder.Row("search", encoder_decoder.Case("general", True), 40, times)
    assert searched.markdown() == "| general | both directions | 40 | 5.00 | 20.00 | 10.00 | 2.00* | 3.0 |"
    trained = encoder_decoder.Row("training", encoder_decoder.Case(None), 500, {"unrolled": 5e-3, "nn.LSTM": 7e-3})
    assert trained.markdown() == "| none | forwards | 500 | 5.00 | 7.00 | 1.40 | 1.3 |"
    assert "1.40, noisy" in trained._replace(spread={"unrolled": 1.7}).markdown()
    assert "1.00* |" in trained._replace(seconds={"unrolled": 1, "nn.LSTM": 1}).markdown()


def test_the_tables_of_encoder_decoders(encoder_decoder, monkeypatch, capsys):
    """A row and a heading are as wide, and a network that computes something else is not timed."""
    arguments = ["encoder_decoder.py", "--sizes", "2,3,4,9", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(encoder_decoder, "pin", lambda threads: None)
    monkeypatch.setattr(encoder_decoder.os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)
    monkeypatch.setattr(encoder_decoder.os, "environ", {})
    monkeypatch.setattr(encoder_decoder.torch, "set_num_threads", lambda threads: None)
    forward = encoder_decoder.PlainAttention.forward
    halved = lambda self, *given: forward(self, *given) * (1 - 0.5 * self.additive)  # noqa: E731
    monkeypatch.setattr(encoder_decoder.PlainAttention, "forward", halved)
    assert encoder_decoder.main() == 1
    out, err = capsys.readouterr()
    table = [line for line in out.splitlines() if line.startswith("|")]
    trained, searched = table[: len(table) // 2], table[len(table) // 2 :]
    for lines in (trained, searched):
        assert len(lines) == 2 + len(encoder_decoder.CASES)
        assert len({line.count("|") for line in lines}) == 1
        assert ["disagree" in line for line in lines] == ["additive" in line for line in lines]
    assert err == ""


@pytest.fixture
def three_bits(scripts):
    """A layer of three units that keep one bit each, and outputs that are the units."""
    layer, head = torch.nn.RNN(3, 3), torch.nn.Linear(3, 3)
    with torch.no_grad():
        for parameter in (*layer.parameters(), *head.parameters()):
            parameter.zero_()
        layer.weight_ih_l0.copy_(3 * torch.eye(3))
        layer.weight_hh_l0.copy_(2 * torch.eye(3))
        head.weight.copy_(torch.eye(3))
    return scripts("fixed_points"), layer, head


def test_a_plain_search_finds_fixed_points_that_are_ours(three_bits):
    script, layer, head = three_bits
    ours, plain = script.our_search(layer, 200), script.plain_search(layer, 200, 1000, 0.03)
    told = script.compare(layer, head, ours, plain)
    assert told.startswith("8 stable; unstable directions: 12 of 1")
    also, of = map(int, told.rpartition(" | ")[2].split(" of "))
    assert 20 <= also <= of == len(plain.points)
    assert plain.arrived > 150
    few = plain._replace(points=plain.points[:3])
    with pytest.raises(AssertionError, match=r"\d stable points are not among"):
        script.compare(layer, head, ours, few)
    with pytest.raises(AssertionError, match="memories without a stable point"):
        script.compare(layer, torch.nn.Linear(3, 3).requires_grad_(False), ours, plain)


def test_both_searches_for_fixed_points_begin_in_the_same_states(three_bits, monkeypatch):
    script, layer, _ = three_bits
    begun = []
    module = sys.modules["unrolled.insight.fixed_points"]
    descend = module._descend
    monkeypatch.setattr(module, "_descend", lambda step, x, s, *how: descend(step, x, (begun.append(s), s)[1], *how))
    script.our_search(layer, 20)
    np.testing.assert_allclose(begun[0], script.states_visited(layer, 20).numpy(), atol=1e-6)


def test_bits_are_kept_until_the_next_pulse(three_bits):
    x, kept = three_bits[0].pulses(2, np.random.default_rng(0), 30)
    for b, i in np.ndindex(2, 3):
        last = 0.0
        for t in range(30):
            last = float(x[t, b, i]) or last
            assert kept[t, b, i] == last
