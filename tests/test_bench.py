"""The benchmark: results compared before they are timed, fair turns, the roofline, every form of output."""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import unrolled.bench.run as bench_run
from unrolled.bench.case import CELLS, DEFAULT_CASES, QUICK_CASES, Case, Sizes
from unrolled.bench.comparison import TOLERANCE, difference, disagreement
from unrolled.bench.contender import Task
from unrolled.bench.machine import cores, cpu_model, pin
from unrolled.bench.measure import contenders, measure_case
from unrolled.bench.report import Machine, Report, Roofline, Row, Run, Start
from unrolled.bench.roofline import measure_roofline
from unrolled.bench.run import BenchmarkError, run_benchmark
from unrolled.bench.start import STARTER, measure_start
from unrolled.bench.timing import Effort, time_in_turns
from unrolled.bench.torch_modules import TorchModules
from unrolled.cells import get_cell
from unrolled.cli.app import run
from unrolled.cli.bench_tables import print_markdown, print_rich
from unrolled.errors import InputError, MissingExtraError

ONCE = Effort(seconds=0, least_rounds=1, most_rounds=1)
TINY = Sizes(batch=3, steps=5, inputs=2, hidden=7)
PROJECTED = Sizes(batch=3, steps=5, inputs=2, hidden=7, projected=4)


def reference(case: Case) -> dict[str, np.ndarray]:
    """Outputs and gradients by the reference cells in float64."""
    arrays = {name: a.astype(np.float64) for name, a in case.arrays().items()}
    x = arrays.pop("x")
    h, _, tape = case.described.forward(arrays, x)
    if case.work == "inference":
        return {"y": h}
    grad_h = 2 * h if case.loss == "all" else np.concatenate([np.zeros_like(h[:-1]), 2 * h[-1:]])
    grads = case.described.backward(arrays, tape, grad_h)
    return {"y": h, "x": grads["x"], **{name: grads[name] for name in arrays}}


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # of torch's own module
@pytest.mark.parametrize("loss", ["all", "last"])
@pytest.mark.parametrize("work", ["training", "inference"])
@pytest.mark.parametrize(("cell", "sizes"), [*((cell, TINY) for cell in CELLS), ("lstm", PROJECTED)], ids=str)
@pytest.mark.parametrize("contender", ["nn", "runtime", "torch", "jax", "onnx"])
def test_every_contender_computes_the_case(contender, cell, sizes, work, loss):
    for module in bench_run.PEERS.get(contender, ()):
        pytest.importorskip(module, exc_type=ImportError)
    case = Case(cell, work, sizes, loss)
    [chosen] = [c for c in contenders([contender], threads=torch.get_num_threads()) if c.name == contender]
    task = chosen.prepare(case, case.arrays())
    if task is None:
        assert contender in ("runtime", "onnx")
        assert work == "training" or (contender == "onnx" and sizes.projected)
        return
    found, expected = task.read(task.run()), reference(case)
    assert list(found) == list(expected) or set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].shape == value.shape
        np.testing.assert_allclose(found[name], value, rtol=0, atol=2e-6 * max(1, abs(value).max()))


def test_the_inputs_of_a_case_never_change():
    case = Case("lstm", "training", TINY)
    first, second = case.arrays(), case.arrays()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert {name: a.shape for name, a in first.items()} == {
        "x": (5, 3, 2), **get_cell("lstm").parameter_shapes(input_size=2, hidden_size=7)
    }  # fmt: skip
    projected = {name: a.shape for name, a in Case("lstm", "training", PROJECTED).arrays().items()}
    assert (projected["weight_hh"], projected["weight_hr"]) == ((28, 4), (4, 7))


def test_operations_and_bytes_counted_by_hand():
    case = Case("gru", "inference", Sizes(batch=2, steps=10, inputs=3, hidden=4))
    assert case.flops == 20 * 12 * (3 + 4) * 2
    assert case.bytes == 4 * (20 * 3 + 20 * 4 + 12 * 3 + 12 * 4 + 24)
    training = Case("gru", "training", case.sizes)
    assert (training.flops, training.bytes) == (3 * case.flops, 2 * case.bytes)
    projected = Case("lstm", "inference", Sizes(batch=2, steps=10, inputs=3, hidden=4, projected=2))
    assert projected.flops == 20 * (16 * (3 + 2) + 2 * 4) * 2
    assert projected.bytes == 4 * (20 * (3 + 2) + 16 * 3 + 16 * 2 + 32 + 2 * 4)


def test_the_rows_promised():
    titles = {(case.cell, case.work, str(case.sizes), case.loss) for case in DEFAULT_CASES}
    assert len(titles) == len(DEFAULT_CASES) == 3 * 6 * 2 + 2 * 4 + 2 * 2 * 2 + 2 + 2
    assert ("lstm", "training", "64, 100, 128, 256", "all") in titles
    assert ("lstm", "training", "4, 50, 512, 512", "all") in titles
    assert ("gru", "training", "32, 400, 8, 64", "last") in titles
    for work in ("training", "inference"):
        assert ("lstm", work, "32, 100, 64, 256→64", "all") in titles
    assert {("lstm", "training", "512, 50, 64, 128", "all"), ("gru", "inference", "4, 2000, 32, 64", "all")} < titles
    assert set(QUICK_CASES) < set(DEFAULT_CASES)


class Wrong:
    """torch with one of its results disturbed."""

    name, version = "wrong", "0"

    def __init__(self, array: str, factor: float) -> None:
        self.array, self.factor, self.calls = array, factor, 0

    def prepare(self, case, arrays):
        run, read = TorchModules.of_torch().prepare(case, arrays)

        def counted():
            self.calls += 1
            return run()

        def disturbed(raw):
            results = read(raw)
            return {**results, self.array: results[self.array] * np.float32(self.factor)}

        return Task(counted, disturbed)


@pytest.mark.parametrize("array", ["y", "x", "weight_ih", "weight_hh", "bias_ih", "bias_hh"])
def test_a_wrong_result_is_not_timed(array):
    wrong = Wrong(array, 1 + 3 * TOLERANCE)
    row = measure_case(Case("gru", "training", TINY), [TorchModules.of_torch(), wrong], ONCE)
    named = "outputs" if array == "y" else f"gradient of {array}"
    assert re.fullmatch(
        rf"GRU \(3, 5, 2, 7\), training: wrong and torch disagree: {named}, by 3\.0e-04 .*; not timed", row.error
    )
    assert row.seconds == {}
    assert wrong.calls == 1
    assert (row.ours, row.best_peer, row.ratio, row.gflops(), row.share(Roofline(1, 1))) == (None,) * 5


def test_a_right_result_is_timed():
    row = measure_case(Case("gru", "training", TINY), [TorchModules.of_torch(), Wrong("y", 1)], ONCE)
    assert row.error is None
    assert set(row.seconds) == {"torch", "wrong"}
    assert row.difference == 0


def test_difference():
    expected = {"y": np.float32([[1, -4]])}
    assert difference({"y": np.float32([[1, -3]])}, expected) == {"y": 0.25}
    infinite = {"y": float("inf")}
    assert difference({}, expected) == infinite
    assert difference({"y": np.float32([1, -4])}, expected) == infinite
    assert difference({"y": np.float32([[np.nan, -4]])}, expected) == infinite
    zeros = {"y": np.zeros(3, np.float32)}
    assert difference(zeros, zeros) == {"y": 0}
    assert disagreement({"a": expected, "b": expected}, "a") == (0, None)


class Clock:
    """A clock that only the calls move, for a busy machine stretches sleeping as it likes."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        time = SimpleNamespace(perf_counter=lambda: self.now, sleep=lambda _: None)
        monkeypatch.setattr("unrolled.bench.timing.time", time)


def test_medians_of_calls_that_take_turns(monkeypatch):
    clock, order = Clock(monkeypatch), []

    def taking(name, seconds):
        def call():
            order.append(name)
            clock.now += seconds

        return call

    calls = {"slow": taking("slow", 0.03), "quick": taking("quick", 0.004)}
    times = time_in_turns(calls, Effort(seconds=0, least_rounds=12, most_rounds=12))
    assert times["slow"].median == pytest.approx(0.03)
    assert times["quick"].median == pytest.approx(0.004)
    later = [name for i, name in enumerate(order[6:]) if name == "slow" or order[6:][i - 1] != name]
    assert {tuple(pair) for pair in itertools.pairwise(later)} == {  # either may follow either, but for quick itself
        ("slow", "quick"),
        ("quick", "slow"),
        ("slow", "slow"),
    }
    # warmed three times each; the short call runs once more, untimed, in each of its turns
    assert order.count("slow") == 3 + 12
    assert order.count("quick") == 3 + 12 * (1 + 2)


def test_spread_of_times(monkeypatch):
    clock = Clock(monkeypatch)

    def call():
        clock.now += next(seconds)

    seconds = iter([0.1, 0.1, 0.1, 0.04, 0.05, 0.06, 0.07, 0.08])  # three to warm up
    assert time_in_turns({"slower": call}, Effort(0, 5, 5))["slower"].spread == pytest.approx(0.07 / 0.05)
    seconds = iter([0.1] * 4)
    assert time_in_turns({"once": call}, ONCE)["once"].spread == 1
    case = Case("gru", "inference", TINY)
    for spread, noisy in (({"nn": 1.4, "torch": 1.4}, False), ({"nn": 1.6}, True), ({"jax": 9.0}, False), ({}, False)):
        assert Row(case, {"nn": 1, "torch": 2, "jax": 3}, 0, spread=spread).noisy is noisy


def test_roofline_is_positive_and_bounds_a_case():
    roofline = measure_roofline()
    assert roofline.gflops > 0.1
    assert roofline.gbytes > 0.01
    case = Case("gru", "inference", Sizes(batch=2, steps=10, inputs=3, hidden=4))
    assert Roofline(gflops=1, gbytes=1e9).seconds(case) == pytest.approx(case.flops / 1e9)
    assert Roofline(gflops=1e9, gbytes=1).seconds(case) == pytest.approx(case.bytes / 1e9)


def test_what_a_row_says():
    case = Case("gru", "inference", Sizes(batch=2, steps=10, inputs=3, hidden=4))
    row = Row(case, {"nn": 4e-6, "runtime": 2e-6, "torch": 5e-6, "jax": 3e-6}, 1e-7)
    assert (row.ours, row.best_peer) == ("runtime", "jax")
    assert row.ratio == pytest.approx(1.5)
    assert row.gflops() == pytest.approx(case.flops / 2e3)
    assert row.share(Roofline(gflops=case.flops / 1e3, gbytes=1e9)) == pytest.approx(0.5)
    alone = Row(case, {"nn": 4e-6}, 0)
    assert (alone.ours, alone.ratio) == ("nn", None)


def test_machine():
    assert cpu_model()
    assert len(set(cores())) == len(cores()) > 0
    assert Machine("x", 2, 1.0).busy
    assert not Machine("x", 2, 0.1).busy
    assert not Machine("x", 2, None).busy


def test_one_of_every_core_comes_first(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3, 9}, raising=False)
    monkeypatch.setattr("unrolled.bench.machine._core", lambda processor: str(processor // 2))
    assert cores() == [0, 2, 9, 1, 3]
    pinned = []
    monkeypatch.setattr("os.sched_setaffinity", lambda _, processors: pinned.append(processors), raising=False)
    pin(2)
    assert pinned == [[0, 2]]


def test_processors_where_the_system_tells_little(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.delattr("os.sched_setaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    assert cores() == [0, 1, 2]
    pin(1)
    monkeypatch.setattr("pathlib.Path.read_text", lambda *_, **__: "")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: (_ for _ in ()).throw(OSError))
    assert cpu_model()


@pytest.fixture
def torch_only(monkeypatch):
    """The benchmark with torch as its only peer, and quick about it."""
    monkeypatch.setattr(bench_run, "PEERS", {})
    monkeypatch.setattr(bench_run, "QUICK_EFFORT", ONCE)


@pytest.fixture(scope="module")
def finished():
    """A report by real processes, one for each number of threads there can be here, and the rows as they came."""
    rows = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_run, "PEERS", {"jax": ("no_such_module",)})
        cases = [Case("gru", "training", TINY), Case("gru", "inference", TINY)]
        counts = [1, 2] if len(cores()) > 1 else [1]
        report = run_benchmark(cases, counts, ONCE, on_row=lambda threads, row: rows.append((threads, row)))
    return cases, counts, report, rows


def test_the_whole(finished):
    cases, counts, report, rows = finished
    assert [each.threads for each in report.runs] == counts
    assert [(each.threads, row) for each in report.runs for row in each.rows] == rows
    for each in report.runs:
        assert [row.case for row in each.rows] == cases
        assert [set(row.seconds) for row in each.rows] == [{"nn", "torch"}, {"nn", "runtime", "torch"}]
        assert all(seconds > 0 for row in each.rows for seconds in row.seconds.values())
        assert all(row.difference < 1e-5 for row in each.rows)
        assert each.versions["torch"] == torch.__version__
        assert each.roofline.gflops > 0
    assert report.missing == {"jax": "pip install no_such_module"}
    assert report.errors == []


def test_markdown(torch_only, capsys):
    assert run(["bench", "--quick", "--threads", "1", "--cell", "gru", "--size", "3,5,2,7"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1 thread: unrolled ")
    assert f"torch {torch.__version__}" in out.splitlines()[0]
    assert cpu_model() in out
    assert "| cell | B, T, I, H | nn | torch | ratio | GFLOP/s | bound |" in out
    assert "| cell | B, T, I, H | nn | runtime | torch | ratio | GFLOP/s | bound |" in out
    training, inference = re.findall(r"^\| GRU .*", out, re.M)
    number = r"\d+\.\d+"
    row = (
        rf"\| GRU \| 3, 5, 2, 7 \| {number} \|( {number} \|)? {number} \({number}\) "
        rf"\| {number} torch(, slower)?(, noisy)? \| {number} \| \d+% \|"
    )
    assert re.fullmatch(row, training)
    assert re.fullmatch(row, inference)


def test_json(torch_only, capsys):
    assert run(["bench", "--quick", "--threads", "1", "--cell", "rnn", "--size", "1 2 3 4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    [run_found] = found["runs"]
    assert found["machine"]["processors"] == len(cores())
    assert [row["case"]["work"] for row in run_found["rows"]] == ["training", "inference"]
    for row in run_found["rows"]:
        ours, peer = row["seconds"][row["ours"]], row["seconds"][row["best_peer"]]
        assert row["ratio"] == pytest.approx(peer / ours)
        assert row["gflops"] > 0
        assert row["share_of_bound"] > 0


def made_up(*rows: Row) -> Report:
    run = Run(2, Roofline(100, 10), {"nn": "1", "runtime": "1", "torch": "2", "jax": "3"}, "v3", rows)
    return Report(Machine("a processor", 2, 1.9), {"onnx": "pip install onnx"}, (run,))


def test_a_table_on_a_terminal_marks_the_rows_that_lose(monkeypatch, capsys):
    case = Case("lstm", "training", Sizes(32, 400, 8, 64), "last")
    report = made_up(
        Row(case, {"nn": 1e-3, "torch": 8e-4, "jax": 2e-3}, 2e-6, spread={"torch": 1.6}),
        Row(Case("gru", "training", TINY), {}, 0.5, "GRU: a and b disagree"),
    )
    monkeypatch.setattr("unrolled.bench.run.run_benchmark", lambda *_, **__: report)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "150")
    assert run(["bench"]) == 1
    out, err = capsys.readouterr()
    out = re.sub(r"\x1b\[[\d;]*m", "", out)
    assert "2 threads: unrolled 1 (v3) beside torch 2, jax 3" in out
    assert "results differ by at most 5e-01" in out
    row = next(line for line in out.splitlines() if "LSTM" in line)
    share = 3 * 2 * 32 * 400 * 4 * 64 * (8 + 64) / 100e9 / 1e-3
    cells = ["LSTM, last step", "32, 400, 8, 64", "1.000", "0.800 (0.80)", "2.000 (2.00)", "0.80 torch, slower, noisy"]
    assert re.split(r"\s{2,}", row.strip())[:6] == cells
    assert row.strip().endswith(f"{share:.0%}")
    assert "ERROR" in out
    assert err.splitlines() == [
        "onnx is not installed, its column is left out: pip install onnx",
        "the machine was busy (load 1.9 on 2): the times tell little",
        "unrolled: GRU: a and b disagree",
    ]


def test_what_a_start_takes(monkeypatch):
    """The first step meets the pages of its memory, later ones hardly any; only our layers arrange weights."""
    monkeypatch.setattr("unrolled.bench.start.STEPS", 3)
    case = Case("lstm", "training", TINY)
    for name in ("nn", "torch"):
        start = measure_start(name, case, 2.0, 1.0)
        assert (start.name, start.import_torch, start.import_own) == (name, 2.0, 1.0)
        assert min(start.first, start.later) > 0
        assert (start.packing is not None and start.packing > 0) == (name == "nn")


def test_pages_of_a_call_are_counted(monkeypatch):
    counts = iter([5, 105, 105, 107, 107, 108, 108, 110])
    monkeypatch.setattr("unrolled.bench.start.STEPS", 4)
    monkeypatch.setattr("unrolled.bench.start._faults", lambda: next(counts))
    start = measure_start("torch", Case("lstm", "training", TINY), 0.0, 0.0)
    assert (start.first_faults, start.later_faults) == (100, 2)


def test_a_start_is_measured_in_processes_of_its_own(monkeypatch):
    monkeypatch.setattr(bench_run, "PEERS", {})
    monkeypatch.setattr(bench_run, "STARTER", STARTER.replace("from unrolled.bench.start import main", QUICKLY))
    report = run_benchmark([Case("gru", "inference", TINY)], [1], Effort(0, 1, 1, starts=1))
    ours, torchs = report.starts
    assert (ours.name, torchs.name) == ("nn", "torch")
    assert ours.import_torch > 0
    assert ours.import_own > torchs.import_own >= 0
    monkeypatch.setattr(bench_run, "STARTER", "raise SystemExit('no such processor')")
    with pytest.raises(BenchmarkError, match="the process that starts nn ended with code 1: no such processor"):
        run_benchmark([Case("gru", "inference", TINY)], [1], Effort(0, 1, 1, starts=1))


QUICKLY = """
import unrolled.bench.start
from unrolled.bench.start import main
unrolled.bench.start.STARTED = unrolled.bench.start.Case("lstm", "training", unrolled.bench.start.Sizes(3, 5, 2, 7))
"""


def test_a_table_of_starts(capsys):
    starts = (Start("nn", 2.0, 0.12, 0.1042, 0.0636, 5943, 1, 0.000107), Start("torch", 1.9, 0.0, 0.16, 0.0545))
    report = Report(Machine("a processor", 2, 0.1), {}, made_up().runs, starts)
    print_markdown(report)
    lines = capsys.readouterr().out.splitlines()
    assert "| nn | 2000 | 120 | 104 | 63.6 | 5,943 | 1 | 0.107 |" in lines
    assert "| torch | 1900 |  | 160 | 54.5 |  |  |  |" in lines
    print_rich(report)
    assert "The start: LSTM (32, 100, 64, 128), training, 2 threads, ms" in capsys.readouterr().out


def test_losing_rows_are_red(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "150")
    case = Case("lstm", "inference", TINY)
    print_rich(made_up(Row(case, {"nn": 1, "torch": 0.5}, 0)))
    lost = capsys.readouterr().out
    print_rich(made_up(Row(case, {"nn": 1, "torch": 2.0}, 0)))
    won = capsys.readouterr().out
    assert "\x1b[31mLSTM" in lost
    assert "\x1b[31m" not in won


def test_default_rows_and_threads(monkeypatch):
    asked = []
    monkeypatch.setattr("unrolled.bench.run.run_benchmark", lambda *given, **_: asked.append(given) or made_up())
    for arguments in (
        [],
        ["--quick"],
        ["--cell", "rnn", "--quick"],
        ["--cell", "lstm"],
        ["--size", "1,2,3,4"],
        ["--size", "1,2,3,4,2"],
    ):
        assert run(["bench", *arguments]) == 0
    cases = [given[0] for given in asked]
    assert cases[:2] == [DEFAULT_CASES, QUICK_CASES]
    assert {(case.cell, case.sizes.hidden) for case in cases[2]} == {("rnn", 64)}
    assert cases[3] == tuple(case for case in DEFAULT_CASES if case.cell == "lstm")
    assert {(case.cell, case.sizes) for case in cases[4]} == {(cell, Sizes(1, 2, 3, 4)) for cell in CELLS}
    assert {(case.title, case.sizes) for case in cases[5]} == {("LSTM, projected", Sizes(1, 2, 3, 4, projected=2))}
    assert all(given[1] == ([1, 2] if len(cores()) > 1 else [1]) for given in asked)
    monkeypatch.setattr("unrolled.bench.machine.cores", lambda: [0])
    assert run(["bench"]) == 0
    assert asked[-1][1] == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "1,2,3"], "--size '1,2,3': expected four whole numbers above 0, B,T,I,H, such as 32,100,64,128"),
        (["--size", "1,2,3,0"], "--size '1,2,3,0': expected"),
        (["--size", "1,2,3,4,4"], "--size '1,2,3,4,4': P is 4, expected less than H, which is 4"),
        (["--size", "1,2,3,4,5,6"], "--size '1,2,3,4,5,6': expected"),
        (["--cell", "gru", "--size", "1,2,3,4,2"], "--size 1, 2, 3, 4→2: only an LSTM projects its hidden state"),
        (["--cell", "gruu"], "unknown cell 'gruu'; known: gru, lstm, rnn"),
        (["--threads", "0"], "--threads is 0, expected at least 1"),
        (["--threads", "100000"], "threads must be from 1 to "),
    ],
)
def test_bad_arguments(arguments, message, capsys):
    assert run(["bench", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"unrolled: {message}")


def test_without_torch_there_is_one_sentence(monkeypatch):
    monkeypatch.setattr(bench_run, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[train\]'"):
        run_benchmark(QUICK_CASES, [1], ONCE)


def test_a_process_that_dies_is_reported(monkeypatch):
    monkeypatch.setattr(bench_run, "PEERS", {})
    monkeypatch.setattr(bench_run, "environment", lambda threads: {**os.environ, "UNROLLED_CPU_LEVEL": "none such"})
    with pytest.raises(BenchmarkError, match=r"the process of 1 thread ended with code 1: .*none such"):
        run_benchmark([Case("gru", "inference", TINY)], [1], ONCE)


def test_files_of_the_current_folder_are_not_run(monkeypatch, tmp_path):
    for name in ("msgspec", "numpy", "torch", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open('{name} was run', 'w')\nraise ImportError('planted')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench_run, "PEERS", {})
    report = run_benchmark([Case("rnn", "inference", TINY)], [1], ONCE)
    assert not report.errors
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".py"] == []


def test_an_interrupted_run_leaves_no_process(monkeypatch):
    monkeypatch.setattr(bench_run, "PEERS", {})
    processes = []
    popen = bench_run.subprocess.Popen
    monkeypatch.setattr(bench_run.subprocess, "Popen", lambda *a, **k: processes.append(popen(*a, **k)) or processes[0])

    def interrupt(threads, row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_benchmark([Case("gru", "inference", TINY)] * 3, [1], ONCE, on_row=interrupt)
    assert processes[0].returncode is not None


def test_threads_beyond_the_machine():
    with pytest.raises(InputError, match=f"threads must be from 1 to {len(cores())}"):
        run_benchmark(QUICK_CASES, [len(cores()) + 1], ONCE)
