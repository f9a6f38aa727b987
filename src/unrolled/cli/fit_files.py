"""What every ``fit`` command reads and writes, and how it ends: the model is written, and what it is worth is said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unrolled.cli.json_report import Report, print_report
from unrolled.cli.output_files import check_places, model_path, print_with_model

__all__ = ["FitFiles"]


@dataclass(frozen=True)
class FitFiles:
    """The files of a ``fit`` command.

    Attributes:
        file: what is learned from.
        output: where the model goes, if the user said so.
        checkpoint: where the training is saved until then.
        as_json: whether stdout is for JSON.
        validation: examples that choose the best epoch.
        beside: other files that are read, such as a table of labels.
    """

    file: Path
    output: Path | None
    checkpoint: Path | None
    as_json: bool
    validation: Path | None = None
    beside: tuple[Path | None, ...] = ()

    @property
    def model(self) -> Path:
        """Where the model goes."""
        return self.output or model_path(self.file)

    def check(self) -> None:
        """Raise an InputError, before the work, if something could not be written in the end."""
        outputs = {"--output": self.model, "--checkpoint": self.checkpoint}
        check_places(outputs, [self.file, self.validation, *self.beside], as_json=self.as_json)

    def finish(
        self,
        estimator: Any,
        inferred: tuple[str, ...] | list[str],
        found: dict[str, Any],
        verdict: str,
        following: str | None = None,
    ) -> None:
        """Write the model, and say what it is: ``found`` in JSON, or the ``verdict`` and the command that comes next."""
        estimator.save(self.model)
        if self.as_json:
            print_report(Report(self.model, self.file, inferred, found))
        else:
            print_with_model(self.model, self.file, verdict, following=following)
