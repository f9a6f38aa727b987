"""The numbers that show where texts on recurrent networks slip, against what theory says of them."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def errata():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)
        yield importlib.import_module("errata")


def test_update_gate_of_one_replaces_the_state_in_the_articles_equation(errata):
    numbers = errata.update_gate_of_the_article()
    assert numbers["z = 1: distance to the candidate"] == 0
    assert numbers["z = 1: distance to the old state"] > 1
    assert numbers["distance to our cell with z's sign flipped"] < 1e-15


def test_a_loss_with_two_minus_signs_is_negative_and_unlearns(errata):
    numbers = errata.loss_with_two_minus_signs()
    probabilities = np.exp([0.5, -0.3, 0.1]) / np.exp([0.5, -0.3, 0.1]).sum()
    assert numbers["the loss as printed"] == pytest.approx(np.log(probabilities[1]), rel=1e-14)
    assert numbers["probability of the target before a step"] == pytest.approx(probabilities[1], rel=1e-14)
    assert numbers["probability of the target after a step"] < 0.1


def test_reset_gate_gradient_is_right_only_for_one_unit_and_never_without_the_slope_of_tanh(errata):
    several, single = errata.reset_gate_gradient(8), errata.reset_gate_gradient(1)
    assert several["derivation"] > 1
    assert several["lecture"] > 1
    assert single["derivation"] < 1e-14
    assert single["lecture"] > 0.5


def test_jacobian_needs_the_slope_of_its_own_step(errata):
    numbers = errata.jacobian_one_step_early()
    assert numbers["slope of step i"] < 1e-14
    assert numbers["slope of step i-1"] > 1


def test_lstm_without_the_gate_path_is_off_by_a_tenth_from_three_steps_on(errata):
    assert errata.lstm_without_the_gate_path(steps=2) < 1e-15
    assert errata.lstm_without_the_gate_path(steps=3) > 0.001
    assert errata.lstm_without_the_gate_path() == pytest.approx(0.08, abs=0.04)


def test_rnn_needs_the_transpose(errata):
    assert errata.rnn_without_the_transpose() > 0.5


def test_lambda_above_one_is_not_enough_to_explode(errata):
    assert errata.largest_lyapunov_exponent(1.5) == pytest.approx(-0.13, abs=0.03)
    assert errata.largest_lyapunov_exponent(0.9) < np.log(0.9)
    assert errata.largest_lyapunov_exponent(3.0) > 0
    assert errata.largest_lyapunov_exponent(3.0) < np.log(3.0)
