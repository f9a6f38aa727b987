from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from unrolled.cells import CELLS, Cell, Masks, get_cell
from unrolled.kernels.kernel import get_kernel

Arrays = dict[str, np.ndarray]


class Case(NamedTuple):
    """A cell with random parameters, padded input [T, B, I], states, and gradients of everything it returns.

    States and gradients of states are as the kernels take them: ``h`` if it is a state, and all values of the memory side
    by side.
    """

    cell: str
    parameters: Arrays
    x: np.ndarray
    states: tuple[np.ndarray, ...]
    grad_h: np.ndarray
    grad_last: tuple[np.ndarray, ...]
    grad_c: np.ndarray | None
    masks: Masks = Masks()

    @property
    def described(self) -> Cell:
        return get_cell(self.cell)

    def to(self, dtype: Any) -> Case:
        def convert(array: np.ndarray | None) -> np.ndarray | None:
            return None if array is None else array.astype(dtype)

        masks = self.masks
        return self._replace(
            parameters={name: value.astype(dtype) for name, value in self.parameters.items()},
            x=self.x.astype(dtype),
            states=tuple(map(convert, self.states)),
            grad_h=self.grad_h.astype(dtype),
            grad_last=tuple(map(convert, self.grad_last)),
            grad_c=convert(self.grad_c),
            masks=Masks(
                convert(masks.state),
                convert(masks.candidate),
                convert(masks.keep_h),
                convert(masks.keep_c),
                masks.zoneout,
            ),
        )

    def told_apart(self, states: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """The kernels' states as the reference takes them."""
        cell, rest = self.described, list(states)
        named = {"h": rest.pop(0)} if cell.hands_on_h else {}
        if cell.memory:
            named |= zip(cell.memory, np.split(rest[0], len(cell.memory), 1), strict=True)
        nothing = np.zeros((len(states[0]), 0), states[0].dtype)  # a window of no inputs
        return tuple(named.get(name, nothing) for name in cell.states)

    def joined(self, states: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        """The reference's states as the kernels take them."""
        cell = self.described
        h = (states["h"],) if cell.hands_on_h else ()
        return (*h, np.concatenate([states[name] for name in cell.memory], 1)) if cell.memory else h

    def rows(self, steps: np.ndarray | None) -> np.ndarray | None:
        """[T, B, W] as packed rows of equal lengths."""
        return None if steps is None else steps.reshape(steps.shape[0] * steps.shape[1], steps.shape[2])

    def packed(self, rows: slice | np.ndarray = slice(None)) -> Masks:
        """The masks of packed rows."""
        of_steps = (self.rows(mask) for mask in (self.masks.candidate, self.masks.keep_h, self.masks.keep_c))
        return Masks(self.masks.state, *(None if m is None else m[rows] for m in of_steps), self.masks.zoneout)

    def reference(
        self, b: slice = slice(None), n: int | None = None, step: int = 1
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...], Arrays]:
        """What the reference says of some sequences and their first steps, run forward or back: ``h``, the last states
        and all gradients, with states in the kernels' form.
        """

        def cut(steps: np.ndarray | None) -> np.ndarray | None:
            return None if steps is None else steps[:n, b][::step]

        cell, m = self.described, self.masks
        masks = Masks(
            None if m.state is None else m.state[b], cut(m.candidate), cut(m.keep_h), cut(m.keep_c), m.zoneout
        )
        states = self.told_apart(tuple(s[b] for s in self.states))
        h, last, tape = cell.forward(self.parameters, cut(self.x), states, masks)
        last_gradients = self.told_apart(tuple(g[b] for g in self.grad_last))
        grads = cell.backward(
            self.parameters, tape, cut(self.grad_h), last_gradients, grad_c=cut(self.grad_c), masks=masks
        )
        first = self.joined({name: grads.pop(f"{name}0") for name in cell.states})
        names = get_kernel(self.cell, "float64").state_names
        return h, self.joined(dict(zip(cell.states, last, strict=True))), grads | dict(zip(names, first, strict=True))


def make_case(cell: str, T: int, B: int, I: int, H: int, seed: int = 0) -> Case:
    rng = np.random.default_rng([seed, T, B, I, H])
    described = get_cell(cell)
    I = H if described.square else I
    P = (H + 1) // 2 if described.name == "lstmp" else H
    shapes = get_kernel(cell, "float64").parameter_shapes(I, H, P)
    M = len(described.memory)
    widths = ([P] if described.hands_on_h else []) + ([M * H] if M else [])
    states = tuple(rng.normal(size=(B, width)) for width in widths)
    if M > 1:
        states[-1][:, H : 2 * H] = abs(states[-1][:, H : 2 * H]) + 1  # a normaliser
    parameters = {
        name: rng.normal(size=shape) / np.sqrt(shape[-1] if len(shape) == 2 else 4) for name, shape in shapes.items()
    }
    if "alpha" in parameters:  # a share
        parameters["alpha"] = 1 / (1 + np.exp(-4 * parameters["alpha"]))
    return Case(
        cell,
        parameters,
        rng.normal(size=(T, B, I)),
        states,
        rng.normal(size=(T, B, P)),
        tuple(rng.normal(size=(B, width)) for width in widths),
        rng.normal(size=(T, B, M * H)) if M else None,
    )


def with_masks(case: Case, *, shares: bool, seed: int = 1) -> Case:
    """With every mask that the cell can have, or zoneout as a mean."""
    rng, cell = np.random.default_rng(seed), case.described
    (T, B, P), H = case.grad_h.shape, case.parameters["weight_ih"].shape[0]
    H = case.grad_c.shape[2] // len(cell.memory) if cell.memory else P
    has_c = cell.memory == ("c",)

    def dropout(*shape: int) -> np.ndarray:
        return (rng.random(shape) < 0.7) / 0.7

    def keep(*shape: int) -> np.ndarray:
        return (rng.random(shape) < 0.3).astype(float)

    masks = Masks(
        dropout(B, P) if cell.recurrence != "no_product" else None,
        dropout(T, B, H) if cell.candidate else None,
        keep(T, B, P) if cell.hands_on_h and not shares else None,
        keep(T, B, H) if has_c and not shares else None,
        (0.3 * cell.hands_on_h, 0.2 * has_c) if shares else (0.0, 0.0),
    )
    return case._replace(masks=masks)


@pytest.fixture(params=sorted(CELLS))
def cell(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def case():
    return make_case


@pytest.fixture
def masked():
    return with_masks
