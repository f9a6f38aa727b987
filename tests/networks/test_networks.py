"""One text of a network, two engines: torch and the kernels compute the same from the same parameters."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.cells import CELLS
from unrolled.codecs.tokens import TokenIds
from unrolled.networks.attention import AttentionConfig
from unrolled.networks.autoencoder import Autoencoder, AutoencoderConfig
from unrolled.networks.embedding import EmbeddingConfig
from unrolled.networks.encoder import Encoder, EncoderConfig
from unrolled.networks.encoder_decoder import EncoderDecoder, EncoderDecoderConfig, shifted
from unrolled.networks.lead_forecast import LeadForecast, LeadForecastConfig
from unrolled.networks.next_step import ConditionConfig, NextStep, NextStepConfig
from unrolled.networks.next_step import shifted as shifted_pieces
from unrolled.networks.stack import StackConfig
from unrolled.networks.symbol_head import SymbolHeadConfig
from unrolled.networks.tagger import Tagger, TaggerConfig, TagScores
from unrolled.networks.window_rnn import WindowInputs, WindowRnn, WindowRnnConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.training.engine import NetworkModule, NetworkOptions

OWN_SIZES = {"lstmp": {"proj_size": 2}, "qrnn": {"kernel_width": 3}, "slstm": {"head_size": 2}}
OPTIONS = NetworkOptions(dropout=0.5, token_dropout=0.5)


def stack(cell="gru", inputs=4, layers=2, **options):
    return StackConfig(cell, inputs, 4, layers, sizes=OWN_SIZES.get(cell, {}), **options)


def numbers(*lengths, inputs=4):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, inputs)).astype(np.float32) for n in lengths]


def tokens(*lengths, spelled=True):
    rng = np.random.default_rng(0)

    def spelling():
        return tuple(rng.integers(0, 5, rng.integers(1, 6)).tolist())

    spellings = [tuple(spelling() for _ in range(n)) if spelled else () for n in lengths]
    return [TokenIds(rng.integers(0, 6, n), own) for n, own in zip(lengths, spellings, strict=True)]


def windows(config):
    rng, B = np.random.default_rng(0), 3
    z, past = rng.normal(size=(B, config.input_window)), rng.normal(size=(B, config.input_window, config.past))
    future = rng.normal(size=(B, config.input_window + config.horizon, config.future))
    return WindowInputs.of(config, z, past, future, rng.normal(size=(B, config.static)))


def pairs(cell="gru", attention="additive", items=None, **options):
    """An encoder-decoder with what it reads: two layers of a cell, targets of other lengths than the sources."""
    encoder = stack(cell, bidirectional=True, merge="sum" if cell == "sru" or attention == "dot" else "concat")
    width = OWN_SIZES.get(cell, {}).get("proj_size", 4)
    decoder = stack(cell, inputs=4 + width * options.get("input_feeding", False))
    config = EncoderDecoderConfig(encoder, decoder, 5, 4, attention=ATTENTIONS[attention], **options)
    rng = np.random.default_rng(0)
    symbols, _, lengths = shifted([rng.integers(0, 5, n) for n in (2, 6, 3)], config)
    return EncoderDecoder, config, (ITEMS if items is None else items, symbols, lengths)


def pieces(cell="gru", condition=None, **head):
    """A network of the next step with what it reads: two layers of a cell, pieces of several lengths."""
    size = head.get("size", 4)
    config = NextStepConfig(
        stack(cell, inputs=size + (condition.size if condition else 0)),
        SymbolHeadConfig(5, **{"size": 4, **head}),
        condition,
    )
    rng = np.random.default_rng(0)
    symbols, _, lengths = shifted_pieces([rng.integers(0, 5, n) for n in (2, 6, 3)], config.head)
    vectors = rng.normal(size=(3, condition.inputs)).astype(np.float32) if condition else None
    classes = np.array([0, 1, 0])
    given = None if condition is None else classes if condition.kind == "class" else vectors
    return NextStep, config, (symbols, given, lengths)


ATTENTIONS = {
    "none": None,
    "additive": AttentionConfig("additive", size=3),
    "dot": AttentionConfig("dot"),
    "general": AttentionConfig("general"),
    "concat": AttentionConfig("concat", size=3),
    "heads": AttentionConfig("multi_head", size=6, heads=3),
    "local_m": AttentionConfig("general", reach="local_m", window=1),
    "local_p": AttentionConfig("multi_head", size=4, reach="local_p", window=2),
    "coverage": AttentionConfig("additive", size=3, coverage=True),
}
SPELLED = EmbeddingConfig(words=6, word_size=2, characters=5, character_size=1)
PLAIN = EmbeddingConfig(words=6, word_size=4)
WINDOWS = WindowRnnConfig("lstm", 4, 2, 7, 3, (0.1, 0.5), 3, 2, past=1, future=2, static=1)
ITEMS = numbers(7, 1, 4)
SERIES = np.stack(numbers(6, 6, 6), axis=1)
CASES = {
    **{f"encoder {cell}": (Encoder, EncoderConfig(stack(cell), "last", 3), ITEMS) for cell in CELLS},
    **{
        f"encoder {pooling} of both directions": (
            Encoder,
            EncoderConfig(stack("lstm", bidirectional=True), pooling, 3),
            ITEMS,
        )
        for pooling in ("last", "mean", "max", "attention")
    },
    "encoder of words": (Encoder, EncoderConfig(stack(), "max", 3, PLAIN), tokens(5, 1, 3, spelled=False)),
    "encoder of spellings": (Encoder, EncoderConfig(stack(), "mean", 3, SPELLED), tokens(5, 1, 3)),
    "tagger": (Tagger, TaggerConfig(stack("janet", bidirectional=True), 3, crf=False), ITEMS),
    "tagger of spellings": (Tagger, TaggerConfig(stack(), 3, SPELLED), tokens(5, 1, 3)),
    "lead forecast": (LeadForecast, LeadForecastConfig(stack("mgu"), (1, 2, 5), 2), SERIES),
    "autoencoder": (Autoencoder, AutoencoderConfig(stack(), stack(inputs=5), 3, 6, 2), SERIES),
    "windows": (WindowRnn, WINDOWS, windows(WINDOWS)),
    "added directions": (Encoder, EncoderConfig(stack(bidirectional=True, merge="sum"), "last", 3), ITEMS),
    "residual": (Encoder, EncoderConfig(stack("lstm", layers=3, residual=True), "mean", 3), ITEMS),
    "zoneout": (Encoder, EncoderConfig(stack("lstm", zoneout=(0.2, 0.3)), "mean", 3), ITEMS),
    "zoneout of the memory": (Encoder, EncoderConfig(stack("qrnn", zoneout=(0.0, 0.3)), "mean", 3), ITEMS),
    "other functions": (Encoder, EncoderConfig(stack("gru[relu;softsign]"), "last", 3), ITEMS),
    "learned states": (
        Encoder,
        EncoderConfig(stack("lstmp", bidirectional=True, initial_state="learned"), "last", 3),
        ITEMS,
    ),
    **{f"pairs {cell}": pairs(cell) for cell in CELLS},
    **{f"pairs with {attention}": pairs("lstm", attention) for attention in ATTENTIONS},
    **{
        f"pairs with {attention} fed back": pairs("lstmp", attention, input_feeding=True)
        for attention in ATTENTIONS
        if attention not in ("none", "dot")
    },
    "pairs of spellings": pairs(
        items=tokens(7, 1, 4), tokens=SPELLED, self_attention=AttentionConfig("multi_head", size=4, heads=2)
    ),
    **{f"pieces {cell}": pieces(cell) for cell in CELLS},
    "pieces of classes": pieces("lstm", ConditionConfig("class", inputs=2, size=3)),
    "pieces of vectors": pieces("lstm", ConditionConfig("vector", inputs=5, size=3)),
    "pieces, tied": pieces("lstm", tied=True),
    "pieces, tied across sizes": pieces("lstm", ConditionConfig("class", 2, 3), tied=True, size=3),
    "learned memory": (Encoder, EncoderConfig(stack("qrnn", initial_state="learned"), "last", 3), ITEMS),
}


def as_torch(given):
    """Arrays as tensors; items stay, which the network reads itself."""
    if isinstance(given, WindowInputs):
        return WindowInputs(*map(torch.from_numpy, given))
    return given if isinstance(given, list | tuple) else torch.from_numpy(given)


def results(outputs):
    """The arrays of an output, whatever holds them."""
    if isinstance(outputs, TagScores):
        inside = np.arange(len(outputs.emissions))[:, None] < outputs.lengths
        outputs = [outputs.emissions[torch.from_numpy(inside) if torch.is_tensor(outputs.emissions) else inside]]
    if isinstance(outputs, tuple) and not isinstance(outputs, WindowInputs):  # scores, and the states after them
        return [np.asarray(outputs[0]), *map(np.asarray, outputs[1])]
    if isinstance(outputs, list):  # of several members
        return [np.asarray(part) for each in outputs for part in (each if isinstance(each, tuple) else [each])]
    return [np.asarray(outputs)]


def run(network, inputs):
    """A network on what it takes, which is several things in a tuple."""
    return network(*inputs) if type(inputs) is tuple else network(inputs)


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_both_engines_compute_the_same(case):
    network, config, inputs = CASES[case]
    torch.manual_seed(0)
    module = NetworkModule(network, config, OPTIONS).eval()
    for parameter in module.parameters():
        parameter += 0.2 * torch.randn_like(parameter)
    tensors = module.tensors()
    assert {name: (t.shape, t.dtype) for name, t in tensors.items()} == {
        name: (shape, np.dtype(dtype)) for name, (shape, dtype) in config.parameters().items()
    }
    found = results(run(network(KernelEngine(tensors), config), inputs))
    for ours, theirs in zip(found, results(run(module, as_torch(inputs))), strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("case", [case for case, (_, _, inputs) in CASES.items() if isinstance(inputs, list)])
def test_an_item_has_the_same_bits_alone_and_beside_others(case):
    network, config, items = CASES[case]
    torch.manual_seed(0)
    made = network(KernelEngine(NetworkModule(network, config, OPTIONS).tensors()), config)
    together = made.scores(items) if network is Encoder else made.emissions(items)
    for item, expected in zip(items, together, strict=True):
        alone = made.scores([item]) if network is Encoder else made.emissions([item])
        np.testing.assert_array_equal(alone[0], expected)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_takes_a_step_of_training_that_the_runtime_follows(cell):
    config = EncoderConfig(stack(cell, layers=1), "last", 2)
    torch.manual_seed(0)
    module = NetworkModule(Encoder, config, NetworkOptions())
    before = module.tensors()
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    torch.nn.functional.cross_entropy(module(ITEMS), torch.tensor([0, 1, 0])).backward()
    optimiser.step()
    after = module.tensors()
    assert not np.array_equal(after["rnn.weight_ih_l0"], before["rnn.weight_ih_l0"])
    scores = Encoder(KernelEngine(after), config).scores(ITEMS)
    np.testing.assert_allclose(scores, module.eval()(ITEMS).detach(), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize(
    "option",
    [
        {"input_dropout": 0.5}, {"state_dropout": 0.5}, {"recurrent_dropout": 0.5}, {"weight_drop": 0.5}, {"dropout": 0.5},
    ],
)  # fmt: skip
def test_what_training_alone_draws_is_gone_after_it(option):
    torch.manual_seed(0)
    config = EncoderConfig(stack("lstm"), "last", 3)
    module = NetworkModule(Encoder, config, NetworkOptions(**option))
    assert not torch.equal(module(ITEMS), module(ITEMS))
    assert torch.equal(module.eval()(ITEMS), module(ITEMS))


@pytest.mark.parametrize(
    ("option", "check"),
    [
        ({"start": "identity"}, lambda t: np.array_equal(t["rnn.weight_hh_l0"][:4], np.eye(4))),
        ({"forget_bias": 3.0}, lambda t: (t["rnn.bias_ih_l0"][4:8] + t["rnn.bias_hh_l0"][4:8] == 3).all()),
        ({"chrono": 9}, lambda t: (t["rnn.bias_ih_l0"][4:8] >= 0).all()),
    ],
)
def test_how_parameters_start(option, check):
    config = EncoderConfig(stack("lstm"), "last", 3)
    assert check(NetworkModule(Encoder, config, NetworkOptions(**option)).tensors())


def test_gradients_stop_where_they_are_truncated():
    torch.manual_seed(0)
    config = LeadForecastConfig(stack("gru", layers=1), (1,), 1)
    module = NetworkModule(LeadForecast, config, NetworkOptions(truncate=2))
    x = torch.randn(6, 1, 4, requires_grad=True)
    module(x)[-1].sum().backward()
    assert x.grad[:4].abs().sum() == 0
    assert (x.grad[4:].abs().sum((1, 2)) > 0).all()
