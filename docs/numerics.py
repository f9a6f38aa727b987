"""What several pages compute with: random parameters, central differences, relative errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unrolled.cells import Cell


def random_parameters(
    cell: Cell, rng: np.random.Generator, *, input_size: int, hidden_size: int
) -> dict[str, np.ndarray]:
    """Normal parameters with the scale ``1/√H``."""
    shapes = cell.parameter_shapes(input_size=input_size, hidden_size=hidden_size)
    return {name: rng.normal(size=shape) / np.sqrt(hidden_size) for name, shape in shapes.items()}


def central_difference(loss: Callable[[np.ndarray], float], array: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient of ``loss`` at ``array``: each element moved a little both ways, everything else left alone."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        moved = array.copy()
        moved[index] = array[index] + step
        above = loss(moved)
        moved[index] = array[index] - step
        gradient[index] = (above - loss(moved)) / (2 * step)
    return gradient


def relative_error(value: np.ndarray, truth: np.ndarray) -> float:
    """``‖value - truth‖ / ‖truth‖``."""
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def report(**values: float | str) -> None:
    """Print one line a value, its name with spaces for underscores; numbers to two digits.

    >>> report(with_the_transpose=1.26e-9, without=0.941)
    with the transpose  1.3e-09
    without             0.94
    """
    width = max(map(len, values))
    for name, value in values.items():
        print(f"{name.replace('_', ' '):{width}}  {value if isinstance(value, str) else format(value, '.2g')}")
