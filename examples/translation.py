"""English number words in German: "seventy three thousand and five" is "dreiundsiebzigtausendfünf".

    python examples/translation.py [--small]

Numbers below a million, as many of each length, are spelled in both languages by the rules below, so it is plain what is right.
German says the units before the tens and writes all as one word, which has to be said letter by letter, while English is read
word by word. A tenth of the numbers is the test; none of them is learned from. Beside the translator stand the German of the most
similar number learned from (the fewest words to change), and each word's own translation in the order of the English.

Run in full, about 30 seconds of one core, it printed:

    3194 numbers to learn from, 354 to test

                          right   wrong letters
    most similar number   0.000     0.398
    word for word         0.017     0.276
    Seq2Seq               1.000     0.000

    one hundred and thirty seven thousand eight hundred and fifty seven:
    einhundertsiebenunddreißigtausendachthundertsiebenundfünfzig
"""

from __future__ import annotations

import argparse

import numpy as np

from unrolled import Seq2Seq
from unrolled.metrics.edits import error_rate

ENGLISH = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty",
    "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "and",
]  # fmt: skip
GERMAN = [
    "null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf",
    "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn", "zwanzig", "dreißig",
    "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig", "hundert", "tausend", "und",
]  # fmt: skip


def english(n: int) -> str:
    """Of a number from 1 to 999,999."""
    if n >= 1000:
        rest = n % 1000
        return f"{english(n // 1000)} thousand" + (f"{' and' if rest < 100 else ''} {english(rest)}" if rest else "")
    if n >= 100:
        return f"{ENGLISH[n // 100]} hundred" + (f" and {english(n % 100)}" if n % 100 else "")
    if n >= 20:
        return ENGLISH[18 + n // 10] + (f" {ENGLISH[n % 10]}" if n % 10 else "")
    return ENGLISH[n]


def german(n: int, last: bool = True) -> str:
    """The same; the last number of all ends in "eins" where others have "ein"."""
    if n >= 1000:
        return f"{german(n // 1000, last=False)}tausend" + (german(n % 1000) if n % 1000 else "")
    if n >= 100:
        return f"{GERMAN[n // 100]}hundert" + (german(n % 100, last) if n % 100 else "")
    if n >= 20:
        return (f"{GERMAN[n % 10]}und" if n % 10 else "") + GERMAN[18 + n // 10]
    return "eins" if n == 1 and last else GERMAN[n]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    numbers = rng.permutation(np.unique((10 ** rng.uniform(0, 6, 1500 if options.small else 6000)).astype(int)))
    X, y = [english(n) for n in numbers], [german(n) for n in numbers]
    test = slice(0, len(X) // 10)
    learned = slice(len(X) // 10, None)
    print(f"{len(X[learned])} numbers to learn from, {len(X[test])} to test\n\n{'':<22}right   wrong letters")

    def line(name: str, said: list[str]) -> None:
        right = np.mean([own == true for own, true in zip(said, y[test], strict=True)])
        print(f"{name:<22}{right:.3f}{error_rate(y[test], said):>10.3f}")

    bags = [set(x.split()) for x in X]
    nearest = [min(range(learned.start, len(X)), key=lambda n: len(own ^ bags[n])) for own in bags[test]]
    line("most similar number", [y[n] for n in nearest])
    of = dict(zip(ENGLISH, GERMAN, strict=True))
    line("word for word", ["".join(of[word] for word in x.split()) for x in X[test]])
    translator = Seq2Seq(
        target_tokens="characters", hidden_size=64, embedding_size=32, learning_rate=0.01, attention="general",
        max_epochs=12, random_state=0,
    )  # fmt: skip
    translator.fit(X[learned], y[learned])
    line("Seq2Seq", translator.predict(X[test]))
    print(f"\n{X[0]}:\n{translator.predict(X[:1])[0]}")


if __name__ == "__main__":
    main()
