"""The kernels share torch's OpenMP team, and a forked child is not left waiting for it."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from unrolled.kernels import _native
from unrolled.nn import LSTM
from unrolled.nn.threads import share_torch_threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_torch_lends_its_team_and_the_bits_stay(two_threads):
    layer, x = LSTM(16, 64), torch.randn(30, 8, 16)
    with torch.no_grad():
        lent = layer(x)[0]
        _native.borrow_threads(0)
        own = layer(x)[0]
        assert share_torch_threads() == bool(torch.backends.openmp.is_available())
    assert torch.equal(lent, own)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork")
@pytest.mark.filterwarnings("ignore:os.fork")  # of JAX, where other tests loaded it
def test_fault_34_a_forked_child_has_workers_of_its_own(two_threads):
    layer, x = LSTM(16, 64), torch.randn(30, 8, 16)
    weights = [p.detach().numpy() for p in layer.parameters()]
    with torch.no_grad():
        layer(x)
    from unrolled.runtime.recurrent import RecurrentLayer

    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    served = RecurrentLayer("lstm", dict(zip(names, weights, strict=True)))
    expected = served(x.numpy())[0].tobytes()
    child = os.fork()
    if child == 0:
        signal.alarm(3600)  # a child that waits for threads it does not have must not hang the suite for ever
        os._exit(0 if served(x.numpy())[0].tobytes() == expected else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
