"""The states of stacked layers: the tensors that a call takes and returns, and what each layer has of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.cells import get_cell
from unrolled.nn.call import check_strided
from unrolled.nn.constant import constant_result
from unrolled.nn.errors import ArgumentTypeError, TensorError

__all__ = ["States", "states_of"]


class States(NamedTuple):
    """How the states of ``L`` layers in ``D`` directions lie in tensors.

    A state that has the same width in every layer is one tensor ``[L*D, B, H]``, as in torch. Windows of inputs have not:
    each layer's is a tensor of its own, ``[D, B, W]``.
    """

    names: tuple[str, ...]
    """The cell's states in order; windows come last."""
    stacked: int
    """How many of them have one tensor for all layers."""
    hands_on_h: bool
    """Whether the first is ``h``."""
    layers: int
    directions: int
    widths: tuple[tuple[int, ...], ...]
    """Of each layer the numbers of each state of one sequence, in the order of the cell's states."""

    @property
    def tensors(self) -> list[tuple[str, int, int]]:
        """Of each tensor its name, its first and its last dimension."""
        L, D = self.layers, self.directions
        found: list[tuple[str, int, int]] = []
        for i, name in enumerate(self.names):
            if i < self.stacked:
                found.append((f"{name}_0", L * D, self.widths[0][i]))
            else:
                found += [(f"{name} {k}", D, widths[i]) for k, widths in enumerate(self.widths)]
        return found

    def given(self, module: str, hx: Any) -> tuple[Tensor, ...]:
        """The tensors of a call's ``hx``, in a tuple; :meth:`checked` refuses what they are not.

        Raises:
            ArgumentTypeError: they are not as many as the states.
        """
        if len(self.names) == 1:
            return (hx,)
        names = [name for name, _, _ in self.tensors]
        if not isinstance(hx, (tuple, list)) or len(hx) != len(names):  # pyright: ignore[reportUnknownArgumentType]
            found = f"{len(hx)} of them" if isinstance(hx, (tuple, list)) else type(hx).__name__  # pyright: ignore
            raise ArgumentTypeError(f"{module}: hx must hold the tensors ({', '.join(names)}), got {found}")
        return tuple(hx)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

    def checked(self, states: Sequence[Tensor], like: Tensor, batch: int, *, batched: bool) -> tuple[Tensor, ...]:
        """Initial states of ``batch`` sequences, all with a dimension for the sequences.

        Raises:
            ArgumentTypeError: one is no tensor.
            TensorError: one has another shape, or the dtype or device of another input than ``like``.
        """
        checked: list[Tensor] = []
        for (name, rows, width), state in zip(self.tensors, states, strict=True):
            if not isinstance(state, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ArgumentTypeError(f"{name}: expected a tensor, got {type(state).__name__}")
            if state.dim() != (3 if batched else 2):
                kind = "batched 3-D" if batched else "unbatched 2-D"
                raise TensorError(
                    f"For {kind} input, {name} should be {3 if batched else 2}-D too, got {state.dim()}-D"
                )
            if state.dtype != like.dtype or state.device != like.device:
                raise TensorError(
                    f"{name} is {state.dtype} on {state.device}, the input is {like.dtype} on {like.device}"
                )
            check_strided(name, state)
            state = state if batched else state.unsqueeze(1)
            expected = (rows, batch, width)
            if state.shape != expected:
                raise TensorError(f"Expected {name} of size {expected}, got {tuple(state.shape)}")
            checked.append(state)
        return tuple(checked)

    def of_layer(self, states: tuple[Tensor, ...], index: int) -> tuple[Tensor | None, Tensor | None]:
        """One layer's ``h``, and its other states side by side, as the kernels take them."""
        D, count = self.directions, self.stacked
        if self.layers > 1:
            own = [state[index * D : index * D + D] for state in states[:count]]
            states = (*own, *states[count + index :: self.layers])
        h, rest = (states[0], states[1:]) if self.hands_on_h else (None, states)
        return h, torch.cat(list(rest), 2) if len(rest) > 1 else rest[0] if rest else None

    def apart(self, last: Sequence[Tensor], index: int) -> tuple[Tensor, ...]:
        """One layer's last states in the cell's order, of ``h`` and the others side by side."""
        widths = self.widths[index][self.hands_on_h :]
        return tuple(last) if len(widths) < 2 else (*last[:-1], *last[-1].split(widths, 2))

    def joined(self, layers: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """All layers' states as a call returns them, of each one's in the cell's order."""
        if len(layers) == 1:
            return layers[0]
        kinds = list(zip(*layers, strict=True))
        windows = [window for kind in kinds[self.stacked :] for window in kind]
        return *[torch.cat(kind) for kind in kinds[: self.stacked]], *windows


@constant_result
def states_of(
    cell: str, input_size: int, outputs: int, hidden_size: int, layers: int, directions: int,
    sizes: tuple[tuple[str, int], ...],
) -> States:  # fmt: skip
    """The states of layers of a cell, the first with ``input_size`` inputs, the others with as many as have ``outputs``."""
    return _states_of(cell, input_size, outputs, hidden_size, layers, directions, sizes)


@lru_cache(maxsize=256)
def _states_of(
    cell: str, input_size: int, outputs: int, hidden_size: int, layers: int, directions: int,
    sizes: tuple[tuple[str, int], ...],
) -> States:  # fmt: skip
    described = get_cell(cell)
    widths = [
        tuple(
            described.state_sizes(
                input_size=outputs if k else input_size, hidden_size=hidden_size, **dict(sizes)
            ).values()
        )
        for k in range(layers)
    ]
    stacked = described.hands_on_h + len(described.memory)
    return States(described.states, stacked, described.hands_on_h, layers, directions, tuple(widths))
