"""Batches of sequences of unequal lengths: against torch's packed sequences and against each row alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import unrolled.nn
from unrolled.nn import GRU, LSTM, RNN

NAMES = ["RNN", "LSTM", "GRU"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("batch_first", [False, True], ids=["time first", "batch first"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["", "bidirectional"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_packed_sequences(
    name, num_layers, bidirectional, batch_first, dtype, twins, outputs_and_gradients, assert_close
):
    I, H, T, B, D = 5, 7, 9, 6, 2 if bidirectional else 1
    pair = twins(name, I, H, num_layers, batch_first=batch_first, bidirectional=bidirectional, dtype=dtype)
    x = torch.randn(*((B, T) if batch_first else (T, B)), I, dtype=dtype)
    states = [torch.randn(num_layers * D, B, H, dtype=dtype) for _ in range(2 if name == "LSTM" else 1)]
    for lengths in ([3, 9, 1, 7, 7, 2], [4, 4, 4, 4, 4, 4], [1, 2, 3, 4, 5, 6]):

        def packed(x, hx, lengths=lengths):
            rows = pack_padded_sequence(x, torch.tensor(lengths), batch_first, enforce_sorted=False)
            y, last = pair.theirs(rows, hx)
            return pad_packed_sequence(y, batch_first, total_length=T)[0], last

        def ours(x, hx, lengths=lengths):
            return pair.ours(x, hx, lengths=lengths)

        actual = outputs_and_gradients(pair.ours, ours, x, states)
        expected = outputs_and_gradients(pair.theirs, packed, x, states)
        for a, b in zip(actual, expected, strict=True):
            assert_close(a, b)
        rows = pack_padded_sequence(x, torch.tensor(lengths), batch_first, enforce_sorted=False)
        hx = tuple(states) if name == "LSTM" else states[0]
        (y, last), (theirs, their_last) = pair.ours(rows, hx), pair.theirs(rows, hx)
        assert_close(y.data, theirs.data)
        assert torch.equal(y.batch_sizes, theirs.batch_sizes)
        assert torch.equal(y.unsorted_indices, theirs.unsorted_indices)
        for a, b in zip(*((t if name == "LSTM" else (t,)) for t in (last, their_last)), strict=True):
            assert_close(a, b)


@pytest.mark.parametrize(
    "module",
    [
        RNN(3, 5, nonlinearity="relu"),
        LSTM(3, 5, 2, bidirectional=True, batch_first=True),
        GRU(3, 5, 2, bias=False),
        GRU(3, 5, bidirectional=True, reset_after=False),
    ],
    ids=["relu", "lstm", "gru", "reset before"],
)
def test_each_row_is_as_if_alone(module):
    module = module.double()
    lengths = [4, 0, 7, 1, 7]
    x = torch.randn(5, 7, 3, dtype=torch.float64)
    x[1:, 5:] = torch.nan  # nobody looks at padding ...
    x[2, 5:], x[4, 5:] = 0.5, -0.5
    shape = (module.num_layers * (2 if module.bidirectional else 1), 5, 5)
    states = tuple(torch.randn(shape, dtype=torch.float64) for _ in range(2 if isinstance(module, LSTM) else 1))
    given = x if module.batch_first else x.transpose(0, 1)
    y, last = module(given, states if len(states) == 2 else states[0], lengths)
    y = y if module.batch_first else y.transpose(0, 1)
    last = last if isinstance(last, tuple) else (last,)
    for row, length in enumerate(lengths):
        own = tuple(s[:, row] for s in states)
        assert (y[row, length:] == 0).all()  # ... and its outputs are zero
        if length == 0:
            for actual, expected in zip(last, own, strict=True):
                assert torch.equal(actual[:, row], expected)
            continue
        alone, alone_last = module(x[row, :length], own if len(own) == 2 else own[0])
        assert torch.equal(y[row, :length], alone)
        for actual, expected in zip(last, alone_last if len(own) == 2 else (alone_last,), strict=True):
            assert torch.equal(actual[:, row], expected)


def test_full_lengths_are_no_lengths():
    gru, x = GRU(3, 5, 2, bidirectional=True), torch.randn(6, 4, 3)
    y, h = gru(x)
    other, other_h = gru(x, lengths=[6, 6, 6, 6])
    assert torch.equal(other, y)
    assert torch.equal(other_h, h)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_a_row_is_the_same_bits_in_any_batch(name):
    module = getattr(unrolled.nn, name)(9, 33, 2, bidirectional=True)
    x = torch.randn(7, 5, 9)
    together = x.clone().requires_grad_()
    module(together, lengths=[7, 2, 4, 7, 1])[0].sum().backward()
    for row, length in ((0, 7), (2, 4), (4, 1)):
        alone = x[:length, row].clone().requires_grad_()
        module(alone)[0].sum().backward()
        assert torch.equal(together.grad[:length, row], alone.grad)


@pytest.mark.parametrize(
    "lengths",
    [[2, 3], (2, 3), torch.tensor([2, 3]), torch.tensor([2, 3], dtype=torch.int32), np.array([2, 3]), np.uint8([2, 3])],
    ids=["list", "tuple", "int64", "int32", "numpy", "uint8"],
)
def test_kinds_of_lengths(lengths):
    gru, x = GRU(2, 3), torch.randn(4, 2, 2)
    assert torch.equal(gru(x, lengths=lengths)[0], gru(x, lengths=[2, 3])[0])


def test_one_sequence_without_a_batch():
    lstm, x = LSTM(2, 3), torch.randn(5, 2)
    y, (h, c) = lstm(x, lengths=[3])
    alone, (h_alone, c_alone) = lstm(x[:3])
    assert y.shape == (5, 3)
    assert torch.equal(y[:3], alone)
    assert torch.equal(h, h_alone)
    assert torch.equal(c, c_alone)
    assert (y[3:] == 0).all()


def test_gradient_of_padding_is_zero():
    gru = GRU(2, 3, 2, bidirectional=True)
    x = torch.randn(5, 3, 2, requires_grad=True)
    gru(x, lengths=[5, 2, 0])[0].sum().backward()
    assert (x.grad[:, 0] != 0).all()
    assert (x.grad[:2, 1] != 0).all()
    assert (x.grad[2:, 1] == 0).all()
    assert (x.grad[:, 2] == 0).all()


def test_all_lengths_zero():
    lstm, h0, c0 = LSTM(2, 3), torch.randn(1, 2, 3, requires_grad=True), torch.randn(1, 2, 3)
    y, (h, c) = lstm(torch.randn(4, 2, 2), (h0, c0), [0, 0])
    assert (y == 0).all()
    assert torch.equal(h, h0)
    assert torch.equal(c, c0)
    (3 * h.sum()).backward()
    assert (h0.grad == 3).all()
    assert all((p.grad == 0).all() for p in lstm.parameters())


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([5, 2], ValueError, r"lengths\[0\] is 5, expected 0 to 4"),
        ([2, -1], ValueError, r"lengths\[1\] is -1"),
        ([2], ValueError, r"lengths has shape \[1\], expected \[2\]"),
        ([[2, 2]], ValueError, r"shape \[1, 2\]"),
        (torch.tensor(3), ValueError, r"shape \[\]"),
        ([2.0, 2.0], TypeError, "whole numbers"),
        ([True, False], TypeError, "whole numbers"),
    ],
)
def test_fault_16_lengths_that_do_not_fit(lengths, error, message):
    with pytest.raises(error, match=message):
        GRU(2, 3)(torch.randn(4, 2, 2), lengths=lengths)
