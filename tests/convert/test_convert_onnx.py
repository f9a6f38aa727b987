"""Modules as ONNX graphs in ONNX Runtime, and ONNX nodes as modules."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, external_data_helper, helper, numpy_helper

import unrolled
from unrolled import InputError
from unrolled.convert import from_onnx, to_onnx
from unrolled.nn import GRU, IRNN, LSTM, RNN

# reads past the arrays of an RNN's empty sequence
OLD = tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 32)


def theirs(model, inputs):
    """The outputs of ONNX Runtime by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    names = [each.name for each in session.get_outputs()]
    arrays = {name: each.numpy() if isinstance(each, torch.Tensor) else each for name, each in inputs.items()}
    return dict(zip(names, session.run(names, arrays), strict=True))


def outputs_of(module, *arguments, **named):
    with torch.no_grad():
        y, last = module(*arguments, **named)
    h, c = last if isinstance(last, tuple) else (last, None)
    return {"output": y, "h_n": h} | ({} if c is None else {"c_n": c})


def assert_close(actual, expected, bound=1e-5):
    assert actual.keys() == expected.keys()
    for name, array in actual.items():
        np.testing.assert_allclose(array, expected[name], rtol=0, atol=bound, err_msg=name)


MODULES = {
    "RNN": lambda: RNN(3, 5, 2, bidirectional=True),
    "relu": lambda: RNN(3, 5, nonlinearity="relu"),
    "identity": lambda: RNN(3, 5, nonlinearity="identity", bias=False),
    "other function": lambda: RNN(3, 5, 2, nonlinearity="leaky_relu:0.3", bidirectional=True),
    "IRNN": lambda: IRNN(3, 5),
    "LSTM": lambda: LSTM(3, 5, 2, batch_first=True, dropout=0.5).eval(),
    "peepholes": lambda: LSTM(3, 5, peepholes=True, bidirectional=True),
    "coupled": lambda: LSTM(3, 5, coupled_gates=True, bias=False),
    "both": lambda: LSTM(3, 5, 2, peepholes=True, coupled_gates=True),
    "hard": lambda: LSTM(3, 5, activations=("hard_sigmoid", "softsign", "scaled_tanh"), bidirectional=True),
    "GRU": lambda: GRU(3, 5, 3, bidirectional=True),
    "before": lambda: GRU(3, 5, reset_after=False, bidirectional=True, batch_first=True),
    "sum": lambda: GRU(3, 5, 2, bidirectional=True, merge="sum", activations=("hard_sigmoid", "elu")),
    "residual": lambda: GRU(5, 5, 3, residual=True),
    "learned": lambda: started(LSTM(3, 5, 2, bidirectional=True, initial_state="learned")),
    "trained with": lambda: GRU(3, 5, input_dropout=0.1, state_dropout=0.2, recurrent_dropout=0.3, truncate=2).eval(),
}


def started(module):
    for name, parameter in module.named_parameters():
        if name[:4] in ("h_0_", "c_0_"):
            torch.nn.init.normal_(parameter)
    return module


@pytest.mark.parametrize("kind", MODULES)
def test_modules_in_onnx_runtime(kind):
    """Several numbers of steps and sequences, with and without lengths and initial states."""
    module = MODULES[kind]()
    D, H, L = 2 if module.bidirectional else 1, module.hidden_size, module.num_layers
    for lengths in (False, True):
        for states in (False, True):
            model = to_onnx(module, lengths=lengths, states=states)
            onnx.checker.check_model(model, full_check=True)
            for T, B in ((1, 1), (6, 4)):
                x = torch.randn((B, T, module.input_size) if module.batch_first else (T, B, module.input_size))
                inputs = {"input": x}
                arguments = {}
                if lengths:
                    least = int(isinstance(module, (RNN, IRNN)) and OLD)
                    arguments["lengths"] = np.random.default_rng(T).integers(least, T + 1, B).tolist()
                    inputs["lengths"] = np.array(arguments["lengths"], np.int32)
                if states:
                    inputs["h_0"] = arguments["hx"] = torch.randn(L * D, B, H)
                    if isinstance(module, LSTM):
                        inputs["c_0"] = torch.randn(L * D, B, H)
                        arguments["hx"] = (inputs["h_0"], inputs["c_0"])
                assert_close(theirs(model, inputs), outputs_of(module, x, **arguments))


@pytest.mark.parametrize(
    "kind", [kind for kind in MODULES if kind not in ("IRNN", "residual", "learned", "trained with")]
)
@pytest.mark.parametrize("inputs", [{}, {"lengths": True, "states": True}])
def test_there_and_back(kind, inputs):
    module = MODULES[kind]()
    again = from_onnx(to_onnx(module, **inputs))
    assert type(again) is type(module)
    assert again.cell == module.cell  # with its activation functions
    assert (again.bidirectional, again.batch_first, again.bias) == (
        module.bidirectional,
        module.batch_first,
        module.bias,
    )
    assert again.settings.merge == module.settings.merge
    for name, parameter in module.state_dict().items():
        assert torch.equal(parameter, again.state_dict()[name])
    x = torch.randn(4, 2, 3)
    assert_close(outputs_of(again, x), outputs_of(module, x), 1e-6)


def test_float64():
    module = GRU(3, 5).double()
    model = to_onnx(module)
    assert model.graph.input[0].type.tensor_type.elem_type == TensorProto.DOUBLE
    again = from_onnx(model)
    assert torch.equal(again.weight_hh_l0, module.weight_hh_l0)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (unrolled.nn.IndRNN(3, 4), r"ONNX has no node for the cell indrnn \(independently"),
        (unrolled.nn.LSTM(3, 4, layer_norm=True), "no node for the cell lstm_layer_norm"),
        (unrolled.nn.LSTM(3, 4, proj_size=2), "no node for the cell lstmp"),
        (unrolled.nn.GRU(3, 4, zoneout=0.1), "to_onnx: ONNX has no zoneout=0.1"),
        (unrolled.nn.RNN(3, 4, nonlinearity="hard_tanh"), "no activation function hard_tanh"),
        (torch.nn.GRU(3, 4), "to_onnx takes layers of unrolled.nn, got GRU"),
        (unrolled.nn.GRU(3, 4).bfloat16(), "weight_ih_l0 is torch.bfloat16, which NumPy has not: convert a copy"),
        (unrolled.nn.GRU(3, 4, device="meta"), "weight_ih_l0 is on the device meta, without data"),
    ],
)
def test_what_onnx_has_not(module, reason):
    with pytest.raises(InputError, match=reason):
        to_onnx(module)


# ----- nodes of other writers

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def node_model(
    operator="GRU", around=(), directions=1, held=None, inputs=("X", "W", "R", "B"), outputs=("Y", "Y_h"), **node
):
    """A graph of one node of 3 inputs and 5 units, and of the nodes ``around`` it."""
    rng, G = np.random.default_rng(0), GATES[operator]
    shapes = {"W": (directions, G * 5, 3), "R": (directions, G * 5, 5), "B": (directions, G * 10)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    arrays.update(held or {})
    arrays = {name: array for name, array in arrays.items() if array is not None}
    made = helper.make_node(operator, list(inputs), list(outputs), name="layer", hidden_size=5, **node)
    nodes = list(around)
    nodes.insert(next((i for i, each in enumerate(nodes) if "Y" in each.input), len(nodes)), made)
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs if name],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


@pytest.mark.parametrize(
    ("operator", "node", "shown"),
    [
        (
            "RNN", {"activations": ["HardSigmoid"], "activation_alpha": [0.25], "activation_beta": [0.5]},
            "RNN(3, 5, nonlinearity=hard_sigmoid:0.25:0.5)",
        ),
        ("GRU", {"linear_before_reset": 1}, "GRU(3, 5)"),
        ("GRU", {}, "GRU(3, 5, reset_after=False)"),
        ("LSTM", {"input_forget": 1}, "LSTM(3, 5, coupled_gates=True)"),
        ("LSTM", {"direction": "bidirectional", "directions": 2}, "LSTM(3, 5, bidirectional=True)"),
    ],
)  # fmt: skip
def test_nodes_as_modules(operator, node, shown):
    model = node_model(operator, **node)
    module = from_onnx(model)
    assert repr(module) == shown
    x = torch.randn(6, 4, 3)
    expected = theirs(model, {"X": x})
    y, last = module(x)
    np.testing.assert_allclose(y.detach(), expected["Y"].transpose(0, 2, 1, 3).reshape(6, 4, -1), rtol=0, atol=1e-5)
    np.testing.assert_allclose((last[0] if operator == "LSTM" else last).detach(), expected["Y_h"], rtol=0, atol=1e-5)


def test_layout_is_batch_first_and_no_bias_is_none():
    model = node_model(layout=1, inputs=("X", "W", "R"), held={"B": None})
    module = from_onnx(model)
    assert repr(module) == "GRU(3, 5, bias=False, batch_first=True, reset_after=False)"
    x = torch.randn(4, 6, 3)
    expected = unrolled.onnx.run(model, [x.numpy()])["Y"][:, :, 0]
    np.testing.assert_allclose(module(x)[0].detach(), expected, rtol=0, atol=1e-6)


def test_a_node_by_name_or_index_among_others():
    others = [
        helper.make_node("MatMul", ["Z", "V"], ["X"], name="embedding"),
        helper.make_node("Relu", ["Y"], ["A"], name="head"),
    ]
    model = node_model(around=others, linear_before_reset=1)
    for node in ("layer", 1):
        assert repr(from_onnx(model, node)) == "GRU(3, 5)"
    for node, message in (
        (
            None,
            r"node 0 \(MatMul 'embedding'\) is no part of a recurrent layer: name one of the recurrent nodes by node=",
        ),
        ("lair", "no node named 'lair'"),
        (3, "nodes 0 to 2, not 3"),
        ("head", r"node 2 \(Relu 'head'\): only RNN, GRU, LSTM"),
    ):
        with pytest.raises(InputError, match=message):
            from_onnx(model, node)


def test_an_export_of_torch():
    """The layers of torch, which ``torch.onnx.export`` joins by Transpose and Reshape, or by Squeeze."""
    pytest.importorskip("onnxscript")
    for theirs in (torch.nn.LSTM(3, 5, 2, bidirectional=True), torch.nn.GRU(3, 5, 3)):
        model = exported(theirs)
        module = from_onnx(model)
        assert (module.num_layers, module.bidirectional) == (theirs.num_layers, theirs.bidirectional)
        x = torch.randn(6, 4, 3)
        torch.testing.assert_close(module(x)[0], theirs(x)[0], rtol=0, atol=1e-5)


def exported(module):
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter, about itself
        torch.onnx.export(module.eval(), (torch.randn(6, 4, 3),), stream, dynamo=False)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("shape", "sizes", "allowzero", "taken"),
    [
        ([6, 4, 5], (6, 1, 4, 5), 0, True), ([6, -1, 5], (6, 1, 4, 5), 1, True), ([6, -1, 5], (6, 1, None, 5), 0, True),
        ([0, 0, -1], None, 0, True), ([0, -1, 5], None, 0, True), ([4, 6, 5], (6, 1, 4, 5), 0, False),
        ([6, 4, 5], None, 0, False), ([4, -1, 5], (6, 1, 4, 5), 0, False), ([0, 0, -1], None, 1, False),
        ([-1, 4, 6], (6, 1, 4, 5), 0, False), ([-1, -1, 5], (6, 1, 4, 5), 0, False),
    ],
)  # fmt: skip
def test_reshaped_stacks(shape, sizes, allowzero, taken):
    """Torch's newer exporter writes steps and sequences as numbers; others must not be exchanged."""
    around = [
        helper.make_node("Transpose", ["Y"], ["A"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["A", "shape"], ["X2"], allowzero=allowzero),
        helper.make_node("GRU", ["X2", "W2", "R2", "B2"], ["Y2"], name="second"),
    ]
    held = {each.name: numpy_helper.to_array(each) for each in chained().graph.initializer if each.name.endswith("2")}
    model = node_model(around=around, held={**held, "shape": np.array(shape)})
    if sizes is not None:
        model.graph.value_info.append(helper.make_tensor_value_info("Y", TensorProto.FLOAT, sizes))
    if taken:
        assert repr(from_onnx(model)) == "GRU(3, 5, num_layers=2, reset_after=False)"
    else:
        with pytest.raises(InputError, match=r"'second'.: its X is not Y of node 0"):
            from_onnx(model)


def test_an_export_of_torch_with_fixed_sizes(tmp_path):
    """As ``torch.onnx.export`` writes them by default."""
    pytest.importorskip("onnxscript")
    stack = torch.nn.LSTM(3, 5, 2, bidirectional=True, batch_first=True).eval()
    path = tmp_path / "stack.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter, about itself
        torch.onnx.export(stack, (torch.randn(4, 6, 3),), path, dynamo=True, verbose=False)
    model = onnx.load(path)
    if not any(node.op_type == "LSTM" for node in model.graph.node):
        pytest.skip("this version writes an LSTM as other nodes")
    module = from_onnx(model)
    assert repr(module) == "LSTM(3, 5, num_layers=2, batch_first=True, bidirectional=True)"
    x = torch.randn(4, 6, 3)
    torch.testing.assert_close(module(x)[0], stack(x)[0], rtol=0, atol=1e-5)


def test_squeezed_stacks():
    """One direction: the axis of directions squeezed away, as an attribute before opset 13 and an input since."""
    joins = {
        12: helper.make_node("Squeeze", ["Y"], ["X2"], axes=[1]),
        14: helper.make_node("Squeeze", ["Y", "axes"], ["X2"]),
    }
    for opset, join in joins.items():
        second = helper.make_node("GRU", ["X2", "W2", "R2", "B2"], ["Y2"], name="second")
        rng = np.random.default_rng(1)
        held = {"W2": rng.normal(size=(1, 15, 5)), "R2": rng.normal(size=(1, 15, 5)), "B2": rng.normal(size=(1, 30))}
        held = {name: array.astype(np.float32) for name, array in held.items()} | {"axes": np.array([1])}
        model = node_model(around=[join, second], held=held)
        model.opset_import[0].version = opset
        assert repr(from_onnx(model)) == "GRU(3, 5, num_layers=2, reset_after=False)"
        model.graph.node[1].op_type = "Identity"
        with pytest.raises(
            InputError, match=r"node 2 \(GRU 'second'\): its X is not Y of node 0 .* with the directions joined"
        ):
            from_onnx(model)
        model.graph.node[2].name = "layer"


def chained():
    """A stack whose second layer starts where the first one ended."""
    join = helper.make_node("Squeeze", ["Y", "axes"], ["X2"])
    second = helper.make_node("GRU", ["X2", "W2", "R2", "B2", "", "Y_h"], ["Y2"], name="second")
    rng = np.random.default_rng(1)
    held = {"W2": rng.normal(size=(1, 15, 5)), "R2": rng.normal(size=(1, 15, 5)), "B2": rng.normal(size=(1, 30))}
    held = {name: array.astype(np.float32) for name, array in held.items()} | {"axes": np.array([1])}
    return node_model(around=[join, second], held=held)


def before(operator, inputs=("X",), held=None, **attributes):
    """A node whose input another one makes."""
    first = helper.make_node(operator, list(inputs), ["E"], **attributes)
    return node_model(around=[first], inputs=("E", "W", "R", "B"), held=held)


def different_lengths():
    model = node_model(around=chained().graph.node[1:2], held={"axes": np.array([1])})
    second = helper.make_node("GRU", ["X2", "W2", "R2", "B2", "n"], ["Y2"], name="second")
    model.graph.node.append(second)
    model.graph.initializer.extend(each for each in chained().graph.initializer if each.name.endswith("2"))
    model.graph.input.append(helper.make_tensor_value_info("n", TensorProto.INT32, None))
    return model


def constant_with_outside_data(data):
    tensor = numpy_helper.from_array(np.ones((1, 15, 3), np.float32))
    if data is None:
        external_data_helper.set_external_data(tensor, "weights.bin")
        tensor.ClearField("raw_data")
    else:
        tensor.raw_data = data
    return node_model(around=[helper.make_node("Constant", [], ["W"], value=tensor)], held={"W": None})


TABLE, BACKWARDS = np.ones((9, 3), np.float32), {"s": [-1], "e": [-99], "axis": [0], "by": [-1]}

REFUSED = {
    "embedding": (
        lambda: before("Gather", ("T", "X"), {"T": TABLE}), r"'layer'.: its X is made by Gather, expected the graph's input",
    ),
    "time reversed": (
        lambda: before("Slice", ("X", *BACKWARDS), {name: np.array(v) for name, v in BACKWARDS.items()}),
        "its X is made by Slice",
    ),
    "steps and features exchanged": (lambda: before("Transpose", perm=[0, 2, 1]), "its X is made by Transpose"),
    "constant input": (
        lambda: node_model(inputs=("E", "W", "R", "B"), held={"E": np.ones((2, 1, 3), np.float32)}), "its X is a constant",
    ),
    "lengths in one layer only": (different_lengths, "'second'.* and .*'layer'.* have different sequence_lens"),
    "data of a Constant outside": (
        lambda: constant_with_outside_data(None), r"node 0 \(Constant\) keeps its data outside the model",
    ),
    "data of a Constant cut short": (lambda: constant_with_outside_data(b"12"), r"node 0 \(Constant\): "),
    "weight without axes": (
        lambda: node_model(held={"W": np.array(1, np.float32)}), r"W has shape \(\), expected three dimensions",
    ),
    "no features": (
        lambda: node_model(held={"W": np.ones((1, 15, 0), np.float32)}), r"W has shape \(1, 15, 0\), .*each at least 1",
    ),
    "state computed": (chained, r"'second'.: initial_h is computed by the graph: take the nodes apart"),
    "sum over time": (
        lambda: node_model(around=[helper.make_node("ReduceSum", ["Y", "a"], ["S"], keepdims=0)], held={"a": np.array([0])}),
        r"node 1 \(ReduceSum\) is no part of a recurrent layer",
    ),
    "direction": (lambda: node_model(direction="reverse"), "direction: no module is reverse only; unrolled.onnx.run is"),
    "clip": (lambda: node_model(clip=0.5), "clip: modules have none; unrolled.onnx.run has"),
    "two kinds of functions": (
        lambda: node_model(directions=2, direction="bidirectional", activations=["Sigmoid", "Tanh", "Sigmoid", "Relu"]),
        "activations: the two directions differ",
    ),
    "weights given at run time": (lambda: node_model(held={"W": None}), "W is no initializer of the graph"),
    "constant lengths": (
        lambda: node_model(inputs=("X", "W", "R", "B", "n"), held={"n": np.array([1, 2], np.int32)}),
        "sequence_lens is a constant: modules are given lengths in a call",
    ),
    "constant state": (
        lambda: node_model(inputs=("X", "W", "R", "B", "", "h"), held={"h": np.ones((1, 2, 5), np.float32)}),
        "initial_h is a constant",
    ),
    "learned state": (lambda: to_onnx(MODULES["learned"]()), "initial_h is a constant: modules are given it as hx"),
    "half precision": (
        lambda: node_model(held={n: np.ones(s, np.float16) for n, s in (("W", (1, 15, 3)), ("R", (1, 15, 5)), ("B", (1, 30)))}),
        "R has type float16, the kernels compute in float32 and float64",
    ),
    "shape": (
        lambda: node_model(held={"B": np.ones((1, 15), np.float32)}), r"B is float32 \(1, 15\), expected float32 \(1, 30\)",
    ),
    "hidden_size": (
        lambda: node_model(held={n: np.ones(s, np.float32) for n, s in (("W", (1, 12, 3)), ("R", (1, 12, 4)), ("B", (1, 24)))}),
        "hidden_size is 5, but R has shape",
    ),
    "no recurrent node": (
        lambda: helper.make_model(
            helper.make_graph([], "g", [], []), opset_imports=[helper.make_opsetid("", 14)]
        ),
        "the graph has no recurrent nodes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_modules_cannot_hold(what):
    make, message = REFUSED[what]
    with pytest.raises(InputError, match=message):
        from_onnx(make())


def test_batches_and_steps_exchanged_before_a_node():
    """Of a node with time first, the module has batches first, and the other way round."""
    for layout, batch_first in ((0, True), (1, False)):
        turned = helper.make_node("Transpose", ["X"], ["E"], perm=[1, 0, 2])
        module = from_onnx(node_model(around=[turned], inputs=("E", "W", "R", "B"), layout=layout))
        assert module.batch_first == batch_first


def test_states_of_zeros_are_none():
    model = node_model(inputs=("X", "W", "R", "B", "", "h"), held={"h": np.zeros((1, 2, 5), np.float32)})
    assert isinstance(from_onnx(model), GRU)


def test_a_node_that_starts_where_another_one_ended():
    model = chained()
    assert repr(from_onnx(model, "second")) == "GRU(5, 5, reset_after=False)"


def test_converters_are_imported_without_the_packages_they_convert():
    program = "import sys, unrolled.convert; print(*{'torch', 'keras', 'onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
