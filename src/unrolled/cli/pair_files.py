"""Files of pairs at the command line: what is said of them, and how a model's sources and targets are read from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.pairs import PairLayout

if TYPE_CHECKING:
    from unrolled.cli.task import Model
    from unrolled.data.example_file import Example, ExampleFile
    from unrolled.data.pairs import PairOptions

__all__ = [
    "WANTED", "PairFileOptions", "SourceFileOptions", "TranscriptFileOptions", "describe_pairs", "open_given_pairs",
    "open_known_pairs", "open_recordings", "open_sources", "pair_options",
]  # fmt: skip


WANTED = ("prefix", "phrases")
"""The keys of what an answer begins with and contains, in JSON lines of sources."""


class SourceFileOptions(Parameters):
    """Of a file of sources."""

    _title = "Data"

    source: Annotated[str | None, Parameter("The column or key of the sources.", metavar="COLUMN")] = None
    layout: Annotated[
        PairLayout | None,
        Parameter("How the file holds sources and targets.", unset="what its name says", metavar="LAYOUT"),
    ] = None


class PairFileOptions(SourceFileOptions):
    """Of a file of sources and targets."""

    target: Annotated[str | None, Parameter("The column or key of the targets.", metavar="COLUMN")] = None


class TranscriptFileOptions(PairFileOptions):
    """Of recordings and what is said in them, or of other pairs."""

    transcripts: Annotated[
        Path | None,
        Parameter("For a folder: a table of its files and what is said in each.", metavar="TABLE"),
    ] = None


def pair_options(options: SourceFileOptions, model: Model | None = None) -> PairOptions:
    """What the user said, and what a model was trained on, as the readers of files take it."""
    from unrolled.data.pairs import PairOptions

    target = options.target if isinstance(options, PairFileOptions) else None
    columns = None if model is None else model.estimator.columns_
    return PairOptions(options.source, target, options.layout, columns)


def open_sources(model: Model, file: Path, options: SourceFileOptions) -> ExampleFile:
    """Open a file of sources, of the kind that a model reads; texts are parted at blanks for one that reads tokens.

    What the objects of JSON lines want of their answers stands in the place of targets.
    """
    from unrolled.data.examples import open_example_file
    from unrolled.data.pairs import open_pairs, pair_layout

    estimator = model.estimator
    kind = estimator.item_kind_
    if kind == "audio":
        return open_recordings(model, file, options, beside=WANTED)
    if kind == "numbers" and pair_layout(file, targets=False) != "objects":
        return open_example_file(file, target_level="none")
    return _in_kinds(estimator, open_pairs(file, None, pair_options(options, model), targets=False, beside=WANTED))


def open_recordings(model: Model, file: Path, options: SourceFileOptions, beside: Sequence[str] = ()) -> ExampleFile:
    """Open recordings: a WAV file, a folder of them, or a file of sources that names them, relative to its own folder.

    Args:
        beside: keys of JSON lines to be read in the place of targets.

    Raises:
        InputError: it is none of these.
    """
    from unrolled.data.examples import open_example_file
    from unrolled.data.pairs import open_pairs, pair_layout
    from unrolled.data.transcripts import recordings_named

    if file.is_dir() or file.suffix.lower() == ".wav":
        return open_example_file(file, target_level="none")
    given = pair_options(options, model)
    if str(file) != "-":
        opened = open_pairs(file, None, given, targets=False, beside=beside)
        try:
            found = recordings_named(opened, file.parent)
        except InputError:
            opened.close()
            if pair_layout(file, None, given, targets=False) != "lines":  # of no text at all, such as other recordings
                raise
        else:
            if found.kind == "audio":
                return found
            found.close()
    raise InputError(
        f"{file}: {model.path} reads recordings; give it a WAV file, a folder of them, or a table that names them"
    )


def open_given_pairs(
    file: Path, second: Path | None, options: TranscriptFileOptions, model: Model | None = None
) -> ExampleFile:
    """Open a file of pairs, or a folder of recordings and what is said in each; a source may also name a recording.

    Raises:
        InputError: there are targets in another file, too.
    """
    from unrolled.data.pairs import open_pairs
    from unrolled.data.transcripts import open_transcripts, recordings_named

    given = pair_options(options, model)
    if not file.is_dir() and options.transcripts is None:
        return recordings_named(open_pairs(file, second, given), file.parent)
    if second is not None and file.is_dir():
        raise InputError(
            f"{file} is a folder, whose targets are no lines of {second}: name their table by --transcripts"
        )
    return open_transcripts(file, options.transcripts, given)


def open_known_pairs(model: Model, file: Path, second: Path | None, options: TranscriptFileOptions) -> ExampleFile:
    """Open a file of sources and targets, of the kinds that a model reads and says.

    Raises:
        InputError: targets come in tokens, and the model says texts.
    """
    return _in_kinds(model.estimator, open_given_pairs(file, second, options, model))


def _in_kinds(estimator: Any, opened: ExampleFile) -> ExampleFile:
    split_source = estimator.item_kind_ == "tokens" and opened.kind == "text"
    split_target = estimator.target_kind_ == "tokens"

    def converted(example: Example) -> Example:
        item, target = example.item, example.target
        if isinstance(target, list) and not split_target:
            raise InputError(
                f"{opened.source}, {example.place}: the target is a list of tokens, but the model says texts: give texts"
            )
        return example._replace(
            item=item.split() if split_source else item,
            target=target.split() if split_target and isinstance(target, str) else target,
        )

    kind = "tokens" if split_source else opened.kind
    return replace(opened, kind=kind, examples=map(converted, opened.examples))


def describe_pairs(items: list[Any], targets: list[Any], *, dictionary: bool = False) -> str:
    """How many pairs, and how long they are.

    >>> describe_pairs(["a b", "c"], [["x", "y"], ["z"]]), describe_pairs(["ab"], [["x"]], dictionary=True)
    ('2 pairs: sources of 1 to 2 words, targets of 1 to 2 tokens', '1 pair: sources of 2 letters, targets of 1 token')
    """
    words: Callable[[Any], Any] = len if dictionary else str.split
    parts: list[str] = []
    if hasattr(items[0], "samples"):
        seconds = [len(each.samples) / each.rate for each in items]
        low, high = f"{min(seconds):.3g}", f"{max(seconds):.3g}"
        span = low if low == high else f"{low} to {high}"
        said = describe_pairs(targets, targets).rpartition(", ")[2]
        return f"{len(items):,} recording{'s' * (len(items) != 1)} of {span} seconds, {said}"
    for what, answers in (("sources", items), ("targets", targets)):
        texts = isinstance(answers[0], str)
        lengths = [len(words(each)) if texts and not dictionary else len(each) for each in answers]
        unit = (
            "letter"
            if texts and dictionary
            else "word"
            if texts
            else "token"
            if isinstance(answers[0], list)
            else "step"
        )
        low, high = min(lengths), max(lengths)
        span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        parts.append(f"{what} of {span} {unit}{'s' * (high != 1)}")
    return f"{len(items):,} pair{'s' * (len(items) != 1)}: {', '.join(parts)}"
