"""Estimators of sequences and frames: what is learned from and predicted for is found by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import unrolled
from unrolled import AnomalyDetector, Forecaster, InputError, SequenceClassifier, SequenceRegressor, SequenceTagger

TINY = {"hidden_size": 4, "members": 1, "max_epochs": 1, "random_state": 0}
NAMES = list("pqrst")
VALUES = np.random.default_rng(0).normal(size=(20, 5))
KINDS = ["up", "down"] * 10
MAKERS = {
    "pandas": lambda values, names: pd.DataFrame(values, columns=names),
    "polars": lambda values, names: pl.DataFrame(values, schema=names, orient="row"),
    "pyarrow": lambda values, names: pl.DataFrame(values, schema=names, orient="row").to_arrow(),
}
each_kind = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@each_kind
@pytest.mark.parametrize(("estimator", "y"), [(SequenceClassifier, KINDS), (SequenceRegressor, np.arange(20.0))])
def test_columns_in_another_order_say_the_same(make: Any, estimator: Any, y: Any, tmp_path: Path) -> None:
    fitted = estimator(**TINY).fit(make(VALUES, NAMES), y)
    plain = estimator(**TINY).fit(VALUES, y)
    assert fitted.feature_names_in_.tolist() == NAMES
    assert not hasattr(plain, "feature_names_in_")
    fitted.save(tmp_path / "model")
    for model in (fitted, unrolled.load(tmp_path / "model")):
        expected = plain.predict(VALUES)
        assert np.array_equal(model.predict(make(VALUES[:, ::-1], NAMES[::-1])), expected)
        assert np.array_equal(model.predict(VALUES), expected)  # an array has no names to go by
        assert model.evaluate(make(VALUES[:, ::-1], NAMES[::-1]), y) == plain.evaluate(VALUES, y)
        with pytest.raises(
            InputError, match="no column 't', which the model was trained with; the columns are 'p', 'q', 'r'"
        ):
            model.predict(make(VALUES, list("pqrsu")))


def test_targets_in_the_frame() -> None:
    frame = MAKERS["pandas"](VALUES, NAMES).assign(label=KINDS)
    fitted = SequenceClassifier(**TINY).fit(frame)
    beside = SequenceClassifier(**TINY).fit(frame[NAMES], KINDS)
    assert np.array_equal(fitted.predict_proba(frame), beside.predict_proba(VALUES))
    assert fitted.inferred_[0] == "the label is 'label'"
    assert fitted.score(frame) == beside.score(VALUES, KINDS)
    validated = SequenceClassifier(**TINY).fit(frame[:12], validation=frame[12:])
    given = SequenceClassifier(**TINY).fit(VALUES[:12], KINDS[:12], validation=(VALUES[12:], KINDS[12:]))
    assert validated.validation_ == given.validation_
    with pytest.raises(InputError, match="label= names the column of the targets, and y holds them, too"):
        SequenceClassifier(**TINY).fit(frame, KINDS, label="label")
    with pytest.raises(InputError, match="column 'label', with 'up' in row 0, is of no use beside"):
        SequenceClassifier(**TINY).fit(frame, KINDS)
    with pytest.raises(InputError, match="text= names a column, but the data is a list: give a frame"):
        SequenceClassifier(**TINY).fit(["a b", "c d"], ["u", "v"], text="review")
    with pytest.raises(InputError, match="which column is the label"):
        beside.evaluate(frame[NAMES])
    with pytest.raises(InputError, match="requires y to be passed, but the target y is None"):
        beside.evaluate(VALUES)


@each_kind
def test_texts_and_steps_in_columns(make: Any) -> None:
    words = ["a fine film", "so very dull"] * 6
    frame = make([[text, n] for n, text in enumerate(words)], ["review", "n"])
    reader = SequenceClassifier(**TINY, min_count=1).fit(frame, ["good", "bad"] * 6, text="review")
    alone = SequenceClassifier(**TINY, min_count=1).fit(words, ["good", "bad"] * 6)
    assert np.array_equal(reader.predict_proba(frame), alone.predict_proba(words))
    assert reader.item_kind_ == "text"
    rows = [[f"e{n // 4}", f"2024-01-0{4 - n % 4}", float(n), "ab"[n // 4 % 2], "XY"[n % 2]] for n in range(40)]
    steps = make(rows, ["engine", "day", "heat", "kind", "tag"])
    arrays = [np.arange(4.0)[::-1] + 4 * n for n in range(10)]  # newest first in the rows
    told = {"series": "engine", "features": "heat"}
    by_name = SequenceClassifier(**TINY).fit(steps, label="kind", **told)
    assert np.array_equal(
        by_name.predict_proba(steps), SequenceClassifier(**TINY).fit(arrays, list("ab") * 5).predict_proba(arrays)
    )
    tagger = SequenceTagger(**TINY, crf=False).fit(steps, label="tag", **told)
    same = SequenceTagger(**TINY, crf=False).fit(arrays, [["Y", "X"] * 2] * 10)
    assert tagger.predict(steps) == same.predict(arrays)
    assert tagger.evaluate(steps) == same.evaluate(arrays, [["Y", "X"] * 2] * 10)


def test_a_list_of_frames_is_read_by_name(tmp_path: Path) -> None:
    frames = [pd.DataFrame({"a": VALUES[n], "b": VALUES[n] ** 2}) for n in range(20)]
    fitted = SequenceRegressor(**TINY).fit(frames, np.arange(20.0))
    fitted.save(tmp_path / "model")
    again = unrolled.load(tmp_path / "model")
    assert again.feature_names_in_.tolist() == ["a", "b"]
    assert np.array_equal(again.predict([frame[["b", "a"]] for frame in frames]), fitted.predict(frames))
    with pytest.raises(InputError, match="sequence 0 has the columns 'a', 'c', expected 'a', 'b'"):
        again.predict([frames[0].rename(columns={"b": "c"})])


@each_kind
def test_detector_and_forecaster_read_columns_by_name(make: Any) -> None:
    values = np.sin(np.arange(400)[:, None] / np.array([5.0, 9.0]))
    detector = AnomalyDetector(**TINY, window=8).fit(make(values, ["a", "b"]))
    expected = detector.score_samples(make(values, ["a", "b"]))
    np.testing.assert_array_equal(detector.score_samples(make(values[:, ::-1], ["b", "a"])), expected)
    assert detector.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(InputError, match="no column 'b'"):
        detector.predict(make(values, ["a", "c"]))
    told = {"target": "a", "past": ["b"]}
    forecaster = Forecaster(**TINY, horizon=2, input_window=4, season_length=1, method="windows").fit(
        make(values, ["a", "b"]), **told
    )
    quantiles = forecaster.predict_quantiles(make(values, ["a", "b"]))
    np.testing.assert_array_equal(forecaster.predict_quantiles(make(values[:, ::-1], ["b", "a"])), quantiles)
    assert forecaster.feature_names_in_.tolist() == ["a", "b"]
    assert not hasattr(AnomalyDetector(), "feature_names_in_")
    assert not hasattr(Forecaster(), "feature_names_in_")


@pytest.mark.parametrize(("estimator", "y"), [(SequenceRegressor, [1.0]), (SequenceClassifier, ["a"])])
def test_one_item_is_nothing_to_learn_from(estimator: Any, y: Any) -> None:
    with pytest.raises(InputError, match=r"there is 1 sequence \(1 sample\), need at least 2 to learn from"):
        estimator(**TINY).fit(VALUES[:1], y)


def test_half_a_character_is_found_before_the_training() -> None:
    with pytest.raises(InputError, match=r"label 'b\\ud83d' holds half of a character"):
        SequenceClassifier(**TINY).fit(VALUES, ["a", "b\ud83d"] * 10)
    with pytest.raises(InputError, match=r"label 'B\\ud83d' holds half of a character"):
        SequenceTagger(**TINY, min_count=1).fit([["x", "y"]] * 2, [["A", "B\ud83d"]] * 2)
    shops = pd.Series(["a", "b\ud83d"] * 20, dtype=object)
    days = np.repeat(pd.date_range("2024", periods=20), 2)
    with pytest.raises(InputError, match=r"row 1, column 'shop': 'b\\ud83d' holds half of a character"):
        Forecaster(**TINY).fit(pd.DataFrame({"shop": shops, "day": days, "sold": 1.0}))
    odd = pd.DataFrame(np.ones((9, 1)), columns=pd.Index(["sold\ud83d"], dtype=object))
    with pytest.raises(InputError, match=r"the name of the column 'sold\\ud83d' holds half of a character"):
        AnomalyDetector(**TINY).fit(odd)
    with pytest.raises(InputError, match="text 1 holds half of a character"):
        SequenceClassifier(**TINY).fit(["a b", "c \ude00"], ["u", "v"])
