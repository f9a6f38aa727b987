"""Keras' layers as modules and back, against Keras on torch, and against the numbers in Keras' own tests."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch

import unrolled
from unrolled import InputError
from unrolled.convert import from_keras, lengths_from_mask, to_keras

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its imports, about themselves
    import keras
    from keras.layers import GRU, LSTM, Bidirectional, Dropout, SimpleRNN


def randomised(layer, inputs=3, dtype="float32"):
    """The layer with random weights: a swapped gate would go unnoticed among constants."""
    layer.build((None, None, inputs))
    rng = np.random.default_rng(0)
    for weight in layer.weights:
        if "seed" not in weight.name:
            weight.assign((0.6 * rng.normal(size=weight.shape)).astype(dtype))
    return layer


def call(layer, x, **arguments):
    with torch.no_grad():
        return layer(x.clone(), **arguments)  # Keras leaves a mask behind in the tensor


def assert_close(actual, expected, bound=1e-5):
    torch.testing.assert_close(actual, torch.as_tensor(expected, dtype=actual.dtype), rtol=0, atol=bound)


LAYERS = {
    "SimpleRNN": lambda **o: SimpleRNN(5, **o),
    "LSTM": lambda **o: LSTM(5, **o),
    "GRU": lambda **o: GRU(5, **o),
    "GRU, reset before": lambda **o: GRU(5, reset_after=False, **o),
}
x = torch.as_tensor(np.random.default_rng(1).normal(size=(4, 6, 3)).astype(np.float32))


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("merge", [None, "concat", "sum"])
@pytest.mark.parametrize("kind", LAYERS)
def test_random_weights_both_ways(kind, merge, use_bias):
    layer = LAYERS[kind](return_sequences=True, return_state=True, use_bias=use_bias)
    layer = randomised(layer if merge is None else Bidirectional(layer, merge_mode=merge))
    expected, *states = call(layer, x)
    module = from_keras(layer)
    assert module.batch_first
    assert module.bias == use_bias
    assert_close(module(x)[0], expected)
    again = to_keras(module, return_state=True)
    assert type(again) is type(layer)
    assert_close(call(again, x)[0], expected)
    assert_close(call(again, x)[-1], states[-1])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_last_states(kind):
    layer = randomised(Bidirectional(LAYERS[kind](return_sequences=True, return_state=True)))
    _, *states = call(layer, x)
    last = from_keras(layer)(x)[1]
    kinds = last if kind == "LSTM" else (last,)
    for place, (direction, state) in enumerate(itertools.product((0, 1), kinds)):
        assert_close(state[direction], states[place])


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("merge", [None, "concat", "sum"])
def test_masks_as_lengths(kind, merge):
    """Keras repeats the output before, or puts out zeros if told to; a module puts out zeros; both keep the state."""
    mask = np.array([[1] * 6, [1] * 4 + [0] * 2, [1] + [0] * 5, [0] * 6], bool)
    layer = LAYERS[kind](return_sequences=True, return_state=True)
    layer = randomised(layer if merge is None else Bidirectional(layer, merge_mode=merge))
    expected, *states = call(layer, x, mask=torch.as_tensor(mask))
    module, lengths = from_keras(layer), lengths_from_mask(mask)
    assert lengths.tolist() == [6, 4, 1, 0]
    y, last = module(x, lengths=lengths.tolist())
    steps = torch.as_tensor(mask)[..., None]
    assert_close(y, torch.where(steps, expected, 0.0))
    h = last[0] if kind == "LSTM" else last
    assert_close(h[0], states[0])
    if merge is None:
        assert_close(expected[1, 4:], expected[1, 3].expand(2, -1))  # repeated
        zeros = LAYERS[kind](return_sequences=True, zero_output_for_mask=True)
        zeros.build((None, None, 3))
        for weight, value in zip(zeros.weights, layer.weights, strict=True):
            weight.assign(value)
        assert_close(y, call(zeros, x, mask=torch.as_tensor(mask)))
    else:
        assert not expected[1, 4:].any()


@pytest.mark.parametrize(
    "module",
    [
        unrolled.nn.RNN(3, 5, batch_first=True),
        unrolled.nn.LSTM(3, 5, batch_first=True),
        unrolled.nn.GRU(3, 5, batch_first=True, reset_after=False),
    ],
)
def test_masks_of_layers_that_came_from_a_module(module):
    mask = np.array([[1] * 6, [1] * 4 + [0] * 2, [1] + [0] * 5, [0] * 6], bool)
    _, last = module(x, lengths=lengths_from_mask(mask).tolist())
    h = last[0] if isinstance(last, tuple) else last
    layer = to_keras(module, return_sequences=False)
    assert_close(h[0], call(layer, x, mask=torch.as_tensor(mask)))


def test_float64():
    layer = randomised(LSTM(5, return_sequences=True, dtype="float64"), dtype="float64")
    module = from_keras(layer)
    assert module.weight_ih_l0.dtype == torch.float64
    exact = tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 15)  # 3.12 multiplies in float32
    assert_close(module(x.double())[0], call(layer, x.double()), 1e-12 if exact else 1e-6)
    assert to_keras(module).variable_dtype == "float64"


@pytest.mark.parametrize(
    "name",
    ["linear", "tanh", "sigmoid", "relu", "hard_sigmoid", "hard_tanh", "leaky_relu", "elu", "softplus", "softsign"],
)
@pytest.mark.parametrize("kind", LAYERS)
def test_activations_both_ways(kind, name):
    gates = {} if kind == "SimpleRNN" else {"recurrent_activation": "hard_sigmoid" if name == "tanh" else "sigmoid"}
    layer = randomised(LAYERS[kind](return_sequences=True, activation=name, **gates))
    expected = call(layer, x)
    module = from_keras(layer)
    assert_close(module(x)[0], expected, 1e-5 * max(1.0, expected.abs().max().item()))
    again = to_keras(module)
    assert again.activation is layer.activation
    assert gates == {} or again.recurrent_activation is layer.recurrent_activation
    assert_close(call(again, x), expected, 1e-5 * max(1.0, expected.abs().max().item()))


def constant(make, units, **options):
    """A layer as Keras' own tests make them."""
    fill = keras.initializers.Constant
    return make(
        units, kernel_initializer=fill(0.01), recurrent_initializer=fill(0.02), bias_initializer=fill(0.03), **options
    )


LONG = np.arange(72, dtype=np.float32).reshape(3, 6, 4)
SHORT = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
# keras/src/layers/rnn/{simple_rnn,lstm,gru}_test.py of Keras 3, test_correctness: the last output of each sequence
VECTORS = [
    (SimpleRNN, 4, {}, SHORT, [0.405432, 0.73605347]),
    (LSTM, 3, {}, LONG, [0.6288687, 0.86899155, 0.9460773]),
    (LSTM, 3, {"unit_forget_bias": False}, LONG, [0.57019705, 0.8661914, 0.9459622]),
    (LSTM, 3, {"use_bias": False}, LONG, [0.54986924, 0.86226785, 0.9443936]),
    (GRU, 3, {}, LONG, [0.5217289, 0.6371659, 0.39384964]),
    (GRU, 3, {"reset_after": False}, LONG, [0.51447755, 0.6426879, 0.40208298]),
    (GRU, 3, {"use_bias": False}, LONG, [0.49988455, 0.64701194, 0.4103359]),
]


@pytest.mark.parametrize(("make", "units", "options", "sequence", "expected"), VECTORS)
def test_vectors_of_keras(make, units, options, sequence, expected):
    layer = constant(make, units, **options)
    layer.build(sequence.shape)
    y, _ = from_keras(layer)(torch.as_tensor(sequence))
    assert_close(y[:, -1], np.repeat(np.array(expected)[:, None], units, axis=1))


def test_vectors_of_keras_in_both_directions():
    """bidirectional_test.py, test_correctness and test_return_state."""
    layer = Bidirectional(constant(GRU, 2, return_sequences=True), merge_mode="sum")
    layer.build(SHORT.shape)
    y, _ = from_keras(layer)(torch.as_tensor(SHORT))
    expected = [[0.20937867, 0.34462988, 0.40290534], [0.59829646, 0.6734641, 0.6479671]]
    assert_close(y, np.repeat(np.array(expected)[..., None], 2, axis=2))
    layer = Bidirectional(constant(LSTM, 2))
    sequence = SHORT.reshape(2, 4, 3)
    layer.build(sequence.shape)
    _, (h, c) = from_keras(layer)(torch.as_tensor(sequence))
    assert_close(h[..., 0], [[0.1990008, 0.52335435], [0.12659755, 0.44717982]])
    assert_close(c[..., 0], [[0.35567185, 1.0492687], [0.2501858, 0.941473]])


def test_vectors_of_keras_under_a_mask():
    """lstm_test.py, test_masking: zero_output_for_mask."""
    layer = constant(LSTM, 2)
    sequence = SHORT.reshape(2, 4, 3)
    layer.build(sequence.shape)
    mask = [[True, True, True, False], [True, True, False, False]]
    y, (h, _) = from_keras(layer)(torch.as_tensor(sequence), lengths=lengths_from_mask(mask).tolist())
    assert_close(y[..., 0], [[0.0158891, 0.05552048, 0.11755939, 0], [0.14185596, 0.28556206, 0, 0]])
    assert_close(h[0, :, 0], [0.11755939, 0.28556206])


def test_vectors_of_keras_from_initial_states():
    """lstm_test.py, test_pass_initial_state."""
    layer = constant(LSTM, 2)
    sequence = SHORT.reshape(2, 4, 3)
    layer.build(sequence.shape)
    state = torch.arange(4.0).view(1, 2, 2)
    y, _ = from_keras(layer)(torch.as_tensor(sequence), (state, state))
    assert_close(y[:, -1], [[0.20574439, 0.3558822], [0.64930826, 0.66276]])


def test_stacks_both_ways():
    layers = [
        Bidirectional(LSTM(5, return_sequences=True)),
        Dropout(0.25),
        Bidirectional(LSTM(5, return_sequences=True)),
    ]
    stack = randomised(keras.Sequential([keras.Input((None, 3)), *layers]))
    expected = call(stack, x)
    module = from_keras(stack)
    assert repr(module) == "LSTM(3, 5, num_layers=2, batch_first=True, dropout=0.25, bidirectional=True)"
    assert_close(module.eval()(x)[0], expected)
    again = to_keras(module)
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in layers]
    assert_close(call(again, x), expected)
    summed = unrolled.nn.GRU(3, 5, 2, bidirectional=True, merge="sum", batch_first=True)
    assert_close(call(to_keras(summed), x), summed(x)[0].detach())


def test_dropout_both_ways():
    layer = randomised(SimpleRNN(5, dropout=0.25, recurrent_dropout=0.5))
    module = from_keras(layer)
    assert (module.settings.input_dropout, module.settings.state_dropout) == (0.25, 0.5)
    again = to_keras(module)
    assert (again.dropout, again.recurrent_dropout) == (0.25, 0.5)


def test_frozen_layers_stay_frozen():
    layer = randomised(GRU(5))
    layer.trainable = False
    module = from_keras(layer)
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert not to_keras(module).trainable


def test_random_numbers_are_left_alone():
    layer = randomised(GRU(5))
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    from_keras(layer)
    assert torch.equal(torch.rand(3), expected)


def own_function(a):
    return a


UNCONVERTED = [
    (lambda: randomised(GRU(5, go_backwards=True)), "go_backwards: no module runs backwards only"),
    (lambda: stateful(), "stateful: modules keep no state between calls"),
    (lambda: GRU(5), "has no parameters yet"),
    (lambda: randomised(GRU(5, activation="gelu")), "activation is gelu: the kernels have linear, tanh"),
    (lambda: randomised(GRU(5, recurrent_activation=own_function)), "recurrent_activation is own_function"),
    (lambda: randomised(Bidirectional(GRU(5), merge_mode="ave")), "merge_mode='ave': modules have 'concat' and 'sum'"),
    (lambda: randomised(Bidirectional(GRU(5), merge_mode=None)), "merge_mode=None"),
    (
        lambda: randomised(Bidirectional(GRU(5), backward_layer=GRU(4, go_backwards=True))),
        "its two directions differ in units",
    ),
    (
        lambda: randomised(Bidirectional(GRU(5, go_backwards=True), backward_layer=GRU(5))),
        "its forward layer has go_backwards",
    ),
    (lambda: randomised(GRU(5, dtype="mixed_bfloat16")), "dtype mixed_bfloat16: the kernels compute in float32"),
    (lambda: keras.layers.Dense(3), "from_keras takes SimpleRNN, LSTM, GRU, Bidirectional and Sequential"),
    (lambda: keras.layers.RNN(keras.layers.LSTMCell(3)), "got RNN"),
    (lambda: torch.nn.GRU(3, 4), "got GRU"),
    (lambda: stacked(GRU(5, return_sequences=True), GRU(4)), "differ in units"),
    (lambda: stacked(keras.layers.Dense(4), GRU(5)), "got Dense .*; of a model with other layers, give the recurrent ones"),
    (lambda: stacked(keras.layers.Masking(), GRU(5)), "from_keras takes .* got Masking"),
    (lambda: stacked(Dropout(0.1), GRU(5)), "from_keras takes .* got Dropout"),
    (lambda: None, "got NoneType; of"),
    (lambda: stacked(GRU(5, return_sequences=True), LSTM(5)), "differ in cell"),
    (lambda: stacked(GRU(5, return_sequences=True), Dropout(0.1), GRU(5), Dropout(0.1)), "Dropout layers of one rate may"),
]  # fmt: skip


def stateful():
    layer = GRU(5, stateful=True)
    layer.build((2, 4, 3))
    return layer


def stacked(*layers):
    return keras.Sequential([keras.Input((None, 3)), *layers])


@pytest.mark.parametrize(("make", "reason"), UNCONVERTED)
def test_what_modules_have_not(make, reason):
    with pytest.raises(InputError, match=reason):
        from_keras(make())


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (unrolled.nn.LSTM(3, 4, peepholes=True), "to_keras: Keras has no .*peephole"),
        (unrolled.nn.LSTM(3, 4, zoneout=0.1), "to_keras: Keras has no zoneout=0.1"),
        (unrolled.nn.GRU(3, 4, 2, residual=True, initial_state="learned"), "no residual=True, initial_state='learned'"),
        (unrolled.nn.LSTM(3, 4, activations=("sigmoid", "relu", "tanh")), "one activation function for candidate and memory"),
        (unrolled.nn.GRU(3, 4, activations=("hard_sigmoid", "tanh")), "hard_sigmoid with alpha=0.2, beta=0.5; its hard_sig"),
        (unrolled.nn.RNN(3, 4, nonlinearity="affine"), "Keras has no activation function affine"),
        (unrolled.nn.IndRNN(3, 4), "to_keras: Keras has no independently recurrent network"),
        (torch.nn.GRU(3, 4), "to_keras takes layers of unrolled.nn, got GRU"),
        (unrolled.nn.GRU(3, 4).half(), "to_keras: weight_ih_l0 is float16; only float32 and float64"),
        (unrolled.nn.GRU(3, 4).bfloat16(), "weight_ih_l0 is torch.bfloat16, which NumPy has not: convert a copy"),
    ],
)  # fmt: skip
def test_what_keras_has_not(module, reason):
    with pytest.raises(InputError, match=reason):
        to_keras(module)


def test_states_of_a_stack():
    with pytest.raises(InputError, match="return_state: a Sequential of 2 layers returns outputs only"):
        to_keras(unrolled.nn.GRU(3, 4, 2), return_state=True)


def test_a_mask_with_a_gap():
    with pytest.raises(InputError, match=r"mask\[1\] leaves out step 2 but not step 3"):
        lengths_from_mask([[1, 1, 0, 0], [1, 1, 0, 1]])
    with pytest.raises(InputError, match=r"expected one row a sequence, \[B, T\], got shape \(3,\)"):
        lengths_from_mask([1, 1, 0])
    with pytest.raises(InputError, match=r"mask: expected one row a sequence, \[B, T\]: .*inhomogeneous"):
        lengths_from_mask([[1], [1, 1]])


def test_masks_of_an_embedding():
    """The mask that Keras hands on by itself, the last output of each direction taken."""
    model = keras.Sequential(
        [keras.Input((None,), dtype="int32"), keras.layers.Embedding(7, 3, mask_zero=True), Bidirectional(GRU(5))]
    )
    words = torch.tensor([[1, 2, 3, 0, 0], [4, 5, 1, 2, 3], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    embedding, layer = model.layers
    lengths = lengths_from_mask(embedding.compute_mask(words))
    _, h = from_keras(layer)(torch.as_tensor(np.asarray(call(embedding, words))), lengths=lengths.tolist())
    assert_close(torch.cat([h[0], h[1]], 1), call(model, words))
