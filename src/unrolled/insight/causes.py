r"""Why a network does not learn: one small rule for each cause, and the change that it asks for.

A rule reads :class:`unrolled.insight.evidence.Evidence` and says nothing, or a cause with the numbers that say so. ``RULES``
has the order in which they are asked: what makes all other numbers worthless comes first. Causes are called as
:class:`unrolled.insight.Watcher` calls them, where it knows them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled.cells import get_cell
from unrolled.errors import InputError
from unrolled.insight.evidence import Evidence, LayerFacts
from unrolled.insight.remade import with_chrono, with_gru, with_orthogonal_start, with_scaled_inputs, with_tanh

__all__ = ["RULES", "Change", "Reason", "reason_for"]

GREW = 100.0
"""A change of a state that becomes so many times larger on its way explodes."""
STILL_FELT = 0.1
"""The share by which the first step of a window is felt at its end, from which on what is before may matter, too."""
SMALL, LARGE, OFF_CENTRE = 0.1, 10.0, 3.0
"""Standard deviations of inputs, and their mean in these, beyond which they are not scaled."""
MOSTLY = 0.5
"""The share of outputs at the edge, or of units dead, from which on that is the cause."""
STUCK = 0.95
"""The share of a gate's values that are closed or open, from which on it is stuck."""
ROSE, OFTEN = 1.05, 0.3
"""An epoch's loss in that of the one before, from which on it rose, and the share of epochs that may."""
HARDLY = 0.05
"""The share of the first epoch's loss by which a training must lower it, or its learning rate is too low."""
TINY, USUAL = 1e-4, 5e-3
"""Learning rates of Adam: below the one training takes very long, the other is that of most estimators here."""
HALF = 0.5
"""The share of the loss on what was kept back, below which that on what was learned from means that it is known by heart."""
STEPS = 8
"""Epochs that tell something of a learning rate."""
NEARLY = 0.8
"""The share of the steps from which on a memory reaches back to nearly all of them."""
DIRECT = 0.1
"""Of the loss's gradient at the step that it reaches best, the share from which on it reaches forgotten steps on another way."""
FEW, SOME = 3, 20
"""Epochs that tell nothing yet, fewer than these, and so many to try in their place."""
LATE = 0.8
"""The share of the epochs after which the best one comes on what was kept back, where more of them would help."""
LAST, FALLS = 0.5, 0.25
"""A share of the epochs, the last ones; of all that the loss fell by, the share that it fell in them where they were too few."""


@dataclass(frozen=True)
class Change:
    """One change to try.

    Attributes:
        words: what is done and why it should help, in a clause.
        values: parameters of an estimator.
        module: what becomes of a torch module that was just made; None where that cannot be done to it.
        clip_norm, rate: of its training: the norm gradients are clipped to, and the factor of the learning rate.
    """

    words: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    module: Callable[[Any], Any] | None = None
    clip_norm: float | None = None
    rate: float = 1.0


@dataclass(frozen=True)
class Reason:
    """Why a network does not learn."""

    cause: str
    """In one word."""
    words: str
    """In a clause, with the numbers that say so."""
    change: Change | None
    """None where nothing follows from what was measured."""


Rule = Callable[[Evidence], Reason | None]


def not_finite(e: Evidence) -> Reason | None:
    """Numbers that are not finite pass through everything: nothing else can be said."""
    if not all(map(math.isfinite, e.inputs)):
        return Reason("not_finite", "its inputs hold numbers that are not finite", None)
    if e.learned is not None and not math.isfinite(e.learned.other):
        return Reason("not_finite", "its targets hold numbers that are not finite", None)
    if math.isfinite(e.loss) and math.isfinite(e.gradient):
        return None
    words = f"its loss is {e.loss:.3g} and the norm of its gradient {e.gradient:.3g}: a step was too large"
    return Reason("not_finite", words, _slower(e, "a third of the learning rate, and gradients clipped at 1", clip=1.0))


def same_targets(e: Evidence) -> Reason | None:
    """Where all targets are the same, a network that reads nothing is perfect: nothing is learned, and nothing judged."""
    if e.learned is None or e.learned.other > 0:
        return None
    return Reason("same_targets", "their targets are all the same, so that nothing can be learned from them", None)


def inputs_not_scaled(e: Evidence) -> Reason | None:
    """Weights start for inputs around 0 of a size near 1: others saturate gates, or are drowned by their biases.

    An estimator scales what it reads itself.
    """
    mean, spread, largest = e.inputs
    off = abs(mean) > OFF_CENTRE * max(spread, SMALL)
    if e.settings or spread <= 0 or not (off or spread > LARGE or largest < SMALL):
        return None
    words = f"its inputs are not scaled: their mean is {mean:.3g}, their standard deviation {spread:.3g}"
    change = Change(
        "the same inputs less their mean, divided by their standard deviation", module=with_scaled_inputs(mean, spread)
    )
    return Reason("inputs_not_scaled", words, change)


def exploding(e: Evidence) -> Reason | None:
    """Where a step makes changes larger, many steps make gradients explode, and one such step of training undoes many."""
    layer = max(e.layers, key=lambda layer: layer.growth)
    if layer.growth <= GREW:
        return None
    rate = "" if layer.rate is None else f" (largest Lyapunov exponent {layer.rate:.2f})"
    words = (
        f"gradients explode in {layer.place}: a change of its state grows {layer.growth:.3g} times over {layer.steps}"
        f" steps{rate}"
    )
    clipped = e.settings.get("clip_norm", math.inf)
    if clipped > 1:
        return Reason("exploding", words, _clipped())
    if not get_cell(layer.cell).keeps:
        change = Change(
            "hidden-to-hidden weights that start orthogonal, which keep the length of a gradient",
            {"start": "orthogonal"},
            with_orthogonal_start,
        )
        return Reason("exploding", words, change)
    return Reason("exploding", words, _slower(e, "a third of the learning rate, for gradients are clipped already"))


def saturated(e: Evidence) -> Reason | None:
    """Where a function is flat no gradient passes, whatever the weights before it ought to become."""
    for layer in e.layers:
        if layer.at_the_edge is not None and layer.at_the_edge >= MOSTLY:
            words = f"{layer.place} is saturated: {layer.at_the_edge:.0%} of its outputs are beyond ±0.97, where tanh is flat"
            return Reason(
                "saturated_gates", words, _slower(e, "a third of the learning rate, so that weights stay smaller")
            )
        keeping = get_cell(layer.cell).keeps.removeprefix("-")
        for gate, (closed, open_) in layer.saturation.items():
            if gate != keeping and closed + open_ >= STUCK:  # one that keeps is meant to be open
                words = f"gate {gate} of {layer.place} is stuck: {closed:.0%} of its values are below 0.1, {open_:.0%} above 0.9"
                return Reason(
                    "saturated_gates", words, _slower(e, "a third of the learning rate, so that weights stay smaller")
                )
    return None


def dead(e: Evidence) -> Reason | None:
    """A unit that never changes says nothing; where ReLU is 0 for everything, no gradient brings it back."""
    for layer in e.layers:
        if layer.dead < MOSTLY * layer.units:
            continue
        words = f"{layer.dead} of {layer.units} units of {layer.place} are dead: they never change, whatever is read"
        if "relu" in layer.cell or layer.cell == "irnn":
            return Reason(
                "dead_units",
                words,
                Change("tanh in place of ReLU, which has a slope everywhere", {"cell": "rnn"}, with_tanh()),
            )
        return Reason(
            "dead_units",
            words,
            _slower(e, "a third of the learning rate, so that fewer units are driven to where they are stuck"),
        )
    return None


def vanishing(e: Evidence) -> Reason | None:
    """What the loss owes to a step is multiplied by a Jacobian for each step after it: a layer that forgets fast learns nothing
    from long ago, though nothing shows whether there is something to be learned. Not so where the loss reaches early steps on
    a way of their own, as from a pooled output or from the other direction.
    """
    layer = e.longest
    if layer.memory is None or _covered(e, layer) >= NEARLY * layer.steps:
        return None
    if layer.reached[layer.memory :].mean() >= DIRECT * layer.reached.max():
        return None
    words = (
        f"gradients vanish: {layer.memory} steps later {layer.place} feels a change by less than 1 %, and it reads"
        f" {layer.steps} steps, so that what came earlier cannot be learned"
    )
    return Reason("vanishing", words, _longer_memory(e, layer))


def short_truncation(e: Evidence) -> Reason | None:
    """Gradients that stop after some steps teach nothing from further back, though the state would carry it."""
    cut, layer = e.settings.get("truncate"), e.longest
    if not cut or cut >= layer.steps or (layer.memory is not None and layer.memory <= cut):
        return None
    reaches = layer.steps if layer.memory is None else layer.memory
    words = f"gradients are cut off after {cut} steps, though {layer.place} still feels a change after {reaches}"
    return Reason("short_truncation", words, Change(f"gradients through {reaches} steps", {"truncate": reaches}))


def short_window(e: Evidence) -> Reason | None:
    """A forecaster whose network still feels the first step of its window at the end might use what is before it."""
    layer, window = e.longest, e.settings.get("input_window")
    if not window or layer.steps != window or layer.back[-1] < STILL_FELT:
        return None
    words = f"its window may be too short: {layer.place} still feels the first of its {window} steps by {layer.back[-1]:.0%}"
    return Reason("short_window", words, Change("a window twice as long", {"input_window": 2 * window}))


def rate_too_high(e: Evidence) -> Reason | None:
    """Steps that are too long jump over the valley: the loss goes up as often as down."""
    if len(e.losses) < STEPS:
        return None
    rises = sum(later > ROSE * before for before, later in zip(e.losses, e.losses[1:], strict=False))
    if rises < OFTEN * (len(e.losses) - 1):
        return None
    words = f"its learning rate is too high: the training loss rose in {rises} of {len(e.losses) - 1} epochs"
    return Reason("learning_rate", words, _slower(e, "a third of the learning rate"))


def rate_tiny(e: Evidence) -> Reason | None:
    """Adam moves a weight by no more than about the learning rate a step: with a tiny one nothing gets far."""
    rate = e.settings.get("learning_rate")
    if not rate or rate >= TINY:
        return None
    words = f"its learning rate is {rate:g}, by which weights hardly move"
    return Reason("learning_rate", words, Change("a usual learning rate", {"learning_rate": USUAL}))


def rate_too_low(e: Evidence) -> Reason | None:
    """Steps that are too short, or too few, do not arrive."""
    if len(e.losses) < 2 or e.losses[0] <= 0 or not 0 <= e.losses[0] - e.losses[-1] < HARDLY * e.losses[0]:
        return None
    words = f"its training hardly moved: the loss went from {e.losses[0]:.4g} to {e.losses[-1]:.4g} in {len(e.losses)} epochs"
    return Reason("learning_rate", words, _faster(e))


def by_heart(e: Evidence) -> Reason | None:
    """A loss that is far lower on what was learned than on what was kept back: the examples were learned by heart."""
    if not e.losses or not e.validation_losses or e.losses[-1] > HALF * min(e.validation_losses):
        return None
    words = (
        f"it learned by heart: its loss is {e.losses[-1]:.3g} on what it learned from, {min(e.validation_losses):.3g} at best"
        " on what was kept back"
    )
    units, dropout = e.settings.get("hidden_size"), e.settings.get("dropout")
    if dropout is not None and dropout < HALF:
        change = Change("more dropout", {"dropout": HALF})
    else:
        change = Change("half of the units", {"hidden_size": max(4, units // 2)}) if units else None
    return Reason("by_heart", words, change)


def too_short(e: Evidence) -> Reason | None:
    """A loss that still falls when the training ends had further to go, unless only what was learned from is still told better
    and not what was kept back; one or two epochs tell nothing yet.
    """
    if 0 < len(e.losses) < FEW:
        words = f"its training was only {len(e.losses)} epoch{'s' * (len(e.losses) > 1)} long"
        return Reason("too_short", words, Change("more epochs", {"max_epochs": SOME}))
    if e.validation_losses and int(np.argmin(e.validation_losses)) < LATE * len(e.validation_losses) - 1:
        return None
    last = int(LAST * len(e.losses))
    if len(e.losses) < FEW or e.losses[-1 - last] - e.losses[-1] < FALLS * abs(e.losses[0] - e.losses[-1]):
        return None
    words = (
        f"its training ended too early: in the last {f'{last} epochs' if last > 1 else 'epoch'} the loss still fell from"
        f" {e.losses[-1 - last]:.3g} to {e.losses[-1]:.3g}"
    )
    return Reason("too_short", words, Change("twice as many epochs", {"max_epochs": 2 * len(e.losses)}))


RULES: tuple[Rule, ...] = (
    not_finite, same_targets, inputs_not_scaled, exploding, saturated, dead, short_truncation, rate_too_high, rate_tiny, by_heart,
    too_short, vanishing, short_window, rate_too_low,
)  # fmt: skip
"""In the order in which they are asked."""


def reason_for(e: Evidence, rules: Sequence[Rule] = RULES) -> Reason | None:
    """The first cause that the evidence shows; where the network has learned, only that it did so by heart."""
    if e.learned is not None and e.learned.has and not_finite(e) is None:
        kept_back = min(e.validation_losses, default=0.0) / max(e.learned.other, e.learned.own)
        return by_heart(e) if e.learned.name == "loss" and kept_back > e.learned.enough else None
    return next((found for rule in rules if (found := rule(e)) is not None), None)


def _covered(e: Evidence, layer: LayerFacts) -> int:
    """Steps that are felt at one of the ends that the loss looks at: twice as many of a layer that is read from both."""
    other = layer.place.removesuffix("_reverse") if layer.place.endswith("_reverse") else f"{layer.place}_reverse"
    both = any(each.place == other and each.reached[0] > 0 for each in e.layers)
    return (layer.memory or layer.steps) * (1 + both)


def _longer_memory(e: Evidence, layer: LayerFacts) -> Change | None:
    """Gates that keep, and start so that some keep as long as the sequences last."""
    span, settings = max(3, layer.steps), e.settings
    if not get_cell(layer.cell).keeps:
        words = f"a GRU, whose gates can keep a state, started for spans of up to {span} steps"
        return Change(words, {"cell": "gru", "chrono": span, **_unset(settings)}, with_gru(span))
    if settings.get("chrono") is None and _takes_chrono(layer.cell):
        words = f"gates that start for spans of up to {span} steps"
        if not settings:
            words += " (a layer of unrolled.nn takes chrono, one of torch.nn does not)"
        return Change(words, {"chrono": span, **_unset(settings, "forget_bias")}, with_chrono(span))
    if settings.get("pooling") == "last":
        return Change(
            "the mean over all steps in place of the last one, so that each is near the loss", {"pooling": "mean"}
        )
    return None


def _unset(settings: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """None for those of the settings that do not go with others gates or biases."""
    return {name: None for name in names or ("forget_bias", "activations") if settings.get(name) is not None}


def _takes_chrono(cell: str) -> bool:
    from unrolled.nn import layers_for

    try:
        layers_for(cell, 2, 2, chrono=3)
    except InputError:
        return False
    return True


def _slower(e: Evidence, words: str, clip: float | None = None) -> Change:
    values: dict[str, Any] = {}
    if e.settings.get("learning_rate"):
        values["learning_rate"] = _rounded(e.settings["learning_rate"] / 3)
    if clip is not None and e.settings:
        values["clip_norm"] = clip
    return Change(words, values, clip_norm=clip, rate=1 / 3)


def _faster(e: Evidence) -> Change:
    rate = e.settings.get("learning_rate")
    return Change("three times the learning rate", {"learning_rate": _rounded(3 * rate)} if rate else {}, rate=3.0)


def _clipped() -> Change:
    return Change("gradients clipped at a norm of 1, so that no step is longer", {"clip_norm": 1.0}, clip_norm=1.0)


def _rounded(number: float) -> float:
    return float(f"{number:.2g}")
