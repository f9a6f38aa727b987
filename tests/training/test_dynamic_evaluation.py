"""A model that goes on learning while it is measured: by hand with torch's own layers; it never sees what it is asked."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from unrolled import InputError, SequenceGenerator
from unrolled.networks.next_step import NextStep, NextStepConfig
from unrolled.networks.stack import StackConfig
from unrolled.networks.symbol_head import SymbolHeadConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.training.dynamic_evaluation import DECAY, dynamic_log_likelihoods
from unrolled.training.engine import NetworkModule, NetworkOptions

SYMBOLS, E, H = 5, 4, 6
CONFIG = NextStepConfig(StackConfig("lstm", E, H, 1), SymbolHeadConfig(SYMBOLS, E))
TEXT = np.random.default_rng(0).integers(1, SYMBOLS, 50)


@pytest.fixture(scope="module")
def tensors():
    torch.manual_seed(0)
    return NetworkModule(NextStep, CONFIG, NetworkOptions()).tensors()


def test_without_a_rate_it_is_what_the_runtime_says(tensors):
    found = dynamic_log_likelihoods(CONFIG, tensors, TEXT, rate=0.0, segment=7)
    expected = NextStep(KernelEngine(tensors), CONFIG).log_likelihoods_carried(TEXT)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_every_segment_is_foreseen_by_weights_that_learned_from_those_before(tensors):
    rate, segment = 0.7, 7
    start = {name: torch.from_numpy(np.array(each)) for name, each in tensors.items()}
    lstm = torch.nn.LSTM(E, H)
    lstm.load_state_dict({name[4:]: each for name, each in start.items() if name.startswith("rnn.")})
    own = {f"rnn.{name}": each for name, each in lstm.named_parameters()}
    own |= {name: each.clone().requires_grad_() for name, each in start.items() if name.startswith("head.")}
    state, read, expected = None, [SYMBOLS + 1, *TEXT[:-1].tolist()], []
    for at in range(0, len(TEXT), segment):
        y, (h, c) = lstm(own["head.symbols"][read[at : at + segment]][:, None], state)
        state, said = (h.detach(), c.detach()), TEXT[at : at + segment]
        scores = y[:, 0] @ own["head.scores.weight"].T + own["head.scores.bias"]
        log_p = torch.log_softmax(scores, 1)[range(len(said)), said]
        expected += log_p.tolist()
        gradients = torch.autograd.grad(-log_p.mean(), list(own.values()))
        with torch.no_grad():
            for (name, parameter), gradient in zip(own.items(), gradients, strict=True):
                parameter += DECAY * (start[name] - parameter) - rate * gradient
    found = dynamic_log_likelihoods(CONFIG, tensors, TEXT, rate=rate, segment=segment)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_comes_later_changes_nothing(tensors):
    other = TEXT.copy()
    other[24:] = 1
    one, two = (dynamic_log_likelihoods(CONFIG, tensors, text, rate=0.5, segment=10) for text in (TEXT, other))
    np.testing.assert_array_equal(one[:20], two[:20])
    np.testing.assert_allclose(one[20:24], two[20:24], rtol=1e-5)


def test_what_comes_again_is_less_of_a_surprise_and_the_model_stays():
    model = SequenceGenerator(hidden_size=16, max_epochs=5, learning_rate=0.02, batch_size=4, random_state=0)
    model.fit("one two three four five six seven eight nine ten " * 8)
    text = "ten two one " * 40
    before = model.evaluate(text)
    found = model.evaluate(text, dynamic=0.5)
    assert found["nats"] < 0.8 * before["nats"]
    assert set(found) == set(before)
    assert model.evaluate(text) == before


def test_it_is_refused_where_it_means_nothing():
    pieces = SequenceGenerator(hidden_size=4, max_epochs=1).fit(["a", "b"] * 5)
    with pytest.raises(InputError, match="it is for models of one long text"):
        pieces.evaluate(["a"], dynamic=0.1)
    text = SequenceGenerator(hidden_size=4, max_epochs=1).fit("one two " * 9)
    with pytest.raises(InputError, match="dynamic is 0, expected above 0"):
        text.evaluate("one", dynamic=0)


def test_without_torch_it_says_what_is_missing(tmp_path):
    SequenceGenerator(hidden_size=4, max_epochs=1).fit("one two " * 9).save(tmp_path / "model")
    code = f"""
import sys
sys.modules["torch"] = None
import unrolled
try:
    unrolled.load({str(tmp_path / "model")!r}).evaluate("one two", dynamic=0.1)
except unrolled.MissingExtraError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "dynamic evaluation" in said
