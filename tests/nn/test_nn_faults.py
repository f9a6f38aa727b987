"""Bad and odd tensors: an error that names the culprit, or exactly the right result."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch

from unrolled.errors import InputError
from unrolled.kernels import memory
from unrolled.nn import GRU, LSTM, RNN
from unrolled.nn.errors import TensorError

MODULES = [RNN(3, 4, 2), LSTM(3, 4, bidirectional=True), GRU(3, 4), GRU(3, 4, reset_after=False)]
modules = pytest.mark.parametrize("module", MODULES, ids=str)


def last_states(module, batch, dtype=torch.float32):
    shape = (module.num_layers * (2 if module.bidirectional else 1), batch, module.hidden_size)
    states = tuple(torch.randn(shape, dtype=dtype) for _ in range(2 if isinstance(module, LSTM) else 1))
    return states if len(states) == 2 else states[0]


@modules
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.complex64])
def test_fault_13_wrong_dtype_names_both(module, dtype):
    x = torch.zeros(5, 2, 3, dtype=dtype)
    with pytest.raises(InputError, match=f"{dtype}.*torch.float32"):
        module(x)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_fault_13_dtype_without_kernels(dtype):
    with pytest.raises(TensorError, match=f"float32 and float64, got {dtype}"):
        GRU(3, 4, dtype=dtype)(torch.zeros(5, 2, 3, dtype=dtype))


@modules
def test_fault_13_states_of_another_dtype_or_device(module):
    with pytest.raises(RuntimeError, match=r"h_0 is torch.float64 on cpu, the input is torch.float32 on cpu"):
        module(torch.zeros(5, 2, 3), last_states(module, 2, torch.float64))
    with pytest.raises(RuntimeError, match="the input is on meta, the parameters are on cpu"):
        module(torch.zeros(5, 2, 3, device="meta"))


def test_fault_13_what_is_no_tensor():
    with pytest.raises(TypeError, match="expected a tensor as input, got ndarray"):
        GRU(3, 4)(np.zeros((5, 2, 3), np.float32))
    with pytest.raises(TypeError, match="h_0: expected a tensor, got tuple"):
        GRU(3, 4)(torch.zeros(5, 2, 3), (torch.zeros(1, 2, 4), torch.zeros(1, 2, 4)))
    with pytest.raises(TypeError, match=r"hx must hold the tensors \(h_0, c_0\), got Tensor"):
        LSTM(3, 4)(torch.zeros(5, 2, 3), torch.zeros(1, 2, 4))


def gradients(module, x, hx, grad):
    x = x if x.requires_grad else x.detach().requires_grad_()
    y, _ = module(x, hx)
    return y, *torch.autograd.grad(y, [x, *module.parameters()], grad)


def batch_last(tensor):
    """The same numbers, the second dimension's side by side in memory."""
    return tensor.transpose(1, 2).contiguous().transpose(1, 2)


@modules
def test_fault_14_strides_do_not_matter(module):
    plain = torch.randn(5, 6, 3)
    H = module.hidden_size * (2 if module.bidirectional else 1)
    hx, grad = last_states(module, 6), torch.randn(5, 6, H)
    expected = gradients(module, plain, hx, grad)
    every_other = torch.zeros(10, 12, 6)
    every_other[::2, 1::2, ::2] = plain
    moved = tuple(map(batch_last, hx)) if isinstance(hx, tuple) else batch_last(hx)
    for x in (batch_last(plain), plain.transpose(0, 2).contiguous().transpose(0, 2), every_other[::2, 1::2, ::2]):
        before = x.clone()
        actual = gradients(module, x, moved, batch_last(grad))
        for a, b in zip(actual, expected, strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-6)
        assert torch.equal(x, before)


@modules
def test_fault_14_expanded_tensors(module):
    one = torch.randn(1, 1, 3)
    y, _ = module(one.expand(5, 2, 3))
    expected, _ = module(one.repeat(5, 2, 1))
    assert torch.equal(y, expected)
    x = torch.randn(5, 2, 3, requires_grad=True)
    y, _ = module(x)
    expanded = torch.autograd.grad(y, x, torch.ones(1, 1, 1).expand_as(y), retain_graph=True)[0]
    assert torch.equal(expanded, torch.autograd.grad(y, x, torch.ones_like(y))[0])


def test_fault_14_strided_parameters():
    gru, x = GRU(3, 4), torch.randn(5, 2, 3)
    y, _ = gru(x)
    for name, parameter in gru.named_parameters():
        wide = torch.zeros(*parameter.shape[:-1], 2 * parameter.shape[-1])
        wide[..., ::2] = parameter.detach()
        setattr(gru, name, torch.nn.Parameter(wide[..., ::2]))
    assert torch.allclose(gru(x)[0], y, rtol=0, atol=1e-6)
    gru(x)[0].sum().backward()


@modules
def test_fault_14_read_only_memory(module):
    array = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    copied = array.copy()
    array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch warns that it cannot guard the memory
        x = torch.from_numpy(array)
    y, _ = module(x)
    y.sum().backward()
    assert torch.equal(y, module(torch.from_numpy(copied))[0])
    assert np.array_equal(array, copied)


@modules
def test_fault_15_a_row_without_steps(module):
    x = torch.randn(5, 3, 3, requires_grad=True)
    hx = last_states(module, 3)
    y, last = module(x, hx, lengths=[5, 0, 2])
    assert (y[:, 1] == 0).all()
    for end, start in zip(*(s if isinstance(s, tuple) else (s,) for s in (last, hx)), strict=True):
        assert torch.equal(end[:, 1], start[:, 1])
    (y.sum() + (last[0] if isinstance(last, tuple) else last).sum()).backward()
    assert (x.grad[:, 1] == 0).all()
    for tensor in (x.grad, *(p.grad for p in module.parameters())):
        assert torch.isfinite(tensor).all()
    module.zero_grad()


@modules
def test_fault_17_no_time_steps(module):
    for x in (torch.zeros(0, 2, 3), torch.zeros(0, 3)):
        with pytest.raises(ValueError, match="has no time steps") as caught:
            module(x)
        assert isinstance(caught.value, RuntimeError)  # what torch raises


@modules
@pytest.mark.parametrize("lengths", [None, []], ids=["padded", "lengths"])
def test_fault_17_no_sequences(module, lengths):
    x = torch.zeros(5, 0, 3, requires_grad=True)
    y, last = module(x, lengths=lengths)
    theirs = getattr(torch.nn, type(module).__name__)(3, 4, module.num_layers, bidirectional=module.bidirectional)
    expected, expected_last = theirs(x)
    assert y.shape == expected.shape
    for a, b in zip(last, expected_last, strict=True):
        assert a.shape == b.shape
    y.sum().backward()
    assert x.grad.shape == x.shape
    for parameter in module.parameters():
        assert (parameter.grad == 0).all()
    module.zero_grad()


@pytest.mark.parametrize(
    ("x", "hx", "error", "message"),
    [
        ((5, 2, 7), None, RuntimeError, "Expected 3, got 7"),
        ((5, 7), None, RuntimeError, "Expected 3, got 7"),
        ((5,), None, ValueError, "2D or 3D, got 1D"),
        ((1, 5, 2, 3), None, ValueError, "2D or 3D, got 4D"),
        ((5, 2, 3), (1, 3, 4), RuntimeError, r"h_0 of size \(1, 2, 4\), got \(1, 3, 4\)"),
        ((5, 2, 3), (2, 2, 4), RuntimeError, r"got \(2, 2, 4\)"),
        ((5, 2, 3), (1, 2, 5), RuntimeError, r"got \(1, 2, 5\)"),
        ((5, 2, 3), (2, 4), RuntimeError, "batched 3-D input, h_0 should be 3-D"),
        ((5, 3), (1, 1, 4), RuntimeError, "unbatched 2-D input, h_0 should be 2-D"),
        ((5, 3), (2, 4), RuntimeError, r"h_0 of size"),
    ],
)
def test_fault_18_wrong_sizes(x, hx, error, message):
    theirs = torch.nn.GRU(3, 4)
    for module in (GRU(3, 4), theirs):
        with pytest.raises(error, match=message if module is not theirs else None) as caught:
            module(torch.zeros(x), None if hx is None else torch.zeros(hx))
        assert module is theirs or isinstance(caught.value, InputError)


def test_fault_18_wrong_cell_state():
    with pytest.raises(RuntimeError, match=r"c_0 of size \(1, 2, 4\), got \(1, 1, 4\)"):
        LSTM(3, 4)(torch.zeros(5, 2, 3), (torch.zeros(1, 2, 4), torch.zeros(1, 1, 4)))


@pytest.mark.parametrize("sizes", [(3, 2**40), (2**40, 3), (2**62, 2**62), (3, 2**18), (3, 4, 2**50)], ids=str)
def test_fault_19_parameters_that_no_memory_holds(sizes):
    with pytest.raises(RuntimeError, match=r"the parameters of input_size=.* GiB of memory") as caught:
        GRU(*sizes)
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize("lengths", [None, [2**40]], ids=["padded", "lengths"])
def test_fault_19_steps_that_no_memory_holds(lengths):
    x = torch.zeros(1, 1, 3).expand(2**40, 1, 3)
    with pytest.raises(TensorError, match="of all steps need"):
        GRU(3, 4)(x, lengths=lengths)


def test_fault_19_meta_tensors_need_no_memory():
    assert LSTM(3, 2**20, device="meta").weight_hh_l0.shape == (2**22, 2**20)
    with torch.device("meta"):
        assert GRU(3, 2**20).weight_hh_l0.is_meta


def test_fault_19_the_containers_limit_counts(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_CONTAINER_LIMIT", limit)
    for text, fits in (("max\n", True), ("1048576\n", False)):
        limit.write_text(text)
        memory._available.cache_clear()
        if fits:
            GRU(3, 1000)
        else:
            with pytest.raises(TensorError, match=re.escape("than the 0.0 GiB there are")):
                GRU(3, 1000)
    memory._available.cache_clear()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@modules
def test_fault_20_huge_inputs_stay_finite(module, dtype):
    module = type(module)(3, 4, **({"reset_after": module.reset_after} if isinstance(module, GRU) else {}), dtype=dtype)
    x = (1e20 * torch.randn(6, 4, 3, dtype=dtype).sign()).requires_grad_()
    y, _ = module(x)
    y.sum().backward()
    for tensor in (y, x.grad, *(p.grad for p in module.parameters())):
        assert torch.isfinite(tensor).all()


@modules
def test_fault_20_nan_in_gives_nan_out(module):
    x = torch.randn(5, 3, 3)
    x[2, 1, 0] = torch.nan
    clean = torch.nan_to_num(x)
    with torch.no_grad():
        y, last = module(x)
        expected, _ = module(clean)
    others = [0, 2]
    assert torch.isfinite(y[:, others]).all()
    assert torch.allclose(y[:, others], expected[:, others], rtol=0, atol=1e-6)
    assert torch.isnan(y[2:, 1]).all() if not module.bidirectional else torch.isnan(y[2, 1]).all()
    assert torch.isnan((last[0] if isinstance(last, tuple) else last)[-1, 1]).all()


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("value", [torch.inf, -torch.inf, torch.nan])
def test_fault_20_what_is_not_finite_spreads_as_in_torch(name, value, twins):
    theirs, ours = twins(name, 3, 4, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    x[1, 0, 2] = value
    y, _ = ours(x)
    expected, _ = theirs(x)
    assert torch.allclose(y, expected, rtol=0, atol=1e-12, equal_nan=True)
    assert torch.isnan(y).any() == torch.isnan(torch.tensor(value))
