"""The recurrent layers of a torch model while it runs: states and gates of every step, as tensors that gradients flow through."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["Trace", "TracedStep", "Watched", "arguments_of", "padded", "require_module", "require_traces", "watched"]


class TracedStep(NamedTuple):
    """What one step made of the sequences that were alive, ``[B, H]`` each."""

    x: Tensor
    """What it read, ``[B, I]``."""
    before: dict[str, Tensor]
    """The states before it."""
    states: dict[str, Tensor]
    """The output ``h`` and the states after the step."""
    gates: dict[str, Tensor]


@dataclass(frozen=True)
class Trace:
    """One direction of one layer: its steps in the order in which it took them, over all calls of its module."""

    place: str
    """The module's path with the ending of its parameters' names, such as ``encoder.l0_reverse``."""
    cell: str
    """As :func:`unrolled.cells.get_cell` takes it."""
    backwards: bool
    """Whether it reads from the last step to the first."""
    order: NDArray[np.int64] | None = None
    """The sequence at each place of the batch, ``[B]``; None where they are as they were given."""
    steps: list[TracedStep] = field(default_factory=list[TracedStep])

    @property
    def alive(self) -> list[int]:
        """Sequences of each step; at their places in the batch the longest come first."""
        return [len(step.states["h"]) for step in self.steps]

    def as_given(self, places: NDArray[Any], fill: float = np.nan) -> NDArray[Any]:
        """What each place of the batch has, ``[T, B', ...]``, in the order in which the sequences were given; ``fill`` is what
        one without a step has."""
        if self.order is None:
            return places
        found = np.full((len(places), len(self.order), *places.shape[2:]), fill, places.dtype)
        found[:, self.order[: places.shape[1]]] = places
        return found

    @property
    def in_time(self) -> slice:
        """Brings what has a row for each step into the order of time, and back into the order of the steps."""
        return slice(None, None, -1 if self.backwards else 1)


class Watched(NamedTuple):
    """What is being watched."""

    traces: dict[str, Trace]
    """By place; filled while the model runs."""
    kept: dict[str, str]
    """Path → why nobody can look inside that layer."""

    def trace(self, place: str | None) -> Trace:
        """That of a place; of None that of the first layer that ran.

        Raises:
            InputError: no such layer ran; the message says which did.
        """
        require_traces(self)
        place = next(iter(self.traces)) if place is None else place
        if place not in self.traces:
            raise InputError(f"no layer {place!r} ran; there are {', '.join(self.traces)}")
        return self.traces[place]


def require_module(model: Any) -> None:
    """Check that torch is there, and that this is one of its modules.

    Raises:
        InputError: it is not.
        MissingExtraError: torch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("unrolled.insight of torch modules", "torch", "train") from None
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"expected a torch.nn.Module, got {type(model).__name__}")


@contextmanager
def watched(model: Any) -> Generator[Watched, None, None]:
    """Within this context the recurrent layers of a torch module run one step at a time, and each step is kept.

    Layers of ``torch.nn`` and of :mod:`unrolled.nn` are looked into, with whatever stacks, directions, lengths and packed
    sequences they are called with; afterwards the model is what it was. Parameters that do not learn have gradients here.

    Raises:
        InputError: there is no recurrent layer, or none that can be looked into.
        MissingExtraError: torch is not installed.
    """
    require_module(model)
    import torch

    from unrolled.nn.accelerate import accelerate, make_theirs
    from unrolled.nn.recurrent import Recurrent

    report = accelerate(model)
    layers = {path: module for path, module in model.named_modules() if isinstance(module, Recurrent)}
    frozen = [weight for layer in layers.values() for weight in layer.parameters() if not weight.requires_grad]
    found = Watched({}, report.kept)
    try:
        if not layers:
            reasons = "; ".join(f"{path or 'the model'}: {reason}" for path, reason in report.kept.items())
            none = "the model has no layer of torch.nn or unrolled.nn (single cells are none)"
            raise InputError(f"no recurrent layer to look into: {reasons or none}")
        for path, layer in layers.items():
            layer.watch = partial(_watch, found.traces, path, layer.cell)
        for weight in frozen:
            weight.requires_grad_(True)
        with torch.enable_grad():
            yield found
    finally:
        for weight in frozen:
            weight.requires_grad_(False)
        for path, layer in layers.items():
            layer.__dict__.pop("watch", None)
            if path in report.replaced:
                make_theirs(layer)


def arguments_of(inputs: Any) -> tuple[Any, ...]:
    """What a model is called with: a tuple is several arguments, anything else one; a packed sequence is a tuple, too."""
    return inputs if type(inputs) is tuple else (inputs,)


def require_traces(seen: Watched) -> None:
    """Raise an InputError unless a recurrent layer ran."""
    if not seen.traces:
        raise InputError("the model has recurrent layers, but none of them ran")


def padded(trace: Trace, steps: list[Any]) -> Values:
    """What each step has of its places ``[B', H]``, in the order of time and of the sequences as they were given,
    ``[T, B, H]``; NaN where a sequence has no such step."""
    found = np.full((len(steps), max(trace.alive), steps[0].shape[1]), np.nan)
    for t, each in enumerate(steps):
        found[t, : len(each)] = each.detach().double().numpy()
    return trace.as_given(found)[trace.in_time]


def _watch(traces: dict[str, Trace], path: str, cell: str, index: int, order: Tensor | None) -> Callable[..., None]:
    """What is told of the steps of a layer in one call, whose places hold the sequences of an order."""
    places = None if order is None else order.numpy()

    def keep(
        d: int, t: int, x: Tensor, before: dict[str, Tensor], states: dict[str, Tensor], gates: dict[str, Tensor]
    ) -> None:
        place = f"{path}.l{index}".lstrip(".") + "_reverse" * d
        trace = traces.setdefault(place, Trace(place, cell, bool(d), places))
        if d and place not in begun and trace.steps:
            raise InputError(f"{place} reads backwards in more than one call: give it the whole sequence at once")
        if place not in begun and trace.steps and not _goes_on(trace.steps[-1].states, before):
            raise InputError(
                f"{place} ran in several calls, and one does not begin in the states that the last has ended in: give it one"
                " sequence, or look at each call by itself"
            )
        begun.add(place)
        trace.steps.append(TracedStep(x, before, states, gates))

    begun: set[str] = set()
    return keep


def _goes_on(ended: dict[str, Tensor], begins: dict[str, Tensor]) -> bool:
    """Whether a call begins in the states that the one before has ended in."""
    import torch

    return all(torch.equal(ended[name], state) for name, state in begins.items() if name in ended)
