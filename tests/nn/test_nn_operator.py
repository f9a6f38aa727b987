"""The torch operators: formulas, fake tensors, refusals, and what autograd does with them."""

from __future__ import annotations

import itertools
import weakref

import pytest
import torch

from unrolled.cells import CELLS, get_cell
from unrolled.kernels.kernel import get_kernel
from unrolled.nn import GRU, LSTM, RNN
from unrolled.nn.composite import composite
from unrolled.nn.errors import TensorError
from unrolled.nn.inputs import NO_MASKS, Inputs, Plan
from unrolled.nn.layer import layer as run_layer

FORWARD = torch.ops.unrolled.layer.default
BACKWARD = torch.ops.unrolled.layer_backward.default


def make(cell, T=3, B=2, I=2, H=3, D=1, bias=True, dtype=torch.float64):
    """Input, initial states and parameters of a layer, as the kernels take them."""
    described = get_cell(cell)
    I = H if described.square else I
    shapes = get_kernel(cell, "float64").parameter_shapes(I, H, H)
    names = [name for name in shapes if bias or name not in ("bias_ih", "bias_hh")] * D
    weights = [torch.randn(shapes[name], dtype=dtype, requires_grad=True) for name in names]
    h0 = torch.randn(D, B, H, dtype=dtype, requires_grad=True) if described.hands_on_h else None
    memory = len(described.memory)
    c0 = torch.randn(D, B, memory * H, dtype=dtype) if memory else None
    if memory > 1:  # the normaliser
        c0[..., H : 2 * H] = c0[..., H : 2 * H].abs() + 1
    c0 = c0 if c0 is None else c0.requires_grad_()
    return torch.randn(T, B, I, dtype=dtype, requires_grad=True), (h0, c0), weights


def layer(cell, directions, sizes, x, h0, c0, weights, *, cells=False):
    plan = Plan(cell, directions, sizes, cells=cells and bool(get_cell(cell).memory))
    return run_layer(plan, Inputs(x, h0, c0, weights))


def returned(cell):
    """Tensors before the tape."""
    return 1 + get_cell(cell).hands_on_h + bool(get_cell(cell).memory)


def flat(result):
    return (result.y, *result.last, *(() if result.cells is None else (result.cells,)))


def differentiable(cell, directions, bias, sizes):
    """A layer as a function of tensors, and tensors to give it."""
    x, (h0, c0), weights = make(cell, D=directions, bias=bias)

    def run(x, *rest):
        rest = list(rest)
        h = None if h0 is None else rest.pop(0)
        c = None if c0 is None else rest.pop(0)
        return flat(layer(cell, directions, sizes, x, h, c, rest, cells=True))

    return run, (x, *(state for state in (h0, c0) if state is not None), *weights)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("cell", list(CELLS))
def test_gradcheck(cell, directions):
    for bias, sizes in ((True, None), (False, None), (True, torch.tensor([2, 1, 1]))):
        run, inputs = differentiable(cell, directions, bias, sizes)
        assert torch.autograd.gradcheck(run, inputs, fast_mode=True)


def detached(*tensors):
    return [None if t is None else t.detach() for t in tensors]


# one combination of every switch with every other; a tape's padding is left as it was, so there is none with a tape
@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru", "gru_reset_before"])
@pytest.mark.parametrize(
    ("directions", "sizes", "given", "tape"),
    [(1, None, True, True), (2, [2, 1, 0], True, False), (1, [2, 2, 2], False, True), (2, None, False, False)],
)
def test_opcheck_forward(cell, directions, sizes, given, tape):
    x, states, weights = make(cell, D=directions)
    x, h0, c0, *weights = detached(x, *states, *weights)
    h0, c0 = (h0, c0) if given else (None, None)
    sizes = None if sizes is None else torch.tensor(sizes)
    torch.library.opcheck(FORWARD, (cell, directions, sizes, x, h0, c0, weights, *NO_MASKS, tape))


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru", "gru_reset_before"])
@pytest.mark.parametrize(
    ("directions", "sizes", "all_wanted"), [(1, None, True), (2, [2, 1, 0], True), (2, None, False)]
)
def test_opcheck_backward(cell, directions, sizes, all_wanted):
    x, states, weights = make(cell, D=directions)
    x, h0, c0, *weights = detached(x, *states, *weights)
    sizes = None if sizes is None else torch.tensor(sizes)
    outputs = FORWARD(cell, directions, sizes, x, h0, c0, weights, *NO_MASKS, True)
    wanted = [True, True, c0 is not None] + [True] * len(weights) if all_wanted else [False] * 3 + [True, False] * 4
    grads = torch.randn_like(outputs[0]), None, None, torch.randn_like(outputs[0]) if cell == "lstm" else None
    forward = cell, directions, sizes, x, h0, c0, weights, *NO_MASKS, outputs[0], outputs[returned(cell) :]
    torch.library.opcheck(BACKWARD, (*forward, *grads, wanted))


INDEX_OPERATORS = {
    "order_rows": (torch.tensor([2, 0, 3]), torch.zeros(3), True),
    "reversed_rows": (torch.tensor([3, 2, 0]), torch.zeros(4)),
    "rows_before": (torch.tensor([3, 2, 0]), torch.zeros(4)),
    "segment_rows": (torch.tensor([3, 2, 0]), torch.zeros(4), 2),
    "count_rows": (torch.tensor([3, 2, 0]),),
}


@pytest.mark.parametrize("name", INDEX_OPERATORS)
def test_opcheck_of_operators_that_find_rows(name):
    torch.library.opcheck(getattr(torch.ops.unrolled, name).default, INDEX_OPERATORS[name])


@pytest.mark.parametrize("module", [RNN(3, 4), LSTM(3, 4, 2), GRU(3, 4), GRU(3, 4, reset_after=False)], ids=str)
def test_two_backward_passes_give_the_same_gradients(module):
    x = torch.randn(5, 2, 3, requires_grad=True)
    y, _ = module(x)
    inputs = [x, *module.parameters()]
    first = torch.autograd.grad(y.square().sum(), inputs, retain_graph=True)
    module(torch.randn(50, 20, 3))[0].sum().backward()  # other calls come in between
    second = torch.autograd.grad(y.square().sum(), inputs)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru", "gru_reset_before"])
def test_any_part_of_the_gradients_alone(cell):
    x, (h0, c0), weights = make(cell, D=2)
    tensors = [x, h0, *([] if c0 is None else [c0]), *weights]
    y, last, *_ = layer(cell, 2, None, x, h0, c0, weights)
    everything = torch.autograd.grad(y.sum() + last[-1].sum(), tensors)
    for chosen in itertools.chain(range(len(tensors)), [(0, 5), (1, 2, 8)]):
        chosen = (chosen,) if isinstance(chosen, int) else chosen
        for i, tensor in enumerate(tensors):
            tensor.requires_grad_(i in chosen)
        y, last, *_ = layer(cell, 2, None, x, h0, c0, weights)
        some = torch.autograd.grad(y.sum() + last[-1].sum(), [tensors[i] for i in chosen])
        for i, gradient in zip(chosen, some, strict=True):
            assert torch.equal(gradient, everything[i])


def test_gradients_of_equal_biases_do_not_share_memory():
    lstm = LSTM(2, 3)
    lstm(torch.randn(4, 2, 2))[0].sum().backward()
    assert torch.equal(lstm.bias_ih_l0.grad, lstm.bias_hh_l0.grad)
    lstm.bias_ih_l0.grad.mul_(2)
    assert not torch.equal(lstm.bias_ih_l0.grad, lstm.bias_hh_l0.grad)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("used", ["last step", "last state", "last cell state"])
def test_loss_on_a_part_of_the_outputs(name, used, twins, assert_close):
    if used == "last cell state" and name != "LSTM":
        return
    pair = twins(name, 3, 4, 2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    gradients = []
    for module in pair:
        y, last = module(x)
        last = last if isinstance(last, tuple) else (last,)
        loss = {"last step": y[-1], "last state": last[0], "last cell state": last[-1]}[used]
        gradients.append(torch.autograd.grad(loss.square().sum(), list(module.parameters())))
    for a, b in zip(*gradients, strict=True):
        assert_close(b, a)


def test_no_tape_is_kept_where_nobody_differentiates():
    frozen = GRU(3, 4).requires_grad_(False)
    y, h = frozen(torch.randn(5, 2, 3))
    assert y.grad_fn is None
    assert h.grad_fn is None
    assert (
        len(FORWARD("gru", 1, None, torch.randn(5, 2, 3), None, None, list(frozen.parameters()), *NO_MASKS, False)) == 2
    )


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("cell", list(CELLS))
def test_gradgradcheck(cell, directions):
    for bias, sizes in ((True, None), (False, torch.tensor([2, 1, 1]))):
        run, inputs = differentiable(cell, directions, bias, sizes)
        # the slope of ReLU at points that a difference may cross
        assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("cell", list(CELLS))
def test_the_composite_is_the_layer(cell, directions):
    for bias, sizes in ((True, None), (False, torch.tensor([2, 1, 1])), (True, torch.tensor([2, 0, 0]))):
        x, (h0, c0), weights = make(cell, D=directions, bias=bias)
        for states in ((h0, c0), (None, None)):
            with torch.no_grad():
                ours = layer(cell, directions, sizes, x, *states, weights, cells=True)
                theirs = composite(Plan(cell, directions, sizes), Inputs(x, *states, weights))
            for a, b in zip(flat(ours), theirs, strict=True):
                assert torch.allclose(a, b, rtol=1e-13, atol=1e-14)


def test_gradient_penalty():
    """What double backward is for: a loss that holds the norm of a gradient."""
    ours, theirs = GRU(2, 3, 2, bidirectional=True).double(), torch.nn.GRU(2, 3, 2, bidirectional=True).double()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 5, 2, dtype=torch.float64, requires_grad=True)
    gradients = []
    for module in (ours, theirs):
        y, h = module(x)
        slope = torch.autograd.grad(y.square().sum() + h.sum(), x, create_graph=True)[0]
        gradients.append(torch.autograd.grad(slope.square().sum() + y.sum(), list(module.parameters())))
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch.func.jvp imports what uses it
def test_torch_func_and_forward_mode():
    lstm = LSTM(2, 3).double()
    x = torch.randn(4, 5, 2, dtype=torch.float64)
    each = torch.func.vmap(lambda row: lstm(row)[0], in_dims=1, out_dims=1)(x)
    assert torch.allclose(each, lstm(x)[0], rtol=0, atol=1e-14)
    tangent = torch.randn_like(x)
    value, slope = torch.func.jvp(lambda x: lstm(x)[0], (x,), (tangent,))
    step = 1e-6
    assert torch.allclose(value, lstm(x)[0], rtol=0, atol=1e-14)
    difference = (lstm(x + step * tangent)[0] - lstm(x - step * tangent)[0]) / (2 * step)
    assert torch.allclose(slope, difference, rtol=0, atol=1e-8)
    jacobian = torch.func.jacrev(lambda row: lstm(row)[0][-1])(x[:, 0])
    assert torch.allclose(jacobian, torch.func.jacfwd(lambda row: lstm(row)[0][-1])(x[:, 0]), rtol=0, atol=1e-14)


CHANGES = {
    "scaled": lambda y: y.mul_(2),
    "masked": lambda y: y.masked_fill_(y > 0, 0),
    "a step set": lambda y: y[1].zero_(),
    "through a view": lambda y: y.transpose(0, 1)[0].relu_(),
    "by indices": lambda y: y.__setitem__((slice(None), [0]), 3.0),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_outputs_may_be_changed_in_place_as_torchs(name, change, twins, assert_close):
    gradients = []
    for module in twins(name, 3, 4, 2, bidirectional=True, dtype=torch.float64):
        torch.manual_seed(1)
        x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
        y, _ = module(x)
        CHANGES[change](y)
        inputs = [x, *module.parameters()]
        first = torch.autograd.grad(y.square().sum(), inputs, retain_graph=True)
        gradients.append([*first, *torch.autograd.grad(y.exp().sum(), inputs)])
    for a, b in zip(*gradients, strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("cell", list(CELLS))
def test_every_output_of_every_cell_may_be_changed_in_place(cell):
    """What was changed is computed again: the gradients are the bits of outputs left alone."""
    x, states, weights = make(cell, T=5, D=2)
    inputs = [x, *(state for state in states if state is not None), *weights]
    for lengths in (None, torch.tensor([2, 2, 1, 1, 1])):
        gradients = []
        for change in (False, True):
            outputs = flat(layer(cell, 2, lengths, x, *states, weights, cells=True))
            loss = sum((k + 2) * output.clone().square().sum() for k, output in enumerate(outputs))
            if change:
                for output in outputs:
                    output.detach().mul_(3)
            gradients.append(torch.autograd.grad(loss, inputs))
        for a, b in zip(*gradients, strict=True):
            assert torch.equal(a, b)


def test_what_others_keep_of_an_output_is_left_to_them():
    """Hooks that save a copy, as those that move tensors to a disk."""
    gru, x = GRU(2, 3), torch.randn(4, 1, 2)
    expected = torch.autograd.grad(gru(x)[0].sum(), gru.weight_hh_l0)[0]
    with torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda kept: kept):
        y, _ = gru(x)
    loss = y.sum()
    y.detach().zero_()
    assert torch.equal(torch.autograd.grad(loss, gru.weight_hh_l0)[0], expected)


def test_an_output_leaves_nothing_behind():
    """No cycle keeps it: it goes with the last reference, before and after a backward pass."""
    gru, x = GRU(2, 3), torch.randn(4, 1, 2)
    for backward in (False, True):
        y, _ = gru(x)
        if backward:
            y.sum().backward()
        gone = weakref.ref(y)
        del y
        assert gone() is None


def test_last_states_may_be_changed_in_place():
    lstm, x = LSTM(2, 3), torch.randn(4, 1, 2)
    y, (h, c) = lstm(x)
    h.mul_(2)
    c.zero_()
    y.sum().backward()
    expected = torch.autograd.grad(lstm(x)[0].sum(), lstm.weight_hh_l0)[0]
    assert torch.equal(lstm.weight_hh_l0.grad, expected)


def test_autocast_leaves_the_gradients_in_full_precision():
    gru, x = GRU(3, 5), torch.randn(4, 2, 3)
    expected = torch.autograd.grad(gru(x)[0].sum(), list(gru.parameters()))
    with torch.autocast("cpu", torch.bfloat16):
        actual = torch.autograd.grad(gru(x)[0].sum(), list(gru.parameters()))
    for a, b in zip(actual, expected, strict=True):
        assert torch.equal(a, b)


def test_fake_and_meta_tensors_get_shapes():
    lstm = LSTM(3, 4, 2, bidirectional=True, device="meta")
    y, (h, c) = lstm(torch.empty(5, 2, 3, device="meta"))
    assert (y.shape, h.shape, c.shape) == ((5, 2, 8), (4, 2, 4), (4, 2, 4))


GRU_ARGUMENTS = {
    "cell": "gru",
    "directions": 1,
    "batch_sizes": None,
    "x": torch.zeros(4, 2, 3),
    "h0": None,
    "c0": None,
    "weights": [torch.zeros(15, 3), torch.zeros(15, 5), torch.zeros(15), torch.zeros(15)],
    **NO_MASKS._asdict(),
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": torch.zeros(4, 2, 7)}, r"weight_ih: expected torch.float32 \[15, 7\], got torch.float32 \[15, 3\]"),
        ({"x": torch.zeros(4, 2, 3).half()}, "float32 and float64, got torch.float16"),
        ({"x": torch.zeros(4, 2, 3).double()}, "weight_ih: expected torch.float64"),
        ({"h0": torch.zeros(1, 3, 5)}, r"h0: expected torch.float32 \[1, 2, 5\]"),
        ({"c0": torch.zeros(1, 2, 5)}, "expected the initial states h0, or none"),
        (
            {"cell": "lstm", "weights": [torch.zeros(20, 3), torch.zeros(20, 5)], "h0": torch.zeros(1, 2, 5)},
            "h0 and c0",
        ),
        ({"cell": "rnn"}, "unknown cell 'rnn'"),
        ({"state": torch.zeros(1, 2, 4)}, r"mask state: expected torch.float32 \[1, 2, 5\]"),
        ({"keep_h": torch.zeros(2, 4, 5).transpose(0, 1)}, "mask keep_h must be contiguous"),
        ({"keep_c": torch.zeros(4, 2, 5)}, "no memory c that zoneout could keep"),
        ({"zoneout_c": 0.5}, "no memory c that zoneout could keep"),
        ({"directions": 2}, r"bias_hh|weight_hh|weight_ih"),
        ({"directions": 3}, "1 or 2 directions"),
        ({"weights": [torch.zeros(15, 3), torch.zeros(15, 5), torch.zeros(15)]}, "2 or 4 parameters"),
        ({"weights": [torch.zeros(15, 3), torch.zeros(15, 5), torch.zeros(14), torch.zeros(15)]}, r"bias_ih.*\[14\]"),
        ({"weights": [torch.zeros(10, 3), torch.zeros(10, 5)]}, r"weight_ih: expected torch.float32 \[15, 3\]"),
        ({"batch_sizes": torch.tensor([2, 1, 1])}, r"batch_sizes: expected torch.int64 \[4\]"),
        ({"batch_sizes": torch.tensor([2, 1, 1, 1.0])}, "torch.int64"),
        ({"batch_sizes": torch.tensor([3, 1, 1, 1])}, "must fall from at most 2"),
        ({"batch_sizes": torch.tensor([1, 2, 1, 1])}, "must fall"),
        ({"batch_sizes": torch.tensor([2, 1, 1, -1])}, "at least 0"),
    ],
)
def test_operators_refuse_what_does_not_fit(changed, message):
    arguments = tuple((GRU_ARGUMENTS | changed).values())
    with pytest.raises(ValueError, match=message):
        FORWARD(*arguments, False)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": torch.zeros(4, 2, 6)}, r"y: expected torch.float32 \[4, 2, 5\]"),
        ({"y": torch.zeros(4, 5, 2).transpose(1, 2)}, "as the forward pass returned them"),
        ({"tape": []}, "a tape of 1 tensors"),
        ({"tape": [torch.zeros(8, 15)]}, r"tape: expected torch.float32 \[8, 20\]"),
        ({"grad_y": torch.zeros(4, 2, 1)}, "grad_y"),
        ({"grad_h": torch.zeros(1, 1, 5)}, "grad_h"),
        ({"grad_c": torch.zeros(1, 2, 5)}, "gru has no such state"),
        ({"grad_cells": torch.zeros(4, 2, 5)}, "gru has no such state"),
        ({"wanted": [True]}, "expected 7 truth values"),
        ({"wanted": [True] * 7}, "none for an absent state"),
    ],
)
def test_backward_operator_refuses_what_does_not_fit(changed, message):
    arguments = GRU_ARGUMENTS | {
        "y": torch.zeros(4, 2, 5), "tape": [torch.zeros(8, 20)], "grad_y": None, "grad_h": None,
        "grad_c": None, "grad_cells": None, "wanted": [True, False, False, True, True, True, True],
    }  # fmt: skip
    BACKWARD(*arguments.values())
    with pytest.raises(TensorError, match=message):
        BACKWARD(*(arguments | changed).values())


def test_the_operator_itself_is_differentiable():
    arguments = GRU_ARGUMENTS | {"weights": [w.clone().requires_grad_() for w in GRU_ARGUMENTS["weights"]]}
    weights = arguments["weights"]
    with pytest.raises(RuntimeError, match="without a tape has no gradients"):
        FORWARD(*arguments.values(), False)
    actual = torch.autograd.grad(FORWARD(*arguments.values(), True)[0].sum(), weights)
    expected = torch.autograd.grad(layer(*list(arguments.values())[:7]).y.sum(), weights)
    for a, b in zip(actual, expected, strict=True):
        assert torch.equal(a, b)
    x, states, weights = make("lstm", D=2)
    actual, expected = (
        torch.autograd.grad(cells.square().sum(), weights)
        for cells in (
            FORWARD("lstm", 2, None, x, *states, weights, *NO_MASKS, True)[3],
            layer("lstm", 2, None, x, *states, weights, cells=True).cells,
        )
    )
    for a, b in zip(actual, expected, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("module", [RNN(3, 4), LSTM(3, 4, 2, bidirectional=True), GRU(3, 4)], ids=str)
def test_export_with_any_number_of_steps_and_sequences(module):
    steps, batch = torch.export.Dim("steps", min=2), torch.export.Dim("batch", min=2)
    program = torch.export.export(module, (torch.randn(5, 7, 3),), dynamic_shapes=({0: steps, 1: batch},))
    x = torch.randn(9, 11, 3)
    exported = program.module()
    y, expected = exported(x)[0], module(x)[0]
    assert torch.equal(y, expected)
    y.square().sum().backward()
    expected.square().sum().backward()
    for name, parameter in module.named_parameters():
        assert torch.equal(exported.get_parameter(name).grad, parameter.grad)


def test_export_with_lengths():
    module = GRU(3, 4, 2, bidirectional=True, batch_first=True)
    batch, steps = torch.export.Dim("batch", min=2), torch.export.Dim("steps", min=2)
    example = torch.randn(5, 7, 3), None, torch.tensor([7, 2, 0, 3, 1])
    program = torch.export.export(module, example, dynamic_shapes=({0: batch, 1: steps}, None, {0: batch}))
    x, lengths = torch.randn(6, 11, 3), torch.tensor([11, 2, 0, 3, 1, 5])
    for a, b in zip(program.module()(x, None, lengths), module(x, lengths=lengths), strict=True):
        assert torch.equal(a, b)
