"""What a fit does with threads: small networks wait for none that does not run, and forked children for none they lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
import torch

import unrolled
from unrolled.errors import InputError
from unrolled.nn import LSTM
from unrolled.nn.threads import kernel_threads, kernels_apart
from unrolled.training.threads import SMALL, threads_worth_having

HANG = 3600  # seconds that only a hang takes, however busy the machine is


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setenv("UNROLLED_NUM_THREADS", "2")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_small_networks_train_on_one_thread_of_torch_and_on_the_kernels_own(two_threads):
    with suppress(KeyError), threads_worth_having(torch.nn.Linear(9, 9)):
        assert (torch.get_num_threads(), kernel_threads()) == (1, 2)
        with kernels_apart():
            assert (torch.get_num_threads(), kernel_threads()) == (1, 2)
        assert (torch.get_num_threads(), kernel_threads()) == (1, 2)
        raise KeyError
    assert (torch.get_num_threads(), kernel_threads()) == (2, 2)


@pytest.mark.parametrize("wanted", ["1", "2**31", str(2**31), "9" * 5000, "-1", "²"])
def test_the_variable_for_the_librarys_threads_counts_and_is_read_before_the_training(wanted, monkeypatch, two_threads):
    monkeypatch.setenv("UNROLLED_NUM_THREADS", wanted)
    if wanted == "1":
        with kernels_apart():
            assert (torch.get_num_threads(), kernel_threads()) == (1, 1)
        return
    steps = []
    classifier = unrolled.SequenceClassifier(members=1, max_epochs=1, hidden_size=4, callback=steps.append)
    with pytest.raises(InputError, match=r"UNROLLED_NUM_THREADS=.{1,40}: expected a whole number from 1 to 1024"):
        classifier.fit(np.zeros((4, 3, 1)), ["a", "b"] * 2)
    assert steps == []
    assert (torch.get_num_threads(), kernel_threads()) == (2, 2)


def test_large_networks_keep_the_threads_of_torch(two_threads):
    with threads_worth_having(torch.nn.Embedding(SMALL // 8, 8)):
        assert (torch.get_num_threads(), kernel_threads()) == (2, 2)


def test_apart_or_not_the_bits_are_the_same(two_threads):
    def passes():
        torch.manual_seed(0)
        layer, x = LSTM(16, 64, 2), torch.randn(30, 8, 16, requires_grad=True)
        y, _ = layer(x)
        y.square().sum().backward()
        return [y, x.grad, *(p.grad for p in layer.parameters())]

    together = passes()
    with kernels_apart():
        apart = passes()
    assert all(torch.equal(a, b) for a, b in zip(together, apart, strict=True))


def make_estimator(kind):
    """An estimator that trains for a moment, and what it trains on."""
    rng = np.random.default_rng(0)
    small = {"members": 1, "max_epochs": 2, "random_state": 0}
    steps, texts = rng.normal(size=(40, 20, 4)), ["good film", "bad film indeed"] * 20
    labels, numbers, channels = ["a", "b"] * 20, rng.normal(size=40), rng.normal(size=(400, 2))
    return {
        "numbers": lambda: unrolled.SequenceClassifier(**small, hidden_size=33).fit(steps, labels),
        "texts": lambda: unrolled.SequenceClassifier(**small, hidden_size=8, embedding_size=4, character_size=4).fit(
            texts, labels
        ),
        "regressor": lambda: unrolled.SequenceRegressor(**small, hidden_size=33).fit(steps, numbers),
        "forecaster": lambda: unrolled.Forecaster(**small, horizon=4, hidden_size=33, season_length=4).fit(
            np.sin(np.arange(160.0)) + np.arange(160.0) / 100
        ),
        "detector": lambda: unrolled.AnomalyDetector(**{**small, "max_epochs": 1}, hidden_size=33, window=8).fit(
            channels
        ),
    }[kind]


def saved(model, path):
    model.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["numbers", "texts", "forecaster"])
def test_the_model_does_not_depend_on_the_number_of_threads(kind, two_threads, tmp_path):
    two = saved(make_estimator(kind)(), tmp_path / "two")
    torch.set_num_threads(1)
    assert saved(make_estimator(kind)(), tmp_path / "one") == two


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork")
@pytest.mark.filterwarnings("ignore:os.fork")  # of JAX, where other tests loaded it
@pytest.mark.filterwarnings("ignore:an alarm is a score above")
@pytest.mark.parametrize("kind", ["numbers", "texts", "regressor", "forecaster", "detector"])
def test_fault_34_fit_in_a_forked_child_after_a_fit_and_loops_of_torch(kind, two_threads, tmp_path):
    fit = make_estimator(kind)
    expected = saved(fit(), tmp_path / "parent")
    torch.randn(600, 600) @ torch.randn(600, 600)
    torch.randn(1_000_000).exp()  # the team has worked
    child = os.fork()
    if child == 0:
        signal.alarm(HANG)
        code = 3
        with suppress(BaseException):
            torch.randn(1_000_000).exp()
            code = 0 if saved(fit(), tmp_path / "child") == expected else 4
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert torch.get_num_threads() == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.starts_python
def test_fault_34_a_pool_of_children_of_a_process_that_used_torch_alone():
    """The library is imported in the children only."""
    program = """
import multiprocessing, warnings
import numpy as np, torch
warnings.simplefilter("ignore")
torch.set_num_threads(2)
torch.randn(1_000_000).exp()

def fit(seed):
    import unrolled
    X = np.random.default_rng(seed).normal(size=(16, 8, 2))
    return unrolled.SequenceClassifier(members=1, max_epochs=1, hidden_size=4, random_state=0).fit(X, ["a", "b"] * 8).epochs_

if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(fit, range(2)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=HANG)
    assert done.stdout.strip() == "[[1], [1]]", done.stderr
