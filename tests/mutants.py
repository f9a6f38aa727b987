"""Plants faults in the code, one at a time, and reports those that the tests miss.

Run as ``make mutants``, or ``python tests/mutants.py [--only TEXT]``, where TEXT may be ``native/`` for those that are
compiled, or ``src/`` for the others. It works on copies of the checkout. Faults in native/ are compiled there with
little optimisation, and only for the best CPU level of this machine. A fault is killed if its tests fail, crash or do
not end; before any is planted, the same tests must pass. Exit code 1 if a fault survives, 2 if its text does not stand
exactly once in its file, or does not compile.
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
HANGS = 20  # times the seconds that the same tests take without a fault

PAPERS = "tests/cells/test_cell_papers.py"
CELLS = f"{PAPERS} tests/cells/test_cell_gradients.py tests/cells/test_output_and_loss.py"
CELL_LIMITS = "tests/cells/test_cell_limits.py"
CELL_MASKS = "tests/cells/test_cell_masks.py"
REFERENCE = "tests/kernels/test_against_reference.py"
KERNELS = f"{REFERENCE} tests/kernels/test_elementary.py"
BITS = "tests/kernels/test_row_bits.py"
CHECKS = "tests/kernels/test_checks.py"
ADMISSION = "tests/kernels/test_admission.py"
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
NN_SEGMENTS = "tests/nn/test_nn_segments.py"
ROWS = "tests/nn/test_nn_rows.py"
NN_OPTIONS = "tests/nn/test_nn_options.py"
NN_STACKS = f"{NN_OPTIONS}::test_stacks_directions_lengths_states_and_resets"
NN_EVALUATION = f"{NN_OPTIONS}::test_evaluation_draws_nothing_and_mixes_in_zoneout"
NN_DIRECTIONS = f"{NN_OPTIONS}::test_masks_of_both_directions_and_a_residual_past_dropout"
NN_TABLE = f"{NN_OPTIONS}::test_the_table_says_what_happens"
KERAS = "tests/convert/test_convert_keras.py"
CONVERT_ONNX = "tests/convert/test_convert_onnx.py"
CONVERT_TORCH = "tests/convert/test_convert_torch.py"
ONNX_RUN = "tests/onnx/test_onnx_run.py"
ONNX_NODES = "tests/onnx/test_random_nodes.py"
STACK = "tests/runtime/test_stack.py"
NETWORKS = "tests/networks/test_networks.py"
ATTENTION = "tests/networks/test_attention.py"
ADDITIVE = "tests/kernels/test_additive.py"
PAIRS = "tests/networks/test_encoder_decoder.py"
PAIRS_LOSS = "tests/training/test_encoder_decoder.py"
NEXT_STEP = "tests/training/test_next_step.py"
GENERATOR = "tests/tasks/generation/test_generator.py"
PAIR_FILES = "tests/data/test_pairs.py"
ANSWERS = "tests/metrics/test_answers.py"
WINDOWS = "tests/networks/test_window_rnn.py"
CRF = "tests/runtime/decoding/test_crf.py"
BEAM = "tests/runtime/decoding/test_beam.py"
BEST_TOKENS = "tests/kernels/test_best_tokens.py"
DECODER_STEP = "tests/runtime/test_decoder_step.py"
STEPS = "tests/runtime/test_steps.py"
STORED = "tests/runtime/test_stored_weights.py"
DIGEST = "tests/kernels/test_digest.py"
NN_CELLS = "tests/nn/test_nn_bound_cells.py"
NN_PLAIN = "tests/nn/test_nn_plain.py"
FIXED_POINTS = "tests/insight/test_fixed_points.py"
GATES = "tests/insight/test_gates.py"
INSPECT = "tests/insight/test_inspect.py"
UNROLLED_VIEW = "tests/insight/test_unrolled_view.py"
GATE_ROLES = "tests/insight/test_gate_roles.py"
ATTRIBUTIONS = "tests/insight/test_attributions.py"
TRAJECTORIES = "tests/insight/test_trajectories.py"
MOVEMENTS = "tests/insight/test_movements.py"
ORDER_EFFECT = "tests/insight/test_order_effect.py"
ALIGNMENT = "tests/insight/test_alignment.py"
GRADIENT_FLOW = "tests/insight/test_gradient_flow.py"
JACOBIANS = "tests/insight/test_jacobians.py"
WATCHER = "tests/insight/test_watcher.py"
WATCHER_SCORE = "tests/insight/test_watcher_score.py"
GRIFFIN_LIM = "tests/codecs/test_griffin_lim.py"
MIXTURE = "tests/networks/test_mixture_head.py"
MIXTURE_DRAWS = "tests/runtime/decoding/test_mixture_sampling.py"
STROKES = "tests/codecs/test_strokes.py"
VALUE_CODEC = "tests/codecs/test_value_codec.py"
SAID_NUMBERS = "tests/tasks/generation/test_generator_values.py"
SAMPLING = "tests/runtime/decoding/test_sampling.py"
FRAME_SAMPLING = "tests/runtime/decoding/test_frame_sampling.py"
FRAMES = "tests/codecs/test_frame_tokens.py"
NOTES = "tests/networks/test_note_head.py"
MUSIC = "tests/tasks/generation/test_music.py"
MIDI = "tests/data/test_midi.py"
CTC = "tests/runtime/decoding/test_ctc.py"
CTC_LOSS = "tests/training/test_ctc.py"
TRANSCRIBER = "tests/tasks/generation/test_transcriber.py"
AUGMENTATION = "tests/codecs/test_augmentation.py"
NGRAMS = "tests/statistical/test_ngrams.py"
JOINT = "tests/statistical/test_joint_ngrams.py"
RANKING = "tests/tasks/generation/test_joint_ranking.py"
CRF_LOSS = "tests/training/test_crf_loss.py"
TAGS = "tests/codecs/test_tag_scheme.py"
TAIL = "tests/codecs/test_episodes_and_tail.py"
DETECTOR = "tests/tasks/anomalies/test_anomaly_detector.py"
FIT_THREADS = "tests/training/test_threads.py"
LIES = "tests/tasks/test_model_file_lies.py"
RESUMING = "tests/training/test_checkpoint.py"


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


def cells(what: str, file: str, old: str, new: str, tests: str = CELLS) -> Mutant:
    return Mutant(what, f"src/unrolled/cells/{file}", old, new, tests)


def paper(cell: str) -> str:
    """The tests of a cell against its paper's equations."""
    return f"{PAPERS} -k {cell}"


def kernel(cell: str) -> str:
    """The tests of a cell's kernel against the reference cell."""
    return f"{REFERENCE} -k {cell}"


def native(what: str, file: str, old: str, new: str, tests: str = KERNELS) -> Mutant:
    return Mutant(f"native: {what}", f"native/{file}", old, new, tests)


def python(what: str, file: str, old: str, new: str, tests: str) -> Mutant:
    return Mutant(what, f"src/unrolled/{file}", old, new, tests)


MUTANTS = (
    cells("LSTM: input and forget gate swapped", "lstm.py", '("i", "f", "g", "o")', '("f", "i", "g", "o")'),
    cells("LSTM: candidate through a sigmoid", "lstm.py", 'g = phi(a["g"])', 'g = sigma(a["g"])'),
    cells("LSTM: recurrent bias dropped", "lstm.py", ' + params["bias_hh"]', ""),
    cells("LSTM: cell gradient not carried", "lstm.py", "dc = dc + dh * o", "dc = dh * o"),
    cells("LSTM: forget gate missing from the carried gradient", "lstm.py", "dc_prev = dc * f", "dc_prev = dc"),
    cells(
        "LSTM: gradients of single steps' cell states dropped",
        "unroll.py",
        "outside = [grad[t] for grad",
        "outside = [0 * grad[t] for grad",
    ),
    cells("GRU: reset and update gate swapped", "gru.py", '("r", "z", "n")\n\n\n', '("z", "r", "n")\n\n\n'),
    cells(
        "GRU: the update gate's sign",
        "gru.py",
        "h = (1 - z) * n + z * h_prev",
        "h = z * n + (1 - z) * h_prev",
    ),
    cells("GRU: reset gate ignored", "gru.py", 'Wx["n"] + r * Uh["n"]', 'Wx["n"] + Uh["n"]'),
    cells("GRU: reset gate missing from dU", "gru.py", '"n": da_n * r}, GATES)', '"n": da_n}, GATES)'),
    cells(
        "GRU: direct path of the gradient dropped",
        "gru.py",
        "dh * z + dh_seen",
        "dh_seen",
    ),
    cells(
        "GRU, before: reset after instead", "gru_reset_before.py", '(r * h_seen) @ U["n"].T', 'r * (h_seen @ U["n"].T)'
    ),
    cells("GRU, before: reset gate's gradient as printed", "gru_reset_before.py", "dr = drh * h_seen", "dr = drh"),
    cells("GRU, before: path through the reset dropped", "gru_reset_before.py", "drh * r + da_r", "da_r"),
    cells("RNN: slope of tanh", "activation.py", "tanh(a), lambda y, *_: 1 - y**2", "tanh(a), lambda y, *_: 1 - y"),
    cells("RNN: transposed recurrent weight", "rnn.py", "h_prev @ U.T", "h_prev @ U"),
    native(
        "LSTM kernel: i and f swapped",
        "cells/lstm.hpp",
        "i = load(a), forget = COUPLED ? one_minus<T>(i) : load(a + kF * L)",
        "i = load(a + kF * L), forget = COUPLED ? one_minus<T>(i) : load(a)",
    ),
    native(
        "LSTM kernel: tape holds c in place of g",
        "cells/lstm.hpp",
        "store_some(gates + kG * H, g, count)",
        "store_some(gates + kG * H, c, count)",
    ),
    native(
        "gradients of single steps' cell states ignored",
        "block.hpp",
        "if (!f.grad_c || f.new_c) return carried;",
        "if (true) return carried;",
    ),
    native(
        "cell states of the other direction",
        "block.hpp",
        "M * b.units);\n  return b.before < 0 ? at<T>(f.c0, b.row + r, M * b.units) : at<T>(f.c, b.before + r, f.c_row)",
        "M * b.units);\n  return b.before < 0 ? at<T>(f.c0, b.row + r, M * b.units) : at<T>(f.c, b.before + r, M * b.units)",
        NN_STATES,
    ),
    native(
        "weight gradients: only the first round of sums",
        "schedule.cpp",
        "for (int round = 0; round < rounds_; ++round)\n        kernels.outer_sums",
        "for (int round = 0; round < 1; ++round)\n        kernels.outer_sums",
        BITS,
    ),
    native(
        "gradients of cell states of the other direction",
        "layer_pass.cpp",
        ".grad_c = numbers.on(call.grad_cells, d * memory)",
        ".grad_c = call.grad_cells",
        NN_STATES,
    ),
    python(
        "gradients of cell states lost",
        "nn/layer.py",
        "grads[n] if len(grads) > n else None",
        "None",
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
        "traces without a tape",
        "nn/layer.py",
        "run_forward(*to_operator(plan, inputs), True)",
        "run_forward(*to_operator(plan, inputs), False)",
        NN_EXPORT,
    ),
    native(
        "LSTM kernel: forget gate missing from the carried gradient",
        "cells/lstm.hpp",
        "grad_before = grad_c * forget",
        "grad_before = grad_c",
    ),
    native(
        "recurrent biases ignored",
        "product.hpp",
        "return bias && unit < p.units",
        "return bias == input && bias && unit < p.units",
    ),
    native(
        "GRU kernel: z and 1 - z exchanged",
        "cells/gru.hpp",
        "fma(z, before, one_minus<T>(z) * proposed)",
        "fma(z, proposed, one_minus<T>(z) * before)",
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
        "store_some(at<T>(f.reset_state, p, H) + u, r * met, count)",
        "store_some(at<T>(f.reset_state, p, H) + u, met, count)",
    ),
    native(
        "GRU kernel, before: reset path dropped",
        "cells/gru_reset_before.hpp",
        "fma(grad_met * mask, r, load_some(carried, count))",
        "load_some(carried, count)",
    ),
    native(
        "ReLU swallows NaN",
        "block.hpp",
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
        "lane < units ? stored(in[lane * unit_stride + k * k_stride]) : S(0)",
        "lane + 1 < units ? stored(in[lane * unit_stride + k * k_stride]) : S(0)",
    ),
    native("a block's rows miscounted", "product.hpp", "longer = rows % blocks", "longer = (rows - 1) % blocks"),
    native(
        "a thread's rows cut one short",
        "schedule.cpp",
        "kernel(call, {cuts[part], cuts[part + 1], 0, H",
        "kernel(call, {cuts[part], cuts[part + 1] - (part ? 0 : 1), 0, H",
        BITS,
    ),
    native(
        "the last of the threads' units left out",
        "schedule.cpp",
        "std::min(last, H), alone",
        "std::min(last, H - 1), alone",
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
        "first.part(k, stretch, k_size)",
        "first.part(k, stretch - (each > 3), k_size)",
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
        "accumulate<T, S, COLUMNS, ROWS, W, W - 1>(sum, first, a, ahead)",
        "accumulate<T, S, COLUMNS, ROWS, W, COLUMNS - 1>(sum, first, a, ahead)",
    ),
    python(
        "kernels: state before shifted by one step",
        "kernels/layout.py",
        "step + 1 if reverse else step - 1",
        "step - 1 if reverse else step + 1",
        KERNELS + " " + CHECKS,
    ),
    native(
        "gate columns of W from the wrong end",
        "layer_pass.cpp",
        "on(call.grad_gates[d], gradient_row_ - columns)",
        "on(call.grad_gates[d], 0)",
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
        "runtime: padding not zeroed",
        "runtime/recurrent.py",
        "steps = np.zeros((T * B, rows",
        "steps = np.ones((T * B, rows",
        BITS,
    ),
    python(
        "stacks: residual left out",
        "runtime/stack.py",
        "x = y + x if config.residual and index else y",
        "x = y",
        NETWORKS,
    ),
    python("stacks: windows of the first layer for all", "runtime/stack.py", "of_layers[k // D :]", "of_layers", STACK),
    python(
        "stacks: learned states forgotten",
        "runtime/stack.py",
        "own |= dict(zip(names, learned, strict=True))",
        "pass",
        NETWORKS,
    ),
    python(
        "attention: queries through the matrix of keys",
        "networks/attention.py",
        'self.query = engine.matrix("query", asking, A)',
        'self.query = engine.matrix("key", asking, A)',
        ATTENTION,
    ),
    python(
        "attention: scores of heads not scaled",
        "networks/attention.py",
        "(self.config.size // heads) ** -0.5",
        "(self.config.size // heads) ** 0",
        ATTENTION,
    ),
    python(
        "attention: window of local-m one step early",
        "networks/attention.py",
        "np.minimum(first + 1 + np.arange",
        "np.minimum(first + np.arange",
        ATTENTION,
    ),
    python("answers: the nearest by edits alone", "metrics/answers.py", "/ max(1, len(_tokens(each)))", "/ 1", ANSWERS),
    python(
        "answers: kind rates against the first",
        "metrics/answers.py",
        "chosen = [nearest(answers, said) for",
        "chosen = [answers[0] for",
        ANSWERS,
    ),
    python(
        "pairs: a blank target is passed over",
        "data/parallel_text.py",
        "elif source or target:",
        "elif target:",
        PAIR_FILES,
    ),
    python("pairs: WORD(2) is a word", "data/dictionary.py", "again[1] in known", "again[1] not in known", PAIR_FILES),
    python(
        "heatmap: transposed",
        "charts/heatmap.py",
        "plot.cell(j, i, ",
        "plot.cell(i, j, ",
        "tests/charts/test_heatmap.py",
    ),
    native(
        "additive attention: its gradients without the slope of tanh",
        "additive.hpp",
        "grad * load_some(v + i, count) * tanh_slope<T>(y)",
        "grad * load_some(v + i, count)",
        ADDITIVE,
    ),
    native(
        "additive attention: rows ask their own place",
        "additive.hpp",
        "a.rows ? a.rows[n] : n",
        "n",
        ADDITIVE,
    ),
    native(
        "additive attention: padding has scores",
        "additive.hpp",
        "scores[t] = T(0);",
        "scores[t] = T(1);",
        ADDITIVE,
    ),
    native(
        "log-softmax: the lanes past a row's end count",
        "log_softmax.hpp",
        "count >= kLanes<double> ? e : only<double>(e, count)",
        "e",
        ADDITIVE,
    ),
    python(
        "additive attention: the vector's gradient of one source",
        "nn/additive.py",
        "each.sum(0)",
        "each[0]",
        ADDITIVE,
    ),
    python(
        "engine of torch: padding read where one sequence is as long as the batch",
        "training/engine.py",
        "bool((lengths == len(x)).all())",
        "bool((lengths == len(x)).any())",
        PAIRS_LOSS,
    ),
    python(
        "Seq2Seq: what is wanted of the first sources",
        "tasks/generation/seq2seq_wanted.py",
        "[given[n] for n in chosen]",
        "given[: len(chosen)]",
        "tests/tasks/generation/test_seq2seq.py",
    ),
    python(
        "dynamic evaluation: away from what was trained",
        "training/dynamic_evaluation.py",
        "DECAY * (trained[name] - parameter) - rate",
        "DECAY * (parameter - trained[name]) - rate",
        "tests/training/test_dynamic_evaluation.py",
    ),
    python(
        "averaging: judged without it",
        "training/loop.py",
        "        with average.in_place():",
        "        if True:",
        "tests/training/test_loop.py",
    ),
    python(
        "averaging: an epoch too early",
        "training/averaging.py",
        "math.ceil(share * epochs) + 1",
        "math.ceil(share * epochs)",
        "tests/training/test_loop.py",
    ),
    python(
        "averaging: forgotten by a checkpoint",
        "training/state.py",
        ' | _named("average", _copy(self._average.mean))',
        "",
        RESUMING,
    ),
    python(
        "next step: carried states are not detached from those before",
        "training/next_step.py",
        "tuple(each.detach() for each in after)",
        "after",
        NEXT_STEP,
    ),
    python(
        "next step: every part begins anew",
        "training/next_step.py",
        "None if part.begins else states",
        "None",
        NEXT_STEP,
    ),
    python(
        "next step: tracks always begin at the same place",
        "training/next_step.py",
        "-int(generator.integers(len(text)))",
        "0 * int(generator.integers(len(text)))",
        NEXT_STEP,
    ),
    python(
        "next step: tracks beside each other instead of one after the other",
        "training/next_step.py",
        "np.moveaxis(text[: tracks * length].reshape(tracks, length, *text.shape[1:]), 0, 1)",
        "text[: tracks * length].reshape(length, tracks, *text.shape[1:])",
        NEXT_STEP,
    ),
    python(
        "next step: steps past the end count",
        "training/next_step.py",
        "log_p(scores, expected)[inside]",
        "log_p(scores, expected)",
        NEXT_STEP,
    ),
    python(
        "next step: the runtime forgets its state between parts of a text",
        "networks/next_step.py",
        "scores, state = self.run(state, inputs)\n            yield",
        "scores, _ = self.run(state, inputs)\n            yield",
        NEXT_STEP,
    ),
    python(
        "next step: rows that go on have the conditions of others",
        "networks/next_step.py",
        "None if state.condition is None else state.condition[rows]",
        "state.condition",
        NEXT_STEP,
    ),
    python(
        "next step: a vector without tanh",
        "networks/next_step.py",
        "self.engine.tanh(self.condition(self.engine.constant(conditions)))",
        "self.condition(self.engine.constant(conditions))",
        f"{GENERATOR} -k equations_of_a_vector",
    ),
    python(
        "symbol head: the tied table without its bias",
        "networks/symbol_head.py",
        "[..., : self.config.outputs] + self.bias",
        "[..., : self.config.outputs] + 0 * self.bias",
        f"{GENERATOR} -k equations_of_tied",
    ),
    python(
        "stop strings: what may begin one is given on",
        "codecs/stop_strings.py",
        "kept = max((_overlap(text, stop) for stop in self._stops), default=0)",
        "kept = 0",
        f"{GENERATOR} -k straddle",
    ),
    python(
        "stop strings: the last one counts",
        "codecs/stop_strings.py",
        "return text[: min(found)]",
        "return text[: max(found)]",
        f"{GENERATOR} -k stop",
    ),
    python(
        "generator: an unknown symbol is drawn",
        "tasks/generation/generator_model.py",
        "[0, head.end] if self.carried else [0]",
        "[head.end] if self.carried else []",
        f"{GENERATOR} -k unknown",
    ),
    python(
        "generator: the prompt's last symbol is read twice",
        "tasks/generation/generator_model.py",
        "np.repeat(read[:-1, None], n, 1)",
        "np.repeat(read[:, None], n, 1)",
        f"{GENERATOR} -k prompt",
    ),
    python(
        "generator: bits of symbols instead of characters",
        "tasks/generation/said_symbols.py",
        "sum(map(len, pieces))",
        "len(every)",
        f"{GENERATOR} -k measures",
    ),
    python(
        "attention: padding read where one source is as long as the batch",
        "networks/attention.py",
        "(lengths == len(h)).all()",
        "(lengths == len(h)).any()",
        ATTENTION,
    ),
    python(
        "Seq2Seq: unknown tokens copied from where they are read least",
        "tasks/generation/seq2seq.py",
        "source[place] for place in read.argmax(1)",
        "source[place] for place in read.argmin(1)",
        "tests/tasks/generation/test_seq2seq.py",
    ),
    python("attention: Gaussian too wide", "networks/attention.py", "(-2 / D**2)", "(-1 / D**2)", ATTENTION),
    python(
        "attention: coverage of the last step alone",
        "networks/attention.py",
        "covered = covered + weight[0]",
        "covered = weight[0]",
        ATTENTION,
    ),
    python(
        "attention: rows of a search at the first source's keys",
        "runtime/sources.py",
        "packed = self.packed[source]\n            found[:, own, : packed",
        "packed = self.packed[0]\n            found[:, own, : packed",
        ATTENTION,
    ),
    python(
        "encoder-decoder: context and state exchanged",
        "networks/encoder_decoder.py",
        "[read.context, s]",
        "[s, read.context]",
        PAIRS,
    ),
    python(
        "encoder-decoder: states exchanged between layers",
        "networks/encoder_decoder.py",
        "each.take(rows, 1) for each in state.states",
        "each[::-1].take(rows, 1) for each in state.states",
        PAIRS,
    ),
    python(
        "encoder-decoder: fed what was fed before",
        "networks/encoder_decoder.py",
        "            fed = combined[0]\n            found.append(fed)",
        "            found.append(combined[0])",
        PAIRS,
    ),
    python(
        "encoder-decoder: the end is not learned",
        "networks/encoder_decoder.py",
        "expected[lengths[n] - 1, n] = config.end",
        "expected[lengths[n] - 1, n] = config.symbols - 1",
        f"{PAIRS} {PAIRS_LOSS}",
    ),
    python(
        "transcribing: nats a sequence",
        "training/ctc.py",
        "return total / batch.symbols if",
        "return total / len(batch.items) if",
        CTC_LOSS,
    ),
    python(
        "transcribing: what validates is taken a sequence",
        "training/ctc.py",
        "for part in parts) / validation.symbols",
        "for part in parts) / len(validation.items)",
        CTC_LOSS,
    ),
    python(
        "transcribing: what became too short is learned",
        "training/ctc.py",
        "new if len(new) >= fewest_frames(target) else item",
        "new if len(new) >= len(target) else item",
        CTC_LOSS,
    ),
    python(
        "transcribing: padding is heard",
        "training/ctc.py",
        "torch.from_numpy(scores.lengths), sizes",
        "torch.full_like(sizes, len(log_p)), sizes",
        CTC_LOSS,
    ),
    python(
        "transcribing: one blank too few",
        "runtime/decoding/ctc.py",
        "return len(y) + int((y[1:] == y[:-1]).sum())",
        "return len(y) + int((y[1:] == y[:-1]).any())",
        AUGMENTATION,
    ),
    python(
        "streams: the last steps are lost",
        "tasks/generation/transcriber_stream.py",
        "whole = len(x) if last else len(x) // self._stride * self._stride",
        "whole = len(x) // self._stride * self._stride",
        f"{TRANSCRIBER} -k stream",
    ),
    python(
        "streams: each part begins anew",
        "tasks/generation/transcriber_model.py",
        "network.advance(x[:, None], self._states[k])",
        "network.advance(x[:, None], None)",
        f"{TRANSCRIBER} -k stream",
    ),
    python(
        "streams: a hop of the window is lost",
        "tasks/generation/transcriber_stream.py",
        "self._rest = x[frames * hop :]",
        "self._rest = x[(frames - 1) * hop + W :] if frames else x",
        f"{TRANSCRIBER} -k stream",
    ),
    python(
        "transcripts: frames are taken for the user's steps",
        "tasks/generation/transcriber.py",
        "return stride * config.inputs.features.hop_length",
        "return config.inputs.features.hop_length",
        f"{TRANSCRIBER} -k times",
    ),
    python(
        "generators of numbers: a piece may end before its first step",
        "tasks/generation/generator_model.py",
        "may_end = not self.carried and step + len(prompt) > 0",
        "may_end = not self.carried",
        f"{SAID_NUMBERS} -k empty",
    ),
    python(
        "generators of numbers: drawn in the network's units",
        "tasks/generation/said.py",
        "step.log_p - log_unit * ~step.ended",
        "step.log_p",
        f"{SAID_NUMBERS} -k probable",
    ),
    python(
        "several networks: their logarithms are averaged",
        "runtime/probabilities.py",
        "np.logaddexp.reduce(np.stack(log_p), 0) - np.log(len(log_p))",
        "np.stack(log_p).mean(0)",
        f"{TRANSCRIBER} -k average",
    ),
    python(
        "augmentation: only faster",
        "codecs/augmentation.py",
        "u, v = rng.uniform(-1, 1, 2)",
        "u, v = rng.uniform(0, 1, 2)",
        AUGMENTATION,
    ),
    python(
        "augmentation: decibels of amplitudes",
        "codecs/augmentation.py",
        "below = 10 ** (-decibels / 20)",
        "below = 10 ** (-decibels / 10)",
        AUGMENTATION,
    ),
    python(
        "augmentation: white noise only",
        "codecs/augmentation.py",
        "noise = white[1:] + rng.uniform(-1, 1) * white[:-1]",
        "noise = white[1:]",
        AUGMENTATION,
    ),
    python(
        "augmentation: the longest mask is never drawn",
        "codecs/augmentation.py",
        "rng.integers(0, min(longest, of) + 1)",
        "rng.integers(0, min(longest, of))",
        AUGMENTATION,
    ),
    python(
        "augmentation: the end is never hidden",
        "codecs/augmentation.py",
        "rng.integers(0, of - size + 1)",
        "rng.integers(0, max(1, of - size))",
        AUGMENTATION,
    ),
    python(
        "mel: a higher voice is heard as a lower one",
        "codecs/mel.py",
        "np.where(f <= F * min(a, 1.0), f / a, beyond)",
        "np.where(f <= F * min(a, 1.0), f * a, beyond)",
        "tests/codecs/test_audio.py",
    ),
    python(
        "mel: the highest frequency moves",
        "codecs/mel.py",
        "np.where(f <= F * min(a, 1.0), f / a, beyond)",
        "f / a",
        "tests/codecs/test_audio.py",
    ),
    python(
        "audio: the level of the last frame",
        "codecs/audio.py",
        "features.mean(0).max())",
        "features.mean(0)[-1])",
        "tests/codecs/test_audio.py",
    ),
    python(
        "joined: zeros before the first step",
        "codecs/joining.py",
        "((0, -len(x) % stride), (0, 0))",
        "((-len(x) % stride, 0), (0, 0))",
        AUGMENTATION,
    ),
    python(
        "encoder-decoder: padding is learned",
        "training/encoder_decoder.py",
        "expected[np.arange(len(expected))[:, None] >= lengths] = IGNORED",
        "expected[np.arange(len(expected))[:, None] > lengths] = IGNORED",
        PAIRS_LOSS,
    ),
    python("stacks: zoneout left out", "runtime/stack.py", "zoneout=config.zoneout", "zoneout=(0.0, 0.0)", NETWORKS),
    python(
        "runtime: gates from the first column of the tape",
        "runtime/recurrent.py",
        "(compiled.gates_at + k) * H",
        "k * H",
        STACK,
    ),
    python(
        "networks: attention past the lengths",
        "runtime/engine.py",
        "score = np.where(np.arange(len(y))[:, None] < lengths, scores, -np.inf)",
        "score = scores",
        NETWORKS,
    ),
    python(
        "networks: dropout after training",
        "training/engine.py",
        "if self._module.training and self.options.dropout else a",
        "if self.options.dropout else a",
        NETWORKS,
    ),
    python(
        "networks: a normalised cell's own weights saved",
        "training/engine.py",
        "own = {**part.inference_parameters(), **learned}",
        "pass",
        NETWORKS,
    ),
    python("nn: reset_after ignored", "nn/gru.py", '"gru" if reset_after else "gru_reset_before"', '"gru"', NN_TORCH),
    python(
        "nn: dropout after evaluation too",
        "nn/recurrent.py",
        "self.dropout, self.training)",
        "self.dropout, True)",
        NN_PLAIN,
    ),
    python(
        "nn: dropout before the first layer",
        "nn/recurrent.py",
        "if index and self.dropout",
        "if self.dropout",
        NN_DROPOUT,
    ),
    native(
        "nn: second direction's columns overlap",
        "layer_pass.cpp",
        ".h = numbers.on(call.y, d * P),\n      .h_row",
        ".h = call.y,\n      .h_row",
        NN_TORCH,
    ),
    native(
        "nn: second direction not reversed backward",
        "layer_pass.cpp",
        ".sequences = sequences_of(call, d), .functions = sizes_.functions, .masks = masks_of(sizes_, call, d),\n      .hidden",
        ".sequences = sequences_of(call, 0), .functions = sizes_.functions, .masks = masks_of(sizes_, call, d),\n      .hidden",
        NN_TORCH,
    ),
    python(
        "nn: last states not put back in order",
        "nn/lengths.py",
        "rearrange(state, 1, self._batch_places, self._sequences)",
        "rearrange(state, 1, self._sequences, self._batch_places)",
        NN_LENGTHS,
    ),
    python("nn: padding rows keep values", "nn/forward.py", "[layout.rows :] = 0", "[layout.rows :] = 1", NN_LENGTHS),
    python(
        "nn: batch_first of the output forgotten",
        "nn/arrangement.py",
        "steps.transpose(0, 1) if self._batch_first else steps",
        "steps",
        NN_PLAIN,
    ),
    cells("LSTM: slope of tanh(c) dropped", "lstm.py", "dh * o * psi.slope(y)", "dh * o"),
    cells(
        "GRU, before: dU of the candidate without r", "gru_reset_before.py", "da_n.T @ (r * h_seen)", "da_n.T @ h_seen"
    ),
    cells(
        "RNN: ReLU's slope is 1 everywhere",
        "activation.py",
        "relu(a), lambda y, *_: _positive(y)",
        "relu(a), lambda y, *_: y**0",
    ),
    cells("the state is not handed on", "unroll.py", "        states = after\n", ""),
    cells("gradients from later steps dropped", "unroll.py", "here + later for", "here + 0 * later for"),
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
        "without a tape the memory starts anew",
        "block.hpp",
        "if (!f.tape) return at<T>(f.c, b.row + r, M * b.units);",
        "if (!f.tape) return at<T>(f.c0, b.row + r, M * b.units);",
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
        "at<T>(f.h0, b.row + r, b.units)",
        "at<T>(f.h0, b.row, b.units)",
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
        "copy_row(at<T>(f.c_last, row, M) + first, at<T>(f.c0, row, M) + first, count);\n      if",
        "if",
        NN_LENGTHS,
    ),
    native(
        "a row that ends takes its neighbour's gradient",
        "drivers.hpp",
        "from.depth && begin < s.after_rows",
        "from.depth && begin <= s.after_rows",
    ),
    native(
        "a second stretch of k with the first one's weights",
        "product.hpp",
        "packed + first * width};",
        "packed};",
        f"{BITS} -k more_inputs",
    ),
    native(
        "one row: every group with the first one's weights",
        "product.hpp",
        "column<COLUMNS>(packed + g * next_group, i)",
        "column<COLUMNS>(packed, i)",
    ),
    native(
        "the second factor begins where the first one does",
        "product.hpp",
        "second.part(k - first.depth, stretch",
        "second.part(k, stretch",
        f"{BITS} -k more_inputs",
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
        "panel + r * kPanelRow<T>, b + r * b_row + across",
        "panel + r * kPanelRow<T>, b + r * b_row",
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
        "kernels/arrangement.py",
        "if here and not apart else NOWHERE",
        "if here else NOWHERE",
        KERNELS,
    ),
    native(
        "dense: rows left over between threads",
        "schedule.cpp",
        "rows * (part + 1) / parts",
        "rows / parts * (part + 1)",
        BITS,
    ),
    native("a forked child counts on threads it has not", "pool.cpp", "  pool.store(nullptr);\n", "", THREADS),
    native(
        "a call returns before the workers that have begun",
        "pool.cpp",
        "if (inside_.fetch_sub(kClosed, std::memory_order_acq_rel) == 0) return;",
        "if (inside_.fetch_sub(kClosed, std::memory_order_acq_rel) >= 0) return;",
        f"{THREADS} {BITS}",
    ),
    python(
        "nn: PyTorch keeps its team beside the kernels' own threads",
        "nn/threads.py",
        "    torch.set_num_threads(1)\n    _apart",
        "    _apart",
        FIT_THREADS,
    ),
    python(
        "nn: the kernels lose their threads where PyTorch has one",
        "nn/threads.py",
        "_apart.threads or torch",
        "torch",
        FIT_THREADS,
    ),
    python(
        "kernels: the caller's initial states are overwritten",
        "kernels/arrays.py",
        "last = tuple(s.copy() for s in first)",
        "last = first",
        KERNELS,
    ),
    native(
        "a layer that runs backwards does not",
        "layer_pass.cpp",
        ".reverse = call.reverse || direction == 1",
        ".reverse = direction == 1",
    ),
    native(
        "arranged weights stored as bfloat16 read as they are not",
        "layer_pass.cpp",
        ".c_last = numbers.on(call.c_last, d * B * memory),\n        .halves = sizes_.halves",
        ".c_last = numbers.on(call.c_last, d * B * memory),\n        .halves = false",
        STORED,
    ),
    python(
        "kernels: weights for one way of W x given to the other",
        "kernels/arrays.py",
        "packed=address(weights.arranged(fused=fused)), y=address(room",
        "packed=address(weights.arranged(fused=True)), y=address(room",
        KERNELS,
    ),
    python(
        "kernels: the caller's gradients are overwritten",
        "kernels/arrays.py",
        'admitted("grad_last", g, dtype, s.shape).copy()',
        'admitted("grad_last", g, dtype, s.shape)',
        KERNELS,
    ),
    python(
        "kernels: the other order of bytes let in",
        "kernels/admission.py",
        "np.require(plain, np.dtype(plain.dtype.name)",
        "np.require(plain, plain.dtype",
        ADMISSION,
    ),
    python(
        "kernels: masked values let in",
        "kernels/admission.py",
        '    if np.ma.is_masked(given):\n        raise InputError(f"{name} has',
        '    if False:\n        raise InputError(f"{name} has',
        ADMISSION,
    ),
    python(
        "kernels: unsigned lengths stay unsigned",
        "kernels/admission.py",
        "return plain.astype(np.int64)",
        "return plain",
        ADMISSION,
    ),
    python(
        "kernels: the tape of other weights let in",
        "kernels/tape.py",
        "of.weights is weights",
        "True",
        ADMISSION,
    ),
    python(
        "kernels: a mask that nothing acts on let in",
        "kernels/tape.py",
        "if mask is not None and not acts[name]:",
        "if False:",
        ADMISSION,
    ),
    python(
        "runtime: states of another batch let in",
        "runtime/recurrent.py",
        "states = self._admitted_states(states, B)",
        "pass",
        "tests/runtime/test_recurrent_layer.py",
    ),
    python(
        "kernels: backward packs the gates in forward order",
        "kernels/arrangement.py",
        "pieces = [(s.U * H,",
        "pieces = [(s.column * H,",
        KERNELS,
    ),
    native(
        "initial state left out of dU",
        "layer_pass.cpp",
        "places_.recurrent < 0 ? nullptr : numbers.on(call.h0, d * B * P)}",
        "places_.recurrent < 0 ? nullptr : numbers.on(call.y, 0)}",
        KERNELS,
    ),
    native(
        "dU with the states of the reversed direction",
        "layer_pass.cpp",
        "OuterSums sums{.sequences = sequences_of(call, d)",
        "OuterSums sums{.sequences = {call.steps, call.offsets, false}",
        KERNELS,
    ),
    python(
        "kernels: UNROLLED_NUM_THREADS ignored",
        "kernels/threads.py",
        "return _available() if wanted is None else _stated(wanted)",
        "return _available()",
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
        "runtime: reverse ignored",
        "runtime/recurrent.py",
        "states, layout, reverse=self.reverse",
        "states, layout, reverse=False",
        RUNTIME,
    ),
    python(
        "runtime: windows of a reversed QRNN from the wrong side",
        "runtime/recurrent.py",
        "window, layout, reverse=self.reverse",
        "window, layout, reverse=False",
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
        "nn/arrangement.py",
        "input.transpose(0, 1) if batch_first else input\n",
        "input.reshape(input.shape[1], input.shape[0], -1) if batch_first else input\n",
        NN_PLAIN,
    ),
    python(
        "nn: a plain call gives every layer the first one's states",
        "nn/plain.py",
        "state[index * directions : (index + 1) * directions]",
        "state[:directions]",
        NN_PLAIN,
    ),
    python("nn: plain calls of layers with options", "nn/recurrent.py", "and not self.settings.acts", "", NN_PLAIN),
    python(
        "nn: functions of Python within transforms of torch.func",
        "nn/layer.py",
        "call is not None and not _within_transform()",
        "call is not None",
        NN_PLAIN,
    ),
    python(
        "nn: every layer takes the first one's states",
        "nn/states.py",
        "[state[index * D : index * D + D] for state in states[:count]]",
        "[state[:D] for state in states[:count]]",
        NN_PLAIN,
    ),
    native(
        "nn: second direction writes over the first",
        "layer_pass.cpp",
        ".h = numbers.on(call.y, d * P), .h_row",
        ".h = call.y, .h_row",
        NN_TORCH,
    ),
    native(
        "nn: both directions start from the first one's state",
        "layer_pass.cpp",
        ".h0 = numbers.on(call.h0, d * B * P),\n        .c0",
        ".h0 = call.h0,\n        .c0",
        NN_TORCH,
    ),
    native(
        "nn: second direction's input gradient replaces the first's",
        "layer_pass.cpp",
        ".add = d == 1 || skips_",
        ".add = skips_",
        NN_TORCH,
    ),
    python(
        "nn: biases left out",
        "kernels/arrangement.py",
        "if name in self._names else NOWHERE",
        'if name in self._names and name[:4] != "bias" else NOWHERE',
        NN_TORCH,
    ),
    python(
        "nn: hidden and cell state exchanged",
        "nn/recurrent.py",
        "return output, hx_last\n",
        "return output, hx_last[::-1] if len(last) > 1 else hx_last\n",
        NN_PLAIN,
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
        "rearrange(grad_outputs[0], ctx.dim, places, index)",
        "rearrange(grad_outputs[0], ctx.dim, index, places)",
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
        "nn/packed.py",
        "back = self._input.unsorted_indices",
        "back = self._input.sorted_indices",
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
        "nn: second derivatives of both directions with the first one's parameters",
        "nn/composite.py",
        "weights[d * each : (d + 1) * each], I)",
        "weights[:each], I)",
        NN_OPERATOR,
    ),
    native(
        "nn: packed weights kept from call to call",
        "layer_pass.cpp",
        "    if (call.parameters) arrangement_.run(level, call.parameters + d * sizes_.parameters, call.packed, threads);\n",
        "    static const void* before = nullptr;\n"
        "    if (before != call.parameters[0]) arrangement_.run(level, call.parameters, call.packed, threads);\n"
        "    before = call.parameters[0];\n",
        NN_MODULE,
    ),
    python(
        "nn: gradients that arrive are overwritten",
        "nn/backward.py",
        "grad.clone(memory_format=torch.contiguous_format)",
        "grad.contiguous()",
        NN_OPERATOR,
    ),
    cells(
        "peepholes: the output gate sees the memory before",
        "lstm_variants.py",
        'p["o"] * c if p',
        'p["o"] * c_prev if p',
        paper("lstm_peephole"),
    ),
    cells(
        "peepholes: no gradient through them to the memory before",
        "lstm_variants.py",
        'dc * f + sum(p[gate] * da[gate] for gate in p if gate != "o")',
        "dc * f",
        paper("lstm_peephole"),
    ),
    cells(
        "coupled gates: the input gate keeps",
        "lstm_variants.py",
        'gates.get("f", 1 - gates["i"])',
        'gates.get("f", gates["i"])',
        paper("lstm_cifg"),
    ),
    cells(
        "coupled gates: the gradient through what is forgotten dropped",
        "lstm_variants.py",
        "dc * (proposed - c_prev) if coupled",
        "dc * proposed if coupled",
        paper("lstm_cifg"),
    ),
    cells(
        "LSTM, projected: gradient of the projection without the output gate",
        "lstmp.py",
        "dh.T @ (o * y)",
        "dh.T @ y",
        paper("lstmp"),
    ),
    cells(
        "layer norm: nothing added to the variance",
        "layer_norm.py",
        " + EPSILON) ** -0.5",
        ") ** -0.5",
        paper("layer_norm"),
    ),
    cells(
        "layer norm: the gradient keeps its mean",
        "layer_norm.py",
        "grad - grad.mean(-1, keepdims=True) - through_scale",
        "grad - through_scale",
        paper("layer_norm"),
    ),
    cells(
        "layer norm: all three gates of the GRU together",
        "gru_layer_norm.py",
        "(gates, gate_factor), (candidate, factor) = normalise(a[..., : 2 * H]), normalise(a[..., 2 * H :])\n",
        "whole, factor = normalise(a)\n    gates, candidate, gate_factor = whole[..., : 2 * H], whole[..., 2 * H :], factor\n",
        paper("gru_layer_norm"),
    ),
    cells(
        "layer norm: the LSTM hands on the normalised memory",
        "lstm_layer_norm.py",
        'return h, (h, c), {"i"',
        'return h, (h, from_c), {"i"',
        paper("lstm_layer_norm"),
    ),
    cells("JANET: both gates alike", "janet.py", 'sigmoid(a["f"] - BETA)', 'sigmoid(a["f"])', paper("janet")),
    cells("MGU: the gradient through the reset dropped", "mgu.py", " + dfh * met", "", paper("mgu")),
    cells(
        "GRU1: the gradient passes the reset unchanged",
        "gru_variants.py",
        "dmet = drh * r + sum(",
        "dmet = drh + sum(",
        paper("gru1"),
    ),
    cells(
        "light GRU: the gradient passes where the candidate is off",
        "li_gru.py",
        "dn * np.sign(n)",
        "dn",
        paper("li_gru"),
    ),
    cells(
        "minLSTM: shares by the arguments, not the gates",
        "min_lstm.py",
        'sigmoid(log_sigmoid(a["f"]) - log_sigmoid(a["i"]))',
        'sigmoid(a["f"] - a["i"])',
        paper("min_lstm"),
    ),
    cells(
        "minLSTM: the share as a quotient",
        "min_lstm.py",
        'sigmoid(log_sigmoid(a["f"]) - log_sigmoid(a["i"]))',
        "f / (f + i)",
        f"{CELL_LIMITS} -k shut",
    ),
    cells(
        "SRU: the highway's gradient of the input dropped",
        "sru.py",
        'da @ params["weight_ih"] + dk',
        'da @ params["weight_ih"]',
        paper("sru"),
    ),
    cells(
        "SRU: the reset gate the other way round",
        "sru.py",
        "h = r * c + (1 - r) * k",
        "h = (1 - r) * c + r * k",
        paper("sru"),
    ),
    cells(
        "QRNN: zoneout after the output",
        "qrnn.py",
        "h = o * c",
        "h = o * new",
        f"{CELL_MASKS} -k zoneout",
    ),
    cells(
        "QRNN: the window keeps its oldest input",
        "qrnn.py",
        "= window[:, inputs:]",
        "= window[:, :kept]",
        f"{CELL_LIMITS} -k qrnn",
    ),
    cells(
        "QRNN: gradients of later windows lost",
        "qrnn.py",
        "dseen[:, inputs:] += dwindow",
        "dseen[:, inputs:] += 0 * dwindow",
        "tests/cells/test_cell_gradients.py -k qrnn",
    ),
    cells(
        "FastGRNN: zeta times the gate itself",
        "fast_grnn.py",
        "h = (zeta * (1 - z) + nu)",
        "h = (zeta * z + nu)",
        paper("fast_grnn"),
    ),
    cells(
        "FastGRNN: slope of zeta's sigmoid dropped",
        "fast_grnn.py",
        "dzeta = zeta * (1 - zeta) *",
        "dzeta =",
        paper("fast_grnn"),
    ),
    cells(
        "sLSTM: the stabiliser does not see the input gate",
        "slstm.py",
        'm = maximum(kept, a["i"])',
        'm = maximum(kept, 0 * a["i"])',
        paper("slstm"),
    ),
    cells(
        "sLSTM: the stabiliser's gradient without the forget gate",
        "slstm.py",
        "dm = dm - di * i - df * f",
        "dm = dm - di * i",
        paper("slstm"),
    ),
    cells(
        "IndRNN: the gradient handed back without u", "indrnn.py", "dh_prev = u * da", "dh_prev = da", paper("indrnn")
    ),
    cells(
        "leaky RNN: gradient of alpha without the state before",
        "leaky_rnn.py",
        "(dh * (mask.candidate * n - h_prev))",
        "(dh * (mask.candidate * n))",
        paper("leaky_rnn"),
    ),
    cells(
        "masks: the first step's candidate mask at every step",
        "masks.py",
        "self.candidate[t]",
        "self.candidate[0]",
        CELL_MASKS,
    ),
    cells(
        "zoneout: the share of h for c",
        "masks.py",
        "self.keep_c, self.zoneout[1]",
        "self.keep_c, self.zoneout[0]",
        CELL_MASKS,
    ),
    cells(
        "zoneout: gradient past the step dropped", "unroll.py", "else through + keep * grad", "else through", CELL_MASKS
    ),
    cells(
        "zoneout: the step takes the gradient that passed it",
        "unroll.py",
        "_share(1 - keep, grad)",
        "_share(keep, grad)",
        CELL_MASKS,
    ),
    cells(
        "masks: dU with the state before its mask",
        "lstm.py",
        "dU = da.T @ h_prev",
        "dU = da.T @ now.before[0]",
        CELL_MASKS,
    ),
    native(
        "candidate masks of the first step at every step",
        "block.hpp",
        "m.candidate_mask, b.packed + r, m.mask_row",
        "m.candidate_mask, b.row + r, m.mask_row",
        kernel("masks"),
    ),
    native(
        "zoneout keeps what is new",
        "drivers.hpp",
        "at<T>(f.h, b.packed + r, f.h_row) + u, keep * before + one_minus<T>(keep) * now",
        "at<T>(f.h, b.packed + r, f.h_row) + u, keep * now + one_minus<T>(keep) * before",
        kernel("masks"),
    ),
    native(
        "zoneout: all of the memory's gradient passes the step",
        "drivers.hpp",
        "store(kept, keep * grad)",
        "store(kept, grad)",
        kernel("masks"),
    ),
    native(
        "the gradient handed back without the state's mask",
        "drivers.hpp",
        "fma(state_mask<T>(f.masks, b, r, u, count), load(a), rest(r, u, count))",
        "load(a) + rest(r, u, count)",
        kernel("masks"),
    ),
    native(
        "peephole kernel: the output gate sees the memory before",
        "cells/lstm.hpp",
        "store(a + kO * L, fma(vector_of<T, kPeepholes - 1>(f, b, u, count), c,",
        "store(a + kO * L, fma(vector_of<T, kPeepholes - 1>(f, b, u, count), load_some(c_before<T>(f, b, r) + u, count),",
        kernel("lstm_peephole"),
    ),
    native(
        "coupled gates kernel: the gradient through what is forgotten dropped",
        "cells/lstm.hpp",
        "COUPLED ? proposed - before : proposed",
        "proposed",
        kernel("cifg"),
    ),
    native(
        "projected kernel: steps read the first one's unprojected states",
        "projected.hpp",
        "at<T>(f.unprojected, f.tape ? b.packed : b.row, H)",
        "at<T>(f.unprojected, b.row, H)",
        kernel("lstmp"),
    ),
    native(
        "projected kernel: the last thread's share of h ends at a whole group",
        "projected.hpp",
        "return unit == H ? P : P * unit",
        "return P * unit",
        kernel("lstmp"),
    ),
    native(
        "projected kernel: h is made before the units of other threads are there",
        "projected.hpp",
        "finish_memory(f, b);\n    });\n    meet(own);",
        "finish_memory(f, b);\n    });",
        f"{BITS} -k lstmp",
    ),
    native(
        "layer norm kernel: lanes past the last unit count",
        "row.hpp",
        "only<T>(load_some(x + u, count) - mean, count)",
        "load_some(x + u, count) - mean",
        kernel("layer_norm"),
    ),
    native(
        "layer norm kernel: the gradient keeps its mean",
        "row.hpp",
        "load_some(grad + u, count) - mean -",
        "load_some(grad + u, count) -",
        kernel("layer_norm"),
    ),
    native(
        "layer norm kernel: W x is left a column early",
        "normalised.hpp",
        "COLUMN * b.units + u",
        "(COLUMN - (COLUMN > 0)) * b.units + u",
        kernel("layer_norm"),
    ),
    native(
        "LSTM layer norm kernel: sums of b_hh are b_ih's before the first step is in them",
        "cells/lstm_layer_norm.hpp",
        "if (b.before < 0) copy_row",
        "if (b.before >= 0) copy_row",
        kernel("lstm_layer_norm"),
    ),
    native(
        "GRU layer norm kernel: n's sum of b_hh is b_ih's, too",
        "cells/gru_layer_norm.hpp",
        "copy_row(sums + 9 * H, sums + 6 * H, 2 * H)",
        "copy_row(sums + 9 * H, sums + 6 * H, 3 * H)",
        kernel("gru_layer_norm"),
    ),
    native(
        "GRU layer norm kernel: no sums of r's and z's b_hh",
        "cells/gru_layer_norm.hpp",
        "if (b.before < 0) copy_row(sums",
        "if (b.before < -1) copy_row(sums",
        kernel("gru_layer_norm"),
    ),
    native(
        "GRU3 kernel: gates that are all rows' alike looked for in each row's place",
        "cells/gru_reset_before.hpp",
        "if (!PRODUCT) a -= row * b.tiles * 2 * kLanes<T>;",
        "",
        kernel("gru3"),
    ),
    native(
        "JANET kernel: both gates alike",
        "cells/janet.hpp",
        "store(k, load(a) - broadcast(T(1)))",
        "store(k, load(a))",
        kernel("janet"),
    ),
    native(
        "MGU kernel: the gradient through the reset dropped",
        "cells/mgu.hpp",
        "fma(grad_met, met, load_some(grad, count)) *",
        "load_some(grad, count) *",
        kernel("mgu"),
    ),
    native(
        "minLSTM kernel: gates that round to zero are not raised",
        "cells/min_lstm.hpp",
        "missing > zero ? missing : zero",
        "zero",
        kernel("tighter"),
    ),
    native(
        "QRNN kernel: zoneout after the output",
        "cells/qrnn.hpp",
        "o * (f.new_c ? kept_memory<T>(f, b, r, u, count, before, c) : c)",
        "o * c",
        kernel("masks"),
    ),
    native(
        "QRNN kernel: the output's gradient passes zoneout whole",
        "cells/qrnn.hpp",
        "fma(one_minus<T>(keep) * grad_h, o,",
        "fma(grad_h, o,",
        kernel("masks"),
    ),
    native(
        "SRU kernel: the output's gradient of what zoneout keeps dropped",
        "cells/sru.hpp",
        "f.new_c ? fma(keep * grad_h, r, carried) : carried",
        "carried",
        kernel("masks"),
    ),
    native(
        "SRU kernel: the second direction's highway replaces the first's gradient",
        "cells/sru.hpp",
        "f.add_skip ? load_some(skip, count) + grad_past : grad_past",
        "grad_past",
        "tests/nn/test_nn_operator.py -k sru",
    ),
    native(
        "SRU kernel: the memory's gradient does not pass the gates",
        "cells/sru.hpp",
        "fma(grad_c, forget, through_gates)",
        "grad_c * forget",
        kernel("sru"),
    ),
    native(
        "FastGRNN kernel: zeta times the gate itself",
        "cells/fast_grnn.hpp",
        "fma(fma(zeta, one_minus<T>(z), nu), proposed,",
        "fma(fma(zeta, z, nu), proposed,",
        kernel("fast_grnn"),
    ),
    native(
        "sLSTM kernel: the stabiliser's gradient without the normaliser",
        "cells/slstm.hpp",
        "- grad_c * c - grad_n * n",
        "- grad_c * c",
        kernel("slstm"),
    ),
    native(
        "two cells under each other's names",
        "cells.hpp",
        'LiGru<T>>("li_gru"),\n    one_product<T, MinGru<T>>("min_gru")',
        'LiGru<T>>("min_gru"),\n    one_product<T, MinGru<T>>("li_gru")',
        kernel("li_gru"),
    ),
    native(
        "any activation functions by the form for the usual ones",
        "cells.hpp",
        'Gru<T, Any>>("gru_any")',
        'Gru<T, Published>>("gru_any")',
        f"{REFERENCE} -k activation_functions",
    ),
    native(
        "two activation functions under each other's names",
        "functions.hpp",
        "case Activation::softsign: return x / (one + magnitude<T>(x));\n    case Activation::softplus:",
        "case Activation::softplus: return x / (one + magnitude<T>(x));\n    case Activation::softsign:",
        f"{REFERENCE} -k softsign",
    ),
    native(
        "activation functions: alpha and beta exchanged",
        "module.cpp",
        "static_cast<Activation>(number), alpha, beta}",
        "static_cast<Activation>(number), beta, alpha}",
        f"{REFERENCE} -k activation_functions",
    ),
    native(
        "elementary functions: one for another",
        "level.cpp",
        "case Function::sigmoid: return sigmoid<T>(v)",
        "case Function::sigmoid: return hyperbolic_tangent<T>(v)",
        "tests/kernels/test_elementary.py",
    ),
    native(
        "weight gradients: all threads in one work space",
        "schedule.cpp",
        "work_before(kernels, thread);",
        "work_before(kernels, 0);",
        BITS,
    ),
    native(
        "packing: every thread packs the first part",
        "schedule.cpp",
        "kernels.pack(call, packed, part, parts)",
        "kernels.pack(call, packed, 0, parts)",
        BITS,
    ),
    python(
        "kernels: other activation functions by the form for the usual ones",
        "kernels/kernel.py",
        '_CELLS.get(f"{compiled.kernel}_any", number)',
        "number",
        f"{REFERENCE} -k activation_functions",
    ),
    python(
        "kernels: U's parts for the backward pass over one another",
        "kernels/arrangement.py",
        "first_k=k, to=at",
        "first_k=0, to=at",
        KERNELS,
    ),
    native(
        "IndRNN kernel: the gradient handed back without u",
        "cells/rnn.hpp",
        "grad * vector_of<T, 0>(f, b, u, n), n",
        "grad, n",
        kernel("indrnn"),
    ),
    native(
        "hard sigmoid: a slope above 1, too",
        "functions.hpp",
        "(y > zero) & (y < one) ? alpha : zero",
        "y > zero ? alpha : zero",
        kernel("hard_sigmoid"),
    ),
    native(
        "clip bounds the memory, too", "functions.hpp", "WHICH < kOutput && f.clip > 0", "f.clip > 0", kernel("clip")
    ),
    python(
        "nn: dropout masks without their scale",
        "nn/dropout.py",
        "keep.div_(1 - probability)",
        "keep",
        f"{NN_TABLE} -k dropout",
    ),
    python(
        "nn: masks of the state in another order than the sequences",
        "nn/dropout.py",
        "on_state = on_state[:, origin.sequences]",
        "pass",
        NN_DIRECTIONS,
    ),
    python(
        "nn: masks of the input in another order than the sequences",
        "nn/dropout.py",
        "on_input[origin.rows % B]",
        "on_input[torch.arange(len(origin.rows)) % B]",
        NN_DIRECTIONS,
    ),
    python(
        "nn: evaluation mixes c in the share of h",
        "nn/dropout.py",
        "zoneout_c=share_c",
        "zoneout_c=share_h",
        f"{NN_EVALUATION}[lstm]",
    ),
    native(
        "nn: directions share what is kept of h",
        "layer_pass.cpp",
        ".keep_h = numbers.on(call.keep_h, direction * P)",
        ".keep_h = call.keep_h",
        NN_DIRECTIONS,
    ),
    python("nn: chrono's input gate open", "nn/start.py", "cell.writes, -steps)", "cell.writes, steps)", NN_SEGMENTS),
    python(
        "nn: the forget bias of a gate that writes has the wrong sign",
        "nn/start.py",
        '-value if gate.startswith("-") else value',
        "value",
        NN_SEGMENTS,
    ),
    python(
        "nn: the second bias adds to the forget bias",
        "nn/start.py",
        'parameters["bias_hh"][block] = 0',
        "pass",
        NN_SEGMENTS,
    ),
    python(
        "nn: a reset at the first step keeps the given state",
        "nn/episodes.py",
        "first & ~fresh[sequence]",
        "first",
        f"{NN_STACKS}[gru]",
    ),
    python(
        "nn: resets past a sequence's length count",
        "nn/episodes.py",
        "given & (np.arange(T) < steps[:, None])",
        "given.copy()",
        f"{NN_STACKS}[gru]",
    ),
    python(
        "nn: the second direction's last state from the first one's episode",
        "nn/episodes.py",
        "tensors(place_of[first])",
        "tensors(place_of[last])",
        f"{NN_STACKS}[gru]",
    ),
    python("nn: gradients stop at every segment", "nn/segments.py", " and start % self.truncate == 0", "", NN_SEGMENTS),
    python(
        "nn: gradients of parameters from the first segment only",
        "nn/segments.py",
        "gradient if total is None else total if gradient is None else total + gradient",
        "gradient",
        NN_SEGMENTS,
    ),
    python(
        "nn: truncation stops the gradients of last states, too",
        "nn/segments.py",
        "[:, None], changed, state)",
        "[:, None], changed, changed)",
        f"{NN_TABLE} -k truncate",
    ),
    python(
        "nn: heads and projections drawn as each other",
        "nn/start.py",
        "hidden_size if width == state_size else width",
        "width if width == state_size else hidden_size",
        f"{NN_SEGMENTS}::test_starts",
    ),
    python(
        "nn: a second way to the weights past the states",
        "nn/layer.py",
        "None if t is None else t.view_as(t)",
        "t",
        "tests/nn/test_nn_promises.py -k keep_a_graph",
    ),
    python(
        "nn: outputs that were changed are used as they are",
        "nn/saved.py",
        "counter._version != before:",
        "counter._version < before:",
        "tests/nn/test_nn_operator.py -k in_place",
    ),
    python(
        "nn: windows of a batch one step too young",
        "nn/recent_inputs.py",
        "both.index_select(0, order[0])",
        "both.index_select(0, order[0].roll(1))",
        "tests/nn/test_nn_promises.py -k qrnn",
    ),
    python(
        "nn: segments of each sequence's own rows",
        "nn/segments.py",
        "all_rows[first : first + living]",
        "all_rows[unused - living : unused]",
        f"{NN_TABLE} -k checkpoint",
    ),
    python(
        "nn: segments of both directions under the first one's state mask",
        "nn/directions.py",
        "masks.state[d : d + 1]",
        "masks.state[:1]",
        NN_DIRECTIONS,
    ),
    python(
        "nn: light GRU's running variance is that of the batch",
        "nn/li_gru.py",
        "variance.detach() * count / (count - 1)",
        "variance.detach()",
        f"{NN_TABLE} -k li_gru",
    ),
    python(
        "nn: light GRU's inputs not centred",
        "nn/li_gru.py",
        "shift - factor * center",
        "shift",
        f"{NN_TABLE} -k li_gru",
    ),
    python(
        "nn: windows of packed rows begin with the oldest input alone",
        "nn/recent_inputs.py",
        "before[:, width - 1 - back]",
        "before[:, 0]",
        f"{NN_STACKS}[qrnn]",
    ),
    python(
        "nn: zoneout of an sLSTM's memory let through",
        "nn/options.py",
        'None if cell.memory == ("c",)\n',
        "None if cell.memory\n",
        f"{NN_TABLE} -k slstm",
    ),
    python(
        "nn: the residual adds what dropout left of the input",
        "nn/recurrent.py",
        "            inputs = outputs\n            if index and self.dropout:\n"
        "                outputs = self._drop(outputs, origin, wanted.generator)\n",
        "            if index and self.dropout:\n"
        "                outputs = self._drop(outputs, origin, wanted.generator)\n            inputs = outputs\n",
        NN_DIRECTIONS,
    ),
    python(
        "convert: gates of a Keras GRU in torch's order",
        "convert/keras_form.py",
        '3: ("z", "r", "n")',
        '3: ("r", "z", "n")',
        KERAS,
    ),
    python(
        "convert: Keras gets one of torch's two biases",
        "convert/keras_form.py",
        "else both[0] + both[1]",
        "else both[0]",
        KERAS,
    ),
    python(
        "convert: Keras' dropout on the state",
        "convert/from_keras.py",
        '"input_dropout": first.dropout, "state_dropout": first.recurrent_dropout',
        '"input_dropout": first.recurrent_dropout, "state_dropout": first.dropout',
        KERAS,
    ),
    python(
        "convert: masks with gaps taken for lengths",
        "convert/masks.py",
        "counts[:, 1:] & ~counts[:, :-1]",
        "counts[:, :0]",
        KERAS,
    ),
    python(
        "convert: biases of an ONNX node exchanged",
        "convert/to_onnx.py",
        "np.concatenate([Wb, Rb])",
        "np.concatenate([Rb, Wb])",
        CONVERT_ONNX,
    ),
    python(
        "convert: an ONNX node starts each layer from the first one's state",
        "convert/to_onnx.py",
        "for k in (index * D, (index + 1) * D, 0)",
        "for k in (0, D, 0)",
        CONVERT_ONNX,
    ),
    python(
        "convert: constant initial states of an ONNX node dropped",
        "convert/from_onnx.py",
        '"constant" if self._held[name].any() else "zero"',
        '"zero"',
        CONVERT_ONNX,
    ),
    python(
        "convert: a summed pair of directions taken for one side by side",
        "convert/from_onnx.py",
        'options["merge"] = "sum"',
        "pass",
        CONVERT_ONNX,
    ),
    python(
        "convert: torch's GRU cell resets before the product",
        "convert/torch_modules.py",
        '"gru", True',
        '"gru_reset_before", False',
        CONVERT_TORCH,
    ),
    python(
        "ONNX nodes: peepholes in torch's order",
        "onnx/operators.py",
        'PEEPHOLES = ("i", "o", "f")',
        'PEEPHOLES = ("i", "f", "o")',
        ONNX_NODES,
    ),
    python(
        "ONNX nodes: gates of the GRU in torch's order",
        "onnx/operators.py",
        '("z", "r", "n"), ("h",)',
        '("r", "z", "n"), ("h",)',
        ONNX_RUN,
    ),
    python(
        "ONNX nodes: functions without constants consume values",
        "onnx/activations.py",
        "if takes_one and waiting else",
        "if waiting else",
        ONNX_NODES,
    ),
    python(
        "ONNX nodes: initial states of layout 1 not turned",
        "onnx/execution.py",
        'for n in ("X", *_INITIAL.values())',
        'for n in ("X",)',
        ONNX_NODES,
    ),
    python(
        "ONNX nodes: clip leaves the memory alone",
        "onnx/execution.py",
        "output(cell.clipped(step.c))",
        "output(step.c)",
        ONNX_NODES,
    ),
    python(
        "ONNX nodes: with clip a sequence lives one step too long",
        "onnx/execution.py",
        "np.flatnonzero(t < lengths)",
        "np.flatnonzero(t <= lengths)",
        ONNX_NODES,
    ),
    python(
        "notes: the lowest is left out of what may follow",
        "codecs/frame_tokens.py",
        "np.arange(P) > np.arange(P)[:, None]",
        "np.arange(P) > np.arange(P)[:, None] + 1",
        FRAMES,
    ),
    python(
        "notes: a piece may end within a frame",
        "codecs/frame_tokens.py",
        "allowed[[0, self.frame_end], 1:] = True",
        "allowed[[0, self.frame_end, *range(1, P + 1)], 1:] = True",
        FRAMES,
    ),
    python(
        "notes: a frame that has not ended is one",
        "codecs/frame_tokens.py",
        "roll = np.zeros((int(ends.sum()), self.notes), np.uint8)",
        "roll = np.zeros((int(ends.sum()) + 1, self.notes), np.uint8)",
        FRAMES,
    ),
    python(
        "notes: at the end of a piece its notes count",
        "networks/note_head.py",
        "(1 - true[..., -1]) * self.engine.sum",
        "self.engine.sum",
        NOTES,
    ),
    python(
        "notes: chances of sounding and of silence swapped",
        "networks/note_head.py",
        "(1 - 2 * true) * scores",
        "(2 * true - 1) * scores",
        NOTES,
    ),
    python(
        "notes: the mean of odds for that of chances",
        "runtime/decoding/frame_sampling.py",
        "log_sum_exp(_log_chance(s)) - log_sum_exp(_log_chance(-s))",
        "s.mean(-1)",
        FRAME_SAMPLING,
    ),
    python(
        "notes: temperature multiplies the odds",
        "runtime/decoding/frame_sampling.py",
        "odds[:, :-1].astype(np.float64) / self.temperature",
        "odds[:, :-1].astype(np.float64) * self.temperature",
        FRAME_SAMPLING,
    ),
    python(
        "music: transposed by less than it could be",
        "codecs/note_codec.py",
        "-min(most, low), min(most, high) + 1))",
        "-min(most, low), min(most, high)))",
        MUSIC,
    ),
    python(
        "music: symbols that must not follow are in the softmax",
        "networks/symbol_head.py",
        "return scores if self.barred is None else scores + self.engine.constant(self.barred[steps])",
        "return scores",
        MUSIC,
    ),
    python(
        "music: one long piece ends when it is drawn",
        "tasks/generation/generator_model.py",
        "ended &= may_end\n            told = np.concatenate([frames",
        "told = np.concatenate([frames",
        MUSIC,
    ),
    python(
        "vectors: a file's rows are drawn once each, whatever -n says",
        "cli/generate.py",
        "[each for each in condition for _ in range(options.n)]",
        "list(condition)",
        "tests/cli/test_conditions.py -k says_what",
    ),
    python(
        "recordings: one of a frame is too short",
        "codecs/audio.py",
        "if n < self.window_length]",
        "if n <= self.window_length + 1200]",
        "tests/tasks/generation/test_transcriber.py -k shorter",
    ),
    python(
        "MIDI: a note with velocity 0 begins another",
        "data/midi.py",
        'message.type == "note_on" and message.velocity > 0',
        'message.type == "note_on"',
        MIDI,
    ),
    python(
        "MIDI: drums are notes",
        "data/midi.py",
        " or message.channel == DRUMS",
        "",
        MIDI,
    ),
    python(
        "MIDI: frames begin where the note has begun before",
        "data/midi.py",
        "int((2 * a + 1) // 2)",
        "int(a)",
        MIDI,
    ),
    python(
        "MIDI: the end that comes late ends the note struck again",
        "data/midi.py",
        "if not begins and cut.pop(key, None) == now:",
        "if not begins and cut.pop(key, None) is ...:",
        MIDI,
    ),
    python(
        "CRF: the way back over transitions not turned over",
        "runtime/decoding/crf.py",
        "(self.transitions.T)",
        "(self.transitions)",
        CRF,
    ),
    python(
        "CRF: sums that underflow not computed again",
        "runtime/decoding/crf.py",
        "SMALLEST = 1e-200",
        "SMALLEST = 0.0",
        CRF,
    ),
    python(
        "Viterbi: ties and ways back of the next step",
        "runtime/decoding/viterbi.py",
        "(delta[t - 1] + to",
        "(delta[t] + to",
        CRF,
    ),
    python(
        "n best: the rank of the way before lost",
        "runtime/decoding/viterbi.py",
        "j * n + np.minimum(taken, n - 1)",
        "j * n",
        CRF,
    ),
    native(
        "best tokens: of equals the last",
        "best_tokens.hpp",
        "if (!(score > bar())) return;",
        "if (!(score >= bar())) return;",
        BEST_TOKENS,
    ),
    native(
        "best tokens: a block is passed over by its first lanes",
        "best_tokens.hpp",
        "for (double lane : lanes) most = lane > most ? lane : most;",
        "most = lanes[0];",
        BEST_TOKENS,
    ),
    native(
        "best tokens: infinite numbers within blocks are not told",
        "best_tokens.hpp",
        "finite &= x < endless;",
        "finite &= sum > -endless;",
        BEST_TOKENS,
    ),
    native(
        "steps: the window does not move on",
        "steps.cpp",
        "copy(to + n * W, seen + (n + 1) * I - W, W)",
        "copy(to + n * W, seen + n * I, W)",
        STEPS,
    ),
    native(
        "steps: another batch's states are read",
        "steps.cpp",
        "own[stacked_] != N || ",
        "",
        STEPS,
    ),
    native(
        "steps: strided numbers are read as they do not lie",
        "steps.cpp",
        "PyArray_ISCARRAY_RO(as_array(object))",
        "true",
        STEPS,
    ),
    native(
        "steps: the output is the array of the state",
        "steps.cpp",
        "rows.h = last && !adds ? arrays.y : rows.h_last",
        "rows.h = rows.h_last",
        STEPS,
    ),
    native(
        "steps: values of the memory change places",
        "steps.cpp",
        "values + (n * M + states_[k].value) * H",
        "values + (n * M + M - 1 - states_[k].value) * H",
        STEPS,
    ),
    native(
        "steps: W x of other rows",
        "step_layer.cpp",
        ".out_row = f.gates_row,",
        ".out_row = layer.apart_outputs,",
        STEPS,
    ),
    native(
        "steps: zoneout of h left out",
        "step_layer.cpp",
        "take(f.masks.zoneout_h > 0 ? f.outputs : 0)",
        "nullptr",
        STEPS,
    ),
    python(
        "steps: layers in one call do not add their inputs",
        "kernels/steps.py",
        "residual=residual, threads",
        "residual=False, threads",
        STEPS,
    ),
    native(
        "digest: the last words left out",
        "digest.hpp",
        "for (int i = 0; bytes > 0; ++i",
        "for (int i = 0; bytes > kVectorBytes; ++i",
        DIGEST,
    ),
    native(
        "digest: signs that change in pairs cancel out",
        "digest.hpp",
        "mixed[i] = m << 15 | m >> 17;",
        "mixed[i] = m;",
        DIGEST,
    ),
    python(
        "nn: a cell does not look whether its weights have changed",
        "nn/bound_cell.py",
        "if _native.digest(p.data_ptr(), size) != digest",
        "if not digest",
        NN_CELLS,
    ),
    python(
        "nn: a cell reads turned weights as they do not lie",
        "nn/bound_cell.py",
        "p.shape == shape and p.is_contiguous()",
        "p.shape == shape",
        NN_CELLS,
    ),
    python(
        "nn: a cell takes a bias that is made of others for none",
        "nn/cell.py",
        'parameters = own["weight_ih"], own["weight_hh"], own["bias_ih"], own["bias_hh"]',
        'parameters = own["weight_ih"], own["weight_hh"], None, own["bias_hh"]',
        NN_CELLS,
    ),
    native(
        "decoder step: outputs before the context",
        "decoder_step.cpp",
        "copy(met + n * both + s_.asked, h + n * S, S)",
        "copy(met + n * both, h + n * S, S)",
        DECODER_STEP,
    ),
    native(
        "decoder step: the source of the first row for all",
        "decoder_step.cpp",
        "n < N_ && r_.sources[n] == source",
        "n < N_",
        DECODER_STEP,
    ),
    native(
        "decoder step: the result is not fed back",
        "decoder_step.cpp",
        "if (s_.feeds) copy(",
        "if (false) copy(",
        DECODER_STEP,
    ),
    native(
        "decoder step: the second layer from the first one's state",
        "decoder_step.cpp",
        "r_.h ? r_.h + at * P",
        "r_.h ? r_.h",
        DECODER_STEP,
    ),
    native(
        "decoder step: layers do not add their inputs",
        "decoder_step.cpp",
        "sum[i] = h[i] + x[i]",
        "sum[i] = h[i]",
        DECODER_STEP,
    ),
    native(
        "weights as bfloat16 to the upper of two as near",
        "simd.hpp",
        "(bits + 0x7fff + (bits >> 16 & 1)) >> 16",
        "(bits + 0x8000) >> 16",
        STORED,
    ),
    native(
        "the last of an odd number of columns of bfloat16 packed in a pair",
        "product.hpp",
        "sizeof(S) < sizeof(T) && (i | 1) < count",
        "sizeof(S) < sizeof(T)",
        STORED,
    ),
    native(
        "widened weights keep the other column's digits",
        "product.hpp",
        "i % 2 ? pair & 0xffff0000u : pair << 16",
        "i % 2 ? pair : pair << 16",
        STORED,
    ),
    native(
        "the second product's bfloat16 weights looked for where float32 ones would be",
        "product.hpp",
        "return {at + numbers * size(), halves};",
        "return {at + numbers * static_cast<int64_t>(sizeof(T)), halves};",
        STORED,
    ),
    python(
        "runtime: dense layers of any size stored as bfloat16",
        "runtime/engine.py",
        "return self._weights if weight.size >= LARGE else None",
        "return self._weights",
        STORED,
    ),
    native(
        "softmax: shares past the length",
        "softmax.hpp",
        "for (int64_t i = n; i < row; ++i) y[i] = T(0);",
        "",
        DECODER_STEP,
    ),
    python(
        "decoder step: products of the wrong columns",
        "kernels/packed.py",
        "np.pad(products, [(0, 0), (before, 0)])",
        "np.pad(products, [(0, 0), (0, before)])",
        DECODER_STEP,
    ),
    python(
        "products of rows: without biases",
        "nn/forward.py",
        "count) + bias[:count]",
        "count).contiguous()",
        ROWS,
    ),
    python(
        "products of rows: both directions from the first one's",
        "nn/forward.py",
        "own = products.table.narrow(1, d * count, count)",
        "own = products.table.narrow(1, 0, count)",
        ROWS,
    ),
    python(
        "products of rows: gradients of the gates that meet U",
        "nn/backward.py",
        "own.narrow(1, row - count, count), places",
        "own.narrow(1, 0, count), places",
        ROWS,
    ),
    python(
        "rows looked up: padding is put in front",
        "training/engine.py",
        "_padded(looked_up.places[:, None], lengths)[..., 0])",
        "_padded(looked_up.places[:, None], lengths).flip(0)[..., 0])",
        PAIRS_LOSS,
    ),
    python(
        "rows looked up: what dropout has changed is taken for a row",
        "training/engine.py",
        "return F.dropout(a, self.options.dropout, True) if self._module.training and self.options.dropout else a",
        "return a",
        PAIRS_LOSS,
    ),
    python(
        "beam: it ends by the length so far, not the longest",
        "runtime/decoding/beam.py",
        "(scores / lp[-1] > found",
        "(scores / lp[length - 1] > found",
        BEAM,
    ),
    python(
        "beam: coverage of the last step only",
        "runtime/decoding/beam.py",
        "coverage=live.coverage + attended",
        "coverage=attended",
        BEAM,
    ),
    python(
        "beam: coverage of positions past the source",
        "runtime/decoding/beam.py",
        "live.coverage[row, :length]",
        "live.coverage[row]",
        BEAM,
    ),
    python(
        "beam: sequences blocked one step late",
        "runtime/decoding/beam.py",
        "if n and length > n:",
        "if n and length > n + 1:",
        BEAM,
    ),
    python(
        "beam: phrases not asked for at the end",
        "runtime/decoding/beam.py",
        "total[~self.phrases.met(live.progress, live.sources), self.search.eos] = -np.inf",
        "pass",
        BEAM,
    ),
    python(
        "beam: banks in the order of their scores",
        "runtime/decoding/beam.py",
        "np.lexsort((bank, rank, of))",
        "np.lexsort((-scores, of))",
        BEAM,
    ),
    python(
        "beam: unfinished answers beside finished ones",
        "runtime/decoding/beam.py",
        "key=lambda e: (e.token != self.eos, -e.score)",
        "key=lambda e: -e.score",
        BEAM,
    ),
    python(
        "phrases: after a mismatch from the start again",
        "runtime/decoding/constraints.py",
        "table[k] = table[fallback] if k else 0",
        "table[k] = table[0] if k else 0",
        BEAM,
    ),
    python(
        "largest: of equals any",
        "runtime/decoding/largest.py",
        "taken = above | (equal & (np.cumsum(equal, 1) <=",
        "taken = above | (equal & (np.cumsum(equal[:, ::-1], 1)[:, ::-1] <=",
        BEAM,
    ),
    python(
        "largest: blocks of which one is left out",
        "runtime/decoding/largest.py",
        "np.partition(among, len(among) - k)[len(among) - k]",
        "np.partition(among, len(among) - k)[len(among) - k + 1]",
        BEAM,
    ),
    python(
        "ensemble: the mean of log-probabilities",
        "runtime/decoding/decodable.py",
        'total = np.add.accumulate(elementary("exp", log_p - top), axis=0)[-1] / len(steps)',
        "total = np.exp(np.mean(log_p - top, 0))",
        BEAM,
    ),
    python(
        "forced scores: a row's state after another's end",
        "runtime/decoding/forced.py",
        "rows, tokens, state = rows[going], tokens[going], network.select(state, np.flatnonzero(going))",
        "rows, tokens, state = rows[going], tokens[going], network.select(state, np.arange(going.sum()))",
        BEAM,
    ),
    python(
        "mixture: the determinant's sign",
        "networks/mixture_head.py",
        "self.engine.sum(found.log_diagonals - 0.5",
        "self.engine.sum(-found.log_diagonals - 0.5",
        MIXTURE,
    ),
    python(
        "mixture: weights that do not sum to one",
        "networks/mixture_head.py",
        "self.engine.log_sum_exp(joint) - self.engine.log_sum_exp(found.weights)",
        "self.engine.log_sum_exp(joint)",
        MIXTURE,
    ),
    python(
        "mixture: a triangle's columns for its rows",
        "networks/mixture_head.py",
        "below[..., at : at + i] * away[..., :i]",
        "below[..., at : at + i] * away[..., 1 : i + 1]",
        MIXTURE,
    ),
    python(
        "mixture: density of the end's zeros",
        "networks/mixture_head.py",
        "(1 - end) * log_density",
        "log_density",
        MIXTURE,
    ),
    python(
        "mixture: pen and end swapped",
        "networks/mixture_head.py",
        "odds[..., 0], odds",
        "-odds[..., 0], odds",
        MIXTURE,
    ),
    python(
        "mixture: deviations without a bound",
        "networks/mixture_head.py",
        "LOG_RANGE * self.engine.tanh(diagonals.reshape(*shape, K, D) / LOG_RANGE)",
        "diagonals.reshape(*shape, K, D)",
        MIXTURE,
    ),
    python(
        "draws: the temperature as a factor of deviations",
        "runtime/decoding/mixture_sampling.py",
        "self.temperature**0.5 * away",
        "self.temperature * away",
        MIXTURE_DRAWS,
    ),
    python(
        "draws: weights at no temperature",
        "runtime/decoding/mixture_sampling.py",
        "keepdims=True)) / self.temperature)",
        "keepdims=True)))",
        MIXTURE_DRAWS,
    ),
    python(
        "draws: what is below the diagonal left out",
        "runtime/decoding/mixture_sampling.py",
        "left -= below[:, at + j] * x[:, j]",
        "left -= 0 * x[:, j]",
        MIXTURE_DRAWS,
    ),
    python(
        "draws: a pen at no temperature",
        "runtime/decoding/mixture_sampling.py",
        "odds = mixture.pen / self.temperature",
        "odds = mixture.pen",
        MIXTURE_DRAWS,
    ),
    python(
        "draws: an improbable end for a probable one",
        "runtime/decoding/mixture_sampling.py",
        "u[:, 0] < sigmoid(mixture.end)",
        "u[:, 0] > sigmoid(mixture.end)",
        MIXTURE_DRAWS,
    ),
    python(
        "strokes: positions from zero",
        "codecs/strokes.py",
        "return positions_of(offsets, self.start) if",
        "return positions_of(offsets) if",
        STROKES,
    ),
    python(
        "strokes: the first offset from the second point",
        "codecs/strokes.py",
        "prepend=np.asarray(start",
        "append=np.asarray(start",
        STROKES,
    ),
    python(
        "numbers: a density in another unit",
        "codecs/strokes.py",
        "2 * math.log(self.unit)",
        "math.log(self.unit)",
        STROKES,
    ),
    python(
        "numbers: the end in units of the data",
        "tasks/generation/said_numbers.py",
        " * (np.arange(len(log_p)) < len(steps))",
        "",
        SAID_NUMBERS,
    ),
    python(
        "numbers: steps that are missing are zeros",
        "codecs/value_codec.py",
        'mode="edge"',
        'mode="constant"',
        VALUE_CODEC,
    ),
    python("Griffin-Lim: no momentum", "codecs/griffin_lim.py", "c + momentum * (c - before)", "c", GRIFFIN_LIM),
    python(
        "Griffin-Lim: windows not undone",
        "codecs/griffin_lim.py",
        "total / np.maximum(squares, LEAST)",
        "total",
        GRIFFIN_LIM,
    ),
    python(
        "Griffin-Lim: power for magnitude",
        "codecs/griffin_lim.py",
        "np.sqrt(spectrum_of_bands(bands, filters))",
        "spectrum_of_bands(bands, filters)",
        GRIFFIN_LIM,
    ),
    python(
        "Griffin-Lim: emphasis left in",
        "codecs/griffin_lim.py",
        "last = value + share * last",
        "last = value",
        GRIFFIN_LIM,
    ),
    python(
        "sampling: temperature multiplies",
        "runtime/decoding/sampling.py",
        "/ self.temperature).astype",
        "* self.temperature).astype",
        SAMPLING,
    ),
    python(
        "sampling: top-p of all tokens, not of the top k",
        "runtime/decoding/sampling.py",
        "self.top_p * sums[:, -1:]",
        "self.top_p * q.sum(1)[:, None]",
        SAMPLING,
    ),
    python(
        "sampling: the token before",
        "runtime/decoding/sampling.py",
        "(sums <= (u * sums[:, -1])[:, None])",
        "(sums[:, 1:] <= (u * sums[:, -1])[:, None])",
        SAMPLING,
    ),
    python(
        "sampling: rows that go on with another's state",
        "runtime/decoding/sampling.py",
        "recent[on], network.select(state, on)",
        "recent[on], state",
        SAMPLING,
    ),
    python(
        "CTC: a repeated symbol without a blank",
        "runtime/decoding/ctc.py",
        "longer[said, last[said]] = self._b[said] + p[last[said]]",
        "pass",
        CTC,
    ),
    python(
        "CTC: one prefix twice in the beam",
        "runtime/decoding/ctc.py",
        "        longer[parents[inside], last[inside]] = -np.inf\n",
        "",
        CTC,
    ),
    python(
        "CTC: alignments skip a blank between equals",
        "runtime/decoding/ctc.py",
        "skips[3::2] = y[1:] != y[:-1]",
        "skips[3::2] = True",
        CTC,
    ),
    python(
        "CTC: the language model's row of another prefix",
        "runtime/decoding/ctc.py",
        "np.array([states[at][1] for at in places])",
        "np.zeros(len(places), int)",
        CTC,
    ),
    python(
        "n-grams: lower orders counted as often as seen",
        "statistical/ngrams.py",
        "counts.insert(0, _counted(counts[0][0][:, 1:], tokens))",
        "counts.insert(0, _counted(np.concatenate(windows)[:, order - counts[0][0].shape[1] + 1 :], tokens))",
        NGRAMS,
    ),
    python(
        "n-grams: one discount for all counts",
        "statistical/ngrams.py",
        "np.minimum(counts, 3)]",
        "np.minimum(counts, 1)]",
        NGRAMS,
    ),
    python(
        "n-grams: the discounts' Y of pairs once",
        "statistical/ngrams.py",
        "n[1] / (n[1] + 2 * n[2])",
        "n[1] / (n[1] + n[2])",
        NGRAMS,
    ),
    python(
        "n-grams: the wrong end of a context",
        "statistical/ngrams.py",
        "(h[:, self.order - k :])\n            p[seen] *= order.left_over[context, None]",
        "(h[:, : k - 1])\n            p[seen] *= order.left_over[context, None]",
        NGRAMS,
    ),
    python(
        "alignment: what comes after a piece is not counted",
        "statistical/pair_alignment.py",
        "step = own[i] * (beta[i + a, :, b:] / scale",
        "step = own[i] * (np.ones_like(beta[i + a, :, b:]) / scale",
        JOINT,
    ),
    python(
        "alignment: the scale of a row that a piece passes over is left out",
        "statistical/pair_alignment.py",
        "/ scale[i - a + 1 : i].prod(0)[:, None]",
        "",
        JOINT,
    ),
    python(
        "n-grams of pairs: their end costs nothing",
        "statistical/joint_ngrams.py",
        "return ways.log_p[rows] + self.ngrams.log_p(ways.before[rows], eos)",
        "return ways.log_p[rows] + 0 * self.ngrams.log_p(ways.before[rows], eos)",
        JOINT,
    ),
    python(
        "n-grams of pairs: only the best way to cut a pair",
        "statistical/joint_ngrams.py",
        "np.logaddexp.at(found, ways.of[ends], log_p)",
        "np.maximum.at(found, ways.of[ends], log_p)",
        JOINT,
    ),
    python(
        "n-grams of pairs: two tokens of a source are never read at once",
        "statistical/joint_ngrams.py",
        "two = going[T[n] > i + 1]",
        "two = going[T[n] > T.max()]",
        JOINT,
    ),
    python(
        "n-grams of pairs: what they say is not divided by the length",
        "tasks/generation/joint_ranking.py",
        "    opinions /= norms[[min(len(each.tokens), len(norms) - 1) for _, each in flat]]\n",
        "",
        RANKING,
    ),
    python(
        "n-grams of pairs: they find no answers",
        "tasks/generation/joint_ranking.py",
        "        new += [(n, y) for y in targets ",
        "        new += [(n, y) for y in targets[:0] ",
        RANKING,
    ),
    python(
        "n-grams of pairs: the weight of the file is not taken",
        "tasks/generation/seq2seq.py",
        "return joint.weight if weight is None else weight",
        "return 1.0 if weight is None else weight",
        RANKING,
    ),
    python(
        "CRF loss: true transitions counted backwards",
        "training/crf.py",
        "(y[t, b], y[t + 1, b])",
        "(y[t + 1, b], y[t, b])",
        CRF_LOSS,
    ),
    python(
        "tags: the end of an entity not asked for",
        "codecs/tag_scheme.py",
        'in ("BE", "SS")',
        'in ("BE", "SS", "BI")',
        TAGS,
    ),
    python(
        "detector: a channel is not compared with the others",
        "tasks/anomalies/model.py",
        "for each in (root[:PAST], root[PAST:]) if len(each)",
        "for each in (root[:PAST],)",
        DETECTOR,
    ),
    python(
        "detector: a channel reads itself among the others",
        "tasks/anomalies/regressions.py",
        "np.delete(self.z[first:], c, axis=1)",
        "np.delete(self.z[first:], c - 1, axis=1)",
        DETECTOR,
    ),
    python(
        "threshold: carried without a bound",
        "codecs/tail.py",
        "return 1 / min(len(kept), max(LEAST, steps / APART))",
        "return 1 / len(kept)",
        TAIL,
    ),
    python(
        "threshold: a holiday sets it",
        "codecs/tail.py",
        "if ordered[k - odd] > likely:",
        "if False:",
        TAIL,
    ),
    python(
        "checkpoint: torch's generator forgotten",
        "training/state.py",
        'torch.set_rng_state(tensors["torch_generator"])',
        "pass",
        RESUMING,
    ),
    python(
        "checkpoint: the order of batches forgotten",
        "training/state.py",
        "self._batch_order.bit_generator.state = json.loads(record.batch_order)",
        "pass",
        RESUMING,
    ),
    python(
        "checkpoint: Adam's moments forgotten",
        "training/state.py",
        'self._restore_moments(_own("adam", tensors))',
        "pass",
        RESUMING,
    ),
    python(
        "checkpoint: the best state forgotten",
        "training/state.py",
        "if run.best_epoch != self.epoch:",
        "if False:",
        RESUMING,
    ),
    python(
        "lock: a file that was removed meanwhile is held",
        "runtime/file_lock.py",
        "if is_at(lock, descriptor):\n            return descriptor",
        "if True:\n            return descriptor",
        RESUMING,
    ),
    python(
        "lock: each path to a file has its own",
        "runtime/file_lock.py",
        "lock = beside(target_of(path), ",
        "lock = beside(path.absolute(), ",
        RESUMING,
    ),
    python(
        "checkpoint: gone before the model is written",
        "training/checkpoint.py",
        "checkpoint.kept = KeptFile.at(place)",
        "checkpoint.kept = KeptFile.at(place)\n            place.unlink()",
        RESUMING,
    ),
    python(
        "model file: sizes are not compared with the settings",
        "tasks/sequences/estimator.py",
        'require_same("shape", config.shape, cls._network(config.inputs, cls._outputs(config, settings), settings))',
        "pass",
        LIES,
    ),
    python(
        "model file: a scale of another magnitude than the series",
        "tasks/forecasting/file.py",
        "z < LARGEST_Z",
        "True",
        LIES,
    ),
    python(
        "model file: times that do not follow each other",
        "tasks/agreement.py",
        "int(steps[-1]) == len(times) - 1",
        "True",
        LIES,
    ),
    python(
        "temporary files: those of living processes are swept",
        "runtime/companions.py",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n            if is_at",
        "if is_at",
        "tests/runtime/test_model_file_atomic_write.py",
    ),
    python(
        "windows: their spread is left in",
        "networks/window_rnn.py",
        "[(x / spread)[:, :, None]",
        "[x[:, :, None]",
        WINDOWS,
    ),
    python(
        "windows: seasons padded at the end",
        "networks/window_rnn.py",
        "(x, ((0, 0), (front, 0))",
        "(x, ((0, 0), (0, front))",
        WINDOWS,
    ),
    python(
        "windows: weights of a season go to a season ahead",
        "networks/window_rnn.py",
        "weights.reshape(-1, ahead, segments, 1)",
        "weights.reshape(-1, segments, ahead, 1).swapaxes(1, 2)",
        WINDOWS,
    ),
    python(
        "gradient flow: what is seen are the states before a step",
        "nn/composite.py",
        'rows[t], before, {"h": h, **after}, gates)',
        'rows[t], before, {"h": h, **before}, gates)',
        GRADIENT_FLOW,
    ),
    python(
        "gradient flow: directions backwards in the order of their steps",
        "insight/gradient_flow.py",
        "means = _means(norms)[trace.in_time]",
        "means = _means(norms)",
        GRADIENT_FLOW,
    ),
    python(
        "gradient flow: steps back from the end of the longest sequence",
        "insight/gradient_flow.py",
        "row[alive][::-1] for row, alive",
        "row[::-1][alive] for row, alive",
        GRADIENT_FLOW,
    ),
    python(
        "gradient flow: steps back from a loss towards later steps",
        "insight/gradient_flow.py",
        "towards = 1 if trace.backwards else -1",
        "towards = -1 if trace.backwards else 1",
        GRADIENT_FLOW,
    ),
    python(
        "gradient flow: frozen parameters stay without gradients",
        "insight/watching.py",
        "weight.requires_grad_(True)",
        "weight.requires_grad_(False)",
        GRADIENT_FLOW,
    ),
    python(
        "Jacobians: transposed",
        "insight/step_map.py",
        ".reshape(-1, N, N)",
        ".reshape(-1, N, N).swapaxes(1, 2)",
        JACOBIANS,
    ),
    python(
        "Jacobians: what a unit passes to itself counted once more for each gate",
        "insight/step_map.py",
        "self._back(now, ones, gate)[0] - own[0] for",
        "self._back(now, ones, gate)[0] for",
        JACOBIANS,
    ),
    python(
        "Jacobians: U by its columns",
        "insight/step_map.py",
        "grn,gnm->rnm",
        "grn,gmn->rnm",
        JACOBIANS,
    ),
    python(
        "Jacobians: a cell with normalised products taken for an elementwise one",
        "cells/gru_layer_norm.py",
        '    states=("h",),',
        '    states=("h",), elementwise=True,',
        JACOBIANS,
    ),
    python(
        "Jacobians: rows beyond the first block left out",
        "insight/step_map.py",
        "range(0, len(s) or 1, self.block)",
        "range(0, min(len(s), self.block) or 1, self.block)",
        JACOBIANS,
    ),
    python(
        "Jacobians: products in the wrong order",
        "insight/jacobians.py",
        "found = J @ found",
        "found = found @ J",
        JACOBIANS,
    ),
    python(
        "Jacobians: directions of the QR decomposition forgotten",
        "insight/jacobians.py",
        "np.linalg.qr(J @ directions)",
        "np.linalg.qr(J)",
        JACOBIANS,
    ),
    python(
        "Jacobians: the bound by the Frobenius norm",
        "insight/jacobians.py",
        "np.linalg.norm(U, 2)",
        "np.linalg.norm(U)",
        JACOBIANS,
    ),
    python(
        "fixed points: eigenvalues of the search's matrix",
        "insight/fixed_points.py",
        "np.linalg.eigvals(jacobian)",
        "np.linalg.eigvals(jacobian - np.eye(path.step.size))",
        FIXED_POINTS,
    ),
    python(
        "fixed points: the input that stays is left out of the search",
        "insight/fixed_points.py",
        "return step(np.tile(x, (len(s), 1)), s) - s",
        "return step(np.tile(0 * x, (len(s), 1)), s) - s",
        FIXED_POINTS,
    ),
    python(
        "fixed points: steps that go uphill are kept",
        "insight/fixed_points.py",
        "better = new_q < q[open_]",
        "better = new_q < np.inf * q[open_]",
        FIXED_POINTS,
    ),
    python(
        "fixed points: undamped steps uphill",
        "insight/fixed_points.py",
        "return _solved(A, -rest)",
        "return _solved(A, rest)",
        FIXED_POINTS,
    ),
    python(
        "fixed points: a singular matrix ends the search",
        "insight/fixed_points.py",
        "return np.full_like(b, np.nan)",
        "raise",
        FIXED_POINTS,
    ),
    python(
        "fixed points: a point left out with another that is far",
        "insight/fixed_points.py",
        "axis=1) > apart]",
        "axis=1) > 1 + apart]",
        FIXED_POINTS,
    ),
    python(
        "fixed points: the same point twice",
        "insight/fixed_points.py",
        "axis=1) > apart]",
        "axis=1) > 0]",
        FIXED_POINTS,
    ),
    python(
        "gates: a gate that keeps when it is near 0 taken for one that keeps near 1",
        "insight/gates.py",
        "kept = 1 - values if",
        "kept = values if",
        GATES,
    ),
    python(
        "gates: backwards in the order of the steps",
        "insight/watching.py",
        "return trace.as_given(found)[trace.in_time]",
        "return trace.as_given(found)",
        GATES,
    ),
    python(
        "unrolled view: a step's own output left out of what reaches its cell state",
        "insight/unrolled_view.py",
        "found.append({**states, **grads,",
        "found.append({**grads, **states,",
        UNROLLED_VIEW,
    ),
    python(
        "unrolled view: the gradient of the loss comes a step too early",
        "insight/unrolled_view.py",
        "zip(reversed(tape), grad_h[::-1, None], strict=True)",
        "zip(reversed(tape), grad_h[:, None], strict=True)",
        UNROLLED_VIEW,
    ),
    python(
        "inspect: the best items first",
        "insight/report/errors_of_items.py",
        "for n in own.argsort(",
        "for n in (-own).argsort(",
        INSPECT,
    ),
    python(
        "inspect: data within the script can end it",
        "charts/page.py",
        '.replace("<", "\\\\u003c")',
        "",
        INSPECT,
    ),
    python(
        "attributions: the baseline left out of the distance",
        "insight/attributions.py",
        "((x - start) * total)",
        "(x * total)",
        ATTRIBUTIONS,
    ),
    python(
        "attributions: points of the integral over both sides of the baseline",
        "insight/attributions.py",
        "zip((places + 1) / 2, weights / 2",
        "zip(places, weights / 2",
        ATTRIBUTIONS,
    ),
    python(
        "attributions: of another class",
        "insight/answers.py",
        "classes.index(each) for each in",
        "-1 - classes.index(each) for each in",
        ATTRIBUTIONS,
    ),
    python(
        "trajectories: projected without the mean taken off",
        "insight/trajectories.py",
        "(np.asarray(states, np.float64) - self.mean)",
        "np.asarray(states, np.float64)",
        TRAJECTORIES,
    ),
    python(
        "movements: the step before of what reads backwards",
        "insight/movements.py",
        "after = h[trace.in_time]",
        "after = h[::-1]",
        MOVEMENTS,
    ),
    python(
        "gate roles: the persistence of what is not centred",
        "insight/gate_roles.py",
        "around = values - np.nanmean(values, axis=(0, 1))",
        "around = values",
        GATE_ROLES,
    ),
    python(
        "order effect: steps are shuffled beyond their windows",
        "insight/order_effect.py",
        "// window\n",
        "// (window + 1)\n",
        ORDER_EFFECT,
    ),
    python(
        "order effect: tags stay while their words are shuffled",
        "insight/order_effect.py",
        "[[tags[n][k] for k in order]",
        "[[tags[n][k] for k in sorted(order)]",
        ORDER_EFFECT,
    ),
    python(
        "watcher: dropout of training is taken for one of evaluation",
        "insight/watcher/rules/modes.py",
        "place = dropping(seen, drawn=True)\n        if place is None or not run.step",
        "place = dropping(seen, drawn=False)\n        if place is None or not run.step",
        WATCHER_SCORE,
    ),
    python(
        "watcher: gradients that were zeroed count as stale",
        "insight/watcher/rules/optimiser.py",
        "self._counts.get(run.stepping, 0) + 1 if run.stale else 0",
        "self._counts.get(run.stepping, 0) + 1",
        WATCHER_SCORE,
    ),
    python(
        "watcher: any state that is given counts as carried",
        "insight/watcher/rules/states.py",
        "changed += known != before",
        "changed += 1",
        WATCHER_SCORE,
    ),
    python(
        "watcher: a gradient of the usual size explodes",
        "insight/watcher/rules/gradients.py",
        "if run.norm < 20 * usual:",
        "if run.norm < usual:",
        WATCHER_SCORE,
    ),
    python(
        "watcher: what vanishes is never said",
        "insight/watcher/rules/gradients.py",
        "reach.share < 1e-4]",
        "reach.share < 0]",
        WATCHER_SCORE,
    ),
    python(
        "watcher: the reach is that of the last step",
        "insight/watcher/rules/gradients.py",
        "self.norms[0] / self.norms[-1]",
        "self.norms[-1] / self.norms[-1]",
        WATCHER,
    ),
    python(
        "watcher: a layer that runs again begins without its states",
        "insight/watcher/layers.py",
        "h0, c0 = (*states, None, None)[:2]",
        "h0, c0 = None, None",
        WATCHER,
    ),
    python(
        "alignment: pairs of tokens the other way round",
        "insight/alignment.py",
        "places[v] - places[u]",
        "places[u] - places[v]",
        ALIGNMENT,
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

    def run(
        self, command: list[str], folder: Path | None = None, seconds: float | None = None
    ) -> tuple[int | None, str]:
        """Exit code and output; no exit code if it does not end within ``seconds``."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        # without .pyc files: a changed source may have the size and second of the one that was compiled before
        environment |= {"PYTHONPATH": str(self.root / "src"), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        log = self.root / "log"
        with log.open("wb") as out:
            try:
                code = subprocess.run(
                    command, cwd=folder or self.root, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    timeout=seconds, check=False,
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

    def test(self, tests: str, seconds: float | None = None) -> str | None:
        """What noticed a fault; nothing if all tests pass."""
        options = ["-x", "-q", "-p", "no:cacheprovider"]
        code, said = self.run([sys.executable, "-m", "pytest", *options, *tests.split()], seconds=seconds)
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

    def plant(self, mutant: Mutant, seconds: float) -> str | None:
        """Plant a fault, run its tests for so long at most, take it out again; tell what noticed it."""
        path = self.root / mutant.file
        text = path.read_text(encoding="utf8")
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf8")
        try:
            if mutant.compiled:
                self.recompile(mutant)
            return self.test(mutant.tests, seconds)
        finally:
            path.write_text(text, encoding="utf8")
            if mutant.compiled:
                self.restore()

    def build(self) -> None:
        """Compile everything once."""
        lists = self.root / "CMakeLists.txt"
        lists.write_text(lists.read_text(encoding="utf8").replace("-O3", "-O1"), encoding="utf8")
        options = ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
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
        source = mutant.file if mutant.file.endswith(".cpp") else "native/level.cpp"  # which includes the kernels
        compiling = [entry["command"] for entry in commands if entry["file"].endswith(source)]
        one_of_many = f"-DUNROLLED_LEVEL={self.level} "  # an object a CPU level
        [command] = [each for each in compiling if len(compiling) == 1 or one_of_many in each]
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
    limits: dict[str, float] = {}
    for tests in sorted({mutant.tests for mutant in mutants}):
        start = time.monotonic()
        noticed = tree.test(tests)
        if noticed:
            raise Broken(f"without any fault: {noticed}")
        limits[tests] = HANGS * (time.monotonic() - start)
    survivors: list[Mutant] = []
    for mutant in mutants:
        start = time.monotonic()
        noticed = tree.plant(mutant, limits[mutant.tests])
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
