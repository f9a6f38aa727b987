"""The reference mathematics: every recurrent cell in plain NumPy, forward and backward, as in the literature."""

from __future__ import annotations

from unrolled.cells.activation import ACTIVATIONS, Activation, log_softmax, relu, sigmoid, softmax, softplus
from unrolled.cells.cell import Cell, Parameter, Size
from unrolled.cells.loss import binary_cross_entropy, categorical_cross_entropy, half_squared_error
from unrolled.cells.masks import Masks, StepMasks
from unrolled.cells.output import OutputLayer, OutputTape
from unrolled.cells.registry import CELLS, get_cell
from unrolled.cells.sgd import sgd_step
from unrolled.cells.unroll import Step

__all__ = [
    "ACTIVATIONS",
    "CELLS",
    "Activation",
    "Cell",
    "Masks",
    "OutputLayer",
    "OutputTape",
    "Parameter",
    "Size",
    "Step",
    "StepMasks",
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "get_cell",
    "half_squared_error",
    "log_softmax",
    "relu",
    "sgd_step",
    "sigmoid",
    "softmax",
    "softplus",
]
