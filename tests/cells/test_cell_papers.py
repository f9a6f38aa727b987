"""Every cell against torch's own module, or against a transcription of its paper's equations in torch, in float64.

A transcription takes the parameters by name, ``x [T, B, I]`` and the initial states, and keeps the paper's letters, signs
and order of operations; ``W``, ``U`` and ``b`` are cut into the paper's matrices in our order of gates.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import sigmoid, tanh
from torch.nn import functional as F

from unrolled.cells import CELLS, get_cell

SIZES = [(5, 3, 2, 4), (1, 1, 1, 2), (9, 2, 3, 6)]


def both_biases(p, count):
    return (p["bias_ih"] + p["bias_hh"]).chunk(count)


def run(x, step, *states):
    """Apply ``step(x[t], *states)``, which returns ``h`` and the states."""
    outputs, states_of_steps = [], []
    for x_t in x:
        h, *states = step(x_t, *states)
        outputs.append(h)
        states_of_steps.append(tuple(states))
    return torch.stack(outputs), states_of_steps


def module(make):
    """torch's module, a step at a time for the states of every step."""

    def oracle(p, x, *states):
        layer = make(x.shape[2], p)
        weights = {f"{name}_l0": value for name, value in p.items()}

        def step(x_t, *states):
            initial = tuple(state[None] for state in states)
            initial = initial if len(initial) == 2 else initial[0]
            y, last = torch.func.functional_call(layer, weights, (x_t[None], initial))
            return y[0], *(state[0] for state in (last if isinstance(last, tuple) else (last,)))

        return run(x, step, *states)

    return oracle


def rnn(nonlinearity):
    return module(lambda I, p: torch.nn.RNN(I, len(p["weight_hh"]), nonlinearity=nonlinearity, dtype=torch.float64))


def projected_lstm(I, p):
    P, H = p["weight_hr"].shape
    return torch.nn.LSTM(I, H, proj_size=P, dtype=torch.float64)


def elman(p, x, h):
    """Elman 1990 with a linear hidden layer."""

    def step(x_t, h):
        h = F.linear(x_t, p["weight_ih"], p["bias_ih"]) + F.linear(h, p["weight_hh"], p["bias_hh"])
        return h, h

    return run(x, step, h)


def indrnn(p, x, h):
    """Li 2018: h_t = relu(W x_t + u ⊙ h_{t-1} + b)."""

    def step(x_t, h):
        h = F.relu(F.linear(x_t, p["weight_ih"], p["bias_ih"]) + p["weight_hh"] * h)
        return h, h

    return run(x, step, h)


def leaky_rnn(p, x, h):
    """Euler's method on τ dh/dt = -h + tanh(W x + U h + b) with α = Δt/τ."""

    def step(x_t, h):
        rate = tanh(F.linear(x_t, p["weight_ih"], p["bias_ih"]) + F.linear(h, p["weight_hh"], p["bias_hh"])) - h
        h = h + p["alpha"] * rate
        return h, h

    return run(x, step, h)


def lstm_with(*, peephole, coupled):
    """Greff 2015, and its variants CIFG (f = 1 - i) and no peepholes: the block input z is our g."""

    def oracle(p, x, y, c):
        count = 3 if coupled else 4
        W, R, b = p["weight_ih"].chunk(count), p["weight_hh"].chunk(count), both_biases(p, count)
        names = "izo" if coupled else "ifzo"
        nothing = torch.zeros_like(c[0])
        peepholes = p["weight_ch"].chunk(count - 1) if peephole else (nothing,) * (count - 1)
        seen = dict(zip("io" if coupled else "ifo", peepholes, strict=True))

        def step(x_t, y, c):
            a = {name: x_t @ W[k].T + y @ R[k].T + b[k] for k, name in enumerate(names)}
            z = tanh(a["z"])
            i = sigmoid(a["i"] + seen["i"] * c)
            f = 1 - i if coupled else sigmoid(a["f"] + seen["f"] * c)
            c = z * i + c * f
            o = sigmoid(a["o"] + seen["o"] * c)
            y = tanh(c) * o
            return y, y, c

        return run(x, step, y, c)

    return oracle


def lstm_layer_norm(p, x, h, c):
    """Ba 2016, supplementary material; each LN has its own gain and bias."""
    H = h.shape[1]

    def step(x_t, h, c):
        a = F.layer_norm(x_t @ p["weight_ih"].T, (4 * H,), p["weight_ln_ih"], p["bias_ih"])
        a = a + F.layer_norm(h @ p["weight_hh"].T, (4 * H,), p["weight_ln_hh"], p["bias_hh"])
        i, f, g, o = a.chunk(4, 1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(F.layer_norm(c, (H,), p["weight_ln_c"], p["bias_ln_c"]))
        return h, h, c

    return run(x, step, h, c)


def janet(p, x, h):
    """van der Westhuizen 2018 with β = 1; the state c is h."""
    (W_f, W_c), (U_f, U_c), (b_f, b_c) = p["weight_ih"].chunk(2), p["weight_hh"].chunk(2), both_biases(p, 2)

    def step(x_t, h):
        s = h @ U_f.T + x_t @ W_f.T + b_f
        candidate = tanh(h @ U_c.T + x_t @ W_c.T + b_c)
        c = sigmoid(s) * h + (1 - sigmoid(s - 1)) * candidate
        return c, c

    return run(x, step, h)


def gru_reset_before(p, x, h):
    """Chung 2014; its z is our 1 - z."""
    (W_r, W_z, W), (U_r, U_z, U), (b_r, b_z, b) = p["weight_ih"].chunk(3), p["weight_hh"].chunk(3), both_biases(p, 3)

    def step(x_t, h):
        z = 1 - sigmoid(x_t @ W_z.T + h @ U_z.T + b_z)
        r = sigmoid(x_t @ W_r.T + h @ U_r.T + b_r)
        candidate = tanh(x_t @ W.T + (r * h) @ U.T + b)
        h = (1 - z) * h + z * candidate
        return h, h

    return run(x, step, h)


def gru_layer_norm(p, x, h):
    """Ba 2016, supplementary material: the gates' two blocks are normalised together, the candidate's by itself."""
    H = h.shape[1]

    def normalised(a, part, length):
        which = "weight_ln_ih", "bias_ih"
        gain, bias = (p[name.replace("ih", part)] for name in which)
        gates = F.layer_norm(a[:, : 2 * H], (2 * H,), gain[: 2 * H], bias[: 2 * H])
        return *gates.chunk(2, 1), F.layer_norm(a[:, 2 * H :], (H,), gain[2 * H :], bias[2 * H :])

    def step(x_t, h):
        r_x, z_x, n_x = normalised(x_t @ p["weight_ih"].T, "ih", H)
        r_h, z_h, n_h = normalised(h @ p["weight_hh"].T, "hh", H)
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
        h = (1 - z) * tanh(n_x + r * n_h) + z * h
        return h, h

    return run(x, step, h)


def dey_salem(gate_arguments, candidate_bias):
    """Dey 2017: a GRU with other gates; its z is our 1 - z."""

    def oracle(p, x, h):
        def step(x_t, h):
            a_r, a_z = gate_arguments(p, h)
            z, r = 1 - sigmoid(a_z), sigmoid(a_r)
            candidate = tanh(x_t @ p["weight_ih"].T + (r * h) @ p["weight_hh"][-h.shape[1] :].T + candidate_bias(p))
            h = (1 - z) * h + z * candidate
            return h, h

        return run(x, step, h)

    return oracle


def gates_of_state(p, h):
    U_r, U_z, _ = p["weight_hh"].chunk(3)
    return h @ U_r.T, h @ U_z.T


def gates_of_state_and_bias(p, h):
    b_r, b_z, _ = both_biases(p, 3)
    a_r, a_z = gates_of_state(p, h)
    return a_r + b_r, a_z + b_z


def mgu(p, x, h):
    """Zhou 2016, with the paper's products of concatenated vectors."""
    (W_f, W_h), (U_f, U_h), (b_f, b_h) = p["weight_ih"].chunk(2), p["weight_hh"].chunk(2), both_biases(p, 2)

    def step(x_t, h):
        f = sigmoid(torch.cat([h, x_t], 1) @ torch.cat([U_f, W_f], 1).T + b_f)
        candidate = tanh(torch.cat([f * h, x_t], 1) @ torch.cat([U_h, W_h], 1).T + b_h)
        h = (1 - f) * h + f * candidate
        return h, h

    return run(x, step, h)


def li_gru(p, x, h):
    """Ravanelli 2018, with W x + b for BN(W x)."""
    (W_z, W_h), (U_z, U_h), (b_z, b_h) = p["weight_ih"].chunk(2), p["weight_hh"].chunk(2), both_biases(p, 2)

    def step(x_t, h):
        z = sigmoid(F.linear(x_t, W_z, b_z) + h @ U_z.T)
        candidate = F.relu(F.linear(x_t, W_h, b_h) + h @ U_h.T)
        h = z * h + (1 - z) * candidate
        return h, h

    return run(x, step, h)


def min_gru(p, x, h):
    """Feng 2024, section on minGRU."""
    (W_z, W_h), (b_z, b_h) = p["weight_ih"].chunk(2), p["bias_ih"].chunk(2)

    def step(x_t, h):
        z, candidate = sigmoid(F.linear(x_t, W_z, b_z)), F.linear(x_t, W_h, b_h)
        h = (1 - z) * h + z * candidate
        return h, h

    return run(x, step, h)


def min_lstm(p, x, h):
    """Feng 2024, section on minLSTM: f' = f/(f+i), i' = i/(f+i)."""
    (W_f, W_i, W_h), (b_f, b_i, b_h) = p["weight_ih"].chunk(3), p["bias_ih"].chunk(3)

    def step(x_t, h):
        f, i = sigmoid(F.linear(x_t, W_f, b_f)), sigmoid(F.linear(x_t, W_i, b_i))
        h = f / (f + i) * h + i / (f + i) * F.linear(x_t, W_h, b_h)
        return h, h

    return run(x, step, h)


def sru(p, x, c):
    """Lei 2018, in the form of the authors' code; a fourth product is the highway's."""
    W, W_f, W_r, *W_x = p["weight_ih"].split(c.shape[1])
    (v_f, v_r), (b_f, b_r) = p["weight_ch"].chunk(2), p["bias_ih"].chunk(2)

    def step(x_t, c):
        f = sigmoid(x_t @ W_f.T + v_f * c + b_f)
        r = sigmoid(x_t @ W_r.T + v_r * c + b_r)
        led_around = x_t @ W_x[0].T if W_x else x_t
        c = (c - x_t @ W.T) * f + x_t @ W.T
        return (c - led_around) * r + led_around, c

    return run(x, step, c)


def qrnn(p, x, c, window):
    """Bradbury 2016, section 2: masked convolutions of the whole sequence, then fo-pooling."""
    (T, B, I), G = x.shape, 3 * c.shape[1]
    K = p["weight_ih"].shape[1] // I
    kernel = p["weight_ih"].reshape(G, K, I).transpose(1, 2)
    padded = torch.cat([window.reshape(B, K - 1, I).transpose(0, 1), x])
    convolved = F.conv1d(padded.permute(1, 2, 0), kernel, p["bias_ih"]).permute(2, 0, 1)
    Z, F_, O = convolved.chunk(3, 2)
    Z, F_, O = tanh(Z), sigmoid(F_), sigmoid(O)
    outputs, states_of_steps = [], []
    for t in range(T):
        c = F_[t] * c + (1 - F_[t]) * Z[t]
        outputs.append(O[t] * c)
        states_of_steps.append((c, padded[t + 1 : t + K].transpose(0, 1).reshape(B, (K - 1) * I)))
    return torch.stack(outputs), states_of_steps


def fast_grnn(p, x, h):
    """Kusupati 2018, with ζ and ν as the authors' code constrains them."""
    b_z, b_h = p["bias_ih"].chunk(2)
    zeta, nu = sigmoid(p["zeta"]), sigmoid(p["nu"])

    def step(x_t, h):
        shared = x_t @ p["weight_ih"].T + h @ p["weight_hh"].T
        z, candidate = sigmoid(shared + b_z), tanh(shared + b_h)
        h = (zeta * (1 - z) + nu) * candidate + z * h
        return h, h

    return run(x, step, h)


def slstm(p, x, h, c, n, m):
    """Beck 2024 without the stabiliser: i = exp(a_i), f = sigmoid(a_f), states scaled by exp(m)."""
    heads = h.shape[1] // p["weight_hh"].shape[1]
    R = [torch.block_diag(*gate.chunk(heads)) for gate in p["weight_hh"].chunk(4)]
    W, b = p["weight_ih"].chunk(4), both_biases(p, 4)
    C, N = c * m.exp(), n * m.exp()  # what the stabilised states stand for
    log_f_sum = m

    def step(x_t, h, C, N, m):
        a_i, a_f, a_z, a_o = (x_t @ W[k].T + h @ R[k].T + b[k] for k in range(4))
        C = sigmoid(a_f) * C + a_i.exp() * tanh(a_z)
        N = sigmoid(a_f) * N + a_i.exp()
        m = torch.maximum(F.logsigmoid(a_f) + m, a_i)
        h = sigmoid(a_o) * C / N
        return h, h, C, N, m

    outputs, states_of_steps = run(x, step, h, C, N, log_f_sum)
    return outputs, [(h, C * (-m).exp(), N * (-m).exp(), m) for h, C, N, m in states_of_steps]


ORACLES = {
    "rnn_tanh": rnn("tanh"),
    "rnn_relu": rnn("relu"),
    "rnn_identity": elman,
    "irnn": rnn("relu"),
    "indrnn": indrnn,
    "leaky_rnn": leaky_rnn,
    "lstm": module(lambda I, p: torch.nn.LSTM(I, len(p["weight_hh"]) // 4, dtype=torch.float64)),
    "lstm_peephole": lstm_with(peephole=True, coupled=False),
    "lstm_cifg": lstm_with(peephole=False, coupled=True),
    "lstm_peephole_cifg": lstm_with(peephole=True, coupled=True),
    "lstmp": module(projected_lstm),
    "lstm_layer_norm": lstm_layer_norm,
    "janet": janet,
    "gru": module(lambda I, p: torch.nn.GRU(I, len(p["weight_hh"]) // 3, dtype=torch.float64)),
    "gru_reset_before": gru_reset_before,
    "gru_layer_norm": gru_layer_norm,
    "gru1": dey_salem(gates_of_state_and_bias, lambda p: both_biases(p, 3)[2]),
    "gru2": dey_salem(gates_of_state, lambda p: both_biases(p, 1)[0]),
    "gru3": dey_salem(lambda p, h: p["bias_ih"].chunk(3)[:2], lambda p: p["bias_ih"].chunk(3)[2]),
    "mgu": mgu,
    "li_gru": li_gru,
    "min_gru": min_gru,
    "min_lstm": min_lstm,
    "sru": sru,
    "sru_highway": sru,
    "qrnn": qrnn,
    "fast_grnn": fast_grnn,
    "slstm": slstm,
}


def test_every_cell_has_an_oracle():
    assert list(ORACLES) == list(CELLS)


@pytest.mark.parametrize("cell_name", CELLS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_outputs_states_and_gradients_are_those_of_the_paper(cell_name, sizes, make_case):
    T, B, I, H = sizes
    case = make_case(cell_name, T=T, B=B, I=I, H=H)
    leaves = case.leaves()
    parameters = {name: leaves[name] for name in case.params}
    states = [leaves[f"{name}0"] for name in case.cell.states]
    case.check_against_autograd(leaves, *ORACLES[cell_name](parameters, leaves["x"], *states))


def test_li_gru_with_batch_normalisation_folded_into_W_and_b(make_case):
    """Ravanelli 2018 in evaluation: running means and variances."""
    case = make_case("li_gru")
    rng = np.random.default_rng(2)
    mean, scale, shift = rng.normal(size=(3, 8))
    variance = rng.uniform(0.5, 2, size=8)
    factor = scale / np.sqrt(variance + 1e-5)
    zeros = np.zeros(8)
    W, U = case.params["weight_ih"], case.params["weight_hh"]
    folded = {
        "weight_ih": factor[:, None] * W, "weight_hh": U, "bias_ih": shift - factor * mean, "bias_hh": zeros,
    }  # fmt: skip
    h, _, _ = case.cell.forward(folded, case.x, case.states)

    tensors = (torch.tensor(value) for value in (mean, variance, scale, shift))
    products = F.batch_norm((torch.tensor(case.x) @ torch.tensor(W).T).flatten(0, 1), *tensors).reshape(5, 3, 8)
    identity = {"weight_ih": torch.eye(8, dtype=torch.float64), "weight_hh": torch.tensor(U)}
    no_biases = {"bias_ih": torch.tensor(zeros), "bias_hh": torch.tensor(zeros)}
    expected, _ = li_gru({**identity, **no_biases}, products, torch.tensor(case.states[0]))
    np.testing.assert_allclose(h, expected.numpy(), rtol=1e-12, atol=1e-14)


def test_min_gru_in_the_papers_log_space_form_has_other_candidates(make_case):
    """Feng 2024, appendix: g makes candidates positive; where they are above 0 the forms differ by 1/2."""
    case = make_case("min_gru", I=2, H=3)
    case.params["weight_ih"][3:] = np.abs(case.params["weight_ih"][3:])
    case.params["bias_ih"][3:] = 0.1
    case.x = np.abs(case.x)
    h0 = np.abs(case.states[0]) + 0.5
    z = torch.sigmoid(torch.tensor(case.x @ case.params["weight_ih"][:3].T + case.params["bias_ih"][:3]))
    a = torch.tensor(case.x @ case.params["weight_ih"][3:].T + case.params["bias_ih"][3:])
    # log-space scan: log h = a* + logcumsumexp(log values - a*)
    sums = F.pad(torch.log1p(-z).cumsum(0), (0, 0, 0, 0, 1, 0))
    values = torch.cat([torch.tensor(h0)[None].log(), z.log() + (a + 0.5).log()])
    expected = (sums + torch.logcumsumexp(values - sums, 0)).exp()[1:]
    case.params["bias_ih"][3:] += 0.5  # what g adds
    h, _, _ = case.cell.forward(case.params, case.x, (h0,))
    np.testing.assert_allclose(h, expected.numpy(), rtol=1e-12)


def test_a_swapped_pair_of_gates_is_noticed(make_case):
    """The oracles can fail: blocks of W exchanged give other outputs in every cell with several gates."""
    for name, cell in CELLS.items():
        case = make_case(name)
        W, G = case.params["weight_ih"], len(get_cell(name).gates)
        if len(W) < G * case.hidden_size or G < 2:
            continue
        h, _, _ = case.forward()
        for first in range(G - 1):
            swapped = W.reshape(G, -1).copy()
            swapped[[first, first + 1]] = swapped[[first + 1, first]]
            other, _, _ = cell.forward({**case.params, "weight_ih": swapped.reshape(W.shape)}, case.x, case.states)
            assert np.max(np.abs(other - h)) > 1e-3, (name, first)
