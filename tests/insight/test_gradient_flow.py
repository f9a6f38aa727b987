from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence, pad_sequence

from unrolled import InputError, SequenceClassifier, SequenceRegressor, SequenceTagger, nn
from unrolled.cells import CELLS, get_cell
from unrolled.insight import gradient_flow

T, B, H = 6, 3, 4
OWN = {"lstmp": {"proj_size": 3}, "qrnn": {"kernel_width": 3}, "slstm": {"head_size": 2}}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def layers(cell, **options):
    inputs = H if get_cell(cell).square else 2
    return nn.layers_for(cell, inputs, H, dtype=torch.float64, **OWN.get(cell, {}), **options).eval()


def weighted(y, weight):
    """A loss whose gradient with respect to the output is the weight."""
    return (y * weight).sum()


@pytest.mark.parametrize("name", CELLS)
def test_norms_are_those_of_retained_states_and_of_the_cells_own_backward(name):
    cell, layer = get_cell(name), layers(name)
    x = torch.randn(T, B, layer.input_size, dtype=torch.float64)
    weight = torch.randn(*layer(x)[0].shape, dtype=torch.float64)
    flow = gradient_flow(layer, (x, weight), lambda output, weight: weighted(output[0], weight))

    params = {key.removesuffix("_l0"): value.clone() for key, value in layer.inference_parameters().items()}
    arrays = {key: value.numpy() for key, value in params.items()}
    _, _, tape = cell.forward(arrays, x.numpy())
    states = tuple(torch.tensor(state, requires_grad=True) for state in tape[0].before)
    outputs, retained = [], {"h": [], **{memory: [] for memory in cell.memory}}
    for x_t in x:
        h, states, _ = cell.step(cell, params, x_t, *states)
        for memory, steps in retained.items():
            steps.append(h if memory == "h" else states[cell.states.index(memory)])
            steps[-1].retain_grad()
        outputs.append(h)
    weighted(torch.stack(outputs), weight).backward()
    for memory, steps in retained.items():
        expected = [0.0 if s.grad is None else s.grad.norm(dim=1).mean().item() for s in steps]
        np.testing.assert_allclose(flow.state("l0", memory).norms, expected, rtol=1e-9, atol=1e-12, err_msg=memory)

    grads = weight.numpy()
    if cell.hands_on_h:  # what arrives at h[t] is its own gradient and that of the first state of all that follows
        for t in range(T - 1):
            later = cell.backward(arrays, tape[t + 1 :], grads[t + 1 :])["h0"]
            expected = np.linalg.norm(grads[t] + later, axis=1).mean()
            np.testing.assert_allclose(flow.state("l0").norms[t], expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_torch_model_with_layers_directions_and_lengths(name, packed):
    """Against torch's own cells, one sequence at a time."""
    layer = getattr(torch.nn, name)(2, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    sequences = [torch.randn(n, 2, dtype=torch.float64) for n in (6, 4, 1)]
    x = pack_sequence(sequences) if packed else torch.stack([sequences[0]] * B, 1)
    lasts = [layer(s)[0].shape for s in sequences]
    weights = [torch.randn(*shape, dtype=torch.float64) for shape in lasts]
    if not packed:
        sequences, weights = [sequences[0]] * B, [torch.randn(6, 2 * H, dtype=torch.float64) for _ in range(B)]

    def loss(output, weights):
        y = output[0].data if packed else output[0]
        return weighted(y, pack_sequence(weights).data if packed else torch.stack(weights, 1))

    flow = gradient_flow(layer, (x, weights), loss)
    assert type(layer) is getattr(torch.nn, name)
    for k in (0, 1):
        for end in ("", "_reverse"):
            each = [retained_norms(layer, s, w, k, end) for s, w in zip(sequences, weights, strict=True)]
            for state in ("h", "c")[: 1 + (name == "LSTM")]:
                norms = [norm[state] for norm in each]
                found = flow.state(f"l{k}{end}", state)
                expected = [np.mean([n[t] for n in norms if len(n) > t]) for t in range(6)]
                np.testing.assert_allclose(found.norms, expected, rtol=1e-6, atol=1e-12)
                towards = [n if end else n[::-1] for n in norms]
                expected = [np.mean([n[s] for n in towards if len(n) > s]) for s in range(6)]
                np.testing.assert_allclose(found.back, expected, rtol=1e-6, atol=1e-12)


def retained_norms(layer, x, weight, k, end):
    """Norms of the gradients with respect to the retained states of a layer and direction, from torch's cells alone."""
    kept = {}
    inputs = list(x[:, None])
    for index in (0, 1):
        sides = []
        for suffix in ("", "_reverse"):
            cell = getattr(torch.nn, f"{type(layer).__name__}Cell")(inputs[0].shape[1], H, dtype=torch.float64)
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(cell, name).data.copy_(getattr(layer, f"{name}_l{index}{suffix}"))
            state, hs, cs = None, [], []
            for x_t in inputs[::-1] if suffix else inputs:
                state = cell(x_t, state)
                h, c = state if isinstance(state, tuple) else (state, None)
                for tensor, steps in ((h, hs), (c, cs)):
                    if tensor is not None:
                        tensor.retain_grad()
                        steps.append(tensor)
            order = slice(None, None, -1 if suffix else 1)
            sides.append(hs[order])
            kept[index, suffix] = {"h": hs[order], "c": cs[order]}
        inputs = [torch.cat(pair, 1) for pair in zip(*sides, strict=True)]
    weighted(torch.stack(inputs)[:, 0], weight).backward()
    return {name: [s.grad.norm().item() for s in steps] for name, steps in kept[k, end].items()}


def scalar_rnn(u):
    """``h[t] = u h[t-1] + x[t]``."""
    layer = nn.RNN(1, 1, nonlinearity="identity", bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.fill_(1.0)
        layer.weight_hh_l0.fill_(u)
    return layer


def last(output, _):
    return output[0][-1].sum()


@pytest.mark.parametrize(
    ("u", "memory", "says"),
    [
        (0.5, 7, r"below 1 % .* 7 steps back"),
        (1.5, None, r"explodes: 20 steps back it is 3.33e\+03 times"),
        (1.0, None, r"20 steps back, .* is 1 times"),
    ],
)
def test_effective_memory_of_a_linear_recurrence_is_what_its_equation_says(u, memory, says):
    flow = gradient_flow(scalar_rnn(u), (torch.zeros(21, 2, 1, dtype=torch.float64), None), last)
    np.testing.assert_allclose(flow.state("l0").back, u ** np.arange(21.0))
    np.testing.assert_allclose(flow.state("l0").norms, u ** np.arange(20.0, -1, -1))
    assert flow.state("l0").memory == memory
    assert re.search(says, flow.verdict)


def test_the_losses_of_single_steps_make_a_matrix():
    x = torch.zeros(9, 1, 1, dtype=torch.float64)

    def loss(output, _):
        return output[0].sum((1, 2))

    together = gradient_flow(scalar_rnn(0.5), (x, None), lambda output, _: output[0].sum()).state("l0")
    assert together.by_loss is None
    assert together.memory is None  # every step has a loss of its own, so none is forgotten
    apart = gradient_flow(scalar_rnn(0.5), (x, None), loss, each_step=True)
    k, t = np.indices((9, 9))
    np.testing.assert_allclose(apart.state("l0").by_loss, np.where(t <= k, 0.5 ** (k - t), 0))
    np.testing.assert_allclose(apart.state("l0").back, 0.5 ** np.arange(9.0))
    np.testing.assert_allclose(apart.state("l0").norms, together.norms)
    assert apart.state("l0").memory == 7
    assert len(re.findall("<svg", apart.plot().svg)) == 3


def test_a_direction_backwards_has_its_matrix_the_other_way_round():
    layer = torch.nn.GRU(2, H, bidirectional=True, dtype=torch.float64)
    x = torch.randn(5, B, 2, dtype=torch.float64)
    flow = gradient_flow(layer, (x, None), lambda output, _: output[0].square().sum((1, 2)), each_step=True)
    forwards, backwards = flow.state("l0").by_loss, flow.state("l0_reverse").by_loss
    assert (np.triu(forwards, 1) == 0).all()
    assert (np.tril(backwards, -1) == 0).all()
    np.testing.assert_allclose(flow.state("l0_reverse").back[1], np.mean([backwards[k, k + 1] for k in range(4)]))


class Decoder(torch.nn.Module):
    """A layer that is called once a step, beside a frozen one."""

    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.LSTM(2, H, batch_first=True).requires_grad_(False)
        self.decoder = nn.GRU(H, H)

    def forward(self, x):
        _, (h, _) = self.encoder(x)
        y = []
        for _ in range(4):
            out, h = self.decoder(h, h)
            y.append(out)
        return torch.cat(y)


def test_calls_follow_one_another_and_nothing_of_the_model_changes():
    model, x = Decoder(), torch.randn(B, T, 2)
    flow = gradient_flow(model, (x, None), lambda y, _: y[-1].square().sum())
    assert [(f.place, f.state, len(f.norms)) for f in flow.states] == [
        ("encoder.l0", "h", T),
        ("encoder.l0", "c", T),
        ("decoder.l0", "h", 4),
    ]
    model(x)[-1].square().sum().backward()  # by the kernels
    assert flow.parameters.keys() == {f"decoder.{name}" for name in dict(model.decoder.named_parameters())}
    for name, norm in flow.parameters.items():
        assert norm == pytest.approx(model.get_parameter(name).grad.norm().item(), rel=1e-5)
    model.zero_grad()
    with pytest.raises(ZeroDivisionError):
        gradient_flow(model, (x, None), lambda *_: 1 / 0)
    assert type(model.encoder) is torch.nn.LSTM
    assert type(model.decoder) is nn.GRU
    assert model.decoder.watch is None
    assert not any(weight.requires_grad for weight in model.encoder.parameters())
    assert all(weight.grad is None for weight in model.parameters())


def made(n, rng):
    return [rng.normal(size=(rng.integers(3, 9), 2)) for _ in range(n)]


@pytest.fixture(scope="module")
def items():
    rng = np.random.default_rng(0)
    X = made(12, rng)
    return X, ["up" if x.mean() > 0 else "down" for x in X]


SMALL = {"hidden_size": H, "max_epochs": 2, "members": 1, "random_state": 0}


def test_a_classifier_has_the_loss_of_its_fit(items):
    X, y = items
    model = SequenceClassifier(cell="lstm", convolutions=False, **SMALL).fit(X, y)
    flow = gradient_flow(model, (X[:4], y[:4]))
    chosen = model.predict_proba(X[:4])[np.arange(4), [model.classes_.tolist().index(c) for c in y[:4]]]
    assert flow.loss == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
    assert {"h", "c"} == {f.state for f in flow.states}
    frame = flow.to_frame()
    assert frame.columns == ["place", "state", "step", "norm"]
    assert len(frame) == sum(len(f.norms) for f in flow.states)


def test_a_regressor_and_a_tagger_too(items):
    X, _ = items
    y = [x.sum() for x in X]
    model = SequenceRegressor(convolutions=False, **SMALL).fit(X, y)
    scale = np.std(y)
    error = np.mean((model.predict(X) - y) ** 2) / scale**2
    assert gradient_flow(model, (X, y)).loss == pytest.approx(error, rel=1e-4)
    tags = [["A" if v > 0 else "B" for v in x[:, 0]] for x in X]
    tagger = SequenceTagger(crf=False, **SMALL).fit(X, tags)
    p = tagger.predict_proba(X)
    logs = [np.log(p[n][t, "AB".index(tag)]) for n, each in enumerate(tags) for t, tag in enumerate(each)]
    assert gradient_flow(tagger, (X, tags)).loss == pytest.approx(-np.mean(logs), rel=1e-4)


def test_what_cannot_be_looked_into_is_refused_with_the_reason(items):
    X, y = items
    pair = (torch.zeros(3, 1, 2), None)
    gru = torch.nn.GRU(2, 3)
    with pytest.raises(InputError, match=r"no recurrent layer to look into: the model has no layer"):
        gradient_flow(torch.nn.Linear(2, 1), pair, last)
    with pytest.raises(InputError, match=r"expected a torch\.nn\.Module, got dict"):
        gradient_flow({}, pair, last)
    with pytest.raises(InputError, match=r"data is a Tensor, expected a pair"):
        gradient_flow(gru, pair[0], last)
    with pytest.raises(InputError, match=r"a module needs loss="):
        gradient_flow(gru, pair)
    with pytest.raises(InputError, match=r"loss gave \(3, 1, 3\), expected a scalar"):
        gradient_flow(gru, pair, lambda output, _: output[0])
    with pytest.raises(InputError, match=r"loss gave \(\), expected a tensor \[T\]"):
        gradient_flow(gru, pair, last, each_step=True)
    with pytest.raises(InputError, match=r"2 losses, but l0 took 3 steps"):
        gradient_flow(gru, pair, lambda output, _: output[0].sum((1, 2))[:2], each_step=True)
    with pytest.raises(InputError, match="does not depend on anything"):
        gradient_flow(gru, pair, lambda output, _: output[0].detach().sum())
    with pytest.raises(InputError, match="no state 'c' of 'l0'; there are l0 h"):
        gradient_flow(gru, pair, last).state("l0", "c")
    with pytest.raises(InputError, match=r"not fitted|fit"):
        gradient_flow(SequenceClassifier(), (X, y))
    model = SequenceClassifier(convolutions=False, **SMALL).fit(X, y)
    with pytest.raises(InputError, match="has the loss of its fit"):
        gradient_flow(model, (X, y), last)
    with pytest.raises(InputError, match="member"):
        gradient_flow(model, (X, y), member=1)
    with pytest.raises(InputError, match="label 'sideways' of sequence 0"):
        gradient_flow(model, (X, ["sideways"] * len(X)))

    class Own(torch.nn.GRU):
        pass

    with pytest.raises(InputError, match="no recurrent layer to look into: the model: Own is a class of its own"):
        gradient_flow(Own(2, 3), pair, last)
    with pytest.raises(InputError, match="QRNN: steps of two directions cannot be watched"):
        gradient_flow(nn.QRNN(2, 3, bidirectional=True), pair, last)
    with pytest.raises(InputError, match="return_gates=True while its steps are watched"):
        gradient_flow(Gated(), pair, last)


class Gated(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.GRU(2, 3)

    def forward(self, x):
        return self.layer(x, return_gates=True)


def test_padding_past_the_lengths_has_no_gradient_and_no_part_in_the_means():
    layer = nn.GRU(2, H, dtype=torch.float64)
    sequences = [torch.randn(n, 2, dtype=torch.float64) for n in (2, 5)]  # the shorter one first
    x, lengths = pad_sequence(sequences), torch.tensor([2, 5])

    def loss(output, _):
        return output[1].square().sum()

    flow = gradient_flow(layer, ((x, None, lengths), None), loss).state("l0")
    alone = [gradient_flow(layer, (s, None), loss).state("l0").norms for s in sequences]
    expected = [(alone[0][t] + alone[1][t]) / 2 for t in range(2)] + alone[1][2:].tolist()
    np.testing.assert_allclose(flow.norms, expected)
    np.testing.assert_allclose(flow.back[:2], [(alone[0][-1 - s] + alone[1][-1 - s]) / 2 for s in range(2)])
