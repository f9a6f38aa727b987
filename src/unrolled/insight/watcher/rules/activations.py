"""Units: gates that are stuck, units that are always zero, and biases that make a cell forget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unrolled.insight.watcher.layers import kind_of, replayed
from unrolled.insight.watcher.records import Pass
from unrolled.insight.watcher.run import Found, Run

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["DeadUnits", "NegativeForgetBias", "SaturatedGates"]


class SaturatedGates:
    r"""Measured: most gates are nearly open or shut, where :math:`\sigma' = \sigma (1-\sigma)` lets through less than 1 %.

    The share of gates below 0.01 or above 0.99, of candidates and of states of an RNN beyond 0.98 in size; gates that keep the
    memory are left out, because long spans need them near 1 (chrono start). Above 60 % in three looks in a row. Where steps of
    more than a tenth of the recurrent matrices' norm went before, saturation is likely their work: the rule for the learning rate
    is given 26 steps, and is named if it has not spoken.
    """

    cause = "saturated_gates"

    def __init__(self) -> None:
        self._count = 0
        self._made_by = 0.0
        """The largest step before the gates were first found saturated."""

    def steps(self, seen: Pass, run: Run) -> Found | None:
        """Before a step that is looked at closely."""
        shares: dict[str, float] = {}
        for layer in seen.layers[:2]:
            for found in () if kind_of(layer.module) == "rnn_relu" else replayed(layer):
                parts = [_stuck(gate, name) for name, gate in found.gates.items() if name not in "fz"]
                shares[found.place] = sum(parts) / len(parts)
        if not shares:
            return None
        place = max(shares, key=shares.__getitem__)
        run.measured["saturated"] = shares[place]
        self._count = self._count + 1 if shares[place] > 0.6 else 0
        if self._count == 1:
            self._made_by = max(run.updates, default=0.0)
        if self._count < 3:
            return None
        message = (
            f"{shares[place]:.0%} of its gates and candidates are nearly open or shut, where they pass no gradient"
        )
        if self._made_by > 0.1:
            if run.step <= 26 or any(found.cause == "learning_rate" for found in run.findings):
                return None
            return Found(
                place,
                f"{message}; before that, a step changed the recurrent matrices by {self._made_by:.0%} of their norm, where"
                " 0.1 % is usual",
                "divide the learning rate by 10 to 100, or clip gradients at 1.0",
            )
        return Found(
            place,
            message,
            "start its parameters smaller (within 1/sqrt(H), U orthogonal), and scale its inputs to about 1",
        )


def _stuck(gate: Tensor, name: str) -> float:
    stuck = (gate.abs() > 0.98) if name in "gnh" else (gate - 0.5).abs() > 0.49
    return float(stuck.float().mean())


class DeadUnits:
    r"""A fact: units of a ReLU were zero for every step of every sequence that was looked at.

    In each of three looks in a row, from step 11 on, more than half of a layer's units: by the two deviations
    :math:`1/\sqrt n` more that half of them may be off at the start by their random biases alone.
    """

    cause = "dead_units"

    def __init__(self) -> None:
        self._dead: dict[str, list[Tensor]] = {}

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at what ReLUs returned."""
        if not seen.close:
            return None
        alive = dict(seen.rectified)
        for layer in seen.layers:
            if kind_of(layer.module) == "rnn_relu":
                mine = (layer.y.detach() > 0).flatten(0, -2).any(0)
                alive[layer.place] = alive[layer.place] | mine if layer.place in alive else mine
        for place, units in alive.items():
            looks = self._dead.setdefault(place, [])
            looks.append(~units)
            same = [look for look in looks[-3:] if look.shape == units.shape]
            if len(same) < 3:
                continue
            dead = float((same[0] & same[1] & same[2]).float().mean())
            if run.step >= 11 and dead >= 0.5 + len(units) ** -0.5:
                return Found(
                    place,
                    f"{dead:.0%} of its {len(units)} units were zero at every step of every sequence: no gradient reaches them",
                    "a lower learning rate, biases that start at 0, or a leaky ReLU",
                )
        return None


class NegativeForgetBias:
    r"""A fact: an LSTM starts with forget gates that forget, :math:`\sigma(b_f) < 0.3`.

    At the first step the mean of :math:`b_{ih} + b_{hh}` of the forget gate is below -0.85. It should start at 0 or above: 1
    (Jozefowicz et al. 2015), or the logarithm of the span.
    """

    cause = "negative_forget_bias"

    def trained(self, seen: Pass, run: Run) -> Found | None:
        """Look at the biases before anything was learned."""
        if run.step > 1:
            return None
        for call in seen.calls:
            for layer in call.layers:
                if kind_of(layer.module) == "lstm":
                    found = self._of(layer.module, layer.place)
                    if found is not None:
                        return found
            for path, bias in call.module.named_parameters():
                if "forget" in path.lower() and "bias" in path and float(bias.detach().float().mean()) < -0.85:
                    return self._found(path, float(bias.detach().float().mean()))
        return None

    def _of(self, module: Any, place: str) -> Found | None:
        H = module.hidden_size
        for name, bias in module.named_parameters(recurse=False):
            if name.startswith("bias_ih"):
                both = bias.detach() + getattr(module, name.replace("_ih", "_hh")).detach()
                mean = float(both[H : 2 * H].float().mean())
                if mean < -0.85:
                    return self._found(f"{place}.{name}", mean)
        return None

    @staticmethod
    def _found(place: str, mean: float) -> Found:
        gate = 1 / (1 + 2.718281828**-mean)
        return Found(
            place,
            f"the forget gates start at a bias of {mean:.2g}, so that {gate:.0%} of the memory is left after each step",
            "start the forget bias at 1, or at the logarithm of the span (chrono)",
        )
