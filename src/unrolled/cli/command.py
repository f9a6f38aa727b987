"""What all commands share: help that is complete when it is shown, and messages that name flags."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from unrolled.cli.messages import say
from unrolled.cli.options import help_of, parameters_of
from unrolled.cli.wording import in_flags, knows, speaking
from unrolled.errors import UnrolledError

__all__ = ["Command", "say_what_is_kept"]

OTHER_NAMES = {"labels_file": "labels", "second": "targets", "label": "condition"}
"""Arguments that the commands call differently."""

SETTLED = ("missing",)
"""Arguments that messages advise, and that a command which settles parameters by ``--fix`` has no option for."""


class Command(TyperCommand):
    """A command whose options are, for the most part, declared parameters."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        options: list[Any] = [option for option in self.params if option.param_type_name == "option"]
        self._options = {str(option.name): option for option in options}
        self._flags = {name: max(option.opts, key=len) for name, option in self._options.items()}
        others = {name: self._flags[ours] for name, ours in OTHER_NAMES.items() if ours in self._flags}
        settled = {name: f"--fix {name}=" for name in SETTLED if "fix" in self._options}
        self._flags = settled | others | self._flags

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with the names that are found only now."""
        for name, each in parameters_of(self.callback).items():
            if each.about.known is not None and name in self._options:
                self._options[name].help = help_of(each, each.words)
        super().format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with speaking(self._flags, ctx.command_path.partition(" ")[2]):
            try:
                return super().invoke(ctx)
            except UnrolledError as error:
                error.args = (in_flags(str(error)),)
                raise
            except KeyboardInterrupt as error:
                say_what_is_kept(*error.args)
                raise


def say_what_is_kept(message: str = "") -> None:
    """Say what training said when it was stopped: what is kept, or by which option it would have been, if there is one."""
    said, _, advice = message.partition(": ")
    if said:
        say(f"unrolled: {said}: {advice}" if knows(advice.partition("=")[0]) else f"unrolled: {said}")
