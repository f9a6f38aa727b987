"""The activation functions of ONNX's recurrent operators, by ONNX's names.

``activation_alpha`` and ``activation_beta`` are "consumed in the order of activation functions": the first value
belongs to the first function that has an alpha, and so on; functions without a value have the default of the operator
of their name. Writers that give one value a function, used or not, are understood where both readings agree, refused
where not. At ``x = alpha`` ThresholdedRelu is 0, as its operator says; the text of the recurrent operators says x.
"""

from __future__ import annotations

from collections.abc import Sequence

from unrolled.cells import ACTIVATIONS, Activation
from unrolled.errors import InputError

__all__ = ["onnx_activations", "read_activations"]

_NAMES = {
    "Affine": "affine",
    "Elu": "elu",
    "HardSigmoid": "hard_sigmoid",
    "LeakyRelu": "leaky_relu",
    "Relu": "relu",
    "ScaledTanh": "scaled_tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "ThresholdedRelu": "thresholded_relu",
}
_OURS = {theirs.lower(): ours for theirs, ours in _NAMES.items()}
_THEIRS = {ours: theirs for theirs, ours in _NAMES.items()}


def read_activations(names: Sequence[str], alphas: Sequence[float], betas: Sequence[float]) -> list[Activation]:
    """The functions that a node names, all directions one after the other.

    Args:
        names: as in the attribute ``activations``; upper and lower case are the same.
        alphas, betas: as in ``activation_alpha`` and ``activation_beta``.

    Raises:
        InputError: an unknown name, more values than functions that use them, or a constant the function cannot have;
            the message starts with the attribute.

    >>> read_activations(["Sigmoid", "LeakyRelu", "affine"], [0.5, 2.0], [])
    [Activation(name='sigmoid', alpha=0.0, beta=0.0), Activation(name='leaky_relu', alpha=0.5, beta=0.0),
     Activation(name='affine', alpha=2.0, beta=0.0)]
    """
    unknown = [name for name in names if name.lower() not in _OURS]
    if unknown:
        raise InputError(f"activations: {unknown[0]!r} is none of {', '.join(_NAMES)}")
    own = [_OURS[name.lower()] for name in names]
    first = _shared_out("activation_alpha", alphas, [ACTIVATIONS[name].alpha is not None for name in own])
    second = _shared_out("activation_beta", betas, [ACTIVATIONS[name].beta is not None for name in own])
    return [_activation(*each) for each in zip(own, first, second, strict=True)]


def _shared_out(attribute: str, values: Sequence[float], takes: Sequence[bool]) -> list[float | None]:
    """Each function's value; none where the default holds."""
    waiting = list(values)
    consumed = [waiting.pop(0) if takes_one and waiting else None for takes_one in takes]
    if waiting:
        one_each = [value if takes_one else None for value, takes_one in zip(values, takes, strict=False)]
        if len(values) != len(takes) or one_each != consumed:
            raise InputError(
                f"{attribute}: {list(values)} has {len(values)} values, but only {sum(takes)} of the activation"
                " functions use one: give those their values, in order"
            )
    return consumed


def _activation(name: str, alpha: float | None, beta: float | None) -> Activation:
    """One function; the few whose constants :class:`~unrolled.cells.Activation` refuses by a name that it takes."""
    if name == "affine" and alpha in (None, 1) and beta in (None, 0):
        return Activation("identity")
    if alpha == 0 and name in ("leaky_relu", "thresholded_relu", "elu"):
        return Activation("relu")
    if name == "scaled_tanh" and alpha is not None and alpha <= 0:
        factor = 1.0 if beta is None else beta
        return Activation("scaled_tanh", -alpha, -factor) if alpha else Activation("affine", 0.0, 0.0)
    try:
        return Activation(name, alpha, beta)
    except InputError as error:
        raise InputError(f"activation_alpha: {_THEIRS[name]}: {error}") from None


def onnx_activations(functions: Sequence[Activation]) -> tuple[list[str], list[float], list[float]]:
    """What :func:`read_activations` reads: names, alphas and betas.

    Raises:
        InputError: ONNX has no name for a function.

    >>> onnx_activations([Activation("sigmoid"), Activation("identity"), Activation("elu", 0.5)])
    (['Sigmoid', 'Affine', 'Elu'], [1.0, 0.5], [0.0])
    """
    named = [Activation("affine") if each.name == "identity" else each for each in functions]
    for each in named:
        if each.name not in _THEIRS:
            raise InputError(
                f"ONNX's recurrent operators have no activation function {each.name}, only {', '.join(_NAMES)}"
            )
    alphas = [each.constants[0] for each in named if ACTIVATIONS[each.name].alpha is not None]
    betas = [each.constants[1] for each in named if ACTIVATIONS[each.name].beta is not None]
    return [_THEIRS[each.name] for each in named], alphas, betas
