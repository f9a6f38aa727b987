"""Models of other people: their recurrent layers replaced in place, and given back."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

import unrolled
from unrolled.errors import InputError


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.layers = nn.ModuleList(
            [nn.LSTM(6, 7, 2, dropout=0.3, bidirectional=True), nn.GRU(14, 8, batch_first=True)]
        )
        self.same = self.layers[1]
        self.rnn = nn.RNN(8, 5, nonlinearity="relu")
        self.head = nn.Linear(5, 3)

    def forward(self, words):
        x, _ = self.layers[0](self.embedding(words))
        x, _ = self.same(x.transpose(0, 1))
        x, _ = self.rnn(x.transpose(0, 1))
        return self.head(x)


def train(model, optimizer, steps=3):
    torch.manual_seed(1)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(torch.randint(20, (9, 4))).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_the_same_training_in_place():
    theirs = Tagger().double().eval()
    ours = copy.deepcopy(theirs)
    optimizer = torch.optim.Adam(ours.parameters(), 0.01)  # made before
    parameters = list(ours.parameters())
    seen = []
    ours.same.register_forward_hook(lambda module, inputs, outputs: seen.append(type(module)))
    report = unrolled.accelerate(ours)
    assert list(report.replaced) == ["layers.0", "layers.1", "rnn"]
    assert not report.kept
    assert str(report).startswith("layers.0: LSTM(6, 7, num_layers=2, dropout=0.3, bidirectional=True)\n")
    assert all(a is b for a, b in zip(parameters, ours.parameters(), strict=True))
    assert ours.same is ours.layers[1]
    expected = train(theirs, torch.optim.Adam(theirs.parameters(), 0.01))
    assert train(ours, optimizer) == pytest.approx(expected, rel=1e-9)
    assert seen == [unrolled.nn.GRU] * 3
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-9)

    for twin in (copy.deepcopy(ours), pickle.loads(pickle.dumps(theirs))):
        unrolled.accelerate(twin)
        words = torch.randint(20, (9, 4))
        assert torch.allclose(twin(words), ours(words), rtol=0, atol=1e-9)

    assert unrolled.restore(ours) == ["layers.0", "layers.1", "rnn"]
    assert {type(m) for m in ours.modules()} == {type(m) for m in theirs.modules()}
    assert ours.same.__dict__.keys() == theirs.same.__dict__.keys()
    assert train(ours, optimizer, 1) == pytest.approx(train(theirs, torch.optim.Adam(theirs.parameters()), 1), rel=1e-6)


def test_a_layer_itself():
    gru = nn.GRU(3, 4)
    assert str(unrolled.accelerate(gru)) == "(the model): GRU(3, 4)"
    assert str(unrolled.accelerate(gru)) == "no recurrent layers found"
    assert isinstance(gru, unrolled.nn.GRU)
    assert unrolled.restore(gru) == [""]
    assert type(gru) is nn.GRU


def test_what_torch_keeps_and_why():
    class Own(nn.LSTM):
        pass

    kinds = {
        "own": Own(2, 3),
        "narrow": nn.GRU(2, 3).bfloat16(),
        "elsewhere": nn.GRU(2, 3, device="meta"),
    }
    report = unrolled.accelerate(nn.ModuleDict(kinds))
    assert not report.replaced
    assert report.kept == {
        "own": "Own is a class of its own, derived from torch.nn.LSTM",
        "narrow": "weight_ih_l0 is torch.bfloat16, the kernels compute in float32 and float64: .float() converts it",
        "elsewhere": "weight_ih_l0 is on meta, the kernels run on the CPU",
    }
    assert str(report).splitlines()[0] == "own: kept, Own is a class of its own, derived from torch.nn.LSTM"


def test_what_torch_lacks_is_not_restored():
    kept = nn.ModuleList([unrolled.nn.GRU(2, 3, reset_after=False), unrolled.nn.RNN(2, 3, nonlinearity="identity")])
    assert unrolled.restore(kept) == []
    with pytest.raises(InputError, match=r"expected a torch\.nn\.Module, got str"):
        unrolled.accelerate("model")
