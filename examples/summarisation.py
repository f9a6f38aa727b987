"""A week of weather, told at length, in one sentence: the form of a summary.

    python examples/summarisation.py [--small]

No collection of summaries is at hand that is small and free, so they are made by a rule from real days, and plainly so: the
package vega_datasets (pip install vega_datasets) has Seattle's weather from 2012 to 2015. A report has a sentence for each of
seven days, with temperature, wind and weather in one of several wordings; its summary says on which days it rained or snowed.
To be learned is what any summary needs: to leave out most, and to put together what belongs together. The reports learned
from are of days drawn from the first three years, those of the test are the weeks of the last. The baselines are the
commonest summary, and that of the most similar report learned from.

Run in full, about 25 seconds of one core, it printed:

    2500 reports to learn from, 52 to test

                          right   wrong words
    commonest summary     0.212     0.873
    most similar report   0.115     0.571
    Seq2Seq               0.962     0.008
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import pairwise

import numpy as np
from vega_datasets import data

from unrolled import Seq2Seq
from unrolled.metrics.edits import error_rate

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WORDINGS = [
    "{day} had {weather} and {warm} degrees.",
    "With {warm} degrees, {day} brought {weather}.",
    "On {day} there was {weather}, the wind {wind}.",
    "{weather}, {warm} degrees and a {wind} wind: that was {day}.",
]


def listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def summary(weathers: list[str]) -> str:
    """On which days it rained or snowed, in words."""
    parts = [
        f"{kind} on {listed(days)}"
        for kind in ("rain", "snow")
        if (days := [day for day, weather in zip(DAYS, weathers, strict=True) if weather == kind])
    ]
    return "; ".join(parts) + "." if parts else "a dry week."


def report(days: list[dict], rng: np.random.Generator) -> str:
    sentences = list[str]()
    for day, own in zip(DAYS, days, strict=True):
        wind = "strong" if own["wind"] > 4 else "light"
        wording = WORDINGS[rng.integers(len(WORDINGS))]
        sentence = wording.format(day=day, weather=own["weather"], warm=round(own["temp_max"]), wind=wind)
        sentences.append(sentence[0].upper() + sentence[1:])
    return " ".join(sentences)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="less of everything, a few seconds")
    options = parser.parse_args()
    frame = data.seattle_weather()
    wet = frame["precipitation"] >= 1  # millimetres; the words of the table change in the last year
    frame["weather"] = frame["weather"].where((frame["weather"] == "snow") & wet, np.where(wet, "rain", "sun"))
    rng, days = np.random.default_rng(0), frame.to_dict("records")
    before, last = days[:-364], days[-364:]
    drawn = [[before[n] for n in rng.integers(len(before), size=7)] for _ in range(1000 if options.small else 2500)]
    weeks = [last[n : n + 7] for n in range(0, len(last), 7)]
    X, X_test = ([report(week, rng) for week in some] for some in (drawn, weeks))
    y, y_test = ([summary([day["weather"] for day in week]) for week in some] for some in (drawn, weeks))
    print(f"{len(X)} reports to learn from, {len(X_test)} to test\n\n{'':<22}right   wrong words")

    def line(name: str, said: list[str]) -> None:
        right = np.mean([own == true for own, true in zip(said, y_test, strict=True)])
        words = [[text.split() for text in texts] for texts in (y_test, said)]
        print(f"{name:<22}{right:.3f}{error_rate(*words):>10.3f}")

    line("commonest summary", [Counter(y).most_common(1)[0][0]] * len(y_test))
    pairs = [[set(pairwise(text.split())) for text in texts] for texts in (X, X_test)]
    nearest = [max(range(len(X)), key=lambda n: len(pairs[0][n] & own)) for own in pairs[1]]
    line("most similar report", [y[n] for n in nearest])
    writer = Seq2Seq(
        hidden_size=64, embedding_size=32, attention="general", learning_rate=0.01, max_epochs=8 if options.small else 10,
        random_state=0,
    )  # fmt: skip
    writer.fit(X, y)
    said = writer.predict(X_test)
    line("Seq2Seq", said)
    print(f"\n{X_test[2]}\n\nIn short: {said[2]}")


if __name__ == "__main__":
    main()
