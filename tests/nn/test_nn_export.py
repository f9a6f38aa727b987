"""Models with these layers handed to ONNX by torch's exporter, against ONNX Runtime; and traced by TorchScript."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from unrolled.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from unrolled.nn.errors import TensorError

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch's exporters, about themselves
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:# The axis name"),
    pytest.mark.filterwarnings("ignore:Converting a tensor to a Python:torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore:Exporting a model while it is in training mode"),
]

STEPS, BATCH = torch.export.Dim("steps", min=2), torch.export.Dim("batch", min=2)


def session(model, arguments, dynamic_shapes=None):
    """The exported model in ONNX Runtime, as a function of the same arguments."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    program = torch.onnx.export(model, arguments, dynamo=True, dynamic_shapes=dynamic_shapes, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = onnxruntime.InferenceSession(program.model_proto.SerializeToString())

    def run(*tensors):
        names = [node.name for node in loaded.get_inputs()]
        return loaded.run(None, {name: t.numpy() for name, t in zip(names, flat(tensors), strict=True)})

    return run


def flat(values):
    return [t for value in values for t in (flat(value) if isinstance(value, (tuple, list)) else [value])]


def assert_same(model, run, *arguments):
    with torch.no_grad():
        expected = model(*arguments)
    for actual, tensor in zip(run(*arguments), flat([expected]), strict=True):
        np.testing.assert_allclose(actual, tensor.numpy(), rtol=0, atol=1e-5)


LAYERS = [
    RNN(3, 5, nonlinearity="relu"),
    RNN(3, 5, 2, nonlinearity="identity", bidirectional=True),
    LSTM(3, 5, bias=False),
    LSTM(3, 5, 2, batch_first=True, bidirectional=True),
    GRU(3, 5, batch_first=True),
    GRU(3, 5, 2, reset_after=False, bidirectional=True),
]


@pytest.mark.parametrize("module", LAYERS, ids=str)
def test_states_and_lengths_of_any_number_of_steps_and_sequences(module):
    first = (0, 1) if module.batch_first else (1, 0)
    states = {1: BATCH} if not isinstance(module, LSTM) else ({1: BATCH}, {1: BATCH})

    def arguments(T, lengths):
        B, L = len(lengths), module.num_layers * (2 if module.bidirectional else 1)
        hx = [torch.randn(L, B, 5) for _ in (states if isinstance(states, tuple) else (0,))]
        x = torch.randn(B, T, 3) if module.batch_first else torch.randn(T, B, 3)
        return x, tuple(hx) if len(hx) > 1 else hx[0], torch.tensor(lengths)

    shapes = ({first[0]: BATCH, first[1]: STEPS}, states, {0: BATCH})
    run = session(module, arguments(6, [3, 0, 6, 2]), shapes)
    for T, lengths in ((6, [3, 0, 6, 2]), (9, [9, 1]), (2, [0, 0, 2])):
        assert_same(module, run, *arguments(T, lengths))


def test_a_model_with_other_layers():
    class Tagger(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = torch.nn.Embedding(11, 3), torch.nn.Linear(10, 4)
            self.encoder = LSTM(3, 5, 2, batch_first=True, bidirectional=True)

        def forward(self, words):
            return self.head(self.encoder(self.embedding(words))[0])

    model = Tagger()
    run = session(model, (torch.randint(11, (2, 7)),), ({0: BATCH, 1: STEPS},))
    assert_same(model, run, torch.randint(11, (5, 4)))


@pytest.mark.parametrize("cell", [RNNCell(3, 5), LSTMCell(3, 5), GRUCell(3, 5, reset_after=False)], ids=str)
def test_cells(cell):
    states = (torch.randn(2, 5), torch.randn(2, 5)) if isinstance(cell, LSTMCell) else torch.randn(2, 5)
    arguments = torch.randn(2, 3), states
    assert_same(cell, session(cell, arguments), *arguments)


def test_what_onnx_has_no_node_for():
    class Everything(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = LSTM(3, 5)

        def forward(self, x):
            return self.lstm(x, return_states=True)[2][0][1]

    class Packing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = GRU(3, 5)

        def forward(self, x):
            return self.gru(pack_padded_sequence(x, [4, 4]))[1]

    for model, message in (
        (Everything(), "LSTM of ONNX returns no cell states"),
        (Packing(), "no PackedSequence"),
        (torch.export.export(GRU(3, 5), (torch.randn(4, 2, 3),)), "Give torch.onnx.export the model itself"),
    ):
        with pytest.raises(torch.onnx.errors.OnnxExporterError) as caught:
            session(model, (torch.randn(4, 2, 3),))
        cause = caught.value
        while cause.__cause__ is not None:
            cause = cause.__cause__
        assert message in str(cause)
    with pytest.raises(TensorError, match="dynamo=True"):
        torch.onnx.export(GRU(3, 5), (torch.randn(4, 2, 3),), io.BytesIO(), dynamo=False)


def test_hidden_states_of_every_step_is_exported():
    class Layers(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = GRU(3, 5, 2)

        def forward(self, x):
            return [h for (h,) in self.gru(x, return_states=True)[2]]

    model, x = Layers(), torch.randn(4, 2, 3)
    assert_same(model, session(model, (x,)), x)


@pytest.mark.parametrize(
    "module", [RNN(3, 4), LSTM(3, 4, 2, bidirectional=True), GRU(3, 4, reset_after=False)], ids=str
)
def test_tracing(module):
    x, lengths = torch.randn(5, 2, 3), torch.tensor([5, 2])
    hx = (torch.zeros(4, 2, 4),) * 2
    traced = torch.jit.trace(module, (x, hx, lengths) if isinstance(module, LSTM) else (x,))
    with torch.no_grad():
        again = torch.jit.trace(module, (x,))
    file = io.BytesIO()
    torch.jit.save(again, file)
    file.seek(0)
    other = torch.randn(7, 3, 3)
    expected = module(other)[0]
    for run in (again, torch.jit.load(file)):
        y = run(other)[0]
        assert torch.equal(y, expected)
    if isinstance(module, LSTM):
        y, expected = traced(x, hx, lengths)[0], module(x, lengths=lengths)[0]
    else:
        y = traced(other)[0]
    y.square().sum().backward()
    gradients = [p.grad.clone() for p in module.parameters()]
    module.zero_grad()
    expected.square().sum().backward()
    assert all(torch.equal(a, p.grad) for a, p in zip(gradients, module.parameters(), strict=True))
