"""What answers are measured by where a source may have several right ones: edits of words, of symbols, of characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unrolled.errors import InputError
from unrolled.metrics.edits import edit_distance, error_rate

__all__ = ["Target", "answer_measures", "character_error_rate", "exact_rate", "nearest", "token_error_rate"]

Target = str | list[str]
"""A text, or a list of tokens."""


def token_error_rate(true: Sequence[Target], predicted: Sequence[Target]) -> float:
    r"""Edits for each true word of texts, or for each true token of lists, over all of them (the corpus level).

    .. math::
        \mathrm{WER} = \frac{\sum_n \mathrm{edits}(y_n, \hat y_n)}{\sum_n |y_n|}

    It is above 1 where more is said than there is to say. Words are what blanks part.

    >>> token_error_rate(["a cat sat"], ["a hat sat down"]), token_error_rate([["K", "AE1", "T"]], [["K", "T"]])
    (0.6666666666666666, 0.3333333333333333)
    """
    return error_rate(*([_tokens(answer) for answer in answers] for answers in (true, predicted)))


def character_error_rate(true: Sequence[str], predicted: Sequence[str]) -> float:
    """Edits for each true character of texts, blanks included, over all of them.

    >>> character_error_rate(["kitten"], ["sitting"])
    0.5
    """
    return error_rate(true, predicted)


def exact_rate(true: Sequence[Target], predicted: Sequence[Target]) -> float:
    """The share of answers that are right as a whole; of pronunciations 1 minus it is called the word error rate.

    >>> exact_rate(["a", "b"], ["a", "c"])
    0.5
    """
    _check(true, predicted)
    return sum(own == other for own, other in zip(true, predicted, strict=True)) / max(1, len(true))


def nearest(several: Sequence[Target], predicted: Target) -> Target:
    """Of several right answers the one that what is predicted has the fewest edits for each token from; of equals the first.

    >>> nearest([["R", "EH1", "D"], ["R", "IY1", "D"]], ["R", "IY1"])
    ['R', 'IY1', 'D']
    """
    said = _tokens(predicted)
    return min(several, key=lambda each: edit_distance(_tokens(each), said) / max(1, len(_tokens(each))))


def answer_measures(several: Sequence[Sequence[Target]], predicted: Sequence[Target]) -> dict[str, float]:
    """All of the measures above: strict, against the first right answer of each source, and kind, against the nearest.

    Args:
        several: the right answers of each source, at least one.
        predicted: an answer a source, empty where there is none.

    Returns:
        ``exact``; of texts ``word_error_rate`` and ``character_error_rate``, of lists of tokens ``token_error_rate``. Where a
        source has several right answers, each of them once more with ``_kind`` after its name.

    Raises:
        InputError: there are not as many, or a source has no right answer.

    >>> answer_measures([[["R", "EH1", "D"], ["R", "IY1", "D"]], [["AH0"]]], [["R", "IY1", "D"], ["AH0"]])
    {'exact': 0.5, 'token_error_rate': 0.25, 'exact_kind': 1.0, 'token_error_rate_kind': 0.0}
    """
    _check(several, predicted)
    for n, answers in enumerate(several):
        if not answers:
            raise InputError(f"source {n} has no right answer: give each at least one")
    found = _measures([answers[0] for answers in several], predicted)
    if all(len(answers) == 1 for answers in several):
        return found
    chosen = [nearest(answers, said) for answers, said in zip(several, predicted, strict=True)]
    return found | {f"{name}_kind": value for name, value in _measures(chosen, predicted).items()}


def _measures(true: Sequence[Target], predicted: Sequence[Target]) -> dict[str, float]:
    texts = [[each for each in answers if isinstance(each, str)] for answers in (true, predicted)]
    if len(texts[0]) < len(true) or len(texts[1]) < len(predicted):
        return {"exact": exact_rate(true, predicted), "token_error_rate": token_error_rate(true, predicted)}
    return {
        "exact": exact_rate(true, predicted),
        "word_error_rate": token_error_rate(true, predicted),
        "character_error_rate": character_error_rate(*texts),
    }


def _tokens(answer: Target) -> list[str]:
    return answer.split() if isinstance(answer, str) else list(answer)


def _check(true: Sequence[Any], predicted: Sequence[Any]) -> None:
    if len(true) != len(predicted):
        raise InputError(f"{len(true)} sources have a right answer and {len(predicted)} an answer: expected as many")
