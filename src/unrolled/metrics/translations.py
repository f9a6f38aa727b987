"""What translations are measured by: BLEU and chrF, as the package sacrebleu computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unrolled.errors import MissingExtraError

__all__ = ["bleu", "chrf"]


def bleu(several: Sequence[Sequence[str]], predicted: Sequence[str]) -> float:
    r"""How many of the n-grams of translations are in one of the right ones, over all of them, from 0 to 100.

    .. math::
        \mathrm{BLEU} = 100 \min(1, e^{1 - r/c}) \Bigl(\prod_{n=1}^{4} p_n\Bigr)^{1/4}

    with the precision :math:`p_n` of n-grams of words, and the lengths :math:`r` of the right translations and :math:`c` of those
    that are measured.

    Source: K. Papineni et al., "BLEU: a method for automatic evaluation of machine translation", doi 10.3115/1073083.1073135;
    words and smoothing are those of M. Post, "A call for clarity in reporting BLEU scores", arXiv 1804.08771.

    Args:
        several: the right translations of each source, at least one.
        predicted: a translation a source.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    return float(_sacrebleu("BLEU").corpus_bleu(list(predicted), _streams(several)).score)


def chrf(several: Sequence[Sequence[str]], predicted: Sequence[str]) -> float:
    r"""How many of the n-grams of characters are right, 1 to 6 of them without blanks, from 0 to 100.

    .. math::
        \mathrm{chrF} = 100 \frac{(1 + \beta^2)\, P R}{\beta^2 P + R}, \qquad \beta = 2

    with the mean precision :math:`P` and recall :math:`R` over the lengths.

    Source: M. Popović, "chrF: character n-gram F-score for automatic MT evaluation", doi 10.18653/v1/W15-3049.

    Args:
        several: the right translations of each source, at least one.
        predicted: a translation a source.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    return float(_sacrebleu("chrF").corpus_chrf(list(predicted), _streams(several)).score)


def _streams(several: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """The first right translation of each source, the second of each, and so on; None where there are fewer."""
    most = max(map(len, several), default=1)
    return [[answers[n] if n < len(answers) else None for answers in several] for n in range(most)]


def _sacrebleu(measure: str) -> Any:
    try:
        import sacrebleu
    except ImportError:
        raise MissingExtraError(measure, "sacrebleu", "translate") from None
    return sacrebleu
