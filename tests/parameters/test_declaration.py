"""A parameter is declared once: what follows from the declaration."""

from __future__ import annotations

import inspect
import pickle
from typing import Annotated, get_type_hints

import numpy as np
import pytest

import unrolled
from unrolled import InputError
from unrolled.parameters.declaration import Parameter, Parameters, checked, declared, parameter_values, search_space
from unrolled.parameters.ranges import COUNT
from unrolled.parameters.training import TrainingParameters
from unrolled.tasks import estimators
from unrolled.tasks.forecasting.parameters import BY_METHOD, ForecasterParameters, forecast_training

ESTIMATORS = list(estimators().values())


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: each.__name__)
def test_the_constructor_is_made_of_the_declaration(estimator):
    signature = inspect.signature(estimator).parameters
    known = declared(estimator)
    assert list(signature) == list(known)
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in signature.values())
    assert {name: parameter.default for name, parameter in signature.items()} == {
        n: e.default for n, e in known.items()
    }
    assert signature["hidden_size"].annotation in (int, int | None)
    assert estimator().get_params() == {name: each.default for name, each in known.items()}
    with pytest.raises(TypeError, match="unexpected keyword argument 'hiden_size'"):
        estimator(hiden_size=3)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: each.__name__)
def test_every_parameter_is_documented_with_its_range(estimator):
    words = " ".join(inspect.getdoc(estimator).split())
    for name, each in declared(estimator).items():
        assert f"{name}: {each.about.help}" in words
        if each.about.range is not None:
            assert f"{each.about.help} {str(each.about.range).capitalize()}." in words
        assert each.group
        assert each.about.help.endswith(".")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: each.__name__)
def test_defaults_and_values_worth_trying_are_within_the_ranges(estimator):
    group = estimator._parameters
    usual = parameter_values(group())
    assert checked(group, usual) == group()
    for name, values in estimator.search_space().items():
        assert len(values) >= 2
        for value in values:
            assert getattr(checked(group, {**usual, name: value}), name) == value


def test_every_training_parameter_reaches_every_estimator():
    for estimator in ESTIMATORS:
        assert set(declared(TrainingParameters)) <= set(declared(estimator))


class Size(Parameters):
    _title = "Size"

    width: Annotated[int, Parameter("How wide it is.", COUNT, search=(1, 2))] = 3
    shares: Annotated[tuple[float, ...] | None, Parameter("Shares.", unset="alike")] = None


class Box(Size):
    width: int = 4


def test_a_group_inherits_what_is_said_and_overrides_the_default():
    assert (declared(Box)["width"].default, declared(Box)["width"].about.help) == (4, "How wide it is.")
    assert declared(Box)["width"].group == "Size"
    assert search_space(Box) == {"width": [1, 2]}
    assert get_type_hints(Box)["width"] is int


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 0}, "width is 0, expected at least 1"),
        ({"width": True}, r"wrong type: Expected `int`, got `bool` - at `\$.width`"),
        ({"width": 2.5}, "wrong type: Expected `int`, got `float`"),
        ({"width": None}, "wrong type: Expected `int`, got `null`"),
        ({"shares": "half"}, "wrong type"),
    ],
)
def test_a_wrong_value_is_named(values, message):
    with pytest.raises(InputError, match=message):
        checked(Size, {"width": 3, "shares": None, **values})


def test_numbers_of_numpy_become_plain_ones():
    assert type(checked(Size, {"width": np.int64(2), "shares": (0.5,)}).width) is int


def test_a_parameter_without_a_declaration_is_a_mistake_of_the_programmer():
    class Wrong(Parameters):
        width: int = 3

    with pytest.raises(TypeError, match=r"Wrong\.width has no Parameter in its annotation"):
        declared(Wrong)


def test_what_a_forecaster_leaves_open_is_filled_in_by_the_method():
    for method, usual in BY_METHOD.items():
        training = forecast_training(ForecasterParameters(), method)
        assert {name: getattr(training, name) for name in usual} == usual
        assert forecast_training(ForecasterParameters(max_epochs=7), method).max_epochs == 7
    with pytest.raises(InputError, match="warmup is 30, expected epochs from 0 to below max_epochs"):
        forecast_training(ForecasterParameters(warmup=30), "windows")


def test_parameters_that_contradict_each_other_are_refused_before_anything_is_read():
    for wrong, message in (
        ({"warmup": 60}, "warmup is 60, expected epochs from 0 to below max_epochs"),
        ({"forget_bias": 1.0, "chrono": 20}, "forget_bias is 1.0, expected None: chrono sets the same bias"),
        ({"residual": True}, "residual is True, expected False with one layer"),
        ({"cell_sizes": {"kernel_width": 3}}, "cell_sizes is 'kernel_width', expected none: gru has no others"),
        ({"cell": "qrnn", "cell_sizes": {"kernel_width": 0}}, "cell_sizes is 0, expected at least 1"),
        ({"cell": "qrnn", "cell_sizes": 3}, "cell_sizes is 3, expected sizes by name"),
        ({"activations": "relu"}, "gru leaves 2 activation function"),
        ({"audio": "mfcc"}, "audio is 'mfcc', expected an AudioFeatures"),
    ):
        with pytest.raises(InputError, match=message):
            unrolled.SequenceClassifier(**wrong).fit(object(), object())


def test_estimators_are_compared_by_identity_and_can_be_pickled():
    one, other = unrolled.SequenceTagger(), unrolled.SequenceTagger()
    assert one != other
    assert len({one, other}) == 2
    assert pickle.loads(pickle.dumps(unrolled.Forecaster(horizon=3))).horizon == 3
