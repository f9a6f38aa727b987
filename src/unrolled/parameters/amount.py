r"""Training that fits the amount of data: one rule for every estimator, which fills in what was left open.

With :math:`N` examples to learn from (sequences, series or windows), and :math:`E` epochs and :math:`M` networks where there are
many of them:

.. math::
    B &= \min(\max(\lfloor N / 32 \rfloor, 4), 32) && \text{examples a batch} \\
    \text{epochs} &= \max(E, \lceil 1500 / \lceil N / B \rceil \rceil) && \text{so at least 1,500 steps} \\
    \text{kept back} &= 0 \text{ below } N = 200, \text{ of taggers } 2000, \text{ a tenth from there on} \\
    \text{networks} &= \max(M, 3) \text{ below } N = 2000, M \text{ from there on}

Few examples need small batches and many passes, or they are not even learned by heart. A tenth of few examples is too little
to choose an epoch by, and too much to do without: there training ends where the learning rate has fallen to zero. A tagger
learns on after its likelihood on a tenth is best: of 1,000 sentences it chose the 12th to 23rd of 46 epochs, too early.
The page on parameters shows what the rule was measured on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from unrolled.parameters.declaration import Parameter, Parameters, check_together, declared, shared_values

__all__ = ["FEW", "MANY", "Amount", "filled_in", "left_open", "training_by_amount"]

Group = TypeVar("Group", bound=Parameters)

FEW = 200  # examples below which none is kept back, unless an estimator has another number
SMALLEST_BATCH, LARGEST_BATCH = 4, 32
BATCHES = 32  # an epoch's at least, where the smallest batch allows that many
STEPS = 1500  # a training's at least
MANY, ENSEMBLE = 2000, 3  # examples below which there are so many networks
SHARE = 0.1  # of many examples that chooses the epoch


@dataclass(frozen=True)
class Amount:
    """How to train on a number of examples, by the names of the parameters.

    >>> training_by_amount(60)
    Amount(examples=60, batch_size=4, max_epochs=100, validation_fraction=0.0, members=3)
    >>> print(training_by_amount(60))
    3 networks, batches of 4, 100 epochs, nothing kept back: 60 examples
    """

    examples: int
    batch_size: int
    max_epochs: int
    validation_fraction: float
    members: int

    @classmethod
    def of(cls, training: Parameters, examples: int) -> Amount:
        """What the parameters of a training say."""
        return cls(examples, **shared_values(training, cls))

    def __str__(self) -> str:
        kept = f"{self.validation_fraction:.0%} kept back" if self.validation_fraction else "nothing kept back"
        networks = f"{self.members} network{'' if self.members == 1 else 's'}"
        epochs = f"{self.max_epochs} epoch{'' if self.max_epochs == 1 else 's'}"
        examples = f"{self.examples:,} example{'' if self.examples == 1 else 's'}"
        return f"{networks}, batches of {self.batch_size}, {epochs}, {kept}: {examples}"


def training_by_amount(examples: int, *, epochs: int = 60, members: int = 3, few: int = FEW) -> Amount:
    """The rule.

    Args:
        examples: to learn from, at least 1.
        epochs, members: where there are many examples.
        few: examples below which none is kept back.

    >>> training_by_amount(10_000)
    Amount(examples=10000, batch_size=32, max_epochs=60, validation_fraction=0.1, members=3)
    """
    batch = min(max(examples // BATCHES, SMALLEST_BATCH), LARGEST_BATCH)
    batches = -(-examples // batch)
    kept_back, networks = (0.0 if examples < few else SHARE), (max(members, ENSEMBLE) if examples < MANY else members)
    return Amount(examples, batch, max(epochs, -(-STEPS // batches)), kept_back, networks)


def left_open(group: type[Parameters], name: str, unset: str) -> Parameter:
    """What ``group`` says of a parameter, where None is ``unset``."""
    return replace(declared(group)[name].about, unset=unset)


def filled_in(parameters: Parameters, group: type[Group], values: Mapping[str, Any]) -> Group:
    """The parameters of a group with ``values`` for those of them that are None.

    Raises:
        InputError: what was given does not go with what is filled in.
    """
    given = {name: getattr(parameters, name) for name in declared(group)}
    filled = {name: values[name] for name, value in given.items() if value is None and name in values}
    training = group(**{**given, **filled})
    check_together(training)
    return training
