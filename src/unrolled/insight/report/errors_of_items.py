"""The worst errors where each item has a target: classes, numbers, tags, answers and transcripts."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled.errors import InputError
from unrolled.insight.report.case import Case, called, shortened
from unrolled.insight.report.section import Found, table

__all__ = ["answer_errors", "class_errors", "number_errors", "tag_errors"]

ROWS = 12


def class_errors(case: Case) -> Found:
    """Items by the probability of their true class."""
    model, y = case.estimator, [str(each) for each in _targets(case)]
    if model.multilabel_:
        raise InputError("the model says several classes at once, which are not ranked here")
    names = [str(name) for name in model.classes_.tolist()]
    unknown = sorted(set(y) - set(names))
    if unknown:
        raise InputError(f"the model does not know the class {unknown[0]!r}")
    p, true = model.predict_proba(case.items), [names.index(each) for each in y]
    own = p[np.arange(len(y)), true]
    rows = [
        [case.place(n), called(case, n, 48), y[n], names[int(p[n].argmax())], f"{own[n]:.3g}"]
        for n in own.argsort(kind="stable")[:ROWS].tolist()
    ]
    right = int((p.argmax(1) == true).sum())
    finding = (
        f"{right:,} of {len(y):,} items are right; on average the true class has a probability of {own.mean():.3f}."
    )
    return Found(
        ("E = -log p(y | x)", "p = softmax(q)", "q = V h + b_y"), finding,
        [table(["item", "what it is", "true", "predicted", "P(true)"], rows)],
    )  # fmt: skip


def number_errors(case: Case) -> Found:
    """Items by the size of the difference."""
    y, said = np.asarray(_targets(case), np.float64), np.asarray(case.estimator.predict(case.items), np.float64)
    if y.ndim > 1:
        raise InputError("the model says several numbers at once, which are not ranked here")
    far = np.abs(said - y)
    rows = [
        [case.place(n), called(case, n, 40), f"{y[n]:.4g}", f"{said[n]:.4g}", f"{said[n] - y[n]:+.4g}"]
        for n in (-far).argsort(kind="stable")[:ROWS].tolist()
    ]
    alone = np.abs(y - y.mean()).mean()
    what = case.target_name or "the target"
    finding = f"On average its {what} is off by {far.mean():.4g}; always their mean would be off by {alone:.4g}."
    head = ["item", "what it is", "true", "predicted", "off by"]
    return Found(("E = ½ (ŷ - y)²",), finding, [table(head, rows)])


def tag_errors(case: Case) -> Found:
    """Sequences by the number of their wrong steps."""
    y, said = _targets(case), case.estimator.predict(case.items)
    wrong = [
        [t for t, (own, other) in enumerate(zip(*pair, strict=True)) if own != other]
        for pair in zip(y, said, strict=True)
    ]
    steps, missed, sequences = sum(map(len, y)), sum(map(len, wrong)), sum(map(bool, wrong))
    rows = list[list[str]]()
    for n in sorted(range(len(wrong)), key=lambda n: -len(wrong[n]))[:ROWS]:
        if wrong[n]:
            which = "; ".join(f"{_step(case.items[n], t)}: {y[n][t]} → {said[n][t]}" for t in wrong[n])
            rows.append([case.place(n), called(case, n, 44), f"{len(wrong[n])} of {len(y[n])}", shortened(which, 90)])
    finding = f"{steps - missed:,} of {steps:,} steps have the right tag; {sequences:,} of {len(y):,} sequences have a wrong one."
    head = ["item", "what it is", "wrong", "which steps: true → predicted"]
    return Found(("E = -log p(y[1], …, y[T] | x)",), finding, [table(head, rows)] if rows else [])


def answer_errors(case: Case) -> Found:
    """Answers by the edits that lead to the target, for each of its symbols."""
    from unrolled.metrics.edits import error_rate

    y, said = _targets(case), case.estimator.predict(case.items)
    rates = [error_rate([list(own)], [list(other)]) for own, other in zip(y, said, strict=True)]
    rows = [
        [
            case.place(n),
            called(case, n, 40),
            shortened(_whole(y[n]), 40),
            shortened(_whole(said[n]), 40),
            f"{rates[n]:.2f}",
        ]
        for n in sorted(range(len(rates)), key=lambda n: -rates[n])[:ROWS]
    ]
    right = sum(rate == 0 for rate in rates)
    edits = float(np.mean(rates))
    finding = f"{right:,} of {len(y):,} are right as a whole; on average {edits:.2f} edits for a symbol of the target."
    reads = "E = -Σ_t log p(y[t] | y[1], …, y[t-1], x)"
    equation = (
        reads if case.family == "answers" else "E = -log Σ_π Π_t p(π[t] | x), each π an alignment of y with the steps"
    )
    return Found((equation,), finding, [table(["item", "what is read", "true", "said", "edits a symbol"], rows)])


def _targets(case: Case) -> Any:
    if case.targets is None or not len(case.targets):
        raise InputError("there are no targets to compare with")
    return case.targets


def _step(item: Any, t: int) -> str:
    words = item.split() if isinstance(item, str) else item
    return words[t] if isinstance(words[t], str) else f"step {t + 1}"


def _whole(target: Any) -> str:
    return target if isinstance(target, str) else " ".join(map(str, target))
