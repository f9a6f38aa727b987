"""A step alone has the bits of the whole sequence, whichever way it takes; and what it returns is the caller's."""

from __future__ import annotations

import copy
import os
import pickle
import threading

import numpy as np
import pytest

from unrolled.cells import CELLS, get_cell
from unrolled.errors import InputError
from unrolled.kernels import kernel
from unrolled.networks.stack import StackConfig
from unrolled.runtime.recurrent import RecurrentLayer
from unrolled.runtime.stack import Stack

T, B, I, H = 5, 3, 5, 9
# sizes beside I and H that are not the default ones
OWN = {"lstmp": {"proj_size": 4}, "qrnn": {"kernel_width": 3}, "slstm": {"head_size": 3}}
OTHERS = [
    "gru[hard_sigmoid;softsign]",
    "lstm[sigmoid;tanh;softsign|0.4]",
    "lstm_peephole_cifg[hard_sigmoid;relu;tanh|0.4]",
]


def make(cell, dtype="float32", seed=0, **options):
    """A layer with random parameters, and inputs."""
    rng, described = np.random.default_rng(seed), get_cell(cell)
    sizes = {"input_size": H if described.square else I, "hidden_size": H, **OWN.get(described.name, {})}
    shapes = described.parameter_shapes(**sizes)
    parameters = {name: (rng.normal(size=shape) / 3).astype(dtype) for name, shape in shapes.items()}
    layer = RecurrentLayer(cell, parameters, kernel_width=sizes.get("kernel_width", 1), **options)
    return layer, rng.normal(size=(T, B, layer.input_size)).astype(dtype)


def stack_of(cell, layers=2, **options):
    config = StackConfig(cell, H, H, num_layers=layers, sizes=OWN.get(cell, {}), **options)
    rng = np.random.default_rng(1)
    shapes = config.parameter_shapes()
    parameters = {name: (rng.normal(size=shape) / 3).astype(np.float32) for name, shape in shapes.items()}
    return Stack(config, parameters), rng.normal(size=(T, B, H)).astype(np.float32)


def same(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()


def strided(array):
    """The same numbers where no step can read them as they lie."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", [*CELLS, *OTHERS])
def test_the_bits_of_the_whole_sequence_for_any_batch(cell, dtype, fused, monkeypatch):
    if not fused:
        monkeypatch.setattr(kernel, "FUSED_BYTES", 0)
    layer, x = make(cell, dtype)
    whole, last = layer(x)
    _, states = layer(x[:1])
    for t in range(1, T):
        assert layer._steps.rows(x[t], states) is not None
        usual = layer.step(strided(x[t]), states)
        alone = [layer.step(x[t, b : b + 1], tuple(s[b : b + 1].copy() for s in states)) for b in range(B)]
        of_sequence = layer(x[t : t + 1], states)
        y, states = layer.step(x[t], states)
        same([y, usual[0], of_sequence[0][0]], [whole[t]] * 3)
        same(usual[1], states)
        same(of_sequence[1], states)
        for b, (own, ends) in enumerate(alone):
            same([own, *ends], [each[b : b + 1] for each in (y, *states)])
    same(states, last)


@pytest.mark.parametrize("cell", ["lstm", "gru", "lstmp", "leaky_rnn", "sru"])
def test_zoneout_is_in_a_step(cell):
    described = get_cell(cell)
    shares = 0.3 * described.hands_on_h, 0.2 * (described.memory == ("c",))
    layer, x = make(cell, zoneout=shares)
    whole, last = layer(x)
    _, states = layer(x[:1])
    for t in range(1, T):
        assert layer._steps.rows(x[t], states) is not None
        y, states = layer.step(x[t], states)
        same([y], [whole[t]])
    same(states, last)
    assert whole.tobytes() != make(cell)[0](x)[0].tobytes()


@pytest.mark.parametrize("options", [{}, {"residual": True}, {"initial_state": "learned"}], ids=str)
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_layers_in_one_call_as_one_by_one(cell, layers, options):
    stack, x = stack_of(cell, layers, **options)
    whole, last = stack(x)
    _, states = stack(x[:1])
    assert stack._steps.rows(x[1], states) is not None
    for t in range(1, T):
        usual = stack.step(strided(x[t]), states)
        y, states = stack.step(x[t], states)
        same([y, usual[0], *states], [whole[t], whole[t], *usual[1]])
    same(states, last)


def test_what_is_returned_is_the_callers_own():
    stack, x = stack_of("lstm", 1)
    _, states = stack(x[:1])
    kept = [array.copy() for array in (x, *states)]
    y, after = stack.step(x[1], states)
    again, _ = stack.step(x[2], after)
    made = [y, *after, again]
    assert all(a.flags.owndata and a.flags.writeable for a in made)
    everything = [*made, *states, x]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(everything) for b in everything[k + 1 :])
    same([x, *states], kept)
    before = after[0].copy()
    y += 1
    same([after[0]], [before])


def test_batches_of_any_size_one_after_the_other():
    layer, _ = make("gru_reset_before")
    rng = np.random.default_rng(2)
    for rows in (1, 7, 2, 1100, 1, 0, 40):  # from 1025 rows on, and of none, in the usual way
        x = rng.normal(size=(2, rows, I)).astype(np.float32)
        first, states = layer(x[:1], None, [1] * rows)
        y, states = layer.step(x[1], states)
        whole, last = layer(x)
        same([first[0], y, *states], [whole[0], whole[1], *last])


def refused(layer, x, states):
    """What is left to the usual way."""
    return layer._steps.rows(x, states) is None


def test_what_compiled_code_cannot_read_is_left_to_the_usual_way():
    layer, x = make("lstm")
    _, (h, c) = layer(x[:1])
    now, expected = x[1], layer.step(x[1], (h, c))

    class Own(np.ndarray):
        pass

    readable = [strided(now), np.asfortranarray(now), now.astype(now.dtype.newbyteorder()), now.view(Own)]
    readable += [np.ma.array(now), np.frombuffer(b"\0" + now.tobytes(), np.float32, offset=1).reshape(now.shape)]
    for given in readable:
        assert refused(layer, given, (h, c))
        same(layer.step(given, (h, c))[1], expected[1])
    for states in ([h, c], (strided(h), c), (h, c.view(Own))):
        assert refused(layer, now, states)
        same(layer.step(now, states)[1], expected[1])
    fixed = now.copy()
    fixed.flags.writeable = False
    same(layer.step(fixed, (h, c))[1], expected[1])
    assert not refused(layer, fixed, (h, c))


def test_what_does_not_fit_is_refused_in_words():
    layer, x = make("lstm")
    _, (h, c) = layer(x[:1])
    now = x[1]
    wrong = [
        (now[:, :-1].copy(), (h, c), r"x has shape \(1, 3, 4\), expected \[T, B, 5\]"),
        (now[0], (h, c), r"x has shape \(1, 5\), expected \[T, B, 5\]"),
        (x, (h, c), r"x has shape \(1, 5, 3, 5\), expected"),
        (now.astype(np.float64), (h, c), r"x has dtype float64, but the weights have float32"),
        (now.astype(np.int32), (h, c), r"x has dtype int32"),
        (now.tolist(), (h, c), r"x has dtype float64"),
        (now, (h,), "cell lstm has the states h, c, got 1 arrays"),
        (now, (h, c, c), "got 3 arrays"),
        (now, (h[:2].copy(), c), r"h has shape \(2, 9\), expected \(3, 9\)"),
        (now, (h, c[:, :4].copy()), r"c has shape \(3, 4\), expected \(3, 9\)"),
        (now, (h, c[None]), r"c has shape \(1, 3, 9\)"),
        (now, (h, c.astype(np.float64)), "c has dtype float64"),
        (now, (h, None), "c is a NoneType, expected a NumPy array"),
    ]
    for given, states, message in wrong:
        with pytest.raises(InputError, match=message):
            layer.step(given, states)
        assert refused(layer, given, states)
    with pytest.raises(InputError, match=r"the layer runs backwards.*run whole sequences"):
        make("lstm", reverse=True)[0].step(now, (h, c))
    stack, x = stack_of("lstm")
    _, (h, c) = stack(x)
    for states in ((h[:1].copy(), c), (h[0], c), (h[:, :2].copy(), c), (h, c[..., :3].copy()), (h,)):
        assert refused(stack, x[0], states)
        with pytest.raises(InputError):
            stack.step(x[0], states)


def test_sequences_of_more_than_one_step_are_no_step():
    layer, x = make("gru")
    _, states = layer(x[:1])
    assert layer._steps.sequences(x, states) is None
    assert layer._steps.sequences(x[0], states) is None
    assert layer._steps.rows(x[:1], states) is None
    assert layer._steps.sequences(x[:1], states) is not None


def test_threads_that_step_at_the_same_time():
    """The step is long enough to leave Python's lock to others."""
    rng, size, steps = np.random.default_rng(3), 330, 12
    shapes = get_cell("lstm").parameter_shapes(input_size=size, hidden_size=size)
    layer = RecurrentLayer("lstm", {n: (rng.normal(size=s) / 20).astype(np.float32) for n, s in shapes.items()})
    x = rng.normal(size=(steps, 3, 2, size)).astype(np.float32)
    expected = [layer(np.ascontiguousarray(x[:, own])) for own in range(3)]
    found = [None] * 3

    def run(own):
        y, states = [], layer(x[:1, own])[1]
        for t in range(1, steps):
            now, states = layer.step(x[t, own], states)
            y.append(now)
        found[own] = np.stack(y), states

    threads = [threading.Thread(target=run, args=(own,)) for own in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (y, last), (whole, ends) in zip(found, expected, strict=True):
        same([y, *last], [whole[1:], *ends])


def test_the_number_of_threads_is_asked_for_when_it_matters(monkeypatch):
    rng = np.random.default_rng(4)
    shapes = get_cell("gru").parameter_shapes(input_size=256, hidden_size=256)
    layer = RecurrentLayer("gru", {n: (rng.normal(size=s) / 20).astype(np.float32) for n, s in shapes.items()})
    x = rng.normal(size=(16, 256)).astype(np.float32)
    _, states = layer(x[None])
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("UNROLLED_NUM_THREADS", threads)
        found.append(layer.step(x, states)[0])
    same(found[:1], found[1:])
    monkeypatch.setenv("UNROLLED_NUM_THREADS", "many")
    with pytest.raises(InputError, match="UNROLLED_NUM_THREADS='many'"):
        layer.step(x, states)
    one, _ = layer._steps.rows(x[:1], (states[0][:1],))  # is over before a second thread is awake
    same([one], [found[0][:1]])


def test_a_copy_steps_with_its_own_weights():
    stack, x = stack_of("lstm_peephole")
    _, states = stack(x[:1])
    y, after = stack.step(x[1], states)  # what a step needs is there
    copies = [pickle.loads(pickle.dumps(stack)), copy.deepcopy(stack), copy.copy(stack)]
    alone = copy.deepcopy(stack.layers[0][0])
    own, _ = stack.layers[0][0].step(x[1], tuple(s[0] for s in states))
    del stack
    for other in copies:
        same([y, *after], [*(found := other.step(x[1], states))[:1], *found[1]])
    same([own], [alone.step(x[1], tuple(s[0] for s in states))[0]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_steps():
    stack, x = stack_of("gru")
    _, states = stack(x[:1])
    y, _ = stack.step(x[1], states)
    child = os.fork()
    if not child:  # pragma: no cover
        os._exit(0 if stack.step(x[1], states)[0].tobytes() == y.tobytes() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_nan_stays_in_its_sequence_and_numbers_too_small_are_zero():
    stack, x = stack_of("gru")
    _, states = stack(x[:1])
    expected, _ = stack.step(x[1], states)
    broken = x[1].copy()
    broken[1] = np.nan
    y, _ = stack.step(broken, states)
    assert np.isnan(y[1]).all()
    same([y[0], y[2]], [expected[0], expected[2]])
