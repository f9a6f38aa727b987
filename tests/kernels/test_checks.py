"""What does not fit is refused before a kernel runs."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.kernels.arrays import PackedDense, PackedWeights, forward
from unrolled.kernels.kernel import get_kernel
from unrolled.kernels.layout import Layout
from unrolled.runtime.dense import Dense
from unrolled.runtime.recurrent import RecurrentLayer


def test_layout_of_packed_batch_sizes():
    layout = Layout.packed([3, 2, 2])
    assert (layout.steps, layout.batch, layout.rows, layout.uniform) == (3, 3, 7, False)
    assert layout.offsets.tolist() == [0, 3, 5, 7]
    assert Layout.packed([2, 2], batch=2).uniform
    assert Layout.packed([2], batch=4).batch == 4
    assert Layout.packed([]).rows == 0


@pytest.mark.parametrize(
    ("sizes", "batch", "message"),
    [
        ([1, 2], None, "never grow"),
        ([2, 0], None, "must be positive"),
        ([[1]], None, "in one dimension, got int64 of shape"),
        ([3], 2, "starts with 3 sequences, but the batch has 2"),
    ],
)
def test_layout_refuses(sizes, batch, message):
    with pytest.raises(InputError, match=message):
        Layout.packed(sizes, batch)


def test_where_the_state_before_lies():
    layout = Layout.packed([3, 2, 1])  # rows 0-2, 3-4, 5; initial states follow as 6, 7, 8
    assert layout.before(reverse=False).tolist() == [6, 7, 8, 0, 1, 3]
    assert layout.before(reverse=True).tolist() == [3, 4, 8, 5, 7, 6]


def test_weights_that_do_not_fit(case):
    p = case("gru", 1, 1, 3, 4).parameters
    with pytest.raises(InputError, match="expected a matrix weight_ih"):
        PackedWeights("gru", {})
    with pytest.raises(InputError, match="cell gru has parameters"):
        PackedWeights("gru", {**p, "extra": p["bias_ih"]})
    with pytest.raises(InputError, match=r"bias_ih has shape \(11,\), expected \(12,\)"):
        PackedWeights("gru", {**p, "bias_ih": p["bias_ih"][1:]})
    with pytest.raises(InputError, match="bias_hh has dtype float32, but the weights have float64"):
        PackedWeights("gru", {**p, "bias_hh": p["bias_hh"].astype(np.float32)})
    with pytest.raises(InputError, match="xyz"):
        get_kernel("xyz", "float32")


def test_inputs_and_states_that_do_not_fit(case):
    c = case("lstm", 2, 3, 4, 5)
    weights, layout, x = PackedWeights("lstm", c.parameters), Layout.padded(2, 3), c.x.reshape(6, 4)
    with pytest.raises(InputError, match=r"x has shape \(5, 4\), expected \(6, 4\)"):
        forward(weights, x[1:], None, layout)
    with pytest.raises(InputError, match="x has dtype float32"):
        forward(weights, x.astype(np.float32), None, layout)
    with pytest.raises(InputError, match="takes 2 arrays of states, got 1"):
        forward(weights, x, c.states[:1], layout)
    with pytest.raises(InputError, match="c0 has shape"):
        forward(weights, x, (c.states[0], c.states[1][:2]), layout)


def test_strides_and_read_only_arrays_change_nothing(case):
    c = case("gru_reset_before", 3, 4, 6, 5)
    layer = RecurrentLayer("gru_reset_before", c.parameters)
    expected, _ = layer(c.x, c.states)
    wide = np.zeros((3, 4, 12))
    wide[:, :, ::2] = c.x
    frozen = c.x.copy()
    frozen.flags.writeable = False
    flipped = np.ascontiguousarray(c.x[::-1])[::-1]
    for x in (wide[:, :, ::2], frozen, flipped, np.asfortranarray(c.x)):
        kept = x.copy()
        assert np.array_equal(layer(x, c.states)[0], expected)
        assert np.array_equal(x, kept)


def test_layers_refuse(case):
    c = case("gru", 3, 2, 4, 5)
    layer = RecurrentLayer("gru", c.parameters)
    for x in (c.x[0], c.x[:, :, :3], c.x[:0]):
        with pytest.raises(InputError, match=r"expected .T, B, 4. with T at least 1"):
            layer(x)
    for lengths, message in (
        ([3], "expected 2 whole numbers"),
        ([3.0, 1.0], "expected 2 whole numbers"),
        ([3, 4], r"lengths\[1\] is 4, expected 0 to 3"),
        ([-1, 3], r"lengths\[0\] is -1"),
    ):
        with pytest.raises(InputError, match=message):
            layer(c.x, None, lengths)
    with pytest.raises(InputError, match="last axis to be 4"):
        Dense(np.zeros((2, 4)))(np.zeros((3, 5)))
    with pytest.raises(InputError, match=r"weight: expected \[outputs, inputs\]"):
        PackedDense(np.zeros(3), None)
    assert Dense(np.zeros((2, 4)))(np.zeros((0, 4))).shape == (0, 2)
