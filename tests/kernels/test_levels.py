"""Every CPU level this machine can run passes the tests; those with a fused multiply-add agree bit by bit."""

from __future__ import annotations

import hashlib
import os
import reprlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unrolled
from unrolled.cells import CELLS
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.additive import additive
from unrolled.kernels.arrays import PackedDense, PackedWeights, backward, elementary, forward, log_softmax, softmax
from unrolled.kernels.layout import Layout

from .conftest import make_case, with_masks

HERE = Path(__file__).parent
FUSED = [level for level in _native.levels() if level not in ("v2", "generic")]


def run_python(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.starts_python
@pytest.mark.parametrize("level", _native.levels()[1:])
def test_the_kernel_tests_pass_at(level):
    tests = [str(HERE / name) for name in ("test_against_reference.py", "test_row_bits.py", "test_elementary.py")]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-cov", "--import-mode=importlib"]
    if "pytest_cov" not in sys.modules:
        options.remove("--no-cov")
    done = run_python("-m", "pytest", *options, *tests, UNROLLED_CPU_LEVEL=level)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def all_results(c, *, reverse: bool) -> list[np.ndarray]:
    """Outputs, last states and every gradient of a case whose sequences end one after the other."""
    T, B = c.x.shape[:2]
    lengths = np.sort(T - np.arange(B) % (T + 1))[::-1]
    rows = np.flatnonzero((np.arange(T)[:, None] < lengths).ravel())
    weights, layout = PackedWeights(c.cell, c.parameters), Layout.of_lengths(lengths)
    x, grad_h, grad_c = (None if a is None else c.rows(a)[rows] for a in (c.x, c.grad_h, c.grad_c))
    result = forward(weights, x, c.states, layout, masks=c.packed(rows), reverse=reverse, tape=True)
    grads = backward(weights, x, result, grad_h, c.grad_last, layout, grad_c=grad_c, reverse=reverse)
    return [result.h, *result.last, *grads.values()]


def digest() -> str:
    """A hash over all results of every cell at awkward sizes, of functions and of dense layers."""
    total = hashlib.sha256()
    for cell in sorted(CELLS):
        for dtype in ("float32", "float64"):
            for T, B, I, H in ((3, 1, 5, 33), (4, 7, 17, 16), (2, 13, 3, 70)):
                plain = make_case(cell, T, B, I, H)
                for c, reverse in ((plain, False), (with_masks(plain, shares=False), True)):
                    for array in all_results(c.to(dtype), reverse=reverse):
                        total.update(array.tobytes())
    for function in ("exp", "sigmoid", "tanh"):
        total.update(elementary(function, np.linspace(-100, 90, 100003, dtype=np.float32)).tobytes())
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        weight, bias, x = (rng.normal(size=size).astype(dtype) for size in ((37, 150), (37,), (11, 150)))
        total.update(PackedDense(weight, bias)(x).tobytes())
        vector, query, keys = (rng.normal(size=size).astype(dtype) for size in ((37,), (3, 2, 37), (5, 2, 37)))
        total.update(additive(vector, query, keys, np.array([5, 4])).tobytes())
        total.update(log_softmax(x).tobytes())
        total.update(softmax(x).tobytes())
    return total.hexdigest()


@pytest.mark.starts_python
@pytest.mark.parametrize("level", FUSED[1:])
def test_same_bits_at(level):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tests.kernels import test_levels as t; print(t.digest())"
    )
    done = run_python("-c", script, str(HERE.parent.parent), UNROLLED_CPU_LEVEL=level)
    assert done.returncode == 0, done.stderr
    if unrolled.kernel_info().cpu_level not in FUSED:
        pytest.skip("these tests themselves run at a level without a fused multiply-add")
    assert done.stdout.strip() == digest()


@pytest.mark.starts_python
@pytest.mark.parametrize("level", ["v9", " v3", "v" * 5000])
def test_an_unsupported_level_is_refused(level):
    done = run_python("-c", "import unrolled; unrolled.kernel_info()", UNROLLED_CPU_LEVEL=level)
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith(
        f"unrolled.errors.InputError: UNROLLED_CPU_LEVEL={reprlib.repr(level)}: this machine can run "
    )
    assert len(said) < 150


def test_kernel_info():
    info = unrolled.kernel_info()
    assert info.cpu_level == os.environ.get("UNROLLED_CPU_LEVEL", _native.levels()[0])
    assert info.supported_levels == tuple(_native.levels())
    assert info.vector_bits in (128, 256, 512)
    with pytest.raises(ValueError, match="cannot run CPU level v1"):
        _native.select_level("v1")


def test_no_kernel_of_a_level_can_be_linked_into_another():
    """A level's code is visible nowhere but through its table: no weak symbol of the kernels in the library."""
    if shutil.which("nm") is None:
        pytest.skip("binutils' nm is not installed")
    listing = subprocess.run(["nm", "-C", _native.__file__], capture_output=True, text=True, check=True).stdout
    weak = [line for line in listing.splitlines() if line.split(maxsplit=2)[-2] in ("W", "V", "u")]
    assert not [line for line in weak if "product" in line or "forward" in line or "Vec" in line]
    dynamic = subprocess.run(["nm", "-D", _native.__file__], capture_output=True, text=True, check=True).stdout
    assert "unrolled" not in dynamic


def test_other_dtypes_have_no_kernel(case):
    c = case("gru", 2, 2, 2, 2).to(np.float16)
    with pytest.raises(InputError, match="weight_ih has dtype float16: expected float32 or float64"):
        PackedWeights("gru", c.parameters)
