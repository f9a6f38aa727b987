"""SequenceGenerator: what it learns, draws and measures; its options, wrong inputs, saving and loading."""

from __future__ import annotations

import copy
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

import unrolled
from unrolled import InputError, SequenceGenerator
from unrolled.cells import CELLS
from unrolled.codecs.stop_strings import StopStrings

NAMES = ["Anna", "Hanna", "Johanna", "Bob", "Rob", "Jacob"]
SEX = ["f", "f", "f", "m", "m", "m"]
VECTORS = [[1.0, 0.0, 3.0], [1.0, 1.0, 3.0], [1.0, 2.0, 3.0], [5.0, 0.0, 3.0], [5.0, 1.0, 3.0], [5.0, 2.0, 3.0]]
RHYME = "One two buckle my shoe.\nThree four knock at the door.\n"
TINY = {"hidden_size": 6, "embedding_size": 5, "max_epochs": 1, "random_state": 0}
LEARNS = {
    "hidden_size": 24,
    "max_epochs": 25,
    "learning_rate": 0.03,
    "batch_size": 8,
    "random_state": 0,
    "dropout": 0.0,
    "validation_fraction": 0.1,
}


def tiny(**given):
    return SequenceGenerator(**{**TINY, **given})


@pytest.fixture(scope="module")
def names():
    return SequenceGenerator(**LEARNS).fit(NAMES * 8, SEX * 8)


@pytest.fixture(scope="module")
def rhyme():
    return SequenceGenerator(**LEARNS).fit(RHYME * 30)


def test_pieces_of_a_class_are_learned(names):
    assert set(names.generate(40, condition="f", temperature=0.4, seed=0)) <= {"Anna", "Hanna", "Johanna"}
    assert set(names.generate(40, condition="m", temperature=0.4, seed=0)) == {"Bob", "Rob", "Jacob"}
    assert names.generate(condition=["m", "f"], prompt="Jo", temperature=0.1, seed=0)[1] == "hanna"
    assert names.score(NAMES, SEX) > names.score(NAMES, SEX[::-1]) + 1
    best = math.log(3) / np.mean([len(name) + 1 for name in NAMES])  # nats a symbol, of one who knows the names
    assert best - 0.01 < names.evaluate(NAMES, SEX)["nats"] < best + 0.1
    assert names.condition_kind_ == "class"
    assert names.classes_.tolist() == ["f", "m"]


def test_a_vector_says_what_a_piece_is_to_be():
    model = SequenceGenerator(**LEARNS).fit(NAMES * 8, VECTORS * 8)
    assert model.generate(condition=VECTORS, temperature=0.2, seed=0) == NAMES
    assert model.generate(2, condition=VECTORS[3], temperature=0.2, seed=0) == ["Bob", "Bob"]
    assert model.condition_kind_ == "vector"
    assert model.classes_ is None


def test_measures_are_those_of_their_equations(names):
    told = names.log_likelihoods(NAMES, SEX)
    assert [len(each) for each in told] == [len(name) + 1 for name in NAMES]
    found, total = names.evaluate(NAMES, SEX), -sum(each.sum() for each in told)
    assert found["nats"] == pytest.approx(total / sum(len(name) + 1 for name in NAMES))
    assert found["perplexity"] == pytest.approx(math.exp(found["nats"]))
    assert found["bits_per_character"] == pytest.approx(total / math.log(2) / sum(map(len, NAMES)))
    assert names.score(NAMES, SEX) == pytest.approx(-found["nats"])


def test_a_long_text_is_learned_with_its_state_carried(rhyme):
    assert rhyme.carried_
    text = rhyme.generate(prompt="One two", max_length=len(RHYME), temperature=0.05, seed=0)[0]
    assert "One two" + text[: len(RHYME) - 7] == RHYME
    (told,) = rhyme.log_likelihoods(RHYME * 3)
    assert len(told) == 3 * len(RHYME)
    assert told[len(RHYME) :].mean() > -0.3  # of what is known by then
    assert rhyme.evaluate(RHYME * 3)["nats"] == pytest.approx(-told.mean())
    assert rhyme.evaluate([RHYME * 3]) == rhyme.evaluate(RHYME * 3)
    assert len(rhyme.generate(seed=0)[0]) == 1000


def test_carried_likelihoods_are_those_of_torch(rhyme):
    """By torch's own LSTM, over the whole text at once."""
    lstm, tensors = lstm_of(rhyme, 64)
    symbols = [1 + rhyme.vocabulary_.index(letter) for letter in RHYME]
    read = [len(rhyme.vocabulary_) + 2, *symbols[:-1]]
    h, _ = lstm(tensors["head.symbols"][read])
    scores = h @ tensors["head.scores.weight"].T + tensors["head.scores.bias"]
    expected = torch.log_softmax(scores.double(), 1)[range(len(symbols)), symbols].detach()
    np.testing.assert_allclose(rhyme.log_likelihoods(RHYME)[0], expected, atol=1e-5)


def lstm_of(model, inputs):
    """A fitted network's layer as torch's own, and its other tensors."""
    tensors = {name: torch.from_numpy(np.array(each)) for name, each in model.model_.members[0].items()}
    lstm = torch.nn.LSTM(inputs, model.hidden_size)
    lstm.load_state_dict({name.removeprefix("rnn."): each for name, each in tensors.items() if name[:4] == "rnn."})
    return lstm, tensors


def test_the_equations_of_a_vector_are_those_of_torch():
    model = tiny(max_epochs=4, learning_rate=0.1).fit(NAMES, VECTORS)
    lstm, tensors = lstm_of(model, 5 + 16)
    z = model._fitted().condition.encode(np.array(VECTORS))[2]
    q = torch.tanh(tensors["condition.weight"] @ torch.from_numpy(z) + tensors["condition.bias"])
    symbols = [1 + model.vocabulary_.index(letter) for letter in NAMES[2]]
    x = tensors["head.symbols"][[len(model.vocabulary_) + 2, *symbols]]
    h, _ = lstm(torch.cat([x, q.expand(len(x), -1)], 1))
    log_p = torch.log_softmax((h @ tensors["head.scores.weight"].T + tensors["head.scores.bias"]).double(), 1)
    expected = log_p[range(len(x)), [*symbols, len(model.vocabulary_) + 1]].detach()
    np.testing.assert_allclose(model.log_likelihoods(NAMES, VECTORS)[2], expected, atol=1e-5)


def test_the_equations_of_tied_tables_are_those_of_torch():
    model = tiny(max_epochs=4, learning_rate=0.1, tied=True).fit(NAMES)
    lstm, tensors = lstm_of(model, 5)
    table = tensors["head.symbols"]
    assert tensors["head.bias"].abs().max() > 0.1
    symbols = [1 + model.vocabulary_.index(letter) for letter in NAMES[2]]
    h, _ = lstm(table[[len(model.vocabulary_) + 2, *symbols]])
    scores = h @ tensors["head.project.weight"].T @ table[:-1].T + tensors["head.bias"]
    expected = torch.log_softmax(scores.double(), 1)[range(len(h)), [*symbols, len(model.vocabulary_) + 1]].detach()
    np.testing.assert_allclose(model.log_likelihoods(NAMES)[2], expected, atol=1e-5)


def test_a_prompt_is_read_as_a_piece_is(rhyme):
    """What is drawn first after a prompt has the probability that a piece's next symbol has."""
    (drawn,) = rhyme.draw(prompt="One tw", max_length=1, top_k=1, seed=0)
    assert drawn.piece == "o"
    assert drawn.log_p == pytest.approx(rhyme.log_likelihoods("One two")[0][-1], abs=1e-9)


def test_a_prompt_may_be_white_space(rhyme):
    assert rhyme.generate(prompt="\n", max_length=6, temperature=0.05, seed=0) == ["Three "]
    assert rhyme.generate(prompt="", max_length=3, seed=0) == rhyme.generate(max_length=3, seed=0)


def known_log_p(model, piece):
    """Of a piece, step by step, by the probabilities of what is known."""
    network, total = model.model_.networks[0], 0.0
    state, read = network.start(1), network.config.head.begin
    for symbol in [*(1 + model.vocabulary_.index(letter) for letter in piece), network.config.head.end]:
        (log_p,), state = network.advance(state, np.array([read]))
        total += log_p[symbol] - math.log(1 - math.exp(log_p[0]))
        read = symbol
    return total


def test_drawn_pieces_have_the_frequencies_of_the_model():
    model = tiny(max_epochs=8, learning_rate=0.05).fit(["a", "b", "b", "ab"] * 10)
    drawn = model.draw(4000, seed=0)
    for piece in ("a", "b", "ab"):
        p = math.exp(known_log_p(model, piece))
        count = sum(each.piece == piece and each.finished for each in drawn)
        assert abs(count - 4000 * p) < 4 * math.sqrt(4000 * p * (1 - p))
        (log_p,) = {each.log_p for each in drawn if each.piece == piece and each.finished}
        assert log_p == pytest.approx(model.log_likelihoods([piece])[0].sum())


def test_a_piece_does_not_depend_on_the_others(names, rhyme):
    many = names.generate(20, condition="f", seed=5)
    assert names.generate(7, condition="f", seed=5) == many[:7]
    assert names.generate(3, condition="f", seed=6) != many[:3]
    assert names.generate(condition="f", seed=None) is not None
    assert (
        "".join(rhyme.stream(prompt="One", max_length=50, seed=3))
        == rhyme.generate(prompt="One", max_length=50, seed=3)[0]
    )


def test_a_stop_string_ends_a_piece_before_it(rhyme):
    given = {"prompt": "One", "temperature": 0.05, "seed": 0}
    assert rhyme.generate(stop=["e my"], **given) == [" two buckl"]
    assert list(rhyme.stream(stop=["e my", "!"], **given)) == list(" two buckl")
    several = rhyme.draw(2, stop=["my", "buckle"], **given)
    assert [(each.piece, each.finished) for each in several] == [(" two ", True)] * 2
    (cut,) = rhyme.draw(stop=["shoes"], max_length=20, **given)
    assert (cut.piece, cut.finished) == (" two buckle my shoe.", False)
    assert rhyme.generate(stop=["shoes"], max_length=19, **given) == [" two buckle my shoe"]  # what was held back


@pytest.mark.parametrize("stop", ["the end", "##", "aab"])
def test_stop_strings_may_straddle_parts(stop):
    rng = np.random.default_rng(0)
    for _ in range(200):
        text = "".join(rng.choice(list("thea nd#"), 40)) + stop + "tail"
        cuts = [0, *sorted(rng.integers(0, len(text), 9)), len(text)]
        until, found = StopStrings([stop]), ""
        for start, end in itertools.pairwise(cuts):
            found += until(text[start:end])
        assert until.ended
        assert found + until.rest() == text[: text.index(stop)]


def test_the_first_of_several_stop_strings_ends_a_text():
    until = StopStrings(["d", "b", "xy"])
    assert (until("ax"), until("abcd"), until.ended, until("e"), until.rest()) == ("a", "xa", True, "", "")


def test_words_keep_lines_and_blanks():
    text = "Up, up\n\n  and away!\n"
    model = SequenceGenerator(**{**LEARNS, "max_epochs": 40}, tokens="words").fit(text * 30)
    assert model.generate(prompt="Up", max_length=9, temperature=0.05, seed=0) == [text[2:]]
    assert model.evaluate(text)["bits_per_character"] < model.evaluate(text)["nats"] / math.log(2)


def test_lists_of_tokens():
    model = SequenceGenerator(**LEARNS).fit([["up", "up", "down"], ["left", "right"]] * 12)
    assert model.generate(prompt=["up"], temperature=0.1, seed=0) == [["up", "down"]]
    assert model.generate(prompt=["up"], temperature=0.1, seed=0, stop=["down"]) == [["up"]]
    assert list(model.stream(prompt=["left"], temperature=0.1, seed=0)) == ["right"]
    assert set(model.evaluate([["up", "up", "down"]])) == {"nats", "perplexity"}
    assert model.item_kind_ == "tokens"


def test_predict_goes_on_from_pieces(names):
    found = names.predict(["Jo", "Ja"], ["f", "m"])
    assert found == names.predict(["Jo", "Ja"], ["f", "m"])
    assert all(isinstance(each, str) for each in found)


@pytest.mark.parametrize(
    "given",
    [
        {"tied": True}, {"tied": True, "embedding_size": 6}, {"token_dropout": 0.2}, {"members": 2}, {"num_layers": 2},
        {"weight_drop": 0.3, "state_dropout": 0.2, "input_dropout": 0.1}, {"truncate": 3}, {"condition_size": 3},
        {"min_count": 9}, {"tokens": "words"}, {"validation_fraction": 0}, {"steps": "symbols"}, {"zoneout": 0.1},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("kind", ["class", "carried"])
def test_every_option_is_saved_and_read_back(given, kind, tmp_path):
    X, y = (NAMES * 3, SEX * 3) if kind == "class" else (RHYME * 3, None)
    condition = {"condition": "f"} if kind == "class" else {}
    model = tiny(**given).fit(X, y)
    model.save(tmp_path / "model")
    loaded = unrolled.load(tmp_path / "model", SequenceGenerator)
    assert loaded.get_params() == model.get_params()
    assert loaded.draw(3, seed=1, max_length=9, **condition) == model.draw(3, seed=1, max_length=9, **condition)
    assert loaded.evaluate(X, y) == model.evaluate(X, y)
    if given in ({"tied": True}, {"condition_size": 3}, {"tokens": "words"}):
        plain = tiny().fit(X, y).model_.members[0]
        shapes = {name: each.shape for name, each in model.model_.members[0].items()}
        changed = shapes != {name: each.shape for name, each in plain.items()}
        assert changed == (kind == "class" or given != {"condition_size": 3})


@pytest.mark.parametrize("cell", ["rnn", *CELLS])
def test_every_cell(cell):
    sizes = {"lstmp": {"cell_sizes": {"proj_size": 4}}, "sru": {"embedding_size": 6}, "slstm": {}, "qrnn": {}}
    model = tiny(cell=cell, **sizes.get(cell, {})).fit(NAMES * 2 if cell == "sru" else RHYME)
    (whole,) = model.log_likelihoods([RHYME[:20]])
    assert np.isfinite(whole).all()
    assert len(model.generate(seed=0, max_length=5, prompt=RHYME[:3] if cell != "sru" else None)) == 1


def test_the_mean_of_the_members_is_drawn_from():
    model = tiny(members=2).fit(NAMES * 2)
    alone = [
        SequenceGenerator._adopt(copy.copy(model), model._settings, model._config, type(model.model_)(
            model.model_.shape, [member], False
        ))
        for member in model.model_.members
    ]  # fmt: skip
    p = [np.exp(np.concatenate(each.log_likelihoods(NAMES))) for each in alone]
    np.testing.assert_allclose(np.exp(np.concatenate(model.log_likelihoods(NAMES))), np.mean(p, 0), rtol=1e-10)


def test_what_was_saved_runs_without_torch_with_the_same_bits(names, tmp_path):
    names.save(tmp_path / "model")
    code = f"""
import sys
sys.modules["torch"] = None
import unrolled
model = unrolled.load({str(tmp_path / "model")!r})
print([(each.piece, each.log_p.hex()) for each in model.draw(5, condition="f", seed=0)])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(said) == [(each.piece, each.log_p.hex()) for each in names.draw(5, condition="f", seed=0)]


def test_a_resumed_training_has_the_same_bits(tmp_path):
    class Stopped(Exception):
        pass

    def stop(told):
        if told.epoch == 3:
            raise Stopped

    given, path = {**TINY, "max_epochs": 4, "dropout": 0.3}, tmp_path / "checkpoint"
    whole = SequenceGenerator(**given).fit(RHYME * 8)
    with pytest.raises(Stopped):
        SequenceGenerator(**given, callback=stop).fit(RHYME * 8, checkpoint=path)
    resumed = SequenceGenerator(**given).fit(RHYME * 8, checkpoint=path)
    for name, tensor in whole.model_.members[0].items():
        np.testing.assert_array_equal(resumed.model_.members[0][name], tensor)


def test_validation_may_be_given():
    model = tiny().fit(NAMES, SEX, validation=(NAMES[:2], SEX[:2]))
    assert model.validation_ == model.evaluate(NAMES[:2], SEX[:2])
    model = tiny().fit(RHYME * 3, validation=RHYME)
    assert model.validation_ == model.evaluate(RHYME)
    assert tiny(validation_fraction=0).fit(RHYME).validation_ is None
    with pytest.raises(InputError, match="no pair of pieces"):
        tiny().fit(NAMES, SEX, validation=NAMES)
    with pytest.raises(InputError, match="validation holds 6 pieces, expected one long text"):
        tiny().fit(RHYME, validation=NAMES)


@pytest.mark.parametrize(
    ("X", "y", "given", "message"),
    [
        ("", None, {}, "empty"),
        ([], None, {}, "X holds numbers|0 items"),
        (["a", " "], None, {}, "text 1 is empty"),
        ("x", None, {}, "the text has 1 symbol, expected at least 2"),
        (NAMES, SEX[:3], {}, "3"),
        (NAMES, [1.5] * 6, {}, "fractions"),
        (NAMES, ["f", None, "f", "m", "m", "m"], {}, "every sequence needs a label"),
        (NAMES, [[1.0, math.nan]] * 6, {}, "NaN"),
        (NAMES, None, {"carried": True}, "carried is True with 6 pieces"),
        ([RHYME], ["f"], {"carried": True}, "carried is True with a condition"),
        (["ab" * 60_000] * 2, None, {}, "piece 0 has 120,000 steps"),
        (NAMES, None, {"min_count": 99}, "lower min_count"),
        (["\ud83d"], None, {}, "half of a character"),
        (NAMES, None, {"embedding_size": 0}, "embedding_size is 0"),
        (NAMES, None, {"components": 3}, "components is 3, but the pieces are texts: leave it out"),
        ([["a", "b"]], None, {"positions": True}, "positions is True, but the pieces are tokens"),
        ([np.eye(12)], None, {"tokens": "words"}, "tokens is 'words', but the pieces are notes"),
        ([np.eye(3)], None, {"tied": True}, "tied is True, but the pieces are strokes"),
        (
            [np.eye(2)],
            None,
            {"within_frame": "independent"},
            "within_frame is 'independent', but the pieces are values",
        ),
    ],
)
def test_wrong_data_are_named(X, y, given, message):
    with pytest.raises(InputError, match=message):
        tiny(**given).fit(X, y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"temperature": 0}, "temperature is 0"),
        ({"temperature": -1}, "temperature is -1"),
        ({"top_p": 0}, "top_p is 0"),
        ({"top_p": 1.01}, "top_p is 1.01"),
        ({"top_k": 0}, "top_k"),
        ({"n": 0}, "n is 0"),
        ({"n": 2, "condition": ["f", "m", "f"]}, "n is 2 and there are 3 conditions"),
        ({"max_length": 0}, "max_length is 0"),
        ({"seed": -1}, "seed"),
        ({"prompt": "Zoë"}, "the prompt holds 'Z', which the model has never read"),
        ({"prompt": ["A"]}, "expected texts"),
        ({"stop": "x"}, "stop is 'x', expected a list of texts"),
        ({"stop": [""]}, "expected a list of texts of at least one character"),
        ({"condition": None}, "what is each piece to be"),
        ({"condition": "x"}, "'x' of sequence 0 is none of the model's classes 'f', 'm'"),
        ({"condition": 3}, "is none of the model's classes"),
    ],
)
def test_what_cannot_be_drawn_is_named(names, given, message):
    with pytest.raises(InputError, match=message):
        names.generate(**{"condition": "f", **given})
    if "n" not in given:
        with pytest.raises(InputError, match=message):
            names.stream(**{"condition": "f", **given})  # at once, before the first part is asked for


def test_conditions_are_as_they_were_learned(names, rhyme):
    with pytest.raises(InputError, match="trained without conditions"):
        rhyme.generate(condition="f")
    with pytest.raises(InputError, match="trained without conditions"):
        rhyme.evaluate(RHYME, ["f"])
    with pytest.raises(InputError, match="what is each piece to be"):
        names.evaluate(NAMES)
    vectors = tiny().fit(NAMES, VECTORS)
    with pytest.raises(InputError, match="a condition has 2 numbers, the model was trained on 3"):
        vectors.generate(condition=[1.0, 2.0])
    with pytest.raises(InputError, match="the conditions are labels, expected vectors of numbers"):
        vectors.evaluate(NAMES, SEX)
    with pytest.raises(InputError, match=r"condition: vector 0 is .*nan.*, expected finite numbers"):
        vectors.generate(condition=[1.0, np.nan, 0.0])
    with pytest.raises(InputError, match=r"not fitted|fit"):
        SequenceGenerator().generate()


def test_an_unknown_symbol_is_measured_and_never_drawn():
    model = tiny(min_count=4).fit([*(["ab"] * 10), "z"])
    assert model.vocabulary_ == ["a", "b"]
    assert np.isfinite(model.log_likelihoods(["az"])[0]).all()
    assert set("".join(model.generate(200, seed=0))) == {"a", "b"}


def test_it_says_what_it_has_learned(names, rhyme):
    assert repr(names).endswith("48 pieces of 11 symbols>")
    assert repr(rhyme).endswith("long text of 23 symbols>")
    assert names.inferred_ == [
        "11 different symbols; learned from 43 pieces: 194 symbols",
        "1 network, batches of 8, 25 epochs, 10% kept back: 48 examples",
    ]
    assert copy.deepcopy(names).generate(condition="f", seed=0) == names.generate(condition="f", seed=0)
