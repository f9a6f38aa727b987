"""The tagger: what it learns, what it keeps in order, what it refuses, what a model file keeps."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import unrolled
from unrolled import InputError, SequenceTagger
from unrolled.codecs.tag_scheme import check_tags, tag_order
from unrolled.networks.stack import StackConfig
from unrolled.networks.tagger import Tagger, TaggerConfig
from unrolled.runtime.probabilities import softmax
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.training.examples import Examples
from unrolled.training.tag_loss import tag_loss

NAMES = {"PER": ["Ann Lee", "Bo", "Cleo van Dyk"], "LOC": ["Oslo", "New Delhi", "Rome"]}
TINY = {
    "hidden_size": 12, "members": 1, "embedding_size": 8, "character_size": 6, "min_count": 2, "token_dropout": 0.1,
    "max_epochs": 12, "batch_size": 32, "learning_rate": 0.02, "dropout": 0.1, "validation_fraction": 0.1,
    "random_state": 0,
}  # fmt: skip


def sentences(seed=0, N=100):
    """Who goes where, names of one to three words, and their BIO tags."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(N):
        words, tags = [], []
        for kind, before in (("PER", rng.choice(["today", "then"])), ("LOC", rng.choice(["went to", "left"]))):
            outside = str(before).split()
            name = str(rng.choice(NAMES[kind])).split()
            words += [*outside, *name]
            tags += ["O"] * len(outside) + [f"B-{kind}"] + [f"I-{kind}"] * (len(name) - 1)
        X.append(words)
        y.append(tags)
    return X, y


@pytest.fixture(scope="module")
def fitted():
    return SequenceTagger(**TINY).fit(*sentences())


def test_it_learns_names(fitted):
    X, y = sentences(1, 30)
    assert fitted.scheme_ == "bio"
    assert fitted.tags_ == ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]
    found = fitted.evaluate(X, y)
    assert found["f1"] > 0.95
    assert set(found) == {"accuracy", "macro_f1", "precision", "recall", "f1"} == set(fitted.validation_)
    assert fitted.score(X, y) == found["accuracy"]
    assert fitted.entities(X, y).types["LOC"].support == 30


def test_spellings_tell_words_apart_that_were_never_seen():
    """The ending of a random word makes its tag."""
    rng = np.random.default_rng(0)

    def made(N):
        ends = [rng.choice(["ing", "ed", "s"], size=6) for _ in range(N)]
        return [["".join(rng.choice(list("bcdklmnpu"), 4)) + e for e in each] for each in ends], [
            each.tolist() for each in ends
        ]

    X, y = made(60)
    unseen = made(20)
    tiny = {**TINY, "token_dropout": 0.5, "max_epochs": 15}
    assert SequenceTagger(**tiny).fit(X, y).score(*unseen) > 0.85
    assert SequenceTagger(**{**tiny, "character_size": 0, "min_count": 1}).fit(X, y).score(*unseen) < 0.6


def test_probabilities_and_the_best(fitted):
    X, _ = sentences(2, 12)
    for p, tags, best, x in zip(
        fitted.predict_proba(X), fitted.predict(X), fitted.predict_k_best(X, 3), X, strict=True
    ):
        assert p.shape == (len(x), 5)
        np.testing.assert_allclose(p.sum(1), 1, atol=1e-12)
        assert best[0][0] == tags
        assert 1 >= best[0][1] >= best[1][1] >= best[2][1] > 0
        assert len({tuple(each) for each, _ in best}) == 3
        for each, _ in best:
            check_tags([each], "bio")
    everything = fitted.predict_k_best([["Oslo"]], 100)[0]  # an I- tag cannot begin
    assert {tag for (tag,), _ in everything} == {"B-LOC", "B-PER", "O"}
    assert sum(p for _, p in everything) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("scheme", ["bio", "none"])
def test_without_a_crf_steps_are_scored_one_by_one(scheme):
    X, y = sentences()
    tagger = SequenceTagger(**{**TINY, "max_epochs": 2}, crf=False, scheme=scheme).fit(X, y)
    probabilities, scores = tagger.predict_proba(X[:5]), tagger.model_.tag_scores(X[:5])
    if scheme == "none":
        for p, e, tags in zip(probabilities, scores, tagger.predict(X[:5]), strict=True):
            np.testing.assert_allclose(p, softmax(e), atol=1e-12)
            assert tags == [tagger.tags_[k] for k in e.argmax(1)]
    else:  # what is out of order has no chance, even so
        check_tags(tagger.predict([["Delhi", "Lee", "Dyk", "New"]] * 3), "bio")
        assert probabilities[0][0, tagger.tags_.index("I-PER")] == 0


@pytest.mark.parametrize("crf", [True, False])
def test_the_loss_is_that_of_every_sequence_by_itself_each_step_counted_alike(crf):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    module = NetworkModule(Tagger, TaggerConfig(StackConfig("lstm", 2, 4, 2, True), 3, crf=crf), NetworkOptions())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    items = [rng.normal(size=(n, 2)).astype(np.float32) for n in (3, 1, 2)]
    tags = [rng.integers(0, 3, len(item)) for item in items]
    loss = tag_loss(tag_order(["x", "y", "z"], "none"))
    single = [loss(module, Examples([item], [tag])).item() * len(tag) for item, tag in zip(items, tags, strict=True)]
    assert loss(module, Examples(items, tags)).item() == pytest.approx(sum(single) / 6, rel=1e-5)


def test_numbers_have_tags_too():
    """Beats: the first of each four is stressed, which only those before and after it tell."""
    rng = np.random.default_rng(0)
    X, y = [], []
    for _ in range(60):
        T, first = rng.integers(8, 20), rng.integers(4)
        strong = (np.arange(T) - first) % 4 == 0
        X.append(np.stack([strong * 1.0, np.ones(T)], axis=1)[:, :1] + rng.normal(scale=0.2, size=(T, 1)))
        y.append(["down" if (t - first) % 4 == 0 else "up" if (t - first) % 4 == 3 else "rest" for t in range(T)])
    tagger = SequenceTagger(hidden_size=12, max_epochs=30, learning_rate=0.02, random_state=0).fit(X[:50], y[:50])
    assert tagger.scheme_ == "none"
    assert tagger.score(X[50:], y[50:]) > 0.95
    with pytest.raises(InputError, match="mark no entities"):
        tagger.entities(X, y)


def test_members_decide_together():
    X, y = sentences(0, 30)
    tagger = SequenceTagger(**{**TINY, "max_epochs": 2, "members": 2}).fit(X, y)
    assert len(tagger.epochs_) == 2
    both = tagger.model_
    alone = [type(both)(both.shape, both.inputs, [member]) for member in both.members]
    for e, f, g in zip(both.tag_scores(X), *(each.tag_scores(X) for each in alone), strict=True):
        np.testing.assert_allclose(e, (f + g) / 2, atol=1e-12)
    for mean, a, b in zip(both.transition_scores(), *(each.transition_scores() for each in alone), strict=True):
        np.testing.assert_allclose(mean, (a + b) / 2, atol=1e-12)


@pytest.mark.starts_python
def test_a_saved_tagger_runs_without_torch_to_the_same_bits(fitted, tmp_path):
    fitted.save(tmp_path / "tagger.safetensors")
    X, _ = sentences(3, 8)
    code = f"""
import sys
sys.modules["torch"] = None
import numpy as np, unrolled
tagger = unrolled.load({str(tmp_path / "tagger.safetensors")!r})
X = {X!r}
print(tagger.predict(X))
np.savez({str(tmp_path / "p.npz")!r}, *tagger.predict_proba(X))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(fitted.predict(X))
    theirs = np.load(tmp_path / "p.npz")
    for n, p in enumerate(fitted.predict_proba(X)):
        assert (theirs[f"arr_{n}"] == p).all()
        assert (fitted.predict_proba(X[n : n + 1])[0] == p).all()
    again = unrolled.load(tmp_path / "tagger.safetensors")
    assert again.get_params() == {**fitted.get_params(), "callback": None}


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([["a", "b"]], [["X"]], "sequence 0 has 2 steps and 1 tags"),
        ([["a"], ["b"]], [["X"]], "there are 2 sequences and 1 lists of tags"),
        ([["a"]], [["X"]], "y holds one tag, 'X': a tagger needs 2"),
        ([["a", "b"]], [["X", 3]], r"sequence 0, step 1: the tag is 3.*convert numbers with str"),
        ([["a", "b"]], ["XY"], "y of sequence 0 is 'XY', expected a list of tags"),
        ([["a"]], "X", "y is 'X', expected a list of tags for each sequence"),
    ],
)
def test_tags_that_do_not_fit(X, y, message):
    with pytest.raises(InputError, match=message):
        SequenceTagger(min_count=1).fit(X, y)


def test_a_violated_scheme_names_the_step():
    X, y = sentences(0, 20)
    y[3][0] = "I-LOC"
    with pytest.raises(InputError, match=r"sequence 3, step 0: I-LOC at the beginning.*scheme='none'"):
        SequenceTagger(scheme="bio").fit(X, y)
    missed = "tags are taken in any order, for they keep to no scheme: sequence 3, step 0: I-LOC at the beginning"
    with pytest.warns(UserWarning, match=missed):
        assert SequenceTagger(**{**TINY, "max_epochs": 1}).fit(X, y).scheme_ == "none"


def test_a_tag_unknown_at_evaluation_is_wrong(fitted):
    X, y = [["at", "Acme"], ["in", "London"]], [["O", "B-ORG"], ["O", "B-LOC"]]
    pairs = [(tag, true) for n in (0, 1) for tag, true in zip(fitted.predict(X)[n], y[n], strict=True)]
    assert pairs[1][0] != "B-ORG"
    assert fitted.evaluate(X, y)["accuracy"] == sum(tag == true for tag, true in pairs) / 4
    assert fitted.entities(X, y).types["ORG"].recall == 0
    with pytest.raises(InputError, match="tag 'NOUN' marks no entity"):
        fitted.evaluate(X, [["O", "NOUN"], ["O", "B-LOC"]])


def test_k_is_checked(fitted):
    with pytest.raises(InputError, match="k is 0"):
        fitted.predict_k_best([["at"]], 0)
