"""Entity precision, recall and F1 equal seqeval's, on random tags in and out of order."""

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.metrics.entities import entity_metrics

seqeval = pytest.importorskip("seqeval.metrics")
schemes = pytest.importorskip("seqeval.scheme")

PREFIXES = {"bio": "BI", "bioes": "BIES", "none": "BIES"}
STRICT = {"bio": "IOB2", "bioes": "IOBES"}


def random_tags(rng, scheme, sequences):
    """Tags a and predictions of them: half of the steps agree, so that entities do too."""
    tags = ["O", "O", *(f"{prefix}-{kind}" for prefix in PREFIXES[scheme] for kind in ("PER", "LOC", "ORG"))]
    truth = [rng.choice(tags, size=n).tolist() for n in rng.integers(1, 12, size=sequences)]
    predicted = [[tag if rng.uniform() < 0.7 else str(rng.choice(tags)) for tag in tags_] for tags_ in truth]
    return truth, predicted


def theirs(truth, predicted, scheme, average):
    mode = {} if scheme == "none" else {"mode": "strict", "scheme": getattr(schemes, STRICT[scheme])}
    measures = (seqeval.precision_score, seqeval.recall_score, seqeval.f1_score)
    return [measure(truth, predicted, average=average, zero_division=0, **mode) for measure in measures]


@pytest.mark.parametrize("scheme", ["none", "bio", "bioes"])
def test_equals_seqeval(scheme):
    rng = np.random.default_rng(1)
    right = 0
    for sequences in [1, 2, 3, 5, 40] * 8:
        truth, predicted = random_tags(rng, scheme, sequences)
        ours = entity_metrics(truth, predicted, scheme)
        if not ours.types:  # seqeval then divides by zero
            continue
        right += ours.micro.f1 > 0
        for average in ("micro", "macro"):
            mine = getattr(ours, average)
            assert [mine.precision, mine.recall, mine.f1] == pytest.approx(
                theirs(truth, predicted, scheme, average), abs=1e-15
            )
        each = theirs(truth, predicted, scheme, None)
        of_types = [[t.precision, t.recall, t.f1] for t in ours.types.values()]
        np.testing.assert_allclose(of_types, np.transpose(each), atol=1e-15)
    assert right > 20


def test_nothing_to_find_is_zero():
    found = entity_metrics([["O"]], [["O"]], "bio")
    assert (found.micro.f1, found.macro.f1, found.types) == (0.0, 0.0, {})
    assert entity_metrics([["O"]], [["B-x"]], "bio").types["x"].recall == 0


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([["O"]], [], "1 sequences of true tags and 0 of predicted"),
        ([["O"], ["O"]], [["O"], ["O", "O"]], "sequence 1 has 1 true tags and 2 predicted"),
        ([["O"]], [["X"]], "sequence 0, step 0: tag 'X' marks no entity"),
    ],
)
def test_what_cannot_be_compared_is_named(truth, predicted, message):
    with pytest.raises(InputError, match=message):
        entity_metrics(truth, predicted, "bio")
