"""``unrolled.onnx.run``: the cases of ONNX's own backend test, graphs of several nodes, and refusals by name."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

import unrolled.onnx
from unrolled import InputError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the cases, about themselves
    from onnx.backend.test.case import node as cases
    from onnx.backend.test.case.node import gru, lstm, rnn

    assert gru, (lstm, rnn)  # importing them puts their cases on the list

CASES = [case for case in cases._NodeTestCases if case.model.graph.node[0].op_type in ("RNN", "GRU", "LSTM")]


def test_all_cases_are_there():
    assert len(CASES) == 18


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_backend_case(case):
    for inputs, outputs in case.data_sets:
        found = unrolled.onnx.run(case.model, inputs)
        assert len(found) == len(outputs)
        for actual, expected in zip(found.values(), outputs, strict=True):
            assert actual.dtype == expected.dtype
            np.testing.assert_allclose(actual, expected, rtol=case.rtol, atol=case.atol)


def info(name, shape=None, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(*nodes, inputs=("X",), outputs=("Y",), held=None, opset=14):
    """A model of 2 inputs and 3 units; weights of a GRU unless ``held`` says otherwise."""
    rng = np.random.default_rng(0)
    if held is None:
        held = {"W": rng.normal(size=(1, 9, 2)), "R": rng.normal(size=(1, 9, 3))}
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [name if not isinstance(name, str) else info(name) for name in inputs],
        [info(name) for name in outputs],
        [numpy_helper.from_array(np.asarray(a, np.float32), name) for name, a in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def gru_node(inputs=("X", "W", "R"), outputs=("Y", "Y_h"), **attributes):
    return helper.make_node("GRU", list(inputs), list(outputs), name="layer", **attributes)


X = np.random.default_rng(1).normal(size=(4, 2, 2)).astype(np.float32)


def test_nodes_in_sequence():
    """An encoder whose last state a decoder starts from, and a third node that runs over the last states."""
    nodes = [
        gru_node(outputs=("", "code")),
        gru_node(("Z", "W", "R", "", "", "code"), ("Y", "")),
        helper.make_node("RNN", ["code", "W1", "R1"], ["", "top"]),
    ]
    held = {name: numpy_helper.to_array(t) for name, t in zip("WR", model(gru_node()).graph.initializer, strict=True)}
    held.update({"W1": np.ones((1, 1, 3)), "R1": np.ones((1, 1, 1))})
    whole = model(*nodes, inputs=("X", "Z"), outputs=("Y", "top"), held=held)
    found = unrolled.onnx.run(whole, [X, X])
    code = unrolled.onnx.run(model(gru_node(), outputs=("Y_h",)), [X])["Y_h"]
    second = model(gru_node(("X", "W", "R", "", "", "h")), inputs=("X", "h"))
    np.testing.assert_array_equal(found["Y"], unrolled.onnx.run(second, {"h": code, "X": X})["Y"])
    np.testing.assert_allclose(found["top"][0, :, 0], np.tanh(code[0].sum(1)), rtol=1e-6)


def test_model_bytes_and_file_are_the_same(tmp_path):
    made = model(gru_node())
    path = tmp_path / "gru.onnx"
    path.write_bytes(made.SerializeToString())
    expected = unrolled.onnx.run(made, [X])["Y"]
    for source in (made.SerializeToString(), path, str(path)):
        np.testing.assert_array_equal(unrolled.onnx.run(source, {"X": X})["Y"], expected)


def test_an_initializer_that_is_an_input_may_be_given():
    W = np.zeros((1, 9, 2), np.float32)
    made = model(gru_node(), inputs=("X", "W"))
    assert unrolled.onnx.run(made, {"X": X})["Y"].any()
    assert not unrolled.onnx.run(made, {"X": X, "W": W})["Y"].any()


def test_views_and_read_only_arrays_are_taken_as_they_are():
    made = model(gru_node(layout=1))
    expected = unrolled.onnx.run(made, [X])["Y"]
    view = np.asfortranarray(np.repeat(X, 2, axis=0))[::2][::-1][::-1]
    view.flags.writeable = False
    np.testing.assert_array_equal(unrolled.onnx.run(made, [view])["Y"], expected)


def test_an_empty_batch():
    assert unrolled.onnx.run(model(gru_node()), [X[:, :0]])["Y"].shape == (4, 1, 0, 3)


def test_zero_weights_halve_the_state_and_half_precision_overflows_to_infinity():
    held = {"W": np.zeros((1, 3, 2)), "R": np.zeros((1, 3, 3))}
    node = helper.make_node("RNN", ["X", "W", "R"], ["Y"], activations=["Affine"], activation_beta=[7e4])
    made = model(node, held=held)
    for tensor in made.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    assert np.isposinf(unrolled.onnx.run(made, [X.astype(np.float16)])["Y"]).all()


# ----- what is refused, and by which name


REFUSED = {
    "other operator": (model(helper.make_node("MatMul", ["X", "W"], ["Y"], name="head")), r"node 0 \(MatMul 'head'\)"),
    "other domain": (model(helper.make_node("GRU", ["X", "W", "R"], ["Y"], domain="com.x")), r"com\.x\.GRU"),
    "direction": (model(gru_node(direction="sideways")), "'layer'.: direction: .*'sideways'"),
    "layout": (model(gru_node(layout=2)), "layout: expected 0 or 1, got 2"),
    "layout before 14": (model(gru_node(layout=1), opset=7), "'layout' is not supported: GRU of version 7 has"),
    "unknown attribute": (model(gru_node(output_sequence=1)), "'output_sequence' is not supported"),
    "type of an attribute": (model(gru_node(clip=3)), "'clip' is not of the type FLOAT"),
    "hidden_size": (model(gru_node(hidden_size=4)), "hidden_size is 4, but R has shape"),
    "activations": (model(gru_node(activations=["Sigmoid", "Gelu"])), "activations: 'Gelu' is none of Affine"),
    "number of activations": (model(gru_node(activations=["Tanh"])), "activations: expected 2 names for each of 1"),
    "surplus alpha": (
        model(gru_node(activations=["Tanh", "LeakyRelu"], activation_alpha=[0.5, 0.3])), "activation_alpha: .* has 2 values",
    ),
    "alpha the function cannot have": (
        model(gru_node(activations=["Sigmoid", "Elu"], activation_alpha=[-1.0])), "activation_alpha: Elu: .* above 0, got -1",
    ),
    "clip": (model(gru_node(clip=-1.0)), "clip must be above 0, got -1.0"),
    "operator set": (model(gru_node(), opset=3), "opset 3 is not supported: GRU is known from version 7 to 22"),
    "missing input": (model(gru_node(("X", "W", ""))), "the input R is missing"),
    "unknown value": (model(gru_node(("X", "W", "V"))), "its input R is 'V'"),
    "surplus inputs": (model(gru_node(("X", "W", "R", "", "", "", "X"))), "inputs: 7 given"),
    "surplus outputs": (model(gru_node(outputs=("Y", "a", "b"))), "outputs: 3 given"),
    "output of no node": (model(gru_node(), outputs=("Q",)), "the graph's output 'Q' is the output of no node"),
    "shape of W": (
        model(gru_node(), held={"W": np.ones((1, 9, 4)), "R": np.ones((1, 9, 3))}), r"W has shape .*expected \(1, 9, 2\)",
    ),
    "dimensions of R": (model(gru_node(), held={"W": np.ones((1, 9, 2)), "R": np.ones((9, 3))}), "R has shape .*three"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused_by_name(what):
    """FAULTS 29: what is not supported is named, never ignored."""
    made, message = REFUSED[what]
    with pytest.raises(InputError, match=message):
        unrolled.onnx.run(made, [X])


def test_input_forget_is_0_or_1():
    held = {"W": np.ones((1, 12, 2)), "R": np.ones((1, 12, 3))}
    made = model(helper.make_node("LSTM", ["X", "W", "R"], ["Y"], input_forget=2), held=held)
    with pytest.raises(InputError, match="input_forget: expected 0 or 1, got 2"):
        unrolled.onnx.run(made, [X])


LENGTHS = model(
    gru_node(("X", "W", "R", "", "n", "h")), inputs=("X", info("n", kind=TensorProto.INT32), info("h", (1, 2, 3)))
)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n": np.array([5, 1], np.int32)}, r"sequence_lens\[0\] is 5, expected 0 to 4"),
        ({"n": np.array([1, -1], np.int32)}, r"sequence_lens\[1\] is -1"),
        ({"n": np.array([1], np.int32)}, r"sequence_lens has shape \(1,\), expected \(2,\)"),
        ({"n": np.array([1, 2])}, "inputs: 'n' has type int64, the graph declares int32"),
        ({"h": np.zeros((1, 3, 3), np.float32)}, r"inputs: 'h' has shape \(1, 3, 3\), the graph declares \(1, 2, 3\)"),
        ({"X": X[0]}, r"X has shape \(2, 2\), expected three dimensions"),
        ({"X": X[:0]}, "0 steps of 2 numbers and 3 units: each must be at least 1"),
        ({"X": X.astype(np.float64)}, "inputs: 'X' has type float64, the graph declares float32"),
        ({"x": X}, "inputs: the graph has no input 'x', it has X, n, h"),
        ({"X": None}, "inputs: 'X' is missing"),
    ],
)
def test_inputs_that_do_not_fit(changed, message):
    inputs = {"X": X, "n": np.array([1, 2], np.int32), "h": np.zeros((1, 2, 3), np.float32), **changed}
    with pytest.raises(InputError, match=message):
        unrolled.onnx.run(LENGTHS, {name: value for name, value in inputs.items() if value is not None})


def test_a_sequence_of_inputs_has_one_for_each():
    with pytest.raises(InputError, match=r"inputs: expected 3 \(X, n, h\), got 1"):
        unrolled.onnx.run(LENGTHS, [X])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (X, "inputs: expected arrays by name, or a list of them in the graph's order, got ndarray"),
        (None, "inputs: expected arrays by name, .* got NoneType"),
        ("X", "inputs: expected arrays by name, .* got str"),
        ([[[1.0], [1.0, 2.0]]], "inputs: 'X' cannot be made an array: .*inhomogeneous"),
    ],
)
def test_inputs_that_are_no_arrays(inputs, message):
    with pytest.raises(InputError, match=message):
        unrolled.onnx.run(model(gru_node()), inputs)


@pytest.mark.parametrize("source", [3, None, model(gru_node()).graph, bytearray(b"")])
def test_what_no_model_can_be_read_from(source):
    with pytest.raises(InputError, match=f"model: expected an onnx.ModelProto, .* got {type(source).__name__}"):
        unrolled.onnx.run(source, [X])


def test_an_element_type_that_onnx_does_not_know():
    made = model(gru_node(), inputs=(info("X", kind=99),))
    with pytest.raises(InputError, match="declares 'X' with the element type 99, which ONNX does not know"):
        unrolled.onnx.run(made, [X])
    made = model(gru_node())
    made.graph.initializer[0].data_type = 77
    with pytest.raises(InputError, match="initializer 'W' has the element type 77, which ONNX does not know"):
        unrolled.onnx.run(made, [X])


def test_an_initializer_with_a_size_below_0():
    made = model(gru_node())
    made.graph.initializer[0].dims[0] = -1
    with pytest.raises(InputError, match=r"initializer 'W' has shape \(-1, 9, 2\), expected no number below 0"):
        unrolled.onnx.run(made, [X])


def test_types_that_do_not_fit():
    made = model(gru_node(), inputs=(info("X", kind=TensorProto.DOUBLE),))
    with pytest.raises(InputError, match=r"'layer'.: W has type float32, X has float64"):
        unrolled.onnx.run(made, [X.astype(np.float64)])
    made = model(gru_node(), inputs=(info("X", kind=TensorProto.INT32),))
    with pytest.raises(InputError, match="X has type int32, the kernels compute float16, float32, float64"):
        unrolled.onnx.run(made, [X.astype(np.int32)])


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/passwd"])
def test_external_data_is_refused_and_never_opened(tmp_path, location):
    """FAULTS 28."""
    made = model(gru_node())
    external_data_helper.set_external_data(made.graph.initializer[1], location)
    made.graph.initializer[1].ClearField("raw_data")
    path = tmp_path / "model.onnx"
    path.write_bytes(made.SerializeToString())
    with pytest.raises(InputError, match="initializer 'R' keeps its data outside the model"):
        unrolled.onnx.run(path, [X])


@pytest.mark.parametrize("name", [b"layer", b"GRU", b"hidden_size", b"V_out"])
def test_names_that_are_no_text(name):
    """Protobuf gives them as bytes, which nothing after it expects."""
    node = helper.make_node("GRU", ["X", "W", "R"], ["V_out"], name="layer", hidden_size=3)
    held = {"W": np.ones((1, 9, 2)), "R": np.ones((1, 9, 3))}
    content = model(node, held=held, outputs=("V_out",)).SerializeToString()
    assert unrolled.onnx.run(content, [X])
    with pytest.raises(InputError, match=r"model\.graph\.[a-z._]+ is b'\\xff.*', expected a text in UTF-8"):
        unrolled.onnx.run(content.replace(name, b"\xff" * len(name)), [X])


def test_sparse_initializers_are_refused():
    made = model(gru_node())
    values = numpy_helper.from_array(np.ones(1, np.float32), "S")
    made.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, numpy_helper.from_array(np.zeros(1, np.int64), "i"), [3])
    )
    with pytest.raises(InputError, match="initializer 'S' is sparse"):
        unrolled.onnx.run(made, [X])


def test_an_initializer_cut_short():
    made = model(gru_node())
    made.graph.initializer[0].raw_data = made.graph.initializer[0].raw_data[:-4]
    with pytest.raises(InputError, match="initializer 'W'"):
        unrolled.onnx.run(made, [X])


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04rest", b"not a model at all"])
def test_no_model(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.onnx: no ONNX model"):
        unrolled.onnx.run(path, [X])
    with pytest.raises(InputError, match="the bytes given: no ONNX model"):
        unrolled.onnx.run(content, [X])


def test_a_model_without_onnx_operators():
    made = model(gru_node())
    made.opset_import[0].domain = "com.x"
    with pytest.raises(InputError, match="imports no version of ONNX's own operators"):
        unrolled.onnx.run(made, [X])


def test_a_missing_package_is_named():
    program = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "onnx":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "onnx" else find(name, *rest)
import unrolled.onnx
try:
    unrolled.onnx.run(b"", [])
except unrolled.MissingExtraError as error:
    print(error, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "unrolled.onnx needs the package 'onnx'; in a checkout of unrolled: pip install '.[onnx]' False\n"
    )
