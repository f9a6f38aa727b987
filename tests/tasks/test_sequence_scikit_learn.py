"""scikit-learn's own checks of estimators, and its tools around ours."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from unrolled import InputError, SequenceClassifier, SequenceRegressor

QUICK = {
    "hidden_size": 16, "members": 1, "max_epochs": 40, "batch_size": 16, "learning_rate": 0.02, "random_state": 0,
}  # fmt: skip
ANY_LENGTH = (
    "a flat row is a sequence of single numbers, and sequences may have any number of steps, in predict as in fit"
)
LEFT_OUT = {
    "check_estimators_unfitted": "wants scikit-learn's NotFittedError, which this library does not import; ours is an InputError",
    "check_n_features_in": ANY_LENGTH,
    "check_n_features_in_after_fitting": ANY_LENGTH,
    "check_classifiers_train": f"its last part: {ANY_LENGTH}",
    "check_dtype_object": "wants a TypeError for a dictionary among the numbers; ours is an InputError, a ValueError",
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
    quick = SequenceClassifier(**QUICK).set_params(max_epochs=5)
    assert clone(quick).get_params() == quick.get_params()
    assert cross_val_score(make_pipeline(StandardScaler(), quick), X, y, cv=3).mean() > 0.8
    search = GridSearchCV(quick, {"pooling": ["last", "mean"], "hidden_size": [4, 8]}, cv=2).fit(X, y)
    assert set(search.best_params_) == {"pooling", "hidden_size"}
