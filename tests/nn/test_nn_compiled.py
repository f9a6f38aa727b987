"""Layers of all cells in programs: compiled, exported, recorded by torch.fx and torch.jit, with what varies left to the run."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
import torch
from torch import nn as torchs
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import unrolled
from unrolled import nn
from unrolled.cells import CELLS
from unrolled.errors import InputError
from unrolled.nn.constant import constant_result

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of torch's compilers and tracers, about themselves
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class WithLengths(torchs.Module):
    def __init__(self, layer, **asked):
        super().__init__()
        self.layer, self.asked = layer, asked

    def forward(self, x, lengths):
        y, _, *besides = self.layer(x, lengths=lengths, **self.asked)
        states, gates = (*besides, (), ())[:2]
        return y, *(steps for layer in states for steps in layer), *(g for layer in gates for g in layer.values())


def draw(layer, T, B):
    return torch.randn(T, B, layer.input_size, dtype=torch.float64), torch.randint(0, T + 1, (B,)).clamp_(min=1)


def assert_the_same(program, model, T, B):
    """Outputs, and the gradients of the parameters, which a program that was loaded has of its own."""
    x, lengths = draw(model.layer, T, B)
    found, expected = program(x, lengths), model(x, lengths)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
    gradients = []
    for run, outputs in ((program, found), (model, expected)):
        own = {name.removeprefix("_orig_mod."): parameter for name, parameter in run.named_parameters()}
        loss = sum(y.square().sum() for y in outputs if y.requires_grad and torch.isfinite(y).all())
        gradients.append(
            torch.autograd.grad(loss, [own[name] for name, p in model.named_parameters() if p.requires_grad])
        )
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-13)


WAYS = [
    ({"bidirectional": True, "num_layers": 2, "residual": True, "merge": "sum"}, {}),
    ({"checkpoint": 2, "truncate": 4, "bidirectional": True, "merge": "sum"}, {}),
    ({"truncate": 2}, {"return_states": True}),
    ({"checkpoint": 3}, {"return_states": True, "return_gates": True}),
]


@pytest.mark.parametrize("name", CELLS)
def test_full_graph_compilation(name, make_layer):
    """Dynamo sees operators only, whatever the options and the lengths: no graph breaks."""
    options, asked = WAYS[list(CELLS).index(name) % len(WAYS)]
    model = WithLengths(make_layer(name, **options), **asked).eval()
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for T, B in ((6, 3), (6, 4)):
        assert_the_same(compiled, model, T, B)


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("name", ["gru", "qrnn", "li_gru"])
def test_full_graph_compilation_with_every_option(name, options, make_layer):
    model = WithLengths(make_layer(name, **options[0]), **options[1])
    model.train(name != "li_gru")
    torch._dynamo.reset()
    assert_the_same(torch.compile(model, fullgraph=True, backend="aot_eager"), model, 6, 3)


def test_a_training_step_of_a_normalised_layer_is_compiled():
    """Its running statistics move as they do without compilation."""
    layer = nn.LiGRU(3, 4).double()
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    x, lengths = torch.randn(5, 3, 3, dtype=torch.float64), torch.tensor([5, 0, 2])
    found = []
    for run in (layer, torch.compile(layer, fullgraph=True, backend="aot_eager")):
        layer.load_state_dict(state)
        found.append([run(x, lengths=lengths)[0], *(buffer.clone() for buffer in layer.buffers())])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", CELLS)
def test_export_with_any_number_of_steps_and_sequences(name, make_layer):
    both = {} if name == "sru" else {"bidirectional": True}
    model = WithLengths(make_layer(name, **both)).eval()
    steps, batch = torch.export.Dim("steps", min=2), torch.export.Dim("batch", min=2)
    program = torch.export.export(model, draw(model.layer, 6, 3), dynamic_shapes=({0: steps, 1: batch}, {0: batch}))
    for T, B in ((6, 3), (9, 5), (2, 2)):
        assert_the_same(program.module(), model, T, B)


@pytest.mark.parametrize("name", CELLS)
def test_a_trace_holds_nothing_of_the_run_it_was_recorded_from(name, make_layer):
    """Neither lengths nor steps nor sequences; it is saved and loaded, and has gradients."""
    both = {"merge": "sum"} if name == "sru" else {}
    model = WithLengths(make_layer(name, num_layers=2, bidirectional=True, **both)).eval()
    trace = torch.jit.trace(model, draw(model.layer, 6, 3), check_trace=False)
    file = io.BytesIO()
    torch.jit.save(trace, file)
    file.seek(0)
    assert_the_same(torch.jit.load(file), model, 9, 5)
    assert_the_same(trace, model, 2, 4)


class Packing(torchs.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, lengths):
        y, last = self.layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return pad_packed_sequence(y, total_length=x.shape[0])[0], *(last if isinstance(last, tuple) else (last,))


@pytest.mark.parametrize("name", CELLS)
def test_a_trace_packs_what_it_is_given(name, make_layer):
    model = Packing(make_layer(name, bidirectional=True)).eval()
    trace = torch.jit.trace(model, draw(model.layer, 6, 3), check_trace=False)
    file = io.BytesIO()
    torch.jit.save(trace, file)
    file.seek(0)
    assert_the_same(torch.jit.load(file), model, 9, 5)
    assert_the_same(trace, model, 4, 1)


def test_what_a_program_cannot_hold():
    x, flags = torch.randn(5, 2, 3), torch.zeros(5, 2, dtype=torch.bool)

    class Episodes(torchs.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.GRU(3, 4)

        def forward(self, x, flags):
            return self.layer(x, resets=flags)[0]

    for record in (torch.jit.trace, lambda model, arguments: torch.export.export(model, arguments)):
        with pytest.raises(InputError, match="resets: how many episodes there are"):
            record(Episodes(), (x, flags))
    model = Episodes()
    with torch.no_grad():  # with breaks in the graph it runs as ever
        assert torch.equal(torch.compile(model, backend="eager")(x, flags), model(x, flags))
    for options in ({"checkpoint": 2}, {"truncate": 2}):
        layer = nn.GRU(3, 4, **options)
        with pytest.raises(InputError, match="checkpoint and truncate: a trace would hold the segments of one run"):
            torch.jit.trace(layer, (x,))
        with torch.no_grad():
            trace = torch.jit.trace(layer, (x,))
        other = torch.randn(8, 3, 3)
        assert torch.equal(trace(other)[0], layer(other)[0])
    with pytest.raises(InputError, match="traces do not show gates"):
        torch.jit.trace(WithLengths(nn.GRU(3, 4), return_gates=True), (x, torch.tensor([5, 2])))


class Reader(torchs.Module):
    """A model of somebody else."""

    def __init__(self):
        super().__init__()
        self.encoder = torchs.LSTM(5, 7, 2, bidirectional=True)
        self.decoder = torchs.GRU(14, 3)
        self.head = torchs.Linear(3, 2)

    def forward(self, x):
        y, (h, c) = self.encoder(x)
        z, _ = self.decoder(y, h[:1, :, :3].contiguous() + 0 * c[:1, :, :3])
        return self.head(z)


def of_states(layer):
    class Step(torchs.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x, h, c):
            return self.layer(x, (h, c))[0]

    return Step()


def test_symbolic_traces_hold_layers_as_leaves():
    model, x = Reader(), torch.randn(7, 4, 5)
    unrolled.accelerate(model)
    graph = torch.fx.symbolic_trace(model)
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == ["encoder", "decoder", "head"]
    assert torch.equal(graph(x), model(x))
    for layer, width in ((nn.LSTM(3, 4), (1, 2, 4)), (nn.LSTMCell(3, 4), (2, 4))):
        model = of_states(layer)
        arguments = (
            torch.randn(5, 2, 3) if len(width) == 3 else torch.randn(2, 3),
            torch.randn(width),
            torch.randn(width),
        )
        assert torch.equal(torch.fx.symbolic_trace(model)(*arguments), model(*arguments))


def test_scripts_hold_torchs_own_layers():
    model, x = Reader(), torch.randn(7, 4, 5)
    expected = model(x)
    unrolled.accelerate(model)
    script = torch.jit.script(model)
    torch.testing.assert_close(script(x), expected)
    for cell in (nn.RNNCell(3, 4), nn.LSTMCell(3, 4), nn.GRUCell(3, 4, bias=False)):
        x = torch.randn(2, 3)
        torch.testing.assert_close(torch.jit.script(cell)(x), cell(x))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.GRU(3, 4, reset_after=False), "torch's GRU has another equation"),
        (nn.LSTM(3, 4, zoneout=0.1), "torch's LSTM has no zoneout"),
        (nn.MGU(3, 4), "torch has no MGU"),
        (nn.GRUCell(3, 4, reset_after=False), "torch's GRUCell has another equation"),
        (nn.RNNCell(3, 4, nonlinearity="softsign"), "torch's RNNCell has another equation"),
    ],
    ids=str,
)
def test_scripts_of_what_torch_lacks_are_refused(layer, reason):
    with pytest.raises(
        InputError, match=f"torch.jit.script compiles torch's own layers only, and {reason}.*use torch.jit.trace"
    ):
        torch.jit.script(torchs.Sequential(layer))


def test_constants_are_marked_as_torch_marks_them():
    def ours(): ...

    def theirs(): ...

    assert constant_result(ours) is ours
    assert vars(ours) == vars(torch.compiler.assume_constant_result(theirs))


def test_layers_are_imported_without_a_compiler():
    """It takes as long to load as torch itself."""
    code = "import sys, unrolled.nn; print(sorted({'torch._dynamo', 'torch._inductor', 'sympy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
