"""Activation functions, clipping, peepholes and coupled gates against ONNX Runtime's own recurrent operators, in float32."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from unrolled.cells import ACTIVATIONS, CELLS, Activation

ONNX_NAMES = {
    "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "hard_sigmoid": "HardSigmoid", "leaky_relu": "LeakyRelu",
    "thresholded_relu": "ThresholdedRelu", "affine": "Affine", "scaled_tanh": "ScaledTanh", "elu": "Elu",
    "softsign": "Softsign", "softplus": "Softplus",
}  # fmt: skip
CONSTANTS = {
    "hard_sigmoid": (0.3, 0.4), "leaky_relu": (0.05,), "thresholded_relu": (0.3,), "affine": (0.6, 0.1),
    "scaled_tanh": (1.7, 0.6), "elu": (0.8,),
}  # fmt: skip
OURS = {"RNN": "h", "GRU": "rzn", "LSTM": "ifgo"}
THEIRS = {"RNN": "h", "GRU": "zrn", "LSTM": "iofg"}


def activation(name):
    return Activation(name, *CONSTANTS.get(name, ()))


def arranged(operator, array):
    """Blocks of gates in ONNX's order."""
    blocks = dict(zip(OURS[operator], np.split(array, len(OURS[operator])), strict=True))
    return np.concatenate([blocks[gate] for gate in THEIRS[operator]])


def run_onnx(operator, case, peepholes=None, **attributes):
    """Outputs and last states of a model of one node."""
    T, B, _ = case.x.shape
    feeds = {
        "X": case.x,
        "W": arranged(operator, case.params["weight_ih"])[None],
        "R": arranged(operator, case.params["weight_hh"])[None],
        "B": np.concatenate([arranged(operator, case.params[name]) for name in ("bias_ih", "bias_hh")])[None],
        "lengths": np.full(B, T, np.int32),
        "h0": case.states[0][None],
    }
    outputs = ["Y", "Y_h"]
    if operator == "LSTM":
        feeds["c0"] = case.states[1][None]
        outputs.append("Y_c")
        if peepholes is not None:
            feeds["P"] = peepholes[None]
    node = helper.make_node(operator, list(feeds), outputs, hidden_size=case.hidden_size, **attributes)
    types = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32}
    graph = helper.make_graph(
        [node], "layer",
        [helper.make_tensor_value_info(name, types[value.dtype], value.shape) for name, value in feeds.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * (4 if name == "Y" else 3)) for name in outputs],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    Y, *last = session.run(None, feeds)
    return Y[:, 0], tuple(state[0] for state in last)


def described(activations):
    """The attributes of a node for these activation functions."""
    alphas = [constants[0] for a in activations if (constants := CONSTANTS.get(a.name, ()))]
    betas = [constants[1] for a in activations if len(constants := CONSTANTS.get(a.name, ())) > 1]
    attributes = {"activations": [ONNX_NAMES[a.name] for a in activations]}
    if alphas:
        attributes["activation_alpha"] = alphas
    if betas:
        attributes["activation_beta"] = betas
    return attributes


def assert_equal(case, operator, **attributes):
    h, last, _ = case.forward()
    Y, expected = run_onnx(operator, case, **attributes)
    np.testing.assert_allclose(h, Y, rtol=2e-5, atol=2e-6)
    for state, other in zip(last, expected, strict=True):
        np.testing.assert_allclose(state, other, rtol=2e-5, atol=2e-6)


def test_only_what_onnx_has_no_name_for_is_left_out():
    assert set(ACTIVATIONS) - set(ONNX_NAMES) == {"identity", "hard_tanh"}


@pytest.mark.parametrize("clip", [None, 0.8])
@pytest.mark.parametrize("name", ONNX_NAMES)
def test_rnn_with_every_activation_function(name, clip, make_case):
    case = make_case("rnn_tanh", dtype=np.float32)
    case.cell = case.cell.with_activations(activation(name), clip=clip)
    attributes = described(case.cell.activations)
    assert_equal(case, "RNN", **attributes, **({} if clip is None else {"clip": clip}))


@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize("names", [("sigmoid", "tanh"), ("hard_sigmoid", "softsign"), ("sigmoid", "elu")], ids=str)
@pytest.mark.parametrize("cell_name", ["gru", "gru_reset_before"])
def test_grus_with_other_functions_and_clip(cell_name, names, clip, make_case):
    case = make_case(cell_name, dtype=np.float32)
    case.cell = case.cell.with_activations(*map(activation, names), clip=clip)
    attributes = described(case.cell.activations) if case.cell.spec != cell_name else {}
    attributes["linear_before_reset"] = int(cell_name == "gru")
    assert_equal(case, "GRU", **attributes, **({} if clip is None else {"clip": clip}))


@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize("names", [("sigmoid", "tanh", "tanh"), ("hard_sigmoid", "softsign", "scaled_tanh")], ids=str)
@pytest.mark.parametrize(
    "cell_name", [name for name in ("lstm", "lstm_peephole", "lstm_cifg", "lstm_peephole_cifg") if name in CELLS]
)
def test_lstms_with_peepholes_coupled_gates_other_functions_and_clip(cell_name, names, clip, make_case):
    case = make_case(cell_name, dtype=np.float32)
    case.cell = case.cell.with_activations(*map(activation, names), clip=clip)
    h, last, _ = case.forward()
    attributes = described(case.cell.activations) if case.cell.spec != cell_name else {}
    if clip is not None:
        attributes["clip"] = clip
    peepholes = case.params.get("weight_ch")
    if "cifg" in cell_name:  # ONNX keeps the place of a forget gate, which nothing reads
        attributes["input_forget"] = 1
        rng = np.random.default_rng(3)
        for name, value in case.params.items():
            i, *rest = np.split(value, len(value) // 4)
            forget = rng.normal(size=i.shape).astype(np.float32)
            if name == "weight_ch":
                peepholes = np.concatenate([i, *rest, forget])  # ONNX's order: i, o, f
            else:
                case.params[name] = np.concatenate([i, forget, *rest])
    elif peepholes is not None:
        i, f, o = np.split(peepholes, 3)
        peepholes = np.concatenate([i, o, f])
    Y, expected = run_onnx("LSTM", case, peepholes, **attributes)
    np.testing.assert_allclose(h, Y, rtol=2e-5, atol=2e-6)
    for state, other in zip(last, expected, strict=True):
        np.testing.assert_allclose(state, other, rtol=2e-5, atol=2e-6)
