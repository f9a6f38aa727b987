"""What texts say of recurrent networks and of what stands beside them, each sentence with the numbers that bear it out or not.

The sentences are those of introductions to the subject: the table that compares RNN, GRU and LSTM, the list of an RNN's
advantages and drawbacks, and what is said of attention.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from unrolled.comparison.chance import Interval, apart

__all__ = ["Claim", "Evidence", "Figures", "Probe", "judged"]

CLEARLY = 0.05
"""By which share sizes must differ to count as different."""
SLOWER, ROUNDS = 0.15, 0.9
"""By which share times must differ to count as different, and the share of rounds in which they must."""
ALIKE, NARROW = 0.01, 0.05
"""By which share scores that are alike may differ, and how much of a score both intervals together may span then."""
LONG = 20
"""Steps from which on sequences are long enough to tell something of memory."""
GATED = ("gru", "lstm")
LECTURED = ("rnn", *GATED)
BOTH = "-bidirectional"
ONE_SEED = "one seed tells nothing of chance"


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

    score: float
    interval: Interval | None
    update_rounds: tuple[float, ...]
    """Seconds of an update in each round."""
    memory: int | None
    floor: bool
    """Whether ``memory`` is the least it can be, because sequences end there."""
    state: int | None


class Probe(NamedTuple):
    """Of networks that learn nothing, with the same number of units: what they cost."""

    parameters: dict[str, int]
    """Beside vectors of words."""
    update_rounds: dict[str, tuple[float, ...]]
    """Seconds of an update in each round, all in turns."""
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
        """Whether one family's score is better than another's; None if their intervals overlap, or there are none."""
        a, b = self.rows[name], self.rows[other]
        return (a.score > b.score) == self.best_is_high if apart(a.interval, b.interval) else None

    def one_seed(self, *names: str) -> bool:
        """Whether of one of these networks one seed is all there is."""
        return any(self.rows[name].interval is None for name in names)

    @property
    def short(self) -> str:
        """That sequences are too short to tell something of memory; empty if they are not."""
        return "" if self.steps >= LONG else f"sequences of about {self.steps} steps, fewer than {LONG}, cannot tell"

    def scores(self, *names: str) -> str:
        """Scores as words."""
        return f"{self.measure}: " + ", ".join(f"{name} {self.rows[name].score:.4g}" for name in names)

    def best(self, names: Sequence[str]) -> str | None:
        """The family that does best among those that were compared."""
        known = [name for name in names if name in self.rows]
        sign = 1 if self.best_is_high else -1
        return max(known, key=lambda name: sign * self.rows[name].score, default=None)


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


def _slower(times: Sequence[float], others: Sequence[float]) -> bool:
    """Whether something takes clearly more time than another, in the middle and in nearly all rounds."""
    rounds = [a > b for a, b in zip(times, others, strict=True)]
    return median(times) > (1 + SLOWER) * median(others) and sum(rounds) >= ROUNDS * len(rounds)


def _cost(e: Evidence) -> tuple[bool | None, str] | None:
    times = e.probe.update_rounds
    if not all(name in times for name in LECTURED):
        return None
    pairs = [(times[a], times[b]) for a, b in pairwise(LECTURED)]
    rises = all(_slower(b, a) for a, b in pairs)
    falls = any(_slower(a, b) for a, b in pairs)
    said = ", ".join(f"{name} {_milliseconds(median(times[name]))}" for name in LECTURED)
    return rises or (False if falls else None), said


def _gru_faster(e: Evidence) -> tuple[bool | None, str] | None:
    times = e.probe.update_rounds
    if not all(name in times for name in GATED):
        return None
    gru, lstm = times["gru"], times["lstm"]
    holds = True if _slower(lstm, gru) else False if _slower(gru, lstm) else None
    return holds, f"an update of the LSTM takes {median(lstm) / median(gru):.2f} times the GRU's"


def _memories(e: Evidence) -> tuple[bool | None, str] | None:
    if not all(name in e.rows and e.rows[name].memory is not None for name in LECTURED):
        return None
    if e.short or e.one_seed("rnn", *GATED):
        return None, e.short or ONE_SEED
    found = [e.rows[name].memory or 0 for name in LECTURED]
    said = ", ".join(f"{name} {'over ' * e.rows[name].floor}{e.rows[name].memory}" for name in LECTURED)
    rises, falls = (all(a < b for a, b in pairwise(found)), any(a > b for a, b in pairwise(found)))
    return rises or (False if falls else None), f"effective memory {said}, in sequences of about {e.steps} steps"


def _forgets(e: Evidence) -> tuple[bool | None, str] | None:
    if "rnn" not in e.rows or e.rows["rnn"].memory is None:
        return None
    if e.short or e.one_seed("rnn"):
        return None, e.short or ONE_SEED
    memory = e.rows["rnn"].memory
    if e.rows["rnn"].floor:
        return False, f"its gradient is still above 1 % {memory} steps back, where sequences begin"
    return memory < e.steps / 2, f"its gradient falls below 1 % {memory} steps back, in sequences of about {e.steps}"


def _equals(e: Evidence) -> tuple[bool | None, str] | None:
    if not all(name in e.rows for name in GATED):
        return None
    gru, lstm = (e.rows[name] for name in GATED)
    if gru.interval is None or lstm.interval is None:
        return None, e.scores(*GATED)
    most = max(abs(gru.score), abs(lstm.score))
    spanned = max(gru.interval[1], lstm.interval[1]) - min(gru.interval[0], lstm.interval[0])
    near = abs(gru.score - lstm.score) < ALIKE * most and spanned < NARROW * most
    said = f"{e.scores(*GATED)}; both intervals together span {100 * spanned / most if most else 0:.2g} %"
    return near or (None if e.better(*GATED) is None else False), said


def _gates_help(e: Evidence) -> tuple[bool | None, str] | None:
    gated = e.best(GATED)
    if "rnn" not in e.rows or gated is None:
        return None
    return e.better(gated, "rnn"), e.scores(gated, "rnn")


def _slow(e: Evidence) -> tuple[bool | None, str] | None:
    others = [name for name in ("feed-forward", "tcn", "transformer", "transformer-causal") if name in e.rows]
    if "rnn" not in e.rows or not others:
        return None
    own, times = e.rows["rnn"].update_rounds, {name: e.rows[name].update_rounds for name in others}
    said = ", ".join(f"{median(own) / median(times[name]):.2g} times that of {name}" for name in others)
    slower, faster = (
        all(_slower(own, each) for each in times.values()),
        all(_slower(each, own) for each in times.values()),
    )
    return slower or (False if faster else None), f"an update of the RNN takes {said}"


def _future(e: Evidence) -> tuple[bool | None, str] | None:
    pairs = [(name, name + BOTH) for name in LECTURED if name in e.rows and name + BOTH in e.rows]
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
    if e.short:
        return None, e.short
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
