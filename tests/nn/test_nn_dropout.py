from __future__ import annotations

import pytest
import torch

from unrolled.nn import GRU, LSTM


@pytest.mark.parametrize("batch_first", [False, True], ids=["time first", "batch first"])
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_the_same_seed_drops_what_torch_drops(name, batch_first, twins, assert_close):
    pair = twins(name, 3, 5, 3, dropout=0.4, batch_first=batch_first, bidirectional=True, dtype=torch.float64)
    x = torch.randn(7, 4, 3, dtype=torch.float64)
    outputs = []
    for module in pair:
        torch.manual_seed(5)
        outputs.append(module(x)[0])
    assert_close(outputs[1], outputs[0])


def test_the_share_that_is_dropped():
    """A second layer that hands on its input shows which outputs of the first were dropped and how the rest grew."""
    from unrolled.nn import RNN

    rnn = RNN(1, 50, 2, nonlinearity="relu", dropout=0.3)
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.zero_()
        rnn.bias_ih_l0.fill_(1.0)
        rnn.weight_ih_l1.copy_(torch.eye(50))
        y, _ = rnn(torch.zeros(100, 20, 1))
    dropped = (y == 0).double().mean()
    assert abs(dropped - 0.3) < 4 * (0.3 * 0.7 / y.numel()) ** 0.5
    assert torch.allclose(y[y != 0], torch.tensor(1 / 0.7))


def test_evaluation_drops_nothing(twins, assert_close):
    pair = twins("LSTM", 3, 5, 2, dropout=0.9, dtype=torch.float64)
    x = torch.randn(7, 4, 3, dtype=torch.float64)
    outputs = [module.eval()(x)[0] for module in pair]
    assert_close(outputs[1], outputs[0])
    plain = LSTM(3, 5, 2, dtype=torch.float64)
    plain.load_state_dict(pair.ours.state_dict())
    assert torch.equal(plain(x)[0], outputs[1])


def test_nothing_is_dropped_after_the_last_layer():
    gru = GRU(2, 30, 2, dropout=0.5)
    assert (gru(torch.randn(4, 3, 2))[0] != 0).all()


@pytest.mark.parametrize("lengths", [None, [6, 3, 0]], ids=["padded", "lengths"])
def test_forward_and_backward_use_the_same_mask(lengths):
    gru = GRU(2, 3, 3, dropout=0.5, bidirectional=True, dtype=torch.float64)
    x = torch.randn(6, 3, 2, dtype=torch.float64, requires_grad=True)

    def run(x):
        torch.manual_seed(3)
        return gru(x, lengths=lengths)[0]

    assert torch.autograd.gradcheck(run, (x,), nondet_tol=0.0)
    torch.manual_seed(3)
    first = gru(x, lengths=lengths)[0]
    assert not torch.equal(gru(x, lengths=lengths)[0], first)


def test_dropout_without_a_layer_that_it_could_follow_warns():
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        GRU(2, 3, dropout=0.5)
