"""scikit-learn's own checks of estimators, and its tools around ours."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import estimator_html_repr, get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

from unrolled import AnomalyDetector, Forecaster, InputError, SequenceClassifier, SequenceRegressor, SequenceTagger

QUICK = {
    "hidden_size": 16, "members": 1, "max_epochs": 40, "batch_size": 16, "learning_rate": 0.02, "random_state": 0,
}  # fmt: skip
ANY_LENGTH = (
    "a flat row is a sequence of single numbers, and sequences may have any number of steps, in predict as in fit"
)
LEFT_OUT = {
    "check_sample_weight_equivalence_on_dense_data": "batches of repeated rows are others than those of weighted ones",
    "check_n_features_in": ANY_LENGTH,
    "check_n_features_in_after_fitting": ANY_LENGTH,
    "check_classifiers_train": f"its last part: {ANY_LENGTH}",
}
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Estimator .* does not inherit")  # from scikit-learn's own base class
    CHECKS = [
        (estimator, check)
        for each in (SequenceClassifier(**QUICK), SequenceRegressor(**QUICK))
        for estimator, check in estimator_checks_generator(each)
        if check.func.__name__ not in LEFT_OUT
    ]


@pytest.mark.filterwarnings("ignore:y is a column")
@pytest.mark.parametrize(
    ("estimator", "check"), CHECKS, ids=[f"{type(e).__name__}-{c.func.__name__}" for e, c in CHECKS]
)
def test_check_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [SequenceClassifier, SequenceRegressor])
def test_what_the_checks_left_out_ask_for_in_our_words(estimator):
    model = estimator(**QUICK).set_params(max_epochs=1)
    X, y = np.arange(60.0).reshape(20, 3), np.arange(20) % 2
    with pytest.raises(InputError, match="not fitted yet; call fit"):
        model.predict(X)
    model.fit(X, y)
    assert model.predict(X[:, :2]).shape == (20,)
    with pytest.raises(InputError, match="3 numbers a step, the model was trained on 1"):
        model.predict(X[:, None])
    with pytest.raises(InputError, match="sequence 0 does not hold numbers"):
        model.fit([[{"a": 1}], [2.0]], [0, 1])


def test_a_pipeline_a_search_and_a_cross_validation():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 8)) + y[:, None]
    quick = SequenceClassifier(**QUICK).set_params(max_epochs=10)
    assert clone(quick).get_params() == quick.get_params()
    assert cross_val_score(make_pipeline(StandardScaler(), quick), X, y, cv=3).mean() > 0.8
    search = GridSearchCV(quick, {"pooling": ["last", "mean"], "hidden_size": [4, 8]}, cv=2).fit(X, y)
    assert set(search.best_params_) == {"pooling", "hidden_size"}


ALL = [SequenceClassifier, SequenceRegressor, SequenceTagger, Forecaster, AnomalyDetector]


@pytest.mark.parametrize(
    ("estimator", "kind"), list(zip(ALL, ["classifier", "regressor", None, None, None], strict=True))
)
def test_every_estimator_has_tags_and_a_picture(estimator, kind):
    model = estimator(hidden_size=5)
    assert get_tags(model).estimator_type == kind
    assert clone(model).hidden_size == 5
    assert estimator.__name__ in estimator_html_repr(make_pipeline(StandardScaler(), model))
    with pytest.raises(NotFittedError, match="not fitted yet; call fit") as caught:
        model.save("nowhere")
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, InputError)
    assert str(again) == str(caught.value)


def test_a_tagger_in_a_search_and_a_cross_validation():
    X = [["Ada", "met", "Grace"], ["Alan", "slept"], ["Grace", "sat"]] * 4
    y = [["B", "O", "B"], ["B", "O"], ["B", "O"]] * 4
    tagger = SequenceTagger(
        hidden_size=4, embedding_size=4, character_size=0, min_count=1, max_epochs=1, random_state=0
    )
    assert len(cross_val_score(tagger, X, y, cv=2)) == 2
    assert [len(tags) for tags in cross_val_predict(tagger, X, y, cv=2)] == [len(tags) for tags in y]
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(), tagger), {"sequencetagger__max_epochs": [1, 2]}, cv=2
    ).fit(X, y)
    assert search.best_params_.keys() == {"sequencetagger__max_epochs"}
    assert search.predict(X[:1]) == search.best_estimator_.predict(X[:1])


def test_forecaster_and_detector_take_the_y_that_tools_pass():
    series = np.sin(np.arange(400) / 3)
    forecaster = Forecaster(
        horizon=2, input_window=4, season_length=1, hidden_size=4, members=1, max_epochs=1, random_state=0
    )
    search = GridSearchCV(forecaster, {"hidden_size": [4, 5]}, cv=TimeSeriesSplit(2)).fit(series)
    assert search.best_estimator_.predict().shape == (2,)
    assert make_pipeline(FunctionTransformer(), forecaster).fit(series).score(
        series
    ) == search.best_estimator_.set_params(hidden_size=4).fit(series).score(series)
    detector = AnomalyDetector(hidden_size=4, members=1, max_epochs=1, window=8, random_state=0)
    assert make_pipeline(StandardScaler(), detector).fit(series[:, None]).score_samples(series[:, None]).shape == (400,)
    for model in (forecaster, detector):
        with pytest.raises(InputError, match="learns from the data alone: leave y out"):
            model.fit(series, series)
