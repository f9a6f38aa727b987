from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from unrolled.cells import CELLS, Cell


@dataclass
class Case:
    """A cell with random parameters, input, initial states, and random gradients of everything it returns."""

    cell: Cell
    params: dict[str, np.ndarray]
    x: np.ndarray
    states: tuple[np.ndarray, ...]
    grad_h: np.ndarray
    grad_last_states: tuple[np.ndarray, ...]
    grad_c: np.ndarray | None

    def forward(self):
        return self.cell.forward(self.params, self.x, self.states)

    def backward(self):
        _, _, tape = self.forward()
        return self.cell.backward(self.params, tape, self.grad_h, self.grad_last_states, grad_c=self.grad_c)

    def loss(self) -> float:
        """A scalar whose gradients are those that `backward` returns."""
        h, last_states, tape = self.forward()
        at_end = zip(self.grad_last_states, last_states, strict=True)
        total = np.sum(self.grad_h * h) + sum(np.sum(grad * state) for grad, state in at_end)
        if self.grad_c is not None:
            total += np.sum(self.grad_c * np.stack([now.after[1] for now in tape]))
        return total

    def variables(self) -> dict[str, np.ndarray]:
        """Everything the loss is differentiated by, under the names of the gradients."""
        initial = {f"{name}0": state for name, state in zip(self.cell.states, self.states, strict=True)}
        return {"x": self.x, **self.params, **initial}


@pytest.fixture
def make_case():
    def make(cell_name: str, *, T=5, B=3, I=2, H=4, dtype=np.float64, seed=0) -> Case:
        rng = np.random.default_rng([seed, T, B, I, H])
        cell = CELLS[cell_name]

        def normal(*shape):
            return rng.normal(size=shape).astype(dtype)

        params = {
            name: 0.7 * normal(*shape) for name, shape in cell.parameter_shapes(input_size=I, hidden_size=H).items()
        }
        params = {name: value.astype(dtype) for name, value in params.items()}
        states = tuple(normal(B, H) for _ in cell.states)
        last = tuple(normal(B, H) for _ in cell.states)
        grad_c = normal(T, B, H) if "c" in cell.states else None
        return Case(cell, params, normal(T, B, I), states, normal(T, B, H), last, grad_c)

    return make


@pytest.fixture
def central_difference():
    """Gradient of `loss()` by its fourth-order central difference in every element of `variable`, changed in place."""

    def differentiate(loss, variable: np.ndarray, step=1e-4) -> np.ndarray:
        gradient = np.empty_like(variable)
        for index in np.ndindex(variable.shape):
            value = variable[index]
            moved = {}
            for k in (-2, -1, 1, 2):
                variable[index] = value + k * step
                moved[k] = loss()
            variable[index] = value
            gradient[index] = (moved[-2] - 8 * moved[-1] + 8 * moved[1] - moved[2]) / (12 * step)
        return gradient

    return differentiate
