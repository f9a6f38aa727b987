"""The modules as torch modules: construction, parameters, copies, state dictionaries, refusals."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch.nn.utils import parametrize, prune
from torch.nn.utils.rnn import pack_sequence

import unrolled.nn
from unrolled.errors import InputError
from unrolled.nn import GRU, LSTM, RNN

NAMES = ["RNN", "LSTM", "GRU"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("options", [{}, {"num_layers": 3, "bidirectional": True}, {"bias": False}], ids=str)
def test_the_same_seed_makes_the_same_parameters(name, options):
    torch.manual_seed(7)
    theirs = getattr(torch.nn, name)(5, 4, **options)
    after_theirs = torch.rand(3)
    torch.manual_seed(7)
    ours = getattr(unrolled.nn, name)(5, 4, **options)
    assert torch.equal(torch.rand(3), after_theirs)
    for (a, p), (b, q) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
        assert a == b
        assert torch.equal(p, q)
    assert len(ours.all_weights) == len(theirs.all_weights)
    assert isinstance(ours, torch.nn.modules.rnn.RNNBase)


@pytest.mark.parametrize("name", NAMES)
def test_state_dictionaries_both_ways(name, assert_close):
    options = {"num_layers": 2, "bidirectional": True, "dtype": torch.float64}
    theirs, ours = (getattr(library, name)(3, 4, **options) for library in (torch.nn, unrolled.nn))
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    theirs.load_state_dict(ours.state_dict())
    assert_close(theirs(x)[0], ours(x)[0])
    with torch.no_grad():
        theirs.weight_hh_l1_reverse.mul_(2)
    ours.load_state_dict(theirs.state_dict())
    assert_close(theirs(x)[0], ours(x)[0])


@pytest.mark.parametrize("name", NAMES)
def test_repr_is_torchs(name):
    arguments = {"num_layers": 2, "bias": False, "batch_first": True, "dropout": 0.5, "bidirectional": True}
    assert repr(getattr(unrolled.nn, name)(3, 4, **arguments)) == repr(getattr(torch.nn, name)(3, 4, **arguments))
    assert repr(getattr(unrolled.nn, name)(3, 4)) == f"{name}(3, 4)"


def test_repr_of_what_torch_has_not():
    assert repr(GRU(3, 4, reset_after=False)) == "GRU(3, 4, reset_after=False)"
    assert repr(RNN(3, 4, nonlinearity="identity")) == "RNN(3, 4, nonlinearity=identity)"


@pytest.mark.parametrize(
    "module",
    [RNN(3, 4, nonlinearity="relu"), LSTM(3, 4, 2, batch_first=True), GRU(3, 4, bidirectional=True, reset_after=False)],
    ids=str,
)
def test_copies(module):
    x = torch.randn(5, 2, 3)
    saved = io.BytesIO()
    torch.save(module, saved)
    saved.seek(0)
    loaded = torch.load(saved, weights_only=False)
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), loaded):
        assert repr(twin) == repr(module)
        assert torch.equal(twin(x)[0], module(x)[0])
        with torch.no_grad():
            twin.weight_hh_l0.zero_()
        assert not torch.equal(twin(x)[0], module(x)[0])


def test_positional_arguments_are_torchs():
    assert repr(RNN(3, 4, 2, "relu", False, True, 0.1, True)) == repr(
        RNN(3, 4, num_layers=2, nonlinearity="relu", bias=False, batch_first=True, dropout=0.1, bidirectional=True)
    )
    assert repr(GRU(3, 4, 2, False, True, 0.1, True)) == repr(torch.nn.GRU(3, 4, 2, False, True, 0.1, True))
    assert repr(LSTM(3, 4, 2, False, True, 0.1, True, 0)) == repr(torch.nn.LSTM(3, 4, 2, False, True, 0.1, True, 0))


def test_changed_parameters_count_at_once():
    gru, x = GRU(3, 4), torch.randn(5, 2, 3)
    y = gru(x)[0]
    gru.weight_hh_l0.data.mul_(2)  # leaves no trace in the version counter
    assert not torch.equal(gru(x)[0], y)
    gru.weight_hh_l0 = torch.nn.Parameter(gru.weight_hh_l0.detach() / 2)
    assert torch.equal(gru(x)[0], y)
    gru.double()
    assert gru(x.double())[0].dtype == torch.float64
    replaced = {"weight_hh_l0": torch.zeros(12, 4, dtype=torch.float64)}
    assert not torch.equal(torch.func.functional_call(gru, replaced, (x.double(),))[0], gru(x.double())[0])


class Doubled(torch.nn.Module):
    def forward(self, weight):
        return 2 * weight


def test_computed_parameters():
    gru, doubled, x = GRU(3, 4), GRU(3, 4), torch.randn(5, 2, 3)
    doubled.load_state_dict(gru.state_dict())
    with torch.no_grad():
        doubled.weight_hh_l0.mul_(2)
    parametrize.register_parametrization(gru, "weight_hh_l0", Doubled())
    y, _ = gru(x)
    assert torch.equal(y, doubled(x)[0])
    y.sum().backward()
    doubled(x)[0].sum().backward()
    assert torch.allclose(gru.parametrizations.weight_hh_l0.original.grad, 2 * doubled.weight_hh_l0.grad)
    doubled.zero_grad()
    prune.random_unstructured(doubled, "weight_ih_l0", amount=0.5)
    doubled(x)[0].sum().backward()
    assert (doubled.weight_ih_l0_orig.grad[doubled.weight_ih_l0_mask == 0] == 0).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_full_graph_compilation():
    gru = GRU(3, 4, 2, bidirectional=True)
    x, lengths = torch.randn(5, 2, 3), torch.tensor([5, 2])
    compiled = torch.compile(gru, fullgraph=True, backend="aot_eager")
    y, _ = compiled(x, lengths=lengths)
    expected, _ = gru(x, lengths=lengths)
    assert torch.equal(y, expected)
    actual = torch.autograd.grad(y.sum(), list(gru.parameters()))
    for a, b in zip(actual, torch.autograd.grad(expected.sum(), list(gru.parameters())), strict=True):
        assert torch.equal(a, b)
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LSTM(3, 4, proj_size=4), ValueError, "proj_size has to be smaller than hidden_size"),
        (lambda: GRU(3, 4, proj_size=2), ValueError, "proj_size argument is only supported for LSTM, not RNN or GRU"),
        (lambda: RNN(3, 4, proj_size=2), ValueError, "proj_size argument is only supported for LSTM, not RNN or GRU"),
        (lambda: GRU(3, 4, reset_after=1), TypeError, "reset_after should be of type bool, got: int"),
        (
            lambda: RNN(3, 4, nonlinearity="sigmiod"),
            ValueError,
            "Unknown nonlinearity: sigmiod; expected one of tanh, sigmoid",
        ),
        (lambda: GRU(0, 4), ValueError, "input_size"),
        (lambda: GRU(3, -4), ValueError, "hidden_size"),
        (lambda: GRU(3, 4.0), TypeError, "hidden_size"),
        (lambda: GRU(3, 4, 0), ValueError, "num_layers"),
        (lambda: GRU(3, 4, bias=1), TypeError, "bias"),
        (lambda: GRU(3, 4, 2, dropout=1.5), ValueError, "dropout"),
    ],
)
def test_constructors_refuse(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_packed_sequence_has_its_lengths():
    rows = pack_sequence([torch.zeros(2, 3)])
    with pytest.raises(TypeError, match="lengths= must be None") as caught:
        GRU(3, 4)(rows, lengths=[2])
    assert isinstance(caught.value, InputError)


def test_missing_torch_names_the_extra(monkeypatch):
    import importlib
    import importlib.util
    import sys

    from unrolled.errors import MissingExtraError

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "unrolled.nn")
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[train\]'"):
        importlib.import_module("unrolled.nn")


def test_shared_memory_hooks_and_clipped_gradients():
    lstm, x = LSTM(3, 4, 2), torch.randn(5, 2, 3)
    expected = lstm(x)[0]
    assert lstm.share_memory() is lstm
    assert all(p.is_shared() for p in lstm.parameters())
    assert torch.equal(lstm(x)[0], expected)

    seen: list[str] = []
    handles = [
        lstm.register_forward_pre_hook(lambda module, inputs: seen.append("before")),
        lstm.register_forward_hook(lambda module, inputs, outputs: seen.append("after")),
        lstm.register_full_backward_hook(lambda module, grad_inputs, grad_outputs: seen.append("backward")),
        lstm.weight_hh_l1.register_hook(lambda gradient: seen.append("gradient")),
        lstm.weight_hh_l1.register_post_accumulate_grad_hook(lambda parameter: seen.append("accumulated")),
    ]
    lstm(x.requires_grad_())[0].square().sum().backward()
    assert sorted(seen) == sorted(["before", "after", "backward", "gradient", "accumulated"])
    for handle in handles:
        handle.remove()

    before = torch.nn.utils.clip_grad_norm_(lstm.parameters(), 1e-3)
    assert before > 1e-3
    after = torch.nn.utils.get_total_norm([p.grad for p in lstm.parameters() if p.grad is not None])
    assert torch.isclose(after, torch.tensor(1e-3), rtol=1e-4)


class Encoded(torch.utils.data.Dataset):
    def __init__(self, layer, x):
        self.layer, self.x = layer, x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        with torch.no_grad():
            return self.layer(self.x[index])[0]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork")
@pytest.mark.filterwarnings("ignore:os.fork")  # of JAX, where other tests loaded it
def test_fault_34_workers_of_a_data_loader_use_a_layer_that_its_parent_used():
    torch.set_num_threads(2)  # the fixture resets it
    layer, x = LSTM(16, 64), torch.randn(6, 30, 4, 16)
    expected = [layer(row)[0].detach() for row in x]  # wakes the threads
    loader = torch.utils.data.DataLoader(
        Encoded(layer, x), batch_size=None, num_workers=2, multiprocessing_context="fork"
    )
    for actual, row in zip(loader, expected, strict=True):
        assert torch.equal(actual, row)
    assert torch.equal(layer(x[0])[0], expected[0])
