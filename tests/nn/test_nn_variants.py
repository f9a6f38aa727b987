"""The modules of all cells as torch's users treat modules: saved, copied, compiled, exported, accelerated."""

from __future__ import annotations

import copy
import io
import pickle
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import unrolled
import unrolled.nn as nn
from unrolled.cells import CELLS
from unrolled.errors import InputError
from unrolled.nn.errors import TensorError

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch's compilers and exporters, about themselves
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:# The axis name"),
    pytest.mark.filterwarnings("ignore:# ONNX model has different number of inputs"),  # the absent state
    pytest.mark.filterwarnings("ignore:Exporting a model while it is in training mode"),
]

LAYERS = {
    "IRNN": lambda: nn.IRNN(3, 4),
    "IndRNN": lambda: nn.IndRNN(3, 4, 2, residual=True),
    "LeakyRNN": lambda: nn.LeakyRNN(3, 4, alpha=0.4),
    "peepholes": lambda: nn.LSTM(3, 4, peepholes=True, coupled_gates=True),
    "layer norm LSTM": lambda: nn.LSTM(3, 4, layer_norm=True, bidirectional=True, merge="sum"),
    "projection": lambda: nn.LSTM(3, 4, proj_size=2),
    "JANET": lambda: nn.JANET(3, 4, initial_state="learned"),
    "zoneout": lambda: nn.GRU(3, 4, zoneout=0.2, bidirectional=True),
    "layer norm GRU": lambda: nn.GRU(3, 4, layer_norm=True),
    "GRU1": lambda: nn.GRU1(3, 4),
    "GRU2": lambda: nn.GRU2(3, 4),
    "GRU3": lambda: nn.GRU3(3, 4),
    "MGU": lambda: nn.MGU(3, 4),
    "LiGRU": lambda: nn.LiGRU(3, 4, bidirectional=True),
    "MinGRU": lambda: nn.MinGRU(3, 4, 2),
    "MinLSTM": lambda: nn.MinLSTM(3, 4),
    "SRU": lambda: nn.SRU(3, 4, 2, bidirectional=True),
    "QRNN": lambda: nn.QRNN(3, 4, kernel_width=3, bidirectional=True),
    "FastGRNN": lambda: nn.FastGRNN(3, 4),
    "SLSTM": lambda: nn.SLSTM(3, 4, num_heads=2),
    "softsign": lambda: nn.LSTM(3, 4, activations=("hard_sigmoid", "softsign", "tanh")),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    torch.manual_seed(0)
    return LAYERS[request.param]()


def outputs(layer, *arguments, **options):
    y, last = layer(*arguments, **options)
    return [y, *(last if isinstance(last, tuple) else (last,))]


def test_copies_and_saved_states_compute_the_same(layer):
    layer.eval()
    x = torch.randn(5, 2, layer.input_size)
    expected = outputs(layer, x)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    fresh = copy.deepcopy(layer)
    with torch.no_grad():
        for parameter in fresh.parameters():
            parameter.zero_()
    fresh.load_state_dict(torch.load(file, weights_only=True))
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), fresh):
        assert all(torch.equal(a, b) for a, b in zip(outputs(other, x), expected, strict=True))
        assert repr(other) == repr(layer)


def test_reset_parameters_draws_what_the_constructor_drew(layer, request):
    torch.manual_seed(5)
    fresh = LAYERS[request.node.callspec.params["layer"]]()
    torch.manual_seed(5)
    layer.reset_parameters()
    for (name, a), b in zip(layer.named_parameters(), fresh.parameters(), strict=True):
        assert torch.equal(a, b), name


NODES = ("rnn_tanh", "rnn_relu", "rnn_identity", "lstm", "gru", "gru_reset_before")
"""Cells that ONNX has nodes for."""


@pytest.mark.parametrize("name", [*(cell for cell in CELLS if cell not in NODES), "zoneout", "softsign"])
def test_cells_that_onnx_lacks_are_exported_as_scan(name, make_layer):
    """ONNX Runtime computes what the module does, for other steps, sequences and lengths than were traced."""
    layer = LAYERS[name]() if name in LAYERS else make_layer(name, bidirectional=name in ("qrnn", "fast_grnn")).float()
    layer.eval()
    steps, batch, I = torch.export.Dim("steps", min=2), torch.export.Dim("batch", min=2), layer.input_size
    program = torch.onnx.export(
        layer, (torch.randn(5, 4, I), None, torch.tensor([5, 0, 3, 5])), dynamo=True, verbose=False,
        dynamic_shapes=({0: steps, 1: batch}, None, {0: batch}),
    )  # fmt: skip
    file = io.BytesIO()
    program.save(file)
    assert {node.op_type for node in onnx.load_from_string(file.getvalue()).graph.node} & {"Scan"}
    session = onnxruntime.InferenceSession(file.getvalue())
    x, lengths = torch.randn(9, 3, I), torch.tensor([4, 9, 0])
    names = [each.name for each in session.get_inputs()]
    found = session.run(None, dict(zip(names, (x.numpy(), lengths.numpy()), strict=True)))
    for a, b in zip(found, outputs(layer, x, lengths=lengths), strict=True):
        finite = np.isfinite(b.detach().numpy())  # m of a sequence without steps
        np.testing.assert_allclose(a[finite], b.detach().numpy()[finite], rtol=1e-5, atol=1e-5)


def test_what_a_scan_cannot_hold():
    x = torch.randn(5, 2, 3)
    with pytest.raises(torch.onnx.errors.OnnxExporterError) as caught:
        torch.onnx.export(nn.GRU(3, 4, recurrent_dropout=0.2).train(), (x,), dynamo=True, verbose=False)
    cause = caught.value
    while cause.__cause__ is not None:
        cause = cause.__cause__
    assert "call eval() before torch.onnx.export" in str(cause)


def test_projections_are_accelerated_and_restored():
    torch.manual_seed(0)
    model = torch.nn.LSTM(3, 5, num_layers=2, bidirectional=True, proj_size=2)
    x = torch.randn(6, 2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, about projections without oneDNN
        expected = model(x)
    unrolled.accelerate(model)
    assert isinstance(model, nn.LSTM)
    y, (h, c) = model(x)
    for a, b in zip((y, h, c), (expected[0], *expected[1]), strict=True):
        torch.testing.assert_close(a, b)
    assert unrolled.restore(model) == [""]
    assert type(model) is torch.nn.LSTM


def test_layers_with_options_are_not_restored():
    assert unrolled.restore(nn.GRU(3, 4, zoneout=0.1)) == []


def test_qrnn_streams_with_its_window():
    torch.manual_seed(0)
    layer = nn.QRNN(3, 4, num_layers=2, kernel_width=4)
    x = torch.randn(9, 2, 3)
    y, last = layer(x)
    parts, state = [], None
    for step in x:
        part, state = layer(step[None], state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts), y)
    for a, b in zip(state, last, strict=True):
        torch.testing.assert_close(a, b)
    with pytest.raises(InputError, match=r"Expected window 0 of size \(1, 2, 9\), got \(1, 2, 8\)"):
        layer(x, (last[0], last[1][..., 1:], last[2]))


def test_li_gru_needs_rows_to_normalise():
    layer = nn.LiGRU(3, 4)
    with pytest.raises(TensorError, match="needs at least 2 rows of input, got 1"):
        layer(torch.randn(1, 1, 3))
    layer.eval()(torch.randn(1, 1, 3))
    with pytest.raises(InputError, match="bias must be True"):
        nn.LiGRU(3, 4, bias=False)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.SRU(3, 4, highway=False), "every layer's must have 4 numbers; the first has 3"),
        (lambda: nn.SRU(4, 4, 2, bidirectional=True, highway=False), "the following both directions'"),
        (lambda: nn.SLSTM(3, 4, num_heads=3), "num_heads must divide hidden_size, got 3 and 4"),
        (lambda: nn.QRNN(3, 4, kernel_width=0), "kernel_width must be a whole number of at least 1, got 0"),
        (lambda: nn.LeakyRNN(3, 4, alpha=0.0), "alpha must be above 0 and at most 1, got 0.0"),
        (lambda: nn.LSTM(3, 4, layer_norm=True, proj_size=2), "layer_norm and proj_size go with no other variant"),
        (lambda: nn.GRU(3, 4, layer_norm=True, reset_after=False), "reset_after must be True"),
        (lambda: nn.RNN(3, 4, activations=("relu",)), "its only one is nonlinearity="),
    ],
)
def test_arguments_that_do_not_fit_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("training", [True, False], ids=["masks", "shares"])
def test_outputs_that_are_no_states_are_made_of_what_zoneout_leaves(training):
    """In the QRNN's paper h[t] = o[t] * c[t] with the c[t] that is handed on."""
    x, lengths = torch.randn(7, 3, 4, dtype=torch.float64), [7, 2, 5]
    alive = (torch.arange(7)[:, None] < torch.tensor(lengths))[..., None]
    for layer in (
        nn.QRNN(4, 4, kernel_width=2, zoneout=(0, 0.4), bidirectional=True, dtype=torch.float64),
        nn.QRNN(4, 4, zoneout=0.4, truncate=3, dtype=torch.float64),
        nn.SRU(4, 4, zoneout=(0, 0.4), dtype=torch.float64),
        nn.SRU(4, 4, highway=True, zoneout=0.4, dtype=torch.float64),
    ):
        layer.train(training)
        y, _, ((_, c),), (gates,) = layer(x, lengths=lengths, return_states=True, return_gates=True)
        if isinstance(layer, nn.QRNN):
            expected = gates["o"] * c
        else:
            expected = gates["r"] * c + (1 - gates["r"]) * gates.get("k", x * alive)
        torch.testing.assert_close(y, expected, rtol=1e-14, atol=1e-15)
        plain = copy.deepcopy(layer)
        plain.settings = nn.Settings()
        assert (plain(x, lengths=lengths)[0] - y).abs().max() > 1e-3
