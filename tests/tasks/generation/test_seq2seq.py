"""Seq2Seq: what it learns, says and scores; its options, wrong inputs, saving and loading."""

from __future__ import annotations

import copy
import itertools
import subprocess
import sys

import numpy as np
import pytest

import unrolled
from unrolled import InputError, Seq2Seq
from unrolled.cells import CELLS
from unrolled.codecs.audio import AudioFeatures
from unrolled.data.wav import Waveform
from unrolled.runtime.decoding.beam import BeamSearch

RNG = np.random.default_rng(0)
WORDS = ["Ann", "saw", "2", "dogs", ",", "cats", "and", "Bob"]


def sentences(count, seed=0, longest=5):
    rng = np.random.default_rng(seed)
    return [[WORDS[k] for k in rng.integers(0, len(WORDS), rng.integers(1, longest + 1))] for _ in range(count)]


X = sentences(150)
Y = [each[::-1] for each in X]
TINY = {"hidden_size": 8, "embedding_size": 6, "max_epochs": 2, "random_state": 0, "learning_rate": 0.02}
ATTENTIONS = [
    {"attention": "none"}, {"attention": "additive"}, {"attention": "dot"}, {"attention": "general"},
    {"attention": "concat"}, {"attention": "multi_head", "heads": 2}, {"attention": "general", "reach": "local_m", "window": 1},
    {"attention": "dot", "reach": "local_p"}, {"coverage": True}, {"input_feeding": True},
    {"coverage": True, "input_feeding": True},
]  # fmt: skip


def tiny(**given):
    return Seq2Seq(**{**TINY, **given})


@pytest.fixture(scope="module")
def fitted():
    return Seq2Seq(hidden_size=32, embedding_size=16, max_epochs=30, learning_rate=0.01, random_state=0).fit(
        sentences(500), [each[::-1] for each in sentences(500)]
    )


def test_reversing_is_learned_and_seen(fitted):
    held = sentences(60, seed=1)
    true = [each[::-1] for each in held]
    assert fitted.score(held, true) >= 0.9
    measures = fitted.evaluate(held, true)
    assert measures["exact"] == fitted.score(held, true)
    assert measures["token_error_rate"] < 0.05
    assert 1 <= measures["perplexity"] < 1.2
    assert fitted.validation_["exact"] > 0.8
    (weights,) = fitted.attention_weights([["Ann", "saw", "cats", "Bob"]], [["Bob", "cats", "saw", "Ann"]])
    assert weights.shape == (4, 4)
    assert weights.argmax(1).tolist() == [3, 2, 1, 0]
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    assert fitted.attention_weights([["Ann", "saw"]])[0].shape == (2, 2)


def test_the_search_finds_what_trying_everything_finds():
    model = tiny(beam_size=1000, max_length=3).fit([["a"], ["b"], ["a", "b"]] * 4, [["x"], ["y"], ["x", "y"]] * 4)
    source = ["b", "a"]
    every = [list(each) for n in range(3) for each in itertools.product(["x", "y"], repeat=n) if n]
    log_p = model.log_likelihood([source] * len(every), every)
    best = model.predict_n_best([source], 7)[0]
    assert len(best) == 7  # the empty answer among them
    assert {tuple(each.target): pytest.approx(each.log_p, rel=1e-5) for each in best if each.target} == dict(
        zip(map(tuple, every), log_p, strict=True)
    )
    assert [each.log_p for each in best] == sorted((each.log_p for each in best), reverse=True)
    assert model.predict([source])[0] == best[0].target


@pytest.mark.parametrize("given", ATTENTIONS, ids=str)
def test_every_attention_is_saved_and_read_back(given, tmp_path):
    model = tiny(**given).fit(X[:40], Y[:40])
    model.save(tmp_path / "model")
    loaded = unrolled.load(tmp_path / "model", Seq2Seq)
    assert loaded.get_params() == model.get_params()
    assert loaded.predict_n_best(X[:5], 3) == model.predict_n_best(X[:5], 3)
    np.testing.assert_array_equal(loaded.log_likelihood(X, Y), model.log_likelihood(X, Y))
    if given.get("attention") == "none":
        with pytest.raises(InputError, match="no attention"):
            model.attention_weights(X[:2], Y[:2])
    else:
        for weights, source, target in zip(model.attention_weights(X[:9], Y[:9]), X, Y, strict=False):
            assert weights.shape == (len(target), len(source))


@pytest.mark.parametrize("cell", ["rnn", *CELLS])
def test_every_cell(cell):
    sizes = {"lstmp": {"cell_sizes": {"proj_size": 4}}, "sru": {"embedding_size": 8, "bidirectional": False}}
    model = tiny(cell=cell, **sizes.get(cell, {})).fit(X[:20], Y[:20])
    assert np.isfinite(model.log_likelihood(X, Y)).all()


def test_what_was_saved_runs_without_torch_with_the_same_bits(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    code = f"""
import sys
sys.modules["torch"] = None
import unrolled
model = unrolled.load({str(tmp_path / "model")!r})
print([(answer.target, answer.log_p.hex()) for answer in model.predict_n_best({X[:1]!r}, 4)[0]])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(said) == [(each.target, float(each.log_p).hex()) for each in fitted.predict_n_best(X[:1], 4)[0]]


def test_an_answer_does_not_depend_on_the_others(fitted):
    together = fitted.predict_n_best(X[:30], 3)
    assert [fitted.predict_n_best([x], 3)[0] for x in X[:30]] == together
    np.testing.assert_array_equal(
        np.concatenate([fitted.log_likelihood([x], [y]) for x, y in zip(X[:30], Y, strict=False)]),
        fitted.log_likelihood(X[:30], Y[:30]),
    )


def test_texts_are_said_as_they_were():
    texts = [" ".join(each).replace(" ,", ",") for each in sentences(120, longest=3)]
    shouted = [text.upper() + "!" for text in texts]
    model = Seq2Seq(hidden_size=32, embedding_size=16, max_epochs=25, learning_rate=0.02, random_state=0).fit(
        texts, shouted
    )
    assert model.item_kind_ == "text"
    assert "!" in model.vocabulary_
    assert np.mean([said == true for said, true in zip(model.predict(texts), shouted, strict=True)]) > 0.9


def test_characters():
    words = ["".join(each) for n in (1, 2, 3) for each in itertools.product("abc", repeat=n)]
    model = Seq2Seq(
        tokens="characters", target_tokens="characters", hidden_size=32, embedding_size=16, max_epochs=60,
        learning_rate=0.02, random_state=0, validation_fraction=0,
    ).fit(words, [word[::-1] for word in words])  # fmt: skip
    assert model.predict(["abc", "b"]) == ["cba", "b"]
    assert model.vocabulary_ == ["a", "b", "c"]


def test_numbers():
    y = RNG.integers(0, 3, 200)
    steps = [np.repeat(np.eye(3)[[k, (k + 1) % 3]], 4, axis=0) + 0.1 * RNG.normal(size=(8, 3)) for k in y]
    said = [["none", "one", "two"][k : k + 2] for k in y]
    model = Seq2Seq(hidden_size=16, max_epochs=15, learning_rate=0.02, random_state=0).fit(steps, said)
    assert model.n_channels_in_ == 3
    assert model.score(steps, said) > 0.95
    with pytest.raises(InputError, match="2"):
        model.predict([np.zeros((4, 2))])


@pytest.mark.parametrize(
    "given",
    [
        {"label_smoothing": 0.3}, {"scheduled_sampling": 0.5}, {"dropout": 0.6}, {"cell": "gru"}, {"num_layers": 2},
        {"bidirectional": False}, {"hidden_size": 9}, {"embedding_size": 5}, {"character_size": 3}, {"members": 2},
        {"token_dropout": 0.5}, {"min_count": 22}, {"target_min_count": 22}, {"weight_drop": 0.5}, {"zoneout": 0.3},
        {"validation_fraction": 0.4}, {"batch_size": 5}, {"random_state": 1}, *ATTENTIONS[:1], *ATTENTIONS[2:],
    ],
    ids=str,
)  # fmt: skip
def test_every_option_changes_what_is_learned(given):
    usual, changed = (tiny(**own).fit(X[:60], Y[:60]) for own in ({}, given))
    assert not np.array_equal(usual.log_likelihood(X, Y), changed.log_likelihood(X, Y))


def answers_of(**given):
    model = tiny(max_epochs=8, **given).fit(X, Y)
    return model.predict_n_best([["Ann", "Ann", "saw", "saw", "Bob"]], 2)[0]


def test_options_of_the_search():
    usual = answers_of()
    assert [each.score for each in usual] == [each.log_p for each in usual]
    long = answers_of(length_penalty=5.0)
    assert all(each.score > each.log_p for each in long)
    assert len(long[0].target) >= len(usual[0].target)
    assert all(each.score < each.log_p for each in answers_of(coverage_penalty=1.0))
    for each in answers_of(block_ngrams=1):
        assert len(set(each.target)) == len(each.target)
    assert all(len(each.target) <= 2 for each in answers_of(max_length=2))
    assert not answers_of(max_length=1)[0].target or not answers_of(max_length=1)[0].finished
    assert answers_of(beam_size=40)[0].log_p >= usual[0].log_p


def test_rare_tokens_are_not_said():
    y = [["common"] * len(each) for each in X]
    y[0] = ["once"]
    model = tiny(target_min_count=2, validation_fraction=0).fit(X, y)
    assert model.vocabulary_ == ["common"]
    assert all("<unk>" not in said for said in model.predict(X))
    assert np.isfinite(model.log_likelihood(X[:1], [["never"]])).all()


def test_validation_that_is_given_chooses_the_epoch():
    model = tiny(max_epochs=3).fit(X[:50], Y[:50], validation=(X[50:70], Y[50:70]))
    assert len(model.validation_losses_) == 3
    assert min(model.validation_losses_) == pytest.approx(
        -model.log_likelihood(X[50:70], Y[50:70]).sum() / sum(len(each) + 1 for each in Y[50:70]), rel=1e-5
    )


def test_a_training_goes_on_where_it_was_stopped(tmp_path):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.epoch == 3:
            raise Stop

    whole = tiny(max_epochs=4, scheduled_sampling=0.3).fit(X, Y)
    with pytest.raises(Stop):
        tiny(max_epochs=4, scheduled_sampling=0.3, callback=stop).fit(X, Y, checkpoint=tmp_path / "kept")
    resumed = tiny(max_epochs=4, scheduled_sampling=0.3).fit(X, Y, checkpoint=tmp_path / "kept")
    assert resumed.losses_ == whole.losses_
    np.testing.assert_array_equal(resumed.log_likelihood(X, Y), whole.log_likelihood(X, Y))


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (["a"], None, "y is None"),
        (["a", "b"], ["x"], "X has 2 sources and y 1 targets"),
        (["a", " "], ["x", "y"], "text 1 is empty"),
        (["a", "b"], ["x", ""], "y: text 1 is empty"),
        ([["a"], []], [["x"], ["y"]], "sentence 1 is empty"),
        ([["a"], ["b"]], [["x"], []], "y: sentence 1 is empty"),
        (["a", "b"], [1, 2], "y holds numbers, expected texts or lists of tokens"),
        ([["a"], ["b"]], [[], ["x"]], r"y: target 0 is \[\], which has no token; leave the pair out"),
        (["a", "b"], [None, "x"], "y: target 0 is None, which has no token"),
        (["a", "b"], ["x", ["y"]], "y: text 1"),
        ([], [], "0"),
        ([["a"], ["b"]], [["x"], ["y"] * 10_001], "target 1 has 10,001 tokens, expected at most 10,000"),
    ],
)
def test_wrong_pairs(X, y, message):
    with pytest.raises(InputError, match=message):
        tiny().fit(X, y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"beam_size": 0}, "beam_size is 0"),
        ({"max_length": 10**9}, "max_length"),
        ({"length_penalty": -1.0}, "length_penalty"),
        ({"heads": 3, "attention": "multi_head"}, "heads is 3, expected a divisor of hidden_size"),
        ({"heads": 2}, "heads is 2"),
        ({"window": 3}, "window is 3, expected None: reach is global"),
        ({"attention": "dot", "coverage": True}, "coverage is True"),
        ({"attention": "none", "input_feeding": True}, "input_feeding is True, expected False without attention"),
        ({"attention": "none", "reach": "local_m"}, "reach is 'local_m', expected 'global' without attention"),
        ({"attention": "none", "coverage_penalty": 1.0}, "coverage_penalty"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"attention": "dotted"}, "attention"),
        ({"target_min_count": 10_000}, "none occurs 10000 times, so none is left; lower target_min_count or give more"),
    ],
)
def test_wrong_parameters(given, message):
    with pytest.raises(InputError, match=message):
        tiny(**given).fit(X, Y)


def test_validation_of_another_kind_is_named():
    with pytest.raises(InputError, match="validation's y holds texts, expected lists of tokens"):
        tiny().fit(X, Y, validation=(X[:2], ["a", "b"]))


def test_characters_may_begin_with_a_blank():
    given = {"tokens": "characters", "target_tokens": "characters", "learning_rate": 0.05, "validation_fraction": 0.0}
    model = tiny(**{**TINY, **given, "max_epochs": 40}).fit(["a", "b"] * 10, [" x", " y"] * 10)
    assert model.predict(["a", "b"]) == [" x", " y"]
    assert model.score(["a", "b"], [" x", " y"]) == 1


def test_the_wider_the_beam_the_fewer_sources_at_once(fitted, monkeypatch):
    held, sizes, search = sentences(70, seed=2, longest=3), [], BeamSearch.__call__

    def counted(self, network, state, sources, **given):
        sizes.append(sources)
        return search(self, network, state, sources, **given)

    monkeypatch.setattr(BeamSearch, "__call__", counted)
    model = copy.copy(fitted)
    for width, most in {5: 64, 50: 10, 600: 1}.items():
        sizes.clear()
        model.set_params(beam_size=width, max_length=2).predict(held)
        assert max(sizes) == most


def test_what_a_fitted_one_refuses(fitted):
    with pytest.raises(InputError, match="lists of tokens"):
        fitted.evaluate(X[:2], ["a text", "another"])
    with pytest.raises(InputError, match="tokens"):
        fitted.predict(["a text"])
    with pytest.raises(InputError, match="n is 0"):
        fitted.predict_n_best(X[:2], 0)
    with pytest.raises(InputError, match="not fitted"):
        tiny().predict(X)


def test_recordings(tmp_path):
    rng, time = np.random.default_rng(0), np.arange(800) / 4000
    said = [[["low", "high"][k] for k in rng.integers(0, 2, rng.integers(1, 4))] for _ in range(60)]
    tones = {"low": np.sin(2 * np.pi * 300 * time), "high": np.sin(2 * np.pi * 1200 * time)}
    X = [Waveform(np.concatenate([tones[each] for each in own]).astype(np.float32), 4000, "tones.wav") for own in said]
    model = Seq2Seq(
        hidden_size=16,
        max_epochs=30,
        learning_rate=0.03,
        random_state=0,
        validation_fraction=0,
        audio=AudioFeatures(rate=4000, hop=0.04),
    ).fit(X, said)
    assert model.item_kind_ == "audio"
    assert model.score(X, said) > 0.5  # of 14 answers
    model.save(tmp_path / "model")
    loaded = unrolled.load(tmp_path / "model")
    assert loaded.predict(X[:5]) == model.predict(X[:5])
    (weights,) = model.attention_weights(X[:1], said[:1])
    assert weights.shape == (len(said[0]), len(AudioFeatures(rate=4000, hop=0.04)(X[0].samples)))
    assert model.plot(X[:1], said[:1]).svg
    with pytest.raises(InputError, match=r"fast.wav.*8000"):
        model.predict([Waveform(X[0].samples, 8000, "fast.wav")])
    with pytest.raises(InputError, match="sources of numbers have no tokens to copy"):
        tiny(target_min_count=2, copy_unknown=True).fit(X, said)


def test_the_search_may_change_without_a_fit(fitted):
    two = copy.copy(fitted).set_params(max_length=3, beam_size=1)
    assert all(len(each) <= 3 for each in two.predict(X))
    assert any(len(each) > 3 for each in fitted.predict(X))
    with pytest.raises(InputError, match="beam_size is 0"):
        copy.copy(fitted).set_params(beam_size=0).predict(X)


def test_the_search_of_now_is_saved(tmp_path):
    model = tiny(attention="none").fit(X[:30], Y[:30])
    model.set_params(beam_size=2, max_length=3, hidden_size=99).save(tmp_path / "m")
    read = unrolled.load(tmp_path / "m")
    assert (read.beam_size, read.max_length, read.hidden_size) == (2, 3, 8)
    assert read.predict(X) == model.predict(X)
    read.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()
    for wrong in ({"beam_size": 0}, {"coverage_penalty": 1.0, "attention": "additive"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            copy.copy(read).set_params(**wrong).save(tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


def test_perplexity_is_that_of_each_token(fitted):
    tokens = sum(len(each) + 1 for each in Y[:20])
    assert fitted.perplexity(X[:20], Y[:20]) == pytest.approx(
        np.exp(-fitted.log_likelihood(X[:20], Y[:20]).sum() / tokens)
    )


def test_what_is_known(fitted):
    known, unknown = X[0], ["zyzzyva"]
    assert fitted.knows([known, unknown, [*unknown, known[0]]]).tolist() == [True, False, True]
    spelled = tiny(character_size=3).fit(X, Y)
    assert spelled.knows([["".join(known[0][:1])], ["東京"]]).tolist() == [True, False]
    assert fitted.target_kind_ == "tokens"


def test_pictures_of_attention(fitted):
    chart = fitted.plot(X[:2], Y[:2])
    weights = fitted.attention_weights(X[:2], Y[:2])
    cells = sum(int((each >= 0.004).sum()) for each in weights)
    assert chart.svg.count('class="cell"') == cells
    token, source = Y[0][0], X[0][0]
    assert f"<title>{token}, {source}: {weights[0][0, 0]:.2f}</title>" in chart.svg or weights[0][0, 0] < 0.004
    with pytest.raises(InputError, match="no attention"):
        tiny(attention="none").fit(X, Y).plot(X[:1], Y[:1])


def test_a_picture_shows_the_tokens_that_were_said(monkeypatch):
    model = tiny(validation_fraction=0.0).fit(["s"] * 4, ["a-b"] * 4)
    said = model.model_.search(["s"], model._search(1))[0][0]._replace(
        tokens=np.array([model.vocabulary_.index(token) + 1 for token in (" a", "b")])
    )  # together "ab", which is one token that the model does not know
    monkeypatch.setattr(type(model.model_), "search", lambda *_, **__: [[said]])
    (weights,) = model.attention_weights(["s"])
    assert weights.shape == (2, 1)
    svg = model.plot(["s"]).svg
    assert [f"<title>{token}, s: {weights[n, 0]:.2f}</title>" in svg for n, token in enumerate("ab")] == [True, True]


def test_answers_begin_and_contain_what_is_wanted(fitted):
    sources = [["Ann", "saw", "2", "dogs"], ["Bob", "cats"]]
    usual = fitted.predict(sources)
    assert fitted.predict(sources, prefixes=[[], []], phrases=[[], []]) == usual
    begun = fitted.predict(sources, prefixes=[["Bob", "and"], []])
    assert begun[0][:2] == ["Bob", "and"]
    assert begun[1] == usual[1]
    held = fitted.predict_n_best(sources, 3, phrases=[[], [["and", "Ann"], [","]]])
    assert held[0][0].target == usual[0]
    for each in held[1]:
        assert "," in each.target
        assert ["and", "Ann"] in [each.target[n : n + 2] for n in range(len(each.target))]
    true = fitted.log_likelihood(sources[1:], [held[1][0].target])
    np.testing.assert_allclose(held[1][0].log_p, true[0], rtol=1e-5)


def test_phrases_of_texts_may_follow_a_word():
    texts = [f"{a} {b}!" for a in "abc" for b in "abc"] * 3
    model = tiny(validation_fraction=0.0).fit(texts, texts)
    assert "!" in model.vocabulary_
    (said,) = model.predict(["a b!"], prefixes=["c"], phrases=[["b!", "a a"]])
    assert said.startswith("c ")
    assert "b!" in said
    assert "a a" in said


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prefixes": [["Ann"]]}, "1 prefixes for 2 sources"),
        ({"prefixes": ["Ann", "saw"]}, "prefix 0 is 'Ann', expected a list of tokens"),
        ({"prefixes": [[], ["nobody"]]}, "prefix 1: the model never says 'nobody'"),
        ({"phrases": "Ann"}, "phrases are 'Ann', expected a list"),
        ({"phrases": [[], ["Ann"]]}, "phrase 0 of source 1 is 'Ann', expected a list of tokens"),
        ({"phrases": [[], [["Ann"], []]]}, "phrase 1 of source 1 is empty"),
        ({"phrases": [["Ann"] * 3]}, "1 phrases for 2 sources"),
    ],
)
def test_wrong_wishes(fitted, given, message):
    with pytest.raises(InputError, match=message):
        fitted.predict(X[:2], **given)


def test_sources_are_bounded(fitted):
    with pytest.raises(InputError, match=r"source 1 has 50,001 steps, expected at most 50,000: cut it into parts"):
        fitted.predict([["Ann"], ["Ann"] * 50_001])
    with pytest.raises(InputError, match="source 0 has 50,001 steps"):
        tiny().fit([["Ann"] * 50_001, ["saw"]], [["x"], ["y"]])


def test_one_pair_is_one():
    assert tiny().fit([["a"]], [["b"]]).inferred_ == ["2 tokens that are said or unknown, 1 pair learned from"]


def test_what_is_not_known_is_copied(tmp_path):
    """Names that occur once each: they are unknown in the target, and stand where attention has learned to look."""
    names = ["".join(each).capitalize() for each in itertools.islice(itertools.permutations("badefcgh", 5), 600)]
    sources = [[["I", "saw", name], [name, "saw", "me"]][n % 2] for n, name in enumerate(names)]
    targets = [source[::-1] for source in sources]
    model = Seq2Seq(
        hidden_size=24, embedding_size=12, max_epochs=12, learning_rate=0.02, target_min_count=2, min_count=2,
        copy_unknown=True, random_state=0,
    ).fit(sources[:500], targets[:500])  # fmt: skip
    assert set(model.vocabulary_) == {"I", "saw", "me"}
    assert model.score(sources[500:], targets[500:]) > 0.95
    model.save(tmp_path / "model")
    assert unrolled.load(tmp_path / "model").predict(sources[500:510]) == model.predict(sources[500:510])
    without = copy.copy(model).set_params(copy_unknown=False).predict(sources[500:510])
    assert all(set(said) <= set(model.vocabulary_) for said in without)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"copy_unknown": True}, "copy_unknown is True, expected False: with target_min_count 1 all is known"),
        (
            {"copy_unknown": True, "target_min_count": 2, "attention": "none"},
            "copy_unknown is True, expected False without",
        ),
    ],
)
def test_what_cannot_be_copied(given, message):
    with pytest.raises(InputError, match=message):
        tiny(**given).fit(X, Y)


def test_numbers_are_not_copied():
    model = tiny(target_min_count=2, validation_fraction=0.0, copy_unknown=True)
    with pytest.raises(InputError, match="sources of numbers have no tokens to copy"):
        model.fit([np.ones((3, 1))] * 4, [["a"]] * 4)
