"""Single steps of stacked layers: bound to their weights once, then from arrays to new arrays in one call of compiled code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.packed import PackedWeights
from unrolled.kernels.threads import default_threads

__all__ = ["Steps", "bound_layer"]

_HIDDEN, _MEMORY, _WINDOW = range(3)


def bound_layer(weights: PackedWeights, zoneout: tuple[float, float] = (0.0, 0.0)) -> _native.StepLayer:
    """A layer as the compiled code steps through it; it is there as long as the weights are."""
    kernel, compiled, H, P = weights.kernel, weights.kernel.compiled, weights.hidden, weights.outputs
    fused = weights.fuses(1, 1, 1)
    packed = weights.packed(fused=fused)
    call = _native.ForwardCall(
        steps=1, reverse=False, inputs=weights.inputs, hidden=H, outputs=P, tape=False, input_weight=packed.input,
        weight=packed.recurrent, projection=packed.projection, bias=packed.bias, vectors=packed.vectors, mask_row=H,
        zoneout_h=zoneout[0], zoneout_c=zoneout[1], gates_row=kernel.gates_row(H, tape=False), h_row=P,
        c_row=compiled.memory * H, c_values=compiled.memory, work_row=compiled.work * H,
    )  # fmt: skip
    call.halves = weights.halves
    return _native.StepLayer.of(
        cell=kernel.number, call=call, activations=kernel.activations, clip=kernel.cell.clip or 0.0,
        memory=compiled.memory * H, unprojected=H if compiled.projected else 0,
        apart=0 if fused else packed.input, apart_bias=packed.separate_bias,
        apart_at=compiled.input_column * H, apart_outputs=compiled.input_gates * H,
    )  # fmt: skip


class Steps(_native.Steps):
    """Steps of layers of one cell, each reading what the one before puts out.

    Arrays that the compiled code cannot read as they lie, or that do not fit, it leaves to its caller: then nothing has
    happened. Every result is an array of its own.

    Args:
        layers: from the first on.
        window: of each layer, how many numbers of earlier inputs a step sees beside the newest.
        stacked: whether states are ``[L, N, size]``, a window ``[1, N, size]`` of each layer; otherwise they are the
            ``[N, size]`` of the only layer.
        zoneout: shares of ``h`` and ``c`` that stay what they were.
        residual: whether layers from the second on add their inputs.
        threads: says how many threads there may be; asked where a step is worth more than one.

    ``rows(x, states)`` gives for ``x [N, I]`` and a tuple of states the outputs ``[N, P]`` and the states after them, or None;
    ``sequences(x, states)`` the same for ``x [1, N, I]``, the only step of sequences.

    Raises:
        InputError: the layers do not fit together.

    >>> import numpy as np
    >>> weights = PackedWeights("rnn_tanh", {"weight_ih": np.eye(2), "weight_hh": np.eye(2), "bias_ih": np.zeros(2),
    ...                                      "bias_hh": np.zeros(2)})
    >>> steps = Steps([weights], stacked=False)
    >>> y, (h,) = steps.rows(np.array([[0.5, 0.0]]), (np.array([[0.5, 0.0]]),))
    >>> y.round(3).tolist(), h.round(3).tolist()
    ([[0.762, 0.0]], [[0.762, 0.0]])
    >>> steps.rows(np.array([0.5, 0.0]), (h,)) is None
    True
    """

    def __init__(
        self, layers: Sequence[PackedWeights], *, stacked: bool, window: Sequence[int] | None = None,
        zoneout: tuple[float, float] = (0.0, 0.0), residual: bool = False, threads: Callable[[], int] = default_threads,
    ) -> None:  # fmt: skip
        self._layers, self._window = tuple(layers), tuple(window or [0] * len(layers))
        self._options: dict[str, Any] = {
            "stacked": stacked,
            "zoneout": zoneout,
            "residual": residual,
            "threads": threads,
        }
        first = self._layers[0]
        outputs = {layer.outputs for layer in layers}
        chained = [layer.inputs - own for layer, own in zip(self._layers, self._window, strict=True)][1:]
        if (len(layers) > 1 and not stacked) or chained != [layer.outputs for layer in self._layers[:-1]]:
            raise InputError("the layers of a step do not fit together")
        if len(outputs) > 1 or any(layer.kernel is not first.kernel for layer in layers):
            raise InputError("the layers of a step are of several cells, sizes or dtypes")
        super().__init__(
            wide=first.kernel.wide, layers=[bound_layer(layer, zoneout) for layer in layers], states=self._states(),
            stacked=stacked, residual=residual, threads=threads,
        )  # fmt: skip

    def _states(self) -> list[tuple[int, int, int, int, int]]:
        """Of each array of states its kind, which value of the memory it is, its first layer, its layers and width."""
        first, L = self._layers[0], len(self._layers)
        memory, own = first.kernel.cell.memory, list[tuple[int, int, int, int, int]]()
        for name in first.kernel.cell.states:
            if name == "h":
                own.append((_HIDDEN, 0, 0, L, first.outputs))
            elif name == "window":
                own += [(_WINDOW, 0, layer, 1, width) for layer, width in enumerate(self._window)]
            else:
                own.append((_MEMORY, memory.index(name), 0, L, first.hidden))
        return own

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is bound to its own weights."""
        return _steps, (self._layers, self._window, self._options)


def _steps(layers: Sequence[PackedWeights], window: Sequence[int], options: dict[str, Any]) -> Steps:
    return Steps(layers, window=window, **options)
