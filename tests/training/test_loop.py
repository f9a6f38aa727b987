"""The training loop: a known minimum, early stopping, the learning rate's curve, and faults that name their culprit."""

import math
import sys
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from unrolled.errors import TrainingError
from unrolled.networks.encoder import Encoder, EncoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.examples import Examples, examples_problem
from unrolled.training.loop import train
from unrolled.training.options import TrainingOptions
from unrolled.training.problem import Problem
from unrolled.training.target_loss import target_loss


class Point(torch.nn.Module):
    def __init__(self, start=(3.0, -2.0)):
        super().__init__()
        self.place = torch.nn.Parameter(torch.tensor(start))
        self.offset = torch.nn.Parameter(torch.zeros(()))


OF_PROBLEM = {field.name for field in fields(Problem)}


def run_on(module, loss, *, batches=(0,), validate=None, **changes):
    """Train a module that is there already."""
    problem = Problem(
        make=lambda _: module,
        batches=lambda _: batches,
        batches_per_epoch=len(batches),
        loss=lambda _, batch: loss(batch),
        validate=None if validate is None else lambda _: validate(),
        **{name: changes.pop(name) for name in OF_PROBLEM & changes.keys()},
    )
    usual = {"max_epochs": 200, "batch_size": 1, "learning_rate": 0.1, "clip_norm": 1.0, "seed": 0}
    trained, run = train(problem, TrainingOptions(**{**usual, **changes}))
    assert trained is module
    return run


def distance(module):
    return lambda batch: ((module.place - torch.tensor([1.0, 0.5])) ** 2).sum() + module.offset**2 + 0 * batch


def test_reaches_a_minimum():
    module = Point()
    run = run_on(module, distance(module))
    assert module.place.tolist() == pytest.approx([1.0, 0.5], abs=1e-3)
    assert len(run.losses) == 200
    assert run.losses[-1] < 1e-5 < run.losses[0]


def test_first_step_has_the_length_adam_gives_it():
    module = Point()
    run_on(module, distance(module), max_epochs=1)
    assert module.place.tolist() == pytest.approx([2.9, -1.9], abs=1e-5)


@pytest.mark.parametrize("validated", [False, True])
def test_the_weights_of_the_last_steps_are_averaged(validated):
    """A constant gradient: each step has the length of the learning rate, and the mean of some of them is known."""
    places, judged = [], []

    def loss(batch):
        places.append(module.offset.item())
        return module.offset + 0 * module.place.sum()

    def validate():
        judged.append(module.offset.item())
        return module.offset.item()  # the last epoch is the best

    module, options = Point(), {"max_epochs": 10, "batches": (0, 1), "schedule": "constant", "averaging": 0.25}
    run = run_on(module, loss, validate=validate if validated else None, **options)
    after = [-0.1 * (n + 1) for n in range(20)]
    assert places == pytest.approx([0.0, *after[:-1]], abs=1e-5)  # the optimiser goes on from the weights themselves
    assert module.offset.item() == pytest.approx(np.mean(after[-6:]), abs=1e-5)  # of three epochs
    if validated:
        assert judged[6] == pytest.approx(after[13], abs=1e-5)
        assert judged[7:] == pytest.approx([np.mean(after[14 : 14 + n]) for n in (2, 4, 6)], abs=1e-5)
        assert run.best_epoch == 10


def test_learning_rate_falls_along_half_a_cosine():
    places = []

    def loss(batch):
        places.append(module.offset.item())
        return module.offset  # a constant gradient: each of Adam's steps has the length of the learning rate

    module = Point()
    run_on(module, loss, max_epochs=10)
    steps = [before - after for before, after in pairwise(places)]
    expected = [0.1 * 0.5 * (1 + math.cos(math.pi * k / 10)) for k in range(9)]
    assert steps == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ({"schedule": "linear"}, [1, 0.75, 0.5, 0.25]),
        ({"schedule": "constant"}, [1, 1, 1, 1]),
        ({"schedule": "constant", "warmup": 3}, [0.25, 0.5, 0.75, 1]),
        ({"schedule": "linear", "warmup": 2}, [1 / 3, 2 / 3, 1, 0.5]),
        ({"schedule": "cosine", "warmup": 1}, [0.5, 1, 0.75, 0.25]),
    ],
)
def test_curves_of_the_learning_rate(schedule, factors):
    places = []

    def loss(batch):
        places.append(module.offset.item())
        return module.offset

    module = Point()
    run_on(module, loss, max_epochs=4, **schedule)
    places.append(module.offset.item())
    steps = [before - after for before, after in pairwise(places)]
    assert steps == pytest.approx([0.1 * factor for factor in factors], rel=1e-4)


def test_weights_decay_and_vectors_do_not():
    """Without a gradient a step only takes away its share of each weight: of matrices, not of biases."""
    module = torch.nn.Linear(2, 2)
    weight, bias = module.weight.detach().clone(), module.bias.detach().clone()
    nothing = lambda batch: 0 * (module.weight.sum() + module.bias.sum())  # noqa: E731
    run_on(module, nothing, max_epochs=1, weight_decay=0.5)
    torch.testing.assert_close(module.weight.detach(), weight * (1 - 0.1 * 0.5))
    assert torch.equal(module.bias.detach(), bias)


def test_steps_are_adams_to_the_bit():
    ours, theirs = Point(), Point()
    run_on(ours, distance(ours), max_epochs=20, clip_norm=1e9, schedule="constant")
    optimiser = torch.optim.Adam(theirs.parameters(), lr=0.1)
    for _ in range(20):
        optimiser.zero_grad()
        distance(theirs)(0).backward()
        optimiser.step()
    assert torch.equal(ours.place, theirs.place)


def test_keeps_the_best_state_and_stops_after_patience():
    module = Point()
    scores = iter([5.0, 4.0, 3.0, 6.0, 7.0, 8.0, 9.0])
    states = []

    def validate():
        assert not module.training
        states.append(module.place.tolist())
        return next(scores)

    run = run_on(module, distance(module), validate=validate, patience=3)
    assert run.best_epoch == 3
    assert run.validation_losses == [5.0, 4.0, 3.0, 6.0, 7.0, 8.0]
    assert module.place.tolist() == states[2]


def test_chooses_only_from_the_first_candidate_on():
    module = Point()
    scores = iter([1.0, 2.0, 9.0, 8.0, 10.0, 11.0])
    run = run_on(module, distance(module), validate=lambda: next(scores), patience=2, first_candidate=3)
    assert run.best_epoch == 4


def test_stop_after_walks_the_same_path():
    first, second = Point(), Point()
    run = run_on(first, distance(first), stop_after=7)
    whole = run_on(second, distance(second))
    assert run.losses == whole.losses[:7]


def test_progress_is_told_after_every_step():
    module, told = Point(), []
    run_on(
        module, distance(module), batches=(0, 0, 0), max_epochs=2, phase="trial", validate=lambda: 4.0,
        callback=told.append,
    )  # fmt: skip
    assert [(p.phase, p.step, p.steps, p.epoch) for p in told] == [("trial", i, 6, 1 + (i > 3)) for i in range(1, 7)]
    assert [p.validation_loss for p in told] == [None] * 3 + [4.0] * 3
    assert all(p.seconds >= 0 for p in told)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda loss, module: loss * math.nan, "the loss became nan; the gradient of parameter place is not finite"),
        (lambda loss, module: loss + module.offset * math.inf, "the loss became nan"),
        (lambda loss, module: loss * 1e7, "the loss exploded from .* the largest gradient is that of parameter place"),
        (
            lambda loss, module: loss + (module.place.sum().detach() * 0 * module.offset).sqrt(),
            "a gradient is not finite; the gradient of parameter offset",
        ),
        (lambda loss, module: loss * 0 + math.inf + 0 * module.place.sum(), "the loss became inf"),
    ],
)
def test_faults_stop_training_and_keep_the_best_state(spoil, message):
    module, kept = Point(), []

    def loss(batch):
        value = distance(module)(batch)
        if next(counter) < 4:
            return value
        kept.append(module.place.tolist())
        return spoil(value, module)

    counter = iter(range(100))
    with pytest.raises(TrainingError, match=message) as fault:
        run_on(module, loss)
    assert "step 5 (epoch 5)" in str(fault.value)
    assert module.place.tolist() == kept[0]  # the state after epoch 4, the best so far


def test_a_spoiled_parameter_is_named():
    module = Point()

    def loss(batch):
        module.offset.data.fill_(math.nan)
        return distance(module)(batch)

    with pytest.raises(TrainingError, match="parameter offset holds values that are not finite"):
        run_on(module, loss)


def test_the_callers_random_numbers_and_threads_are_left_alone():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    run_on(Point(), lambda batch: torch.rand(()).requires_grad_(), max_epochs=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_hooks_of_distributed_training_are_run(tmp_path, monkeypatch):
    """Losses call the module that is trained, so that whatever wraps it sees every step and its gradients."""
    if sys.platform == "linux":
        monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")  # the host's name need not be known to any server
    met, config = [], EncoderConfig(StackConfig("gru", 2, 3, 1), "last", 2)

    def hook(state, bucket):
        met.append(bucket.buffer().numel())
        future = torch.futures.Future()
        future.set_result(bucket.buffer())
        return future

    def make():
        module = DistributedDataParallel(NetworkModule(Encoder, config, NetworkOptions()))
        module.register_comm_hook(None, hook)
        return module

    X = [np.random.default_rng(n).normal(size=(5, 2)).astype(np.float32) for n in range(8)]
    examples = Examples(X, np.arange(8) % 2)
    options = TrainingOptions(max_epochs=2, batch_size=4, learning_rate=0.1, clip_norm=1.0, seed=0)
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        wrapped, _ = train(examples_problem(make, target_loss("one_of"), examples, 4), options)
    finally:
        torch.distributed.destroy_process_group()
    parameters = sum(p.numel() for p in wrapped.parameters())
    assert met == [parameters] * 4  # 2 epochs of 2 batches
    plain = examples_problem(
        lambda: NetworkModule(Encoder, config, NetworkOptions()), target_loss("one_of"), examples, 4
    )
    alone, _ = train(plain, options)
    assert all(np.array_equal(tensor, alone.tensors()[name]) for name, tensor in wrapped.module.tensors().items())
