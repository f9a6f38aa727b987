"""The two examples on which texts explain recurrent networks, as networks with numbers."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from unrolled.aliases import Values
from unrolled.cells import get_cell, sgd_step
from unrolled.errors import InputError
from unrolled.insight.unrolled_view import UnrolledView, unrolled_view
from unrolled.kernels.admission import whole_number

__all__ = ["worked_example"]

Example = Literal["prices", "words"]
PRICES = (100.0, 102.0, 105.0, 107.0, 110.0)
WORDS = ("I", "love", "deep", "learning")
MEAN, UNIT = 104.8, 10.0  # prices near 0 and of size 1 are what tanh can tell apart


class _Task(NamedTuple):
    x: Values
    y: Values
    activation: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]


def worked_example(
    name: Example = "prices", *, cell: str = "rnn_tanh", hidden_size: int = 2, passes: int = 0, learning_rate: float = 0.1,
    scaled: bool = True, seed: int = 0,
) -> UnrolledView:  # fmt: skip
    r"""One of the two examples that texts on recurrent networks compute with, unrolled over time.

    ``"prices"`` reads the prices 100, 102, 105, 107, 110 and says each next day's price (half the squared error); the day after
    the last is not known, so that the last step has no loss. ``"words"`` reads "I love deep learning" as one-hot vectors and
    says each next word (softmax and cross entropy). The weights are uniform between :math:`\pm 1/\sqrt H`; each of ``passes``
    moves all of them one step down the gradient, :math:`W \leftarrow W - \eta\, \partial L / \partial W`.

    Args:
        name: ``"prices"`` or ``"words"``.
        cell: a cell of :data:`unrolled.cells.CELLS`, such as ``"lstm"``.
        hidden_size: units of the hidden state.
        passes: how often the network learns from the sequence first.
        learning_rate: :math:`\eta`.
        scaled: read prices as :math:`(x - 104.8) / 10`, 104.8 being their mean; otherwise as they are, which a tanh cannot tell
            apart.
        seed: of the weights.

    Returns:
        The :class:`UnrolledView` of the network after its last pass.

    Raises:
        InputError: there is no such example or cell, or a number is out of range.

    >>> print(worked_example("prices"))
    rnn_tanh over 5 steps: loss ...; |dL/dh| is ... at step 4, the last that has one, and ... at the first; ...
    >>> worked_example("words", hidden_size=4, passes=300).forward["prediction"][:3].argmax(1)  # love, deep, learning
    array([1, 2, 3])
    """
    if name not in get_args(Example):
        raise InputError(f"no example {name!r}; there are {' and '.join(get_args(Example))}")
    for number, value, least in (("hidden_size", hidden_size, 1), ("passes", passes, 0), ("seed", seed, 0)):
        whole_number(number, value, least)
    task = _words() if name == "words" else _prices(scaled)
    described, rng = get_cell(cell), np.random.default_rng(seed)
    I, O = task.x.shape[1], task.y.shape[1]
    shapes = described.parameter_shapes(input_size=I, hidden_size=hidden_size)
    params: dict[str, Values] = {
        name: rng.uniform(-1, 1, shape) / np.sqrt(hidden_size) for name, shape in shapes.items()
    }
    width = described.state_sizes(input_size=I, hidden_size=hidden_size).get("h", hidden_size)
    read_out: dict[str, Values] = {"weight": rng.uniform(-1, 1, (O, width)) / np.sqrt(hidden_size), "bias": np.zeros(O)}

    def view() -> UnrolledView:
        output = task.activation, read_out
        return unrolled_view((cell, params), task.x, task.y, output=output, inputs=task.inputs, targets=task.targets)

    for _ in range(passes):
        gradients = view().parameters
        params = sgd_step(params, gradients, learning_rate)
        read_out = sgd_step(read_out, {"weight": gradients["V"], "bias": gradients["b_y"]}, learning_rate)
    return view()


def _prices(scaled: bool) -> _Task:
    mean, unit = (MEAN, UNIT) if scaled else (0.0, 1.0)
    rows = (np.array([*PRICES, np.nan])[:, None] - mean) / unit
    said = tuple(f"{price:.0f}" for price in PRICES)
    return _Task(rows[:-1], rows[1:], "linear", said, (*said[1:], ""))


def _words() -> _Task:
    one_hot = np.eye(len(WORDS))
    following = np.vstack([one_hot[1:], np.full((1, len(WORDS)), np.nan)])
    return _Task(one_hot, following, "softmax", WORDS, (*WORDS[1:], ""))
