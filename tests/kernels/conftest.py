from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from unrolled.cells import CELLS, get_cell

Arrays = dict[str, np.ndarray]


class Case(NamedTuple):
    """A cell with random parameters, padded input [T, B, I], states, and gradients of everything it returns."""

    cell: str
    parameters: Arrays
    x: np.ndarray
    states: tuple[np.ndarray, ...]
    grad_h: np.ndarray
    grad_last: tuple[np.ndarray, ...]
    grad_c: np.ndarray | None

    def to(self, dtype: Any) -> Case:
        def convert(arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
            return tuple(a.astype(dtype) for a in arrays)

        return Case(
            self.cell,
            {name: value.astype(dtype) for name, value in self.parameters.items()},
            self.x.astype(dtype),
            convert(self.states),
            self.grad_h.astype(dtype),
            convert(self.grad_last),
            None if self.grad_c is None else self.grad_c.astype(dtype),
        )


def make_case(cell: str, T: int, B: int, I: int, H: int, seed: int = 0) -> Case:
    rng = np.random.default_rng([seed, T, B, I, H])
    described = get_cell(cell)
    shapes = described.parameter_shapes(input_size=I, hidden_size=H)
    return Case(
        cell,
        {name: rng.normal(size=shape) / np.sqrt(shape[-1] if len(shape) == 2 else 4) for name, shape in shapes.items()},
        rng.normal(size=(T, B, I)),
        tuple(rng.normal(size=(B, H)) for _ in described.states),
        rng.normal(size=(T, B, H)),
        tuple(rng.normal(size=(B, H)) for _ in described.states),
        rng.normal(size=(T, B, H)) if "c" in described.states else None,
    )


@pytest.fixture(params=sorted(CELLS))
def cell(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def case():
    return make_case
