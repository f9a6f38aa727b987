"""What docs/engine.md promises, for every cell: a sequence's bits and NaNs are its own, in any company and at any level."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.cells import get_cell
from unrolled.kernels.arrays import PackedWeights, backward, forward
from unrolled.kernels.layout import Layout
from unrolled.runtime.recurrent import RecurrentLayer

LENGTHS = [7, 7, 5, 3, 1, 0]


def passes(c, lengths, b=slice(None), *, reverse=False):
    """Outputs and gradients of packed rows: of each step and sequence of the padded case, then of the sequences."""
    T = len(c.x)
    alive = np.arange(T)[:, None] < np.asarray(lengths)
    rows = np.flatnonzero(alive[:, b].ravel())
    masks = c.masks

    def packed(steps):
        return None if steps is None else steps[:, b].reshape(-1, steps.shape[2])[rows]

    own = type(masks)(
        None if masks.state is None else masks.state[b],
        *(packed(mask) for mask in (masks.candidate, masks.keep_h, masks.keep_c)),
        masks.zoneout,
    )
    weights, layout = PackedWeights(c.cell, c.parameters), Layout.of_lengths(np.asarray(lengths)[b])
    x, states = packed(c.x), tuple(state[b] for state in c.states)
    result = forward(weights, x, states, layout, masks=own, reverse=reverse, tape=True)
    grad_last = tuple(grad[b] for grad in c.grad_last)
    grads = backward(weights, x, result, packed(c.grad_h), grad_last, layout, grad_c=packed(c.grad_c), reverse=reverse)
    n = alive[:, b].shape[1]
    steps = []
    for array in (result.h, grads["x"]):
        padded = np.zeros((T * n, array.shape[1]), array.dtype)
        padded[rows] = array
        steps.append(padded.reshape(T, n, -1))
    return steps, [*result.last, *(grads[name] for name in weights.kernel.state_names)]


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_and_gradients_of_a_sequence_have_the_same_bits_in_any_company(cell, dtype, reverse, case, masked):
    for inputs, hidden in ((5, 7), (33, 34)):
        plain = case(cell, 7, len(LENGTHS), inputs, hidden)
        for c in (plain, masked(plain, shares=False), masked(plain, shares=True)):
            own = c.to(dtype)
            steps, sequences = passes(own, LENGTHS, reverse=reverse)
            full, full_sequences = passes(own, [7] * len(LENGTHS), reverse=reverse)
            for b, length in enumerate(LENGTHS):
                row = slice(b, b + 1)
                short, short_sequences = passes(own, LENGTHS, row, reverse=reverse)
                alone, alone_sequences = passes(own, [7] * len(LENGTHS), row, reverse=reverse)
                for whole, one in zip((*steps, *full), (*short, *alone), strict=True):
                    assert whole[:, row].tobytes() == one.tobytes(), (b, length)
                both = (*sequences, *full_sequences), (*short_sequences, *alone_sequences)
                for whole, one in zip(*both, strict=True):
                    assert whole[row].tobytes() == one.tobytes(), (b, length)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_stays_nan_and_stays_in_its_sequence(cell, dtype, case):
    c = case(cell, 5, 4, 6, 7).to(dtype)
    layer = RecurrentLayer(cell, c.parameters)
    spoilt = c.x.copy()
    spoilt[2, 1, 0] = np.nan
    for lengths in (None, [5, 4, 1, 3]):
        (clean, last), (y, end) = layer(c.x, lengths=lengths), layer(spoilt, lengths=lengths)
        others = [0, 2, 3]
        assert y[:, others].tobytes() == clean[:, others].tobytes()
        assert all(a[others].tobytes() == b[others].tobytes() for a, b in zip(end, last, strict=True))
        assert y[:2, 1].tobytes() == clean[:2, 1].tobytes()
        alive = y[2 : 5 if lengths is None else 4, 1]
        assert np.isnan(alive).any(1).all()
        if get_cell(cell).recurrence != "no_product":  # there each unit is by itself, and so is its NaN
            assert np.isnan(alive).all()
        assert any(np.isnan(state[1]).any() for state in end)
        assert not y[4:, 1].any() or lengths is None
