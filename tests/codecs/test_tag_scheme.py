"""Tag schemes: what may follow what, by enumeration; entities; sentences that say what to do."""

import itertools
import re

import numpy as np
import pytest

from unrolled.codecs.tag_scheme import Entity, check_tags, infer_scheme, missed_scheme, spans, tag_order
from unrolled.errors import InputError

TAGS = {
    "bio": ["O", "B-a", "I-a", "B-b", "I-b"],
    "bioes": ["O", "B-a", "I-a", "E-a", "S-a", "B-b", "I-b", "E-b", "S-b"],
}
# One letter a tag, so that the schemes are regular expressions: another way of saying the same.
LETTERS = dict(zip(TAGS["bioes"], "OBIESbies", strict=True))
GRAMMAR = {"bio": r"(O|BI*|bi*)*", "bioes": r"(O|S|s|BI*E|bi*e)*"}


def in_order(tags, scheme):
    return re.fullmatch(GRAMMAR[scheme], "".join(LETTERS[tag] for tag in tags)) is not None


@pytest.mark.parametrize(("scheme", "longest"), [("bio", 4), ("bioes", 3)])
def test_order_and_check_accept_what_the_grammar_does(scheme, longest):
    tags = TAGS[scheme]
    order = tag_order(tags, scheme)
    for T in range(1, longest + 1):
        for path in itertools.product(range(len(tags)), repeat=T):
            expected = in_order([tags[k] for k in path], scheme)
            by_masks = order.begins[path[0]] and order.ends[path[-1]]
            by_masks = by_masks and all(order.follows[a, b] for a, b in itertools.pairwise(path))
            assert by_masks == expected
            try:
                check_tags([[tags[k] for k in path]], scheme)
                assert expected
            except InputError:
                assert not expected


@pytest.mark.parametrize("scheme", ["bio", "bioes"])
def test_spans_are_the_grammars_entities(scheme):
    rng = np.random.default_rng(0)
    for _ in range(300):
        tags = rng.choice(TAGS[scheme], size=12).tolist()
        text = "".join(LETTERS[tag] for tag in tags)
        whole = r"BI*|bi*" if scheme == "bio" else r"S|s|BI*E|bi*e"
        expected = [("a" if m[0][0] in "BS" else "b", m.start(), m.end() - 1) for m in re.finditer(whole, text)]
        assert spans(tags, scheme) == expected


def test_none_allows_everything():
    order = tag_order(["NOUN", "VERB"], "none")
    assert order.begins.all()
    assert order.follows.all()
    assert order.ends.all()
    check_tags([["anything", "I-x"]], "none")


def test_tags_without_a_type_and_types_with_a_dash():
    assert spans(["B", "I", "O", "B-NP-SBJ", "I-NP-SBJ"], "bio") == [Entity("_", 0, 1), Entity("NP-SBJ", 3, 4)]
    assert tag_order(["O", "B", "I"], "bio").follows.tolist() == [[True, True, False], [True] * 3, [True] * 3]
    assert spans([], "bio") == []


@pytest.mark.parametrize(
    ("tags", "scheme", "message"),
    [
        (["O", "I-PER"], "bio", "sequence 1, step 1: I-PER after O, where scheme 'bio' has O or a B- tag; correct the"),
        (["I-PER"], "bio", "sequence 1, step 0: I-PER at the beginning, where scheme 'bio' has O or a B- tag"),
        (["B-LOC", "I-PER"], "bio", "step 1: I-PER after B-LOC, where scheme 'bio' has O, a B- tag or I-LOC"),
        (["B-LOC", "O"], "bioes", "step 1: O after B-LOC, where scheme 'bioes' has I-LOC or E-LOC"),
        (["B", "O"], "bioes", "step 1: O after B, where scheme 'bioes' has I or E;"),
        (["S-LOC", "E-LOC"], "bioes", "step 1: E-LOC after S-LOC, where scheme 'bioes' has O, a B- or an S- tag"),
        (["O", "B-LOC"], "bioes", "step 1: the sequence ends with B-LOC, where scheme 'bioes' has O, an E- or an S-"),
        (["NOUN"], "bio", "sequence 1, step 0: tag 'NOUN' marks no entity: expected O, or B- or I- and a type"),
        (["E-PER"], "bio", "tag 'E-PER' marks no entity: expected O, or B- or I- and a type"),
        (["B-"], "bioes", "tag 'B-' marks no entity: expected O, or B-, I-, E- or S- and a type"),
    ],
)
def test_violations_are_named(tags, scheme, message):
    with pytest.raises(InputError, match=re.escape(message)) as error:
        check_tags([["O"], tags], scheme)
    assert "scheme='none'" in str(error.value)


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ([["O", "B-a", "I-a"], ["O"]], "bio"),
        ([["B-a", "I-b"]], "none"),
        ([["B-a", "E-a"]], "bioes"),
        ([["S-a", "O"]], "bioes"),
        ([["E-a"]], "none"),
        ([["O", "O"]], "none"),
        ([["NOUN", "VERB", "SYM"]], "none"),
        ([["I-a", "O"]], "none"),  # IOB1
        ([["B", "I", "E", "S"]], "bioes"),  # words of a text without blanks
        ([], "none"),
    ],
)
def test_scheme_is_inferred(tags, scheme):
    assert infer_scheme(tags) == scheme


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([["O", "B-a", "I-a"], ["O"]], None),
        ([["S-a", "O"]], None),
        ([["NOUN", "VERB", "SYM"]], None),
        ([["O", "O"]], None),
        ([["P-wave", "S-wave"]], None),
        ([["S-a", "E-b", "O"]], "sequence 0, step 1: E-b after S-a"),
        ([["B-a", "O"], ["O", "I-a"]], "sequence 1, step 1: I-a after O"),
        ([["I-a", "I-a"]], "sequence 0, step 0: I-a at the beginning"),
        ([["B-a", "0"]], "sequence 0, step 1: tag '0' marks no entity"),
        ([["B-a", "E-a"], ["B-a"]], "sequence 1, step 0: the sequence ends with B-a"),
    ],
)
def test_a_scheme_that_was_missed_is_told_with_its_place(tags, reason):
    error = missed_scheme(tags)
    assert error is None if reason is None else str(error).startswith(reason)
