"""Dropout masks on state and candidate, and zoneout: their gradients, and that they are where they should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unrolled.cells import CELLS, Masks

MEETING_U = [name for name, cell in CELLS.items() if cell.recurrence != "no_product"]
PROPOSING = [name for name, cell in CELLS.items() if cell.candidate]
HANDING_ON_H = [name for name, cell in CELLS.items() if cell.hands_on_h]
REMEMBERING_C = [name for name, cell in CELLS.items() if cell.memory == ("c",)]
PAIRS = [
    *((name, "state") for name in MEETING_U),
    *((name, "candidate") for name in PROPOSING),
    *((name, "keep_h") for name in HANDING_ON_H),
    *((name, "keep_c") for name in REMEMBERING_C),
    *((name, "shares") for name in CELLS),
    *((name, "all") for name in CELLS),
]


def draw(case, kind):
    """Random masks of one kind, or all that the cell takes."""
    rng = np.random.default_rng(1)
    (T, B), P, H, name = case.x.shape[:2], case.grad_h.shape[2], case.hidden_size, case.cell.name

    def zeros_and_ones(*shape):
        return rng.integers(0, 2, size=shape).astype(case.x.dtype)

    possible = {}
    if name in MEETING_U:
        possible["state"] = 2 * zeros_and_ones(B, P)
    if name in PROPOSING:
        possible["candidate"] = 2 * zeros_and_ones(T, B, H)
    if name in HANDING_ON_H:
        possible["keep_h"] = zeros_and_ones(T, B, P)
    if name in REMEMBERING_C:
        possible["keep_c"] = zeros_and_ones(T, B, H)
    if kind == "shares":
        return Masks(zoneout=(0.3 * (name in HANDING_ON_H), 0.2 * (name in REMEMBERING_C)))
    return Masks(**possible) if kind == "all" else Masks(**{kind: possible[kind]})


@pytest.mark.parametrize(("cell_name", "kind"), PAIRS)
def test_gradients_under_masks_equal_central_differences(cell_name, kind, make_case, central_difference):
    case = make_case(cell_name, T=4, B=2, I=2, H=3)
    plain = case.backward()
    case.masks = draw(case, kind)
    gradients = case.backward()
    for name, variable in case.variables().items():
        expected = central_difference(case.loss, variable)
        np.testing.assert_allclose(gradients[name], expected, rtol=1e-8, atol=1e-9, err_msg=name)
    assert any(np.max(np.abs(gradients[name] - plain[name])) > 0.01 for name in plain)


@pytest.mark.parametrize(("cell_name", "kind"), PAIRS)
def test_gradients_under_masks_equal_autograd_through_the_step(cell_name, kind, make_case, unroll_on_tensors):
    case = make_case(cell_name, T=6, B=3, I=2, H=4)
    case.masks = draw(case, kind)
    leaves = case.leaves()
    case.check_against_autograd(leaves, *unroll_on_tensors(case, leaves))


@pytest.mark.parametrize("cell_name", MEETING_U)
def test_a_state_mask_that_all_rows_share_is_another_U(cell_name, make_case):
    case = make_case(cell_name, T=6, H=4)
    U = case.params["weight_hh"]
    factors = np.array([0.0, 2.0, 1.5, 0.5])[: case.grad_h.shape[2]]
    if U.shape[1] < len(factors):  # one head's columns in each of its rows
        rows = np.arange(len(U)) % 4 // U.shape[1]
        factor_of_U = factors.reshape(-1, U.shape[1])[rows]
    else:
        factor_of_U = factors
    scaled = replace(case, params={**case.params, "weight_hh": U * factor_of_U})
    case.masks = Masks(state=np.tile(factors, (3, 1)))
    np.testing.assert_allclose(case.forward()[0], scaled.forward()[0], rtol=1e-13)
    gradients, expected = case.backward(), scaled.backward()
    expected["weight_hh"] = expected["weight_hh"] * factor_of_U
    for name in expected:
        np.testing.assert_allclose(gradients[name], expected[name], rtol=1e-11, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("cell_name", [name for name in CELLS if name not in MEETING_U])
def test_a_state_mask_does_nothing_where_no_matrix_meets_the_state(cell_name, make_case):
    case = make_case(cell_name)
    h, _, _ = case.forward()
    case.masks = Masks(state=np.zeros((3, 4)))
    np.testing.assert_array_equal(case.forward()[0], h)


@pytest.mark.parametrize("cell_name", PROPOSING)
def test_a_candidate_mask_acts_at_its_step_row_and_unit_behind_the_candidate(cell_name, make_case):
    case = make_case(cell_name, T=4, B=3, H=4)
    _, _, plain = case.forward()
    mask = np.ones((4, 3, 4))
    mask[2, 1, 3] = 0
    case.masks = Masks(candidate=mask)
    _, _, masked = case.forward()
    for t in range(4):
        same_rows = [0, 1, 2] if t < 2 else [0, 2]
        np.testing.assert_array_equal(masked[t].h[same_rows], plain[t].h[same_rows])
    for gate in case.cell.gates:  # what the step proposes is masked, not the proposal kept for the backward pass
        if gate != "o":  # an output gate may see the new memory
            np.testing.assert_array_equal(masked[2].gates[gate], plain[2].gates[gate], err_msg=gate)
    memory = case.cell.states.index("c" if "c" in case.cell.states else "h")
    changed = masked[2].after[memory] != plain[2].after[memory]
    np.testing.assert_array_equal(np.argwhere(changed), [[1, 3]])


@pytest.mark.parametrize("cell_name", PROPOSING)
def test_nothing_of_a_dropped_candidate_comes_back(cell_name, make_case):
    """Without any candidate the rows of W and the biases that make it have no gradient."""
    case = make_case(cell_name)
    case.masks = Masks(candidate=np.zeros((5, 3, 4)))
    gradients, gates = case.backward(), case.cell.gates
    W = gradients["weight_ih"]
    place = gates.index(case.cell.candidate)
    if len(W) == 4 * len(gates) and "layer_norm" not in cell_name:
        assert np.any(W) == (len(gates) > 1)
        np.testing.assert_array_equal(W.reshape(len(gates), -1)[place], 0)
    elif len(W) == 4 and cell_name != "fast_grnn":  # of the candidate alone
        np.testing.assert_array_equal(W, 0)
    if case.cell.candidate in case.cell.biased:
        bias = gradients["bias_ih"].reshape(len(case.cell.biased), -1)
        np.testing.assert_array_equal(bias[case.cell.biased.index(case.cell.candidate)], 0)


@pytest.mark.parametrize("cell_name", CELLS)
def test_zoneout_of_everything_keeps_the_states(cell_name, make_case):
    case = make_case(cell_name)
    case.grad_c = None
    (T, B), P, H = case.x.shape[:2], case.grad_h.shape[2], case.hidden_size
    kept = [name for name in case.cell.states if name == "h" or (name == "c" and case.cell.memory == ("c",))]
    ones = {f"keep_{name}": np.ones((T, B, P if name == "h" else H)) for name in kept}
    case.masks = Masks(**ones)
    h, last, _ = case.forward()
    gradients = case.backward()
    for name, first, end, grad in zip(case.cell.states, case.states, last, case.grad_last_states, strict=True):
        if name in kept:
            np.testing.assert_array_equal(end, first)
        if name == "h":
            np.testing.assert_array_equal(h, np.broadcast_to(first, h.shape))
        if case.cell.states == ("h",):
            np.testing.assert_allclose(gradients["h0"], case.grad_h.sum(0) + grad, rtol=1e-13)
            np.testing.assert_array_equal(gradients["x"], 0)


OUTPUTS = {
    "qrnn": lambda gates, c: gates["o"] * c,
    "sru": lambda gates, c: gates["r"] * c + (1 - gates["r"]) * gates["k"],
    "sru_highway": lambda gates, c: gates["r"] * c + (1 - gates["r"]) * gates["k"],
}
"""How outputs that are no states are made of the memory that is handed on."""


def test_every_output_that_is_no_state_has_its_equation_here():
    assert set(OUTPUTS) == set(CELLS) - set(HANDING_ON_H)


@pytest.mark.parametrize("kind", ["keep_c", "shares", "all"])
@pytest.mark.parametrize("cell_name", OUTPUTS)
def test_outputs_that_are_no_states_are_made_of_what_zoneout_leaves(cell_name, kind, make_case):
    case = make_case(cell_name)
    case.masks = draw(case, kind)
    h, _, tape = case.forward()
    for h_t, now in zip(h, tape, strict=True):
        np.testing.assert_allclose(h_t, OUTPUTS[cell_name](now.gates, now.after[0]), rtol=1e-14)


@pytest.mark.parametrize("cell_name", CELLS)
def test_shares_mix_the_states_step_by_step(cell_name, make_case):
    case = make_case(cell_name)
    case.masks = draw(case, "shares")
    keep = dict(zip("hc", case.masks.zoneout, strict=True))
    h, last, _ = case.forward()
    states = case.states
    for t, x_t in enumerate(case.x):
        _, made, gates = case.cell.step(case.cell, case.params, x_t, *states)
        mixed = zip(case.cell.states, states, made, strict=True)
        states = [keep.get(name, 0) * before + (1 - keep.get(name, 0)) * new for name, before, new in mixed]
        out = states[0] if case.cell.hands_on_h else OUTPUTS[cell_name](gates, states[0])
        np.testing.assert_allclose(h[t], out, rtol=1e-14)
    for end, expected in zip(last, states, strict=True):
        np.testing.assert_allclose(end, expected, rtol=1e-14)


@pytest.mark.parametrize("cell_name", CELLS)
def test_masks_keep_the_dtype_and_the_tape_shows_what_was_made(cell_name, make_case):
    case = make_case(cell_name, dtype=np.float32)
    case.masks = draw(case, "all")
    h, last, tape = case.forward()
    assert {a.dtype for a in (h, *last, *tape[0].made, *case.backward().values())} == {np.dtype(np.float32)}
    for t, now in enumerate(tape):
        for name, before, made, after in zip(case.cell.states, now.before, now.made, now.after, strict=True):
            keep = getattr(case.masks, f"keep_{name}", None)
            mixed = made if keep is None else np.where(keep[t] == 1, before, made)
            np.testing.assert_array_equal(after, mixed, err_msg=name)
