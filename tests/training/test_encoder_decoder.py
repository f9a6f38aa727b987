"""How the encoder-decoder learns: its loss by hand, by the runtime; what it learns; the options of its loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.codecs.tokens import TokenIds
from unrolled.networks.attention import AttentionConfig
from unrolled.networks.embedding import EmbeddingConfig
from unrolled.networks.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.nn.recurrent import Recurrent
from unrolled.runtime.engine import KernelEngine
from unrolled.training import engine
from unrolled.training.encoder_decoder import Pairs, encoder_decoder_problem
from unrolled.training.engine import NetworkOptions
from unrolled.training.loop import train
from unrolled.training.options import TrainingOptions

SYMBOLS, E, H = 6, 8, 16
of_rows = Recurrent.of_rows


def config_for(attention=None, *, input_feeding=False, cell="gru"):
    return EncoderDecoderConfig(
        StackConfig(cell, E, H, 1, bidirectional=True),
        StackConfig(cell, E + H * input_feeding, H, 1),
        SYMBOLS, E, EmbeddingConfig(words=SYMBOLS, word_size=E),
        attention=attention, input_feeding=input_feeding,
    )  # fmt: skip


def reversals(count, seed=0, longest=6):
    rng = np.random.default_rng(seed)
    words = [rng.integers(1, SYMBOLS, rng.integers(1, longest + 1)) for _ in range(count)]
    return Pairs([TokenIds(each) for each in words], [each[::-1].copy() for each in words])


def fitted(config, pairs, *, max_epochs=1, validation=None, **options):
    problem = encoder_decoder_problem(config, pairs, NetworkOptions(), 16, validation=validation, **options)
    return (*train(problem, TrainingOptions(seed=0, max_epochs=max_epochs, learning_rate=0.02)), problem)


ADDITIVE = AttentionConfig("additive", size=H)


@pytest.mark.parametrize(
    ("attention", "input_feeding"),
    [(None, False), (ADDITIVE, False), (ADDITIVE, True), (AttentionConfig("multi_head", size=H, heads=4), False)],
)
def test_the_runtime_says_what_training_loses(attention, input_feeding):
    config, pairs = config_for(attention, input_feeding=input_feeding), reversals(20)
    module, run, problem = fitted(config, pairs, validation=pairs)
    log_p = np.concatenate(
        EncoderDecoder(KernelEngine(module.tensors()), config).log_likelihoods(pairs.sources, pairs.targets)
    )
    assert len(log_p) == sum(len(target) + 1 for target in pairs.targets)
    assert problem.validate(module) == pytest.approx(-log_p.mean(), rel=1e-5)
    assert run.validation_losses == [pytest.approx(-log_p.mean(), rel=1e-5)]
    assert problem.loss(module.eval(), np.arange(20)).item() == pytest.approx(-log_p.mean(), rel=1e-5)


@pytest.mark.parametrize("longest", [1, 6], ids=["one length", "any length"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_products_of_the_tokens_that_occur_give_the_same_gradients(monkeypatch, cell, longest):
    config, pairs = config_for(ADDITIVE, cell=cell), reversals(20, longest=longest)
    torch.manual_seed(0)
    problem = encoder_decoder_problem(config, pairs, NetworkOptions(), 16)
    module, asked = problem.make(np.random.default_rng(0)), []
    monkeypatch.setattr(engine, "WORTH_APART", 0)
    monkeypatch.setattr(Recurrent, "of_rows", lambda *given: asked.append(given) or of_rows(*given))

    def gradients():
        module.zero_grad()
        loss = problem.loss(module, np.arange(20))
        loss.backward()
        return [loss.detach(), *(parameter.grad.clone() for parameter in module.parameters())]

    found, padded = gradients(), longest > 1
    assert [len(table) for _, table, *_ in asked] == [
        5 + padded,
        6 + padded,
    ]  # no source has 0, which pads; targets begin
    monkeypatch.setattr(engine, "FEW", 0.0)
    for own, other in zip(found, gradients(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)
    assert len(asked) == 2


def test_products_are_of_tokens_as_they_are(monkeypatch):
    config, pairs = config_for(), reversals(20)
    monkeypatch.setattr(engine, "WORTH_APART", 0)
    monkeypatch.setattr(Recurrent, "of_rows", None)  # what dropout has changed is no row of a table any more
    problem = encoder_decoder_problem(config, pairs, NetworkOptions(dropout=0.3), 16)
    problem.loss(problem.make(np.random.default_rng(0)).train(), np.arange(20))
    with pytest.raises(TypeError):
        problem.loss(problem.make(np.random.default_rng(0)).eval(), np.arange(20))


def test_label_smoothing_mixes_in_every_symbol():
    config, pairs = config_for(ADDITIVE), reversals(9)
    module, _, _ = fitted(config, pairs)
    module.eval()
    smoothed = encoder_decoder_problem(config, pairs, NetworkOptions(), 9, label_smoothing=0.3)
    found, network = smoothed.loss(module, np.arange(9)).item(), EncoderDecoder(KernelEngine(module.tensors()), config)
    terms = []
    for source, target in zip(pairs.sources, pairs.targets, strict=True):
        state = network.start([source])
        for before, symbol in zip([config.begin, *target], [*target, config.end], strict=True):
            (log_p,), state = network.advance(state, np.array([before]))
            terms.append(0.7 * log_p[symbol] + 0.3 * log_p.mean())
    assert found == pytest.approx(-np.mean(terms), rel=1e-5)


def test_scheduled_sampling_reads_what_the_network_says():
    config, pairs = config_for(ADDITIVE), reversals(12)
    module, _, forced = fitted(config, pairs)
    heard = []
    module.register_forward_pre_hook(lambda _, given: heard.append(given[1]))
    chosen = np.arange(12)
    always = encoder_decoder_problem(config, pairs, NetworkOptions(), 12, scheduled_sampling=1.0)
    half = encoder_decoder_problem(config, pairs, NetworkOptions(), 12, scheduled_sampling=0.5)
    torch.manual_seed(0)
    assert always.loss(module, chosen) != forced.loss(module, chosen)
    true, said = heard[:2]
    assert (said[0] == config.begin).all()
    assert (true[1:] != said[1:]).mean() > 0.3
    half.loss(module, chosen).backward()
    true, mixed = heard[-2:]
    assert 0.1 < (true[1:] != mixed[1:]).mean() < (true[1:] != said[1:]).mean()


@pytest.mark.parametrize("input_feeding", [False, True])
def test_reversing_is_learned(input_feeding):
    config, held = config_for(AttentionConfig("general"), input_feeding=input_feeding), reversals(40, seed=1)
    module, run, _ = fitted(config, reversals(500), max_epochs=12, validation=held)
    assert run.validation_losses[-1] < 0.1 < 1 < run.validation_losses[0]
    network = EncoderDecoder(KernelEngine(module.tensors()), config)
    source = TokenIds(np.array([1, 5, 2, 4]))
    state, symbol, said = network.start([source]), config.begin, []
    while symbol != config.end:
        log_p, state = network.advance(state, np.array([symbol]))
        symbol = int(log_p.argmax())
        said.append(symbol)
    assert said == [4, 2, 5, 1, config.end]
    assert network.attention_weights([source], [np.array([4, 2, 5, 1])])[0][:4].argmax(1).tolist() == [3, 2, 1, 0]


def test_batches_are_of_similar_targets():
    pairs = reversals(200, longest=30)
    problem = encoder_decoder_problem(config_for(ADDITIVE), pairs, NetworkOptions(), 10)
    batches = list(problem.batches(np.random.default_rng(0)))
    assert len(batches) == problem.batches_per_epoch == 20
    assert sorted(np.concatenate(batches).tolist()) == list(range(200))
    assert max(np.ptp([len(pairs.targets[n]) for n in batch]) for batch in batches) <= 6
