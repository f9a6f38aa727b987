"""Plants faults in the code, one at a time, and reports which of them the tests miss.

Run as ``make mutants``, or ``python tests/mutants.py [--only TEXT]``. It works on a copy of the checkout; faults in
native/ are compiled there with little optimisation. Exit code 1 if a fault survives or its text is no longer found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CELLS = "tests/cells/test_cell_gradients.py tests/cells/test_output_and_loss.py tests/cells/test_gru_limits.py"
KERNELS = "tests/kernels/test_against_reference.py tests/kernels/test_elementary.py"
BITS = "tests/kernels/test_row_bits.py"
CHECKS = "tests/kernels/test_checks.py"
NN = "tests/nn"


class Mutant(NamedTuple):
    """A fault: the text it replaces, which stands once in the file, and the tests that must notice."""

    what: str
    file: str
    old: str
    new: str
    tests: str


def cells(what: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(what, f"src/unrolled/cells/{file}", old, new, CELLS)


def native(what: str, file: str, old: str, new: str, tests: str = KERNELS) -> Mutant:
    return Mutant(what, f"native/{file}", old, new, tests)


def python(what: str, file: str, old: str, new: str, tests: str) -> Mutant:
    return Mutant(what, f"src/unrolled/{file}", old, new, tests)


MUTANTS = (
    cells("LSTM: input and forget gate swapped", "lstm.py", '("i", "f", "g", "o")', '("f", "i", "g", "o")'),
    cells("LSTM: candidate through a sigmoid", "lstm.py", 'g = np.tanh(a["g"])', 'g = sigmoid(a["g"])'),
    cells("LSTM: recurrent bias dropped", "lstm.py", ' + params["bias_hh"]', ""),
    cells("LSTM: cell gradient not carried", "lstm.py", "dc = dc + dh * o", "dc = dh * o"),
    cells("LSTM: forget gate missing from the carried gradient", "lstm.py", "dc_prev = dc * f", "dc_prev = dc"),
    cells("GRU: reset and update gate swapped", "gru.py", '("r", "z", "n")\n\n\n', '("z", "r", "n")\n\n\n'),
    cells("GRU: the update gate's sign", "gru.py", "h = (1 - z) * n + z * h_prev", "h = z * n + (1 - z) * h_prev"),
    cells("GRU: reset gate ignored", "gru.py", 'Wx["n"] + r * Uh["n"]', 'Wx["n"] + Uh["n"]'),
    cells("GRU: reset gate missing from dU", "gru.py", '"n": da_n * r}, GATES)', '"n": da_n}, GATES)'),
    cells("GRU: direct path of the gradient dropped", "gru.py", "dh * z + dUh @ U", "dUh @ U"),
    cells(
        "GRU, before: reset after instead", "gru_reset_before.py", '(r * h_prev) @ U["n"].T', 'r * (h_prev @ U["n"].T)'
    ),
    cells("GRU, before: reset gate's gradient as printed", "gru_reset_before.py", "dr = drh * h_prev", "dr = drh"),
    cells("GRU, before: path through the reset dropped", "gru_reset_before.py", " + drh * r", ""),
    cells("RNN: slope of tanh", "rnn.py", "return 1 - h**2", "return 1 - h"),
    cells("RNN: transposed recurrent weight", "rnn.py", "h_prev @ U.T", "h_prev @ U"),
    native(
        "LSTM kernel: i and f swapped",
        "cells/lstm.hpp",
        "i = load(a), forget = load(a + kLanes<T>)",
        "forget = load(a), i = load(a + kLanes<T>)",
    ),
    native(
        "LSTM kernel: tape holds o in place of g",
        "cells/lstm.hpp",
        "store_some(gates + 2 * H, g, count)",
        "store_some(gates + 2 * H, o, count)",
    ),
    native(
        "LSTM kernel: carried cell gradient lost",
        "cells/lstm.hpp",
        "store_some(carried, grad_c * forget, count)",
        "store_some(carried, grad_c, count)",
    ),
    native("GRU kernel: recurrent bias ignored", "cells/gru.hpp", "kBiasGate = 2", "kBiasGate = -1"),
    native(
        "GRU kernel: z and 1 - z exchanged",
        "cells/gru.hpp",
        "fma(z, h_before, one_minus<T>(z) * n)",
        "fma(z, n, one_minus<T>(z) * h_before)",
    ),
    native("GRU kernel: direct path not carried", "cells/gru.hpp", "kCarry = true", "kCarry = false"),
    native(
        "GRU kernel: reset gate missing on U's side",
        "cells/gru.hpp",
        "store_some(grad, grad_n * r, count)",
        "store_some(grad, grad_n, count)",
    ),
    native(
        "GRU kernel, before: reset state without r",
        "cells/gru_reset_before.hpp",
        "store_some(at<T>(f.reset_state, p, H) + u, r * h_before",
        "store_some(at<T>(f.reset_state, p, H) + u, h_before",
    ),
    native(
        "GRU kernel, before: reset path dropped",
        "cells/gru_reset_before.hpp",
        "fma(grad_reset_state, r, load_some(carried, count))",
        "load_some(carried, count)",
    ),
    native(
        "RNN kernel: ReLU swallows NaN",
        "cells/rnn.hpp",
        "a < broadcast(T(0)) ? broadcast(T(0)) : a",
        "a > broadcast(T(0)) ? a : broadcast(T(0))",
    ),
    native(
        "tanh loses its sign",
        "elementary.hpp",
        "return (Vec<T>)((IntVec<T>)divide<T>(m, sum, m - (sum - two)) ^ sign)",
        "return divide<T>(m, sum, m - (sum - two)) + (Vec<T>)(sign & 0)",
    ),
    native(
        "sigmoid without its correction",
        "elementary.hpp",
        "return fma(remainder, inverse, y)",
        "return y + remainder * broadcast(T(0))",
    ),
    native("reversed steps look the wrong way", "sequences.hpp", "forward = s.reverse ? -1 : 1", "forward = 1"),
    native(
        "last states kept of the wrong rows",
        "drivers.hpp",
        "larger(first, s.after_rows)",
        "larger(first, s.before_rows)",
    ),
    native(
        "initial gradient of late starters lost",
        "drivers.hpp",
        "Part begins{larger(first, s.before_rows)",
        "Part begins{larger(first, s.after_rows)",
    ),
    native(
        "packing off by one k",
        "product.hpp",
        "packed + p.first_k * columns",
        "packed + (p.first_k ? p.first_k - 1 : 0) * columns",
    ),
    native(
        "a tail of units not zeroed",
        "product.hpp",
        "unit < p.units ? in[k * p.k_stride] : T(0)",
        "unit + 1 < p.units ? in[k * p.k_stride] : T(0)",
    ),
    native("a block's rows miscounted", "product.hpp", "(i < rows % blocks)", "(i <= rows % blocks)"),
    native(
        "a thread's rows cut one short",
        "module.cpp",
        "kernel(call, cuts[part], cuts[part + 1])",
        "kernel(call, cuts[part], cuts[part + 1] - (part ? 0 : 1))",
        BITS,
    ),
    native(
        "a row depends on its block",
        "product.hpp",
        "const int64_t n = depth - k < stretch ? depth - k : stretch",
        "const int64_t n = depth - k < stretch ? depth - k : stretch - (rows > 3)",
        BITS,
    ),
    python(
        "kernels: GRU's bias summed into the input", "kernels/gradients.py", "bias[own] = bias_ih[own]", "pass", KERNELS
    ),
    python(
        "kernels: state before shifted by one step",
        "kernels/layout.py",
        "step + 1 if reverse else step - 1",
        "step - 1 if reverse else step + 1",
        KERNELS + " " + CHECKS,
    ),
    python(
        "kernels: gate columns of W from the wrong end",
        "kernels/gradients.py",
        "grad_gates[:, -kernel.gates * hidden :]",
        "grad_gates[:, : kernel.gates * hidden]",
        KERNELS,
    ),
    python("kernels: lengths one step long", "kernels/layout.py", 'side="left"', 'side="right"', KERNELS),
    python(
        "runtime: states not put back in order",
        "runtime/recurrent.py",
        "back = np.argsort(order)",
        "back = order",
        BITS,
    ),
    python(
        "runtime: padding not zeroed", "runtime/recurrent.py", "y = np.zeros((T * B, H)", "y = np.ones((T * B, H)", BITS
    ),
    python("nn: reset_after ignored", "nn/gru.py", '"gru" if reset_after else "gru_reset_before"', '"gru"', NN),
    python(
        "nn: dropout after evaluation too", "nn/recurrent.py", "self.dropout, self.training)", "self.dropout, True)", NN
    ),
    python("nn: dropout before the first layer", "nn/recurrent.py", "if index and self.dropout", "if self.dropout", NN),
    python("nn: second direction's columns overlap", "nn/backward.py", "h=address(y, d * H)", "h=address(y, 0)", NN),
    python(
        "nn: second direction not reversed backward",
        "nn/backward.py",
        "reverse=d == 1, threads",
        "reverse=False, threads",
        NN,
    ),
    python(
        "nn: last states not put back in order",
        "nn/recurrent.py",
        "rearrange(end, 1, order.batch_places, order.sequences)",
        "rearrange(end, 1, order.sequences, order.batch_places)",
        NN,
    ),
    python(
        "nn: padding rows keep values",
        "nn/forward.py",
        "y.view(R, directions * H)[N:] = 0",
        "y.view(R, directions * H)[N:] = 1",
        NN,
    ),
    python(
        "nn: batch_first of the output forgotten",
        "nn/recurrent.py",
        "            if self.batch_first:\n                outputs = outputs.transpose(0, 1)\n",
        "",
        NN,
    ),
)


def run(command: list[str], tree: Path) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1", "COVERAGE_PROCESS_START": ""}
    log = tree / "mutants.log"
    with log.open("w") as out:
        return (
            subprocess.run(
                command, cwd=tree, env=environment, stdout=out, stderr=out, timeout=900, check=False
            ).returncode
            == 0
        )


def build(tree: Path) -> bool:
    """Compile the extension of the tree in place; only what changed is compiled anew."""
    folder = tree / "build-mutants"
    tools = Path(sys.executable).parent
    cmake, ninja = str(tools / "cmake"), str(tools / "ninja")
    if not folder.exists():
        options = [
            f"-DPython_EXECUTABLE={sys.executable}",
            f"-DCMAKE_MAKE_PROGRAM={ninja}",
            "-DCMAKE_BUILD_TYPE=Release",
        ]
        if not run([cmake, "-S", ".", "-B", str(folder), "-G", "Ninja", *options], tree):
            return False
    if not run([ninja, "-C", str(folder)], tree):
        return False
    for library in folder.glob("_native*.so"):
        shutil.copy(library, tree / "src/unrolled/kernels" / library.name)
    return True


def tests_pass(tests: str, tree: Path) -> bool:
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist"]
    return run([sys.executable, "-m", "pytest", *options, *tests.split()], tree)


def survives(mutant: Mutant, tree: Path) -> bool:
    """Plant the fault, run its tests, take it out again; a fault that does not compile is an error in this table."""
    path = tree / mutant.file
    text = path.read_text(encoding="utf8")
    if text.count(mutant.old) != 1:
        raise LookupError(f"{mutant.file} holds {text.count(mutant.old)} times: {mutant.old}")
    compiled = mutant.file.startswith("native/")
    try:
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf8")
        if compiled and not build(tree):
            raise LookupError(f"does not compile:\n{(tree / 'mutants.log').read_text()[-1500:]}")
        return tests_pass(mutant.tests, tree)
    finally:
        path.write_text(text, encoding="utf8")
        if compiled:
            build(tree)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="plant only faults whose description holds this text")
    wanted = [m for m in MUTANTS if parser.parse_args().only in m.what]
    survivors: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "unrolled"
        ignored = shutil.ignore_patterns(".git", ".venv", "build", "_build", "*.so", "__pycache__", ".hypothesis")
        shutil.copytree(ROOT, tree, ignore=ignored)
        lists = tree / "CMakeLists.txt"
        lists.write_text(lists.read_text(encoding="utf8").replace("-O3", "-O1"), encoding="utf8")
        if not build(tree):
            print((tree / "mutants.log").read_text()[-3000:])
            return 1
        for tests in sorted({m.tests for m in wanted}):
            if not tests_pass(tests, tree):
                print(f"the tests fail without any fault: {tests}\n{(tree / 'mutants.log').read_text()[-3000:]}")
                return 1
        for mutant in wanted:
            start = time.monotonic()
            try:
                alive = survives(mutant, tree)
            except LookupError as error:
                print(f"{mutant.what}: {error}")
                return 1
            if alive:
                survivors.append(mutant.what)
            print(f"{'SURVIVED' if alive else 'killed  '} {time.monotonic() - start:5.0f} s  {mutant.what}", flush=True)
    print(f"{len(wanted) - len(survivors)} killed, {len(survivors)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
