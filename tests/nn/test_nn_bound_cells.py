"""Single steps without autograd: weights stay arranged, and nothing shows it."""

from __future__ import annotations

import copy
import io
import pickle
import threading

import pytest
import torch
from torch.autograd import forward_ad
from torch.nn.utils import parametrize

from unrolled import nn
from unrolled.errors import InputError

I, H = 5, 9
CELLS = {
    "rnn": nn.RNNCell,
    "relu": lambda *a, **k: nn.RNNCell(*a, nonlinearity="relu", **k),
    "softsign": lambda *a, **k: nn.RNNCell(*a, nonlinearity="softsign", **k),
    "lstm": nn.LSTMCell,
    "gru": nn.GRUCell,
    "before": lambda *a, **k: nn.GRUCell(*a, reset_after=False, **k),
}


def example(make, batch=3, dtype=torch.float32, **options):
    """A cell, an input and states as it takes them."""
    torch.manual_seed(0)
    cell = make(I, H, dtype=dtype, **options)
    rows = () if batch is None else (batch,)
    x, h, c = (torch.randn(*rows, size, dtype=dtype) for size in (I, H, H))
    return cell, x, (h, c) if isinstance(cell, nn.LSTMCell) else h


def usual(cell, *arguments):
    """The way that autograd follows."""
    with torch.enable_grad():
        out = cell(*arguments)
    return tuple(each.detach() for each in (out if isinstance(out, tuple) else (out,)))


def at_once(cell, *arguments):
    with torch.no_grad():
        out = cell(*arguments)
    return out if isinstance(out, tuple) else (out,)


def same(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.numpy().tobytes() == b.numpy().tobytes()


@pytest.fixture
def only_at_once(monkeypatch):
    """Nothing may go the usual way meanwhile."""

    def forbid():
        monkeypatch.setattr("unrolled.nn.cell.layer", lambda *_: pytest.fail("not at once"))

    yield forbid
    monkeypatch.undo()


@pytest.mark.parametrize("batch", [None, 1, 3, 70])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_the_bits_that_autograd_would_see(make, dtype, bias, batch, only_at_once):
    cell, x, hx = example(make, batch, dtype, bias=bias)
    expected, from_zero = usual(cell, x, hx), usual(cell, x)
    only_at_once()
    same(at_once(cell, x, hx), expected)
    same(at_once(cell, x), from_zero)
    with torch.inference_mode():
        found = cell(x, hx)
    found = found if isinstance(found, tuple) else (found,)
    assert all(each.is_inference() for each in found)
    same(found, expected)


def half_the_data(cell):
    cell.weight_hh.data.mul_(0.5)


def through_numpy(cell):
    cell.weight_ih.detach().numpy()[0, 0] += 1


def by_an_optimizer(cell):
    cell.bias_hh.grad = torch.ones_like(cell.bias_hh)
    torch.optim.SGD([cell.bias_hh], 0.1).step()


def another_parameter(cell):
    cell.weight_ih = torch.nn.Parameter(torch.randn_like(cell.weight_ih))


def other_data(cell):
    cell.bias_ih.data = torch.randn_like(cell.bias_ih)


def turned(cell):
    cell.weight_hh.data = torch.randn(H, len(cell.weight_hh)).T


def loaded(cell):
    cell.load_state_dict({name: value + 1 for name, value in cell.state_dict().items()})


def without_a_bias(cell):
    cell.bias_ih = None


CHANGES = [half_the_data, through_numpy, by_an_optimizer, another_parameter, other_data, turned, loaded]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_changed_weights_count_from_the_next_step_on(make, change):
    cell, x, hx = example(make)
    before = at_once(cell, x, hx)
    change(cell)
    after = at_once(cell, x, hx)
    same(after, usual(cell, x, hx))
    assert not torch.equal(after[0], before[0])
    same(at_once(cell, x, hx), after)


def test_the_same_memory_read_in_another_order():
    cell, x, h = example(nn.RNNCell)
    before = at_once(cell, x, h)
    cell.weight_hh.data = cell.weight_hh.data.T
    after = at_once(cell, x, h)
    same(after, usual(cell, x, h))
    assert not torch.equal(after[0], before[0])


def test_weights_of_another_dtype():
    cell, x, hx = example(nn.LSTMCell)
    at_once(cell, x, hx)
    cell.double()
    wide = x.double(), tuple(state.double() for state in hx)
    same(at_once(cell, *wide), usual(cell, *wide))
    with pytest.raises(InputError):
        at_once(cell, x, hx)
    cell.bfloat16()
    half = x.bfloat16(), tuple(state.bfloat16() for state in hx)
    assert torch.equal(at_once(cell, *half)[0], usual(cell, *half)[0])
    cell.to("meta")
    x, *hx = (each.to("meta") for each in (half[0], *half[1]))
    assert at_once(cell, x, tuple(hx))[0].is_meta


@pytest.mark.parametrize("make", [nn.LSTMCell, nn.GRUCell])
def test_tensors_that_do_not_lie_as_the_kernels_read(make):
    cell, x, hx = example(make)
    expected = at_once(cell, x, hx)
    strided = torch.zeros(3, 2 * I)[:, ::2]
    strided.copy_(x)
    minus = torch.complex(torch.zeros_like(x), -x).conj().imag
    assert minus.is_neg()
    h = hx[0] if isinstance(hx, tuple) else hx
    other = h.T.contiguous().T
    others = (other, hx[1]) if isinstance(hx, tuple) else other
    for given, states in ((strided, hx), (minus, hx), (x, others)):
        same(at_once(cell, given, states), expected)
    learned = x.clone().requires_grad_()
    same(at_once(cell, learned, hx), expected)
    many = torch.randn(1100, I)
    same(at_once(cell, many), usual(cell, many))
    assert at_once(cell, x[:0])[0].shape == (0, H)


@pytest.mark.parametrize("make", [nn.LSTMCell, nn.GRUCell])
def test_what_does_not_fit_is_refused_as_with_autograd(make):
    cell, x, hx = example(make)
    pair = isinstance(hx, tuple)
    h = hx[0] if pair else hx
    wrong = [
        (x[:, :-1], hx),
        (x.double(), hx),
        (x[None], hx),
        (x[0], hx),
        (x.tolist(), hx),
        (x, (h[:2], h[:2]) if pair else h[:2]),
        (x, (h[:, :3], h) if pair else h[:, :3]),
        (x, (h, h.double()) if pair else h.double()),
        (x, (h[0], h[0]) if pair else h[0]),
        (x, (h, None) if pair else 3.0),
        (x, h if pair else (h, h)),
    ]
    for arguments in wrong:
        errors = []
        for way in (usual, at_once):
            with pytest.raises((InputError, AttributeError)) as caught:
                way(cell, *arguments)
            errors.append((caught.type, str(caught.value)))
        assert errors[0] == errors[1]


def test_what_is_returned_is_the_callers_own():
    cell, x, (h, c) = example(nn.LSTMCell)
    kept = [each.clone() for each in (x, h, c)]
    first, second = at_once(cell, x, (h, c)), at_once(cell, x, (h, c))
    first[0].add_(1)
    assert torch.equal(second[0] + 1, first[0])
    same([x, h, c], kept)
    assert len({each.data_ptr() for each in (x, h, c, *first, *second)}) == 7


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's tracer, about itself
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_transforms_and_traces_follow_as_before():
    cell, x, h = example(nn.GRUCell)
    at_once(cell, x, h)
    with torch.no_grad():
        batched = torch.func.vmap(cell, in_dims=(0, None))(x.expand(2, 3, I), h)
        torch.testing.assert_close(batched[1], cell(x, h))
        _, tangent = torch.func.jvp(lambda x: cell(x, h), (x,), (torch.ones_like(x),))
        traced = torch.jit.trace(cell, (x, h), check_trace=False)
        assert torch.equal(traced(x + 1, h), cell(x + 1, h))
        others = {name: p + 1 for name, p in cell.named_parameters()}
        found = torch.func.functional_call(cell, others, (x, h))
    expected = torch.func.functional_call(cell, others, (x, h)).detach()
    assert torch.equal(found, expected)
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(cell(forward_ad.make_dual(x, torch.ones_like(x)), h)).tangent
    torch.testing.assert_close(tangent, dual.detach())
    assert tangent.abs().max() > 0
    with torch.device("meta"):  # where new tensors lie by default
        same(at_once(cell, x), usual(cell, x))


def test_weights_that_are_made_of_others():
    class Twice(torch.nn.Module):
        def forward(self, weight):
            return 2 * weight

    cell, x, h = example(nn.GRUCell)
    before = at_once(cell, x, h)
    for name in ("bias_ih", "weight_hh"):
        parametrize.register_parametrization(cell, name, Twice())
        after = at_once(cell, x, h)
        same(after, usual(cell, x, h))
        assert not torch.equal(after[0], before[0])
        before = after
    cell, x, h = example(nn.GRUCell)
    weight_ih, weight_hh = cell.weight_ih, cell.weight_hh
    del cell.weight_ih, cell.weight_hh
    cell.weight_ih, cell.weight_hh = weight_ih.detach() * 3, weight_hh.detach()  # no parameters any more
    same(at_once(cell, x, h), usual(cell, x, h))


def test_copies_files_and_the_state_are_as_before():
    cell, x, h = example(nn.GRUCell)
    names = list(cell.state_dict())
    expected = at_once(cell, x, h)
    assert list(cell.state_dict()) == names == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert len(list(cell.buffers())) == 0
    file = io.BytesIO()
    torch.save(cell, file)
    file.seek(0)
    for other in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell)), torch.load(file, weights_only=False)):
        same(at_once(other, x, h), expected)
        with torch.no_grad():
            other.weight_hh.add_(1)
        assert not torch.equal(at_once(other, x, h)[0], expected[0])
        same(at_once(cell, x, h), expected)


def test_threads_that_use_one_cell():
    cell, _, _ = example(nn.LSTMCell)
    x = torch.randn(4, 50, 2, I)
    found = [None] * 4

    def run(own):
        with torch.no_grad():
            states, hidden = None, []
            for now in x[own]:
                states = cell(now, states)
                hidden.append(states[0])
            found[own] = torch.stack(hidden)

    threads = [threading.Thread(target=run, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    layer = nn.LSTM(I, H)
    layer.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    for own in range(4):
        assert torch.equal(found[own], layer(x[own])[0])
