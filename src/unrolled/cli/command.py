"""What all commands share: ranges are shown and checked before anything is read, and messages name flags."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from unrolled.cli.wording import in_flags, speaking
from unrolled.errors import InputError, UnrolledError
from unrolled.parameters.declaration import declared
from unrolled.parameters.ranges import Range
from unrolled.tasks.anomalies.parameters import DetectorParameters
from unrolled.tasks.forecasting.parameters import ForecasterParameters
from unrolled.tasks.sequences.parameters import ClassifierParameters, TaggerParameters

__all__ = ["Command"]

KNOWN = {
    name: each.about.range
    for group in (ClassifierParameters, TaggerParameters, DetectorParameters, ForecasterParameters)
    for name, each in declared(group).items()
    if each.about.range is not None
} | {"threshold": Range(0), "random_state": Range(0), "threads": Range(1)}


OTHER_NAMES = {"labels_file": "labels"}
"""Arguments that the commands call differently."""


class Command(TyperCommand):
    """A command whose options that are counts, shares or rates have the ranges of the arguments they stand for."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        options: list[Any] = [option for option in self.params if option.param_type_name == "option"]
        self._flags = {str(option.name): max(option.opts, key=len) for option in options}
        self._flags |= {name: self._flags[ours] for name, ours in OTHER_NAMES.items() if ours in self._flags}
        ranged = [option for option in options if option.name in KNOWN and option.metavar != "SPAN"]  # 12h is no number
        for option in ranged:
            option.help = f"{(option.help or '').rstrip('.')}; {KNOWN[option.name]}."
        self._ranged = [str(option.name) for option in ranged]

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with speaking(self._flags, ctx.command_path.partition(" ")[2]):
            for name in self._ranged:
                given = ctx.params[name]
                for value in given if isinstance(given, list | tuple) else [given]:
                    if value is not None and value not in KNOWN[name]:
                        raise InputError(f"{self._flags[name]} is {value}, expected {KNOWN[name]}")
            try:
                return super().invoke(ctx)
            except UnrolledError as error:
                error.args = (in_flags(str(error)),)
                raise
