"""Workers on the machines of a Ray cluster that runs already; a job whose machine is gone is begun again on another one."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from importlib import import_module
from time import sleep
from typing import Any

from unrolled.errors import InputError, MissingExtraError
from unrolled.tasks.held_out.data import Data
from unrolled.tuning.job import Job, Outcome, Pruned, run_job
from unrolled.tuning.workers import Ended, Lost, Reported, Workers

__all__ = ["RayWorkers"]

PATIENCE = 10  # seconds to reach a cluster


class Board:
    """What trainings have reported, and which of them are to end; an actor on the machine that tunes."""

    def __init__(self) -> None:
        self._reports: list[Reported] = []
        self._hopeless: set[Any] = set()

    def report(self, report: Reported) -> bool:
        """Take a report; returns whether its training is to end."""
        self._reports.append(report)
        return report.key in self._hopeless

    def take(self) -> list[Reported]:
        """The reports since the last time."""
        taken, self._reports = self._reports, []
        return taken

    def prune(self, key: Any) -> None:
        """Let a training end at its next report."""
        self._hopeless.add(key)


class RayWorkers(Workers):
    """Jobs as Ray's tasks, each on one processor.

    Args:
        data: what is learned from; it is sent to each machine once.
        count: jobs at once; None for as many as the cluster has processors.
        address: of the cluster, as ``ray.init`` takes it.

    Raises:
        MissingExtraError: ray is not installed.
        InputError: there is no cluster at the address.
    """

    def __init__(self, data: Data, count: int | None, address: str) -> None:
        try:
            self._ray: Any = import_module("ray")
            strategies = import_module("ray.util.scheduling_strategies")
        except ImportError:
            raise MissingExtraError("tuning on a Ray cluster", "ray", "ray") from None
        ray = self._ray
        try:
            _reach(address)
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(f"ray is {address!r}, expected the address of a cluster that runs: {error}") from None
        super().__init__(count or max(1, int(ray.cluster_resources().get("CPU", 1))))
        here = strategies.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._board = ray.remote(Board).options(num_cpus=0, scheduling_strategy=here).remote()
        self._run = ray.remote(run_there).options(num_cpus=1, max_retries=0)
        self._data = ray.put(data)
        self._tasks: dict[Any, Any] = {}

    def prune(self, key: Any) -> None:
        """Write it on the board."""
        self._board.prune.remote(key)

    def close(self) -> None:
        """End what runs, and leave the cluster as it was."""
        for task in self._tasks:
            with contextlib.suppress(Exception):
                self._ray.cancel(task, force=True)
        self._ray.shutdown()

    def _start(self, key: Any, job: Job) -> None:
        self._tasks[self._run.remote(self._data, self._board, key, job)] = key

    def _events(self, seconds: float) -> Iterator[Reported | Ended | Lost]:
        if not self._tasks:
            sleep(seconds)
            return
        ended, _ = self._ray.wait(list(self._tasks), timeout=seconds)
        yield from (each for each in self._reports() if each.key in self.running)
        for task in ended:
            key = self._tasks.pop(task)
            try:
                outcome: Outcome = self._ray.get(task)
            except self._ray.exceptions.RayError as error:
                yield Lost(key, f"{type(error).__name__} of Ray")
            else:
                yield Ended(key, outcome)

    def _reports(self) -> list[Reported]:
        try:
            return self._ray.get(self._board.take.remote())
        except self._ray.exceptions.RayError:  # then nothing is pruned
            return []


def _reach(address: str) -> None:
    """Raise an OSError where nobody listens at an address with a port, which Ray would go on trying for minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), PATIENCE).close()


def run_there(data: Data, board: Any, key: Any, job: Job) -> Outcome:
    """What a machine of the cluster does."""
    ray: Any = import_module("ray")

    def report(rung: int, loss: float) -> None:
        try:
            hopeless = ray.get(board.report.remote(Reported(key, rung, loss)))
        except ray.exceptions.RayError:
            return
        if hopeless:
            raise Pruned

    return run_job(data, job, report, lambda: None)
