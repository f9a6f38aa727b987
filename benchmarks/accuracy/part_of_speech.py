"""Parts of speech in the English Web Treebank, beside CRFsuite and the most frequent tag.

    python benchmarks/accuracy/part_of_speech.py FOLDER [--seeds N] [--threads N] [--sentences N]

``FOLDER`` holds ``en_ewt-ud-{train,dev,test}.conllu.gz`` (Universal Dependencies, English EWT, CC BY-SA 4.0). Learned
from is the training part alone, without vectors from elsewhere; the development part chooses nothing here, the epochs are
fixed. The tagger has its default parameters but for ``max_epochs=10``, ``min_count=2``, ``token_dropout=0.1`` and
``validation_fraction=0``. CRFsuite (L-BFGS, c1 = 0.1, c2 = 0.01, 100 iterations) reads the word, its neighbours,
prefixes and suffixes up to 4 letters, and its shape. The most frequent tag is each word's in the training part, or
NOUN for one never seen. Shown is the median of the seeds; a star marks a figure below CRFsuite's.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch

from unrolled import SequenceTagger
from unrolled.data.conll import read_conllu
from unrolled.version import library_version

Sentences = list[list[str]]


def accuracy(true: Sentences, said: Sentences) -> float:
    return float(np.mean([a == b for x, y in zip(true, said, strict=True) for a, b in zip(x, y, strict=True)]))


def most_frequent(X: Sentences, y: Sentences, X_test: Sentences) -> Sentences:
    counts: dict[str, Counter] = defaultdict(Counter)
    for words, tags in zip(X, y, strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts[word.lower()][tag] += 1
    best = {word: tags.most_common(1)[0][0] for word, tags in counts.items()}
    return [[best.get(word.lower(), "NOUN") for word in words] for words in X_test]


def features(words: list[str], t: int) -> dict[str, str | bool]:
    word = words[t]
    found = {
        "word": word.lower(),
        "shape": re.sub(r"(.)\1+", r"\1", re.sub("[a-z]", "x", re.sub("[A-Z]", "X", re.sub(r"\d", "0", word)))),
        "first": t == 0,
        "before": words[t - 1].lower() if t else "<s>",
        "after": words[t + 1].lower() if t + 1 < len(words) else "</s>",
    }
    for n in range(1, 5):
        found[f"prefix {n}"], found[f"suffix {n}"] = word[:n].lower(), word[-n:].lower()
    return found


def crfsuite(X: Sentences, y: Sentences, X_test: Sentences) -> Sentences:
    from sklearn_crfsuite import CRF

    crf = CRF(algorithm="lbfgs", c1=0.1, c2=0.01, max_iterations=100, all_possible_transitions=True)
    crf.fit([[features(words, t) for t in range(len(words))] for words in X], y)
    return crf.predict([[features(words, t) for t in range(len(words))] for words in X_test])


def progress(told) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[Kstep {told.step} of {told.steps}, loss {told.loss:.3f}", end="", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sentences", type=int, help="learn from so many only")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    parts = {part: read_conllu(options.folder / f"en_ewt-ud-{part}.conllu.gz") for part in ("train", "dev", "test")}
    X, y = (part[: options.sentences] for part in parts["train"])
    print(f"unrolled {library_version()}, torch {torch.__version__}, {options.threads} threads, {len(X)} sentences\n")
    print("| | dev | test | range on test | s |")
    print("|---|--:|--:|--:|--:|")
    asked = [parts[part][0] for part in ("dev", "test")]
    to_beat = 0.0
    for name, baseline in {"each word's most frequent tag": most_frequent, "CRFsuite": crfsuite}.items():
        began = time.perf_counter()
        try:
            said = baseline(X, y, asked[0] + asked[1])
        except ImportError:
            print(f"| {name} | not installed: pip install sklearn-crfsuite | | | |")
            continue
        seconds = time.perf_counter() - began
        dev, test = said[: len(asked[0])], said[len(asked[0]) :]
        to_beat = accuracy(parts["test"][1], test)
        print(f"| {name} | {accuracy(parts['dev'][1], dev):.4f} | {to_beat:.4f} | | {seconds:.0f} |", flush=True)
    found, seconds = [], []
    for seed in range(options.seeds):
        began = time.perf_counter()
        options = {"max_epochs": 10, "min_count": 2, "token_dropout": 0.1, "validation_fraction": 0}
        tagger = SequenceTagger(**options, random_state=seed, callback=progress).fit(X, y)
        found.append([accuracy(parts[part][1], tagger.predict(parts[part][0])) for part in ("dev", "test")])
        seconds.append(time.perf_counter() - began)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    dev, test = (statistics.median(column) for column in zip(*found, strict=True))
    tests = [each[1] for each in found]
    star = "*" if test < to_beat else ""
    print(
        f"| SequenceTagger, median of {options.seeds} | {dev:.4f} | {test:.4f}{star} | {min(tests):.4f} to {max(tests):.4f} "
        f"| {statistics.median(seconds):.0f} |"
    )


if __name__ == "__main__":
    main()
