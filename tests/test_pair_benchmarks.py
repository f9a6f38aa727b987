"""What the benchmarks of pairs compare with: the table of words, the verses, the words' parts, the weights of another package."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

ACCURACY = Path(__file__).parents[1] / "benchmarks" / "accuracy"


@pytest.fixture(scope="module")
def scripts(scripts_of):
    with scripts_of(ACCURACY) as load:
        yield load


def test_the_table_is_that_of_model_1(scripts):
    """Beside expectation maximisation in loops, word by word."""
    module = scripts("word_table")
    sources = ["the old house", "the book", "a book", "old house old book"]
    targets = ["das alte Haus", "das Buch", "ein Buch", "altes Haus altes Buch"]
    t = defaultdict(lambda: 1.0)
    pairs = [([None, *x.split()], y.split()) for x, y in zip(sources, targets, strict=True)]
    for _ in range(module.ROUNDS):
        counts, totals = defaultdict(float), defaultdict(float)
        for x, y in pairs:
            for f in y:
                total = sum(t[e, f] for e in x)
                for e in x:
                    counts[e, f] += t[e, f] / total
                    totals[e] += t[e, f] / total
        t = defaultdict(float, {(e, f): count / totals[e] for (e, f), count in counts.items()})
    best = {e: max((t[e, f], f) for (own, f) in t if own == e)[1] for e in ("the", "old", "house", "book", "a")}
    table = module.WordTable(sources, targets)
    assert table(["the old house, a book", "unknown old"]) == [
        f"{best['the']} {best['old']} {best['house']}, {best['a']} {best['book']}",
        f"unknown {best['old']}",
    ]


def test_verses_are_found_by_their_numbers(scripts, tmp_path, monkeypatch):
    module = scripts("bible_verses")
    text = (
        "<p><sup>1</sup> In the [old] days.<p><sup>2</sup> It\\nwas.</p><sup>1</sup> Then this. "
        "<sup>3</sup> <b>And</b> that."
    )
    numbers = {1001001: 0, 1001002: 5, 1002001: 9, 1002002: 9, 1002003: 11}
    (tmp_path / "html_bible.py").write_text(
        f'from nowhere import Bible\nbible = Bible(Version.X, """{text}""", {numbers})\n'
    )
    monkeypatch.setattr(module, "find_spec", lambda _: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    found = module.verses(words=3)
    assert [(verse.number, verse.source) for verse in found] == [
        (1001002, "It was."), (1002001, "Then this."), (1002003, "And that."),
    ]  # fmt: skip
    shares = [module.part(number) for number in range(1001001, 1003001)]
    assert 0.08 < shares.count("test") / len(shares) < 0.12


def test_new_words_are_not_learned_from(scripts):
    module = scripts("pronunciation")
    assert module.part("bitcoin") == "new"
    assert {module.part(word) for word in ("house", "mouse", "a", "tree")} <= {"train", "dev", "test"}
    known = {"read": [["R", "EH", "D"], ["R", "IY", "D"]], "a": [["AH"]]}
    assert module.error_rates(known, ["read", "a"], [["R", "IY", "D"], ["AH"]]) == (50, 0)
    assert module.error_rates(known, ["read", "a"], [["R", "D"], []]) == (100, 100)


def test_the_weights_of_another_package_are_run_as_torch_runs_them(scripts):
    module = scripts("g2p_weights")
    rng, size = np.random.default_rng(0), 6
    own = {
        "enc_emb": rng.normal(size=(29, 5)),
        "dec_emb": rng.normal(size=(74, 5)),
        "fc_w": rng.normal(size=(74, size)),
    }
    own["fc_b"] = rng.normal(size=74)
    layers = {}
    for part in ("enc", "dec"):
        layers[part] = torch.nn.GRU(5, size).double()
        for name, theirs in (
            ("w_ih", "weight_ih_l0"),
            ("w_hh", "weight_hh_l0"),
            ("b_ih", "bias_ih_l0"),
            ("b_hh", "bias_hh_l0"),
        ):
            own[f"{part}_{name}"] = getattr(layers[part], theirs).detach().numpy()
    network = module.G2pEn.__new__(module.G2pEn)
    network._of, network._sounds = own, module.sounds()
    assert len(network._sounds) == 74
    for word, said in zip(("ab", "it's", "ba"), network(["ab", "it's", "ba"]), strict=True):
        letters = [1 if letter == "'" else ord(letter) - ord("a") + 3 for letter in word]
        _, h = layers["enc"](torch.from_numpy(own["enc_emb"][[*letters, 2]])[:, None])
        last, expected = 2, []
        for _ in range(module.LONGEST):
            _, h = layers["dec"](torch.from_numpy(own["dec_emb"][[last]])[:, None], h)
            last = int((h[0, 0].detach().numpy() @ own["fc_w"].T + own["fc_b"]).argmax())
            if last == 3:
                break
            expected.append(network._sounds[last].rstrip("012"))
        assert said == expected
