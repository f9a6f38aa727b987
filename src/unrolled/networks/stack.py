"""Stacked recurrent layers: their sizes, parameters and options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from unrolled.cells import Cell, get_cell
from unrolled.codecs.ranges import Count
from unrolled.parameters.network import NetworkParameters, cell_spec

__all__ = ["LayerOptions", "StackConfig", "layer_options"]

Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class LayerOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of recurrent layers that stay after training; :class:`unrolled.nn.Settings` has the same."""

    sizes: dict[str, Count] = {}
    """Those of :attr:`unrolled.cells.Cell.sizes`, such as ``proj_size``; each has a default."""
    zoneout: tuple[Share, Share] = (0.0, 0.0)
    """Shares of ``h`` and of ``c`` that keep their value from one step to the next."""
    residual: bool = False
    """From the second layer on, each layer adds its input to its output."""
    initial_state: Literal["zero", "learned"] = "zero"
    """Whether the states that sequences start in are parameters."""


def layer_options(parameters: NetworkParameters) -> dict[str, Any]:
    """The fields of :class:`LayerOptions` that an estimator's parameters set; zoneout is for every state that can have it.

    >>> layer_options(NetworkParameters(cell="lstm", zoneout=0.1))["zoneout"]
    (0.1, 0.1)
    """
    cell, p = get_cell(cell_spec(parameters)), parameters.zoneout
    shares = (p if cell.hands_on_h else 0.0, p if cell.memory == ("c",) else 0.0)
    return {"sizes": parameters.cell_sizes or {}, "zoneout": shares, "residual": parameters.residual}


class StackConfig(LayerOptions, frozen=True, forbid_unknown_fields=True):
    """The sizes of stacked layers.

    Attributes:
        cell: a name of the registry, or the :attr:`~unrolled.cells.Cell.spec` of a cell with other activation functions.
        inputs, hidden_size, num_layers: ``I``, ``H`` and ``L``.
        bidirectional: whether each layer also runs backwards.
        merge: how the outputs of both directions are combined: side by side, or added.

    >>> StackConfig("lstmp", 3, 4, num_layers=2, bidirectional=True, sizes={"proj_size": 2}).outputs
    4
    """

    cell: str
    inputs: Count
    hidden_size: Count
    num_layers: Count
    bidirectional: bool = False
    merge: Literal["concat", "sum"] = "concat"

    @classmethod
    def of(cls, parameters: NetworkParameters, inputs: int, *, bidirectional: bool = False) -> StackConfig:
        """The layers that an estimator's parameters describe, for ``inputs`` numbers a step."""
        sizes = cell_spec(parameters), inputs, parameters.hidden_size, parameters.num_layers, bidirectional
        return cls(*sizes, **layer_options(parameters))

    @property
    def directions(self) -> int:
        """1 or 2."""
        return 1 + self.bidirectional

    @property
    def output_size(self) -> int:
        """Size of one direction's output at each step."""
        return self.sizes.get("proj_size", self.hidden_size)

    @property
    def outputs(self) -> int:
        """Size of the last layer's output at each step."""
        return self.output_size * (1 if self.merge == "sum" else self.directions)

    @property
    def described(self) -> Cell:
        """The cell."""
        return get_cell(self.cell)

    @property
    def learned_states(self) -> tuple[str, ...]:
        """The states that sequences start in as parameters."""
        states = tuple(state for state in self.described.states if state == "h" or state in self.described.memory)
        return states if self.initial_state == "learned" else ()

    def suffixes(self) -> list[tuple[int, str]]:
        """Of every layer and direction the layer, and how the names of its parameters end, as in torch."""
        ends = ("", "_reverse")[: self.directions]
        return [(layer, f"_l{layer}{end}") for layer in range(self.num_layers) for end in ends]

    def layer_sizes(self, layer: int) -> dict[str, int]:
        """The sizes of a layer as :class:`unrolled.cells.Cell` takes them."""
        inputs = self.outputs if layer else self.inputs
        return {"input_size": inputs, "hidden_size": self.hidden_size, **self.sizes}

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of every parameter, named as in torch; learned initial states as ``h_0_l0``."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, suffix in self.suffixes():
            sizes = self.layer_sizes(layer)
            own = self.described.parameter_shapes(**sizes)
            widths = self.described.state_sizes(**sizes) if self.learned_states else {}
            shapes |= {name + suffix: shape for name, shape in own.items()}
            shapes |= {f"{state}_0{suffix}": (widths[state],) for state in self.learned_states}
        return shapes
