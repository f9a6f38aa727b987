"""The cells as their users write them: one step each, for torch and for JAX.

Written from the equations, not from this library's code, and as quick as a loop over steps allows: whatever waits for no
state is computed for all steps at once before the loop (``hoisted``), or after it (``finished``).
``params`` are named as in :mod:`unrolled.nn` without the ending ``_l0``; matrices lie as ``[inputs, outputs]``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch.nn import functional as F

Array = Any
EPSILON = 1e-5  # what normalisations add to a variance


class Ops(NamedTuple):
    """What steps are made of, in one library; ``split`` and ``join`` act on the last axis."""

    sigmoid: Callable[[Array], Array]
    tanh: Callable[[Array], Array]
    relu: Callable[[Array], Array]
    exp: Callable[[Array], Array]
    log_sigmoid: Callable[[Array], Array]
    maximum: Callable[[Array, Array], Array]
    constant: Callable[[Array], Array]
    """The same numbers, through which no gradient flows."""
    split: Callable[[Array, int], Sequence[Array]]
    join: Callable[[Sequence[Array]], Array]
    delayed: Callable[[Array, int], Array]
    """``[T, ...]`` some steps later, zeros before."""
    affine: Callable[[Array, Array, Array], Array]
    """``b, x, W`` → ``x W + b``"""
    fma: Callable[[Array, Array, Array], Array]
    """``a, b, c`` → ``a + b∘c``"""
    mix: Callable[[Array, Array, Array], Array]
    """``a, b, s`` → ``(1 - s)∘a + s∘b``"""
    layer_norm: Callable[[Array, Array, Array | None], Array]
    """``a``, scale, shift"""
    batch_norm: Callable[[Array, Array, Array], Array]
    """Of ``[T, B, ...]`` over ``T`` and ``B``; ``a``, scale, shift."""


class Hoisted(NamedTuple):
    """What is there before the first step."""

    each: tuple[Array, ...]
    """One of each a step: ``[T, ...]``"""
    weights: tuple[Array, ...] = ()
    """What all steps use."""
    after: tuple[Array, ...] = ()
    """``[T, ...]`` for when the states are known."""


States = tuple[Array, ...]
Params = Mapping[str, Array]


class Peer(NamedTuple):
    """A cell."""

    hoisted: Callable[[Ops, Array, Params], Hoisted]
    step: Callable[[Ops, tuple[Array, ...], States, tuple[Array, ...]], States]
    """``ops``, this step's ``each``, states, ``weights`` → new states; the first of them is kept."""
    states: tuple[float, ...] = (0.0,)
    """What each starts as."""
    finished: Callable[[Ops, Array, tuple[Array, ...]], Array] | None = None
    """``ops``, the first state of all steps, ``after`` → the outputs; without it they are that state."""


def gates(ops: Ops, x: Array, p: Params) -> Hoisted:
    """``W x + b`` of all gates together, and ``U``."""
    return Hoisted((ops.affine(p["bias_ih"] + p["bias_hh"], x, p["weight_ih"]),), (p["weight_hh"],))


def inputs_only(ops: Ops, x: Array, p: Params) -> Array:
    return ops.affine(p["bias_ih"], x, p["weight_ih"])


def two_and_one(a: Array) -> tuple[Array, Array]:
    """The blocks of the first two of three gates, and that of the last."""
    width = a.shape[-1] // 3 * 2
    return a[..., :width], a[..., width:]


# simple recurrent networks


def rnn_step(phi: str) -> Callable[..., States]:
    def step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
        (a,), (h,), (U,) = now, states, weights
        return (getattr(ops, phi)(ops.affine(a, h, U)),)

    return step


def linear_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h,), (U,) = now, states, weights
    return (ops.affine(a, h, U),)


def indrnn_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    return Hoisted((inputs_only(ops, x, p),), (p["weight_hh"],))


def indrnn_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h,), (u,) = now, states, weights
    return (ops.relu(ops.fma(a, u, h)),)


def leaky_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    made = gates(ops, x, p)
    return made._replace(weights=(*made.weights, p["alpha"]))


def leaky_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h,), (U, alpha) = now, states, weights
    return (ops.mix(h, ops.tanh(ops.affine(a, h, U)), alpha),)


# LSTMs


def lstm_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h, c), (U,) = now, states, weights
    i, f, g, o = ops.split(ops.affine(a, h, U), 4)
    c = ops.fma(ops.sigmoid(f) * c, ops.sigmoid(i), ops.tanh(g))
    return ops.sigmoid(o) * ops.tanh(c), c


def peephole_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    made = gates(ops, x, p)
    blocks = p["weight_ch"].shape[0] // p["weight_hh"].shape[0]
    return made._replace(weights=(*made.weights, *ops.split(p["weight_ch"], blocks)))


def peephole_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h, c), (U, p_i, p_f, p_o) = now, states, weights
    i, f, g, o = ops.split(ops.affine(a, h, U), 4)
    i, f = ops.sigmoid(ops.fma(i, p_i, c)), ops.sigmoid(ops.fma(f, p_f, c))
    c = ops.fma(f * c, i, ops.tanh(g))
    return ops.sigmoid(ops.fma(o, p_o, c)) * ops.tanh(c), c


def coupled_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h, c), (U,) = now, states, weights
    i, g, o = ops.split(ops.affine(a, h, U), 3)
    c = ops.mix(c, ops.tanh(g), ops.sigmoid(i))
    return ops.sigmoid(o) * ops.tanh(c), c


def peephole_coupled_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h, c), (U, p_i, p_o) = now, states, weights
    i, g, o = ops.split(ops.affine(a, h, U), 3)
    c = ops.mix(c, ops.tanh(g), ops.sigmoid(ops.fma(i, p_i, c)))
    return ops.sigmoid(ops.fma(o, p_o, c)) * ops.tanh(c), c


def projected_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    made = gates(ops, x, p)
    return made._replace(weights=(*made.weights, p["weight_hr"]))


def projected_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    U, P = weights
    m, c = lstm_step(ops, now, states, (U,))
    return m @ P, c


def lstm_layer_norm_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    a = ops.layer_norm(x @ p["weight_ih"], p["weight_ln_ih"], p["bias_ih"] + p["bias_hh"])
    return Hoisted((a,), (p["weight_hh"], p["weight_ln_hh"], p["weight_ln_c"], p["bias_ln_c"]))


def lstm_layer_norm_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h, c), (U, scale, scale_c, shift_c) = now, states, weights
    i, f, g, o = ops.split(a + ops.layer_norm(h @ U, scale, None), 4)
    c = ops.fma(ops.sigmoid(f) * c, ops.sigmoid(i), ops.tanh(g))
    return ops.sigmoid(o) * ops.tanh(ops.layer_norm(c, scale_c, shift_c)), c


def janet_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h,), (U,) = now, states, weights
    s, g = ops.split(ops.affine(a, h, U), 2)
    return (ops.fma(ops.sigmoid(s) * h, ops.sigmoid(1 - s), ops.tanh(g)),)  # 1 - σ(s - 1) = σ(1 - s)


def slstm_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h, c, n, m), (U,) = now, states, weights
    i, f, z, o = ops.split(ops.affine(a, h, U), 4)
    kept = ops.log_sigmoid(f) + m
    m = ops.constant(ops.maximum(kept, i))
    i, f = ops.exp(i - m), ops.exp(kept - m)
    c, n = ops.fma(f * c, i, ops.tanh(z)), ops.fma(i, f, n)
    return ops.sigmoid(o) * (c / n), c, n, m


# GRUs


def gru_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    return Hoisted(two_and_one(inputs_only(ops, x, p)), (p["weight_hh"], p["bias_hh"]))


def gru_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a_rz, a_n), (h,), (U, b) = now, states, weights
    u_rz, u_n = two_and_one(ops.affine(b, h, U))
    r, z = ops.split(ops.sigmoid(a_rz + u_rz), 2)
    return (ops.mix(ops.tanh(ops.fma(a_n, r, u_n)), h, z),)


def reset_before_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    made = gates(ops, x, p)
    return Hoisted(two_and_one(made.each[0]), two_and_one(p["weight_hh"]))


def reset_before_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a_rz, a_n), (h,), (U_rz, U_n) = now, states, weights
    r, z = ops.split(ops.sigmoid(ops.affine(a_rz, h, U_rz)), 2)
    return (ops.mix(ops.tanh(ops.affine(a_n, r * h, U_n)), h, z),)


def gru_layer_norm_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    (a_rz, a_n), (w_rz, w_n) = two_and_one(x @ p["weight_ih"]), two_and_one(p["weight_ln_ih"])
    (b_rz, b_n), (b_hrz, b_hn) = two_and_one(p["bias_ih"]), two_and_one(p["bias_hh"])
    each = ops.layer_norm(a_rz, w_rz, b_rz), ops.layer_norm(a_n, w_n, b_n)
    return Hoisted(each, (p["weight_hh"], *two_and_one(p["weight_ln_hh"]), b_hrz, b_hn))


def gru_layer_norm_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a_rz, a_n), (h,), (U, w_rz, w_n, b_rz, b_n) = now, states, weights
    u_rz, u_n = two_and_one(h @ U)
    r, z = ops.split(ops.sigmoid(a_rz + ops.layer_norm(u_rz, w_rz, b_rz)), 2)
    return (ops.mix(ops.tanh(ops.fma(a_n, r, ops.layer_norm(u_n, w_n, b_n))), h, z),)


def gru1_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    b_rz, b_n = two_and_one(p["bias_ih"] + p["bias_hh"])
    return Hoisted((ops.affine(b_n, x, p["weight_ih"]),), (*two_and_one(p["weight_hh"]), b_rz))


def gru1_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a_n,), (h,), (U_rz, U_n, b_rz) = now, states, weights
    return reset_before_step(ops, (b_rz, a_n), (h,), (U_rz, U_n))


def gru2_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    return Hoisted(gates(ops, x, p).each, two_and_one(p["weight_hh"]))


def gru2_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a_n,), (h,), (U_rz, U_n) = now, states, weights
    r, z = ops.split(ops.sigmoid(h @ U_rz), 2)
    return (ops.mix(ops.tanh(ops.affine(a_n, r * h, U_n)), h, z),)


def gru3_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    b_rz, b_n = two_and_one(p["bias_ih"])
    return Hoisted((ops.affine(b_n, x, p["weight_ih"]),), (p["weight_hh"], *ops.split(ops.sigmoid(b_rz), 2)))


def gru3_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a_n,), (h,), (U, r, z) = now, states, weights
    return (ops.mix(ops.tanh(ops.affine(a_n, r * h, U)), h, z),)


def mgu_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    return Hoisted(ops.split(gates(ops, x, p).each[0], 2), ops.split(p["weight_hh"], 2))


def mgu_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a_f, a_n), (h,), (U_f, U_n) = now, states, weights
    f = ops.sigmoid(ops.affine(a_f, h, U_f))
    return (ops.mix(h, ops.tanh(ops.affine(a_n, f * h, U_n)), f),)


def li_gru_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    return Hoisted((ops.batch_norm(x @ p["weight_ih"], p["weight_bn"], p["bias_bn"]),), (p["weight_hh"],))


def li_gru_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h,), (U,) = now, states, weights
    z, n = ops.split(ops.affine(a, h, U), 2)
    return (ops.mix(ops.relu(n), h, ops.sigmoid(z)),)


def fast_grnn_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    weights = p["weight_hh"], *ops.split(p["bias_ih"], 2), ops.sigmoid(p["zeta"]), ops.sigmoid(p["nu"])
    return Hoisted((x @ p["weight_ih"],), weights)


def fast_grnn_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a,), (h,), (U, b_z, b_n, zeta, nu) = now, states, weights
    a = ops.affine(a, h, U)
    z, n = ops.sigmoid(a + b_z), ops.tanh(a + b_n)
    return (ops.fma(z * h, ops.fma(nu, zeta, 1 - z), n),)


# cells whose gates see no state: all but the scan is hoisted


def scan_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (keep, add), (c,) = now, states
    return (ops.fma(add, keep, c),)


def min_gru_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    z, n = ops.split(inputs_only(ops, x, p), 2)
    z = ops.sigmoid(z)
    return Hoisted((1 - z, z * n))


def min_lstm_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    f, i, n = ops.split(inputs_only(ops, x, p), 3)
    keep = ops.sigmoid(ops.log_sigmoid(f) - ops.log_sigmoid(i))  # f / (f + i)
    return Hoisted((keep, (1 - keep) * n))


def qrnn_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    width = p["weight_ih"].shape[0] // x.shape[-1]
    window = ops.join([ops.delayed(x, steps) for steps in range(width - 1, 0, -1)] + [x])
    z, f, o = ops.split(inputs_only(ops, window, p), 3)
    f = ops.sigmoid(f)
    return Hoisted((f, (1 - f) * ops.tanh(z)), after=(ops.sigmoid(o),))


def qrnn_finished(ops: Ops, c: Array, after: tuple[Array, ...]) -> Array:
    (o,) = after
    return o * c


def sru_hoisted(ops: Ops, x: Array, p: Params) -> Hoisted:
    H = p["bias_ih"].shape[0] // 2
    n, f, r, *highway = ops.split(x @ p["weight_ih"], p["weight_ih"].shape[1] // H)
    (b_f, b_r), (v_f, v_r) = ops.split(p["bias_ih"], 2), ops.split(p["weight_ch"], 2)
    return Hoisted((f + b_f, n), (v_f,), (r + b_r, v_r, highway[0] if highway else x))


def sru_step(ops: Ops, now: tuple[Array, ...], states: States, weights: tuple[Array, ...]) -> States:
    (a_f, n), (c,), (v_f,) = now, states, weights
    return (ops.mix(n, c, ops.sigmoid(ops.fma(a_f, v_f, c))),)


def sru_finished(ops: Ops, c: Array, after: tuple[Array, ...]) -> Array:
    a_r, v_r, highway = after
    return ops.mix(highway, c, ops.sigmoid(ops.fma(a_r, v_r, ops.delayed(c, 1))))


LSTM_STATES = (0.0, 0.0)
PEERS: dict[str, Peer] = {
    "rnn_tanh": Peer(gates, rnn_step("tanh")),
    "rnn_relu": Peer(gates, rnn_step("relu")),
    "rnn_identity": Peer(gates, linear_step),
    "irnn": Peer(gates, rnn_step("relu")),
    "indrnn": Peer(indrnn_hoisted, indrnn_step),
    "leaky_rnn": Peer(leaky_hoisted, leaky_step),
    "lstm": Peer(gates, lstm_step, LSTM_STATES),
    "lstm_peephole": Peer(peephole_hoisted, peephole_step, LSTM_STATES),
    "lstm_cifg": Peer(gates, coupled_step, LSTM_STATES),
    "lstm_peephole_cifg": Peer(peephole_hoisted, peephole_coupled_step, LSTM_STATES),
    "lstmp": Peer(projected_hoisted, projected_step, LSTM_STATES),
    "lstm_layer_norm": Peer(lstm_layer_norm_hoisted, lstm_layer_norm_step, LSTM_STATES),
    "janet": Peer(gates, janet_step),
    "slstm": Peer(gates, slstm_step, (0.0, 0.0, 0.0, -float("inf"))),
    "gru": Peer(gru_hoisted, gru_step),
    "gru_reset_before": Peer(reset_before_hoisted, reset_before_step),
    "gru_layer_norm": Peer(gru_layer_norm_hoisted, gru_layer_norm_step),
    "gru1": Peer(gru1_hoisted, gru1_step),
    "gru2": Peer(gru2_hoisted, gru2_step),
    "gru3": Peer(gru3_hoisted, gru3_step),
    "mgu": Peer(mgu_hoisted, mgu_step),
    "li_gru": Peer(li_gru_hoisted, li_gru_step),
    "fast_grnn": Peer(fast_grnn_hoisted, fast_grnn_step),
    "min_gru": Peer(min_gru_hoisted, scan_step),
    "min_lstm": Peer(min_lstm_hoisted, scan_step),
    "qrnn": Peer(qrnn_hoisted, scan_step, finished=qrnn_finished),
    "sru": Peer(sru_hoisted, sru_step, finished=sru_finished),
    "sru_highway": Peer(sru_hoisted, sru_step, finished=sru_finished),
}
"""Cell, as the registry calls it → its peer."""


def torch_affine(b: Array, x: Array, W: Array) -> Array:
    return torch.addmm(b, x, W) if x.dim() == 2 else F.linear(x, W.t(), b)


TORCH = Ops(
    sigmoid=torch.sigmoid,
    tanh=torch.tanh,
    relu=torch.relu,
    exp=torch.exp,
    log_sigmoid=F.logsigmoid,
    maximum=torch.maximum,
    constant=torch.Tensor.detach,
    split=lambda a, parts: a.chunk(parts, -1),
    join=lambda arrays: torch.cat(list(arrays), -1),
    delayed=lambda a, steps: F.pad(a[:-steps], (0, 0) * (a.dim() - 1) + (steps, 0)),
    affine=torch_affine,
    fma=torch.addcmul,
    mix=torch.lerp,
    layer_norm=lambda a, scale, shift: F.layer_norm(a, a.shape[-1:], scale, shift, EPSILON),
    batch_norm=lambda a, scale, shift: F.batch_norm(
        a.flatten(0, 1), None, None, scale, shift, training=True, eps=EPSILON
    ).view_as(a),
)


@functools.cache
def jax_ops() -> Ops:
    """The same in JAX."""
    jax, jnp = import_module("jax"), import_module("jax.numpy")

    def normalised(a: Array, axes: tuple[int, ...], scale: Array, shift: Array | None) -> Array:
        mean, variance = a.mean(axes, keepdims=True), a.var(axes, keepdims=True)
        scaled = (a - mean) / jnp.sqrt(variance + EPSILON) * scale
        return scaled if shift is None else scaled + shift

    return Ops(
        sigmoid=jax.nn.sigmoid,
        tanh=jnp.tanh,
        relu=jax.nn.relu,
        exp=jnp.exp,
        log_sigmoid=jax.nn.log_sigmoid,
        maximum=jnp.maximum,
        constant=jax.lax.stop_gradient,
        split=lambda a, parts: jnp.split(a, parts, -1),
        join=lambda arrays: jnp.concatenate(arrays, -1),
        delayed=lambda a, steps: jnp.concatenate([jnp.zeros_like(a[:steps]), a[:-steps]]),
        affine=lambda b, x, W: x @ W + b,
        fma=lambda a, b, c: a + b * c,
        mix=lambda a, b, s: a + s * (b - a),
        layer_norm=lambda a, scale, shift: normalised(a, (-1,), scale, shift),
        batch_norm=lambda a, scale, shift: normalised(a, (0, 1), scale, shift),
    )


def torch_loop(peer: Peer, x: Array, params: Params, states: States) -> Array:
    """``y`` by a loop over the steps."""
    made = peer.hoisted(TORCH, x, params)
    first: list[Array] = []
    for now in zip(*(a.unbind(0) for a in made.each), strict=True):
        states = peer.step(TORCH, now, states, made.weights)
        first.append(states[0])
    y = torch.stack(first)
    return peer.finished(TORCH, y, made.after) if peer.finished else y


def jax_scan(peer: Peer, x: Array, params: Params, states: States) -> Array:
    """``y`` by ``lax.scan``."""
    ops, made = jax_ops(), peer.hoisted(jax_ops(), x, params)

    def step(states: States, now: tuple[Array, ...]) -> tuple[States, Array]:
        states = peer.step(ops, now, states, made.weights)
        return states, states[0]

    _, y = import_module("jax").lax.scan(step, states, made.each)
    return peer.finished(ops, y, made.after) if peer.finished else y
