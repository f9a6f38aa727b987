"""How much each sequence counts in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from unrolled import InputError, SequenceClassifier, SequenceRegressor, SequenceTagger
from unrolled.networks.encoder import Encoder, EncoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.examples import Examples
from unrolled.training.target_loss import target_loss

rng = np.random.default_rng(0)
X = [rng.normal(size=(n, 1)).astype(np.float32) for n in rng.integers(3, 7, size=24)]
KINDS = np.array(["up", "down", "up"] * 8)
TINY = {"hidden_size": 4, "members": 1, "max_epochs": 2, "batch_size": 8, "random_state": 0, "validation_fraction": 0.0}
CASES = [
    (SequenceClassifier(**TINY), KINDS, KINDS[::-1]),
    (SequenceClassifier(**TINY), np.eye(3, dtype=int)[rng.integers(3, size=24)], np.eye(3, dtype=int)[rng.integers(3, size=24)]),
    (SequenceTagger(**TINY), [["A", "B"] * 3 for _ in X], [["B", "A"] * 3 for _ in X]),
    (SequenceTagger(**TINY, crf=False), [["A", "B"] * 3 for _ in X], [["B", "A"] * 3 for _ in X]),
]  # fmt: skip


def fitted(model: Any, y: Any, weights: Any) -> Any:
    if isinstance(model, SequenceTagger):
        y = [tags[: len(x)] for tags, x in zip(y, X, strict=True)]
    return model.fit(X, y, sample_weight=weights).predict_proba(X)


@pytest.mark.parametrize(("model", "y", "other"), CASES)
def test_what_counts_nothing_teaches_nothing(model: Any, y: Any, other: Any) -> None:
    counts = np.arange(24) % 3 > 0
    swapped = [b if k else a for a, b, k in zip(other, y, counts, strict=True)]
    pairs = list(zip(fitted(model, y, counts), fitted(model, swapped, counts), strict=True))
    assert all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("model", [SequenceClassifier(**TINY), SequenceClassifier(**TINY, class_weight="balanced")])
def test_weights_that_are_alike_change_nothing_others_do(model: Any) -> None:
    plain = fitted(model, KINDS, None)
    np.testing.assert_allclose(fitted(model, KINDS, np.full(24, 3.0)), plain, atol=1e-4)
    assert not np.allclose(fitted(model, KINDS, np.arange(1, 25)), plain, atol=1e-4)


def test_only_the_ratios_matter_and_any_container_holds_them() -> None:
    y, weights = np.arange(24.0), np.arange(1.0, 25)
    first = SequenceRegressor(**TINY).fit(X, y, weights).predict(X)
    for same in (8 * weights, weights.tolist(), pd.Series(weights, index=range(24, 0, -1)), weights.astype(int)):
        assert np.array_equal(SequenceRegressor(**TINY).fit(X, y, sample_weight=same).predict(X), first)


@pytest.mark.parametrize("class_weights", [None, np.array([1.0, 3.0, 0.5])])
def test_a_weight_of_two_is_two_of_them(class_weights: Any) -> None:
    torch.manual_seed(0)
    config = EncoderConfig(StackConfig("gru", 1, 4, 1), "mean", 3)
    module = NetworkModule(Encoder, config, NetworkOptions()).eval()
    wanted, counts = np.array([0, 2, 1, 1]), np.array([2, 1, 0, 3])
    weighted = target_loss("one_of", class_weights)(module, Examples(X[:4], wanted, counts.astype(np.float32)))
    several = np.repeat(np.arange(4), counts)
    repeated = target_loss("one_of", class_weights)(module, Examples([X[n] for n in several], wanted[several]))
    assert weighted.item() == pytest.approx(repeated.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(23), r"sample_weight has shape \[23\], expected \[24\]: a weight for each sequence"),
        (np.ones((24, 1)), r"sample_weight has shape \[24, 1\], expected \[24\]"),
        (np.r_[np.ones(23), -1], r"sample_weight of sequence 23 is -1.0, expected a finite number from 0"),
        (np.r_[np.nan, np.ones(23)], r"sample_weight of sequence 0 is nan"),
        (np.zeros(24), "sample_weight is zero for every sequence: nothing would count"),
        (["1"] * 24, "sample_weight does not hold numbers: found the text '1'"),
        (2.0, "expected a list of weights, found float"),
    ],
)
def test_what_is_no_weights(weights: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SequenceRegressor(**TINY).fit(X, np.arange(24.0), sample_weight=weights)


def test_what_is_kept_back_must_count() -> None:
    weights = np.r_[np.ones(12), np.zeros(12)]
    two = SequenceRegressor(
        **{**TINY, "validation_fraction": 0.1}
    )  # of which this seed keeps back two of the second half
    with pytest.raises(InputError, match="sample_weight is zero for every sequence that is kept back; choose others"):
        two.set_params(random_state=2).fit(X, np.arange(24.0), sample_weight=weights)
    given = SequenceRegressor(**TINY).fit(
        X[:12], np.arange(12.0), weights[::-1][6:18], validation=(X[12:], np.arange(12.0))
    )
    assert given.validation_ is not None
