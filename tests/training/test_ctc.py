"""How transcribers learn: the loss against torch's own and against every alignment; what is drawn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from unrolled.networks.stack import StackConfig
from unrolled.networks.tagger import Tagger, TaggerConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.runtime.probabilities import log_softmax
from unrolled.training.ctc import Transcripts, ctc_problem
from unrolled.training.engine import NetworkOptions
from unrolled.training.loop import train
from unrolled.training.options import TrainingOptions

V = 3


def config_for(*, bidirectional=True):
    return TaggerConfig(StackConfig("gru", 2, 5, 1, bidirectional=bidirectional), outputs=V, crf=False)


def spoken(count, seed=0, steps=6):
    rng = np.random.default_rng(seed)
    items = [rng.normal(size=(rng.integers(4, steps + 1), 2)).astype(np.float32) for _ in range(count)]
    return Transcripts(items, [rng.integers(1, V, rng.integers(1, 3)) for _ in items])


def collapsed(path):
    return [k for n, k in enumerate(path) if k and (n == 0 or path[n - 1] != k)]


def every_alignment(log_p, target):
    """log of the sum over all paths that say the target, written out."""
    found = [
        sum(log_p[t, k] for t, k in enumerate(path))
        for path in itertools.product(range(V), repeat=len(log_p))
        if collapsed(path) == list(target)
    ]
    return np.logaddexp.reduce(found)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_loss_is_that_of_every_alignment(bidirectional):
    """The runtime's probabilities, summed over all paths: nats a symbol, of batches and of what validates."""
    config, said = config_for(bidirectional=bidirectional), spoken(7)
    problem = ctc_problem(config, said, NetworkOptions(), 3, validation=said)
    module, _ = train(problem, TrainingOptions(seed=0, max_epochs=2, learning_rate=0.05))
    module.eval()
    scores = Tagger(KernelEngine(module.tensors()), config).emissions(said.items)
    each = [every_alignment(log_softmax(own), y) for own, y in zip(scores, said.targets, strict=True)]
    sizes = [len(y) for y in said.targets]
    with torch.no_grad():
        assert problem.validate(module) == pytest.approx(-sum(each) / sum(sizes), rel=1e-5)
        batch = said.select(np.array([4, 0, 2]))
        expected = -sum(each[n] for n in (4, 0, 2)) / sum(sizes[n] for n in (4, 0, 2))
        assert problem.loss(module, batch).item() == pytest.approx(expected, rel=1e-5)


def test_steps_past_the_length_do_not_count():
    said, config = spoken(2, seed=3), config_for()
    long = Transcripts([said.items[0], np.ones((90, 2), np.float32)], said.targets)
    problem = ctc_problem(config, said, NetworkOptions(), 3)
    module, _ = train(problem, TrainingOptions(seed=0, max_epochs=1))
    module.eval()
    with torch.no_grad():
        alone = problem.loss(module, said.select(np.array([0]))).item() * len(said.targets[0])
        other = problem.loss(module, long.select(np.array([1]))).item() * len(said.targets[1])
        assert problem.loss(module, long).item() * said.symbols == pytest.approx(alone + other, rel=1e-5)


def test_each_epoch_is_drawn_anew_and_what_became_too_short_is_not_taken():
    said = spoken(20, seed=1)
    said = Transcripts(said.items, [np.array([1, 1])] * 20)  # three steps
    drawn: list[int] = []

    def draw(n, generator):
        drawn.append(n)
        return np.zeros((int(generator.integers(1, 5)), 2), np.float32)

    problem = ctc_problem(config_for(), said, NetworkOptions(), 6, draw=draw)
    generator = np.random.default_rng(0)
    epochs = [list(problem.batches(generator)) for _ in range(2)]
    assert sorted(drawn[:20]) == sorted(drawn[20:]) == list(range(20))
    sizes = [sorted(len(item) for batch in epoch for item in batch.items) for epoch in epochs]
    assert sizes[0] != sizes[1]
    taken = [item for epoch in epochs for batch in epoch for item in batch.items]
    assert all(len(item) >= 3 for item in taken)
    assert 0 < sum(bool(item.any()) for item in taken) < 40  # the items themselves, and what was drawn
    again = np.random.default_rng(0)
    assert [len(b.items[0]) for b in problem.batches(again)] == [len(b.items[0]) for b in epochs[0]]
