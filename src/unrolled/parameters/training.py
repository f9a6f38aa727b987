"""How networks are trained."""

from __future__ import annotations

from typing import Annotated, Literal

from unrolled.parameters.declaration import Parameter, Parameters, require
from unrolled.parameters.ranges import COUNT, POSITIVE, SHARE, Range

__all__ = [
    "DropoutParameters", "EarlyStopping", "InitialParameters", "Schedule", "Start", "TrainingParameters",
    "ValidationParameters",
]  # fmt: skip

Schedule = Literal["cosine", "linear", "constant"]
Start = Literal["uniform", "orthogonal", "identity"]


class InitialParameters(Parameters):
    """The weights before training."""

    _title = "Initial weights"

    start: Annotated[
        Start, Parameter("How the hidden-to-hidden weights are initialised.", flag="--init", metavar="HOW")
    ] = "uniform"
    forget_bias: Annotated[
        float | None, Parameter("Initial bias of the gate that keeps the state.", unset="as in torch", metavar="BIAS")
    ] = None
    chrono: Annotated[
        int | None,
        Parameter(
            "Longest dependency expected, in steps, by which the biases of gates are initialised.",
            Range(3),
            unset="not used",
        ),
    ] = None

    def _check_together(self) -> None:
        """Check that one parameter sets each bias."""
        super()._check_together()
        both = self.forget_bias is not None and self.chrono is not None
        require("forget_bias", self.forget_bias, not both, "None: chrono sets the same bias")


class DropoutParameters(Parameters):
    """What is left out at random in training."""

    _title = "Dropout"

    dropout: Annotated[
        float,
        Parameter(
            "Dropout rate between recurrent layers and before the output.",
            SHARE,
            metavar="SHARE",
            search=(0.0, 0.1, 0.3, 0.5),
        ),
    ] = 0.3
    input_dropout: Annotated[
        float,
        Parameter(
            "Variational dropout rate of each layer's input, with one mask per sequence.", SHARE, metavar="SHARE"
        ),
    ] = 0.0
    state_dropout: Annotated[
        float,
        Parameter(
            "Variational dropout rate of the hidden state in its product with U, with one mask per sequence.",
            SHARE,
            metavar="SHARE",
        ),
    ] = 0.0
    recurrent_dropout: Annotated[
        float,
        Parameter("Dropout rate of the candidate state, with a new mask at every step.", SHARE, metavar="SHARE"),
    ] = 0.0
    weight_drop: Annotated[
        float, Parameter("DropConnect rate of the hidden-to-hidden weights.", SHARE, metavar="SHARE")
    ] = 0.0


class TrainingParameters(DropoutParameters, InitialParameters):
    """The optimiser, its learning rate, and regularisation."""

    _title = "Training"

    truncate: Annotated[
        int | None,
        Parameter("Steps after which gradients stop (truncated backpropagation through time).", COUNT, unset="never"),
    ] = None
    max_epochs: Annotated[int, Parameter("Maximum number of epochs of training.", COUNT)] = 60
    batch_size: Annotated[
        int, Parameter("Sequences, series or windows per batch of training.", COUNT, search=(8, 16, 32, 64))
    ] = 32
    learning_rate: Annotated[
        float,
        Parameter("Peak learning rate of Adam.", POSITIVE, metavar="RATE", search=(0.001, 0.002, 0.005, 0.01)),
    ] = 0.005
    clip_norm: Annotated[float, Parameter("Norm to which longer gradients are clipped.", POSITIVE, metavar="NORM")] = (
        1.0
    )
    schedule: Annotated[
        Schedule,
        Parameter(
            "How the learning rate changes over max_epochs: falling to zero along half a cosine or a line, or constant.",
            metavar="CURVE",
        ),
    ] = "cosine"
    warmup: Annotated[int, Parameter("Epochs in which the learning rate first rises.", Range(0))] = 0
    weight_decay: Annotated[
        float, Parameter("Weight decay of AdamW.", SHARE, metavar="SHARE", search=(0.0, 0.001, 0.01, 0.1))
    ] = 0.0
    averaging: Annotated[
        float,
        Parameter(
            "Share of the epochs, the last ones, over whose steps the weights are averaged; 0 takes those of the last step.",
            Range(0, 1),
            metavar="SHARE",
        ),
    ] = 0.0
    random_state: Annotated[
        int | None,
        Parameter(
            "Seed: the same number gives the same model, bit for bit, on the same build.",
            unset="drawn anew",
            flag="--seed",
        ),
    ] = None

    def _check_together(self) -> None:
        """Check what belongs together."""
        super()._check_together()
        seed = self.random_state
        require("random_state", seed, seed is None or 0 <= seed < 2**63, "a whole number from 0 to below 2**63")
        require("warmup", self.warmup, self.warmup < self.max_epochs, "epochs from 0 to below max_epochs")


class EarlyStopping(Parameters):
    """When training ends before its last epoch."""

    _title = "Training"

    patience: Annotated[
        int, Parameter("Epochs without a better validation loss after which training stops.", COUNT)
    ] = 20


class ValidationParameters(EarlyStopping):
    """What is kept back from training to choose the best epoch."""

    validation_fraction: Annotated[
        float,
        Parameter(
            "Share of the examples that chooses the best epoch instead of being trained on; 0 trains on all.",
            Range(0, 0.5),
            metavar="SHARE",
        ),
    ] = 0.1
