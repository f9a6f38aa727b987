"""The names in English sentences from the web: where each begins, and how far it goes.

    python examples/named_entities.py FOLDER [--small]

FOLDER holds en_ewt-ud-train.conllu.gz and en_ewt-ud-test.conllu.gz (packed or not), the English Web Treebank of
Universal Dependencies (CC BY-SA 4.0, https://universaldependencies.org/treebanks/en_ewt). It marks no entities. What
counts as a name here is a run of proper nouns (UPOS PROPN), so persons, places and products are one kind, and two names
in a row are one. F1 counts whole names, first and last word right. The baselines are runs of words with a capital
letter that do not begin the sentence, and runs of words that were mostly in names.

Run in full, about 80 seconds on one core of a shared machine, it printed:

    12544 sentences to learn from, 2077 to test

                          precision  recall      F1
    capital letters           0.496   0.572   0.531
    words often in names      0.712   0.459   0.558
    SequenceTagger            0.870   0.777   0.820

    Yesterday/O Grace/B-NAME Hopper/I-NAME flew/O to/O Kuala/B-NAME Lumpur/I-NAME with/O her/O Nokia/B-NAME ./O
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from unrolled import SequenceTagger
from unrolled.data.conll import read_conllu
from unrolled.metrics.entities import entity_metrics


def bio(in_name: list[bool]) -> list[str]:
    """Tags of the words of a sentence, of which some are in names."""
    before = [False, *in_name[:-1]]
    return ["O" if not now else "I-NAME" if last else "B-NAME" for last, now in zip(before, in_name, strict=True)]


def read(folder: Path, part: str) -> tuple[list[list[str]], list[list[str]]]:
    X, y = read_conllu(next(folder.glob(f"en_ewt-ud-{part}.conllu*")))
    return X, [bio([tag == "PROPN" for tag in tags]) for tags in y]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    (X, y), (X_test, y_test) = (read(options.folder, part) for part in ("train", "test"))
    if options.small:
        X, y, X_test, y_test = X[::12], y[::12], X_test[::8], y_test[::8]
    print(f"{len(X)} sentences to learn from, {len(X_test)} to test\n\n{'':<22}precision  recall      F1")

    def line(name: str, predicted: list[list[str]]) -> None:
        found = entity_metrics(y_test, predicted, "bio").micro
        print(f"{name:<22}{found.precision:>9.3f}{found.recall:>8.3f}{found.f1:>8.3f}")

    line("capital letters", [bio([n > 0 and word[0].isupper() for n, word in enumerate(words)]) for words in X_test])
    names = Counter[str]()
    for words, tags in zip(X, y, strict=True):
        for word, tag in zip(words, tags, strict=True):
            names[word] += -1 if tag == "O" else 1
    line("words often in names", [bio([names[word] > 0 for word in words]) for words in X_test])
    tagger = SequenceTagger(hidden_size=64, batch_size=16, learning_rate=0.01, max_epochs=5, random_state=0).fit(X, y)
    line("SequenceTagger", tagger.predict(X_test))

    words = ["Yesterday", "Grace", "Hopper", "flew", "to", "Kuala", "Lumpur", "with", "her", "Nokia", "."]
    print("\n" + " ".join(f"{word}/{tag}" for word, tag in zip(words, tagger.predict([words])[0], strict=True)))


if __name__ == "__main__":
    main()
