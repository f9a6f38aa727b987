"""How the next step is learned: losses by hand and by the runtime; states that are carried; what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.networks.next_step import ConditionConfig, NextStep, NextStepConfig
from unrolled.networks.stack import StackConfig
from unrolled.networks.symbol_head import SymbolHeadConfig
from unrolled.runtime.decoding.forced import forced_log_p
from unrolled.runtime.engine import KernelEngine
from unrolled.training.engine import NetworkOptions
from unrolled.training.loop import train
from unrolled.training.next_step import Pieces, carried_problem, pieces_problem
from unrolled.training.options import TrainingOptions

SYMBOLS, E, H = 6, 5, 8
HEAD = SymbolHeadConfig(SYMBOLS, E)
CONDITIONS = {
    None: None,
    "class": (ConditionConfig("class", 3, 2), lambda rng, n: rng.integers(0, 3, n)),
    "vector": (ConditionConfig("vector", 4, 2), lambda rng, n: rng.normal(size=(n, 4)).astype(np.float32)),
}


def config_for(condition=None, cell="gru", **head):
    size = 0 if condition is None else condition.size
    return NextStepConfig(StackConfig(cell, E + size, H, 1), SymbolHeadConfig(SYMBOLS, E, **head), condition)


def some_pieces(count, seed=0, longest=6):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, SYMBOLS, rng.integers(1, longest + 1)) for _ in range(count)]


def fitted(problem, max_epochs=1, **options):
    return train(problem, TrainingOptions(seed=0, max_epochs=max_epochs, learning_rate=0.02, **options))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", CONDITIONS)
def test_the_runtime_says_what_training_loses(kind, tied):
    condition, draw = CONDITIONS[kind] or (None, lambda *_: None)
    config = config_for(condition, tied=tied)
    own = Pieces(some_pieces(20), draw(np.random.default_rng(1), 20))
    problem = pieces_problem(config, own, NetworkOptions(), 16, validation=own)
    module, run = fitted(problem)
    network = NextStep(KernelEngine(module.tensors()), config)
    found = network.log_likelihoods(own.steps, own.conditions)
    assert [len(each) for each in found] == [len(steps) + 1 for steps in own.steps]
    mean = -np.concatenate(found).mean()
    assert run.validation_losses == [pytest.approx(mean, rel=1e-5)]
    assert problem.loss(module.eval(), own).item() == pytest.approx(mean, rel=1e-5)
    forced = forced_log_p(
        network, network.start(20, own.conditions), own.steps, bos=config.head.begin, eos=config.head.end
    )  # step by step
    for ours, theirs in zip(found, forced, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_one_long_text_is_lost_as_the_runtime_says_it():
    config, text = config_for(cell="lstm"), np.random.default_rng(0).integers(1, SYMBOLS, 103)
    problem = carried_problem(config, text, NetworkOptions(), 1, 10, validation=text)
    module, run = fitted(problem)
    network = NextStep(KernelEngine(module.tensors()), config)
    told = network.log_likelihoods_carried(text)
    assert len(told) == 103
    assert run.validation_losses == [pytest.approx(-told.mean(), rel=1e-5)]
    assert problem.batches_per_epoch == len(list(problem.batches(np.random.default_rng(0)))) == 11


def test_parts_of_a_long_text_have_the_bits_of_the_whole(monkeypatch):
    config, text = config_for(cell="lstm"), np.random.default_rng(0).integers(1, SYMBOLS, 103)
    network = NextStep(
        KernelEngine(fitted(carried_problem(config, text, NetworkOptions(), 4, 10))[0].tensors()), config
    )
    whole = network.log_likelihoods_carried(text)
    monkeypatch.setattr("unrolled.networks.next_step.AT_ONCE", 7)
    np.testing.assert_array_equal(network.log_likelihoods_carried(text), whole)


def test_the_state_is_carried_and_gradients_are_not():
    config, text = config_for(cell="lstm"), np.random.default_rng(0).integers(1, SYMBOLS, 40)
    problem = carried_problem(config, text, NetworkOptions(), 2, 5)
    module = problem.make(np.random.default_rng(0))
    parts = list(problem.batches(np.random.default_rng(3)))
    assert [part.begins for part in parts] == [True, False, False, False]
    losses = [problem.loss(module, part) for part in parts]
    losses[-1].backward()  # which would fail, were the graphs of the others a part of it
    read = np.concatenate([part.inputs for part in parts])
    said = np.concatenate([part.expected for part in parts])
    np.testing.assert_array_equal(read[1:], said[:-1])
    assert (read[0] == config.head.begin).all()
    scores, _ = module(read)
    whole = torch.nn.functional.cross_entropy(scores.flatten(0, 1), torch.from_numpy(said).flatten())
    assert np.mean([loss.item() for loss in losses]) == pytest.approx(whole.item(), rel=1e-5)
    again = [problem.loss(module, part).item() for part in parts]  # an epoch begins anew
    assert again == [loss.item() for loss in losses]


def test_tracks_begin_elsewhere_in_each_epoch():
    text = np.arange(1, 6).repeat(4)
    problem = carried_problem(config_for(), text, NetworkOptions(), 2, 5)
    generator = np.random.default_rng(0)
    epochs = [np.concatenate([part.expected for part in problem.batches(generator)]).T.ravel() for _ in range(5)]
    assert len({tuple(each) for each in epochs}) > 1
    for each in epochs:
        assert any(np.array_equal(np.roll(text, -shift), each) for shift in range(20))


@pytest.mark.parametrize("kind", ["class", "vector"])
def test_a_condition_decides(kind):
    condition, _ = CONDITIONS[kind]
    rng, classes = np.random.default_rng(0), np.arange(90) % 3
    steps = [np.full(rng.integers(1, 4), k + 1) for k in classes]
    given = classes if kind == "class" else np.eye(3, 4, dtype=np.float32)[classes]
    problem = pieces_problem(config_for(condition), Pieces(steps, given), NetworkOptions(), 16)
    module, _ = fitted(problem, max_epochs=40)
    network = NextStep(KernelEngine(module.tensors()), config_for(condition))
    log_p, _ = network.advance(network.start(3, given[:3]), network.config.head.first(3))
    assert log_p.argmax(1).tolist() == [1, 2, 3]
    assert np.exp(log_p.max(1)).min() > 0.7
