"""Whatever array comes: the right result, or an InputError before anything is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unrolled.cells import CELLS, Masks
from unrolled.errors import InputError
from unrolled.kernels.arrays import PackedDense, PackedWeights, backward, elementary, forward
from unrolled.kernels.layout import Layout
from unrolled.runtime.dense import Dense
from unrolled.runtime.recurrent import RecurrentLayer


def misaligned(a):
    moved = np.ndarray(a.shape, a.dtype, np.zeros(a.nbytes + 1, np.uint8), 1)
    moved[...] = a
    return moved


def every_other(a):
    wide = np.full((*a.shape[:-1], 2 * a.shape[-1]), np.nan, a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


SAME = {
    "Fortran order": np.asfortranarray,
    "rows taken from more": lambda a: np.repeat(a, 2, 0)[::2],
    "numbers taken from more": every_other,
    "read backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "the other order of bytes": lambda a: a.astype(a.dtype.newbyteorder()),
    "an odd address": misaligned,
    "read-only": read_only,
    "a masked array with nothing masked": np.ma.masked_array,
    "a matrix": lambda a: a.view(np.matrix) if a.ndim == 2 else a,
}
REFUSED = {
    "another float": (lambda a: a.astype("f4" if a.dtype == "f8" else "f8"), "dtype"),
    "half precision": (lambda a: a.astype("f2"), "float16"),
    "whole numbers": (lambda a: a.astype("i8"), "int64"),
    "complex numbers": (lambda a: a.astype("c16"), "complex128"),
    "objects": (lambda a: a.astype(object), "object"),
    "a list": (lambda a: a.tolist(), "list, expected a NumPy array"),
    "masked": (lambda a: np.ma.masked_array(a, np.ones(a.shape, bool)), "masked"),
    "one row too many": (lambda a: np.concatenate([a, a[:1]]), "shape|needs input_size"),
    "one row too few": (lambda a: a[1:], "shape|needs input_size"),
    "a dimension more": (lambda a: a[..., None], "shape"),
    "more than can be": (lambda a: np.broadcast_to(a[:1], (2**40, *a.shape[1:])), "shape|GiB"),
}


def arguments(c, masks):
    """By name all arrays that the two passes read, as packed rows."""
    named = {f"parameter {name}": array for name, array in c.parameters.items()}
    named |= {"x": c.rows(c.x), "grad_h": c.rows(c.grad_h), "grad_c": c.rows(c.grad_c)}
    named |= {f"state {k}": state for k, state in enumerate(c.states)}
    named |= {f"grad_last {k}": grad for k, grad in enumerate(c.grad_last)}
    named |= {f"mask {name}": getattr(masks, name) for name in ("state", "candidate", "keep_h", "keep_c")}
    return {name: array for name, array in named.items() if array is not None}


def run(cell, given, layout):
    """Everything that both passes return."""

    def part(kind):
        return {name.partition(" ")[2]: array for name, array in given.items() if name.startswith(f"{kind} ")}

    weights, x = PackedWeights(cell, part("parameter")), given["x"]
    states, grad_last = tuple(part("state").values()), tuple(part("grad_last").values())
    result = forward(weights, x, states, layout, masks=Masks(**part("mask")), tape=True)
    grads = backward(weights, x, result, given["grad_h"], grad_last, layout, grad_c=given.get("grad_c"))
    return [result.h, *result.last, *grads.values()]


@pytest.fixture
def masked_case(case, masked):
    def make(cell, dtype="float64"):
        c = masked(case(cell, 3, 4, 5, 6), shares=False).to(dtype)
        return c, arguments(c, c.packed()), Layout.padded(3, 4)

    return make


@pytest.mark.parametrize("form", SAME)
def test_fault_14_the_form_of_an_array_does_not_matter(cell, form, masked_case):
    for dtype in ("float32", "float64"):
        _, given, layout = masked_case(cell, dtype)
        changed = {name: SAME[form](array) for name, array in given.items()}
        before = {name: array.copy() for name, array in changed.items()}
        for actual, expected in zip(run(cell, changed, layout), run(cell, given, layout), strict=True):
            assert type(actual) is np.ndarray
            assert actual.dtype.isnative
            assert actual.tobytes() == expected.tobytes()
        assert all(array.tobytes() == before[name].tobytes() for name, array in changed.items())


@pytest.mark.parametrize("form", REFUSED)
@pytest.mark.parametrize("name", ["gru", "lstm_peephole", "lstmp", "sru", "qrnn", "slstm"])
def test_faults_13_and_18_what_does_not_fit_is_refused_whichever_argument_it_is(name, form, masked_case):
    change, message = REFUSED[form]
    _, given, layout = masked_case(name)
    for argument, array in given.items():
        with pytest.raises(InputError, match=message):
            run(name, given | {argument: change(array)}, layout)


def test_a_mask_without_anything_to_act_on_is_refused(case):
    masks = {"state": (4, 6), "candidate": (12, 6), "keep_h": (12, 6), "keep_c": (12, 6)}
    for name, cell, mask in (
        ("indrnn", "indrnn", "state"), ("sru", "sru", "keep_h"), ("rnn_tanh", "rnn_tanh", "candidate"),
        ("gru", "gru", "keep_c"), ("slstm", "slstm", "keep_c"),
    ):  # fmt: skip
        c = case(cell, 3, 4, 6, 6)
        weights, x = PackedWeights(cell, c.parameters), c.rows(c.x)
        with pytest.raises(InputError, match=f"cell {name} has nothing that the mask {mask} acts on"):
            forward(weights, x, None, Layout.padded(3, 4), masks=Masks(**{mask: np.ones(masks[mask])}))
    with pytest.raises(InputError, match=r"zoneout is \(0\.1,\), expected two shares"):
        forward(weights, x, None, Layout.padded(3, 4), masks=Masks(zoneout=(0.1,)))
    with pytest.raises(InputError, match=r"zoneout of h is 1\.5: expected a share below 1"):
        forward(weights, x, None, Layout.padded(3, 4), masks=Masks(zoneout=(1.5, 0.0)))


def test_the_tape_of_another_pass_is_refused(case):
    c, other = case("lstm", 3, 4, 5, 6), case("lstm", 3, 4, 5, 6, seed=1)
    weights, layout, x = PackedWeights("lstm", c.parameters), Layout.padded(3, 4), c.rows(c.x)
    result = forward(weights, x, c.states, layout, tape=True)
    grads = c.rows(c.grad_h), c.grad_last

    def refused(message, weights=weights, x=x, result=result, layout=layout, grads=grads, **options):
        with pytest.raises(InputError, match=message):
            backward(weights, x, result, *grads, layout, **options)

    refused("weights: not what", PackedWeights("lstm", other.parameters))
    refused("weights: not what", PackedWeights("lstm", c.parameters))
    refused("layout: not what", layout=Layout.of_lengths([4, 4, 4]))
    refused("reverse: not what", reverse=True)
    refused("x: not what", x=other.rows(other.x))
    refused("kept no tape", result=forward(weights, x, c.states, layout))
    refused("result is a NoneType, expected what forward", result=None)
    refused(r"result\.gates has shape \(3, 24\), expected \(12, 24\)", result=replace(result, gates=result.gates[:3]))
    refused(r"result\.c is not the array", result=replace(result, c=np.asfortranarray(result.c)))
    refused(r"result\.h has dtype float32", result=replace(result, h=result.h.astype(np.float32)))
    refused("expected 2 initial states, got 1", result=replace(result, first=result.first[:1]))
    refused("grad_last: expected 2 arrays", grads=(grads[0], c.grad_last[:1]))
    with pytest.raises(ValueError, match="read-only"):
        result.h[0] = 0  # its numbers are part of the tape
    forward(weights, x, c.states, layout).h[0] = 0
    assert backward(weights, x.copy(), result, *grads, Layout.of_lengths([3, 3, 3, 3]))["x"].shape == x.shape


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32", "uint64", "int8", ">i4", "list"])
def test_fault_15_lengths_of_any_kind(kind, case):
    c = case("gru", 5, 4, 3, 6)
    layer, lengths = RecurrentLayer("gru", c.parameters), np.array([5, 0, 3, 0])
    expected, (last,) = layer(c.x, c.states, lengths)
    given = lengths.tolist() if kind == "list" else lengths.astype(kind)
    y, (h,) = layer(c.x, c.states, given)
    assert np.array_equal(y, expected)
    assert np.array_equal(h, last)
    assert not y[:, [1, 3]].any()
    assert np.array_equal(h[[1, 3]], c.states[0][[1, 3]])
    assert np.abs(y[:, 0]).min() > 0
    sorted_lengths = sorted(lengths, reverse=True)
    packed = Layout.of_lengths(sorted_lengths if kind == "list" else np.array(sorted_lengths, kind))
    assert packed.offsets.tolist() == [0, 2, 4, 6, 7, 8]
    assert Layout.packed([2, 2, 1] if kind == "list" else np.array([2, 2, 1], kind), 3).rows == 5


@pytest.mark.parametrize(
    "lengths",
    [
        [[1], [1, 2], 3], [2**70, 1, 2], np.array([2**64 - 1, 1, 2], np.uint64), [True, False, True], "123", [1, None, 3],
        np.ma.masked_array([1, 2, 3], [0, 1, 0]), np.array([1, 2, 3], complex), np.array([1, 2, 3], "m8[s]"), 3, {1, 2, 3},
        (n for n in [1, 2, 3]), [1.0, 2.0, 3.0],
    ],
)  # fmt: skip
def test_lengths_that_are_none(lengths, case):
    c = case("gru", 5, 3, 2, 4)
    with pytest.raises(InputError, match="lengths: expected 3 whole numbers"):
        RecurrentLayer("gru", c.parameters)(c.x, None, lengths)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Layout(np.array([2, 5]), 4), "must fall from at most 4"),
        (lambda: Layout(np.array([2, -1]), 4), "must fall from at most 4"),
        (lambda: Layout.packed([2.7, 1.2]), "expected whole numbers in one dimension, got float64"),
        (lambda: Layout.packed([2**62, 2**62]), "more rows than can be counted"),
        (lambda: Layout.packed([3], 2**70), "batch is too large"),
        (lambda: Layout.of_lengths([1, 5]), "lengths must be at least 0 and never grow"),
        (lambda: Layout.of_lengths([2**62]), "the places of all steps need .* GiB"),
        (lambda: Layout.padded(2**40, 2**40), "more rows than can be counted"),
        (lambda: Layout.padded(2**50, 3), "the places of all steps need .* GiB"),
        (lambda: Layout.padded(-1, 3), "steps is -1"),
        (lambda: Layout.padded(3, -2), "batch is -2"),
        (lambda: Layout.padded(2.5, 3), r"steps is 2\.5"),
    ],
)
def test_fault_19_layouts_that_cannot_be(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_fault_19_sizes_that_no_memory_holds(case):
    c = case("gru", 2, 1, 3, 4)
    layer = RecurrentLayer("gru", c.parameters)
    many = np.broadcast_to(c.x[:1], (2**40, 1, 3))
    for x, lengths in ((many, None), (many, [3]), (np.zeros((2**40, 0, 3)), None)):
        with pytest.raises(InputError, match=r"need .* GiB of memory, more than"):
            layer(x, None, lengths)
    with pytest.raises(InputError, match="the numbers of weight need"):
        PackedDense(np.broadcast_to(np.zeros(1), (2**40, 3)), None)
    with pytest.raises(InputError, match="the outputs of all rows need"):
        PackedDense(np.zeros((2**20, 0)), None)(np.zeros((2**30, 0)))


def test_nothing_in_or_out(case):
    assert PackedDense(np.zeros((3, 0)), np.arange(3.0))(np.zeros((2, 0))).tolist() == [[0, 1, 2]] * 2
    assert Dense(np.zeros((3, 0)), np.arange(3.0))(np.zeros((2, 0))).tolist() == [[0, 1, 2]] * 2
    assert PackedDense(np.zeros((0, 3)), None)(np.zeros((2, 3))).shape == (2, 0)
    assert elementary("exp", np.zeros((0, 3))).shape == (0, 3)
    assert elementary("exp", np.array(0.0)) == 1
    for weight_ih in (np.zeros((12, 0)), np.zeros((0, 3)), np.zeros(3), np.zeros(())):
        for cell in ("gru", "qrnn", "slstm", "lstmp"):
            with pytest.raises(InputError):
                RecurrentLayer(cell, case(cell, 1, 1, 3, 4).parameters | {"weight_ih": weight_ih})


@pytest.mark.parametrize("cell", CELLS)
def test_parameters_missing_or_of_other_shapes(cell, case):
    c = case(cell, 2, 2, 4, 4)
    shapes = [(), (0,), (0, 0), (4, 0), (5, 4), (16, 3), (1, 1, 1), (12, 5), (2, 2)]
    for name, parameter in c.parameters.items():
        rest = {other: array for other, array in c.parameters.items() if other != name}
        with pytest.raises(InputError, match=name):
            PackedWeights(cell, rest)
        if name not in ("bias_ih", "bias_hh"):
            with pytest.raises(InputError, match=f"the parameter {name} is missing"):
                RecurrentLayer(cell, rest)
        for shape in shapes:
            if len(shape) != parameter.ndim or (shape != parameter.shape and shape[0] not in (2, 5, 12, 16)):
                for make in (PackedWeights, RecurrentLayer):
                    with pytest.raises(InputError):
                        make(cell, rest | {name: np.zeros(shape)})


@pytest.mark.parametrize("threads", [0, -1, 2**31, 1 << 20000, 1.5, True, "2"], ids=range(7))
def test_numbers_of_threads_that_are_none(threads, case):
    c = case("gru", 2, 2, 3, 4)
    weights, layout, x = PackedWeights("gru", c.parameters), Layout.padded(2, 2), c.rows(c.x)
    result = forward(weights, x, None, layout, tape=True)
    for call in (
        lambda: forward(weights, x, None, layout, threads=threads),
        lambda: backward(weights, x, result, c.rows(c.grad_h), c.grad_last, layout, threads=threads),
        lambda: PackedDense(np.zeros((2, 3)), None)(x, threads=threads),
    ):
        with pytest.raises(InputError, match=r"threads is .*, expected a whole number from 1 to 1024"):
            call()


def test_whatever_comes(case, masked):
    """A small fuzzer: every argument in some form, one of them perhaps one that does not fit."""
    rng, refused = np.random.default_rng(0), 0
    same, wrong = list(SAME.values()), [change for change, _ in REFUSED.values()]
    for _ in range(150):
        cell = rng.choice(sorted(CELLS))
        T, B, I, H = (int(n) for n in rng.integers(1, 6, 4))
        c = masked(case(cell, T, B, I, H), shares=False).to(rng.choice(["float32", "float64"]))
        given, layout = arguments(c, c.packed()), Layout.padded(T, B)
        changed = {name: same[rng.integers(len(same))](array) for name, array in given.items()}
        if rng.integers(2):
            name = rng.choice(list(given))
            changed[name] = wrong[rng.integers(len(wrong))](given[name])
            refused += 1
            with pytest.raises(InputError):
                run(cell, changed, layout)
        else:
            for actual, expected in zip(run(cell, changed, layout), run(cell, given, layout), strict=True):
                assert actual.tobytes() == expected.tobytes()
    assert 50 < refused < 100
