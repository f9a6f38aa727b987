r"""A small network drawn over time, with every number of its forward and its backward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from unrolled.aliases import Values
from unrolled.cells import (
    Cell,
    OutputLayer,
    binary_cross_entropy,
    categorical_cross_entropy,
    get_cell,
    half_squared_error,
)
from unrolled.cells.unroll import Step
from unrolled.charts.chart import Chart
from unrolled.charts.unrolled import NodeRow, unrolled_figure
from unrolled.errors import InputError
from unrolled.insight.equations import Equations, equations_of
from unrolled.insight.result_frame import frame_of
from unrolled.insight.step_map import path_of
from unrolled.kernels.admission import whole_number

__all__ = ["UnrolledView", "unrolled_view"]

LOSSES: dict[str, Callable[[Values, Values], tuple[Values, Values]]] = {
    "linear": half_squared_error, "sigmoid": binary_cross_entropy, "softmax": categorical_cross_entropy,
}  # fmt: skip
OUTPUTS = {
    "linear": ("ŷ[t] = q[t]", "E[t] = ½ Σ_k (ŷ_k - y_k)²"),
    "sigmoid": ("ŷ[t] = σ(q[t])", "E[t] = -Σ_k y_k log ŷ_k + (1 - y_k) log(1 - ŷ_k)"),
    "softmax": ("ŷ[t] = softmax(q[t])", "E[t] = -Σ_k y_k log ŷ_k"),
}
LETTERS = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "weight_ch": "p", "weight_hr": "R"}
FEW = 6
"""Numbers of a parameter that a picture shows one by one; of a larger one it has the norm."""


@dataclass(frozen=True)
class UnrolledView:
    r"""A network over time, of one sequence.

    Attributes:
        cell: its name.
        inputs: what each step reads, in words.
        targets: what each step is to say, in words; empty without targets.
        forward: quantity → its numbers at each step, ``[T, ...]``: ``x``; the pre-activations ``a`` (``a_i``, ``a_f``, ... by
            gate) of cells in which they are :math:`W x_t + U h_{t-1} + b`; the gates by name; the states, ``h`` and ``c``;
            ``q``, ``prediction``, ``y`` and ``error``.
        gradients: quantity → :math:`\partial L / \partial` of it at each step, likewise, with the pre-activations of every cell;
            empty without targets.
        initial: the states before the first step, such as ``h`` → ``[H]``.
        initial_gradients: of these; empty without targets.
        parts: parameter → what each step adds to its gradient, ``[T, ...]``, those of the output layer as ``V`` and ``b_y``;
            empty without targets.
        equations: of the cell, and of output and loss.
    """

    cell: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    forward: dict[str, Values]
    gradients: dict[str, Values]
    initial: dict[str, Values]
    initial_gradients: dict[str, Values]
    parts: dict[str, Values]
    equations: Equations

    @property
    def loss(self) -> float:
        """:math:`L = \\sum_t E_t`; NaN without targets."""
        return float(np.nansum(self.forward["error"])) if "error" in self.forward else float("nan")

    @property
    def parameters(self) -> dict[str, Values]:
        """The gradient of each parameter: the sum of its :attr:`parts` over the steps."""
        return {name: part.sum(0) for name, part in self.parts.items()}

    @property
    def verdict(self) -> str:
        """One sentence with the numbers."""
        T = len(self.inputs)
        said = f"{self.cell} over {T} step{'s' * (T > 1)}"
        if not self.parts:
            return f"{said}: forward only, without targets"
        norms = np.linalg.norm(self.gradients["h"], axis=1)
        last = int(np.flatnonzero(~np.isnan(self.forward["error"]))[-1])
        shares = [
            f"{LETTERS.get(name, name)}'s from step {int(sizes.argmax()) + 1} ({sizes.max() / sizes.sum():.0%})"
            for name, sizes in self._sizes().items()
            if name in ("weight_ih", "weight_hh") and sizes.sum() > 0
        ]
        largest = f"; the largest part of the gradients comes: {', '.join(shares)}" if shares else ""
        return (
            f"{said}: loss {self.loss:.4g}; |dL/dh| is {norms[last]:.3g} at step {last + 1}, the last that has"
            f" one, and {norms[0]:.3g} at the first{largest}"
        )

    def plot(self, start: int = 0, steps: int = 6) -> Chart:
        """The network over time: forward, and with targets below it backward.

        A box holds the numbers of a node, at most six of them. The last column of the backward picture has the sum over all
        steps, also those that are not drawn.

        Args:
            start: the first step that is drawn, from 0.
            steps: how many steps.

        Raises:
            InputError: there are no such steps.
        """
        whole_number("start", start)
        whole_number("steps", steps, 1)
        if start >= len(self.inputs):
            raise InputError(
                f"start is {start}, expected 0 to {len(self.inputs) - 1}: there are {len(self.inputs)} steps"
            )
        shown = range(start, min(start + steps, len(self.inputs)))
        columns = [f"t = {t + 1}" for t in shown]
        forward = unrolled_figure(
            self._forward_rows(shown), columns, f"forward through time: {self.cell}", self.equations.forward
        )
        if not self.parts:
            return Chart(forward)
        label = f"backward through time: ∂L/∂ of each node, L = {self.loss:.4g}"
        return Chart(
            forward, unrolled_figure(self._backward_rows(shown), columns, label, self.equations.backward, back=True)
        )

    def to_frame(self) -> Any:
        """A polars frame with one row for each number: ``step``, ``quantity``, ``unit``, ``value``, ``gradient`` (null where
        there is none).

        Raises:
            MissingExtraError: polars is not installed.
        """
        rows: list[tuple[Any, ...]] = []
        for name in dict.fromkeys([*self.forward, *self.gradients]):
            values, gradients = self.forward.get(name), self.gradients.get(name)
            for place in np.ndindex(*(values if values is not None else self.gradients[name]).shape):
                pair = (None if each is None else float(each[place]) for each in (values, gradients))
                rows.append((place[0] + 1, name, place[1] if len(place) > 1 else 0, *pair))
        return frame_of(("step", "quantity", "unit", "value", "gradient"), rows)

    def __str__(self) -> str:
        return self.verdict

    def _sizes(self) -> dict[str, Values]:
        """The norm of each step's part of each parameter's gradient, ``[T]``."""
        return {name: np.linalg.norm(part.reshape(len(part), -1), axis=1) for name, part in self.parts.items()}

    def _forward_rows(self, shown: range) -> list[NodeRow]:
        rows = list[NodeRow]()
        if self.targets:
            words = NodeRow("", [self.targets[t] or None for t in shown], joined=False)
            rows += [words] if _worded(self.targets, self.forward["y"]) else []
            rows += [_row("y[t]", self.forward["y"], shown, joined=False), _row("E[t]", self.forward["error"], shown)]
        if "q" in self.forward:
            rows.append(_row("ŷ[t]", self.forward["prediction"], shown))
            rows += [] if np.array_equal(self.forward["prediction"], self.forward["q"]) else [self._of("q", shown)]
        rows += self._inner_rows(self.forward, shown, "{}[t]")
        return (
            [*rows, NodeRow("", [self.inputs[t] for t in shown])] if _worded(self.inputs, self.forward["x"]) else rows
        )

    def _inner_rows(self, numbers: Mapping[str, Values], shown: range, form: str) -> list[NodeRow]:
        """From the states down to the input; the gates are one group, and so are their pre-activations."""
        states = dict.fromkeys(name for name in ("h", *self.initial) if name in numbers)
        pre = [name for name in numbers if name == "a" or name.startswith("a_")]
        gates = [name for name in numbers if name not in (*states, *pre, "x", "q", "prediction", "y", "error")]
        rows = [_row(form.format(name), numbers[name], shown, across=name in self.initial) for name in states]
        for group in (gates[::-1], pre[::-1]):
            rows += [_row(form.format(name), numbers[name], shown, joined=name == group[-1]) for name in group]
        return [*rows, _row(form.format("x"), numbers["x"], shown)]

    def _of(self, name: str, shown: range) -> NodeRow:
        return _row(f"{name}[t]", self.forward[name], shown)

    def _backward_rows(self, shown: range) -> list[NodeRow]:
        rows = [_row("∂L/∂q[t]", self.gradients["q"], shown)] if "q" in self.gradients else []
        rows += self._inner_rows(self.gradients, shown, "∂L/∂{}[t]")
        for name, part in self.parts.items():
            letter, size = LETTERS.get(name, name), part[0].size
            if name == "bias_hh" and np.array_equal(part, self.parts["bias_ih"]):
                continue
            values = part if size <= FEW else np.linalg.norm(part.reshape(len(part), -1), axis=1)
            total = part.sum(0).ravel() if size <= FEW else np.array([np.linalg.norm(part.sum(0))])
            said = f"∂L/∂{letter}" if size <= FEW else f"‖∂L/∂{letter}‖"
            rows.append(_row(said, values, shown, joined=False, total=total))
        return rows


def _worded(words: Sequence[str], numbers: Values) -> bool:
    """Whether these are words that are not the numbers themselves."""
    return list(words) != _said(numbers)


def _row(name: str, values: Values, shown: range, **more: Any) -> NodeRow:
    found = [np.atleast_1d(values[t]).ravel() for t in shown]
    return NodeRow(name, [None if np.isnan(each).all() else each for each in found], **more)


def _said(numbers: Values) -> list[str]:
    """A row of numbers in a word; nothing for one of NaN."""
    return ["" if np.isnan(row).all() else " ".join(f"{value:.4g}" for value in row.tolist()) for row in numbers]


def unrolled_view(
    cell: tuple[str, Mapping[str, Any]], x: Any, y: Any = None, *, output: tuple[str, Mapping[str, Any]] | None = None,
    states: Sequence[Any] | None = None, inputs: Sequence[str] | None = None, targets: Sequence[str] | None = None,
) -> UnrolledView:  # fmt: skip
    r"""Run a small network over one sequence, forward and backward, and keep every number.

    .. math::
        L = \sum_t E_t, \qquad
        \delta h_t = V^\top \delta q_t + \Big(\frac{\partial s_{t+1}}{\partial h_t}\Big)^\top \delta s_{t+1}, \qquad
        \frac{\partial L}{\partial U} = \sum_t \frac{\partial L}{\partial U}\Big|_t

    Every step uses the same parameters, so that a gradient is a sum with one part from each step. The numbers are those of the
    reference cells (:mod:`unrolled.cells`) in float64, which need no torch. Source: Werbos 1990, Proceedings of the IEEE 78(10).

    Args:
        cell: the name of a cell of :data:`unrolled.cells.CELLS`, and its parameters by name; biases are 0 unless given.
        x: what is read, ``[T, I]``.
        y: what each step is to say, ``[T, O]``; a step of NaN has no loss. None runs forward only.
        output: ``"linear"``, ``"sigmoid"`` or ``"softmax"`` with the parameters ``weight [O, H]`` and ``bias [O]``, and the loss
            that goes with it: half the squared error, binary or categorical cross entropy. Without one ``h`` is the
            prediction, by the squared error.
        states: those before the first step, ``[H]`` each in the order of the cell's ``states``; zeros unless given.
        inputs, targets: words for each step's input and target, for the picture; their numbers unless given.

    Returns:
        An :class:`UnrolledView`; its ``plot`` draws the network over time.

    Raises:
        InputError: an unknown cell or output, or shapes that do not go together; the message names both sides.

    >>> one = {"weight_ih": [[1.0]], "weight_hh": [[0.5]]}
    >>> view = unrolled_view(("rnn_identity", one), [[1.0], [0.0]], [[np.nan], [0.0]])
    >>> view.forward["h"].ravel(), view.gradients["h"].ravel()  # h = 1, then 0.5; L = 0.5²/2
    (array([1. , 0.5]), array([0.25, 0.5 ]))
    >>> view.parts["weight_ih"].ravel()
    array([0.25, 0.  ])
    """
    if not isinstance(cast("Any", cell), tuple):
        raise InputError(f"cell is {cell!r:.60}, expected a pair of the name of a cell and its parameters")
    rows = _numbers("x", x)
    path = path_of(cell, rows[:, None], None)
    described, params = path.step.cell, dict(path.step.params)
    if described.clip is not None:
        raise InputError(f"{described.name} with clip={described.clip} has no backward pass: leave the clip out")
    start = None if states is None else tuple(np.atleast_2d(np.asarray(state, np.float64)) for state in states)
    h, _, tape = described.forward(params, rows[:, None], start)
    forward: dict[str, Values] = {"x": rows, **_pre_activations(described, params, tape)}
    forward |= {name: _stacked([now.gates[name] for now in tape]) for name in described.gates if name != "h"}
    forward |= {name: _stacked([now.after[k] for now in tape]) for k, name in enumerate(described.states)}
    forward["h"] = h[:, 0]
    initial = {name: state[0] for name, state in zip(described.states, tape[0].before, strict=True)}
    q, weights, equations = _read_out(forward, output, equations_of(described))
    wanted = None if y is None else _targets(y, q)
    words = _words("inputs", inputs, rows), () if wanted is None else _words("targets", targets, wanted)
    if wanted is None:
        equations = Equations(tuple(line for line in equations.forward if not line.startswith("E[t]")), ())
        return UnrolledView(described.name, *words, forward, {}, initial, {}, {}, equations)
    activation = "linear" if output is None else output[0]
    forward["y"] = wanted
    forward["error"], grad_q = _losses(activation, q, wanted)
    parts, grad_h = dict[str, Values](), grad_q
    gradients = {} if output is None else {"q": grad_q}
    if output is not None:
        parts = {"V": grad_q[:, :, None] * forward["h"][:, None], "b_y": grad_q}
        grad_h = grad_q @ weights["weight"]
    backward, of_cell, initial_gradients = _backward(described, params, tape, grad_h)
    return UnrolledView(
        described.name, *words, forward, gradients | backward, initial, initial_gradients, of_cell | parts, equations
    )


def _numbers(name: str, given: Any, *, holes: bool = False) -> Values:
    try:
        found = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.ndim != 2 or not found.size:
        raise InputError(f"{name} is {given!r:.60}, expected numbers [T, {'O' if holes else 'I'}]: a row for each step")
    if not (np.isfinite(found) | (np.isnan(found) & holes)).all():
        raise InputError(f"{name} has values that are not finite{'; a step without a target is one of NaN' * holes}")
    return found


def _targets(y: Any, q: Values) -> Values:
    found = _numbers("y", y, holes=True)
    if found.shape != q.shape:
        raise InputError(f"y has shape {list(found.shape)}, expected {list(q.shape)}: of each step's prediction")
    holes = np.isnan(found)
    if (holes.any(1) != holes.all(1)).any():
        raise InputError("y has steps of which some numbers are NaN: a step without a target is one of NaN alone")
    if holes.all():
        raise InputError("y has no step with a target: leave it out, and there is no backward pass")
    return found


def _words(name: str, given: Sequence[str] | None, rows: Values) -> tuple[str, ...]:
    if given is None:
        return tuple(_said(rows))
    if isinstance(given, str) or len(given) != len(rows):
        raise InputError(f"{name} has {len(given)} words, expected {len(rows)}: one for each step")
    return tuple(map(str, given))


def _stacked(values: Sequence[Values]) -> Values:
    return np.stack([value[0] for value in values])


def _read_out(
    forward: dict[str, Values], output: tuple[str, Mapping[str, Any]] | None, equations: Equations
) -> tuple[Values, dict[str, Values], Equations]:
    """``q`` of each step, the parameters of the output layer, and the equations with those of output and loss."""
    if output is None:
        return forward["h"], {}, Equations((*equations.forward, "E[t] = ½ Σ_k (h_k - y_k)²"), equations.backward)
    if not isinstance(cast("Any", output), tuple) or len(output) != 2:
        raise InputError(
            f"output is {output!r:.60}, expected a pair: 'linear', 'sigmoid' or 'softmax', and its parameters"
        )
    activation, given = output
    weights = {name: np.asarray(value, np.float64) for name, value in given.items()}
    layer = OutputLayer(cast("Any", activation))
    forward["prediction"], tape = layer.forward(weights, forward["h"])
    forward["q"] = tape.q
    said = "q[t] = V h[t] + b_y", *OUTPUTS[activation]
    back = "δq[t] = ŷ[t] - y[t]", "δh[t] = Vᵀ δq[t] + what comes from t+1", "dV = Σ_t δq[t] h[t]ᵀ", "db_y = Σ_t δq[t]"
    return tape.q, weights, Equations((*equations.forward, *said), (*back, *equations.backward))


def _losses(activation: str, q: Values, y: Values) -> tuple[Values, Values]:
    """``E [T]``, NaN where there is no target, and ``δq [T, O]``."""
    told = ~np.isnan(y).all(1)
    error, grad_q = np.full(len(q), np.nan), np.zeros_like(q)
    error[told], grad_q[told] = LOSSES[activation](q[told], y[told])
    return error, grad_q


def _pre_activations(cell: Cell, params: Mapping[str, Values], tape: Sequence[Step]) -> dict[str, Values]:
    """``W x[t] + U h[t-1] + b`` by gate; empty for cells whose gates see anything else."""
    others = set(params) - {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "alpha"}
    if others or cell.recurrence == "two_product" or cell.name in ("gru", "slstm", "qrnn"):
        return {}
    x, h = _stacked([now.x for now in tape]), _stacked([now.before[0] for now in tape])
    U = params.get("weight_hh", np.zeros(h.shape[1]))
    from_h = h * U if U.ndim == 1 else h @ U.T
    both = x @ params["weight_ih"].T + params["bias_ih"] + params.get("bias_hh", 0.0)
    from_h = np.tile(from_h, len(cell.gates)) if "weight_hh" not in params else from_h
    return _by_gate(cell, both + from_h)


def _by_gate(cell: Cell, stacked: Values) -> dict[str, Values]:
    blocks = np.split(stacked, len(cell.gates), axis=-1)
    return {_pre(cell, gate): block for gate, block in zip(cell.gates, blocks, strict=True)}


def _pre(cell: Cell, gate: str) -> str:
    return "a" if len(cell.gates) == 1 else f"a_{gate}"


def _backward(
    cell: Cell, params: dict[str, Values], tape: Sequence[Step], grad_h: Values
) -> tuple[dict[str, Values], dict[str, Values], dict[str, Values]]:
    """Gradients of each step's quantities, each step's parts of the parameters' gradients, and those of the initial states."""
    asked, with_biases = _with_biases(cell, params)
    later: list[Values] = [np.zeros_like(state) for state in tape[0].before]
    found: list[dict[str, Values]] = []
    for now, from_loss in zip(reversed(tape), grad_h[::-1, None], strict=True):
        arriving = [d + from_loss if name == "h" else d for name, d in zip(cell.states, later, strict=True)]
        made = arriving if cell.hands_on_h else [from_loss, *arriving]
        before, grads = asked.step_backward(asked, with_biases, now, *made)
        states = {"h": from_loss} | dict(zip(cell.states, arriving, strict=True))
        found.append({**states, **grads, **_pre_gradients(asked, with_biases, now, made, grads)})
        later = list(before)
    found.reverse()
    gates = [_pre(cell, gate) for gate in cell.gates]
    gradients = {name: _stacked([each[name] for each in found]) for name in ("x", *gates, *cell.states, "h")}
    parts = {name: np.stack([each[name] for each in found]) for name in params}
    if asked is not cell:  # the biases that this cell lacks come last of all
        parts = {
            name: part[(slice(None), *(slice(-n, None) for n in params[name].shape))] for name, part in parts.items()
        }
    return gradients, parts, {name: d[0] for name, d in zip(cell.states, later, strict=True)}


def _with_biases(cell: Cell, params: dict[str, Values]) -> tuple[Cell, dict[str, Values]]:
    """GRU2 as the GRU1 whose gates have biases of 0, so that there are gradients of what they are added to."""
    if cell.name != "gru2":
        return cell, params
    nothing = np.zeros(2 * len(params["bias_ih"]))
    return get_cell("gru1"), {
        name: np.concatenate([nothing, value]) if name.startswith("bias") else value for name, value in params.items()
    }


def _pre_gradients(
    cell: Cell, params: dict[str, Values], now: Step, made: Sequence[Values], grads: Mapping[str, Values]
) -> dict[str, Values]:
    """Of the pre-activations, ``[1, H]`` each: what a bias that is added to them gets, or the weight of an input of 1."""
    biased = np.split(grads["bias_ih"], len(cell.biased))
    found = {_pre(cell, gate): block[None] for gate, block in zip(cell.biased, biased, strict=True)}
    if len(found) < len(cell.gates):
        _, of_ones = cell.step_backward(cell, params, now._replace(x=np.ones_like(now.x)), *made)
        found = {name: block[:, 0][None] for name, block in _rows_by_gate(cell, of_ones["weight_ih"]).items()} | found
    return found


def _rows_by_gate(cell: Cell, weight: Values) -> dict[str, Values]:
    return {_pre(cell, gate): block for gate, block in zip(cell.gates, np.split(weight, len(cell.gates)), strict=True)}
