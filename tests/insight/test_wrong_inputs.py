"""What insight refuses, and what it says of numbers that are not finite."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import InputError, SequenceClassifier, insight

TINY = {"weight_ih": np.ones((2, 1)), "weight_hh": np.eye(2), "bias_ih": np.zeros(2), "bias_hh": np.zeros(2)}
CELL = "rnn_tanh", TINY
STEPS = np.random.default_rng(0).normal(size=(6, 2, 1))


def last(output, _):
    return output[0][-1].square().mean()


class Twice(torch.nn.Module):
    """One layer that reads two sequences."""

    def __init__(self, *, passed_on):
        super().__init__()
        self.rnn, self.passed_on = torch.nn.GRU(1, 3), passed_on

    def forward(self, x):
        _, state = self.rnn(x)
        return self.rnn(x, state if self.passed_on else None)


def test_calls_that_do_not_go_on_from_each_other_are_no_sequence():
    x = torch.randn(4, 2, 1)
    flow = insight.gradient_flow(Twice(passed_on=True), (x, None), last)
    assert len(flow.states[0].norms) == 8
    with pytest.raises(InputError, match=r"rnn\.l0 ran in several calls"):
        insight.gradient_flow(Twice(passed_on=False), (x, None), last)
    with pytest.raises(InputError, match=r"rnn\.l0 ran in several calls"):
        insight.jacobians(Twice(passed_on=False), x, place="rnn.l0")


@pytest.mark.parametrize("layer", [torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU])
def test_numbers_that_are_not_finite_are_said_to_be(layer):
    x = torch.full((4, 2, 1), torch.nan)
    assert "not finite" in str(insight.gradient_flow(layer(1, 3), (x, None), last))
    assert "not finite" in str(insight.jacobians(layer(1, 3), x))


def test_an_empty_batch_has_no_gradient():
    flow = insight.gradient_flow(torch.nn.GRU(1, 3), (torch.zeros(5, 0, 1), None), lambda output, _: output[0].sum())
    assert flow.states[0].norms.tolist() == [0.0] * 5


def test_a_network_is_named_by_a_number():
    model = SequenceClassifier(hidden_size=2, max_epochs=1, members=1, random_state=0)
    model.fit([np.ones((3, 1)), np.zeros((3, 1))] * 4, [0, 1] * 4)
    data = [np.ones((3, 1))], [0]
    for look in (insight.gradient_flow, insight.gates, insight.jacobians, insight.fixed_points):
        with pytest.raises(InputError, match="member is 'a', expected a whole number"):
            look(model, data, member="a")
        with pytest.raises(InputError, match="member is 1, expected 0"):
            look(model, data, member=1)
        with pytest.raises(InputError, match="data is a tuple of 3"):
            look(model, (*data, 1))
        options = {"loss": last} if look is insight.gradient_flow else {}
        with pytest.raises(InputError, match="member is 1, but a module is one network"):
            look(torch.nn.GRU(1, 2), (torch.ones(3, 1, 1), None), member=1, **options)
    with pytest.raises(InputError, match="a cell is one layer of one network"):
        insight.jacobians(CELL, STEPS, place="l0")


def test_half_precision_is_refused_with_the_way_out():
    layer = torch.nn.GRU(1, 2).half()
    with pytest.raises(InputError, match=r"the model: weight_ih_l0 is torch.float16, .*: \.float\(\) converts it"):
        insight.gates(layer, torch.ones(3, 1, 1).half())


@pytest.mark.parametrize("loss", [lambda *_: np.float64(1), lambda *_: 1.0, lambda *_: None])
def test_a_loss_is_a_tensor(loss):
    with pytest.raises(InputError, match="expected a tensor of torch"):
        insight.gradient_flow(torch.nn.GRU(1, 3), (torch.zeros(5, 1, 1), None), loss)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"starts": 2.5}, "starts is 2.5"), ({"starts": "a"}, "starts is 'a'"), ({"seed": -1}, "seed is -1"),
        ({"noise": None}, "noise is None"), ({"noise": np.inf}, "noise is inf"), ({"slow": -1.0}, "slow is -1.0"),
        ({"x": "a"}, "x is 'a', expected 1 finite numbers"), ({"x": [np.nan]}, "expected 1 finite numbers"),
    ],
)  # fmt: skip
def test_options_of_the_search(given, message):
    with pytest.raises(InputError, match=message):
        insight.fixed_points(CELL, STEPS, **given)


@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        (CELL, 3, r"expected \[T, B, I\]"), (("rnn_tanh",), STEPS, "a pair of its name and its parameters"),
        ((1, 2), STEPS, "a pair of its name"), ("rnn_tanh", STEPS, "expected a torch.nn.Module, got str"),
    ],
)  # fmt: skip
def test_a_cell_is_a_pair(model, inputs, message):
    with pytest.raises(InputError, match=message):
        insight.jacobians(model, inputs)
