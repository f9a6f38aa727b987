"""Weights stored as bfloat16 give the bits of a float32 model whose matrices were rounded before, and nothing else."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from unrolled.cells import CELLS, get_cell
from unrolled.errors import InputError
from unrolled.kernels.arrays import PackedDense, PackedWeights, backward, forward
from unrolled.kernels.kernel import get_kernel
from unrolled.kernels.layout import Layout
from unrolled.networks.stack import StackConfig
from unrolled.runtime.dense import Dense
from unrolled.runtime.engine import LARGE, KernelEngine
from unrolled.runtime.recurrent import RecurrentLayer
from unrolled.runtime.stack import Stack

MATRICES = ("weight_ih", "weight_hh", "weight_hr")
OWN = {"lstmp": {"proj_size": 20}, "qrnn": {"kernel_width": 2}, "slstm": {"head_size": 11}}


def rounded(a):
    """As torch rounds to bfloat16."""
    return torch.from_numpy(a).to(torch.bfloat16).float().numpy()


def made(cell, rng, inputs=17, hidden=33):
    """Random float32 parameters of a cell, the same with rounded matrices, and the options of its layer."""
    described = get_cell(cell)
    sizes = {"input_size": hidden if described.square else inputs, "hidden_size": hidden, **OWN.get(described.name, {})}
    shapes = described.parameter_shapes(**sizes)
    parameters = {name: (rng.normal(size=shape) / 4).astype(np.float32) for name, shape in shapes.items()}
    before = {n: rounded(a) if n in MATRICES and a.ndim == 2 else a for n, a in parameters.items()}
    return parameters, before, {"kernel_width": 2} if cell == "qrnn" else {}, sizes["input_size"]


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("cell", CELLS)
def test_the_bits_of_weights_rounded_before(cell):
    rng = np.random.default_rng(0)
    parameters, before, width, inputs = made(cell, rng)
    layer = RecurrentLayer(cell, parameters, **width, weights="bfloat16")
    plain = RecurrentLayer(cell, before, **width)
    for steps, batch in [(1, 1), (1, 5), (20, 1), (4, 3), (3, 40)]:
        x = rng.normal(size=(steps, batch, inputs)).astype(np.float32)
        (y, last), (expected, ends) = layer(x), plain(x)
        assert same_bits(y, expected), (steps, batch)
        assert all(map(same_bits, last, ends))
    moved = RecurrentLayer(cell, parameters, **width)(x)[0]
    if any(a.ndim == 2 for n, a in parameters.items() if n in MATRICES):
        assert abs(y - moved).max() > 0


@pytest.mark.parametrize("hidden", [7, 64, 300])
@pytest.mark.parametrize("cell", ["lstm", "gru", "gru_reset_before", "lstm_layer_norm", "lstmp", "rnn_tanh", "janet"])
def test_sizes_gates_and_steps(cell, hidden):
    rng = np.random.default_rng(hidden)
    parameters, before, width, inputs = made(cell, rng, inputs=hidden + 3, hidden=hidden)
    layer = RecurrentLayer(cell, parameters, **width, weights="bfloat16")
    plain = RecurrentLayer(cell, before, **width)
    x = rng.normal(size=(3, 6, inputs)).astype(np.float32)
    y, _, gates = layer(x, return_gates=True)
    expected, _, shown = plain(x, return_gates=True)
    assert same_bits(y, expected)
    assert all(same_bits(gates[name], shown[name]) for name in shown)
    states = None
    for t in range(3):
        step, states = layer.step(x[t, 2:3], states)
        assert same_bits(step[0], y[t, 2])  # alone and step by step
    (part, _), lengths = layer(x, lengths=[1, 3, 0, 2, 3, 3]), [1, 3, 0, 2, 3, 3]
    assert all(same_bits(part[:n, b], y[:n, b]) for b, n in enumerate(lengths))


def test_the_bits_do_not_depend_on_threads():
    rng = np.random.default_rng(0)
    parameters, _, _, inputs = made("lstm", rng, inputs=200, hidden=256)
    weights = PackedWeights("lstm", parameters, weights="bfloat16")
    layout = Layout.padded(3, 5)
    x = rng.normal(size=(15, inputs)).astype(np.float32)
    one, two = (forward(weights, x, None, layout, threads=n).h for n in (1, 2))
    assert same_bits(one, two)


def test_every_number_to_the_nearest_of_two_the_even_one():
    bits = np.random.default_rng(0).integers(0, 1 << 32, 200_000, np.uint32)
    high = np.arange(1 << 16, dtype=np.uint32)[:, None] << 16
    ties = (high + np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF], np.uint32)).ravel()
    w = np.concatenate([bits, ties]).view(np.float32)
    w = w[~(abs(w) < np.finfo(np.float32).tiny)]  # the kernels take denormal numbers for zero
    found = PackedDense(w[:, None], None, weights="bfloat16")(np.ones((1, 1), np.float32))[0]
    np.testing.assert_array_equal(found, rounded(w))


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_dense(rows):
    rng = np.random.default_rng(rows)
    W, b = rng.normal(size=(45, 70)).astype(np.float32), rng.normal(size=45).astype(np.float32)
    x = rng.normal(size=(rows, 70)).astype(np.float32)
    y = Dense(W, b, weights="bfloat16")(x)
    assert same_bits(y, Dense(rounded(W), b)(x))
    assert same_bits(y[:1], Dense(W, b, weights="bfloat16")(x[:1]))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_stacks_and_copies_of_them(bidirectional):
    rng = np.random.default_rng(0)
    config = StackConfig("gru", inputs=9, hidden_size=20, num_layers=2, bidirectional=bidirectional)
    parameters = {n: (rng.normal(size=s) / 3).astype(np.float32) for n, s in config.parameter_shapes().items()}
    stack = Stack(config, parameters, weights="bfloat16")
    plain = Stack(config, {n: rounded(a) if n.startswith("weight") else a for n, a in parameters.items()})
    x = rng.normal(size=(4, 3, 9)).astype(np.float32)
    expected = plain(x)[0]
    for each in (stack, copy.deepcopy(stack), pickle.loads(pickle.dumps(stack))):
        assert same_bits(each(x)[0], expected)


def test_an_engine_stores_layers_and_large_dense_ones():
    rng = np.random.default_rng(0)
    sizes = {"small": (8, 16), "large": (LARGE // 64, 64)}
    tensors = {f"{n}.weight": rng.normal(size=s).astype(np.float32) for n, s in sizes.items()}
    tensors |= {f"{n}.bias": np.zeros(s[0], np.float32) for n, s in sizes.items()}
    engine = KernelEngine({f"part.{n}": a for n, a in tensors.items()}, weights="bfloat16").scope("part")
    x = np.ones((1, 64), np.float32)
    W, small = tensors["large.weight"], tensors["small.weight"]
    assert same_bits(engine.dense("large", 64, len(W))(x), Dense(rounded(W))(x))
    assert same_bits(engine.matrix("large", 64, len(W))(x), Dense(rounded(W))(x))
    assert same_bits(engine.dense("small", 16, 8)(x[:, :16]), Dense(small)(x[:, :16]))


@pytest.mark.parametrize("fused", [False, True])
def test_half_the_memory(fused):
    arranged = get_kernel("lstm", "float32").forward_arrangement
    whole, half = (arranged(512, 512, 512, (), fused=fused, halves=h).size for h in (False, True))
    assert half < 0.51 * whole


def test_what_is_refused():
    parameters, _, _, inputs = made("lstm", np.random.default_rng(0))
    wide = {name: a.astype(np.float64) for name, a in parameters.items()}
    with pytest.raises(InputError, match="weights='bfloat16' is for parameters of float32, not float64"):
        RecurrentLayer("lstm", wide, weights="bfloat16")
    with pytest.raises(InputError, match="weights='int8': expected 'bfloat16', or None"):
        RecurrentLayer("lstm", parameters, weights="int8")
    with pytest.raises(InputError, match="not float64"):
        Dense(np.eye(3), weights="bfloat16")
    weights = PackedWeights("lstm", parameters, weights="bfloat16")
    x, layout = np.ones((2, inputs), np.float32), Layout.padded(1, 2)
    result = forward(weights, x, None, layout, tape=True)
    zeros = tuple(np.zeros_like(s) for s in result.last)
    with pytest.raises(InputError, match="stored as bfloat16 are for inference"):
        backward(weights, x, result, np.zeros_like(result.h), zeros, layout)
