"""The numbers of a network unrolled over time, beside torch's autograd of every cell, and some worked out by hand."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from unrolled import insight
from unrolled.cells import CELLS, get_cell
from unrolled.errors import InputError
from unrolled.insight.equations import equations_of

T, H, O = 4, 4, 3


def network(name: str, seed: int = 0) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Parameters of a cell and of an output layer, inputs, and targets of which one step has none."""
    rng, cell = np.random.default_rng(seed), get_cell(name)
    I = H if cell.square else 2
    shapes = cell.parameter_shapes(input_size=I, hidden_size=H)
    params = {key: rng.normal(size=shape) / 2 for key, shape in shapes.items()}
    width = cell.state_sizes(input_size=I, hidden_size=H).get("h", H)
    V = {"weight": rng.normal(size=(O, width)), "bias": rng.normal(size=O)}
    y = np.eye(O)[rng.integers(O, size=T)]
    y[1] = np.nan
    return params, V, rng.normal(size=(T, I)), y


def in_torch(name: str) -> dict[str, Any]:
    """The same by torch: parameters apart for each step, so that their gradients are the parts; states retained."""
    cell = get_cell(name)
    params, V, x, y = network(name)
    apart = [{key: torch.tensor(value, requires_grad=True) for key, value in params.items()} for _ in range(T)]
    out = {key: torch.tensor(value) for key, value in V.items()}
    widths = cell.state_sizes(input_size=x.shape[1], hidden_size=H)
    start = [
        torch.full((1, n), cell.initial.get(k, 0.0), dtype=torch.double, requires_grad=True) for k, n in widths.items()
    ]
    states, loss, kept = tuple(start), torch.zeros((), dtype=torch.double), []
    for t in range(T):
        x_t = torch.tensor(x[t : t + 1], requires_grad=True)
        h, states, _ = cell.step(cell, apart[t], x_t, *states)
        states = tuple(state.clone() for state in states) if not cell.hands_on_h else states
        here = dict(zip(cell.states, states, strict=True)) | {"h": h, "x": x_t}
        for tensor in here.values():
            tensor.retain_grad()
        kept.append(here)
        if not np.isnan(y[t]).any():
            q = h @ out["weight"].T + out["bias"]
            loss = loss - (torch.tensor(y[t]) * q.log_softmax(1)).sum()
    loss.backward()
    return {"loss": loss.item(), "kept": kept, "apart": apart, "start": dict(zip(cell.states, start, strict=True))}


def gradient(tensor: torch.Tensor) -> np.ndarray:
    return np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()


@pytest.mark.parametrize("name", sorted(CELLS))
def test_every_number_is_torchs(name: str) -> None:
    params, V, x, y = network(name)
    view, theirs = insight.unrolled_view((name, params), x, y, output=("softmax", V)), in_torch(name)
    assert view.loss == pytest.approx(theirs["loss"], abs=1e-10)
    for key in {"h", "x"} | (set(get_cell(name).states) if get_cell(name).hands_on_h else set()):
        of_torch = np.stack([gradient(step[key])[0] for step in theirs["kept"]])
        np.testing.assert_allclose(
            view.forward[key], np.stack([s[key].detach().numpy()[0] for s in theirs["kept"]]), atol=1e-12
        )
        if key in ("h", "x"):
            np.testing.assert_allclose(view.gradients[key], of_torch, atol=1e-10, err_msg=key)
    for key in params:
        parts = np.stack([gradient(step[key]) for step in theirs["apart"]])
        np.testing.assert_allclose(view.parts[key], parts, atol=1e-10, err_msg=key)
    for key, start in theirs["start"].items():
        np.testing.assert_allclose(view.initial_gradients[key], gradient(start)[0], atol=1e-10)
    whole = get_cell(name).backward(
        params, get_cell(name).forward(params, x[:, None])[2], (view.gradients["q"] @ V["weight"])[:, None]
    )
    for key in params:
        np.testing.assert_allclose(view.parameters[key], whole[key], atol=1e-10)


def shifted(name: str, quantity: str, t: int, unit: int, by: float) -> float:
    """The loss where a pre-activation or a state of one step is moved."""
    cell = get_cell(name)
    params, V, x, y = network(name)
    states: tuple[np.ndarray, ...] | None = None
    h = np.zeros((T, cell.state_sizes(input_size=x.shape[1], hidden_size=H).get("h", H)))
    for step in range(T):
        own = dict(params)
        if step == t and quantity.startswith("a"):
            gate = cell.gates.index(quantity[2:]) if quantity != "a" else 0
            if name == "gru2" and quantity != "a_n":  # a GRU1 without biases
                own["bias_ih"] = np.concatenate([np.zeros(2 * H), own["bias_ih"]])
                own["bias_hh"] = np.concatenate([np.zeros(2 * H), own["bias_hh"]])
            moved = np.zeros(len(cell.gates) * H)
            moved[gate * H + unit] = by
            if quantity[2:] in cell.biased or quantity == "a" or name == "gru2":
                place = (
                    moved
                    if len(own["bias_ih"]) == len(moved)
                    else np.concatenate([moved[cell.gates.index(g) * H :][:H] for g in cell.biased])
                )
                own["bias_ih"] = own["bias_ih"] + place
                used = get_cell("gru1") if name == "gru2" and quantity != "a_n" else cell
                out, states, _ = used.forward(own, x[step : step + 1, None], states)
            else:  # of an SRU: the weight of one more input, which is 1
                own["weight_ih"] = own["weight_ih"] + np.outer(moved, x[step]) / (x[step] @ x[step])
                out, states, _ = cell.forward(own, x[step : step + 1, None], states)
        else:
            out, states, _ = cell.forward(own, x[step : step + 1, None], states)
        h[step] = out[0, 0]
    told = ~np.isnan(y).any(1)
    q = (h @ V["weight"].T + V["bias"])[told]
    return float(-(y[told] * (q - np.log(np.exp(q).sum(1, keepdims=True)))).sum())


@pytest.mark.parametrize("name", sorted(CELLS))
def test_gradients_of_pre_activations_are_finite_differences(name: str) -> None:
    params, V, x, y = network(name)
    view = insight.unrolled_view((name, params), x, y, output=("softmax", V))
    quantities = [key for key in view.gradients if key == "a" or key.startswith("a_")]
    assert len(quantities) == len(get_cell(name).gates)
    for quantity in quantities:
        for t, unit in ((0, 1), (2, 0)):
            up, down = (shifted(name, quantity, t, unit, by) for by in (1e-6, -1e-6))
            assert view.gradients[quantity][t, unit] == pytest.approx((up - down) / 2e-6, abs=1e-7), (quantity, t)


@pytest.mark.parametrize("name", sorted(CELLS))
def test_pre_activations_are_what_the_gates_are_made_of(name: str) -> None:
    params, V, x, _ = network(name)
    view = insight.unrolled_view((name, params), x, output=("softmax", V))
    assert not view.gradients
    sigma = {key: 1 / (1 + np.exp(-value)) for key, value in view.forward.items()}
    for key in [key for key in view.forward if key.startswith("a_")]:
        gate, a = view.forward[key[2:]], view.forward[key]
        assert any(np.allclose(gate, made, atol=1e-12) for made in (sigma[key], np.tanh(a), a, np.maximum(a, 0))), key
    if name in ("rnn_tanh", "rnn_relu", "rnn_identity", "irnn", "indrnn"):
        phi = {"rnn_tanh": np.tanh, "rnn_identity": lambda a: a}.get(name, lambda a: np.maximum(a, 0))
        np.testing.assert_allclose(view.forward["h"], phi(view.forward["a"]), atol=1e-12)


@pytest.mark.parametrize(
    "name", ["lstm", "lstm_peephole", "lstm_layer_norm", "lstmp", "lstm_cifg", "slstm", "sru", "qrnn"]
)
def test_the_gradient_of_a_cell_state_has_what_its_own_step_makes_of_it(name: str) -> None:
    """By finite differences: the cell state after step t is moved before the output of that step reads it."""
    params, V, x, y = network(name)
    view = insight.unrolled_view((name, params), x, y, output=("softmax", V))
    cell = get_cell(name)
    index = cell.states.index("c")
    tape = cell.forward(params, x[:, None])[2]
    t, step = 2, 1e-6
    now = tape[t]

    def loss(moved: np.ndarray) -> float:
        """Of steps t and later, of the cell state that step t has made."""
        out = _read(name, params, now, moved)
        states = list(now.after)
        states[index] = moved
        if cell.hands_on_h:
            states[cell.states.index("h")] = out
        h = [out[0]]
        for later in range(t + 1, T):
            made, after, _ = cell.forward(params, x[later : later + 1, None], tuple(states))
            states = list(after)
            h.append(made[0, 0])
        q = np.stack(h) @ V["weight"].T + V["bias"]
        return float(-(y[t:] * (q - np.log(np.exp(q).sum(1, keepdims=True)))).sum())

    for unit in range(H):
        direction = step * np.eye(H)[unit]
        c = now.after[index]
        difference = (loss(c + direction) - loss(c - direction)) / (2 * step)
        assert view.gradients["c"][t, unit] == pytest.approx(difference, abs=1e-7)


def _read(name: str, params: dict[str, np.ndarray], now: Any, c: np.ndarray) -> np.ndarray:
    """``h`` of a cell state, by the equations."""
    gates = now.gates
    if name == "slstm":
        return gates["o"] * c / now.after[2]
    if name == "sru":
        return gates["r"] * c + (1 - gates["r"]) * gates["k"]
    if name == "qrnn":
        return gates["o"] * c
    o = gates["o"]
    if name == "lstm_peephole":
        logit = np.log(o / (1 - o)) + params["weight_ch"][2 * H :] * (c - now.after[1])
        o = 1 / (1 + np.exp(-logit))
    if name == "lstm_layer_norm":
        normal = (c - c.mean()) / np.sqrt(c.var() + 1e-5)
        return o * np.tanh(params["weight_ln_c"] * normal + params["bias_ln_c"])
    return o * np.tanh(c) @ params["weight_hr"].T if name == "lstmp" else o * np.tanh(c)


def test_two_steps_by_hand() -> None:
    """One unit, W = 0.5, U = 2, b = 0.1, V = 3, b_y = 0; x = 1, −1; y = 1, 0; half the squared error."""
    params = {"weight_ih": [[0.5]], "weight_hh": [[2.0]], "bias_ih": [0.1], "bias_hh": [0.0]}
    view = insight.unrolled_view(
        ("rnn_tanh", params), [[1.0], [-1.0]], [[1.0], [0.0]], output=("linear", {"weight": [[3.0]], "bias": [0.0]})
    )
    h1 = math.tanh(0.6)
    h2 = math.tanh(-0.5 + 2 * h1 + 0.1)
    q1, q2 = 3 * h1 - 1, 3 * h2
    da2 = (1 - h2**2) * 3 * q2
    dh1 = 3 * q1 + 2 * da2
    da1 = (1 - h1**2) * dh1
    assert view.forward["a"].ravel() == pytest.approx([0.6, -0.4 + 2 * h1])
    assert view.forward["h"].ravel() == pytest.approx([h1, h2])
    assert view.forward["error"] == pytest.approx([q1**2 / 2, q2**2 / 2])
    assert view.gradients["h"].ravel() == pytest.approx([dh1, 3 * q2])
    assert view.gradients["a"].ravel() == pytest.approx([da1, da2])
    assert view.parts["weight_hh"].ravel() == pytest.approx([0.0, da2 * h1])
    assert view.parts["weight_ih"].ravel() == pytest.approx([da1, -da2])
    assert view.parameters["weight_ih"].item() == pytest.approx(da1 - da2)
    assert view.parts["V"].ravel() == pytest.approx([q1 * h1, q2 * h2])
    assert view.initial_gradients["h"].item() == pytest.approx(2 * da1)


def test_binary_targets_and_no_output_layer() -> None:
    params = {"weight_ih": [[1.0]], "weight_hh": [[0.0]]}
    view = insight.unrolled_view(
        ("rnn_identity", params), [[0.0]], [[1.0]], output=("sigmoid", {"weight": [[1.0]], "bias": [0.0]})
    )
    assert view.loss == pytest.approx(math.log(2))
    assert view.gradients["q"].item() == pytest.approx(-0.5)
    bare = insight.unrolled_view(("rnn_identity", params), [[2.0]], [[1.0]])
    assert (bare.loss, bare.gradients["h"].item()) == (0.5, 1.0)
    assert "q" not in bare.forward


def test_initial_states_are_given_and_differentiated() -> None:
    params = {"weight_ih": [[0.0]], "weight_hh": [[0.5]]}
    view = insight.unrolled_view(("rnn_identity", params), [[0.0]], [[0.0]], states=[[4.0]])
    assert (view.forward["h"].item(), view.initial["h"].item(), view.initial_gradients["h"].item()) == (2.0, 4.0, 1.0)


@pytest.mark.parametrize("name", sorted(CELLS))
def test_every_cell_is_drawn_with_its_equations(name: str) -> None:
    equations = equations_of(get_cell(name))
    assert equations.forward
    assert equations.backward
    for line in (*equations.forward, *equations.backward):
        assert not set("\\{}") & set(line.replace("{r,z}", "")), line
    view = insight.worked_example("words", cell=name, hidden_size=4)
    figure = ElementTree.fromstring(view.plot().svg)
    words = "".join(figure.itertext())
    assert "learning" in words
    assert equations.forward[0] in words
    assert len(view.to_frame().columns) == 5


def test_variants_show_their_own_equations() -> None:
    assert "a_s = b_s" in equations_of(get_cell("gru3")).forward
    assert {"f = 1 - i", "p = 0"} <= set(equations_of(get_cell("lstm_cifg")).forward)
    assert "p = 0" not in equations_of(get_cell("lstm_peephole")).forward
    assert "φ = relu" in equations_of(get_cell("irnn")).forward


def test_the_worked_examples() -> None:
    """What texts compute with: five prices, of which the last has no next one, and a sentence of four words."""
    prices = insight.worked_example("prices")
    assert (prices.inputs, prices.targets) == (("100", "102", "105", "107", "110"), ("102", "105", "107", "110", ""))
    assert np.isnan(prices.forward["error"]).tolist() == [False] * 4 + [True]
    assert not prices.gradients["h"][4].any()
    assert prices.forward["x"].mean() == pytest.approx(0)
    learned = insight.worked_example("prices", hidden_size=4, passes=1000)
    assert learned.loss < prices.loss / 100
    said = insight.worked_example("words", hidden_size=4, passes=300, cell="gru").forward["prediction"]
    assert said[:3].argmax(1).tolist() == [1, 2, 3]


def test_prices_as_they_are_saturate_the_network() -> None:
    """At 100 a tanh is flat: next to nothing of the error reaches W and U."""
    raw = insight.worked_example("prices", scaled=False, seed=3)
    assert np.abs(raw.gradients["a"]).max() < 1e-6 * np.abs(raw.gradients["h"]).max()


def test_a_picture_of_some_steps() -> None:
    view = insight.worked_example("prices")
    words = "".join(ElementTree.fromstring(view.plot(start=3, steps=2).svg).itertext())
    assert "t = 4" in words
    assert "t = 3" not in words
    big = insight.unrolled_view(("rnn_tanh", {"weight_ih": np.ones((9, 1)), "weight_hh": np.eye(9)}), [[1.0]])
    assert "… of 9" in big.plot().svg
    assert "E[t]" not in big.plot().svg
    assert str(big) == "rnn_tanh over 1 step: forward only, without targets"
    hostile = insight.unrolled_view(
        ("rnn_tanh", {"weight_ih": [[1.0]], "weight_hh": [[1.0]]}), [[1.0]], inputs=["<b>&"]
    )
    assert "&lt;b&gt;&amp;" in hostile.plot().svg


PARAMS = {"weight_ih": [[1.0]], "weight_hh": [[1.0]]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"cell": "rnn_tanh"}, "expected a pair of the name of a cell"),
        ({"cell": ("no", PARAMS)}, "unknown cell 'no'"),
        ({"x": [1.0]}, "expected numbers \\[T, I\\]"),
        ({"x": [[np.inf]]}, "not finite"),
        ({"y": [[1.0], [2.0]]}, "expected \\[1, 1\\]"),
        ({"y": [[np.nan]]}, "no step with a target"),
        ({"output": "linear"}, "expected a pair"),
        ({"output": ("relu", {"weight": [[1.0]], "bias": [0.0]})}, "unknown activation 'relu'"),
        ({"output": ("softmax", {"weight": [[1.0]], "bias": [0.0]}), "y": [[2.0]]}, "probability distribution"),
        ({"inputs": ["a", "b"]}, "inputs has 2 words, expected 1"),
        ({"states": [[0.0], [0.0]]}, "1 state"),
        ({"cell": ("rnn_tanh[tanh|2.0]", PARAMS)}, "leave the clip out"),
    ],
)
def test_what_does_not_fit_is_named(arguments: dict[str, Any], words: str) -> None:
    given = {"cell": ("rnn_tanh", PARAMS), "x": [[1.0]], **arguments}
    with pytest.raises(InputError, match=words):
        insight.unrolled_view(**given)


def test_wrong_steps_and_examples_are_named() -> None:
    with pytest.raises(InputError, match="expected 0 to 4: there are 5 steps"):
        insight.worked_example().plot(start=5)
    with pytest.raises(InputError, match="no example 'tides'; there are prices and words"):
        insight.worked_example("tides")  # type: ignore[arg-type]
