"""A recurrent network learns two sequences, with NumPy and the reference cells alone.

    python examples/by_hand.py

Everything a framework would hide is in the open: the network is unrolled over time, the gradients come from the
hand-derived backward pass, and one line of gradient descent moves the weights. The first network sees a share's
price on four days and learns the price of the day after each; the fifth day's is kept from it as a check. The
second learns the next word of a sentence, and then says the sentence from its first word on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unrolled.cells import (
    Cell,
    OutputLayer,
    categorical_cross_entropy,
    get_cell,
    half_squared_error,
    sgd_step,
)

PRICES = [100.0, 102.0, 105.0, 107.0, 110.0]
PRICE_AFTER = 113.0
WORDS = ["I", "love", "deep", "learning"]


@dataclass
class Network:
    """h[t] = tanh(W x[t] + U h[t-1] + b) and ŷ[t] = g(V h[t] + b_y), with a loss E[t] at every step."""

    cell: Cell
    output: OutputLayer
    loss: Callable
    weights: dict[str, np.ndarray]  # W, U and b of the cell
    V: dict[str, np.ndarray]  # V and b_y of the output layer

    @classmethod
    def random(cls, activation, loss, *, inputs, hidden, outputs, seed):
        """All weights uniform between -1/√H and 1/√H."""
        rng = np.random.default_rng(seed)
        cell = get_cell("rnn_tanh")
        shapes = cell.parameter_shapes(input_size=inputs, hidden_size=hidden)
        weights = {name: rng.uniform(-1, 1, shape) / np.sqrt(hidden) for name, shape in shapes.items()}
        V = {"weight": rng.uniform(-1, 1, (outputs, hidden)) / np.sqrt(hidden), "bias": np.zeros(outputs)}
        return cls(cell, OutputLayer(activation), loss, weights, V)

    def predict(self, x, states=None):
        """Hidden states h [T, 1, H], predictions ŷ [T, 1, O], and the states to go on from."""
        h, states, _ = self.cell.forward(self.weights, x, states)
        prediction, _ = self.output.forward(self.V, h)
        return h, prediction, states

    def gradients(self, x, y):
        """Forward through time, backward through time: the loss of each step, and every gradient."""
        h, _, tape = self.cell.forward(self.weights, x)
        _, output_tape = self.output.forward(self.V, h)
        errors, grad_q = self.loss(output_tape.q, y)
        output_grads = self.output.backward(self.V, output_tape, grad_q)
        grads = self.cell.backward(self.weights, tape, output_grads["h"])
        return errors[:, 0], grads, output_grads

    def learn(self, x, y, learning_rate):
        """One pass: every weight takes one step down its gradient."""
        errors, grads, output_grads = self.gradients(x, y)
        self.weights = sgd_step(self.weights, grads, learning_rate)
        self.V = sgd_step(self.V, output_grads, learning_rate)
        return errors, {**grads, "V": output_grads["weight"]}


def train(network, x, y, learning_rate, passes):
    """Learn, printing the loss and the size of each gradient now and then."""
    print("\n  pass       loss       |dV|       |dU|       |dW|       |db|      |dh0|")
    for number in range(1, passes + 1):
        errors, grads = network.learn(x, y, learning_rate)
        if number in (1, 10, 100, passes):
            norms = [np.linalg.norm(grads[name]) for name in ("V", "weight_hh", "weight_ih", "bias_ih", "h0")]
            print(f"{number:6d}", *(f"{value:10.6f}" for value in (errors.sum(), *norms)))


def check_gradient(network, x, y, nudge=1e-6):
    """One weight's gradient, by hand and by asking how the loss answers when that weight is nudged up and down."""
    U = network.weights["weight_hh"]
    by_hand = network.gradients(x, y)[1]["weight_hh"][0, 0]
    U[0, 0] += nudge
    up = network.gradients(x, y)[0].sum()
    U[0, 0] -= 2 * nudge
    down = network.gradients(x, y)[0].sum()
    U[0, 0] += nudge
    print(f"\n  dL/dU[0,0]: {by_hand:.9f} by hand, {(up - down) / (2 * nudge):.9f} by nudging U[0,0]")


def show_steps(network, x, y, inputs, targets, read):
    """One line a time step: what went in, how large the memory is, what came out, what was wanted."""
    h, prediction, _ = network.predict(x)
    errors, _, _ = network.gradients(x, y)
    print("\n  step      input      |h|     prediction     target       loss")
    for t, (given, wanted) in enumerate(zip(inputs, targets, strict=True)):
        memory = np.linalg.norm(h[t])
        print(f"{t + 1:6d} {given:>10} {memory:8.3f} {read(prediction[t, 0]):>14} {wanted:>10} {errors[t]:10.6f}")


def learn_prices(seed=0):
    """Train on four days, then predict five; returns the five predictions, the last one never seen in training."""
    print("1. The next price: linear output, half squared error")
    mean, unit = np.mean(PRICES), 10.0  # prices near 0 and of size 1 are what tanh can tell apart
    scaled = (np.array([*PRICES, PRICE_AFTER]).reshape(-1, 1, 1) - mean) / unit  # [T, 1, 1]
    x, y = scaled[:-1], scaled[1:]
    network = Network.random("linear", half_squared_error, inputs=1, hidden=4, outputs=1, seed=seed)

    def price(prediction):
        return f"{prediction.item() * unit + mean:.2f}"

    names = [f"{value:.0f}" for value in PRICES], [f"{value:.0f}" for value in (*PRICES[1:], PRICE_AFTER)]
    show_steps(network, x, y, *names, price)
    check_gradient(network, x[:4], y[:4])
    train(network, x[:4], y[:4], learning_rate=0.05, passes=1000)
    show_steps(network, x, y, *names, price)
    predictions = network.predict(x)[1].ravel() * unit + mean
    print(f"\n  Day 5 was kept back: {predictions[-1]:.2f} predicted, {PRICE_AFTER:.0f} came.\n")
    return predictions


def learn_words(seed=0):
    """Train on the next word of the sentence; returns the sentence the network says when given its first word."""
    print("2. The next word: softmax output, categorical cross entropy")
    one_hot = np.eye(len(WORDS))[:, None]  # [T, 1, 4]
    x, y = one_hot[:-1], one_hot[1:]
    network = Network.random("softmax", categorical_cross_entropy, inputs=4, hidden=6, outputs=4, seed=seed)

    def word(prediction):
        return f"{WORDS[prediction.argmax()]} {prediction.max():.1%}"

    show_steps(network, x, y, WORDS[:-1], WORDS[1:], word)
    train(network, x, y, learning_rate=0.2, passes=300)
    show_steps(network, x, y, WORDS[:-1], WORDS[1:], word)

    said, states = [0], None
    while len(said) < len(WORDS):
        _, prediction, states = network.predict(one_hot[said[-1:]], states)
        said.append(prediction.argmax())
    sentence = [WORDS[k] for k in said]
    print(f"\n  Given “{sentence[0]}”, each word it says being its next input: “{' '.join(sentence)}”")
    return sentence


if __name__ == "__main__":
    learn_prices()
    learn_words()
