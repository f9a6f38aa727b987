"""Hostile files against every reader of this library, many and always the same ones; only an InputError may come of it.

    python tests/fuzz/run.py                               # a thousand files of each kind
    python tests/fuzz/run.py models csv --cases 100000     # more, of some
    python tests/fuzz/run.py csv --first 137 --cases 1 --keep /tmp/csv    # one again, its file kept

Each kind runs in a process of its own. A file is a fault if anything but an InputError is raised, if it takes more than some
seconds of processor time, or more than a gigabyte of memory.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
import zlib
from pathlib import Path
from types import FrameType

import numpy as np
from targets import TARGETS

from unrolled.errors import InputError

MEMORY = 1 << 30  # bytes, beyond what a process needs that has read good files
SECONDS = 20  # of processor time, for a file
HANGS = 3600  # seconds after which a process without an answer is ended


class TooLong(BaseException):
    """A file takes more than its time."""


def numbered(name: str, number: int) -> np.random.Generator:
    """The randomness of one file."""
    return np.random.default_rng([zlib.crc32(name.encode()), number])


def child(name: str, first: int, cases: int, keep: Path | None, status: Path) -> int:
    """Run some files of one kind; returns how many kinds of fault were found, and writes before each file which it is."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        target = TARGETS[name](Path(folder))
        with contextlib.redirect_stdout(io.StringIO()):
            target.check_seeds()
        faults: set[str] = set()
        _limit_memory()
        signal.signal(signal.SIGPROF, _too_long)
        for number in range(first, first + cases):
            status.write_text(str(number))
            case = target.case(numbered(name, number))
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{name}-{number}{target.suffix}").write_bytes(case)
            fault = _fault(target, case)
            if fault is not None and fault[0] not in faults:
                faults.add(fault[0])
                print(f"--- {name} {number}: {fault[0]}\n{fault[1]}", flush=True)
    return min(len(faults), 100)


def _fault(target, case: bytes) -> tuple[str, str] | None:
    """Where and why a file fails, shortly and in full; None if it is read or refused."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 2 * SECONDS, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            target.use(case)
    except InputError:
        return None
    except (Exception, TooLong) as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if f"{os.sep}unrolled{os.sep}" in frame.filename] or frames
        return f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}", traceback.format_exc(
            limit=-8
        )
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong(f"more than {SECONDS} s of processor time")


def _limit_memory() -> None:
    if sys.platform != "linux":
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(name: str, first: int, cases: int, keep: Path | None) -> int:
    """Run files of one kind in other processes; returns the number of faults. After a crash the next process goes on."""
    faults, last = 0, first + cases
    with tempfile.TemporaryDirectory() as folder:
        status = Path(folder) / "status"
        while first < last:
            status.write_text("")
            arguments = [name, "--first", str(first), "--cases", str(last - first), "--status", str(status)]
            arguments += [] if keep is None else ["--keep", str(keep)]
            command = [sys.executable, __file__, *arguments]
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "UNROLLED_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
            try:
                code = subprocess.run(command, env=environment, timeout=HANGS, check=False).returncode
            except subprocess.TimeoutExpired:
                code = -signal.SIGALRM
            if code >= 0 and status.read_text() == str(last - 1):
                return faults + code
            stopped = status.read_text()
            print(f"--- {name} {stopped or 'before the first file'}: ended with {code}", flush=True)
            faults += 1
            if not stopped:
                break
            first = int(stopped) + 1
    return faults


def main() -> int:
    """Run what the command line says; 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="kind", help=f"of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--cases", type=int, default=1000, help="files of each kind")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one")
    parser.add_argument("--keep", type=Path, help="a folder to keep all files in")
    parser.add_argument("--status", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    unknown = set(given.kinds) - TARGETS.keys()
    if unknown:
        parser.error(f"there is no kind {', '.join(sorted(unknown))}")
    if given.status is not None:
        return child(given.kinds[0], given.first, given.cases, given.keep, given.status)
    faults = 0
    for name in given.kinds or TARGETS:
        found = run(name, given.first, given.cases, given.keep)
        print(f"{name}: {given.cases} files, {found} kinds of fault", flush=True)
        faults += found
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
