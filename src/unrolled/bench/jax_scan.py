"""JAX: ``lax.scan`` over the steps, the input product of all steps outside it, the whole compiled by ``jit``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from unrolled.aliases import Floats
from unrolled.bench.case import Case
from unrolled.bench.contender import Task

__all__ = ["JaxScan"]

Array = Any


class JaxScan:
    """Cells as a JAX user writes them; weights lie as ``[I, GH]`` and ``[H, GH]``, which needs no transposition."""

    name = "jax"

    def __init__(self) -> None:
        self._jax = import_module("jax")
        self.version: str = self._jax.__version__
        self._steps = {"gru": self._gru, "lstm": self._lstm, "rnn": self._rnn}

    def prepare(self, case: Case, arrays: Mapping[str, Floats]) -> Task:
        """See :class:`~unrolled.bench.contender.Contender`."""
        jax = self._jax
        leaves = {name: jax.numpy.asarray(np.ascontiguousarray(_turned(name, a))) for name, a in arrays.items()}
        outputs = self._outputs(case)
        if case.work == "inference":
            forward = jax.jit(outputs)
            return Task(lambda: forward(leaves).block_until_ready())

        def loss(leaves: dict[str, Array]) -> tuple[Array, Array]:
            y = outputs(leaves)
            seen = y[-1] if case.loss == "last" else y
            return (seen * seen).sum(), y

        step = jax.jit(jax.grad(loss, has_aux=True))

        def read(result: tuple[dict[str, Array], Array]) -> dict[str, Floats]:
            grads, y = result
            return {"y": np.asarray(y), **{name: _turned(name, np.asarray(grad)) for name, grad in grads.items()}}

        return Task(lambda: jax.block_until_ready(step(leaves)), read)

    def _outputs(self, case: Case) -> Callable[[dict[str, Array]], Array]:
        jax, step, sizes = self._jax, self._steps[case.cell], case.sizes
        widths = (sizes.outputs, sizes.hidden)[: len(case.described.states)]
        zeros = tuple(np.zeros((sizes.batch, width), np.float32) for width in widths)

        def outputs(leaves: dict[str, Array]) -> Array:
            a = leaves["x"] @ leaves["weight_ih"] + leaves["bias_ih"]
            U, b, R = leaves["weight_hh"], leaves["bias_hh"], leaves.get("weight_hr")

            def one_step(states: tuple[Array, ...], a_t: Array) -> tuple[tuple[Array, ...], Array]:
                h, *memory = step(states, a_t, states[0] @ U + b)
                h = h if R is None else h @ R
                return (h, *memory), h

            return jax.lax.scan(one_step, zeros, a)[1]

        return outputs

    def _rnn(self, _: tuple[Array, ...], a: Array, u: Array) -> tuple[Array, ...]:
        return (self._jax.numpy.tanh(a + u),)

    def _gru(self, states: tuple[Array, ...], a: Array, u: Array) -> tuple[Array, ...]:
        split, sigmoid = self._jax.numpy.split, self._jax.nn.sigmoid
        (a_r, a_z, a_n), (u_r, u_z, u_n) = split(a, 3, -1), split(u, 3, -1)
        r, z = sigmoid(a_r + u_r), sigmoid(a_z + u_z)
        n = self._jax.numpy.tanh(a_n + r * u_n)
        return ((1 - z) * n + z * states[0],)

    def _lstm(self, states: tuple[Array, ...], a: Array, u: Array) -> tuple[Array, ...]:
        sigmoid, tanh = self._jax.nn.sigmoid, self._jax.numpy.tanh
        i, f, g, o = self._jax.numpy.split(a + u, 4, -1)
        c = sigmoid(f) * states[1] + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c


def _turned(name: str, array: Floats) -> Floats:
    return array.T if name.startswith("weight") else array
