"""The encoder-decoder: step by step as at once, in bits; beside its equations; what its sizes refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.cells import CELLS
from unrolled.errors import InputError
from unrolled.networks.attention import AttentionConfig
from unrolled.networks.encoder_decoder import EncoderDecoder, EncoderDecoderConfig, shifted
from unrolled.networks.stack import StackConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.training.engine import NetworkModule, NetworkOptions

OWN_SIZES = {"lstmp": {"proj_size": 2}, "qrnn": {"kernel_width": 3}, "slstm": {"head_size": 2}}
ATTENTIONS = {
    "none": None,
    "additive": AttentionConfig("additive", size=3),
    "general": AttentionConfig("general"),
    "heads": AttentionConfig("multi_head", size=6, heads=3),
    "local_m": AttentionConfig("general", reach="local_m", window=1),
    "local_p": AttentionConfig("concat", size=4, reach="local_p", window=2),
    "coverage": AttentionConfig("additive", size=3, coverage=True),
}
SOURCES = [np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32) for n in (7, 1, 4)]
TARGETS = [np.array([1, 4]), np.array([0, 2, 4, 1, 1]), np.array([], int)]


def stack(cell="gru", inputs=4, layers=2, **options):
    return StackConfig(cell, inputs, 4, layers, sizes=OWN_SIZES.get(cell, {}), **options)


def config_for(cell="gru", attention="additive", *, input_feeding=False, **options):
    merge = "sum" if cell == "sru" else "concat"
    decoder = stack(cell, inputs=4 + stack(cell).outputs * input_feeding)
    return EncoderDecoderConfig(
        stack(cell, bidirectional=True, merge=merge), decoder, 5, 4, attention=ATTENTIONS[attention],
        input_feeding=input_feeding, **options,
    )  # fmt: skip


def module_for(config):
    torch.manual_seed(0)
    module = NetworkModule(EncoderDecoder, config, NetworkOptions()).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return module


def network_for(config):
    return EncoderDecoder(KernelEngine(module_for(config).tensors()), config)


CASES = {
    **{f"additive {cell}": config_for(cell) for cell in CELLS},
    **{attention: config_for("lstm", attention) for attention in ATTENTIONS},
    **{
        f"{attention} fed back": config_for("lstm", attention, input_feeding=True) for attention in list(ATTENTIONS)[1:]
    },
    "self-attention": config_for(self_attention=AttentionConfig("multi_head", size=4, heads=2)),
}


@pytest.mark.parametrize("case", CASES)
def test_step_by_step_has_the_bits_of_all_at_once(case):
    config = CASES[case]
    network = network_for(config)
    inputs, _, lengths = shifted(TARGETS, config)
    scores, after = network.run(network.start(SOURCES), inputs, lengths)
    together = network.engine.log_probabilities(scores)
    state = network.start(SOURCES)
    for u, symbols in enumerate(inputs):
        log_p, state = network.advance(state, symbols)
        inside = u < lengths
        assert log_p.dtype == np.float64
        np.testing.assert_array_equal(log_p[inside], together[u, inside])
        np.testing.assert_allclose(np.exp(log_p).sum(1), 1, rtol=1e-6)
        if config.attention:
            np.testing.assert_array_equal(state.weights[0, inside], after.weights[u, inside])


@pytest.mark.parametrize("case", CASES)
def test_rows_that_a_search_moves_have_the_bits_of_each_alone(case):
    network = network_for(CASES[case])
    state = network.start(SOURCES)
    begin, rows = network.config.begin, np.array([2, 0, 0, 1])
    _, state = network.advance(state, np.full(3, begin))
    _, state = network.advance(network.select(state, rows), np.array([1, 3, 2, 0]))
    log_p, state = network.advance(network.select(state, np.array([3, 1, 2, 2])), np.array([1, 2, 0, 4]))
    for n, (source, said) in enumerate([(1, [0, 1]), (0, [3, 2]), (0, [2, 0]), (0, [2, 4])]):
        alone = network.start([SOURCES[source]])
        for symbol in [begin, *said]:
            expected, alone = network.advance(alone, np.array([symbol]))
        np.testing.assert_array_equal(log_p[n], expected[0])


@pytest.mark.parametrize("case", ["heads", "coverage fed back", "additive lstm"])
def test_threads_do_not_change_bits(case, monkeypatch):
    network = network_for(CASES[case])
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("UNROLLED_NUM_THREADS", threads)
        found.append(network.log_likelihoods(SOURCES * 20, TARGETS * 20))
    for one, three in zip(*found, strict=True):
        np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("case", CASES)
def test_likelihoods_of_known_targets_have_the_same_bits_alone(case):
    network = network_for(CASES[case])
    together = network.log_likelihoods(SOURCES, TARGETS)
    for source, target, expected in zip(SOURCES, TARGETS, together, strict=True):
        assert len(expected) == len(target) + 1
        np.testing.assert_array_equal(network.log_likelihoods([source], [target])[0], expected)


@pytest.mark.parametrize("input_feeding", [False, True])
def test_a_decoder_is_its_equations(input_feeding):
    config = EncoderDecoderConfig(
        stack("rnn_tanh", layers=1), stack("rnn_tanh", inputs=3 + 4 * input_feeding, layers=1), 5, 3,
        attention=AttentionConfig("general"), input_feeding=input_feeding,
    )  # fmt: skip
    module = module_for(config)
    p, source, target = module.tensors(), SOURCES[0], TARGETS[1]
    found = EncoderDecoder(KernelEngine(p), config).log_likelihoods([source], [target])[0]

    def step(part, x, h):
        w = {name: p[f"{part}.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        return np.tanh(w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"])

    h = [np.zeros(4)]
    for x in source:
        h.append(step("encoder", x, h[-1]))
    read = np.array(h[1:])
    s, fed, expected = np.tanh(p["bridge.weight"] @ h[-1] + p["bridge.bias"]), np.zeros(4), []
    for before, symbol in zip([config.begin, *target], [*target, config.end], strict=True):
        x = p["symbols"][before]
        s = step("decoder", np.concatenate([x, fed]) if input_feeding else x, s)
        a = np.exp(read @ p["attention.key.weight"].T @ s)
        context = a @ read / a.sum()
        fed = np.tanh(p["combine.weight"] @ np.concatenate([context, s]) + p["combine.bias"])
        scores = p["head.weight"] @ fed + p["head.bias"]
        expected.append(scores[symbol] - np.log(np.exp(scores).sum()))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_every_state_of_every_layer_comes_from_the_source():
    network = network_for(config_for("lstm"))
    h, c = network.start(SOURCES).states
    assert h.shape == c.shape == (2, 3, 4)
    values = np.stack([h[0], c[0], h[1], c[1]])
    assert len(np.unique(values)) == values.size
    assert (abs(values) < 1).all()


def test_weights_of_known_targets():
    network = network_for(config_for("lstm", "coverage", input_feeding=True))
    weights = network.attention_weights(SOURCES, TARGETS)
    assert [each.shape for each in weights] == [(3, 7), (6, 1), (1, 4)]
    for each in weights:
        np.testing.assert_allclose(each.sum(1), 1, rtol=1e-6)
    with pytest.raises(InputError, match="no attention"):
        network_for(config_for(attention="none")).attention_weights(SOURCES, TARGETS)


@pytest.mark.parametrize("case", ["additive gru", "none", "heads", "local_p", "coverage", "coverage fed back"])
def test_gradients_reach_every_parameter_and_are_those_of_finite_differences(case):
    config = CASES[case]
    module = module_for(config).double()
    inputs, expected, lengths = shifted(TARGETS, config)
    sources = [source.astype(np.float64) for source in SOURCES]
    inside = torch.from_numpy(np.arange(len(expected))[:, None] < lengths)

    def loss():
        log_p = torch.log_softmax(module(sources, inputs, lengths), 2)
        return -log_p.gather(2, torch.from_numpy(expected)[..., None])[..., 0][inside].sum()

    loss().backward()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            way = torch.from_numpy(rng.normal(size=parameter.shape))
            parameter += 1e-5 * way
            up = loss()
            parameter -= 2e-5 * way
            down = loss()
            parameter += 1e-5 * way
            slope = (parameter.grad * way).sum()
            torch.testing.assert_close((up - down) / 2e-5, slope, rtol=2e-5, atol=1e-7, msg=name)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"decoder": stack(bidirectional=True)}, "bidirectional"),
        ({"decoder": stack(initial_state="learned")}, "initial_state"),
        ({"decoder": stack(inputs=5)}, "the decoder has 5 inputs, expected 4"),
        ({"input_feeding": True}, "without attention"),
        ({"attention": ATTENTIONS["general"], "input_feeding": True}, "the decoder has 4 inputs, expected 8"),
        ({"self_attention": ATTENTIONS["coverage"]}, "self_attention has coverage"),
    ],
)
def test_sizes_that_do_not_fit(changed, message):
    given = {"encoder": stack(), "decoder": stack(), "symbols": 5, "symbol_size": 4, **changed}
    with pytest.raises(InputError, match=message):
        EncoderDecoderConfig(**given)
