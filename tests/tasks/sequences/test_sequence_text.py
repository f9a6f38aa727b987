"""Text as input: what becomes of it, what is learned from it, what is refused."""

import numpy as np
import pytest
import torch

import unrolled
from unrolled import InputError, SequenceClassifier, SequenceRegressor
from unrolled.codecs.tokens import LONGEST_SPELLING, TokenCodec, split_words
from unrolled.codecs.vocabulary import Vocabulary
from unrolled.networks.embedding import Embedding, EmbeddingConfig
from unrolled.networks.encoder import Encoder, EncoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.runtime.stack import Stack
from unrolled.training.engine import NetworkModule, NetworkOptions

PRAISE, BLAME = ["fine", "great", "lovely"], ["awful", "dull", "poor"]
REST = ["the", "film", "was", "a", "story", "of", "a", "man", "and", "his", "dog", "in", "town"]
TINY = {
    "hidden_size": 8, "embedding_size": 8, "members": 1, "max_epochs": 15, "batch_size": 32, "learning_rate": 0.02,
    "validation_fraction": 0.1, "random_state": 0,
}  # fmt: skip


def reviews(seed=0, N=120):
    """Words in any order, one of praise or of blame among them, and which."""
    rng = np.random.default_rng(seed)
    y = rng.choice(["bad", "good"], size=N)
    words = [[*rng.choice(REST, rng.integers(2, 9)), rng.choice(PRAISE if each == "good" else BLAME)] for each in y]
    return [" ".join(rng.permutation(each).tolist()) for each in words], y


@pytest.fixture(scope="module")
def fitted():
    return SequenceClassifier(**TINY, character_size=4).fit(*reviews())


def test_words():
    assert split_words("Don't   stop—ever; 3.5 is O’Neil's :)") == [
        "Don't", "stop", "—", "ever", ";", "3", ".", "5", "is", "O’Neil's", ":)",
    ]  # fmt: skip
    assert split_words("日本 naïve") == ["日本", "naïve"]


def test_vocabulary_by_count_then_alphabet():
    vocabulary = Vocabulary.fit(["b", "a", "c", "a", "c", "d"], min_count=1, largest=3)
    assert vocabulary.entries == ["a", "c", "b"]
    with pytest.raises(InputError, match=r"of 2 different tokens none occurs 2 times.*lower min_count"):
        Vocabulary.fit(["a", "b"], min_count=2)


def test_tokens_are_looked_up_in_small_letters_and_spelled_as_written():
    codec = TokenCodec.fit(["Call 555 now", "call 123"], "words", min_count=2, spelled=True)
    assert codec.words.entries == ["000", "call"]
    ids = codec.encode("CALL 987 me")
    assert ids.words.tolist() == [2, 1, 0]
    spelled = codec.characters.indices()
    assert ids.spellings == ((spelled["C"], 0, 0, 0), (0, 0, 0), (0, 0))  # of CALL 987 me only C was seen
    long = codec.encode("a" * 100)
    assert len(long.spellings[0]) == LONGEST_SPELLING


def test_characters_keep_what_words_lose():
    codec = TokenCodec.fit(["ACGT acgt"], "characters", min_count=1, spelled=False)
    assert len(codec.words) == 10  # four letters twice, a blank, the unknown
    assert codec.encode("A a").words.tolist() == [codec.words.indices()[letter] for letter in "A a"]


def test_pieces_of_words():
    pytest.importorskip("tokenizers", reason="pieces need the package tokenizers")
    X, y = reviews()
    classifier = SequenceClassifier(**TINY, tokens="pieces").fit(X, y)
    assert classifier.score(*reviews(1)) > 0.9
    codec = TokenCodec.fit(["low lower lowest"] * 3, "pieces", min_count=1, spelled=False, largest=12)
    assert "".join(codec.encoder().split("lowest")) == "lowest"
    assert codec.encoder().split("lowest") != ["lowest"]


def test_a_token_is_its_word_beside_the_end_of_its_spelling():
    codec = TokenCodec.fit([["ab", "ba", "a"], ["abba", "b"]], "given", min_count=1, spelled=True)
    config = EmbeddingConfig(len(codec.words), 3, len(codec.characters), 5)
    tensors = NetworkModule(Embedding, config, NetworkOptions()).tensors()
    items = [codec.encode(tokens) for tokens in (["ab", "zz", "abba"], ["b"])]
    x, lengths = Embedding(KernelEngine(tensors), config)(items)
    assert lengths.tolist() == [3, 1]
    letters = tensors["characters"][list(items[0].spellings[2])]
    spelling = {name.removeprefix("spelling."): t for name, t in tensors.items() if name.startswith("spelling.")}
    _, (h,) = Stack(config.spelling, spelling)(letters[:, None])
    assert (x[2, 0] == np.concatenate([tensors["words"][items[0].words[2]], *h[:, 0]])).all()


def test_unknown_words_are_met_in_training():
    """With token_dropout a share of words is read as the unknown; without it none, and none once it is trained."""
    config = EmbeddingConfig(words=50, word_size=1)
    words = [chr(0x4E00 + n) for n in range(49)]
    items = [TokenCodec("given", Vocabulary(words)).encode(words)] * 200
    for dropout, training, expected in ((0.3, True, 0.3), (0.0, True, 0), (0.3, False, 0)):
        module = NetworkModule(Embedding, config, NetworkOptions(token_dropout=dropout)).train(training)
        x = module(items)[0]
        assert (x == module.words[0]).double().mean().item() == pytest.approx(expected, abs=0.02)


def test_it_learns_from_words(fitted):
    assert fitted.score(*reviews(1)) > 0.95
    assert fitted.predict(["unheard of but lovely"]).tolist() == ["good"]


def test_characters_alone_suffice():
    """Genes: which motif is in a string of four letters."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 160)
    bases = ["".join(rng.choice(list("ACGT"), rng.integers(8, 16))) for _ in y]
    X = [base[:4] + ("TATA" if kind else "GCGC") + base[4:] for base, kind in zip(bases, y, strict=True)]
    classifier = SequenceClassifier(**{**TINY, "max_epochs": 30}, tokens="characters").fit(X[:120], y[:120])
    assert classifier.score(X[120:], y[120:]) > 0.85


def test_numbers_from_words():
    X, _ = reviews()
    y = [sum(word in PRAISE for word in text.split()) for text in X]
    regressor = SequenceRegressor(**TINY).fit(X, y)
    assert regressor.score(X, y) > 0.8


def test_a_model_file_carries_its_vocabulary(fitted, tmp_path):
    X, _ = reviews(1)
    fitted.save(tmp_path / "model.safetensors")
    again = unrolled.load(tmp_path / "model.safetensors")
    assert (again.predict_proba(X) == fitted.predict_proba(X)).all()
    assert (again.predict_proba(X[3:4]) == fitted.predict_proba(X)[3:4]).all()
    assert not hasattr(again, "n_channels_in_")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("a film", r"expected a list of texts, found one: give \['a film'\]"),
        (["a film", " "], "text 1 is empty.*leave it out"),
        (["a film", 3], "text 1 is 3, a int, expected a str"),
        ([["a", "film"]], r"expected texts.*trained on; found texts in tokens"),
        (np.ones((2, 3)), "expected texts.*found sequences of numbers"),
    ],
)
def test_what_is_no_text(fitted, X, message):
    with pytest.raises(InputError, match=message):
        fitted.predict(X)


def test_text_for_a_model_of_numbers():
    classifier = SequenceClassifier(hidden_size=4, members=1, max_epochs=1).fit(np.eye(6), ["a", "b"] * 3)
    with pytest.raises(InputError, match=r"expected sequences of numbers.*found texts"):
        classifier.predict(["a film"])


def test_an_iterator_is_refused_for_its_first_item_would_be_lost(fitted):
    X, y = reviews()
    for call in (fitted.predict, lambda X: SequenceClassifier(**TINY).fit(X, y)):
        with pytest.raises(InputError, match=r"expected a list of items, found a generator: give list"):
            call(text for text in X)


def test_tokens_are_checked():
    with pytest.raises(InputError, match="sentence 1 is empty"):
        SequenceClassifier().fit([["a"], []], ["x", "y"])
    with pytest.raises(InputError, match="sentence 0, token 1 is ''"):
        SequenceClassifier().fit([["a", ""], ["b"]], ["x", "y"])


def test_dropout_is_on_embeddings_too():
    """In training the same text gives other scores, in evaluation the same; numbers are left as they are."""
    config = EncoderConfig(StackConfig("gru", 4, 3, 1), "mean", 2, EmbeddingConfig(words=5, word_size=4))
    codec = TokenCodec("given", Vocabulary(["a", "b", "c", "d"]))
    items = [codec.encode(["a", "c", "d"])]
    module = NetworkModule(Encoder, config, NetworkOptions(dropout=0.5))
    assert not torch.equal(module(items), module(items))
    module.eval()
    scores = Encoder(KernelEngine(module.tensors()), config).scores(items)
    np.testing.assert_allclose(scores, module(items).detach(), rtol=1e-5, atol=1e-6)
