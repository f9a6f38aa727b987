"""Layers of the rows of a table compute what they compute of the rows themselves, gradients included."""

from __future__ import annotations

import pytest
import torch

from unrolled.cells import CELLS
from unrolled.errors import InputError
from unrolled.nn import layers_for

SIZES = {"lstmp": {"proj_size": 4}, "qrnn": {"kernel_width": 2}, "slstm": {"head_size": 3}}
MORE = {"sru", "qrnn", "slstm", "li_gru"}
"""Cells that do more with an input than a product, or whose module gives the kernels other weights than its own."""
V, I, H, T, B = 7, 6, 6, 9, 4


def module_for(cell, **options):
    torch.manual_seed(0)
    merge = {"merge": "sum"} if cell == "sru" and options.get("bidirectional") else {}
    return layers_for(cell, I, H, dtype=torch.float64, **SIZES.get(cell, {}), **merge, **options)


def results(module, table, call, states):
    """Outputs, last states, and the gradients of a loss that all of them are in."""
    y, last = call(states)
    ends = last if isinstance(last, tuple) else (last,)
    weights = [torch.linspace(-1, 1, each.numel(), dtype=each.dtype).view_as(each) for each in (y, *ends)]
    loss = sum((each * weight).sum() for each, weight in zip((y, *ends), weights, strict=True))
    given = states if isinstance(states, tuple) else () if states is None else (states,)
    leaves = [table, *(p for p in module.parameters() if p.requires_grad), *given]
    return [y, *ends, *torch.autograd.grad(loss, leaves)]


@pytest.mark.parametrize("lengths", [None, [3, 9, 0, 5], [4, 4, 2, 1]], ids=["padded", "lengths", "shorter"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=["", "two in both directions"])
@pytest.mark.parametrize("cell", sorted(set(CELLS) - MORE))
def test_as_of_the_rows_themselves(cell, options, lengths):
    module = module_for(cell, **options)
    assert module.takes_rows
    table, places = torch.randn(V, I, dtype=torch.float64, requires_grad=True), torch.randint(V, (T, B))
    _, last = module(table[places])
    states = tuple(torch.rand_like(s).requires_grad_() for s in (last if isinstance(last, tuple) else (last,)))
    for given in (None, states if isinstance(last, tuple) else states[0]):
        found = results(module, table, lambda hx: module.of_rows(table, places, hx, lengths), given)
        expected = results(module, table, lambda hx: module(table[places], hx, lengths), given)
        for own, other in zip(found, expected, strict=True):
            torch.testing.assert_close(own, other, rtol=1e-11, atol=1e-12)
        with torch.no_grad():
            y, _ = module.of_rows(table, places, given, lengths)
        torch.testing.assert_close(y, found[0], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "options", [{"bias": False}, {"weight_drop": 0.2}, {"batch_first": True}, {"initial_state": "learned"}]
)
def test_options_of_layers(options):
    module = module_for("gru", **options).eval()
    table, places = torch.randn(V, I, dtype=torch.float64), torch.randint(V, (T, B))
    y, last = module.of_rows(table, places, lengths=[9, 3, 5, 1])
    turn = options.get("batch_first", False)
    expected, ends = module(table[places.T if turn else places], lengths=[9, 3, 5, 1])
    torch.testing.assert_close(y, expected.transpose(0, 1) if turn else expected)
    torch.testing.assert_close(last, ends)


@pytest.mark.parametrize("cell", sorted(MORE))
def test_cells_that_do_more_with_an_input_refuse(cell):
    module = module_for(cell)
    assert not module.takes_rows
    with pytest.raises(InputError, match="do more with an input"):
        module.of_rows(torch.zeros(V, I, dtype=torch.float64), torch.zeros(T, B, dtype=torch.int64))


@pytest.mark.parametrize("options", [{"input_dropout": 0.1}, {"checkpoint": 3}, {"truncate": 3}])
def test_options_that_do_more_refuse(options):
    assert not module_for("lstm", **options).takes_rows


@pytest.mark.parametrize(
    ("table", "places", "message"),
    [
        (torch.zeros(V, I + 1, dtype=torch.float64), torch.zeros(T, B, dtype=torch.int64), "input_size"),
        (torch.zeros(V, I), torch.zeros(T, B, dtype=torch.int64), "dtype"),
        (torch.zeros(2, V, I, dtype=torch.float64), torch.zeros(T, B, dtype=torch.int64), "expected a table"),
        (torch.zeros(V, I, dtype=torch.float64), torch.zeros(T, dtype=torch.int64), "expected a table"),
        (torch.zeros(V, I, dtype=torch.float64), torch.zeros(0, B, dtype=torch.int64), "expected a table"),
        (torch.zeros(V, I, dtype=torch.float64), torch.zeros(T, B), "places"),
    ],
)
def test_what_does_not_fit_is_refused(table, places, message):
    with pytest.raises(InputError, match=message):
        module_for("lstm").of_rows(table, places)


def test_places_outside_are_refused():
    for place in (-1, V):
        with pytest.raises((IndexError, RuntimeError)):
            module_for("lstm").of_rows(torch.zeros(V, I, dtype=torch.float64), torch.full((T, B), place))
