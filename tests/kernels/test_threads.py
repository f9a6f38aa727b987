"""The thread pool survives forks and concurrent calls; its size obeys the environment and the container."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.kernels import threads
from unrolled.kernels.arrays import PackedWeights, forward
from unrolled.kernels.layout import Layout


def large_run(case):
    """Big enough to wake the workers."""
    c = case("lstm", 30, 8, 16, 64)
    weights, layout, x = PackedWeights("lstm", c.parameters), Layout.padded(30, 8), c.x.reshape(240, 16)
    return lambda: forward(weights, x, c.states, layout, threads=2).h


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.starts_python
def test_fault_34_fork_after_use():
    script = """
import os, signal, numpy as np
from unrolled.runtime.recurrent import RecurrentLayer
from unrolled.cells import get_cell
rng = np.random.default_rng(0)
shapes = get_cell("lstm").parameter_shapes(input_size=16, hidden_size=64)
layer = RecurrentLayer("lstm", {n: rng.normal(size=s) for n, s in shapes.items()})
x = rng.normal(size=(30, 8, 16))
before, _ = layer(x)
child = os.fork()
if child == 0:
    signal.alarm(3600)  # a second is enough, but not on every machine at every hour
    same, tasks = np.array_equal(layer(x)[0], before), "/proc/self/task"
    own = len(os.listdir(tasks)) if os.path.isdir(tasks) else 2  # itself and a worker that it has started
    os._exit(0 if same and own == 2 else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert np.array_equal(layer(x)[0], before)
"""
    environment = {**os.environ, "UNROLLED_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_concurrent_calls(case):
    run = large_run(case)
    expected = run()
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: run(), range(40)):
            assert np.array_equal(result, expected)


def test_environment_variable(monkeypatch):
    monkeypatch.setenv("UNROLLED_NUM_THREADS", "5")
    assert threads.default_threads() == 5
    for wrong in ("0", "-1", "two", "1.5", "", "1025", "2147483648", "9" * 5000, "²", " 2", "0x2", "1_0"):
        monkeypatch.setenv("UNROLLED_NUM_THREADS", wrong)
        with pytest.raises(InputError, match=r"UNROLLED_NUM_THREADS=.{2,40}: expected a whole number from 1 to 1024"):
            threads.default_threads()


@pytest.mark.parametrize(("text", "processors"), [("150000 100000", 2), ("max 100000", None), ("", None)])
def test_container_quota(monkeypatch, tmp_path, text, processors):
    (tmp_path / "cpu.max").write_text(text)
    monkeypatch.setattr(threads, "_QUOTA_FILE", tmp_path / "cpu.max")
    assert threads._container_quota() == processors


def test_default_is_what_the_process_may_use(monkeypatch, tmp_path):
    monkeypatch.delenv("UNROLLED_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "_QUOTA_FILE", tmp_path / "missing")
    monkeypatch.setattr(threads, "_processors", lambda: 7)
    threads._available.cache_clear()
    assert threads.default_threads() == 7
    (tmp_path / "missing").write_text("50000 100000")
    threads._available.cache_clear()
    assert threads.default_threads() == 1
    threads._available.cache_clear()
