"""A decoder's step in one call has the bits of the network's text run call by call, and says where it does not apply."""

from __future__ import annotations

import copy
import gc
import pickle

import numpy as np
import pytest

from unrolled.codecs.tokens import TokenIds
from unrolled.errors import InputError
from unrolled.kernels import decoder_step as step_kernel
from unrolled.kernels import kernel
from unrolled.kernels.decoder_step import Asked, DecoderStep
from unrolled.kernels.packed import PackedDense, PackedWeights
from unrolled.networks.attention import AttentionConfig
from unrolled.networks.embedding import EmbeddingConfig
from unrolled.networks.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.runtime import engine
from unrolled.runtime.engine import KernelEngine

H, E, V = 20, 7, 13  # no multiples of a vector
ATTENTIONS = {
    "none": None,
    "additive": AttentionConfig("additive", size=19),
    "concat": AttentionConfig("concat", size=33),
    "dot": AttentionConfig("dot"),
    "general": AttentionConfig("general"),
}
NOT_AT_ONCE = {
    "heads": {"attention": AttentionConfig("multi_head", size=4, heads=2)},
    "coverage": {"attention": AttentionConfig("additive", size=3, coverage=True)},
    "local_m": {"attention": AttentionConfig("dot", reach="local_m", window=1)},
    "local_p": {"attention": AttentionConfig("dot", reach="local_p", window=1)},
    "windows": {"cell": "qrnn"},
    "three memories": {"cell": "slstm"},
    "zoneout": {"zoneout": (0.1, 0.1)},
}


def network_for(*, cell="lstm", attention=None, feeding=False, layers=1, size=E, weights=None, **options):
    sizes = {"qrnn": {"kernel_width": 2}, "slstm": {"head_size": 10}, "lstmp": {"proj_size": H}}.get(cell, {})
    hidden = H + 3 if cell == "lstmp" else H
    decoder = StackConfig(cell, size + H * feeding, hidden, layers, sizes=sizes, **options)
    config = EncoderDecoderConfig(
        StackConfig("gru", 5, H, 1), decoder, V, size, EmbeddingConfig(V, 5), attention=attention, input_feeding=feeding
    )
    rng = np.random.default_rng(1)
    shapes = config.parameters().items()
    parameters = {name: (rng.normal(size=shape) / 2).astype(np.float32) for name, (shape, _) in shapes}
    return EncoderDecoder(KernelEngine(parameters, weights=weights), config)


def same_in_bits(network, lengths=(9, 4, 1), chosen=(0, 0, 0, 1, 2, 2)):
    """Three steps of rows that share sources, each beside the text's own."""
    assert network._step is not None
    rng = np.random.default_rng(2)
    state = network.start([TokenIds(rng.integers(V, size=n)) for n in lengths])
    tokens, rows = np.full(len(lengths), network.config.begin), np.array(chosen) % len(lengths)
    for u in range(3):
        scores, expected = network.run(state, tokens[None])
        log_p, found = network.advance(state, tokens)
        np.testing.assert_array_equal(log_p, network.engine.log_probabilities(scores[0]))
        assert found.steps == expected.steps == u + 1
        assert found.rows is expected.rows is state.rows
        for name in ("weights", "fed", "covered"):
            own, other = getattr(found, name), getattr(expected, name)
            assert (own is None) == (other is None)
            if own is not None:
                np.testing.assert_array_equal(own, other)
                assert own.dtype == other.dtype
        for own, other in zip(found.states, expected.states, strict=True):
            np.testing.assert_array_equal(own, other)
        state = network.select(found, rows)
        tokens, rows = rng.integers(V, size=len(rows)), rng.permutation(len(rows))
        rows = rows[np.argsort(state.rows[rows], kind="stable")] if u else rows  # side by side, and not


@pytest.mark.parametrize("feeding", [False, True], ids=["", "fed"])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_every_attention_has_the_bits_of_the_text(attention, feeding):
    if feeding and attention == "none":
        pytest.skip("nothing is fed back without attention")
    same_in_bits(network_for(attention=ATTENTIONS[attention], feeding=feeding, layers=2))
    same_in_bits(network_for(attention=ATTENTIONS[attention], feeding=feeding), (6,), (0, 0, 0, 0))


@pytest.mark.parametrize(
    "cell", ["gru", "rnn_tanh", "lstmp", "lstm_peephole", "sru", "gru_reset_before", "lstm_layer_norm"]
)
def test_every_kind_of_cell_has_the_bits_of_the_text(cell):
    same_in_bits(network_for(cell=cell, attention=ATTENTIONS["general"], layers=2, size=H if cell == "sru" else E))


@pytest.mark.parametrize("large", [1, H * H, 2 * H * H + 1], ids=["all", "all but the head", "layers"])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_weights_stored_as_bfloat16(monkeypatch, attention, large):
    monkeypatch.setattr(engine, "LARGE", large)
    network = network_for(attention=ATTENTIONS[attention], layers=2, weights="bfloat16")
    assert network.head.packed.halves == (large == 1)
    same_in_bits(network)


def test_layers_that_add_their_inputs():
    same_in_bits(network_for(attention=ATTENTIONS["general"], layers=3, residual=True))


@pytest.mark.parametrize("cell", ["lstm", "gru", "gru1"])
@pytest.mark.parametrize("fused", [0, kernel.FUSED_BYTES], ids=["apart", "fused"])
@pytest.mark.parametrize("table", [0, step_kernel.LARGEST_TABLE], ids=["vectors", "products"])
def test_inputs_kept_a_token_or_computed_each_step(monkeypatch, table, fused, cell):
    monkeypatch.setattr(step_kernel, "LARGEST_TABLE", table)
    monkeypatch.setattr(kernel, "FUSED_BYTES", fused)
    same_in_bits(network_for(cell=cell, attention=ATTENTIONS["dot"], layers=2))


@pytest.mark.parametrize("case", NOT_AT_ONCE)
def test_what_is_not_known_is_run_call_by_call(case):
    network = network_for(**NOT_AT_ONCE[case])
    assert network._step is None
    log_p, _ = network.advance(network.start([TokenIds(np.array([1, 2]))]), np.array([network.config.begin]))
    np.testing.assert_allclose(np.exp(log_p).sum(), 1, rtol=1e-6)


def test_other_tokens_and_no_rows_are_as_they_are_call_by_call():
    network = network_for(attention=ATTENTIONS["dot"])
    state = network.start([TokenIds(np.array([1, 2]))])
    with pytest.raises(IndexError):
        network.advance(state, np.array([V + 2]))
    log_p, _ = network.advance(network.select(state, np.array([], int)), np.array([], int))
    assert log_p.shape == (0, V + 1)


def test_a_state_can_be_gone_on_from_again():
    network = network_for(attention=ATTENTIONS["dot"], feeding=True)
    _, state = network.advance(network.start([TokenIds(np.array([1, 2]))]), np.array([network.config.begin]))
    kept = [each.copy() for each in (*state.states, state.fed, state.weights)]
    first, _ = network.advance(state, np.array([3]))
    network.advance(state, np.array([4]))
    np.testing.assert_array_equal(network.advance(state, np.array([3]))[0], first)
    for own, before in zip((*state.states, state.fed, state.weights), kept, strict=True):
        np.testing.assert_array_equal(own, before)


def parts(**changed):
    """The arguments of a step without attention."""
    rng = np.random.default_rng(0)
    sizes = {"weight_ih": (9, 2), "weight_hh": (9, 3), "bias_ih": (9,), "bias_hh": (9,)}
    weights = PackedWeights("gru", {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()})
    table, combine, head = (rng.normal(size=size).astype(np.float32) for size in ((4, 2), (3, 3), (5, 3)))
    given = {
        "table": table,
        "layers": [weights],
        "combine": PackedDense(combine, None),
        "head": PackedDense(head, None),
    }
    return given | changed


@pytest.mark.parametrize(
    "changed",
    [
        {"table": np.zeros((4, 3), np.float32)},
        {"head": PackedDense(np.zeros((5, 4), np.float32), None)},
        {"head": PackedDense(np.zeros((5, 3)), None)},
        {"asked": 2},
        {"vector": np.zeros(2, np.float32)},
        {"query": PackedDense(np.zeros((5, 4), np.float32), None)},
        {"feeds": True},
    ],
)
def test_layers_that_do_not_fit_are_refused(changed):
    DecoderStep(**parts())
    with pytest.raises(InputError, match="do not fit together"):
        DecoderStep(**parts(**changed))


def cell_of(name):
    """A layer of another cell that fits by its sizes."""
    sizes = {"weight_ih": (3, 2), "weight_hh": (3, 3), "bias_ih": (3,), "bias_hh": (3,)}
    return PackedWeights(name, {each: np.zeros(size, np.float32) for each, size in sizes.items()})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"table": np.zeros(4, np.float32)}, "expected a table"),
        ({"table": np.zeros((4, 2, 2), np.float32)}, "expected a table"),
        ({"table": np.zeros((), np.float32)}, "expected a table"),
        ({"table": [[0.0, 0.0]]}, "table is a list"),
        ({"layers": []}, r"got \(4, 2\) and 0 layers"),
        ({"vector": [0.0, 0.0, 0.0]}, "vector is a list"),
    ],
)
def test_what_is_no_table_and_no_layers_is_refused(changed, message):
    with pytest.raises(InputError, match=message):
        DecoderStep(**parts(**changed))


def test_layers_of_several_cells_are_refused():
    table = np.zeros((4, 2), np.float32)
    upper = {"weight_ih": (3, 3), "weight_hh": (3, 3), "bias_ih": (3,), "bias_hh": (3,)}
    layers = {
        name: PackedWeights(name, {each: np.zeros(size, np.float32) for each, size in upper.items()})
        for name in ("rnn_tanh", "rnn_relu")
    }
    DecoderStep(**parts(table=table, layers=[cell_of("rnn_tanh"), layers["rnn_tanh"]]))
    with pytest.raises(InputError, match="do not fit together"):
        DecoderStep(**parts(table=table, layers=[cell_of("rnn_tanh"), layers["rnn_relu"]]))


def asking(compared):
    """A step with attention, what its source holds, and the source's numbers."""
    rng = np.random.default_rng(3)
    keys = rng.normal(size=(4, 1, 3)).astype(np.float32)
    values = [PackedDense(rng.normal(size=(3, 4)).astype(np.float32), None)]
    given = parts(
        asked=3,
        combine=PackedDense(rng.normal(size=(3, 6)).astype(np.float32), None),
        vector=np.ones(3, np.float32) if compared else None,
    )
    return DecoderStep(**given), Asked(np.array([4]), 4, keys if compared else [PackedDense(keys[:, 0], None)], values)


@pytest.mark.parametrize("compared", [False, True])
def test_keys_of_the_other_kind_are_refused(compared):
    (step, own), (_, other) = asking(compared), asking(not compared)
    tokens, states, rows = np.array([0, 3]), (np.zeros((1, 2, 3), np.float32),), np.array([0, 0])
    assert step(tokens, states, own, rows, None) is not None
    with pytest.raises(InputError, match="the keys are"):
        step(tokens, states, other, rows, None)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("compared", [False, True])
def test_a_copy_of_what_is_asked_reads_its_own_arrays(compared, copied):
    step, asked = asking(compared)
    given = np.array([0, 3]), (np.zeros((1, 2, 3), np.float32),)
    expected = step(*given, asked, np.array([0, 0]), None).log_p
    other = copied(asked)
    assert other.addresses != asked.addresses
    assert other.addresses[0] == other.lengths.ctypes.data
    if compared:
        assert other.addresses[1] == other.keys.ctypes.data
    del asked
    gc.collect()
    np.testing.assert_array_equal(step(*given, other, np.array([0, 0]), None).log_p, expected)


def test_what_is_arranged_for_this_machine_is_not_pickled():
    _, asked = asking(True)
    for each in (asked, asked.values[0]):
        with pytest.raises(InputError, match="cannot be pickled"):
            pickle.dumps(each)
    with pytest.raises(TypeError):
        copy.deepcopy(DecoderStep(**parts()))


def test_what_was_checked_cannot_be_changed():
    lengths, values = np.array([4]), [PackedDense(np.zeros((3, 4), np.float32), None)]
    asked = Asked(lengths, 4, np.zeros((4, 1, 3), np.float32), values)
    lengths[0] = 9
    values.clear()
    assert (asked.lengths.tolist(), len(asked.values)) == ([4], 1)
    with pytest.raises(ValueError, match="read-only"):
        asked.lengths[0] = 9
    for wrong in (np.array([4.0]), np.array([[4]])):
        with pytest.raises(InputError, match="whole numbers"):
            Asked(wrong, 4, np.zeros((4, 1, 3), np.float32), values)


def test_rows_that_do_not_fit_are_refused():
    step = DecoderStep(**parts())
    h = np.zeros((1, 2, 3), np.float32)
    found = step(np.array([0, 3]), (h,), None, None, None)
    assert found is not None
    assert found.log_p.shape == (2, 5)
    assert step(np.array([0, 4]), (h,), None, None, None) is None
    assert step(np.array([0, -1]), (h,), None, None, None) is None
    for states in ((h[:, :1],), (h.astype(float),)):
        with pytest.raises(InputError, match="states has"):
            step(np.array([0, 3]), states, None, None, None)
    keys, values = np.zeros((4, 1, 3), np.float32), [PackedDense(np.zeros((3, 4), np.float32), None)]
    asked = Asked(np.array([4]), 4, keys, values)
    assert step(np.array([0, 3]), (h,), asked, None, None) is None
    with_attention = parts(
        asked=3, combine=PackedDense(np.zeros((3, 6), np.float32), None), vector=np.zeros(3, np.float32)
    )
    step = DecoderStep(**with_attention)
    assert step(np.array([0, 3]), (h,), asked, np.array([0, 0]), None) is not None
    assert step(np.array([0, 3]), (h,), asked, np.array([0, 1]), None) is None
    for rows, message in ((None, "2 rows ask 1 sources"), (np.array([0]), "rows has shape")):
        with pytest.raises(InputError, match=message):
            step(np.array([0, 3]), (h,), asked, rows, None)
    with pytest.raises(InputError, match="another size"):
        step(np.array([0, 3]), (h,), Asked(np.array([4]), 4, keys[:, :, :2], values), np.array([0, 0]), None)
    for lengths, steps in (([5], 5), ([4], 3), ([0], 4), ([4, 4], 4)):
        with pytest.raises(InputError, match="do not fit sources"):
            Asked(np.array(lengths), steps, keys, values)
