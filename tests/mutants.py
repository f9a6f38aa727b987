"""Plants faults in the code, one at a time, and reports those that the tests miss.

Run as ``make mutants``, or ``python tests/mutants.py [--only TEXT]``. It works on copies of the checkout. Faults in
native/ are compiled there with little optimisation, and only for the best CPU level of this machine. A fault is killed
if its tests fail, crash or do not end; before any is planted, the same tests must pass. Exit code 1 if a fault
survives, 2 if its text does not stand exactly once in its file, or does not compile.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("src", "native", "tests", "CMakeLists.txt", "pyproject.toml", "README.md", "LICENSE")
HANGS = 300  # seconds

CELLS = "tests/cells/test_cell_gradients.py tests/cells/test_output_and_loss.py tests/cells/test_gru_limits.py"
KERNELS = "tests/kernels/test_against_reference.py tests/kernels/test_elementary.py"
BITS = "tests/kernels/test_row_bits.py"
CHECKS = "tests/kernels/test_checks.py"
DENORMALS = "tests/kernels/test_denormals.py"
THREADS = "tests/kernels/test_threads.py"
RUNTIME = "tests/runtime/test_recurrent_layer.py"
NN_TORCH = "tests/nn/test_nn_against_torch.py"
NN_LENGTHS = "tests/nn/test_nn_lengths.py"
NN_DROPOUT = "tests/nn/test_nn_dropout.py"
NN_MODULE = "tests/nn/test_nn_module.py"
NN_OPERATOR = "tests/nn/test_nn_operator.py"
NN_DATABASE = "tests/nn/test_nn_torch_database.py"
NN_STATES = "tests/nn/test_nn_states.py"
NN_EXPORT = "tests/nn/test_nn_export.py"


class Mutant(NamedTuple):
    """A fault: the text it replaces, which stands once in the file, and the tests that must notice."""

    what: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def compiled(self) -> bool:
        return self.file.startswith("native/")


def cells(what: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(what, f"src/unrolled/cells/{file}", old, new, CELLS)


def native(what: str, file: str, old: str, new: str, tests: str = KERNELS) -> Mutant:
    return Mutant(f"native: {what}", f"native/{file}", old, new, tests)


def python(what: str, file: str, old: str, new: str, tests: str) -> Mutant:
    return Mutant(what, f"src/unrolled/{file}", old, new, tests)


MUTANTS = (
    cells("LSTM: input and forget gate swapped", "lstm.py", '("i", "f", "g", "o")', '("f", "i", "g", "o")'),
    cells("LSTM: candidate through a sigmoid", "lstm.py", 'g = np.tanh(a["g"])', 'g = sigmoid(a["g"])'),
    cells("LSTM: recurrent bias dropped", "lstm.py", ' + params["bias_hh"]', ""),
    cells("LSTM: cell gradient not carried", "lstm.py", "dc = dc + dh * o", "dc = dh * o"),
    cells("LSTM: forget gate missing from the carried gradient", "lstm.py", "dc_prev = dc * f", "dc_prev = dc"),
    cells(
        "LSTM: gradients of single steps' cell states dropped",
        "unroll.py",
        "(outside[t] + later for outside, later in zip(grad_steps, grad_states, strict=True))",
        "(grad_steps[0][t] + grad_states[0], *grad_states[1:])",
    ),
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
        "LSTM kernel: gradients of single steps' cell states ignored", "cells/lstm.hpp", "if (f.grad_c)", "if (false)"
    ),
    native(
        "LSTM kernel: cell states of the other direction",
        "cells/lstm.hpp",
        "state_before<T>(b, r, f.c0, f.c, f.h_row) + u",
        "state_before<T>(b, r, f.c0, f.c, H) + u",
        NN_STATES,
    ),
    native(
        "weight gradients: only the first round of sums",
        "module.cpp",
        "for (int round = 0; round < rounds_; ++round)\n        kernels.outer_sums",
        "for (int round = 0; round < 1; ++round)\n        kernels.outer_sums",
        BITS,
    ),
    python(
        "gradients of cell states of the other direction",
        "nn/backward.py",
        "address(grad_cells, d * H)",
        "address(grad_cells, 0)",
        NN_STATES,
    ),
    python(
        "gradients of cell states lost",
        "nn/layer.py",
        "(*grads, None, None)[:4]",
        "(*grads[:3], None, None)[:4]",
        NN_STATES,
    ),
    python("ONNX: gates of the LSTM in torch's order", "nn/onnx.py", '"iofg"', '"ifgo"', NN_EXPORT),
    python(
        "ONNX: reset before the product",
        "nn/onnx.py",
        '"linear_before_reset": 1',
        '"linear_before_reset": 0',
        NN_EXPORT,
    ),
    python("ONNX: empty sequences end in zeros", "nn/onnx.py", "torch.where(empty, first, end)", "end", NN_EXPORT),
    python("ONNX: linear recurrence through a tanh", "nn/onnx.py", '"Affine"', '"Tanh"', NN_EXPORT),
    python(
        "traces without a tape", "nn/layer.py", "x, h0, c0, weights, True)", "x, h0, c0, weights, False)", NN_EXPORT
    ),
    native(
        "LSTM kernel: carried cell gradient lost",
        "cells/lstm.hpp",
        "store_some(carried, grad_c * forget, count)",
        "store_some(carried, grad_c, count)",
    ),
    native(
        "GRU kernel: recurrent bias ignored",
        "product.hpp",
        "const T* bias, int64_t gate, int64_t unit) {\n    return bias",
        "const T* bias, int64_t gate, int64_t unit) {\n    return bias == input && bias",
    ),
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
        "larger(own.first_row, s.after_rows)",
        "larger(own.first_row, s.before_rows)",
    ),
    native(
        "initial gradient of late starters lost",
        "drivers.hpp",
        "Part begins{larger(own.first_row, s.before_rows)",
        "Part begins{larger(own.first_row, s.after_rows)",
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
        "lane < units ? in[lane * unit_stride + k * k_stride] : T(0)",
        "lane + 1 < units ? in[lane * unit_stride + k * k_stride] : T(0)",
    ),
    native("a block's rows miscounted", "product.hpp", "(i < rows % blocks)", "(i <= rows % blocks)"),
    native(
        "a thread's rows cut one short",
        "module.cpp",
        "kernel(call, {cuts[part], cuts[part + 1], 0, H",
        "kernel(call, {cuts[part], cuts[part + 1] - (part ? 0 : 1), 0, H",
        BITS,
    ),
    native(
        "the last of the threads' units left out",
        "module.cpp",
        "std::min(last, H), parts > 1",
        "std::min(last, H - 1), parts > 1",
        BITS,
    ),
    native(
        "threads that share the units do not wait for one another",
        "drivers.hpp",
        "if (own.meet) own.meet(own.others)",
        "(void)own",
        BITS,
    ),
    native(
        "a row depends on its block",
        "product.hpp",
        "first.part(row, k, stretch, columns",
        "first.part(row, k, stretch - (count > 3), columns",
        BITS,
    ),
    native(
        "GRU kernel: the candidate's two biases in one sum",
        "product.hpp",
        "p.apart && gate == p.gates - 1 ?",
        "p.apart && gate == -1 ?",
    ),
    native(
        "GRU kernel: the candidate's two products in one sum",
        "product.hpp",
        "accumulate<T, COLUMNS, ROWS, W, W - 1>(sum, first)",
        "accumulate<T, COLUMNS, ROWS, W, COLUMNS - 1>(sum, first)",
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
        "return self._row - self.kernel.gates * self.hidden",
        "return 0",
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
    python("nn: reset_after ignored", "nn/gru.py", '"gru" if reset_after else "gru_reset_before"', '"gru"', NN_TORCH),
    python(
        "nn: dropout after evaluation too",
        "nn/recurrent.py",
        "self.dropout, self.training)",
        "self.dropout, True)",
        NN_DROPOUT,
    ),
    python(
        "nn: dropout before the first layer",
        "nn/recurrent.py",
        "if index and self.dropout",
        "if self.dropout",
        NN_DROPOUT,
    ),
    python(
        "nn: second direction's columns overlap",
        "nn/backward.py",
        "h=address(y, d * H), h_row=directions * H,\n            c=",
        "h=address(y, 0), h_row=directions * H,\n            c=",
        NN_TORCH,
    ),
    python(
        "nn: second direction not reversed backward",
        "nn/backward.py",
        "reverse=d == 1, threads",
        "reverse=False, threads",
        NN_TORCH,
    ),
    python(
        "nn: last states not put back in order",
        "nn/recurrent.py",
        "rearrange(end, 1, order.batch_places, order.sequences)",
        "rearrange(end, 1, order.sequences, order.batch_places)",
        NN_LENGTHS,
    ),
    python(
        "nn: padding rows keep values",
        "nn/forward.py",
        "rows.view(R, directions * H)[N:] = 0",
        "rows.view(R, directions * H)[N:] = 1",
        NN_LENGTHS,
    ),
    python(
        "nn: batch_first of the output forgotten",
        "nn/recurrent.py",
        "lambda steps: steps.transpose(0, 1)",
        "lambda steps: steps",
        NN_TORCH,
    ),
    cells("LSTM: slope of tanh(c) dropped", "lstm.py", "dh * o * (1 - np.tanh(c) ** 2)", "dh * o"),
    cells(
        "GRU, before: dU of the candidate without r", "gru_reset_before.py", "da_n.T @ (r * h_prev)", "da_n.T @ h_prev"
    ),
    cells("RNN: ReLU's slope is 1 everywhere", "rnn.py", "return np.sign(h)", "return np.sign(h) ** 0"),
    cells("the state is not handed on", "unroll.py", "        states = after\n", ""),
    cells("gradients from later steps dropped", "unroll.py", "outside[t] + later for", "outside[t] + 0 * later for"),
    cells("gradients of x in reverse order", "unroll.py", "np.stack(grad_x[::-1])", "np.stack(grad_x)"),
    cells(
        "parameters' gradients of the first step only",
        "unroll.py",
        "total += contributions",
        "total[:] = contributions",
    ),
    cells("output layer: sum over the batch dropped", "output.py", "db_y = dq.sum(0)", "db_y = dq[0]"),
    cells("cross entropy: sign of the gradient", "loss.py", "return E, softmax(q) - y", "return E, y - softmax(q)"),
    native(
        "LSTM kernel: without a tape the cell state starts anew",
        "cells/lstm.hpp",
        "state_before<T>(b, r, f.c0, f.c, f.h_row) : c_now;",
        "state_before<T>(b, r, f.c0, f.c, f.h_row) : at<T>(f.c0, b.row + r, H);",
        BITS,
    ),
    native(
        "GRU kernel: the tape is overwritten",
        "cells/gru.hpp",
        "store_some(grad + 3 * H, grad_n, count);",
        "store_some(grad + 3 * H, grad_n, count), store_some(const_cast<T*>(gates), grad_n, count);",
    ),
    native(
        "exp: results below the normal numbers lost",
        "elementary.hpp",
        "const IntVec<T> half = e.n >> 1;",
        "const IntVec<T> half = e.n;",
    ),
    native("exp: a digit of the polynomial", "elementary.hpp", "0.166666672f", "0.166676672f"),
    native(
        "denormals not flushed",
        "flush.hpp",
        "_mm_setcsr(saved_ | 0x8040u)",
        "_mm_setcsr(saved_)",
        DENORMALS,
    ),
    native(
        "flushing stays on after the call",
        "flush.hpp",
        "~FlushToZero() { _mm_setcsr(saved_); }",
        "~FlushToZero() {}",
        DENORMALS,
    ),
    native(
        "initial states of all rows are the first's",
        "block.hpp",
        "static_cast<const T*>(initial) + (b.row + r) * b.units",
        "static_cast<const T*>(initial) + b.row * b.units",
    ),
    native(
        "a row's last state lost",
        "drivers.hpp",
        "row < smaller(own.last_row, s.rows); ++row",
        "row + 1 < smaller(own.last_row, s.rows); ++row",
        NN_LENGTHS,
    ),
    native(
        "sequences without steps lose their cell state",
        "drivers.hpp",
        "copy_row(at<T>(f.c_last, row, H) + u, at<T>(f.c0, row, H) + u, n);\n    if",
        "if",
        NN_LENGTHS,
    ),
    native(
        "a row that ends takes its neighbour's gradient",
        "drivers.hpp",
        "begin < s.after_rows ?",
        "begin <= s.after_rows ?",
    ),
    native(
        "a second stretch of k with the first one's weights",
        "product.hpp",
        "packed + first * width};",
        "packed};",
    ),
    native(
        "one row: every group with the first one's weights",
        "product.hpp",
        "load(packed + g * next_group + i * kLanes<T>)",
        "load(packed + i * kLanes<T>)",
    ),
    native(
        "the second factor begins where the first one does",
        "product.hpp",
        "second.part(row, k - first.depth, stretch",
        "second.part(row, k, stretch",
    ),
    native(
        "dense: the bias of the first group for all",
        "dense.hpp",
        "load_some(bias + group.first_unit + u, units - u)",
        "load_some(bias + u, units - u)",
        BITS,
    ),
    native(
        "weight gradients: a panel's rows miscounted",
        "outer_sum.hpp",
        "add_products<T>(pieces, factor, b, b_row, rows, panel)",
        "add_products<T>(pieces, factor, b, b_row, smaller(rows, kPanelRows - 1), panel)",
    ),
    native(
        "weight gradients: a panel's columns from the wrong place",
        "outer_sum.hpp",
        "panel + r * width, b + r * b_row + across",
        "panel + r * width, b + r * b_row",
    ),
    native(
        "weight gradients: the initial state of all rows is the first's",
        "outer_sum.hpp",
        "step.rows - step.before_rows, true, step.before_rows",
        "step.rows - step.before_rows, true, 0",
    ),
    native(
        "weight gradients: sums of the columns lost",
        "outer_sum.hpp",
        "total[i] += values",
        "total[i] = values",
    ),
    python(
        "kernels: the input product beforehand takes U's bias along",
        "kernels/kernel.py",
        "bias_ih and bias_ih + at, 0, 1, H",
        "bias_ih and bias_ih + at, bias_hh and bias_hh + at, 1, H",
        KERNELS,
    ),
    native(
        "dense: rows left over between threads",
        "module.cpp",
        "rows * (part + 1) / parts",
        "rows / parts * (part + 1)",
        BITS,
    ),
    native("a forked child waits for threads it has not", "pool.cpp", "  pool.store(nullptr);\n", "", THREADS),
    python(
        "kernels: the caller's initial states are overwritten",
        "kernels/arrays.py",
        "last = tuple(s.copy() for s in first)",
        "last = first",
        KERNELS,
    ),
    python(
        "kernels: the caller's gradients are overwritten",
        "kernels/arrays.py",
        "(B, H)).copy() for g in grad_last",
        "(B, H)) for g in grad_last",
        KERNELS,
    ),
    python(
        "kernels: backward packs the gates in forward order",
        "kernels/kernel.py",
        "((2, 1), (0, 2)),)",
        "((0, 3),),)",
        KERNELS,
    ),
    python(
        "kernels: initial state left out of dU",
        "kernels/gradients.py",
        "(h, h_row, H, h0)]",
        "(h, h_row, H, h)]",
        KERNELS,
    ),
    python(
        "kernels: dU with the states of the reversed direction",
        "kernels/gradients.py",
        "self.layout.address, reverse, self.address",
        "self.layout.address, False, self.address",
        KERNELS,
    ),
    python(
        "kernels: UNROLLED_NUM_THREADS ignored",
        "kernels/threads.py",
        "    if wanted is None:\n",
        "    if True:\n",
        THREADS,
    ),
    python(
        "runtime: states not sorted with their sequences",
        "runtime/recurrent.py",
        "tuple(s[order] for s in states)",
        "states",
        BITS,
    ),
    python(
        "runtime: reverse ignored without lengths",
        "runtime/recurrent.py",
        "Layout.padded(T, B), reverse=self.reverse",
        "Layout.padded(T, B), reverse=False",
        RUNTIME,
    ),
    python(
        "runtime: reverse ignored with lengths",
        "runtime/recurrent.py",
        "layout, reverse=self.reverse",
        "layout, reverse=False",
        RUNTIME,
    ),
    python(
        "runtime: a length beyond the input accepted",
        "runtime/recurrent.py",
        "given.max() > T)",
        "given.max() > T + 1)",
        CHECKS,
    ),
    python(
        "nn: dropout without its scale",
        "nn/recurrent.py",
        "F.dropout(outputs, self.dropout, self.training)",
        "F.dropout(outputs, self.dropout, self.training) * (1 - self.dropout)",
        NN_DROPOUT,
    ),
    python(
        "nn: batch_first of the input forgotten",
        "nn/recurrent.py",
        "self._run_layers(input.transpose(0, 1) if self.batch_first else input, states, sizes, every)",
        "self._run_layers(input.reshape(T, B, -1), states, sizes, every)",
        NN_TORCH,
    ),
    python(
        "nn: every layer takes the first one's states",
        "nn/recurrent.py",
        "[s[index * D : index * D + D] for s in states]",
        "[s[:D] for s in states]",
        NN_TORCH,
    ),
    python(
        "nn: second direction writes over the first",
        "nn/forward.py",
        "h=address(y, d * H)",
        "h=address(y, 0)",
        NN_TORCH,
    ),
    python(
        "nn: both directions start from the first one's state",
        "nn/forward.py",
        "h0=address(h0, state)",
        "h0=address(h0, 0)",
        NN_TORCH,
    ),
    python(
        "nn: second direction's input gradient replaces the first's",
        "nn/backward.py",
        "grad_x.data_ptr(), add=d == 1)",
        "grad_x.data_ptr(), add=False)",
        NN_TORCH,
    ),
    python(
        "nn: biases left out",
        "nn/buffers.py",
        "addresses = [weight.data_ptr() for weight in weights]",
        "addresses = [weight.data_ptr() for weight in weights[:2]]",
        NN_TORCH,
    ),
    python(
        "nn: hidden and cell state exchanged",
        "nn/lstm.py",
        "else (states[-1][0], (h_n, c_n))",
        "else (states[-1][0], (c_n, h_n))",
        NN_TORCH,
    ),
    python("nn: nonlinearity ignored", "nn/rnn.py", 'f"rnn_{nonlinearity}"', '"rnn_tanh"', NN_TORCH),
    python(
        "nn: a sequence lives one step too long",
        "nn/lengths.py",
        "[:, None] < given[sequences]",
        "[:, None] <= given[sequences]",
        NN_LENGTHS,
    ),
    python(
        "nn: gradient of a permutation is the permutation",
        "nn/lengths.py",
        "rearrange(grad_outputs[0], ctx.dim, inverse, index)",
        "rearrange(grad_outputs[0], ctx.dim, index, inverse)",
        NN_LENGTHS,
    ),
    python(
        "nn: gradient of padding is not zero",
        "nn/backward.py",
        "grad_x.view(-1, x.shape[2])[rows:] = 0",
        "grad_x.view(-1, x.shape[2])[rows:] = 1",
        NN_LENGTHS,
    ),
    python(
        "nn: a packed sequence's last states in sorted order",
        "nn/recurrent.py",
        "end.index_select(1, input.unsorted_indices)",
        "end.index_select(1, input.sorted_indices)",
        NN_LENGTHS,
    ),
    python(
        "nn: a cell starts from zero whatever it is given",
        "nn/cell.py",
        "h0, c0 = (*checked, None, None)[:2]",
        "h0, c0 = None, None",
        NN_DATABASE,
    ),
    python(
        "nn: second derivatives of the wrong gate",
        "nn/composite.py",
        "r, z = (W_r + U_r).sigmoid(), (W_z + U_z).sigmoid()",
        "z, r = (W_r + U_r).sigmoid(), (W_z + U_z).sigmoid()",
        NN_OPERATOR,
    ),
    python(
        "nn: packed weights kept from call to call",
        "nn/buffers.py",
        "def pack(kernel",
        "@lru_cache\ndef pack(kernel",
        NN_MODULE,
    ),
    python(
        "nn: gradients that arrive are overwritten",
        "nn/backward.py",
        "grad.clone(memory_format=torch.contiguous_format)",
        "grad.contiguous()",
        NN_OPERATOR,
    ),
)


class Broken(Exception):
    """This table or this machine is at fault, not the code."""


class Tree:
    """A copy of the checkout."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        ignored = shutil.ignore_patterns("*.so", "__pycache__")
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name, **({"ignore": ignored} if source.is_dir() else {}))

    def run(self, command: list[str], folder: Path | None = None) -> tuple[int | None, str]:
        """Exit code and output; no exit code if it does not end."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        # without .pyc files: a changed source may have the size and second of the one that was compiled before
        environment |= {"PYTHONPATH": str(self.root / "src"), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        log = self.root / "log"
        with log.open("wb") as out:
            try:
                code = subprocess.run(
                    command, cwd=folder or self.root, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    timeout=HANGS, check=False,
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                code = None
        return code, log.read_text(encoding="utf8", errors="replace")

    def must(self, command: list[str], folder: Path | None = None) -> str:
        """Its output; a command that fails is an error of this table or this machine."""
        code, said = self.run(command, folder)
        if code != 0:
            raise Broken(f"{' '.join(command)[:200]} failed:\n{said[-2000:]}")
        return said

    def test(self, tests: str) -> str | None:
        """What noticed a fault; nothing if all tests pass."""
        options = ["-x", "-q", "-p", "no:cacheprovider"]
        code, said = self.run([sys.executable, "-m", "pytest", *options, *tests.split()])
        failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", said, re.M)
        if code == 0:
            return None
        if code is None:
            return "does not end"
        if code < 0:
            return f"crash, signal {-code}"
        if code == 1 and failed:
            return failed[1].removeprefix("tests/")
        raise Broken(f"pytest ended with exit code {code}:\n{said[-2000:]}")

    def plant(self, mutant: Mutant) -> str | None:
        """Plant a fault, run its tests, take it out again; tell what noticed it."""
        path = self.root / mutant.file
        text = path.read_text(encoding="utf8")
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf8")
        try:
            if mutant.compiled:
                self.recompile(mutant)
            return self.test(mutant.tests)
        finally:
            path.write_text(text, encoding="utf8")
            if mutant.compiled:
                self.restore()

    def build(self) -> None:
        """Compile everything once."""
        lists = self.root / "CMakeLists.txt"
        lists.write_text(lists.read_text(encoding="utf8").replace("-O3", "-O1"), encoding="utf8")
        options = ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
        self.must(["cmake", "-S", ".", "-B", "build", "-G", "Ninja", f"-DPython_EXECUTABLE={sys.executable}", *options])
        self.must(["ninja", "-C", "build", "_native"])
        shutil.copytree(self.root / "build", self.root / "clean-build")
        self.install()
        names = "from unrolled.kernels import _native; print(_native.levels()[0])"
        self.level = self.must([sys.executable, "-c", names]).strip()

    def recompile(self, mutant: Mutant) -> None:
        """Compile the one object that holds the fault, and link."""
        build = self.root / "build"
        commands = json.loads((build / "compile_commands.json").read_text(encoding="utf8"))
        if mutant.file.endswith(".cpp"):
            [command] = [entry["command"] for entry in commands if entry["file"].endswith(mutant.file)]
        else:  # a header of the kernels, which one object a CPU level holds
            [command] = [
                entry["command"] for entry in commands if f"-DUNROLLED_LEVEL={self.level} " in entry["command"]
            ]
        link = self.must(["ninja", "-C", "build", "-t", "commands", "_native"]).strip().splitlines()[-1]
        for each in (command, link):
            self.must(["/bin/sh", "-c", each], build)
        self.install()

    def restore(self) -> None:
        shutil.rmtree(self.root / "build")
        shutil.copytree(self.root / "clean-build", self.root / "build")
        self.install()

    def install(self) -> None:
        for library in (self.root / "build").glob("_native*.so"):
            self.put(library)

    def put(self, library: Path) -> None:
        target = self.root / "src" / "unrolled" / "kernels" / library.name
        target.unlink(missing_ok=True)
        shutil.copy(library, target)


def check_texts(mutants: list[Mutant]) -> None:
    """Every fault's text stands exactly once in its file."""
    wrong = [m for m in mutants if (ROOT / m.file).read_text(encoding="utf8").count(m.old) != 1]
    if wrong:
        raise Broken("\n".join(f"{m.what}: not exactly once in {m.file}: {m.old}" for m in wrong))


def survivors_of(tree: Tree, mutants: list[Mutant]) -> list[Mutant]:
    """One fault after the other; the survivors."""
    for tests in sorted({mutant.tests for mutant in mutants}):
        noticed = tree.test(tests)
        if noticed:
            raise Broken(f"without any fault: {noticed}")
    survivors: list[Mutant] = []
    for mutant in mutants:
        start = time.monotonic()
        noticed = tree.plant(mutant)
        if not noticed:
            survivors.append(mutant)
        verdict = f"killed   {mutant.what}, by {noticed}" if noticed else f"SURVIVED {mutant.what}"
        print(f"{time.monotonic() - start:4.0f} s  {verdict}", flush=True)
    return survivors


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="plant only faults whose description or file holds TEXT"
    )
    wanted = parser.parse_args().only
    mutants = [mutant for mutant in MUTANTS if wanted in mutant.what or wanted in mutant.file]
    try:
        check_texts(mutants)
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
            compiled, interpreted = Tree(Path(folder, "native")), Tree(Path(folder, "python"))
            compiled.build()
            for library in (compiled.root / "build").glob("_native*.so"):
                interpreted.put(library)
            halves = (
                pool.submit(survivors_of, compiled, [mutant for mutant in mutants if mutant.compiled]),
                pool.submit(survivors_of, interpreted, [mutant for mutant in mutants if not mutant.compiled]),
            )
            survivors = [mutant for half in halves for mutant in half.result()]
    except Broken as problem:
        print(problem, file=sys.stderr)
        return 2
    for mutant in survivors:
        print(f"survived: {mutant.what} ({mutant.file})")
    print(f"{len(mutants) - len(survivors)} killed, {len(survivors)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
