"""Every network gets the same updates on the same batches; nothing is chosen on the test part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from unrolled.comparison.family import network_family
from unrolled.comparison.learning import learn
from unrolled.comparison.live_memory import peak_bytes


def problem_of(task, name, width=8):
    family = network_family(name)
    return task.problem(lambda: task.make(family, family.config(task.context, width)))


@pytest.mark.parametrize("kind", ["series", "classes", "tags", "text"])
def test_all_families_see_the_same_batches(kind, request):
    task = request.getfixturevalue(kind)
    seen = {}
    for name in ("rnn", "tcn", "feed-forward"):
        problem = problem_of(task, name)
        kept = seen.setdefault(name, [])

        def loss(module, batch, problem=problem, kept=kept):
            kept.append(batch)
            return problem.loss(module, batch)

        found = learn(replace(problem, loss=loss), 0.003, 25, 0, task.batch_size, lambda share: None)
        assert len(kept) == 25
        assert len(found.losses) == len(found.seconds) == 9  # after every third update, and the last
    first, *others = seen.values()
    for other in others:
        for a, b in zip(first, other, strict=True):
            for one, two in zip(a, b, strict=True):
                np.testing.assert_array_equal(one, two)


def test_a_network_is_in_its_best_state(series):
    problem = problem_of(series, "gru")
    shares = []
    found = learn(problem, 0.01, 40, 0, 16, shares.append)
    with torch.no_grad():
        assert problem.validate(found.module) == pytest.approx(min(found.losses), rel=1e-6)
    assert shares == pytest.approx(np.arange(1, 41) / 40)
    assert not found.module.training
    assert all(a < b for a, b in zip(found.seconds[:-1], found.seconds[1:], strict=True))
    assert found.reached(found.losses[0]) == found.seconds[0]
    assert found.reached(0.0) is None


def test_a_loss_that_explodes_is_no_network(series):
    assert learn(problem_of(series, "rnn_relu"), 1e12, 20, 0, 16, lambda share: None) is None


def test_live_memory_is_that_of_the_tensors_that_are_alive():
    def run():
        a = torch.zeros(1000)  # 4000
        b = a + 1  # 8000
        del a
        c = b.view(10, 100)  # the same storage
        return c * 2  # 8000

    assert peak_bytes(run) == 8000


def test_live_memory_counts_what_is_kept_for_the_backward_pass():
    """Of a product of two vectors its inputs are kept, and of a sum nothing."""
    x = torch.zeros(1000, requires_grad=True)

    def squares():
        y = x
        for _ in range(5):
            y = y * y
        return y

    def sums():
        y = x
        for _ in range(5):
            y = y + 1
        return y

    assert peak_bytes(squares) == 20_000
    assert peak_bytes(sums) == 8_000
