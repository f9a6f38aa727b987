"""What a model remembers, why it does not learn, and the change to try, in sentences with the numbers they were measured by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from unrolled.charts.chart import Chart
from unrolled.charts.decay import decay_figure
from unrolled.errors import InputError
from unrolled.insight.causes import Change, Reason, reason_for
from unrolled.insight.evidence import Evidence, LayerFacts, measured
from unrolled.insight.gradient_flow import VANISHED
from unrolled.insight.ignorance import learned_by
from unrolled.insight.known_losses import one_number, without_reading
from unrolled.insight.result_frame import frame_of
from unrolled.insight.subject import Subject, is_estimator, of_estimator
from unrolled.insight.training_runs import TrainingLosses, training_runs
from unrolled.insight.watching import arguments_of, require_module
from unrolled.kernels.admission import whole_number
from unrolled.progress import ShareBar, person_watches

__all__ = ["Explanation", "explain", "facts_of", "in_use"]


@dataclass(frozen=True)
class Explanation:
    """What was found.

    Attributes:
        evidence: what was measured.
        reason: why the model does not learn; None where nothing was found that stands in the way.
    """

    evidence: Evidence
    reason: Reason | None

    @property
    def remembers(self) -> str:
        """What it remembers, in a sentence."""
        layer, count = self.evidence.longest, len(self.evidence.layers)
        most = f", the longest memory of {count} layers and directions" if count > 1 else ""
        numbers = "; ".join(_numbers(layer))
        return f"It remembers {_steps(layer)} in {layer.place}, {_called(layer)}{most}{f' ({numbers})' if numbers else ''}."

    @property
    def why(self) -> str:
        """Why it does not learn, or that nothing stands in the way, in a sentence."""
        learned, reason = self.evidence.learned, self.reason
        loss = f"its loss is {self.evidence.loss:.3g}" if learned is None else str(learned)
        if reason is None:
            if learned is None:
                return f"Nothing was found that stands in the way of learning; {loss}."
            if learned.has:
                return f"It has learned ({loss}), and nothing stands in the way."
            return (
                f"It has learned {_how_much(learned.share)} ({loss}), and nothing that was measured stands in the way: perhaps"
                " it needs more examples or epochs, or what it reads says no more."
            )
        if reason.cause == "not_finite":
            return f"It cannot learn: {reason.words}."
        if reason.cause == "same_targets":
            return f"Whether it has learned cannot be told from these data: {reason.words} ({loss})."
        if learned is None:
            return f"What stands in the way of learning: {reason.words} ({loss})."
        if learned.has:
            return f"It has learned these data ({loss}), but {reason.words}."
        return f"It has learned {_how_much(learned.share)} ({loss}), and {reason.words}."

    @property
    def change(self) -> Change | None:
        """The change to try; None where there is no reason for one."""
        return None if self.reason is None else self.reason.change

    @property
    def advice(self) -> str:
        """The change to try, in a sentence; empty where there is none."""
        given = {} if self.change is None else self.change.values
        return self.advised(", ".join(f"{name}={value!r}" for name, value in given.items()))

    def advised(self, values: str) -> str:
        """The same, with the values of its parameters as somebody writes them."""
        if self.reason is None:
            return ""
        if self.change is None:
            return "No change of a setting follows from that."
        return f"Try {self.change.words}{f': {values}' if values else ''}."

    @property
    def verdict(self) -> str:
        """All of it."""
        return "\n".join(filter(None, (self.remembers, self.why, self.advice)))

    def plot(self) -> Chart:
        """How much changes of each layer's state are felt at the end, by steps back."""
        lines = {layer.place: layer.back for layer in self.evidence.layers}
        label = "how much a change of the state is felt at the end, relative to one at the end"
        return Chart(decay_figure(lines, "steps back", label, mark=VANISHED))

    def to_frame(self) -> Any:
        """A polars frame with one row for each direction of each layer: ``place``, ``cell``, ``units``, ``steps``, ``memory``,
        ``rate``, ``time_constant`` (of the median unit), ``at_the_edge``, ``dead``.

        Raises:
            MissingExtraError: polars is not installed.
        """
        columns = ("place", "cell", "units", "steps", "memory", "rate", "time_constant", "at_the_edge", "dead")
        return frame_of(columns, [tuple(facts_of(layer)[name] for name in columns) for layer in self.evidence.layers])

    def __str__(self) -> str:
        return self.verdict


def explain(model: Any, data: Any, loss: Callable[[Any, Any], Any] | None = None, *, member: int = 0) -> Explanation:
    r"""Say what a model remembers, why it does not learn, and what to change, from what is measured on data.

    How long a layer remembers is the number of steps after which a change of its state is felt by less than 1 %
    (:mod:`unrolled.insight.evidence`), with the Lyapunov exponent of its Jacobians and the time constants of its gates.
    Whether the model has learned is judged by its loss beside that of an answer which is always the same
    (:mod:`unrolled.insight.ignorance`), where that is known: of estimators, and of modules with a loss of ``torch.nn`` that is
    a mean. Where it has learned, nothing is looked for but that it did so by heart: a short memory stands in nobody's way who
    needs none. Otherwise causes are, by rules with numbers of their own (:mod:`unrolled.insight.causes`). That a cause is
    there does not prove that it is the one: the change is to be tried.

    Args:
        model: a fitted estimator, or any torch module with recurrent layers, in evaluation mode if it has dropout.
        data: as :func:`unrolled.insight.gradient_flow` takes them; a few dozen sequences do.
        loss: of a module, ``loss(model(*inputs), targets)``: a tensor of one number. Of mean ``MSELoss``, ``CrossEntropyLoss``
            and ``BCEWithLogitsLoss`` without weights, or their functions, it is known what who reads nothing would have.
        member: which network of an estimator.

    Returns:
        An :class:`Explanation`.

    Raises:
        InputError: there is no recurrent layer that can be looked into, or the data do not fit.
        MissingExtraError: torch is not installed.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> rnn, x = torch.nn.RNN(1, 8), torch.randn(60, 16, 1)  # which is asked for its first input
    >>> found = explain(rnn, (x, x[0]), lambda output, y: (output[0][-1, :, :1] - y).square().mean())
    >>> print(found)
    It remembers ... of 60 steps in l0, a simple RNN of 8 units (a change is multiplied by 0... a step, ...).
    What stands in the way of learning: gradients vanish: ... steps later l0 feels a change by less than 1 %, ...
    Try a GRU, whose gates can keep a state, started for spans of up to 60 steps: cell='gru', chrono=60.
    """
    whole_number("member", member)
    if is_estimator(model):
        if loss is not None:
            raise InputError(f"{type(model).__name__} has the loss of its fit: leave loss out")
        given = cast("tuple[Any, ...]", data) if isinstance(data, tuple) else (data,)
        with ShareBar("looking inside", person_watches()) as bar:
            found = measured(of_estimator(model, data, member), tell=bar)
        runs = training_runs(model)
        run = runs[member] if member < len(runs) else TrainingLosses([], [], None)
        evidence = Evidence(
            **found,
            learned=learned_by(model, given, found["loss"]),
            settings=in_use(model),
            losses=run.losses,
            validation_losses=run.validation,
        )
        return Explanation(evidence, reason_for(evidence))
    require_module(model)
    if not isinstance(data, tuple) or len(cast("tuple[Any, ...]", data)) != 2:
        raise InputError(f"data is a {type(data).__name__}, expected a pair (inputs, targets)")
    if loss is None or member:
        raise InputError("a module needs loss=, a function of its output and the targets, and has no member")
    inputs, targets = cast("tuple[Any, Any]", data)
    with ShareBar("looking inside", person_watches()) as bar:
        found = measured(Subject(model, lambda: one_number(loss(model(*arguments_of(inputs)), targets))), tell=bar)
    evidence = Evidence(**found, learned=without_reading(loss, found["loss"], targets))
    return Explanation(evidence, reason_for(evidence))


def in_use(model: Any) -> dict[str, Any]:
    """The parameters of a fitted estimator, with what its fit has filled in where that shows."""
    from unrolled.tasks.generation.generator_parameters import CARRIED_STEPS

    given = dict(model.get_params())
    for name in ("input_window", "horizon"):
        if hasattr(model, f"{name}_"):
            given[name] = getattr(model, f"{name}_")
    if getattr(model, "carried_", False):
        given["truncate"] = given["truncate"] or CARRIED_STEPS
    return given


def facts_of(layer: LayerFacts) -> dict[str, Any]:
    """What was measured of a layer, as plain numbers."""
    tau = layer.time_constants
    return {
        "place": layer.place, "cell": layer.cell, "units": layer.units, "steps": layer.steps, "memory": layer.memory,
        "growth": layer.growth, "rate": layer.rate, "time_constant": None if tau is None else float(np.median(tau)),
        "longest_time_constant": None if tau is None else float(tau.max()), "at_the_edge": layer.at_the_edge, "dead": layer.dead,
        "saturation": {gate: list(shares) for gate, shares in layer.saturation.items()},
    }  # fmt: skip


def _steps(layer: LayerFacts) -> str:
    if not np.isfinite(layer.back).all():
        return "nothing that can be measured"
    return f"all of its {layer.steps} steps" if layer.memory is None else f"{layer.memory} of {layer.steps} steps"


def _called(layer: LayerFacts) -> str:
    names = {"rnn_tanh": "a simple RNN", "rnn_relu": "a simple RNN with ReLU", "lstm": "an LSTM", "gru": "a GRU"}
    name = names.get(layer.cell, f"a layer of {layer.cell}")
    return f"{name} of {layer.units} unit{'s' * (layer.units != 1)}"


def _numbers(layer: LayerFacts) -> list[str]:
    """What else is known of a memory, a clause each."""
    said: list[str] = []
    share = float(layer.back[-1])
    if layer.memory is None and math.isfinite(share):
        much = f"by {share:.0%} of" if share < 1 else f"{share:.3g} times as much as"
        said.append(f"at the end a change of the first step is felt {much} one of the last")
    if layer.rate is not None and math.isfinite(layer.rate):
        factor = f"a change is multiplied by {math.exp(layer.rate):.2g} a step"
        said.append(f"{factor}, its largest Lyapunov exponent is {layer.rate:.2f}")
    tau = layer.time_constants
    if tau is not None:
        said.append(
            f"its gates keep a state for {np.median(tau):.3g} steps in the median unit, {tau.max():.3g} in the longest"
        )
    return said


def _how_much(share: float) -> str:
    return "nothing" if share > 0.97 else "little" if share > 0.8 else "only a part"
