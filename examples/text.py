"""A text goes on as it has begun, and a character of a play answers another: a language model of letters.

    python examples/text.py input.txt [--small]

input.txt is any text; the figures are those of Tiny Shakespeare (github.com/karpathy/char-rnn, data/tinyshakespeare), in which
names stand before what they say. The last tenth is read after training, once, with the state carried from its beginning to
its end; then again, while the model goes on learning from what it has read. Beside it stand a smoothed model of 5-grams and
the frequencies of letters. Then the model talks: what is said to Juliet is its prompt, and her answer ends where the next
speech begins. It knows how such people speak, not what they say.

Run in full, 3 minutes of one core, it printed what follows. Longer training and more units do better:
benchmarks/accuracy/shakespeare.py.

    1,003,854 letters to learn from, 111,540 to test

    letters by themselves   3.347 nats a letter
    5-grams                 1.561
    SequenceGenerator       1.542
    learning as it reads    1.437

    ROMEO:
    O, speak again, bright angel!

    JULIET:
    Bold see his point of his country and straight the lady
    And threat in the son, and my love with the
    people do not to the loss.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy as np

from unrolled import SequenceGenerator
from unrolled.statistical.ngrams import NGrams


def counted(learned: str, asked: str, order: int) -> float:
    """Nats a letter by n-grams of the text."""
    places = {letter: n for n, letter in enumerate(sorted(set(learned + asked)))}
    model = NGrams.counted([[places[letter] for letter in learned]], tokens=len(places), order=order)
    return float(np.log(model.perplexity([[places[letter] for letter in asked]])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    data = options.text.read_bytes()
    text = (gzip.decompress(data) if options.text.suffix == ".gz" else data).decode()
    text = text[:40_000] if options.small else text
    learned, asked = text[: int(0.9 * len(text))], text[int(0.9 * len(text)) :]
    print(f"{len(learned):,} letters to learn from, {len(asked):,} to test\n")
    print(f"{'letters by themselves':<24}{counted(learned, asked, 1):.3f} nats a letter")
    print(f"{'5-grams':<24}{counted(learned, asked, 5):.3f}")

    model = SequenceGenerator(
        hidden_size=64 if options.small else 256, max_epochs=2 if options.small else 6, learning_rate=0.006,
        batch_size=8 if options.small else 32, validation_fraction=0, random_state=0,
    ).fit(learned)  # fmt: skip
    print(f"{'SequenceGenerator':<24}{model.evaluate(asked)['nats']:.3f}")
    print(f"{'learning as it reads':<24}{model.evaluate(asked, dynamic=0.1)['nats']:.3f}\n")

    said = "ROMEO:\nO, speak again, bright angel!\n\nJULIET:\n"
    print(said, end="")
    for part in model.stream(prompt=said, temperature=0.5, stop=["\n\n"], max_length=300, seed=0):
        print(part, end="", flush=True)
    print()


if __name__ == "__main__":
    main()
