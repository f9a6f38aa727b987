"""What every recurrent layer can do besides its cell's own arguments, and which cells cannot and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, TypedDict

from unrolled.cells import Activation, Cell
from unrolled.errors import InputError
from unrolled.nn.kind import Kind

__all__ = ["OBSTACLES", "Options", "Settings", "obstacle"]


class Options(TypedDict, total=False):
    """The arguments of every layer; :class:`Settings` says what each means."""

    merge: Literal["concat", "sum"]
    residual: bool
    input_dropout: float
    state_dropout: float
    recurrent_dropout: float
    zoneout: float | tuple[float, float]
    weight_drop: float
    initial_state: Literal["zero", "learned"]
    start: Literal["uniform", "orthogonal", "identity"]
    forget_bias: float | None
    chrono: int | None
    activations: Sequence[str | Activation] | None
    checkpoint: int | None
    truncate: int | None


_BEFOREHAND = ("start", "forget_bias", "chrono", "activations")
"""What a call has no part in."""


@dataclass(frozen=True)
class Settings:
    """The options of a layer, checked."""

    merge: Literal["concat", "sum"] = "concat"
    """How the outputs of the two directions are combined: side by side, or added."""
    residual: bool = False
    """From the second layer on, each layer adds its input to its output."""
    input_dropout: float = 0.0
    """Variational dropout of each layer's input: one mask per sequence (arXiv 1512.05287)."""
    state_dropout: float = 0.0
    """Variational dropout of ``h[t-1]`` in its product with ``U``: one mask per sequence (arXiv 1512.05287)."""
    recurrent_dropout: float = 0.0
    """Dropout of the candidate, a new mask at every step (arXiv 1603.05118)."""
    zoneout: float | tuple[float, float] = 0.0
    """Probabilities that a unit of ``h`` and of ``c`` keeps its previous value (arXiv 1606.01305); a single number is for
    all states of the cell. In evaluation old and new value are mixed in these proportions. QRNN and SRU compute their
    output from ``c`` after zoneout."""
    weight_drop: float = 0.0
    """DropConnect on ``U``: one mask per call (arXiv 1708.02182)."""
    initial_state: Literal["zero", "learned"] = "zero"
    """The state in which sequences start when none is passed."""
    start: Literal["uniform", "orthogonal", "identity"] = "uniform"
    """How each gate's block of ``U`` is initialised: as in torch, orthogonal, or the identity with biases of 0."""
    forget_bias: float | None = None
    """The initial bias of the gate that keeps the state (Jozefowicz et al. 2015: 1)."""
    chrono: int | None = None
    """The longest expected dependency, at least 3 steps: the bias of the gate that keeps the state is initialised to
    ``log U(1, chrono - 1)``, that of an input gate to its negative (arXiv 1804.11188)."""
    activations: tuple[Activation, ...] | None = None
    """The activation functions, for cells in which they can be chosen: of gates, candidate and cell state, or the only one."""
    checkpoint: int | None = None
    """Steps per segment; the backward pass computes each segment again instead of storing all steps."""
    truncate: int | None = None
    """Steps after which gradients stop: truncated backpropagation through time."""

    @staticmethod
    def of(name: str, options: dict[str, Any]) -> Settings:
        """From a constructor's arguments; ``name`` is the module's."""
        if "proj_size" in options:
            raise InputError(f"{name}: proj_size argument is only supported for LSTM, not RNN or GRU")
        known = {f.name for f in fields(Settings)}
        unknown = [option for option in options if option not in known]
        if unknown:
            raise TypeError(f"{name}.__init__() got an unexpected keyword argument {unknown[0]!r}")
        given = dict(options)
        _check_choices(name, given)
        for option in ("input_dropout", "state_dropout", "recurrent_dropout", "weight_drop"):
            if option in given:
                given[option] = _probability(f"{name}: {option}", given[option])
        for option, least in (("checkpoint", 1), ("truncate", 1), ("chrono", 3)):
            value = given.get(option)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                raise InputError(f"{name}: {option} must be a whole number of at least {least}, got {value!r}")
        if given.get("activations") is not None:
            chosen = given["activations"]
            chosen = [chosen] if isinstance(chosen, (str, Activation)) else list(chosen)
            given["activations"] = tuple(a if isinstance(a, Activation) else Activation(a) for a in chosen)
        if "zoneout" in given:
            given["zoneout"] = _shares(name, given["zoneout"])
        return Settings(**given)

    def shares(self, cell: Cell | Kind) -> tuple[float, float]:
        """The shares of ``h`` and ``c`` that zoneout keeps."""
        if isinstance(self.zoneout, tuple):
            return self.zoneout
        return self.zoneout if cell.hands_on_h else 0.0, self.zoneout if cell.memory else 0.0

    def check(self, cell: Cell, name: str, *, bias: bool, bidirectional: bool, num_layers: int) -> None:
        """Refuse what does not go together, with the reason.

        Raises:
            InputError: the cell cannot have an option, or two arguments contradict each other.
        """
        for option, is_on in _IS_ON.items():
            reason = obstacle(cell, option) if is_on(self, cell) else None
            if reason:
                raise InputError(f"{name}: {option}: {reason}")
        if self.merge == "sum" and not bidirectional:
            raise InputError(f"{name}: merge='sum' adds two directions, but bidirectional is False")
        if self.residual and num_layers < 2:
            raise InputError(
                f"{name}: residual adds a layer's input from the second layer on, num_layers is {num_layers}"
            )
        if self.forget_bias is not None and self.chrono is not None:
            raise InputError(f"{name}: forget_bias and chrono both set the same bias: give one of them")
        if not bias and (self.forget_bias is not None or self.chrono is not None):
            raise InputError(f"{name}: forget_bias and chrono set a bias, but bias is False")
        if self.truncate and self.checkpoint and self.truncate % self.checkpoint:
            raise InputError(
                f"{name}: truncate={self.truncate} must be a multiple of checkpoint={self.checkpoint}: gradients"
                " can stop only between the segments that are computed again"
            )
        if self.activations is not None:
            cell.with_activations(*self.activations)  # says how many there are

    @property
    def draws(self) -> bool:
        """Whether training draws masks for a layer's pass."""
        return any((self.input_dropout, self.state_dropout, self.recurrent_dropout, self.zoneout not in (0, (0, 0))))

    @cached_property
    def acts(self) -> bool:
        """Whether an option has a part in a call, rather than in how parameters start or which cell it is."""
        return any(getattr(self, f.name) != f.default for f in fields(Settings) if f.name not in _BEFOREHAND)

    def described(self) -> str:
        """The options that differ from their defaults, as a constructor takes them."""
        changed = [f.name for f in fields(Settings) if getattr(self, f.name) != f.default]
        return "".join(f", {option}={_shown(getattr(self, option))}" for option in changed)


def _shown(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Activation):
        return repr(tuple(each.spec for each in value))
    return repr(value)


def _check_choices(name: str, given: dict[str, Any]) -> None:
    choices: dict[str, tuple[Any, ...]] = {
        "merge": ("concat", "sum"),
        "residual": (True, False),
        "initial_state": ("zero", "learned"),
        "start": ("uniform", "orthogonal", "identity"),
    }
    for option, values in choices.items():
        if option in given and not any(given[option] is v or given[option] == v for v in values):
            raise InputError(f"{name}: {option}={given[option]!r}: expected one of {', '.join(map(repr, values))}")


def _probability(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise InputError(f"{what} must be a probability of at least 0 and below 1, got {value!r}")
    return float(value)


def _shares(name: str, zoneout: Any) -> float | tuple[float, float]:
    if not isinstance(zoneout, (tuple, list)):
        return _probability(f"{name}: zoneout", zoneout)
    if len(zoneout) != 2:
        raise InputError(f"{name}: zoneout is one probability or a pair for h and c, got {zoneout!r}")
    return _probability(f"{name}: zoneout of h", zoneout[0]), _probability(f"{name}: zoneout of c", zoneout[1])


def _no_matrix(cell: Cell) -> str | None:
    return "no matrix meets the state" if cell.recurrence == "no_product" else None


def _no_keeping_bias(cell: Cell) -> str | None:
    if not cell.keeps:
        return "no gate of this cell keeps the state"
    if not any(name == "bias_ih" for name, _ in cell.parameters) or cell.keeps.removeprefix("-") not in cell.biased:
        return f"its gate {cell.keeps.removeprefix('-')} has no bias"
    return None


OBSTACLES: dict[str, Callable[[Cell], str | None]] = {
    "state_dropout": _no_matrix,
    "weight_drop": _no_matrix,
    "start": _no_matrix,
    "recurrent_dropout": lambda cell: None if cell.candidate else "the new state is all it proposes: use state_dropout",
    "zoneout of h": lambda cell: None if cell.hands_on_h else "h is no state of it: use zoneout=(0, p)",
    "zoneout of c": lambda cell: (
        None if cell.memory == ("c",)
        else "c, n and m belong together: use zoneout=(p, 0)" if cell.memory else "it has no memory c: use zoneout=(p, 0)"
    ),
    "initial_state": lambda cell: "its n and m belong to c: learn it outside" if len(cell.memory) > 1 else None,
    "forget_bias": _no_keeping_bias,
    "chrono": _no_keeping_bias,
    "activations": lambda cell: None if cell.activations else "its activation functions are part of its definition",
}  # fmt: skip
"""Options that some cells cannot have: option → why a cell cannot, or nothing if it can."""

_IS_ON: dict[str, Callable[[Settings, Cell], bool]] = {
    "state_dropout": lambda s, _: s.state_dropout > 0,
    "weight_drop": lambda s, _: s.weight_drop > 0,
    "start": lambda s, _: s.start != "uniform",
    "recurrent_dropout": lambda s, _: s.recurrent_dropout > 0,
    "zoneout of h": lambda s, cell: s.shares(cell)[0] > 0,
    "zoneout of c": lambda s, cell: s.shares(cell)[1] > 0,
    "initial_state": lambda s, _: s.initial_state != "zero",
    "forget_bias": lambda s, _: s.forget_bias is not None,
    "chrono": lambda s, _: s.chrono is not None,
    "activations": lambda s, _: s.activations is not None,
}


def obstacle(cell: Cell, option: str) -> str | None:
    """Why a cell cannot have an option of :data:`OBSTACLES`; nothing if it can.

    >>> from unrolled.cells import get_cell
    >>> obstacle(get_cell("indrnn"), "weight_drop")
    'no matrix meets the state'
    """
    return OBSTACLES[option](cell) if option in OBSTACLES else None
