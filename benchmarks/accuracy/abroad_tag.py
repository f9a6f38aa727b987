"""Tagging of abroad.py: the SequenceTagger's defaults beside CRFsuite with the word, its neighbours, affixes and shape.

CRFsuite and its features are those of part_of_speech.py. Shown are the accuracy of words, and of names F1.
"""

from __future__ import annotations

from statistics import median

from abroad_runs import Found, Method, Run
from abroad_sentences import SETS, Sentence, SentenceSet
from part_of_speech import Sentences, accuracy, crfsuite

from unrolled import SequenceTagger
from unrolled.codecs.tag_scheme import infer_scheme
from unrolled.metrics.entities import entity_metrics

__all__ = ["METHODS", "SETS", "report"]

OWN, PEER = "unrolled", "CRFsuite"


def columns(sentences: list[Sentence]) -> tuple[Sentences, Sentences]:
    """Words and tags."""
    return [[word for word, _ in each] for each in sentences], [[tag for _, tag in each] for each in sentences]


def judge(true: Sentences, said: Sentences) -> Run:
    """Accuracy of words, and F1 where tags mark names."""
    found = {"accuracy": accuracy(true, said)}
    scheme = infer_scheme(true)
    return found if scheme == "none" else {**found, "f1": entity_metrics(true, said, scheme).micro.f1}


def unrolled(each: SentenceSet, seed: int) -> Run:
    train, test = map(columns, each.parts())
    return judge(test[1], SequenceTagger(random_state=seed).fit(*train).predict(test[0]))


def peer(each: SentenceSet, seed: int) -> Run:
    train, test = map(columns, each.parts())
    return judge(test[1], crfsuite(*train, test[0]))


METHODS = {OWN: Method(unrolled, seeded=True), PEER: Method(peer)}


def report(found: Found) -> str:
    """The table by set."""
    lines = [f"| set | measure | {OWN} | {PEER} |", "|---|---|--:|--:|"]
    for name, runs in found.items():
        for measure in runs[OWN][0]:
            own, other = (median(run[measure] for run in runs[method]) for method in METHODS)
            lines.append(f"| {name} | {measure} | {own:.3f}{'*' * (own < other)} | {other:.3f} |")
    return "\n".join(lines)
