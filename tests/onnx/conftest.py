"""The recurrent operators as the specification writes them, a sequence and a step at a time, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Arrays = dict[str, np.ndarray]

GATES = {"RNN": "i", "GRU": "zrh", "LSTM": "iofc"}
DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}

# name -> the function of the specification, the default of alpha and of beta; None where it has no such constant
FUNCTIONS: dict[str, tuple[Callable[..., Any], float | None, float | None]] = {
    "Relu": (lambda x, a, b: np.maximum(0, x), None, None),
    "Tanh": (lambda x, a, b: np.tanh(x), None, None),
    "Sigmoid": (lambda x, a, b: 1 / (1 + np.exp(-x)), None, None),
    "Affine": (lambda x, a, b: a * x + b, 1.0, 0.0),
    "LeakyRelu": (lambda x, a, b: np.where(x >= 0, x, a * x), 0.01, None),
    "ThresholdedRelu": (lambda x, a, b: np.where(x > a, x, 0), 1.0, None),
    "ScaledTanh": (lambda x, a, b: a * np.tanh(b * x), 1.0, 1.0),
    "HardSigmoid": (lambda x, a, b: np.minimum(np.maximum(a * x + b, 0), 1), 0.2, 0.5),
    "Elu": (lambda x, a, b: np.where(x >= 0, x, a * (np.exp(np.minimum(x, 0)) - 1)), 1.0, None),
    "Softsign": (lambda x, a, b: x / (1 + np.abs(x)), None, None),
    "Softplus": (lambda x, a, b: np.log(1 + np.exp(x)), None, None),
}


def spelt(name: str) -> str:
    """A function's name as the specification spells it."""
    return {known.lower(): known for known in FUNCTIONS}[name.lower()]


def constants(node: dict[str, Any], operator: str) -> list[tuple[str, float | None, float | None]]:
    """The functions of all directions with their constants, which are consumed in order."""
    directions = 2 if node.get("direction") == "bidirectional" else 1
    names = [spelt(name) for name in node.get("activations", DEFAULTS[operator] * directions)]
    waiting = {key: list(node.get(f"activation_{key}", [])) for key in ("alpha", "beta")}
    found = []
    for name in names:
        values: list[float | None] = [name]
        for key, default in zip(("alpha", "beta"), FUNCTIONS[name][1:], strict=True):
            values.append(None if default is None else waiting[key].pop(0) if waiting[key] else default)
        found.append(tuple(values))
    return found


def one_sequence(
    operator: str, x: np.ndarray, W: Arrays, R: Arrays, Wb: Arrays, Rb: Arrays, P: Arrays,
    h: np.ndarray, c: np.ndarray, functions: list[Callable[[np.ndarray], np.ndarray]], node: dict[str, Any],
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:  # fmt: skip
    """The equations of the specification, in its letters, over the steps of ``x``."""
    f, g, last = (*functions, None, None)[:3]
    y = []
    for xt in x:

        def linear(k: str, xt: np.ndarray = xt, ht: np.ndarray = h) -> np.ndarray:
            return W[k] @ xt + R[k] @ ht + Wb[k] + Rb[k]

        if operator == "RNN":
            h = f(linear("i"))
        elif operator == "GRU":
            z, r = f(linear("z")), f(linear("r"))
            if node.get("linear_before_reset", 0):
                candidate = g(W["h"] @ xt + r * (R["h"] @ h + Rb["h"]) + Wb["h"])
            else:
                candidate = g(W["h"] @ xt + R["h"] @ (r * h) + Rb["h"] + Wb["h"])
            h = (1 - z) * candidate + z * h
        else:
            i = f(linear("i") + P["i"] * c)
            forget = 1 - i if node.get("input_forget", 0) else f(linear("f") + P["f"] * c)
            c = forget * c + i * g(linear("c"))
            o = f(linear("o") + P["o"] * c)
            h = o * last(c)
        y.append(h)
    return y, h, c


@pytest.fixture(scope="session")
def specification() -> Callable[[str, dict[str, Any], Arrays], Arrays]:
    """The outputs of a node by operator, attributes and inputs."""

    def run(operator: str, node: dict[str, Any], inputs: Arrays) -> Arrays:
        given = {name: a.astype(np.float64) for name, a in inputs.items()}
        if node.get("layout", 0):
            given.update({n: given[n].swapaxes(0, 1) for n in ("X", "initial_h", "initial_c") if n in given})
        X, gates = given["X"], GATES[operator]
        (T, B, _), (D, _, H) = X.shape, given["R"].shape
        clip, each = node.get("clip", np.inf), len(DEFAULTS[operator])

        def bounded(name: str, a: float, b: float) -> Callable[[np.ndarray], np.ndarray]:
            return lambda v: FUNCTIONS[name][0](np.clip(v, -clip, clip), a, b)

        functions = [bounded(*one) for one in constants(node, operator)]
        states = {s: given.get(f"initial_{s}", np.zeros((D, B, H))) for s in "hc"}
        outputs = {"Y": np.zeros((T, D, B, H)), "Y_h": states["h"].copy(), "Y_c": states["c"].copy()}
        for d in range(D):
            backwards = d == 1 or node.get("direction") == "reverse"

            def blocks(name: str, order: str, first: int = 0, d: int = d) -> Arrays:
                stacked = given[name][d] if name in given else np.zeros((first + len(order)) * H)
                return {k: stacked[(first + j) * H : (first + j + 1) * H] for j, k in enumerate(order)}

            parameters = (
                blocks("W", gates), blocks("R", gates), blocks("B", gates), blocks("B", gates, len(gates)),
                blocks("P", "iof"),
            )  # fmt: skip
            for b in range(B):
                length = int(given["sequence_lens"][b]) if "sequence_lens" in given else T
                steps = list(range(length))[:: -1 if backwards else 1]
                y, h, c = one_sequence(
                    operator, X[steps, b], *parameters, states["h"][d, b], states["c"][d, b],
                    functions[d * each : (d + 1) * each], node,
                )  # fmt: skip
                for t, value in zip(steps, y, strict=True):
                    outputs["Y"][t, d, b] = value
                outputs["Y_h"][d, b], outputs["Y_c"][d, b] = h, c
        if node.get("layout", 0):
            outputs = {n: a.transpose(2, 0, 1, 3) if n == "Y" else a.swapaxes(0, 1) for n, a in outputs.items()}
        return outputs

    return run


@pytest.fixture(scope="session")
def spelt_out() -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """A node's attributes with every function named as in the specification and every constant given."""

    def spell(operator: str, node: dict[str, Any]) -> dict[str, Any]:
        functions = constants(node, operator)
        alphas = [alpha for _, alpha, _ in functions if alpha is not None]
        betas = [beta for _, _, beta in functions if beta is not None]
        spelt = {**node, "activations": [name for name, _, _ in functions]}
        for key, values in (("activation_alpha", alphas), ("activation_beta", betas)):
            spelt.pop(key, None)
            if values:
                spelt[key] = values
        return spelt

    return spell
