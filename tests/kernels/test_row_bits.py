"""A row's result is the same bits alone, in any batch, padded, packed, in chunks, and on any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.cells import CELLS
from unrolled.kernels.arrangement import BackwardArrangement
from unrolled.kernels.arrays import PackedWeights, backward, forward
from unrolled.kernels.kernel import get_kernel
from unrolled.kernels.layout import Layout
from unrolled.kernels.packed import address
from unrolled.runtime.dense import Dense
from unrolled.runtime.recurrent import RecurrentLayer

from .conftest import make_case


def equal_bits(a, b):
    return a.shape == b.shape and a.tobytes() == b.tobytes()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    cell=st.sampled_from(sorted(CELLS)),
    hidden=st.integers(1, 70),
    inputs=st.integers(1, 70),
    batch=st.integers(1, 70),
    steps=st.integers(1, 12),
    dtype=st.sampled_from(["float32", "float64"]),
    reverse=st.booleans(),
    data=st.data(),
)
def test_alone_batched_padded_chunked(cell, hidden, inputs, batch, steps, dtype, reverse, data):
    case = make_case(cell, steps, batch, inputs, hidden).to(dtype)
    layer = RecurrentLayer(cell, case.parameters, reverse=reverse)
    states = case.told_apart(case.states)
    y, last = layer(case.x, states)
    row = data.draw(st.integers(0, batch - 1))
    own = tuple(s[row : row + 1] for s in states)
    alone, alone_last = layer(case.x[:, row : row + 1], own)
    assert equal_bits(alone[:, 0], y[:, row])
    assert all(equal_bits(a[0], b[row]) for a, b in zip(alone_last, last, strict=True))

    lengths = np.array(data.draw(st.lists(st.integers(0, steps), min_size=batch, max_size=batch)))
    padded, padded_last = layer(case.x, states, lengths)
    n = int(lengths[row])
    if n:
        short, short_last = layer(case.x[:n, row : row + 1], own)
        assert equal_bits(padded[:n, row], short[:, 0])
        assert all(equal_bits(a[row], b[0]) for a, b in zip(padded_last, short_last, strict=True))
    else:
        assert all(equal_bits(a[row], b[0]) for a, b in zip(padded_last, own, strict=True))
    assert not padded[n:, row].any()

    cut = data.draw(st.integers(0, steps))
    if 0 < cut < steps and not reverse:
        head, middle = layer(case.x[:cut], states)
        tail, end = layer(case.x[cut:], middle)
        assert equal_bits(np.concatenate([head, tail]), y)
        assert all(equal_bits(a, b) for a, b in zip(end, last, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [5, 17, 33])
def test_more_inputs_than_pass_through_the_cache_at_a_time(cell, hidden, dtype, case):
    c = case(cell, 2, 9, 4200, hidden).to(dtype)  # a stretch of 256 KiB holds 4096 of one column at most
    layer = RecurrentLayer(cell, c.parameters)
    y, _ = layer(c.x)
    for row in (0, 8):
        assert equal_bits(layer(c.x[:, row : row + 1])[0][:, 0], y[:, row])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("lengths", "hidden"),
    [(np.arange(13) * 3 + 4, 70), ([9], 520), ([0, 6, 2, 6, 4], 520)],
    ids=["rows", "units of one row", "units of large weights"],
)
def test_number_of_threads(cell, lengths, hidden, reverse, dtype, case):
    """Large enough that the second thread is really used (see run_pass in native/schedule.cpp)."""
    lengths = np.sort(lengths)[::-1].copy()
    c = case(cell, lengths[0], len(lengths), 20, hidden).to(dtype)
    weights, layout = PackedWeights(cell, c.parameters), Layout.of_lengths(lengths)
    x, grad_h, grad_c = (None if g is None else c.rows(g)[: layout.rows] for g in (c.x, c.grad_h, c.grad_c))
    runs = []
    for threads in (1, 2, 3):
        result = forward(weights, x, c.states, layout, tape=True, reverse=reverse, threads=threads)
        grads = backward(
            weights, x, result, grad_h, c.grad_last, layout, grad_c=grad_c, reverse=reverse, threads=threads
        )
        without = forward(weights, x, c.states, layout, reverse=reverse, threads=threads)
        runs.append([result.h, *result.last, *grads.values()])
        assert equal_bits(without.h, result.h)
        assert all(equal_bits(a, b) for a, b in zip(without.last, result.last, strict=True))
    for other in runs[1:]:
        assert all(equal_bits(a, b) for a, b in zip(runs[0], other, strict=True))


@pytest.mark.parametrize("fused", [False, True])
def test_number_of_threads_that_pack(fused, case):
    c = case("gru", 1, 1, 520, 520)
    kernel, at = get_kernel("gru", "float64"), {name: address(value) for name, value in c.parameters.items()}
    forwards = kernel.forward_arrangement(520, 520, 520, tuple(at), fused=fused)
    backwards = BackwardArrangement.of(kernel.compiled, True, 520, 520, tuple(at))
    runs = []
    for threads in (1, 2, 3):
        runs.append([np.zeros(each.size) for each in (forwards, backwards)])
        for each, packed in zip((forwards, backwards), runs[-1], strict=True):
            each.moves.run([*at.values()], address(packed), threads)
    assert all(np.array_equal(a, b) for other in runs[1:] for a, b in zip(runs[0], other, strict=True))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(inputs=st.integers(1, 70), outputs=st.integers(1, 70), rows=st.integers(1, 70), data=st.data())
def test_dense(inputs, outputs, rows, data):
    rng = np.random.default_rng([inputs, outputs, rows])
    layer = Dense(rng.normal(size=(outputs, inputs)), rng.normal(size=outputs))
    x = rng.normal(size=(rows, inputs))
    row = data.draw(st.integers(0, rows - 1))
    assert equal_bits(layer(x)[row], layer(x[row]))


def test_dense_is_the_product(case):
    rng = np.random.default_rng(0)
    W, b, x = rng.normal(size=(37, 19)), rng.normal(size=37), rng.normal(size=(3, 5, 19))
    assert np.allclose(Dense(W, b)(x), x @ W.T + b, rtol=1e-13, atol=1e-13)
    assert np.allclose(Dense(W)(x), x @ W.T, rtol=1e-13, atol=1e-13)
