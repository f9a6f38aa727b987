"""A layer of a saved model computes what the reference cell computes, in both directions, with and without lengths."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.cells import CELLS, get_cell
from unrolled.runtime.recurrent import RecurrentLayer

T, B, I, H = 6, 4, 3, 9


@pytest.mark.parametrize("lengths", [None, [2, 6, 0, 5]], ids=["padded", "lengths"])
@pytest.mark.parametrize("given", [False, True], ids=["from zero", "from states"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_sequence_as_the_reference(cell, reverse, given, lengths):
    rng = np.random.default_rng(0)
    reference = get_cell(cell)
    shapes = reference.parameter_shapes(input_size=I, hidden_size=H)
    parameters = {name: rng.normal(size=shape) / 3 for name, shape in shapes.items()}
    x = rng.normal(size=(T, B, I))
    states = tuple(rng.normal(size=(B, H)) for _ in reference.states)
    before = [state.copy() for state in states]

    y, last = RecurrentLayer(cell, parameters, reverse=reverse)(x, states if given else None, lengths)

    order = slice(None, None, -1 if reverse else 1)
    for b, n in enumerate(lengths or [T] * B):
        own = tuple(state[b : b + 1] if given else np.zeros((1, H)) for state in states)
        h, ends = np.zeros((0, 1, H)), own
        if n:
            h, ends, _ = reference.forward(parameters, x[:n, b : b + 1][order], own)
        np.testing.assert_allclose(y[:n, b], h[order, 0], rtol=1e-12, atol=1e-13)
        assert not y[n:, b].any()
        for found, expected in zip(last, ends, strict=True):
            np.testing.assert_allclose(found[b], expected[0], rtol=1e-12, atol=1e-13)
    assert all(np.array_equal(state, kept) for state, kept in zip(states, before, strict=True))
