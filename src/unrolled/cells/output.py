r"""The output layer: from hidden states to predictions.

.. math::
   q[t] = V h[t] + b_y, \qquad \hat y[t] = g(q[t])

with :math:`g` = identity ("linear"), logistic ("sigmoid") or "softmax". Backward, from :math:`\delta q[t]`, which each
of the losses in :mod:`unrolled.cells.loss` gives as :math:`\hat y[t] - y[t]`:

.. math::
   \delta h[t] = V^T \delta q[t], \quad dV = \sum_t \delta q[t]\, h[t]^T, \quad db_y = \sum_t \delta q[t]

Shapes: ``h[t] [B, H]``, ``V [O, H]``, ``b_y [O]``, ``q[t]`` and ``ŷ[t] [B, O]``.
Source: Bishop 2006, "Pattern Recognition and Machine Learning", section 5.2.

>>> import numpy as np
>>> from unrolled.cells import OutputLayer
>>> output = OutputLayer("softmax")
>>> params = {"weight": np.array([[1.0], [-1.0]]), "bias": np.zeros(2)}
>>> prediction, tape = output.forward(params, np.array([[[0.0]], [[0.5]]]))
>>> prediction[:, 0]
array([[0.5       , 0.5       ],
       [0.73105858, 0.26894142]])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from unrolled.cells.activation import sigmoid, softmax
from unrolled.cells.arrays import Arrays, FloatArray, check_dtypes, check_names, check_shapes
from unrolled.errors import InputError

__all__ = ["OutputLayer", "OutputTape"]

Activation = Literal["linear", "sigmoid", "softmax"]


class OutputTape(NamedTuple):
    """What the output layer received and computed."""

    h: FloatArray
    """Hidden states, ``[T, B, H]``."""
    q: FloatArray
    """Pre-activations ``V h + b_y``, ``[T, B, O]``: what the losses take."""
    prediction: FloatArray
    """``ŷ = g(q)``, ``[T, B, O]``."""


@dataclass(frozen=True)
class OutputLayer:
    """The output layer with one of the activations ``"linear"``, ``"sigmoid"``, ``"softmax"``.

    Its parameters are ``{"weight": V [O, H], "bias": b_y [O]}``.

    Raises:
        InputError: for another activation.
    """

    activation: Activation

    def __post_init__(self) -> None:
        if self.activation not in get_args(Activation):
            raise InputError(f"unknown activation {self.activation!r}; known: {', '.join(get_args(Activation))}")

    def forward(self, params: Mapping[str, FloatArray], h: FloatArray) -> tuple[FloatArray, OutputTape]:
        """Predict from hidden states.

        Args:
            params: ``weight [O, H]`` and ``bias [O]``.
            h: hidden states, ``[..., H]``, usually ``[T, B, H]``.

        Returns:
            The prediction ``ŷ [..., O]``, and the tape for :meth:`backward`.

        Raises:
            InputError: for a wrong name, shape or dtype, naming both sides.
        """
        V, b_y = checked(params, h)
        q = h @ V.T + b_y
        if self.activation == "softmax":
            prediction = softmax(q)
        elif self.activation == "sigmoid":
            prediction = sigmoid(q)
        else:
            prediction = q
        return prediction, OutputTape(h, q, prediction)

    def backward(self, params: Mapping[str, FloatArray], tape: OutputTape, grad_q: FloatArray) -> Arrays:
        """Gradients from ``δq``.

        Args:
            params: the parameters :meth:`forward` was given.
            tape: the tape it returned.
            grad_q: ``δq [..., O]``, from a loss or from :meth:`activation_backward`.

        Returns:
            ``"h" [..., H]``, ``"weight" [O, H]``, ``"bias" [O]``.

        Raises:
            InputError: for a wrong name, shape or dtype, naming both sides.
        """
        V, _ = checked(params, tape.h)
        check_dtypes({"h": tape.h, "grad_q": grad_q})
        check_shapes({"grad_q": grad_q}, {"grad_q": tape.q.shape}, "the shape of q")
        dh = grad_q @ V
        dq, h = grad_q.reshape(-1, grad_q.shape[-1]), tape.h.reshape(-1, tape.h.shape[-1])
        dV = dq.T @ h
        db_y = dq.sum(0)
        return {"h": dh, "weight": dV, "bias": db_y}

    def activation_backward(self, tape: OutputTape, grad_prediction: FloatArray) -> FloatArray:
        r"""``δq`` from ``δŷ``, for a loss that is not the one paired with this activation.

        .. math::
           \delta q = \delta\hat y \text{ (linear)}, \quad
           \delta q = \delta\hat y \circ \hat y \circ (1-\hat y) \text{ (sigmoid)}, \quad
           \delta q = \hat y \circ (\delta\hat y - \textstyle\sum_k \delta\hat y_k \hat y_k) \text{ (softmax)}

        Args:
            tape: the tape :meth:`forward` returned.
            grad_prediction: ``δŷ [..., O]``.

        Returns:
            ``δq [..., O]``.

        Raises:
            InputError: for a wrong shape or dtype, naming both sides.
        """
        p, dp = tape.prediction, grad_prediction
        check_dtypes({"prediction": p, "grad_prediction": dp})
        check_shapes({"grad_prediction": dp}, {"grad_prediction": p.shape}, "the shape of the prediction")
        if self.activation == "softmax":
            return p * (dp - np.sum(dp * p, axis=-1, keepdims=True))
        if self.activation == "sigmoid":
            return dp * p * (1 - p)
        return dp


def checked(params: Mapping[str, FloatArray], h: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``V`` and ``b_y``, after every check on them and on ``h``."""
    check_names("parameters of the output layer", params, {"weight": 0, "bias": 0})
    check_dtypes({"h": h, **params})
    V, b_y = params["weight"], params["bias"]
    if V.ndim != 2 or h.ndim < 1:
        raise InputError(f"weight has shape {V.shape} and h {h.shape}, expected (O, H) and (..., H)")
    sizes = {"weight": (V.shape[0], h.shape[-1]), "bias": (V.shape[0],)}
    check_shapes(params, sizes, f"h has hidden size {h.shape[-1]}, weight has output size {V.shape[0]}")
    return V, b_y
