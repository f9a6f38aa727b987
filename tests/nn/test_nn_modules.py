"""The module of every cell: its parameters are the registry's, and inference on them computes what it does."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from unrolled import nn
from unrolled.cells import CELLS, get_cell
from unrolled.errors import InputError
from unrolled.nn.stacked import MODULES
from unrolled.runtime.recurrent import RecurrentLayer

OWN_PARAMETERS = {"li_gru": {"weight_ih", "weight_hh", "weight_bn", "bias_bn"}}
"""Modules that compute the cell's parameters from others."""
ZONEOUT = {"lstm": (0.2, 0.1), "lstmp": (0.2, 0.1), "sru": (0.0, 0.3), "qrnn": (0.0, 0.3), "slstm": (0.25, 0.0)}


def both_directions(name):
    return name != "sru"  # its second layer would be wider than its units


def run_layers(module, x, lengths):
    """The outputs of a module's layers, run by the runtime on the parameters that the module says inference needs."""
    parameters = {name: tensor.numpy() for name, tensor in module.inference_parameters().items()}
    cell = get_cell(module.cell)
    options = {"zoneout": module.settings.shares(cell), "kernel_width": getattr(module, "kernel_width", 1)}
    for k in range(module.num_layers):
        outputs = []
        for end in ("", "_reverse")[: 1 + module.bidirectional]:
            own = {parameter: parameters[f"{parameter}_l{k}{end}"] for parameter, _ in cell.parameters}
            outputs.append(RecurrentLayer(module.cell, own, reverse=bool(end), **options)(x, lengths=lengths)[0])
        x = np.concatenate(outputs, 2)
    return x


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_has_a_module_that_learns(name, make_layer):
    layer = make_layer(name, num_layers=2, bidirectional=both_directions(name))
    assert layer.cell == name
    y = layer(torch.randn(5, 4, layer.input_size, dtype=torch.float64), lengths=[5, 2, 0, 4])[0]
    y.square().sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


@pytest.mark.parametrize("name", CELLS)
def test_parameters_are_named_and_shaped_as_in_the_registry(name, make_layer):
    layer = make_layer(name, num_layers=2, bidirectional=both_directions(name))
    cell, directions = get_cell(name), 1 + layer.bidirectional
    expected = {}
    for k in range(2):
        inputs = directions * layer.sizes.get("proj_size", 4) if k else layer.input_size
        shapes = cell.parameter_shapes(input_size=inputs, hidden_size=4, **layer.sizes)
        for end in ("", "_reverse")[:directions]:
            expected |= {f"{parameter}_l{k}{end}": shape for parameter, shape in shapes.items()}
    found = {parameter: tuple(tensor.shape) for parameter, tensor in layer.inference_parameters().items()}
    assert found == expected
    stored = {parameter.partition("_l0")[0] for parameter, _ in layer.named_parameters() if "_l0" in parameter}
    assert stored == OWN_PARAMETERS.get(name, {parameter for parameter, _ in cell.parameters})


@pytest.mark.parametrize("zoneout", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_inference_on_a_modules_parameters_computes_what_it_does(name, zoneout, make_layer):
    options = {"zoneout": ZONEOUT.get(name, 0.2)} if zoneout else {}
    layer = make_layer(name, num_layers=2, bidirectional=both_directions(name), **options)
    x = torch.randn(6, 4, layer.input_size, dtype=torch.float64)
    layer(x, lengths=[6, 3, 0, 5])  # in training, as a running mean and variance follow the batches
    layer.eval()
    expected = layer(x, lengths=[6, 3, 0, 5])[0].detach().numpy()
    found = run_layers(layer, x.numpy(), np.array([6, 3, 0, 5]))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_inference_on_single_precision_parameters_too(name, make_layer):
    layer = make_layer(name).float().eval()
    x = torch.randn(7, 3, layer.input_size)
    found = run_layers(layer, x.numpy(), np.array([7, 7, 7]))
    np.testing.assert_allclose(found, layer(x)[0].detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.activations])
def test_cells_with_other_activation_functions(name, make_layer):
    plain = get_cell(name)
    chosen = [activation for activation, _ in zip(("softsign", "relu", "elu"), plain.activations, strict=False)]
    spec = f"{name}[{';'.join(chosen)}]"
    layer = make_layer(name, num_layers=2) if name == spec else nn.layers_for(spec, 3, 4, num_layers=2)
    assert [each.name for each in get_cell(layer.cell).activations] == chosen
    x = torch.randn(5, 2, 3)
    found = run_layers(layer, x.numpy(), np.array([5, 3]))
    np.testing.assert_allclose(found, layer(x, lengths=[5, 3])[0].detach().numpy(), rtol=1e-5, atol=1e-6)


def test_an_activation_function_of_the_specification_can_make_another_cell():
    assert nn.layers_for("rnn_tanh[relu]", 3, 4).cell == "rnn_relu"


def test_all_arguments_of_a_layer_reach_it():
    layer = nn.layers_for(
        "gru_reset_before", 3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.1, bidirectional=True,
        dtype=torch.float64, merge="sum", residual=True, input_dropout=0.2, start="orthogonal",
    )  # fmt: skip
    same = nn.GRU(
        3, 4, 2, False, True, 0.1, True, reset_after=False, dtype=torch.float64, merge="sum", residual=True,
        input_dropout=0.2, start="orthogonal",
    )  # fmt: skip
    assert repr(layer) == repr(same)
    assert layer.weight_ih_l0.dtype == torch.float64
    assert "bias_ih_l0" not in layer.inference_parameters()


@pytest.mark.parametrize(
    ("cell", "arguments", "message"),
    [
        ("no_cell", {}, "unknown cell 'no_cell'"),
        ("gru[tanh]", {}, "leaves 2 activation function"),
        ("gru[sigmoid;tanh|3.0]", {}, "layers have no clip"),
        ("lstm", {"peepholes": True}, "peepholes chooses another cell than lstm"),
        ("lstm", {"proj_size": 2}, "proj_size chooses another cell than lstm"),
        ("rnn_tanh", {"nonlinearity": "relu"}, "nonlinearity chooses another cell than rnn_tanh"),
        ("gru[relu;tanh]", {"activations": ("relu", "relu")}, "activations chooses another cell"),
        ("lstmp", {}, "needs proj_size, a whole number from 1 to 3"),
        ("slstm", {"head_size": 3}, "head_size must divide hidden_size, got 3 and 4"),
        ("slstm", {"num_heads": 2}, "num_heads chooses another cell than slstm"),
        ("sru", {}, "every layer's must have 4 numbers"),
        ("lstm_layer_norm", {"proj_size": 2}, "proj_size chooses another cell"),
    ],
)
def test_what_does_not_make_the_cell_is_refused(cell, arguments, message):
    with pytest.raises(InputError, match=message):
        nn.layers_for(cell, 3, 4, **arguments)


@pytest.mark.parametrize("module", sorted(set(MODULES.values()), key=str), ids=lambda module: module.__name__)
def test_docstrings_describe_every_argument(module):
    lines = module.__doc__.split("\nArgs:\n")[1].split("\n\n")[0].splitlines()
    described = [line.strip().partition(":")[0].strip("*") for line in lines if not line.startswith(" " * 8)]
    assert described == list(inspect.signature(module).parameters)
    assert ">>> " in module.__doc__
    assert ":math:`" in module.__doc__ or ".. math::" in module.__doc__


def test_subclasses_of_a_module_leave_its_cells_to_it():
    class Own(nn.GRU):
        pass

    assert type(nn.layers_for("gru", 3, 4)) is nn.GRU
    assert Own(3, 4).cell == "gru"
