"""The training loop: a known minimum, early stopping, the learning rate's curve, and faults that name their culprit."""

import math
from itertools import pairwise

import pytest
import torch

from unrolled.errors import TrainingError
from unrolled.training.loop import train
from unrolled.training.schedule import Schedule


class Point(torch.nn.Module):
    def __init__(self, start=(3.0, -2.0)):
        super().__init__()
        self.place = torch.nn.Parameter(torch.tensor(start))
        self.offset = torch.nn.Parameter(torch.zeros(()))


OPTIONS = {"epochs": 200, "batches_per_epoch": 1, "learning_rate": 0.1, "clip_norm": 1.0}


def distance(module):
    return lambda batch: ((module.place - torch.tensor([1.0, 0.5])) ** 2).sum() + module.offset**2 + 0 * batch


def test_reaches_a_minimum():
    module = Point()
    run = train(module, lambda: [0], distance(module), **OPTIONS)
    assert module.place.tolist() == pytest.approx([1.0, 0.5], abs=1e-3)
    assert len(run.losses) == 200
    assert run.losses[-1] < 1e-5 < run.losses[0]


def test_first_step_has_the_length_adam_gives_it():
    module = Point()
    train(module, lambda: [0], distance(module), **{**OPTIONS, "epochs": 1})
    assert module.place.tolist() == pytest.approx([2.9, -1.9], abs=1e-5)


def test_learning_rate_falls_along_half_a_cosine():
    places = []

    def loss(batch):
        places.append(module.offset.item())
        return module.offset  # a constant gradient: each of Adam's steps has the length of the learning rate

    module = Point()
    train(module, lambda: [0], loss, **{**OPTIONS, "epochs": 10})
    steps = [before - after for before, after in pairwise(places)]
    expected = [0.1 * 0.5 * (1 + math.cos(math.pi * k / 10)) for k in range(9)]
    assert steps == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (Schedule("linear"), [1, 0.75, 0.5, 0.25]),
        (Schedule("constant"), [1, 1, 1, 1]),
        (Schedule("constant", warmup=3), [0.25, 0.5, 0.75, 1]),
        (Schedule("linear", warmup=2), [1 / 3, 2 / 3, 1, 0.5]),
        (Schedule("cosine", warmup=1), [0.5, 1, 0.75, 0.25]),
    ],
)
def test_curves_of_the_learning_rate(schedule, factors):
    places = []

    def loss(batch):
        places.append(module.offset.item())
        return module.offset

    module = Point()
    train(module, lambda: [0], loss, **{**OPTIONS, "epochs": 4}, schedule=schedule)
    places.append(module.offset.item())
    steps = [before - after for before, after in pairwise(places)]
    assert steps == pytest.approx([0.1 * factor for factor in factors], rel=1e-4)


def test_weights_decay_and_vectors_do_not():
    """Without a gradient a step only takes away its share of each weight: of matrices, not of biases."""
    module = torch.nn.Linear(2, 2)
    weight, bias = module.weight.detach().clone(), module.bias.detach().clone()
    nothing = lambda batch: 0 * (module.weight.sum() + module.bias.sum())  # noqa: E731
    train(module, lambda: [0], nothing, **{**OPTIONS, "epochs": 1}, weight_decay=0.5)
    torch.testing.assert_close(module.weight.detach(), weight * (1 - 0.1 * 0.5))
    assert torch.equal(module.bias.detach(), bias)


def test_steps_are_adams_to_the_bit():
    ours, theirs = Point(), Point()
    train(
        ours, lambda: [0], distance(ours), **{**OPTIONS, "epochs": 20, "clip_norm": 1e9}, schedule=Schedule("constant")
    )
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

    run = train(module, lambda: [0], distance(module), validate=validate, patience=3, **OPTIONS)
    assert run.best_epoch == 3
    assert run.validation_losses == [5.0, 4.0, 3.0, 6.0, 7.0, 8.0]
    assert module.place.tolist() == states[2]


def test_chooses_only_from_the_first_candidate_on():
    module = Point()
    scores = iter([1.0, 2.0, 9.0, 8.0, 10.0, 11.0])
    run = train(
        module, lambda: [0], distance(module), validate=lambda: next(scores), patience=2, first_candidate=3, **OPTIONS
    )
    assert run.best_epoch == 4


def test_stop_after_walks_the_same_path():
    first, second = Point(), Point()
    run = train(first, lambda: [0], distance(first), **{**OPTIONS, "stop_after": 7})
    whole = train(second, lambda: [0], distance(second), **OPTIONS)
    assert run.losses == whole.losses[:7]


def test_progress_is_told_after_every_step():
    module, told = Point(), []
    options = {**OPTIONS, "epochs": 2, "batches_per_epoch": 3}
    train(
        module,
        lambda: [0, 0, 0],
        distance(module),
        phase="trial",
        validate=lambda: 4.0,
        callback=told.append,
        **options,
    )
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
        if batch < 4:
            return value
        kept.append(module.place.tolist())
        return spoil(value, module)

    counter = iter(range(100))
    with pytest.raises(TrainingError, match=message) as fault:
        train(module, lambda: [next(counter)], loss, **OPTIONS)
    assert "step 5 (epoch 5)" in str(fault.value)
    assert module.place.tolist() == kept[0]  # the state after epoch 4, the best so far


def test_a_spoiled_parameter_is_named():
    module = Point()

    def loss(batch):
        module.offset.data.fill_(math.nan)
        return distance(module)(batch)

    with pytest.raises(TrainingError, match="parameter offset holds values that are not finite"):
        train(module, lambda: [0], loss, **OPTIONS)
