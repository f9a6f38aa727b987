"""Stacked recurrent layers of a saved model, in one or both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats
from unrolled.errors import InputError
from unrolled.kernels.steps import Steps
from unrolled.kernels.storage import Storage
from unrolled.networks.stack import StackConfig
from unrolled.runtime.recurrent import Lengths, RecurrentLayer

__all__ = ["Gates", "Stack", "States"]

States: TypeAlias = tuple[Floats, ...]
"""As the modules of :mod:`unrolled.nn` have them: of each of the cell's states one array ``[L*D, B, H]``, the directions of
the first layer first; of a QRNN's window, whose size differs between layers, one array a layer, ``[D, B, W]``. The batch is
the second axis of each."""
Gates: TypeAlias = tuple[dict[str, Floats], ...]
"""Of each layer its gates of every step by name, ``[T, B, D*H]``."""


class Stack:
    """Runs the layers, at once or step by step; a sequence's results have the same bits alone and in a batch, whole and in
    chunks.

    Args:
        config: the sizes.
        parameters: those of :meth:`unrolled.networks.stack.StackConfig.parameter_shapes`, float32 or float64.
        weights: what matrices are stored as, as for :class:`unrolled.runtime.recurrent.RecurrentLayer`.

    Attributes:
        layers: for each layer its directions.

    >>> config = StackConfig("gru", inputs=3, hidden_size=4, num_layers=2)
    >>> rng = np.random.default_rng(0)
    >>> stack = Stack(config, {name: rng.normal(size=shape) for name, shape in config.parameter_shapes().items()})
    >>> x = rng.normal(size=(5, 2, 3))
    >>> y, (h,) = stack(x)
    >>> y.shape, h.shape
    ((5, 2, 4), (2, 2, 4))
    >>> states = None
    >>> for t in range(5):
    ...     output, states = stack.step(x[t], states)
    >>> np.array_equal(output, y[-1]), np.array_equal(states[0], h)
    (True, True)
    """

    def __init__(
        self, config: StackConfig, parameters: Mapping[str, NDArray[Any]], *, weights: Storage | None = None
    ) -> None:
        self.config = config
        names = [parameter.name for parameter in config.described.parameters]
        sizes: dict[str, Any] = {size.name: size.default for size in config.described.sizes} | config.sizes
        self.layers: list[list[RecurrentLayer]] = [[] for _ in range(config.num_layers)]
        self._learned: list[tuple[Floats, ...]] = []
        for layer, suffix in config.suffixes():
            own = {name: parameters[name + suffix] for name in names}
            reverse = len(self.layers[layer]) == 1
            made = RecurrentLayer(
                config.cell, own, reverse=reverse, zoneout=config.zoneout, kernel_width=sizes.get("kernel_width", 1),
                weights=weights,
            )  # fmt: skip
            self.layers[layer].append(made)
            self._learned.append(tuple(parameters[f"{state}_0{suffix}"] for state in config.learned_states))
        self._names = list(self.layers[0][0].state_sizes)
        self._windows = self._names.count("window")
        self._steps = self._bound()

    @overload
    def __call__(
        self, x: Floats, lengths: Lengths | None = None, states: States | None = None, *,
        return_gates: Literal[False] = False,
    ) -> tuple[Floats, States]: ...  # fmt: skip
    @overload
    def __call__(
        self, x: Floats, lengths: Lengths | None = None, states: States | None = None, *, return_gates: Literal[True]
    ) -> tuple[Floats, States, Gates]: ...
    def __call__(
        self, x: Floats, lengths: Lengths | None = None, states: States | None = None, *, return_gates: bool = False
    ) -> tuple[Any, ...]:
        """Run over sequences.

        Args:
            x: ``[T, B, I]``.
            lengths: steps of each sequence, ``[B]``, from 0 to T; by default all have T.
            states: what a call before returned, to go on from there; by default sequences begin.
            return_gates: also return the gates of every step of every layer.

        Returns:
            Outputs of the last layer, ``[T, B, O]``, zero past each length; the last states of all layers
            (:data:`States`); and if asked for the gates (:data:`Gates`).

        Raises:
            InputError: a shape, dtype or length does not fit.
        """
        if lengths is None and not return_gates and self._steps is not None:
            made = self._steps.sequences(x, states)
            if made is not None:
                return made
        config, shown = self.config, list[dict[str, Floats]]()
        first = self._beginning(x) if states is None else self._apart(states)
        last: list[tuple[Floats, ...]] = []
        for index, directions in enumerate(self.layers):
            given = first[index * len(directions) :] if first else [None] * len(directions)
            results = [
                layer(x, start, lengths, return_gates=True) if return_gates else (*layer(x, start, lengths), {})
                for layer, start in zip(directions, given, strict=False)
            ]
            outputs = [y for y, _, _ in results]
            last += [ends for _, ends, _ in results]
            shown.append({name: _side_by_side([gates[name] for _, _, gates in results]) for name in results[0][2]})
            y = outputs[0] + outputs[1] if config.merge == "sum" and len(outputs) == 2 else _side_by_side(outputs)
            x = y + x if config.residual and index else y
        return (x, self._together(last), tuple(shown)) if return_gates else (x, self._together(last))

    def step(self, x: Floats, states: States | None = None) -> tuple[Floats, States]:
        """Run one step.

        Args:
            x: ``[B, I]``.
            states: what the step before returned; by default sequences begin.

        Returns:
            The last layer's output ``[B, O]``, and the states after it. They are arrays of their own, which no later step
            touches.

        Raises:
            InputError: a shape or dtype does not fit, or the layers also run backwards.
        """
        if self._steps is None:
            raise InputError(
                "the layers are bidirectional, and one direction begins at the end of a sequence: run whole sequences, or"
                " train with bidirectional=False to run step by step"
            )
        made = self._steps.rows(x, states)
        if made is not None:
            return made
        y, states = self(np.asarray(x)[None], states=states)
        return y[0], states

    def _bound(self) -> Steps | None:
        """Steps through all layers; None where some run backwards."""
        if self.config.bidirectional:
            return None
        layers = [layer for (layer,) in self.layers]
        windows = [layer.state_sizes.get("window", 0) for layer in layers]
        weights, residual = [layer.weights for layer in layers], self.config.residual
        return Steps(weights, stacked=True, window=windows, zoneout=layers[0].zoneout, residual=residual)

    def _beginning(self, x: Floats) -> list[tuple[Floats, ...]]:
        """The states of each layer and direction that are learned, and nothing where they are those of the cell."""
        names, states = self.config.learned_states, list[tuple[Floats, ...]]()
        layers = [layer for directions in self.layers for layer in directions]
        for layer, learned in zip(layers, self._learned, strict=True):
            own = {name: np.zeros(size, x.dtype) for name, size in layer.state_sizes.items()}
            own |= dict(zip(names, learned, strict=True))
            states.append(tuple(np.repeat(start[None], np.shape(x)[1], 0) for start in own.values()))
        return states if names else []

    def _apart(self, states: States) -> list[tuple[Floats, ...]]:
        """:data:`States` as those of each layer and direction."""
        D, each = self.config.directions, len(self.layers) * self.config.directions
        names, windows = self._names, self._windows
        expected = len(names) - windows + windows * len(self.layers)
        if len(states) != expected:
            raise InputError(
                f"states holds {len(states)} arrays, expected {expected}: those of cell {self.config.cell}"
            )
        if each == 1 and not windows:
            return [tuple([array[0] for array in states])]
        whole, of_layers = states[: len(names) - windows], states[len(names) - windows :]
        for array, count in [*((array, each) for array in whole), *((array, D) for array in of_layers)]:
            if np.ndim(array) != 3 or len(array) != count:
                raise InputError(f"states holds an array of shape {np.shape(array)}, expected [{count}, B, size]")
        return [(*(a[k] for a in whole), *(a[k % D] for a in of_layers[k // D :][:windows])) for k in range(each)]

    def _together(self, states: Sequence[tuple[Floats, ...]]) -> States:
        """Those of each layer and direction as :data:`States`."""
        if len(states) == 1:
            return tuple([array[None] for array in states[0]])
        D, kinds = self.config.directions, dict(zip(self._names, zip(*states, strict=True), strict=True))
        windows = kinds.pop("window", ())
        of_layers = (_stacked(windows[k : k + D]) for k in range(0, len(windows), D))
        return *(_stacked(kind) for kind in kinds.values()), *of_layers


def _stacked(arrays: Sequence[Floats]) -> Floats:
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def _side_by_side(arrays: Sequence[Floats]) -> Floats:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=2)
