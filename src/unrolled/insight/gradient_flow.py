r"""How the gradient of the loss flows back through time: :math:`\|\partial L / \partial h_t\|` for every step and layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from unrolled.aliases import Values
from unrolled.cells import get_cell
from unrolled.charts.chart import Chart
from unrolled.charts.decay import decay_figure
from unrolled.charts.heatmap import heatmap_figure
from unrolled.errors import InputError
from unrolled.insight.result_frame import frame_of
from unrolled.insight.subject import Subject, is_estimator, of_estimator
from unrolled.insight.watching import Trace, arguments_of, require_module, require_traces, watched
from unrolled.kernels.admission import whole_number

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["VANISHED", "GradientFlow", "StateFlow", "gradient_flow"]

VANISHED = 0.01
"""The share of the last step's norm below which a step counts as forgotten."""
MOST_SHOWN = 60
"""Steps of a matrix that a picture can show."""


@dataclass(frozen=True)
class StateFlow:
    """The gradient with respect to one state of one direction of one layer."""

    place: str
    """Such as ``encoder.l0``, or ``l1_reverse`` where the model is the layer itself."""
    state: str
    """``h``, ``c``, ..."""
    norms: Values
    """Of each step in the order of time, ``[T]``: the mean over its sequences."""
    back: Values
    """By steps back from where each sequence ends, or, for the losses of single steps, from the step of the loss, ``[T]``."""
    by_loss: Values | None = None
    """``[T, T]``: the norm at step ``t`` in column ``t`` of the loss of step ``k`` in row ``k``, if it was asked for."""

    @property
    def memory(self) -> int | None:
        """Effective memory: steps back until the mean norm is below 1 % of that at no steps back; None if it never is."""
        forgotten = np.flatnonzero(self.back < VANISHED * self.back[0])
        return int(forgotten[0]) if len(forgotten) else None

    def __str__(self) -> str:
        steps, name = len(self.back) - 1, f"dL/d{self.state} of {self.place}"
        if not np.isfinite(self.back).all():
            return f"{name} is not finite: it has exploded, or inputs or weights are not finite"
        if not self.back[0] > 0:
            return f"{name}: the loss does not depend on the last step"
        if self.memory is not None:
            return f"{name} is below 1 % of the last step's {_steps(self.memory)} back"
        share = self.back[-1] / self.back[0]
        if share > 1 / VANISHED:
            return f"{name} explodes: {_steps(steps)} back it is {share:.3g} times that of the last step"
        return (
            f"{name}, {_steps(steps)} back, which is the furthest there is, is {share:.3g} times that of the last step"
        )


def _steps(count: int) -> str:
    return f"{count} step{'s' * (count != 1)}"


@dataclass(frozen=True)
class GradientFlow:
    """Norms of gradients, by state and by parameter.

    Attributes:
        loss: the loss, summed if there is one for each step.
        states: one :class:`StateFlow` for each state of each direction of each layer.
        parameters: the norm of the gradient of each parameter that learns.
        kept: path → why nobody could look inside that recurrent layer.
    """

    loss: float
    states: tuple[StateFlow, ...]
    parameters: dict[str, float]
    kept: dict[str, str]

    def state(self, place: str, state: str = "h") -> StateFlow:
        """The flow of one state.

        Raises:
            InputError: there is none of that name; the message lists all.
        """
        for flow in self.states:
            if (flow.place, flow.state) == (place, state):
                return flow
        known = ", ".join(f"{flow.place} {flow.state}" for flow in self.states)
        raise InputError(f"no state {state!r} of {place!r}; there are {known}")

    @property
    def verdict(self) -> str:
        """One sentence for each state, with the number that says so."""
        return "\n".join(map(str, self.states))

    def plot(self) -> Chart:
        """The norms by steps back, each line relative to its first, on a logarithmic axis; with matrices where there are such."""
        lines = {f"{flow.place} {flow.state}": _relative(flow.back) for flow in self.states}
        figures = [
            decay_figure(lines, "steps back", "norm of the gradient, relative to that of the last step", mark=VANISHED)
        ]
        for flow in self.states:
            if flow.by_loss is not None and len(flow.by_loss) <= MOST_SHOWN:
                steps = [str(t) if t % 5 == 0 else "" for t in range(len(flow.by_loss))]
                shares = np.stack([_relative(row, float(row.max())) for row in flow.by_loss])
                label = f"dL[k]/d{flow.state}[t] of {flow.place}: row k, column t, relative to the row's largest"
                figures.append(heatmap_figure(shares, steps, steps, label))
        return Chart(*figures)

    def to_frame(self) -> Any:
        """A polars frame with one row for each step of each state: ``place``, ``state``, ``step``, ``norm``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        rows = [(f.place, f.state, t, norm) for f in self.states for t, norm in enumerate(f.norms.tolist())]
        return frame_of(("place", "state", "step", "norm"), rows)

    def __str__(self) -> str:
        return self.verdict


def gradient_flow(
    model: Any, data: Any, loss: Callable[[Any, Any], Any] | None = None, *, each_step: bool = False, member: int = 0
) -> GradientFlow:
    r"""Measure how the gradient of a loss flows back through the recurrent layers of a model.

    .. math::
        \delta h_t = \frac{\partial L}{\partial h_t} = \frac{\partial L}{\partial h_t}\Big|_{\text{direct}}
            + \Big(\frac{\partial h_{t+1}}{\partial h_t}\Big)^\top \delta h_{t+1} + \dots

    :math:`\delta h_t` and :math:`\delta c_t` hold everything that the loss owes to a state, on whatever way. For each step,
    layer and direction the result has the mean of :math:`\|\delta h_t\|_2` over the sequences, and the effective memory: how
    many steps back that falls below 1 % of the last step's. The layers run one step at a time by the equations of their cell
    (:mod:`unrolled.cells`), and torch differentiates them; fused layers, torch's own included, do not show what is inside.
    The model runs in the mode it is in (``model.eval()`` for one without dropout), and nothing of it changes: no parameter, and
    no ``.grad``. A layer with ``truncate`` is looked through without the truncation. Source: Pascanu, Mikolov, Bengio 2013,
    arXiv 1211.5063.

    Args:
        model: any ``torch.nn.Module`` with layers of ``torch.nn.RNN``, ``LSTM``, ``GRU`` or of :mod:`unrolled.nn`, or any
            fitted estimator.
        data: for a module a pair ``(inputs, targets)``; ``inputs`` is a tensor or packed sequence, or a tuple of all
            arguments. For an estimator ``(X, y)`` as its ``evaluate`` takes them; for a forecaster or detector the series, for a
            generator its pieces, or ``(pieces, conditions)``.
        loss: ``loss(model(*inputs), targets)`` gives a scalar, with ``each_step`` a tensor ``[T]``. An estimator has its own.
        each_step: measure the loss of each step apart, which takes as many backward passes as there are steps. Where every
            step has a loss, only that tells how far back each of them reaches.
        member: which network of an estimator; those of a forecaster learn together, and their places tell them apart.

    Returns:
        A :class:`GradientFlow`.

    Raises:
        InputError: the model has no recurrent layer that can be looked into, the loss is no scalar, or not one a step.
        MissingExtraError: torch is not installed.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> rnn = torch.nn.RNN(1, 16)
    >>> flow = gradient_flow(rnn, (torch.randn(40, 8, 1), None), lambda output, _: output[0][-1].square().mean())
    >>> print(flow)
    dL/dh of l0 is below 1 % of the last step's ... steps back
    >>> flow.state("l0").norms.shape, sorted(flow.parameters)
    ((40,), ['bias_hh_l0', 'bias_ih_l0', 'weight_hh_l0', 'weight_ih_l0'])
    """
    module, run = _module_and_loss(model, data, loss, each_step, member)
    learned = {name: weight for name, weight in module.named_parameters() if weight.requires_grad}
    with watched(module) as seen:
        losses = _checked_loss(run(), each_step)
        require_traces(seen)
        traces = list(seen.traces.values())
        total = losses.sum()
        of_states = _state_norms(total, traces)
        of_parameters = _gradients(total, list(learned.values()))
        apart = [_state_norms(single, traces) for single in losses] if each_step else []
    states = [
        _flow(trace, name, norms, [each[i][name] for each in apart])
        for i, trace in enumerate(traces)
        for name, norms in of_states[i].items()
    ]
    norms = {
        name: 0.0 if gradient is None else float(gradient.detach().double().norm())
        for name, gradient in zip(learned, of_parameters, strict=True)
    }
    return GradientFlow(float(total.detach()), tuple(states), norms, seen.kept)


def _module_and_loss(
    model: Any, data: Any, loss: Callable[[Any, Any], Any] | None, each_step: bool, member: int
) -> Subject:
    """The module that is watched, and what runs it to its loss."""
    whole_number("member", member)
    if is_estimator(model):
        if loss is not None or each_step:
            raise InputError(
                f"{type(model).__name__} has the loss of its fit, over all of the data: leave loss and each_step out"
            )
        return of_estimator(model, data, member)
    if not isinstance(data, tuple) or len(cast("tuple[Any, ...]", data)) != 2:
        raise InputError(
            f"data is a {type(data).__name__}, expected a pair: (inputs, targets), or (X, y) for an estimator"
        )
    inputs, targets = cast("tuple[Any, Any]", data)
    require_module(model)
    if member:
        raise InputError(f"member is {member}, but a module is one network: leave it out")
    if loss is None:
        raise InputError("a module needs loss=, a function of its output and the targets")
    return Subject(model, lambda: loss(model(*arguments_of(inputs)), targets))


def _checked_loss(losses: Any, each_step: bool) -> Tensor:
    if not hasattr(losses, "requires_grad"):
        raise InputError(f"loss gave a {type(losses).__name__}, expected a tensor of torch that gradients flow through")
    shape = tuple(losses.shape)
    if each_step and len(shape) != 1:
        raise InputError(f"loss gave {shape}, expected a tensor [T] with each_step=True: one loss a step")
    if not each_step and shape not in ((), (1,)):
        raise InputError(f"loss gave {shape}, expected a scalar; each_step=True takes a tensor [T]")
    if not losses.requires_grad:
        raise InputError("the loss does not depend on anything that has a gradient: is it computed under no_grad()?")
    return losses


def _gradients(loss: Tensor, of: Sequence[Tensor]) -> Sequence[Tensor | None]:
    import torch

    return torch.autograd.grad(loss, of, retain_graph=True, allow_unused=True) if of else ()


def _state_norms(loss: Tensor, traces: Sequence[Trace]) -> list[dict[str, list[Values]]]:
    """Of each trace the norms of the gradient with respect to each state: of each step ``[B]``, in the order of its steps."""
    shown = [("h", *(name for name in get_cell(trace.cell).memory if name != "h")) for trace in traces]
    tensors = [
        step.states[name] for trace, names in zip(traces, shown, strict=True) for name in names for step in trace.steps
    ]
    following = iter(zip(tensors, _gradients(loss, tensors), strict=True))
    return [
        {name: [_row_norms(*next(following)) for _ in trace.steps] for name in names}
        for trace, names in zip(traces, shown, strict=True)
    ]


def _row_norms(state: Tensor, gradient: Tensor | None) -> Values:
    if gradient is None:  # the loss does not depend on it
        return np.zeros(len(state))
    return gradient.detach().double().norm(dim=1).numpy()


def _flow(trace: Trace, state: str, norms: list[Values], apart: list[list[Values]]) -> StateFlow:
    """The flow of one state, of the norms of all losses together and of each loss apart."""
    means = _means(norms)[trace.in_time]
    if not apart:
        return StateFlow(trace.place, state, means, _steps_back(norms))
    T = len(norms)
    if len(apart) != T:
        raise InputError(f"loss gave {len(apart)} losses, but {trace.place} took {T} steps: expected one loss a step")
    by_loss = np.stack([_means(each)[trace.in_time] for each in apart])
    towards = 1 if trace.backwards else -1
    back = np.array([np.diagonal(by_loss, towards * s).mean() for s in range(T)])
    return StateFlow(trace.place, state, means, back, by_loss)


def _means(norms: list[Values]) -> Values:
    return np.array([each.mean() if len(each) else 0.0 for each in norms])


def _steps_back(norms: list[Values]) -> Values:
    """Means by steps back from the last step of each sequence; the rows of a step are its first sequences, ``[T]``."""
    B, T = max(map(len, norms)), len(norms)
    if not B:
        return np.zeros(T)
    padded = np.full((T, B), -1.0)  # which no norm is
    for t, each in enumerate(norms):
        padded[t, : len(each)] = each
    by_row = [row[alive][::-1] for row, alive in zip(padded.T, (padded != -1).T, strict=True)]
    return np.array([np.mean([row[s] for row in by_row if len(row) > s]) for s in range(max(map(len, by_row)))])


def _relative(values: Values, to: float | None = None) -> Values:
    """To the first, or to a given number; zeros where that is zero."""
    base = float(values[0]) if to is None else to
    return values / base if base > 0 else np.zeros_like(values)
