"""Outputs and all gradients against torch.nn for the product of the options."""

from __future__ import annotations

import itertools

import pytest
import torch

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # of torch's own

NAMES = [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("LSTM", {"proj_size": 3}), ("GRU", {})]
SWITCHES = list(itertools.product((False, True), repeat=4))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize(("name", "options"), NAMES, ids=["tanh", "relu", "lstm", "projected", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["", "bidirectional"])
def test_the_product_of_options(
    name, options, num_layers, bidirectional, dtype, twins, outputs_and_gradients, assert_close
):
    I, H, T, B = 5, 7, 6, 3
    D = 2 if bidirectional else 1
    options = {**options, "num_layers": num_layers, "bidirectional": bidirectional, "dtype": dtype}
    for bias, batch_first, batched, given in SWITCHES:
        pair = twins(name, I, H, bias=bias, batch_first=batch_first, **options)
        x = torch.randn(*((B, T) if batch_first else (T, B)) if batched else (T,), I, dtype=dtype)
        rows = (num_layers * D, B) if batched else (num_layers * D,)
        widths = (options.get("proj_size", H), H)[: 2 if name == "LSTM" else 1]
        states = [torch.randn(*rows, width, dtype=dtype) for width in widths if given]
        ours, theirs = (outputs_and_gradients(m, m, x, states) for m in (pair.ours, pair.theirs))
        for actual, expected in zip(ours, theirs, strict=True):
            assert_close(actual, expected)


@pytest.mark.parametrize(
    ("sizes", "P"), [((2, 3, 4, 2), 1), ((2, 17, 33, 80), 65), ((40, 9, 5, 64), 63), ((1, 30, 1, 33), 16)]
)
@pytest.mark.parametrize("lengths", [False, True], ids=["", "lengths"])
def test_projections(sizes, P, lengths, twins, outputs_and_gradients, assert_close):
    """Of packed sequences too, in both directions, with the states of every layer."""
    B, T, I, H = sizes
    pair = twins("LSTM", I, H, 2, bidirectional=True, proj_size=P, dtype=torch.float64)
    steps = torch.randint(1, T + 1, (B,)) if lengths else torch.full((B,), T)
    x, states = torch.randn(T, B, I, dtype=torch.float64), [torch.randn(4, B, n, dtype=torch.float64) for n in (P, H)]

    def packed(module):
        def call(x, hx):
            sequences = torch.nn.utils.rnn.pack_padded_sequence(x, steps, enforce_sorted=False)
            y, last = module(sequences, hx)
            return y.data, last

        return call

    ours, theirs = (outputs_and_gradients(m, packed(m), x, states) for m in (pair.ours, pair.theirs))
    for actual, expected in zip(ours, theirs, strict=True):
        assert_close(actual, expected)
    y, last = pair.ours(x, tuple(states), steps)
    expected, ends = pair.theirs(torch.nn.utils.rnn.pack_padded_sequence(x, steps, enforce_sorted=False), tuple(states))
    assert_close(y, torch.nn.utils.rnn.pad_packed_sequence(expected, total_length=T)[0])
    for own, other in zip(last, ends, strict=True):
        assert_close(own, other)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 17, 33, 16), (13, 31, 5, 64), (1, 100, 1, 15)])
def test_sizes(name, sizes, twins, outputs_and_gradients, assert_close):
    B, T, I, H = sizes
    pair = twins(name, I, H, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64)
    ours, theirs = (outputs_and_gradients(m, m, x, []) for m in (pair.ours, pair.theirs))
    for actual, expected in zip(ours, theirs, strict=True):
        assert_close(actual, expected)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("name", "options"), NAMES, ids=["tanh", "relu", "lstm", "projected", "gru"])
def test_large_buffers_and_threads(name, options, threads, twins, outputs_and_gradients, assert_close):
    """Gate gradients of more than a megabyte live in memory that calls share."""
    pair = twins(name, 4, 64, bidirectional=True, **options)
    for T in (80, 100, 70):
        x = torch.randn(T, 16, 4)
        torch.set_num_threads(1)
        theirs = outputs_and_gradients(pair.theirs, pair.theirs, x, [])
        torch.set_num_threads(threads)
        ours = outputs_and_gradients(pair.ours, pair.ours, x, [])
        for actual, expected in zip(ours, theirs, strict=True):
            assert_close(actual, expected)


def test_identity_rnn_is_linear(outputs_and_gradients, assert_close):
    from unrolled.nn import RNN

    rnn = RNN(2, 3, nonlinearity="identity", dtype=torch.float64)

    def loop(x, hx):
        h, outputs = torch.zeros(4, 3, dtype=torch.float64), []
        for x_t in x:
            h = x_t @ rnn.weight_ih_l0.T + rnn.bias_ih_l0 + h @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
            outputs.append(h)
        return torch.stack(outputs), h[None]

    x = torch.randn(5, 4, 2, dtype=torch.float64)
    ours, expected = (outputs_and_gradients(rnn, call, x, []) for call in (rnn, loop))
    for a, b in zip(ours, expected, strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["", "bidirectional"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_reset_before_against_an_autograd_loop(num_layers, bidirectional, bias, outputs_and_gradients, assert_close):
    from unrolled.nn import GRU

    gru = GRU(3, 5, num_layers, bias, bidirectional=bidirectional, reset_after=False, dtype=torch.float64)
    D, H = 2 if bidirectional else 1, 5

    def one(x, h, parameters, reverse):
        W, U, *b = parameters
        b_ih, b_hh = b or (torch.zeros(3 * H, dtype=torch.float64),) * 2
        outputs = []
        for x_t in reversed(x) if reverse else x:
            a = x_t @ W.T + b_ih + b_hh
            r = torch.sigmoid(a[:, :H] + h @ U[:H].T)
            z = torch.sigmoid(a[:, H : 2 * H] + h @ U[H : 2 * H].T)
            n = torch.tanh(a[:, 2 * H :] + (r * h) @ U[2 * H :].T)
            h = (1 - z) * n + z * h
            outputs.append(h)
        return torch.stack(outputs[::-1] if reverse else outputs), h

    def loop(x, hx):
        last = []
        for i in range(num_layers):
            runs = [one(x, hx[i * D + d], gru.all_weights[i * D + d], d == 1) for d in range(D)]
            x = torch.cat([y for y, _ in runs], 2)
            last += [h for _, h in runs]
        return x, torch.stack(last)

    x, h0 = torch.randn(6, 4, 3, dtype=torch.float64), torch.randn(num_layers * D, 4, H, dtype=torch.float64)
    ours, expected = (outputs_and_gradients(gru, call, x, [h0]) for call in (gru, loop))
    for a, b in zip(ours, expected, strict=True):
        assert_close(a, b)


def test_reset_before_differs_from_reset_after():
    from unrolled.nn import GRU

    after, before = GRU(3, 5), GRU(3, 5, reset_after=False)
    before.load_state_dict(after.state_dict())
    x = torch.randn(6, 2, 3)
    assert not torch.allclose(after(x)[0], before(x)[0], atol=1e-4)


@pytest.mark.parametrize(("name", "options"), NAMES, ids=["tanh", "relu", "lstm", "projected", "gru"])
def test_without_gradients_the_outputs_are_the_same_bits(name, options, twins):
    module = twins(name, 4, 19, 2, bidirectional=True, **options).ours
    x = torch.randn(9, 5, 4)
    y, last = module(x)
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            other, other_last = module(x)
        assert not other.requires_grad
        assert torch.equal(other, y)
        for a, b in zip(last, other_last, strict=True):
            assert torch.equal(a, b)
    after, _ = module(x)
    after.sum().backward()  # nothing made in inference mode stays behind
