"""Random nodes over all attributes: the kernels against ONNX Runtime and the specification's equations in NumPy.

ONNX Runtime 1.32 departs from the specification in what follows; there the equations alone judge. The words are those of
the operators' documentation.

1. ``layout``: "If 1, the following shapes are expected: X.shape = [batch_size, seq_length, input_size]". Refused.
2. ``hidden_size``: "Number of neurons in the hidden layer", and not required. Refused without it.
3. ``activation_alpha``, ``activation_beta``: "Default values are the same as of corresponding ONNX operators". For
   ThresholdedRelu (1), Affine (1 and 0) and ScaledTanh (which has none any more; 1 and 1 here) they are 0.
4. ``clip``: "is applied to the input of activations". LSTM's ``Ht = ot (.) h(Ct)`` gets ``Ct`` as it is.
5. ``T``: "tensor(float16), tensor(float), tensor(double)". float64 is not implemented.
6. ``Softplus(x) - log(1 + e^x)``. Infinite above 88, where e^x is.

Of these the specification says nothing: the last states of an empty sequence are its initial ones here and zero there; names
of functions in lower case are taken here, and there by GRU and LSTM only. ONNX Runtime 1.23, the last for Python 3.10,
reads outside of its arrays for an RNN of an empty sequence, and for one whose two directions do not each have a constant;
all its defaults of an RNN are 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import unrolled.onnx

COUNT = 500
INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
FUNCTIONS = {"RNN": 1, "GRU": 2, "LSTM": 3}
NAMES = (
    "Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu", "Softsign",
    "Softplus",
)  # fmt: skip
ALPHA = {"Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu"}
BETA = {"Affine", "ScaledTanh", "HardSigmoid"}


class Node(NamedTuple):
    operator: str
    attributes: dict[str, Any]
    inputs: dict[str, np.ndarray]
    outputs: tuple[str, ...]
    opset: int


def random_node(seed: int) -> Node:
    rng = np.random.default_rng([22, seed])

    def one_of(*values: Any) -> Any:
        return values[rng.integers(len(values))]

    def chance(p: float) -> bool:
        return bool(rng.random() < p)

    operator = ("RNN", "GRU", "LSTM")[seed % 3]
    T, B, I, H = one_of(1, 2, 3, 5, 7), one_of(1, 2, 3, 5), one_of(1, 2, 3, 7), one_of(1, 2, 3, 7, 8, 16, 17)
    opset = one_of(7, 14, 22)
    node: dict[str, Any] = {"direction": one_of("forward", "reverse", "bidirectional")}
    D = 2 if node["direction"] == "bidirectional" else 1
    if node["direction"] == "forward" and chance(0.5):
        del node["direction"]
    if chance(0.9):
        node["hidden_size"] = H
    if opset >= 14 and chance(0.5):
        node["layout"] = one_of(0, 1)
    if chance(0.7):
        names = [one_of(*NAMES) for _ in range(D * FUNCTIONS[operator])]
        node["activations"] = [one_of(name, name.lower()) for name in names] if chance(0.2) else names
        for key, takes in (("alpha", ALPHA), ("beta", BETA)):
            values = [round(float(rng.uniform(0.1, 1.1)), 2) for name in names if name in takes]
            values = values[: rng.integers(len(values) + 1)] if chance(0.3) else values
            if values:
                node[f"activation_{key}"] = values
    if chance(0.3):
        node["clip"] = round(float(rng.uniform(0.05, 1.5)), 2)
    if operator == "GRU" and chance(0.7):
        node["linear_before_reset"] = one_of(0, 1)
    if operator == "LSTM" and chance(0.5):
        node["input_forget"] = one_of(0, 1)
    G, batch_first = GATES[operator], node.get("layout", 0)
    state = (B, D, H) if batch_first else (D, B, H)
    shapes = {
        "X": (B, T, I) if batch_first else (T, B, I), "W": (D, G * H, I), "R": (D, G * H, H), "B": (D, 2 * G * H),
        "initial_h": state, "initial_c": state, "P": (D, 3 * H),
    }  # fmt: skip
    there = {"B": 0.7, "initial_h": 0.4, "initial_c": 0.4, "P": 0.5}
    inputs = {}
    for name, shape in shapes.items():
        if (name in ("initial_c", "P") and operator != "LSTM") or not chance(there.get(name, 1)):
            continue
        size = 0.5 / np.sqrt(shape[-1]) if name in "WR" else 1.0 if name == "X" else 0.4
        inputs[name] = (size * rng.normal(size=shape)).astype(np.float32)
    if chance(0.5):
        inputs["sequence_lens"] = rng.integers(0 if chance(0.3) else 1, T + 1, B).astype(np.int32)
    names = ["Y", "Y_h", "Y_c"][: 3 if operator == "LSTM" else 2]
    kept = [name for name in names if chance(0.7)] or [names[-1]]
    return Node(operator, node, inputs, tuple(kept), opset)


def model_of(node: Node, held: tuple[str, ...] = ("W", "R", "B", "P")) -> Any:
    """A model of the node; ``held`` names what it holds itself."""
    listed = [name if name in node.inputs else "" for name in INPUTS]
    while not listed[-1]:
        listed.pop()
    outputs = [name if name in node.outputs else "" for name in ("Y", "Y_h", "Y_c")]
    while not outputs[-1]:
        outputs.pop()
    made = helper.make_node(node.operator, listed, outputs, name="layer", **node.attributes)
    graph = helper.make_graph(
        [made],
        "node",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for name, a in node.inputs.items()
            if name not in held
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in node.outputs],
        [numpy_helper.from_array(a, name) for name, a in node.inputs.items() if name in held],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", node.opset)], ir_version=8)


def ours(node: Node) -> dict[str, np.ndarray]:
    held = ("W", "R", "B", "P")
    return unrolled.onnx.run(model_of(node), {name: a for name, a in node.inputs.items() if name not in held})


def theirs(node: Node) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model_of(node).SerializeToString(), options)
    inputs = {each.name: node.inputs[each.name] for each in session.get_inputs()}
    return dict(zip(node.outputs, session.run(list(node.outputs), inputs), strict=True))


def spelt_for_theirs(node: Node, spelt_out: Any) -> Node:
    """The same in a form that ONNX Runtime takes: functions spelt out, time first, with a hidden size."""
    attributes = {**spelt_out(node.operator, node.attributes), "hidden_size": node.inputs["R"].shape[2]}
    inputs = dict(node.inputs)
    if attributes.pop("layout", 0):
        inputs.update({n: inputs[n].swapaxes(0, 1) for n in ("X", "initial_h", "initial_c") if n in inputs})
    return node._replace(attributes=attributes, inputs=inputs)


def comparable(node: Node) -> bool:
    """Whether ONNX Runtime computes what the specification says."""
    if node.operator == "LSTM" and "clip" in node.attributes:
        return False
    empty = "sequence_lens" in node.inputs and not node.inputs["sequence_lens"].all()
    if tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 32) and node.operator == "RNN":
        D = len(node.inputs["R"])
        uneven = any(len(node.attributes.get(f"activation_{key}", [])) not in (0, D) for key in ("alpha", "beta"))
        return not empty and not uneven
    return not empty or not {"initial_h", "initial_c"} & node.inputs.keys()


def assert_close(actual: dict[str, np.ndarray], expected: dict[str, np.ndarray], bound: float = 1e-5) -> None:
    """Equal to ``bound``, or to that share of the largest number where gates without bounds made it larger than 1."""
    for name, array in actual.items():
        largest = max(1.0, float(abs(expected[name]).max()))
        np.testing.assert_allclose(array, expected[name], rtol=0, atol=bound * largest, err_msg=name)


@pytest.mark.parametrize("first", range(0, COUNT, 50))
def test_nodes_equal_onnx_runtime_and_the_specification(first, specification, spelt_out):
    compared = 0
    for seed in range(first, first + 50):
        node = random_node(seed)
        actual = ours(node)
        assert tuple(actual) == node.outputs
        assert {array.dtype for array in actual.values()} == {np.dtype(np.float32)}
        assert_close(actual, specification(node.operator, node.attributes, node.inputs))
        spelt = spelt_for_theirs(node, spelt_out)
        if comparable(spelt):
            expected = theirs(spelt)
            if node.attributes.get("layout"):
                expected = {n: a.transpose(2, 0, 1, 3) if n == "Y" else a.swapaxes(0, 1) for n, a in expected.items()}
            assert_close(actual, expected)
            compared += 1
    assert compared >= 35


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
@pytest.mark.parametrize("seed", range(30))
def test_other_types(dtype, seed, specification):
    node = random_node(1000 + seed)
    node = node._replace(inputs={n: a if a.dtype == np.int32 else a.astype(dtype) for n, a in node.inputs.items()})
    actual = ours(node)
    assert {array.dtype for array in actual.values()} == {np.dtype(dtype)}
    bound = 1e-7 if dtype is np.float64 else 3e-3  # attributes are float32: 0.2 by default, 0.20000000298 if given
    assert_close(actual, specification(node.operator, node.attributes, node.inputs), bound)


def node_of(operator: str, shape: tuple[int, int, int, int] = (4, 2, 3, 5), **attributes: Any) -> Node:
    T, B, I, H = shape
    rng, G = np.random.default_rng(0), GATES[operator]
    shapes = {"X": (T, B, I), "W": (1, G * H, I), "R": (1, G * H, H), "B": (1, 2 * G * H)}
    inputs = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    outputs = ("Y", "Y_h", "Y_c") if operator == "LSTM" else ("Y", "Y_h")
    return Node(operator, {"hidden_size": H, **attributes}, inputs, outputs, 14)


def assert_theirs_departs(node: Node, specification: Any) -> None:
    """Ours does what the specification says, ONNX Runtime refuses the node or computes something else."""
    expected = specification(node.operator, node.attributes, node.inputs)
    assert_close(ours(node), expected)
    try:
        found = theirs(node)
    except Exception:  # its classes are of the extension module
        return
    assert any(not np.allclose(found[name], expected[name], atol=1e-3) for name in found), (
        "the list above is out of date"
    )


@pytest.mark.parametrize("operator", ["RNN", "GRU", "LSTM"])
def test_departures_of_onnx_runtime(operator, specification):
    batch_first = node_of(operator, layout=1)
    batch_first.inputs["X"] = batch_first.inputs["X"].swapaxes(0, 1)
    assert_theirs_departs(batch_first, specification)
    no_size = node_of(operator)
    del no_size.attributes["hidden_size"]
    assert_theirs_departs(no_size, specification)
    gates = ["Sigmoid"] * (operator != "RNN")
    memory = ["Tanh"] * (operator == "LSTM")
    for function in ("ThresholdedRelu", "Affine", "ScaledTanh"):
        assert_theirs_departs(node_of(operator, activations=[*gates, function, *memory]), specification)
    steep = node_of(operator, activations=[*gates, "Softplus", *memory], shape=(1, 2, 3, 5))
    steep.inputs["X"] = np.full((1, 2, 3), 80, np.float32)
    steep.inputs["W"] = np.abs(steep.inputs["W"])
    with np.errstate(over="ignore"):
        assert_theirs_departs(steep, specification)
    wide = node_of(operator)
    wide = wide._replace(inputs={name: array.astype(np.float64) for name, array in wide.inputs.items()})
    assert_theirs_departs(wide, specification)


def test_clip_bounds_the_memory_where_it_is_put_out(specification):
    node = node_of("LSTM", clip=0.3, shape=(6, 3, 2, 4))
    assert_theirs_departs(node, specification)
    y_c = ours(node)["Y_c"]
    assert abs(y_c).max() > 0.35  # the memory itself is not bounded


def test_an_empty_sequence_hands_its_initial_states_on():
    for operator in ("RNN", "GRU", "LSTM"):
        node = node_of(operator)
        node.inputs["sequence_lens"] = np.array([0, 4], np.int32)
        node.inputs["initial_h"] = np.full((1, 2, 5), 7, np.float32)
        outputs = ours(node)
        assert (outputs["Y_h"][0, 0] == 7).all()
        assert not outputs["Y"][:, 0, 0].any()


@pytest.mark.parametrize("operator", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize(
    ("function", "constants"),
    [
        ("ScaledTanh", (-0.7, 0.9)), ("ScaledTanh", (0.0, 1.0)), ("Affine", (-0.5, 0.2)), ("Affine", (1.0, 0.0)),
        ("HardSigmoid", (-0.4, 0.3)), ("LeakyRelu", (0.0,)), ("Elu", (0.0,)), ("ThresholdedRelu", (0.0,)),
    ],
)  # fmt: skip
def test_constants_of_zero_and_below(operator, function, constants, specification):
    functions = [*["Sigmoid"] * (operator != "RNN"), function, *["Tanh"] * (operator == "LSTM")]
    given = {f"activation_{key}": [value] for key, value in zip(("alpha", "beta"), constants, strict=False)}
    node = node_of(operator, activations=functions, **given)
    actual = ours(node)
    assert_close(actual, specification(operator, node.attributes, node.inputs))
    assert_close(actual, theirs(node))
