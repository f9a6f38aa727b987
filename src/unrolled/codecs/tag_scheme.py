"""Tags that mark entities: which may follow which, and what they mark.

============  ======================================================================================
scheme        an entity of type PER
============  ======================================================================================
``bio``       ``B-PER`` begins it, ``I-PER`` continues it; ``O`` is outside of any. Also called IOB2.
``bioes``     ``B-PER``, any number of ``I-PER``, ``E-PER`` ends it; ``S-PER`` is one of a single step.
``none``      any order is accepted, as for parts of speech.
============  ======================================================================================

Tags without a type, ``B`` and ``I``, mark entities of the type ``_``.

Source: Ramshaw, Marcus 1995, *Text chunking using transformation-based learning*; its IOB2 form: Tjong Kim Sang, Veenstra
1999, *Representing text chunks*.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

__all__ = ["Entity", "Scheme", "TagOrder", "check_tags", "infer_scheme", "missed_scheme", "spans", "tag_order"]

Scheme = Literal["none", "bio", "bioes"]
Tags = Sequence[str]

_ENTITY = re.compile(r"[BIES]-.+")
_PREFIXES = {"none": "BIES", "bio": "BI", "bioes": "BIES"}
_EXPECTED = {"none": "B-, I-, E- or S-", "bio": "B- or I-", "bioes": "B-, I-, E- or S-"}


class Entity(NamedTuple):
    """Steps ``first`` to ``last``, both inside."""

    type: str
    first: int
    last: int


@dataclass(frozen=True)
class TagOrder:
    """Which tags may begin a sequence ``[K]``, follow which ``[K, K]`` (from, to), and end one ``[K]``."""

    begins: NDArray[np.bool_]
    follows: NDArray[np.bool_]
    ends: NDArray[np.bool_]


class _Tag(NamedTuple):
    prefix: str
    type: str


_OUTSIDE = _Tag("O", "")


def tag_order(tags: Tags, scheme: Scheme) -> TagOrder:
    """What a scheme allows among ``tags``, the K tags of a model in their order.

    Raises:
        InputError: a tag is none of the scheme.

    >>> order = tag_order(["O", "B-PER", "I-PER"], "bio")
    >>> order.begins.tolist()
    [True, True, False]
    >>> order.follows[0].tolist()  # after O
    [True, True, False]
    """
    K = len(tags)
    if scheme == "none":
        return TagOrder(np.ones(K, bool), np.ones((K, K), bool), np.ones(K, bool))
    parsed = [_parse(tag, scheme, "") for tag in tags]
    return TagOrder(
        begins=np.array([_may_follow(_OUTSIDE, tag, scheme) for tag in parsed], bool),
        follows=np.array([[_may_follow(a, b, scheme) for b in parsed] for a in parsed], bool).reshape(K, K),
        ends=np.array([_may_follow(tag, _OUTSIDE, scheme) for tag in parsed], bool),
    )


def check_tags(sequences: Sequence[Tags], scheme: Scheme) -> None:
    """Check that every sequence is in the scheme's order.

    Raises:
        InputError: naming the first tag out of order, its sequence and step, and what may stand there.

    >>> check_tags([["O", "I-PER"]], "bio")
    Traceback (most recent call last):
    unrolled.errors.InputError: sequence 0, step 1: I-PER after O, where scheme 'bio' has O or a B- tag; correct the
    tag, or accept any order with scheme='none'
    """
    if scheme == "none":
        return
    advice = "correct the tag, or accept any order with scheme='none'"
    for n, tags in enumerate(sequences):
        before = _OUTSIDE
        for step, text in enumerate(tags):
            where = f"sequence {n}, step {step}: "
            tag = _parse(text, scheme, where)
            if not _may_follow(before, tag, scheme):
                after = f"after {tags[step - 1]}" if step else "at the beginning"
                raise InputError(
                    f"{where}{text} {after}, where scheme {scheme!r} has {_after(before, scheme)}; {advice}"
                )
            before = tag
        if not _may_follow(before, _OUTSIDE, scheme):
            raise InputError(
                f"sequence {n}, step {len(tags) - 1}: the sequence ends with {tags[-1]}, where scheme {scheme!r} has"
                f" O, an E- or an S- tag; {advice}"
            )


def spans(tags: Tags, scheme: Scheme) -> list[Entity]:
    """The entities that ``tags`` mark, from the first to the last.

    In the schemes ``bio`` and ``bioes`` only what is whole and in order counts. ``none`` reads any order, as the
    evaluation of the CoNLL shared tasks does: an entity begins wherever a tag is no continuation of the one before.

    Raises:
        InputError: a tag is none of the scheme.

    >>> spans(["B-PER", "I-PER", "O", "I-LOC"], "bio")
    [Entity(type='PER', first=0, last=1)]
    >>> spans(["B-PER", "I-PER", "O", "I-LOC"], "none")
    [Entity(type='PER', first=0, last=1), Entity(type='LOC', first=3, last=3)]
    """
    parsed = [_parse(text, scheme, f"step {step}: ") for step, text in enumerate(tags)]
    found: list[Entity] = []
    first = 0
    for step, tag in enumerate(parsed):
        before = parsed[step - 1] if step else _OUTSIDE
        after = parsed[step + 1] if step + 1 < len(parsed) else _OUTSIDE
        if not _continues(before, tag):
            first = step
        if tag.prefix != "O" and not _continues(tag, after) and _counts(parsed[first], tag, scheme):
            found.append(Entity(tag.type, first, step))
    return found


def infer_scheme(sequences: Sequence[Tags]) -> Scheme:
    """The scheme whose names and order all sequences have; ``none`` if there is no such.

    >>> infer_scheme([["O", "B-PER", "I-PER"]]), infer_scheme([["S-PER", "O"]]), infer_scheme([["NOUN", "VERB"]])
    ('bio', 'bioes', 'none')
    """
    prefixes = {tag[:1] for tags in sequences for tag in tags}
    scheme: Scheme = "bioes" if prefixes & {"E", "S"} else "bio"
    if not prefixes & {"B", "S"}:
        return "none"
    return "none" if _violation(sequences, scheme) else scheme


def missed_scheme(sequences: Sequence[Tags]) -> InputError | None:
    """What keeps tags from a scheme that most likely were meant to be in one, for they mark entities; None if nothing does.

    >>> print(missed_scheme([["O", "B-PER"], ["I-PER", "O"]]))
    sequence 1, step 0: I-PER at the beginning, where scheme 'bio' has O or a B- tag; correct the tag, or accept any
    order with scheme='none'
    >>> missed_scheme([["NOUN", "VERB"]]) is None
    True
    """
    names = {tag for tags in sequences for tag in tags}
    prefixes = {tag[0] for tag in names if _ENTITY.fullmatch(tag)}
    if not prefixes or not (prefixes & {"B", "I"} or "O" in names):  # as the S-waves and P-waves of an earthquake
        return None
    return _violation(sequences, "bioes" if prefixes & {"E", "S"} else "bio")


def _violation(sequences: Sequence[Tags], scheme: Scheme) -> InputError | None:
    try:
        check_tags(sequences, scheme)
    except InputError as error:
        return error
    return None


def _parse(text: str, scheme: Scheme, where: str) -> _Tag:
    prefix, dash, type_ = text.partition("-")
    if text == "O":
        return _OUTSIDE
    if len(prefix) != 1 or prefix not in _PREFIXES[scheme] or (dash and not type_):
        raise InputError(
            f"{where}tag {text!r} marks no entity: expected O, or {_EXPECTED[scheme]} and a type, such as B-PER"
            + ("" if scheme == "none" else f" (scheme {scheme!r}; with scheme='none' tags may have any names)")
        )
    return _Tag(prefix, type_ or "_")


def _continues(before: _Tag, tag: _Tag) -> bool:
    """Whether a tag goes on with the entity that the tag before is in."""
    return tag.prefix in "IE" and before.prefix in "BI" and tag.type == before.type


def _may_follow(before: _Tag, tag: _Tag, scheme: Scheme) -> bool:
    """``before`` is O at the beginning of a sequence, ``tag`` is O at its end."""
    if tag.prefix in "IE":
        return _continues(before, tag)
    return scheme == "bio" or before.prefix not in "BI"


def _after(before: _Tag, scheme: Scheme) -> str:
    """In words, what may follow a tag."""
    suffix = "" if before.type == "_" else f"-{before.type}"
    if scheme == "bio":
        return f"O, a B- tag or I{suffix}" if before.prefix in "BI" else "O or a B- tag"
    return f"I{suffix} or E{suffix}" if before.prefix in "BI" else "O, a B- or an S- tag"


def _counts(first: _Tag, last: _Tag, scheme: Scheme) -> bool:
    """Whether an entity that begins and ends so is whole."""
    if scheme == "bio":
        return first.prefix == "B"
    return scheme == "none" or first.prefix + last.prefix in ("BE", "SS")
