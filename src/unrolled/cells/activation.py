"""The activation functions, in forms that neither overflow nor lose digits.

:func:`sigmoid`, :func:`tanh`, :func:`relu`, :func:`exp`, :func:`log_sigmoid` and :func:`maximum`, of which the cells are
made, take arrays of any library that has them as methods, so that a cell's step can be run on torch tensors as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from unrolled.cells.arrays import FloatArray
from unrolled.errors import InputError

__all__ = [
    "ACTIVATIONS", "Activation", "exp", "log_sigmoid", "log_softmax", "maximum", "relu", "sigmoid", "softmax", "softplus", "tanh",
]  # fmt: skip


def _is_numpy(a: object) -> bool:
    return isinstance(a, (np.ndarray, np.generic))


def tanh(a: FloatArray) -> FloatArray:
    r"""Hyperbolic tangent :math:`(e^a - e^{-a}) / (e^a + e^{-a})`.

    >>> tanh(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.,  0.,  1.])
    """
    return np.tanh(a) if _is_numpy(a) else a.tanh()  # pyright: ignore[reportAttributeAccessIssue]


def exp(a: FloatArray) -> FloatArray:
    """Exponential function.

    >>> exp(np.array([0.0]))
    array([1.])
    """
    return np.exp(a) if _is_numpy(a) else a.exp()  # pyright: ignore[reportAttributeAccessIssue]


def maximum(a: FloatArray, b: FloatArray) -> FloatArray:
    """The larger of two, element by element.

    >>> maximum(np.array([1.0, 5.0]), np.array([3.0, 4.0]))
    array([3., 5.])
    """
    return np.maximum(a, b) if _is_numpy(a) else a.maximum(b)  # pyright: ignore[reportAttributeAccessIssue]


def log_sigmoid(a: FloatArray) -> FloatArray:
    r""":math:`\log \sigma(a) = -\log(1 + e^{-a})`.

    >>> log_sigmoid(np.array([-1000.0, 1000.0]))
    array([-1000.,    -0.])
    """
    return -softplus(-a)


def sigmoid(a: FloatArray) -> FloatArray:
    r"""Logistic function :math:`\sigma(a) = 1 / (1 + e^{-a})`.

    Written with exponentials of non-positive numbers only, so that nothing overflows and small values
    keep all their digits.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    if not _is_numpy(a):
        return a.sigmoid()  # pyright: ignore[reportAttributeAccessIssue]
    return np.exp(np.minimum(a, 0)) / (1 + np.exp(-np.abs(a)))


def relu(a: FloatArray) -> FloatArray:
    r"""Rectifier :math:`\max(a, 0)`.

    >>> relu(np.array([-2.0, 3.0]))
    array([0., 3.])
    """
    return np.maximum(a, 0) if _is_numpy(a) else a.relu()  # pyright: ignore[reportAttributeAccessIssue]


def softplus(a: FloatArray) -> FloatArray:
    r""":math:`\log(1 + e^a)`, the integral of :func:`sigmoid`.

    >>> softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """
    if not _is_numpy(a):  # with a slope at 0, which relu and abs leave out
        return a.logaddexp(a.new_zeros(()))  # pyright: ignore[reportAttributeAccessIssue]
    return relu(a) + np.log1p(np.exp(-np.abs(a)))


def log_softmax(q: FloatArray) -> FloatArray:
    r"""Logarithm of :func:`softmax` over the last axis: :math:`q_k - \log \sum_j e^{q_j}`.

    The largest ``q`` is subtracted first, which changes nothing but the size of the exponentials.

    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    q = q - np.max(q, axis=-1, keepdims=True)
    return q - np.log(np.sum(np.exp(q), axis=-1, keepdims=True))


def softmax(q: FloatArray) -> FloatArray:
    r"""Probabilities :math:`e^{q_k} / \sum_j e^{q_j}` over the last axis.

    >>> softmax(np.log(np.array([1.0, 2.0, 5.0])))
    array([0.125, 0.25 , 0.625])
    """
    e = np.exp(q - np.max(q, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


class _Function(NamedTuple):
    """One of :data:`ACTIVATIONS`; both functions take the array, alpha and beta."""

    apply: Callable[[FloatArray, float, float], FloatArray]
    slope: Callable[[FloatArray, float, float], FloatArray]
    """The derivative, from the function's result."""
    alpha: float | None = None
    """Its default; none where the function has no such constant."""
    beta: float | None = None
    positive: bool = False
    """alpha must be above 0: else the result does not tell the slope."""


def _where(condition: FloatArray, yes: FloatArray | float, no: FloatArray | float) -> FloatArray:
    """``yes`` where the condition is 1, ``no`` where it is 0; finite on both sides."""
    return condition * yes + (1 - condition) * no


def _positive(y: FloatArray) -> FloatArray:
    """1 where ``y > 0``, 0 elsewhere, with the dtype of ``y``; NaN stays NaN."""
    return relu(np.sign(y) if _is_numpy(y) else y.sign())  # pyright: ignore[reportAttributeAccessIssue]


def _expm1(a: FloatArray) -> FloatArray:
    return np.expm1(a) if _is_numpy(a) else a.expm1()  # pyright: ignore[reportAttributeAccessIssue]


ACTIVATIONS: dict[str, _Function] = {
    "tanh": _Function(lambda a, *_: tanh(a), lambda y, *_: 1 - y**2),
    "sigmoid": _Function(lambda a, *_: sigmoid(a), lambda y, *_: y * (1 - y)),
    "relu": _Function(lambda a, *_: relu(a), lambda y, *_: _positive(y)),
    "identity": _Function(lambda a, *_: a, lambda y, *_: y**0),
    "hard_sigmoid": _Function(
        lambda a, alpha, beta: (alpha * a + beta).clip(0, 1),
        lambda y, alpha, _: alpha * _positive(y) * _positive(1 - y), 0.2, 0.5,
    ),
    "hard_tanh": _Function(lambda a, *_: a.clip(-1, 1), lambda y, *_: _positive(1 + y) * _positive(1 - y)),
    "leaky_relu": _Function(
        lambda a, alpha, _: relu(a) - alpha * relu(-a), lambda y, alpha, _: 1 - (1 - alpha) * _positive(-y), 0.01,
        positive=True,
    ),
    "thresholded_relu": _Function(
        lambda a, alpha, _: a * _positive(a - alpha), lambda y, *_: _positive(abs(y)), 1.0, positive=True
    ),
    "affine": _Function(lambda a, alpha, beta: alpha * a + beta, lambda y, alpha, _: alpha * y**0, 1.0, 0.0),
    "scaled_tanh": _Function(
        lambda a, alpha, beta: alpha * tanh(beta * a), lambda y, alpha, beta: alpha * beta * (1 - (y / alpha) ** 2), 1.0,
        1.0, positive=True,
    ),
    "elu": _Function(
        lambda a, alpha, _: relu(a) + alpha * _expm1(a.clip(max=0)),
        lambda y, alpha, _: _where(_positive(-y), y + alpha, 1.0), 1.0, positive=True,
    ),
    "softsign": _Function(lambda a, *_: a / (1 + abs(a)), lambda y, *_: (1 - abs(y)) ** 2),
    "softplus": _Function(lambda a, *_: softplus(a), lambda y, *_: -_expm1(-y)),
}  # fmt: skip
"""The activation functions by name."""


@dataclass(frozen=True)
class Activation:
    r"""An activation function with its constants.

    ====================  ==============================================  ===========
    name                  function                                        alpha, beta
    ====================  ==============================================  ===========
    ``tanh``              :math:`\tanh a`
    ``sigmoid``           :math:`1 / (1 + e^{-a})`
    ``relu``              :math:`\max(a, 0)`
    ``identity``          :math:`a`
    ``hard_sigmoid``      :math:`\min(\max(\alpha a + \beta, 0), 1)`      0.2, 0.5
    ``hard_tanh``         :math:`\min(\max(a, -1), 1)`
    ``leaky_relu``        :math:`a`, or :math:`\alpha a` below 0          0.01
    ``thresholded_relu``  :math:`a` above :math:`\alpha`, otherwise 0     1
    ``affine``            :math:`\alpha a + \beta`                        1, 0
    ``scaled_tanh``       :math:`\alpha \tanh(\beta a)`                   1, 1
    ``elu``               :math:`a`, or :math:`\alpha (e^a - 1)` below 0  1
    ``softsign``          :math:`a / (1 + |a|)`
    ``softplus``          :math:`\log(1 + e^a)`
    ====================  ==============================================  ===========

    >>> Activation("hard_sigmoid")(np.array([-3.0, 0.0, 1.0]))
    array([0. , 0.5, 0.7])
    >>> Activation("tanh").slope(np.array([0.0]))    # from the result, not from the argument
    array([1.])
    """

    name: str
    alpha: float | None = None
    beta: float | None = None

    def __post_init__(self) -> None:
        if self.name not in ACTIVATIONS:
            raise InputError(f"unknown activation function {self.name!r}; known: {', '.join(ACTIVATIONS)}")
        function = ACTIVATIONS[self.name]
        for constant in ("alpha", "beta"):
            given, default = getattr(self, constant), getattr(function, constant)
            if given is not None and default is None:
                raise InputError(f"activation function {self.name} has no {constant}, got {given}")
            object.__setattr__(self, constant, float(default or 0.0) if given is None else float(given))
        if function.positive and not self.constants[0] > 0:
            raise InputError(f"activation function {self.name} needs alpha above 0, got {self.alpha}")
        if not all(map(math.isfinite, self.constants)):
            raise InputError(
                f"activation function {self.name} needs finite constants, got {self.alpha} and {self.beta}"
            )

    @property
    def constants(self) -> tuple[float, float]:
        """alpha and beta, 0 for what the function has not."""
        return self.alpha or 0.0, self.beta or 0.0

    @property
    def spec(self) -> str:
        """As :meth:`parse` reads it: the name, and the constants where they are not the usual ones."""
        return self.name if self == Activation(self.name) else f"{self.name}:{self.alpha}:{self.beta}"

    @staticmethod
    def parse(spec: str) -> Activation:
        """From its :attr:`spec`.

        >>> Activation.parse("affine:2.0:0.5")
        Activation(name='affine', alpha=2.0, beta=0.5)
        """
        name, *constants = spec.split(":")
        try:
            values = [float(constant) for constant in constants]
        except ValueError:
            values = [0.0] * 3
        if len(values) > 2:
            raise InputError(f"activation function {spec!r}: expected a name, or name:alpha or name:alpha:beta")
        function = ACTIVATIONS.get(name)
        has = (True, True) if function is None else (function.alpha is not None, function.beta is not None)
        kept = [None if c == 0 and not has_it else c for c, has_it in zip(values, has, strict=False)]
        return Activation(name, *kept)

    def __call__(self, a: FloatArray) -> FloatArray:
        """The function of ``a``."""
        return ACTIVATIONS[self.name].apply(a, *self.constants)

    def slope(self, y: FloatArray) -> FloatArray:
        """Its derivative where it has the value ``y``."""
        return ACTIVATIONS[self.name].slope(y, *self.constants)
