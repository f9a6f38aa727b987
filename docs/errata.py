"""Slips in texts on recurrent networks, measured: follow the text to the letter and compare with the truth.

Gradients are those of a small network with random weights and a softmax output with cross entropy at every step. An
error is ``‖text - truth‖ / ‖truth‖``, the median of 20 draws of weights, inputs and targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numerics import random_parameters, relative_error

from unrolled.cells import Cell, OutputLayer, categorical_cross_entropy, get_cell, sgd_step, softmax

DRAWS = 20


def network_gradients(cell: Cell, seed: int, *, hidden_size: int = 8, steps: int = 10) -> Callable:
    """A random network; returned is the function from a backward step to the network's gradients."""
    rng = np.random.default_rng(seed)
    params = random_parameters(cell, rng, input_size=4, hidden_size=hidden_size)
    V = {"weight": rng.normal(size=(5, hidden_size)), "bias": rng.normal(size=5)}
    y = np.eye(5)[rng.integers(5, size=(steps, 1))]
    h0 = tuple(rng.normal(size=(1, hidden_size)) for _ in cell.states)
    h, _, tape = cell.forward(params, rng.normal(size=(steps, 1, 4)), h0)
    _, output_tape = OutputLayer("softmax").forward(V, h)
    _, grad_q = categorical_cross_entropy(output_tape.q, y)
    grad_h = OutputLayer("softmax").backward(V, output_tape, grad_q)["h"]
    return lambda step_backward: replace(cell, step_backward=step_backward).backward(params, tape, grad_h)


def error_in_dU(cell: Cell, step_backward: Callable, rows: slice = slice(None), **sizes: int) -> float:
    """How far a text's backward step is off in ``dU``, or in some rows of it."""
    errors = []
    for seed in range(DRAWS):
        gradients = network_gradients(cell, seed, **sizes)
        text, truth = gradients(step_backward)["weight_hh"], gradients(cell.step_backward)["weight_hh"]
        errors.append(relative_error(text[rows], truth[rows]))
    return float(np.median(errors))


def update_gate_of_the_article() -> dict[str, float]:
    """``h = (1-z)∘h + z∘n``, and beside it the words that z near 1 keeps the old state. It does not: it replaces it.

    The equation is our cell with the sign of the update gate's weights and bias flipped.
    """
    gru, rng = get_cell("gru_reset_before"), np.random.default_rng(0)
    params = random_parameters(gru, rng, input_size=4, hidden_size=8)
    x, h_prev = rng.normal(size=(1, 4)), rng.normal(size=(1, 8))
    _, _, gates = gru.step(gru, params, x, h_prev)
    z, n = gates["z"], gates["n"]

    start = 8 * gru.gates.index("z")
    flipped = {name: value.copy() for name, value in params.items()}
    for value in flipped.values():
        value[start : start + 8] *= -1
    ours, _, _ = gru.step(gru, flipped, x, h_prev)
    z_open = np.ones_like(z)
    at_one = (1 - z_open) * h_prev + z_open * n
    return {
        "z = 1: distance to the old state": float(np.linalg.norm(at_one - h_prev)),
        "z = 1: distance to the candidate": float(np.linalg.norm(at_one - n)),
        "distance to our cell with z's sign flipped": float(np.linalg.norm((1 - z) * h_prev + z * n - ours)),
    }


def loss_with_two_minus_signs() -> dict[str, float]:
    """``L = -(1/N) Σ E`` with ``E = -y log ŷ``: the loss is negative, and descending it unlearns the target."""
    y, V = np.array([[0.0, 1.0, 0.0]]), {"q": np.array([[0.5, -0.3, 0.1]])}
    E, grad_q = categorical_cross_entropy(V["q"], y)
    after = sgd_step(V, {"q": -grad_q}, learning_rate=1.0)
    return {
        "the loss as printed": -E.item(),
        "probability of the target before a step": float(softmax(V["q"])[0, 1]),
        "probability of the target after a step": float(softmax(after["q"])[0, 1]),
    }


def reset_gate_gradient(hidden_size: int = 8) -> dict[str, float]:
    """The gradient of the reset gate's ``U_r``; the truth is ``δr = (U_n^T δa_n)∘h[t-1]``.

    The derivation has ``∂s/∂r = U_n h[t-1]``, which makes ``δr = δa_n∘(U_n h[t-1])``: a matrix product treated like an
    elementwise one, right only for a single hidden unit. The lecture's ``δn∘(U_n h[t-1])`` drops the slope of tanh too.
    """
    gru = get_cell("gru_reset_before")
    r_rows = slice(0, hidden_size)
    n_rows = slice(2 * hidden_size, None)

    def with_candidate_gradient(candidate_gradient: Callable) -> Callable:
        def step_backward(cell, params, now, dh):
            (h_prev,), gates = now.before, now.gates
            r, z, n = gates["r"], gates["z"], gates["n"]
            states, grads = gru.step_backward(cell, params, now, dh)
            dr = candidate_gradient(dh * (1 - z), n) * (h_prev @ params["weight_hh"][n_rows].T)
            dU = grads["weight_hh"].copy()
            dU[r_rows] = (dr * r * (1 - r)).T @ h_prev
            return states, {**grads, "weight_hh": dU}

        return step_backward

    derivation = with_candidate_gradient(lambda dn, n: dn * (1 - n**2))
    lecture = with_candidate_gradient(lambda dn, n: dn)
    return {
        "derivation": error_in_dU(gru, derivation, r_rows, hidden_size=hidden_size),
        "lecture": error_in_dU(gru, lecture, r_rows, hidden_size=hidden_size),
    }


def jacobian_one_step_early(steps: int = 10) -> dict[str, float]:
    """``∂h[T]/∂h[0] = Π_i U^T diag(φ'(a[i-1]))``, with gradients as columns: the slope belongs to step i."""
    rnn, right, early = get_cell("rnn_tanh"), [], []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        params = random_parameters(rnn, rng, input_size=4, hidden_size=8)
        h0 = np.tanh(rng.normal(size=(1, 8)))
        h, _, tape = rnn.forward(params, rng.normal(size=(steps, 1, 4)), (h0,))
        rows = [rnn.backward(params, tape, np.zeros_like(h), (unit[None],))["h0"] for unit in np.eye(8)]
        truth = np.concatenate(rows).T

        slopes = 1 - np.concatenate([h0, h[:, 0]]) ** 2
        factors = [params["weight_hh"].T @ np.diag(slope) for slope in slopes]
        right.append(relative_error(np.linalg.multi_dot(factors[1:]), truth))
        early.append(relative_error(np.linalg.multi_dot(factors[:-1]), truth))
    return {"slope of step i": float(np.median(right)), "slope of step i-1": float(np.median(early))}


def lstm_without_the_gate_path(**sizes: int) -> float:
    """``δc[t+1]`` from later steps goes back to ``c[t]`` through the forget gate, and to ``h[t]`` through all gates.

    The derivation has the first path and lacks the second, which a sequence of three steps is the first to need.
    """
    lstm = get_cell("lstm")

    def step_backward(cell, params, now, dh, dc):
        (_, dc_prev), grads = lstm.step_backward(cell, params, now, dh, dc)
        (dh_prev, _), _ = lstm.step_backward(cell, params, now, dh, np.zeros_like(dc))
        return (dh_prev, dc_prev), grads

    return error_in_dU(lstm, step_backward, **sizes)


def rnn_without_the_transpose() -> float:
    """The lecture's ``δ[t] = ∂L[t]/∂h[t] + J δ[t+1]`` with ``J = ∂h[t+1]/∂h[t]``: for columns it is ``J^T δ[t+1]``."""
    rnn = get_cell("rnn_tanh")

    def step_backward(cell, params, now, dh):
        (h,) = now.after
        _, grads = rnn.step_backward(cell, params, now, dh)
        return ((1 - h**2) * (dh @ params["weight_hh"].T),), grads

    return error_in_dU(rnn, step_backward)


def largest_lyapunov_exponent(scale: float, hidden_size: int = 64, steps: int = 2000, seed: int = 0) -> float:
    """``h[t] = tanh(U h[t-1] + noise)`` with ``U = scale·Q``, Q orthogonal, so that ``λ = γ·σ_max(U) = scale``.

    The exponent is the mean growth, a step, of the logarithm of a small disturbance's length, along the states the
    network visits. Below zero gradients vanish, whatever λ is.
    """
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(hidden_size, hidden_size)))
    U = scale * Q
    h, disturbance, growth = np.zeros(hidden_size), rng.normal(size=hidden_size), []
    for _ in range(steps):
        h = np.tanh(U @ h + rng.normal(size=hidden_size))
        disturbance /= np.linalg.norm(disturbance)
        disturbance = (1 - h**2) * (U @ disturbance)
        growth.append(np.log(np.linalg.norm(disturbance)))
    return float(np.mean(growth[steps // 10 :]))
