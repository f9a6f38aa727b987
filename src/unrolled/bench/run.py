"""The whole benchmark: a process for each thread count, one after the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

from unrolled.bench.case import Case
from unrolled.bench.report import Machine, Report, Row, Run, Start
from unrolled.bench.start import STARTER, median_start
from unrolled.bench.timing import Effort
from unrolled.bench.worker import Request, environment
from unrolled.errors import InputError, MissingExtraError, UnrolledError

__all__ = ["DEFAULT_EFFORT", "PEERS", "QUICK_EFFORT", "BenchmarkError", "run_benchmark"]

PEERS = {"jax": ("jax",), "onnx": ("onnx", "onnxruntime")}
"""Peer beside torch → the packages it needs."""

DEFAULT_EFFORT = Effort(seconds=3, least_rounds=5, most_rounds=25, starts=3)
QUICK_EFFORT = Effort(seconds=0.3, least_rounds=3, most_rounds=9, starts=1)

WORKER = (
    "import sys; sys.path[:] = [*filter(None, sys.path), sys.argv[1]]; from unrolled.bench.worker import main; main()"
)
"""Without the current folder, where a module of any name may lie, among the places that modules come from."""


class BenchmarkError(UnrolledError):
    """A benchmark process that ended before its time."""


def run_benchmark(
    cases: Sequence[Case],
    threads: Sequence[int],
    effort: Effort,
    *,
    on_row: Callable[[int, Row], object] = lambda threads, row: None,
) -> Report:
    """Time all cases with each number of threads, beside torch and those of :data:`PEERS` that are installed.

    Args:
        cases: the rows.
        threads: numbers of threads, each at most the processors there are.
        effort: how long each row may take.
        on_row: called with the number of threads and each row as it is finished.

    Raises:
        InputError: a number of threads this machine does not have.
        MissingExtraError: torch is not installed: training and the comparison need it.
        BenchmarkError: a process ended before its time, with the last line it wrote.
    """
    if find_spec("torch") is None:
        raise MissingExtraError("unrolled bench", "torch", "train")
    machine = Machine.here()
    available = machine.processors
    for count in threads:
        if not 1 <= count <= available:
            raise InputError(f"threads must be from 1 to {available}, the processors of this process; got {count}")
    absent = {peer: [name for name in needed if find_spec(name) is None] for peer, needed in PEERS.items()}
    installed = tuple(peer for peer, names in absent.items() if not names)
    starts = [_start(name, threads[0], effort.starts) for name in ("nn", "torch") if effort.starts]
    runs = [_run(Request(count, installed, tuple(cases), effort), on_row) for count in threads]
    missing = {peer: f"pip install {' '.join(names)}" for peer, names in absent.items() if names}
    return Report(machine, missing, tuple(runs), tuple(starts))


def _start(name: str, threads: int, processes: int) -> Start:
    """What fresh processes feel of one library, one after the other."""
    command = [sys.executable, "-c", STARTER, str(Path(__file__).parents[2]), name]
    found: list[Start] = []
    for _ in range(processes):
        ended = subprocess.run(command, capture_output=True, env=environment(threads), check=False)
        if ended.returncode:
            raise BenchmarkError(_last_words(f"the process that starts {name}", ended.returncode, ended.stderr))
        found.append(msgspec.json.decode(ended.stdout.splitlines()[-1], type=Start))
    return median_start(found)


def _last_words(process: str, code: int, messages: bytes) -> str:
    lines = messages.decode(errors="replace").strip().splitlines() or ["it wrote nothing"]
    return f"{process} ended with code {code}: {lines[-1]}"


def _run(request: Request, on_row: Callable[[int, Row], object]) -> Run:
    command = [sys.executable, "-c", WORKER, str(Path(__file__).parents[2])]
    with (
        TemporaryFile() as messages,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages, env=environment(request.threads)
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(request))
            process.stdin.close()
            run: Run | None = None
            for line in process.stdout:
                if run is None:
                    run = msgspec.json.decode(line, type=Run)
                    continue
                row = msgspec.json.decode(line, type=Row)
                run = msgspec.structs.replace(run, rows=(*run.rows, row))
                on_row(request.threads, row)
        except BaseException:
            process.kill()
            process.wait()  # leaving the block after Ctrl-C waits for a moment only
            raise
        code = process.wait()
        if code or run is None:
            messages.seek(0)
            threads = "1 thread" if request.threads == 1 else f"{request.threads} threads"
            raise BenchmarkError(_last_words(f"the process of {threads}", code, messages.read()))
    return run
