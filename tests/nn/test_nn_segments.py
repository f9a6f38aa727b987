"""Checkpointing over time and truncated backpropagation: the bits of a loop over segments, and less memory."""

from __future__ import annotations

import pytest
import torch

import unrolled.nn as nn
from unrolled.errors import InputError

KINDS = [nn.GRU, nn.LSTM, nn.SRU, nn.QRNN, nn.SLSTM]


def run_in_segments(module, x, steps, *, detach):
    """A plain loop: the state of one call is the initial state of the next."""
    outputs, state = [], None
    for segment in x.split(steps):
        if detach and state is not None:
            # a QRNN's window holds inputs: gradients reach them wherever they are
            detached = [s.detach() for s in (state if isinstance(state, tuple) else (state,))]
            window = state[1:] if isinstance(module, nn.QRNN) else ()
            state = (*detached[: len(detached) - len(window)], *window) if isinstance(state, tuple) else detached[0]
        y, state = module(segment, state)
        outputs.append(y)
    return torch.cat(outputs), state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("detach", [False, True], ids=["checkpoint", "truncate"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bits_as_a_loop_over_segments(kind, detach):
    torch.manual_seed(0)
    plain = kind(6, 6)
    options = {"checkpoint": 5, "truncate": 10} if detach else {"checkpoint": 10}
    segmented = kind(6, 6, **options)
    segmented.load_state_dict(plain.state_dict())
    x = torch.randn(37, 3, 6, requires_grad=True)
    ours_y, ours_last = segmented(x)
    ours_last = ours_last if isinstance(ours_last, tuple) else (ours_last,)
    theirs_y, theirs_last = run_in_segments(plain, x, 10, detach=detach)
    weight = torch.randn_like(ours_y)
    ours = torch.autograd.grad((ours_y * weight).sum() + ours_last[0].sum(), [x, *segmented.parameters()])
    theirs = torch.autograd.grad((theirs_y * weight).sum() + theirs_last[0].sum(), [x, *plain.parameters()])
    assert torch.equal(ours_y, theirs_y)
    for a, b in zip(ours_last, theirs_last, strict=True):
        assert torch.equal(a, b)
    for a, b in zip(ours, theirs, strict=True):
        if detach:  # what comes back is added up every five steps here, every ten there
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
        else:
            assert torch.equal(a, b)


def test_what_lies_below_a_checkpointed_layer_learns():
    for batch_first in (True, False):
        words, gradients = torch.arange(12).view(3, 4), []
        for checkpoint in (None, 3):
            torch.manual_seed(0)
            embedding = torch.nn.Embedding(12, 3)
            layer = nn.LSTM(3, 4, 2, batch_first=batch_first, bidirectional=True, checkpoint=checkpoint)
            layer(embedding(words))[0].square().sum().backward()
            gradients.append(embedding.weight.grad)
        assert gradients[0].abs().max() > 1e-4
        torch.testing.assert_close(*gradients)


def test_a_checkpointed_layer_keeps_no_tape():
    """What autograd holds on to between the passes."""
    x = torch.randn(1000, 4, 8, requires_grad=True)
    kept = {}
    for steps in (None, 50):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, sizes=sizes: sizes.append(t.numel()) or t, lambda t: t):
            nn.LSTM(8, 32, checkpoint=steps)(x)
        kept[steps] = sum(sizes)
    assert kept[50] < kept[None] / 4


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_gradients_pass_segments(kind):
    """Of segments that are run once more as of those that keep their tape, and of the whole."""
    found = []
    for options in ({}, {"checkpoint": 2}, {"truncate": 4}, {"truncate": 4, "checkpoint": 2}):
        torch.manual_seed(0)
        layer = kind(4, 4, dtype=torch.float64, **options)
        x = torch.randn(6, 2, 4, dtype=torch.float64, requires_grad=True)
        y, _ = layer(x, lengths=[6, 3])
        slope = torch.autograd.grad(y.square().sum(), x, create_graph=True)[0]
        slope.square().sum().backward()
        found.append([x.grad, *(p.grad for p in layer.parameters())])
    whole, checkpointed, truncated, both = found
    for a, b in ((whole, checkpointed), (truncated, both)):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-13)
    assert not torch.allclose(whole[0], truncated[0])


def test_gradients_stop_where_they_are_truncated():
    x = torch.randn(9, 1, 3, requires_grad=True)
    y, _ = nn.GRU(3, 4, truncate=3)(x)
    reached = torch.autograd.grad(y[5].sum(), x)[0].abs().sum((1, 2)) > 0
    assert reached.tolist() == [False, False, False, True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": 0}, "checkpoint must be a whole number of at least 1, got 0"),
        ({"truncate": 2.5}, "truncate must be a whole number of at least 1, got 2.5"),
        ({"checkpoint": 4, "truncate": 6}, "truncate=6 must be a multiple of checkpoint=4"),
        ({"chrono": 2}, "chrono must be a whole number of at least 3, got 2"),
        ({"zoneout": 1.0}, "zoneout must be a probability of at least 0 and below 1, got 1.0"),
        ({"zoneout": (0.1, 0.2, 0.3)}, "zoneout is one probability or a pair for h and c"),
        ({"zoneout": (0.1, 0.2)}, "zoneout of c: it has no memory c"),
        ({"merge": "sum"}, "merge='sum' adds two directions, but bidirectional is False"),
        ({"merge": "add"}, "merge='add': expected one of 'concat', 'sum'"),
        ({"residual": True}, "residual adds a layer's input from the second layer on, num_layers is 1"),
        ({"forget_bias": 1.0, "chrono": 10}, "forget_bias and chrono both set the same bias"),
        ({"forget_bias": 1.0, "bias": False}, "forget_bias and chrono set a bias, but bias is False"),
        ({"state_dropout": "0.1"}, "state_dropout must be a probability"),
        ({"start": "zeros"}, "start='zeros': expected one of"),
        ({"activations": ("tanh",)}, "gru leaves 2 activation function\\(s\\) free, got 1"),
        ({"activations": ("sigmoid", "leaky_rely")}, "unknown activation function 'leaky_rely'"),
    ],
)
def test_what_cannot_be_is_refused_at_construction(options, message):
    with pytest.raises(InputError, match=message):
        nn.GRU(3, 4, **options)


def test_unknown_options_are_no_options():
    with pytest.raises(TypeError, match="unexpected keyword argument 'zone_out'"):
        nn.GRU(3, 4, zone_out=0.1)


def test_starts():
    gru = nn.GRU(3, 5, start="orthogonal", forget_bias=1.5)
    for block in gru.weight_hh_l0.detach().split(5):
        torch.testing.assert_close(block @ block.T, torch.eye(5), rtol=0, atol=1e-6)
    assert torch.equal(gru.bias_ih_l0[5:10].detach() + gru.bias_hh_l0[5:10].detach(), torch.full((5,), 1.5))
    for H, P in ((5, 3), (6, 3), (6, 1)):  # whether or not P divides H
        for block in nn.LSTM(3, H, proj_size=P, start="orthogonal").weight_hh_l0.detach().split(H):
            torch.testing.assert_close(block.T @ block, torch.eye(P), rtol=0, atol=1e-6)
        assert torch.equal(nn.LSTM(3, H, proj_size=P, start="identity").weight_hh_l0.detach()[:H], torch.eye(H)[:, :P])
    for heads in (1, 2, 3):  # each head sees its own units
        for block in nn.SLSTM(3, 6, num_heads=heads, start="orthogonal").weight_hh_l0.detach().split(6 // heads):
            torch.testing.assert_close(block @ block.T, torch.eye(6 // heads), rtol=0, atol=1e-6)
    identity = nn.LSTM(3, 5, start="identity", bidirectional=True)
    assert torch.equal(identity.weight_hh_l0_reverse.detach(), torch.eye(5).repeat(4, 1))
    assert not identity.bias_ih_l0.any()
    torch.manual_seed(0)
    chrono = nn.LSTM(3, 200, chrono=100)
    i, f, _, _ = (chrono.bias_ih_l0 + chrono.bias_hh_l0).detach().split(200)
    assert torch.equal(i, -f)
    assert 0 <= f.min() < 1
    assert 4 < f.max() <= torch.tensor(99.0).log()
    writing = nn.MinGRU(3, 5, forget_bias=1.5)  # its gate lets in what the others' keep
    assert torch.equal(writing.bias_ih_l0[:5].detach(), torch.full((5,), -1.5))
    plain = nn.LSTM(3, 200)
    torch.manual_seed(0)
    drawn_again = nn.LSTM(3, 200)
    torch.manual_seed(0)
    plain.reset_parameters()
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), drawn_again.parameters(), strict=True))


def test_the_representation_names_the_options():
    text = repr(nn.GRU(3, 4, zoneout=0.1, checkpoint=50, activations=("hard_sigmoid", "tanh")))
    assert text == "GRU(3, 4, zoneout=0.1, activations=('hard_sigmoid', 'tanh'), checkpoint=50)"


def test_resets_that_do_not_fit_are_refused():
    gru, x = nn.GRU(3, 4), torch.randn(5, 2, 3)
    with pytest.raises(TypeError, match=r"resets must be truth values, got torch\.int64"):
        gru(x, resets=torch.zeros(5, 2, dtype=torch.int64))
    with pytest.raises(InputError, match=r"resets has shape \[2, 5\], expected \[5, 2\]"):
        gru(x, resets=torch.zeros(2, 5, dtype=torch.bool))
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, [5, 5])
    with pytest.raises(InputError, match="a PackedSequence has its lengths, resets= must be None"):
        gru(packed, resets=torch.zeros(5, 2, dtype=torch.bool))


def test_masks_of_packed_sequences_are_those_of_padded_ones():
    torch.manual_seed(0)
    gru = nn.GRU(
        3, 4, num_layers=2, dropout=0.3, input_dropout=0.3, state_dropout=0.3, recurrent_dropout=0.3, zoneout=0.2
    )
    x, lengths = torch.randn(5, 3, 3), [2, 5, 4]
    padded, _ = gru(x, lengths=lengths, generator=torch.Generator().manual_seed(1))
    packed, _ = gru(
        torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False),
        generator=torch.Generator().manual_seed(1),
    )
    assert torch.equal(torch.nn.utils.rnn.pad_packed_sequence(packed)[0], padded)
