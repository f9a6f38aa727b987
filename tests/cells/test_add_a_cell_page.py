"""The cell that docs/add-a-cell.md adds, as its reader would: the page's own code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unrolled.cells import CELLS, Masks

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def page(code_cells):
    names = {}
    for cell in code_cells(DOCS / "add-a-cell.md"):
        exec(cell.code, names)
    return names


def test_the_pages_cell_is_not_one_of_ours_and_its_gradients_are_right(page):
    assert page["ugrnn"].name not in CELLS
    for name, value in page["params"].items():
        truth = page["central_difference"](page["loss_with"](name), value)
        assert page["relative_error"](page["grads"][name], truth) < 1e-7


def test_the_pages_cell_takes_masks(page, make_case, central_difference):
    case = make_case("li_gru", T=4, B=2, I=2, H=3)  # the same parameters and states
    case.cell = page["ugrnn"]
    rng = np.random.default_rng(0)
    case.masks = Masks(state=2.0 * rng.integers(0, 2, (2, 3)), candidate=2.0 * rng.integers(0, 2, (4, 2, 3)))
    for name, gradient in case.backward().items():
        expected = central_difference(case.loss, case.variables()[name])
        np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-9, err_msg=name)
