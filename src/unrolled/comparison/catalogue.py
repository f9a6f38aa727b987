"""The families by name, which of them a task is compared with unless one says so, and why others make no sense there."""

from __future__ import annotations

from importlib.util import find_spec

from unrolled.cells import CELLS
from unrolled.comparison.crf import CRF
from unrolled.comparison.family import NETWORKS, NetworkFamily, network_family
from unrolled.comparison.hidden_markov import HMM
from unrolled.comparison.most_frequent import MOST_FREQUENT
from unrolled.comparison.ngram import NGRAM
from unrolled.comparison.plain import PlainFamily
from unrolled.comparison.seasonal_naive import SEASONAL_NAIVE
from unrolled.comparison.smoothing import AUTOREGRESSION, SMOOTHING_FAMILY
from unrolled.comparison.task import TaskName
from unrolled.errors import InputError, MissingExtraError

__all__ = ["DEFAULT_MODELS", "PLAIN", "family_of", "missing_package", "refusal"]

PLAIN: dict[str, PlainFamily] = {
    family.name: family for family in (SEASONAL_NAIVE, SMOOTHING_FAMILY, AUTOREGRESSION, MOST_FREQUENT, HMM, CRF, NGRAM)
}
"""Those without a network."""

DEFAULT_MODELS: dict[TaskName, tuple[str, ...]] = {
    "forecast": (
        "rnn", "gru", "lstm", "feed-forward", "tcn", "transformer-causal", "seasonal-naive", "exponential-smoothing",
        "autoregression",
    ),
    "classify": (
        "rnn", "gru", "lstm", "lstm-bidirectional", "feed-forward", "tcn", "transformer", "hmm", "most-frequent",
    ),
    "tag": (
        "rnn", "gru", "lstm", "rnn-bidirectional", "lstm-bidirectional", "feed-forward", "tcn", "transformer",
        "transformer-causal", "hmm", "crf", "most-frequent",
    ),
    "generate": ("rnn", "gru", "lstm", "feed-forward", "tcn", "transformer-causal", "ngram"),
}  # fmt: skip
"""Those that a task is compared with."""

MODULES = {"hmmlearn": "hmmlearn", "sklearn-crfsuite": "sklearn_crfsuite"}
"""Of each optional package the module."""


def family_of(name: str) -> NetworkFamily | PlainFamily:
    """The family of this name.

    Raises:
        InputError: there is none; the message lists those there are.

    >>> family_of("tcn").name, family_of("crf").package
    ('tcn', 'sklearn-crfsuite')
    """
    found = PLAIN.get(name) or network_family(name)
    if found is None:
        raise InputError(
            f"models is {name!r}, expected {', '.join([*NETWORKS, *PLAIN])}, one of the cells {', '.join(CELLS)}, or a cell with"
            " -bidirectional behind it"
        )
    return found


def refusal(family: NetworkFamily | PlainFamily, task: TaskName) -> str | None:
    """Why a family makes no sense for a task; None if it does.

    >>> refusal(family_of("crf"), "classify")
    'it gives every step of a sequence a tag, and the task asks for none'
    """
    if isinstance(family, NetworkFamily):
        return family.refused.get(task)
    return None if task in family.fits else family.why_not


def missing_package(family: NetworkFamily | PlainFamily) -> str | None:
    """What to install for a family; None if all is there."""
    if isinstance(family, NetworkFamily) or family.package is None or find_spec(MODULES[family.package]) is not None:
        return None
    return str(MissingExtraError(family.name, family.package, "compare"))
