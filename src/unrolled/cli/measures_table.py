"""How good a model is, in words and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli.json_report import Report, print_report
from unrolled.cli.messages import show
from unrolled.cli.task import Model

if TYPE_CHECKING:
    from unrolled.metrics.forecasts import Evaluation

__all__ = ["WORDS", "evaluation_as_dict", "measures_line", "print_measures"]

WORDS = {
    "accuracy": "accuracy", "macro_f1": "macro F1", "precision": "precision", "recall": "recall", "f1": "F1", "r2": "R2",
    "mae": "mean absolute error", "rmse": "root mean squared error", "exact": "exact", "exact_kind": "exact (kind)",
    "token_error_rate": "token error rate", "token_error_rate_kind": "token error rate (kind)",
    "word_error_rate": "word error rate", "character_error_rate": "character error rate", "bleu": "BLEU", "chrf": "chrF",
    "nats": "nats a symbol", "bits_per_character": "bits a character",
    "nats_per_frame": "nats a frame", "nats_per_step": "nats a step", "nats_per_piece": "nats a piece",
}  # fmt: skip
OF_ENTITIES = {"precision": "entity precision", "recall": "entity recall", "f1": "entity F1"}  # where no table says so


def measures_line(measures: dict[str, float]) -> str:
    """Measures in a row.

    >>> measures_line({"accuracy": 0.975, "macro_f1": 0.97})
    'accuracy 0.9750, macro F1 0.9700'
    """
    words = WORDS | OF_ENTITIES
    return ", ".join(f"{words.get(name, name)} {_number(value)}" for name, value in measures.items())


def evaluation_as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as plain data; ``accuracy`` holds the errors of the forecast and of the simple methods beside it."""
    return {**vars(evaluation), "accuracy": {name: vars(found) for name, found in evaluation.accuracy.items()}}


def print_measures(
    model: Model,
    file: Path,
    items: int,
    measures: dict[str, float],
    *,
    rows: dict[str, dict[str, float]] | None = None,
    rows_are: str = "",
    as_json: bool,
    inferred: Sequence[str],
) -> None:
    """Print measures of all items, and of each class or kind (``rows``) in a table."""
    if as_json:
        parts = {} if rows is None else {f"by_{rows_are.replace(' ', '_')}": rows}
        print_report(Report(model.path, file, inferred, {"items": items, **measures, **parts}))
        return
    show(f"{file}: {items:,} item{'s' * (items > 1)}, {measures_line(measures)}")
    show(*_table(rows or {}, rows_are))


def _table(rows: dict[str, dict[str, float]], rows_are: str) -> list[str]:
    if not rows:
        return []
    width = max(len(rows_are), *map(len, rows)) + 2
    names = next(iter(rows.values()))
    lines = ["", f"{rows_are:<{width}}" + "".join(f"{WORDS.get(name, name):>11}" for name in names)]
    for name, row in rows.items():
        lines.append(f"{name:<{width}}" + "".join(f"{_number(value):>11}" for value in row.values()))
    return lines


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.6g}"
