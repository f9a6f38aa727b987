"""The networks that stand in the place of recurrent layers, against torch's own layers and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import conv1d, pad

from unrolled.comparison.feed_forward import FeedForward
from unrolled.comparison.tcn import Tcn, levels_for
from unrolled.comparison.transformer import Transformer, places
from unrolled.networks.stack import StackConfig

T, B, I, H = 12, 3, 5, 8
BODIES = {
    "feed-forward": lambda: FeedForward(StackConfig("feed-forward", I, H, 1), before=4),
    "around": lambda: FeedForward(StackConfig("feed-forward", I, H, 1), before=3, after=2),
    "tcn": lambda: Tcn(StackConfig("tcn", I, H, 1, sizes={"inner": 6}), steps=T),
    "causal": lambda: Transformer(StackConfig("transformer-causal", I, H, 1), causal=True, steps=T),
    "transformer": lambda: Transformer(StackConfig("transformer", I, H, 1), causal=False, steps=T),
}


@pytest.fixture(params=BODIES)
def body(request):
    torch.manual_seed(0)
    return request.param, BODIES[request.param]().double()


def x():
    return torch.randn(T, B, I, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def moved(body, t):
    """Which outputs change with the input of one step."""
    given = x()
    before, _ = body(given)
    given = given.clone()
    given[t] += 1
    return (body(given)[0] - before).abs().amax((1, 2)).detach().numpy() > 1e-12


def test_what_depends_on_what(body):
    name, module = body
    for t in range(T):
        changed = moved(module, t)
        steps = np.arange(T)
        expected = {
            "feed-forward": (steps >= t) & (steps < t + 4),
            "around": (steps >= t - 2) & (steps < t + 3),
            "tcn": (steps >= t) & (steps < t + module.reach if module.reach else True),
            "causal": steps >= t,
            "transformer": steps >= 0,
        }[name]
        if name == "tcn":  # a rectified unit may hide a change, but none may come from the future
            assert not changed[~expected].any()
            assert changed[t]
        else:
            np.testing.assert_array_equal(changed, expected)


def test_what_lies_past_the_end_matters_to_nothing_and_is_zero(body):
    name, module = body
    lengths = np.array([T, 7, 1])
    whole = x()
    y, states = module(whole, lengths)
    assert states == ()
    other = whole.clone()
    other[7:, 1] = 100.0
    other[1:, 2] = -100.0
    torch.testing.assert_close(module(other, lengths)[0], y)
    assert not y[7:, 1].any()
    assert not y[1:, 2].any()
    if name != "around":
        torch.testing.assert_close(y[:7, 1], module(whole[:7, 1:2])[0][:, 0])


def test_a_tcn_is_torchs_convolutions():
    torch.manual_seed(0)
    tcn = Tcn(StackConfig("tcn", I, H, 1), steps=4).double()
    (block,) = tcn.blocks
    given = x()
    own = given.permute(1, 2, 0)
    first, second = block.first, block.second
    hidden = torch.relu(conv1d(pad(own, (2, 0)), first.weight, first.bias))
    expected = torch.relu(conv1d(pad(hidden, (2, 0)), second.weight, second.bias) + block.around(own))
    torch.testing.assert_close(tcn(given)[0], expected.permute(2, 0, 1))
    assert tcn.reach == 5


@pytest.mark.parametrize("steps", [1, 5, 13, 100])
def test_a_tcn_reaches_as_far_as_it_is_asked_to(steps):
    tcn = Tcn(StackConfig("tcn", I, H, 1), steps=steps)
    assert tcn.reach >= steps
    assert levels_for(steps) == 1 or 1 + 4 * (2 ** (levels_for(steps) - 1) - 1) < steps


@pytest.mark.parametrize("causal", [True, False])
def test_a_transformer_is_torchs_encoder(causal):
    """With the same weights, and places added to what is projected."""
    torch.manual_seed(0)
    ours = Transformer(StackConfig("transformer", I, H, 1), causal=causal, steps=T).double()
    layer = torch.nn.TransformerEncoderLayer(H, 4, 2 * H, dropout=0.0, batch_first=True, norm_first=True)
    theirs = torch.nn.TransformerEncoder(layer, 2, torch.nn.LayerNorm(H), enable_nested_tensor=False).double()
    with torch.no_grad():
        theirs.norm.load_state_dict(ours.norm.state_dict())
        for own, their in zip(ours.layers, theirs.layers, strict=True):
            their.self_attn.in_proj_weight.copy_(own.qkv.weight)
            their.self_attn.in_proj_bias.copy_(own.qkv.bias)
            their.self_attn.out_proj.load_state_dict(own.out.state_dict())
            their.linear1.load_state_dict(own.first.state_dict())
            their.linear2.load_state_dict(own.second.state_dict())
            their.norm1.load_state_dict(own.norm.state_dict())
            their.norm2.load_state_dict(own.norm_inner.state_dict())
    lengths = np.array([T, 7, 3])
    z = (ours.project(x()) + places(T, H)[:, None]).transpose(0, 1)
    outside = torch.arange(T)[None] >= torch.from_numpy(lengths)[:, None]
    mask = torch.ones(T, T, dtype=torch.bool).triu(1) if causal else None
    # what lies past the end is not compared
    expected = theirs(z * ~outside[..., None] + 0.0, mask=mask, src_key_padding_mask=outside).transpose(0, 1)
    found, _ = ours(x(), lengths)
    for n, length in enumerate(lengths):
        torch.testing.assert_close(found[:length, n], expected[:length, n])


def test_without_places_attention_knows_no_order(monkeypatch):
    torch.manual_seed(0)
    body = Transformer(StackConfig("transformer", I, H, 1), causal=False, steps=T).double()
    order = torch.randperm(T, generator=torch.Generator().manual_seed(0))
    ordered, shuffled = body(x())[0], body(x()[order])[0]
    assert (ordered[order] - shuffled).abs().max() > 1e-3
    monkeypatch.setattr("unrolled.comparison.transformer.places", lambda steps, size: torch.zeros(steps, size))
    torch.testing.assert_close(body(x())[0][order], body(x()[order])[0])


def test_places_are_those_of_the_paper():
    found = places(50, 6).double().numpy()
    for t in (0, 3, 49):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            np.testing.assert_allclose(found[t, 2 * i : 2 * i + 2], [np.sin(angle), np.cos(angle)], atol=2e-5)


def test_a_feed_forward_net_reads_its_window_in_order():
    body = FeedForward(StackConfig("feed-forward", 1, 1, 1), before=2, after=1)
    with torch.no_grad():
        body.layer.weight.copy_(torch.tensor([[100.0, 10.0, 1.0]]))
        body.layer.bias.zero_()
    y, _ = body(torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1))
    assert y.flatten().tolist() == [12.0, 123.0, 230.0]
