"""Workers that are processes of this machine, each with a pipe; they end when the process does that began them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

from unrolled.tasks.held_out.data import Data
from unrolled.tuning.job import Job, Pruned, run_job
from unrolled.tuning.workers import Ended, Lost, Reported, Workers

__all__ = ["Processes", "main"]

WORKER = "import sys; sys.path[:] = [*filter(None, sys.path), sys.argv[1]]; from unrolled.tuning.processes import main; main()"
"""Without the current folder, where a module of any name may lie, among the places that modules come from."""


LOOK = 0.5  # seconds from one look at whether the parent is there to the next


class _Process:
    """One worker, with the key of what it does."""

    def __init__(self, data: Data, threads: int) -> None:
        self.key: Any = None
        self.pipe, theirs = Pipe()
        place, numbers = str(Path(__file__).parents[2]), [str(theirs.fileno()), str(os.getpid())]
        command = [sys.executable, "-c", WORKER, place, *numbers]
        several = {"OMP_NUM_THREADS": str(threads), "UNROLLED_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env={**several, **os.environ}, stdout=2)
        theirs.close()
        self.send(data)

    def send(self, message: Any) -> None:
        """Send what it will read; one that has ended is found out by who waits for it."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def end(self) -> int:
        self.process.kill()
        self.pipe.close()
        return self.process.wait()


class Processes(Workers):
    """Processes that are begun when there is work for them.

    Args:
        data: what is learned from.
        count: how many.
    """

    def __init__(self, data: Data, count: int) -> None:
        super().__init__(count)
        self._data, self._threads = data, max(1, (os.cpu_count() or 1) // count)
        self._processes: list[_Process] = []

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [each.process.pid for each in self._processes]

    def prune(self, key: Any) -> None:
        """Send word to the process."""
        for each in self._processes:
            if each.key == key:
                each.send(("prune", key))

    def close(self) -> None:
        """Kill them."""
        for each in self._processes:
            each.end()
        self._processes = []

    def _start(self, key: Any, job: Job) -> None:
        idle = next((each for each in self._processes if each.key is None), None)
        if idle is None:
            idle = _Process(self._data, self._threads)
            self._processes.append(idle)
        idle.key = key
        idle.send(("job", key, job))

    def _events(self, seconds: float) -> Iterator[Reported | Ended | Lost]:
        waiting: list[Any] = [each.pipe for each in self._processes if each.key is not None]
        if not waiting:
            sleep(seconds)
            return
        for ready in wait(waiting, seconds):
            each = next(each for each in self._processes if each.pipe is ready)
            try:
                event = each.pipe.recv()
            except (EOFError, OSError):
                yield from self._gone(each)
                continue
            if isinstance(event, Ended):
                each.key = None
            yield event

    def _gone(self, each: _Process) -> Iterator[Lost]:
        self._processes.remove(each)
        code = each.end()
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        if each.key is not None:
            yield Lost(each.key, f"its process ended with {reason}")


def main() -> None:
    """What a worker does: jobs from its pipe, until that is closed, or who began it is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who began it
    Thread(target=_end_with, args=(int(sys.argv[3]),), daemon=True).start()
    warnings.simplefilter("ignore")
    pipe = Connection(int(sys.argv[2]))
    try:
        data: Data = pipe.recv()
        while True:
            kind, key, *more = pipe.recv()
            if kind == "job":
                _work(pipe, data, key, more[0])
    except (EOFError, OSError):  # nobody is there any more
        return


def _end_with(parent: int) -> None:
    """End as soon as the parent has, whatever goes on here: a long step of a training looks at no pipe."""
    while os.getppid() == parent:
        sleep(LOOK)
    os._exit(1)


def _work(pipe: Connection, data: Data, key: Any, job: Job) -> None:
    def look() -> None:
        while pipe.poll():
            if pipe.recv() == ("prune", key):
                raise Pruned

    outcome = run_job(data, job, lambda rung, loss: pipe.send(Reported(key, rung, loss)), look)
    pipe.send(Ended(key, outcome))
