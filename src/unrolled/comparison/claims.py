"""What texts say of recurrent networks and of what stands beside them, each sentence with the numbers that bear it out or not.

The sentences are those of introductions to the subject: the table that compares RNN, GRU and LSTM, the list of an RNN's
advantages and drawbacks, and what is said of attention.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Claim", "Evidence", "Figures", "Probe", "judged"]

CLEARLY = 0.05
"""By which share costs must differ to count as different."""
ALIKE = 0.01
"""By which share scores that are alike may differ."""
GATED = ("gru", "lstm")
LECTURED = ("rnn", *GATED)
BOTH = "-bidirectional"


class Claim(NamedTuple):
    """One sentence."""

    text: str
    holds: bool | None
    """None if the numbers do not decide."""
    measured: str
    """The numbers."""

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return "undecided" if self.holds is None else "borne out" if self.holds else "not borne out"


class Figures(NamedTuple):
    """Of a family, as it was compared."""

    score: tuple[float, float, float]
    """Mean and interval."""
    update_seconds: float | None
    memory: int | None
    floor: bool
    """Whether ``memory`` is the least it can be, because sequences end there."""
    state: int | None


class Probe(NamedTuple):
    """Of networks that learn nothing, with the same number of units: what they cost."""

    parameters: dict[str, int]
    """Beside vectors of words."""
    update_seconds: dict[str, float]
    doubled: dict[str, tuple[int, int]]
    """Parameters as they are, and where sequences and windows are twice as long."""
    bytes: dict[str, tuple[int, int]]
    """That the layers take at most in an update, along sequences as they are and twice as long."""


@dataclass(frozen=True)
class Evidence:
    """All that claims are judged by."""

    rows: Mapping[str, Figures]
    probe: Probe
    best_is_high: bool
    sees_ahead: bool
    steps: int
    measure: str

    def better(self, name: str, other: str) -> bool | None:
        """Whether one family's score is better than another's; None if their intervals overlap."""
        a, b = self.rows[name].score, self.rows[other].score
        if a[1] <= b[2] and b[1] <= a[2]:
            return None
        return (a[0] > b[0]) == self.best_is_high

    def scores(self, *names: str) -> str:
        """Scores as words."""
        return f"{self.measure}: " + ", ".join(f"{name} {self.rows[name].score[0]:.4g}" for name in names)

    def best(self, names: Sequence[str]) -> str | None:
        """The family that does best among those that were compared."""
        known = [name for name in names if name in self.rows]
        sign = 1 if self.best_is_high else -1
        return max(known, key=lambda name: sign * self.rows[name].score[0], default=None)


Judge = Callable[[Evidence], tuple[bool | None, str] | None]


def judged(evidence: Evidence) -> tuple[Claim, ...]:
    """Each claim that the compared families decide, or leave undecided."""
    found = ((text, judge(evidence)) for text, judge in CLAIMS)
    return tuple(Claim(text, *said) for text, said in found if said is not None)


def _rising(numbers: Mapping[str, float], words: Callable[[float], str]) -> tuple[bool | None, str] | None:
    """Whether RNN, GRU and LSTM need ever more of something, at the same number of units."""
    if not all(name in numbers for name in LECTURED):
        return None
    order = [numbers[name] for name in LECTURED]
    rises = all(b > a * (1 + CLEARLY) for a, b in pairwise(order))
    falls = any(b < a * (1 - CLEARLY) for a, b in pairwise(order))
    return rises or (False if falls else None), ", ".join(f"{name} {words(numbers[name])}" for name in LECTURED)


def _parameters(e: Evidence) -> tuple[bool | None, str] | None:
    return _rising(e.probe.parameters, lambda n: f"{n:,.0f}")


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"


def _cost(e: Evidence) -> tuple[bool | None, str] | None:
    return _rising(e.probe.update_seconds, _milliseconds)


def _gru_faster(e: Evidence) -> tuple[bool | None, str] | None:
    seconds = e.probe.update_seconds
    if not all(name in seconds for name in GATED):
        return None
    ratio = seconds["lstm"] / seconds["gru"]
    return None if abs(ratio - 1) < CLEARLY else ratio > 1, f"an update of the LSTM takes {ratio:.2f} times the GRU's"


def _memories(e: Evidence) -> tuple[bool | None, str] | None:
    if not all(name in e.rows and e.rows[name].memory is not None for name in LECTURED):
        return None
    found = [e.rows[name].memory or 0 for name in LECTURED]
    floors = [e.rows[name].floor for name in LECTURED]
    said = ", ".join(f"{name} {'over ' * e.rows[name].floor}{e.rows[name].memory}" for name in LECTURED)
    holds = None if all(floors) else found[0] < found[1] <= found[2]
    return holds, f"effective memory {said}, in sequences of about {e.steps} steps"


def _forgets(e: Evidence) -> tuple[bool | None, str] | None:
    if "rnn" not in e.rows or e.rows["rnn"].memory is None:
        return None
    memory = e.rows["rnn"].memory
    if e.rows["rnn"].floor:
        return False, f"its gradient is still above 1 % {memory} steps back, where sequences begin"
    return memory < e.steps / 2, f"its gradient falls below 1 % {memory} steps back, in sequences of about {e.steps}"


def _equals(e: Evidence) -> tuple[bool | None, str] | None:
    if not all(name in e.rows for name in GATED):
        return None
    gru, lstm = (e.rows[name].score[0] for name in GATED)
    near = abs(gru - lstm) < ALIKE * max(abs(gru), abs(lstm))
    return near or (None if e.better(*GATED) is None else False), e.scores(*GATED)


def _gates_help(e: Evidence) -> tuple[bool | None, str] | None:
    gated = e.best(GATED)
    if "rnn" not in e.rows or gated is None:
        return None
    return e.better(gated, "rnn"), e.scores(gated, "rnn")


def _slow(e: Evidence) -> tuple[bool | None, str] | None:
    others = [name for name in ("feed-forward", "tcn", "transformer", "transformer-causal") if name in e.rows]
    if "rnn" not in e.rows or not others:
        return None
    own = e.rows["rnn"].update_seconds or 0.0
    ratios = {name: own / (e.rows[name].update_seconds or own) for name in others}
    said = ", ".join(f"{ratio:.2g} times that of {name}" for name, ratio in ratios.items())
    slower = [ratio > 1 + CLEARLY for ratio in ratios.values()]
    return all(slower) if len(set(slower)) == 1 else None, f"an update of the RNN takes {said}"


def _future(e: Evidence) -> tuple[bool | None, str] | None:
    pairs = [(name, name + BOTH) for name in LECTURED if name in e.rows and name + BOTH in e.rows]
    if ("transformer" in e.rows and "transformer-causal" in e.rows) and not pairs:
        pairs = [("transformer-causal", "transformer")]
    if not pairs or not e.sees_ahead:
        return None
    one, both = pairs[0]
    return e.better(both, one), e.scores(one, both)


def _constant_size(e: Evidence) -> tuple[bool | None, str] | None:
    doubled = e.probe.doubled
    if "rnn" not in doubled:
        return None
    said = ", ".join(f"{name} {a:,} and {b:,}" for name, (a, b) in doubled.items())
    return doubled["rnn"][0] == doubled["rnn"][1], f"parameters as it is, and with windows twice as long: {said}"


def _any_length(e: Evidence) -> tuple[bool | None, str] | None:
    if "rnn" not in e.rows:
        return None
    own = e.rows["rnn"].state
    others = [name for name in ("feed-forward", "tcn", "transformer-causal") if name in e.rows]
    said = ", ".join(f"{name} {e.rows[name].state} after {e.steps}" for name in others if e.rows[name].state)
    return own is not None, f"its state is {own} numbers after any number of steps" + (f"; {said}" if said else "")


def _history(e: Evidence) -> tuple[bool | None, str] | None:
    if "rnn" not in e.rows or "most-frequent" not in e.rows:
        return None
    return e.better("rnn", "most-frequent"), e.scores("rnn", "most-frequent")


def _attention(e: Evidence) -> tuple[bool | None, str] | None:
    attending = e.best(("transformer", "transformer-causal"))
    recurrent = e.best([name for name in e.rows if name.removesuffix(BOTH) in LECTURED])
    if attending is None or recurrent is None:
        return None
    return e.better(attending, recurrent), e.scores(attending, recurrent)


def _long_costs(e: Evidence) -> tuple[bool | None, str] | None:
    if not e.probe.bytes:
        return None
    ratios = {name: b / a for name, (a, b) in e.probe.bytes.items()}
    said = ", ".join(f"{name} {ratio:.2g} times" for name, ratio in ratios.items())
    return any(
        ratio > 2 * (1 + CLEARLY) for ratio in ratios.values()
    ), f"memory of an update for twice the steps: {said}"


CLAIMS: tuple[tuple[str, Judge], ...] = (
    ("With as many units an RNN has few parameters, a GRU more, an LSTM the most.", _parameters),
    ("With as many units a step costs least in an RNN, more in a GRU, most in an LSTM.", _cost),
    ("A GRU has fewer gates and so trains faster than an LSTM.", _gru_faster),
    ("Dependencies over many steps: an RNN hardly, a GRU well, an LSTM best.", _memories),
    ("Advantage of the RNN: it processes input of any length.", _any_length),
    ("Advantage of the RNN: the model does not grow with the input, because weights are shared over time.", _constant_size),
    ("Advantage of the RNN: history is taken into account.", _history),
    ("Drawback of the RNN: computation is slow.", _slow),
    ("Drawback of the RNN: what was long ago is hard to reach.", _forgets),
    ("Drawback of the RNN: it cannot consider what is still to come.", _future),
    ("GRU and LSTM often give results that are equally good.", _equals),
    ("Gates overcome the limits of the RNN.", _gates_help),
    ("Attention captures long dependencies better than recurrence.", _attention),
    ("Long sequences cost out of proportion.", _long_costs),
)  # fmt: skip
