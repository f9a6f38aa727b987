"""Families of networks: by which layers over time they differ, how wide these are, what they are no good for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from unrolled.cells import CELLS
from unrolled.comparison.body import BodyStart
from unrolled.comparison.feed_forward import FeedForward
from unrolled.comparison.tcn import Tcn
from unrolled.comparison.transformer import HEADS, Transformer
from unrolled.networks.stack import StackConfig

__all__ = ["NETWORKS", "Context", "NetworkFamily", "network_family"]

BOTH = "-bidirectional"
USUAL = {"rnn": "rnn_tanh"}
PROJECTED = ("lstmp",)
"""Cells that put out half of their units."""
SQUARE = "it puts out as many numbers as it reads, so that its width cannot be chosen"
AHEAD = "it would read the steps that are to be foretold"


@dataclass(frozen=True)
class Context:
    """What a task means for layers over time.

    Attributes:
        inputs: numbers a step.
        steps: of a window, or as many as most of its sequences have at most.
        before, after: the window that a feed-forward net reads, the present step among ``before``.
    """

    inputs: int
    steps: int
    before: int
    after: int = 0


@dataclass(frozen=True)
class NetworkFamily:
    """A family.

    Attributes:
        name: as users ask for it.
        cell: of recurrent layers; None for another body.
        both: whether it reads a sequence in both directions.
        body: makes what stands in the place of recurrent layers.
        multiple: widths are multiples of it.
        inner: whether the width within its blocks can be chosen apart.
        refused: task → why this family makes no sense there.
    """

    name: str
    cell: str | None = None
    both: bool = False
    body: Callable[[Context], BodyStart] | None = None
    multiple: int = 1
    inner: bool = False
    refused: Mapping[str, str] = field(default_factory=dict[str, str])

    def config(self, context: Context, width: int, inner: int | None = None) -> StackConfig:
        """The layers' sizes."""
        sizes = {} if inner is None else {"inner": inner}
        if self.cell in PROJECTED:
            sizes["proj_size"] = width // 2
        both = self.both and self.cell is not None
        return StackConfig(self.cell or self.name, context.inputs, width, 1, bidirectional=both, sizes=sizes)

    def start(self, context: Context) -> BodyStart | None:
        """What makes the body; None where the layers are recurrent."""
        return None if self.body is None else self.body(context)


def _feed_forward(context: Context) -> BodyStart:
    return partial(FeedForward, before=context.before, after=context.after)


def _tcn(context: Context) -> BodyStart:
    return partial(Tcn, steps=context.steps)


def _transformer(context: Context, *, causal: bool) -> BodyStart:
    return partial(Transformer, causal=causal, steps=context.steps)


NETWORKS: dict[str, NetworkFamily] = {
    family.name: family
    for family in (
        NetworkFamily("feed-forward", body=_feed_forward),
        NetworkFamily("tcn", body=_tcn, inner=True),
        NetworkFamily(
            "transformer",
            both=True,
            body=partial(_transformer, causal=False),
            multiple=HEADS,
            inner=True,
            refused={"generate": AHEAD},
        ),
        NetworkFamily("transformer-causal", body=partial(_transformer, causal=True), multiple=HEADS, inner=True),
    )
}
"""Those that are not recurrent."""


def network_family(name: str) -> NetworkFamily | None:
    """The family of this name: one of ``NETWORKS``, a cell, or a cell in both directions.

    >>> network_family("lstm-bidirectional").both, network_family("hmm")
    (True, None)
    """
    if name in NETWORKS:
        return NETWORKS[name]
    plain = name.removesuffix(BOTH)
    cell, both = USUAL.get(plain, plain), name != plain
    if cell not in CELLS:
        return None
    refused: dict[str, str] = {"generate": AHEAD} if both else {}
    if CELLS[cell].square:
        refused = dict[str, str].fromkeys(("forecast", "classify", "tag", "generate"), SQUARE)
    return NetworkFamily(name, cell, both, multiple=2 if cell in PROJECTED else 1, refused=refused)
