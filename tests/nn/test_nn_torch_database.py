"""Every input that torch tests its own six recurrent modules with: the same outputs, gradients and errors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

import unrolled.nn

database = pytest.importorskip("torch.testing._internal.common_modules", reason="needs expecttest")

NAMES = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
BOUND = {torch.float32: 1e-5, torch.float64: 1e-12}


INFOS = [info for info in database.module_db if info.module_cls in [getattr(torch.nn, name) for name in NAMES]]
of_every_class = pytest.mark.parametrize("info", INFOS, ids=lambda info: info.module_cls.__name__)


def tensors(value) -> Iterator[torch.Tensor]:
    if isinstance(value, PackedSequence):
        yield value.data
    elif isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from tensors(each)


def fresh(value):
    """The same numbers in leaves of their own."""
    if isinstance(value, PackedSequence):
        return value._replace(data=fresh(value.data))
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_()
    return type(value)(map(fresh, value)) if isinstance(value, (tuple, list)) else value


def test_the_six_classes_are_there():
    assert sorted(info.module_cls.__name__ for info in INFOS) == sorted(NAMES)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # of torch's own module
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("dtype", list(BOUND), ids=str)
@of_every_class
def test_outputs_and_gradients(info, dtype, training):
    samples = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training)
    assert samples
    for sample in samples:
        made = sample.constructor_input
        theirs = info.module_cls(*made.args, **made.kwargs).to(dtype).train(training)
        ours = getattr(unrolled.nn, info.module_cls.__name__)(*made.args, **made.kwargs).to(dtype).train(training)
        ours.load_state_dict(theirs.state_dict())
        results = []
        for module in (ours, theirs):
            given = fresh(sample.forward_input.args)
            outputs = list(tensors(module(*given)))
            torch.manual_seed(0)
            loss = sum((torch.randn_like(y) * y).sum() for y in outputs)
            inputs = [*tensors(given), *module.parameters()]
            results.append([*outputs, *torch.autograd.grad(loss, inputs)])
        for a, b in zip(*results, strict=True):
            assert a.shape == b.shape
            assert (a - b).abs().max() <= BOUND[dtype], made


@of_every_class
def test_errors(info):
    count = 0
    for dtype in BOUND:
        for error in info.module_error_inputs_func(
            info, device="cpu", dtype=dtype, requires_grad=False, training=False
        ):
            sample = error.module_error_input
            made = sample.constructor_input

            def provoke(sample=sample, made=made, dtype=dtype):
                module = getattr(unrolled.nn, info.module_cls.__name__)(*made.args, **made.kwargs)
                if not made.kwargs.get("dtype"):
                    module = module.to(dtype)
                module(*sample.forward_input.args, **sample.forward_input.kwargs)

            with pytest.raises(error.error_type):
                provoke()
            count += 1
    assert count
