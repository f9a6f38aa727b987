from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import InputError, nn
from unrolled.cells import CELLS
from unrolled.insight import movements
from unrolled.nn import layers_for


@pytest.mark.parametrize("name", [name for name in CELLS if name not in ("qrnn", "lstmp")])
def test_movements_are_differences_of_outputs(name):
    torch.manual_seed(0)
    layer, x = layers_for(name, 3, 3, num_layers=2).eval(), torch.randn(7, 2, 3)
    h = layer(x)[0].detach().numpy()
    found = movements(layer, x)["l1"]
    np.testing.assert_allclose(found.values[1:], np.abs(np.diff(h, axis=0)), atol=1e-5)
    np.testing.assert_allclose(found.values[0], np.abs(h[0]), atol=1e-5)


def test_backwards_with_lengths():
    torch.manual_seed(0)
    layer = nn.LSTM(2, 3, bidirectional=True)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(x, lengths=[6, 4])

    x = torch.randn(6, 2, 2)
    h = layer(x, lengths=[6, 4])[0].detach().numpy()[..., 3:]
    found = movements(Model(), x)["layer.l0_reverse"]
    for b, length in enumerate((6, 4)):
        after = np.concatenate([h[1:length, b], np.zeros((1, 3))])
        np.testing.assert_allclose(found.values[:length, b], np.abs(h[:length, b] - after), atol=1e-6)
    assert np.isnan(found.values[4:, 1]).all()
    assert found.to_frame().shape == (10 * 3, 4)


def pulse():
    """h = x, but for the second unit, which does nothing."""
    layer = torch.nn.RNN(1, 2, nonlinearity="relu")
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.weight_ih_l0[0] = 1.0
    x = torch.zeros(10, 2, 1)
    x[4, 1], x[7, 0] = 3.0, 1.0
    return movements(layer, x)["l0"]


def test_the_steps_that_move_a_unit_most():
    found = pulse()
    assert found.top(0, 3) == [(4, 1, 3.0), (5, 1, 3.0), (7, 0, 1.0)]
    assert found.top(1, 1) == [(0, 0, 0.0)]
    np.testing.assert_allclose(found.by_unit, [8 / 20, 0])
    assert found.by_step.argmax() == 4
    assert str(found) == (
        "l0: 1 of 2 units and 2 of 40 single movements have half of all; unit 0 moves most, 0.4 a step, and furthest at step 4 of"
        " sequence 1, by 3"
    )
    svg = found.plot(1).svg
    assert "1 is 3" in svg
    assert svg.count(": 1.00</title>") == 2
    with pytest.raises(InputError, match="sequence is 2, expected a whole number from 0 to 1"):
        found.plot(2)
    with pytest.raises(InputError, match="unit is 2, expected a whole number from 0 to 1"):
        found.top(2)
    with pytest.raises(InputError, match="count is 0"):
        found.top(0, 0)


def test_what_does_not_move_or_is_not_finite_is_said():
    layer = torch.nn.RNN(1, 2, bias=False)
    assert str(movements(layer, torch.zeros(4, 1, 1))["l0"]) == "l0: nothing moves"
    found = movements(torch.nn.RNN(1, 2, nonlinearity="relu"), torch.full((4, 1, 1), torch.inf))["l0"]
    assert str(found) == "l0: outputs are not finite"
