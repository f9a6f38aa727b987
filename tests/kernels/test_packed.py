"""Copies of weights that are arranged for the kernels stay good when the first ones are gone."""

from __future__ import annotations

import copy
import gc
import pickle

import numpy as np
import pytest

from unrolled.cells import Activation, get_cell
from unrolled.kernels.kernel import get_kernel
from unrolled.kernels.packed import PackedDense, PackedWeights


def pickled(given):
    return pickle.loads(pickle.dumps(given))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
@pytest.mark.parametrize("cell", ["gru", get_cell("rnn_tanh").with_activations(Activation("relu")).spec])
def test_copies_of_weights_are_arranged_anew(cell, copied):
    gates, rng = 3 if cell == "gru" else 1, np.random.default_rng(0)
    sizes = {"weight_ih": (gates * 5, 2), "weight_hh": (gates * 5, 5), "bias_ih": (gates * 5,), "bias_hh": (gates * 5,)}
    weights = PackedWeights(cell, {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()})
    x = rng.normal(size=(3, 2)).astype(np.float32)
    expected, other = weights.input_products(x), copied(weights)
    packed = other.packed(fused=True)
    assert packed.input != weights.packed(fused=True).input
    assert other.kernel.cell.spec == weights.kernel.cell.spec
    buffer = other.arranged(fused=True)
    assert buffer.ctypes.data <= packed.input < buffer.ctypes.data + buffer.nbytes
    del weights
    gc.collect()
    np.testing.assert_array_equal(other.input_products(x), expected)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_product_is_the_product(copied):
    product = PackedDense(np.eye(3), np.ones(3))
    assert copied(product) is product


def test_weights_that_meet_a_projected_state_count_by_its_numbers():
    kernel, call = get_kernel("lstmp", "float32"), {"steps": 50, "batch": 8, "threads": 2}
    inputs, hidden, outputs = 128, 512, 128  # W and U of exactly FUSED_BYTES
    assert kernel.fuses(inputs, hidden, outputs, **call)
    assert not kernel.fuses(inputs, hidden, outputs + 1, **call)


def test_packed_numbers_begin_at_the_start_of_a_line_of_the_caches():
    for H in (3, 16, 40):
        sizes = {"weight_ih": (4 * H, 2), "weight_hh": (4 * H, H), "bias_ih": (4 * H,), "bias_hh": (4 * H,)}
        weights = PackedWeights("lstm", {name: np.ones(size, np.float32) for name, size in sizes.items()})
        assert weights.packed(fused=True).input % 64 == 0
        assert PackedDense(np.ones((H, 2), np.float32), None).address % 64 == 0
