"""What ``unrolled predict`` and ``unrolled translate`` do alike: answers to the sources of a file, and pictures of attention."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

from unrolled.cli.messages import say
from unrolled.cli.pair_files import WANTED, SourceFileOptions, open_sources
from unrolled.errors import InputError
from unrolled.parameters.declaration import Parameter, declared
from unrolled.parameters.ranges import Range
from unrolled.tasks.generation.seq2seq_parameters import BeamParameters

if TYPE_CHECKING:
    from unrolled.cli.row_files import Writer
    from unrolled.cli.task import Destination, Model
    from unrolled.data.example_file import Examples
    from unrolled.tasks.generation.seq2seq import Answer

__all__ = ["AnswerOptions", "as_text", "placed_sources", "write_answers", "write_lines", "write_table"]

DRAWN = 12  # sources whose attention is drawn


def _anew(name: str, flag: str = "") -> Parameter:
    """A parameter of the search as an option, which may differ from what the model was trained with."""
    return replace(declared(BeamParameters)[name].about, unset="as in training", flag=flag)


class AnswerOptions(SourceFileOptions):
    """Options of ``unrolled predict`` and ``unrolled translate`` for models that say sequences."""

    _title = "Translators"

    n_best: Annotated[int, Parameter("Answers to each source, the best first.", Range(1, 1000))] = 1
    attention: Annotated[
        Path | None,
        Parameter(
            f"A picture, SVG, to write of what is read for each token, of the first {DRAWN} answers.", metavar="OUT.svg"
        ),
    ] = None
    prefix: Annotated[
        str | None,
        Parameter(
            "What every answer begins with; whole tokens. JSON lines may have their own.",
            unset="nothing",
            metavar="TEXT",
        ),
    ] = None
    phrases: Annotated[
        Sequence[str] | None,
        Parameter(
            "A phrase that every answer contains; JSON lines may have their own.",
            unset="none",
            flag="--phrase",
            metavar="TEXT",
        ),
    ] = None
    beam_size: Annotated[int | None, _anew("beam_size", flag="--beam,--beam-size")] = None
    length_penalty: Annotated[float | None, _anew("length_penalty")] = None
    coverage_penalty: Annotated[float | None, _anew("coverage_penalty")] = None
    block_ngrams: Annotated[int | None, _anew("block_ngrams")] = None
    joint_weight: Annotated[float | None, _anew("joint_weight")] = None
    max_length: Annotated[int | None, _anew("max_length")] = None
    copy_unknown: Annotated[bool | None, _anew("copy_unknown")] = None


def write_answers(model: Model, file: Path, options: AnswerOptions, destination: Destination, writer: Writer) -> None:
    """Write the answers to each source of a file, the best first, and how probable they are.

    Raises:
        InputError: a source is empty, or the model knows nothing of it; its line is named.
    """
    from unrolled.cli.example_streams import predict_rows

    estimator = model.estimator
    if options.attention is not None and estimator.attention == "none":
        raise InputError(f"{model.path} has no attention to draw: leave --attention out")
    if options.attention is not None and options.attention.suffix.lower() not in ("", ".svg"):
        raise InputError(f"--attention {options.attention}: pictures are written as SVG; name a file that ends in .svg")
    given = {name: getattr(options, name) for name in declared(BeamParameters)}
    estimator.set_params(**{name: value for name, value in given.items() if value is not None})
    wanted = _wanted(estimator, options)
    drawn: list[tuple[Any, Any]] = []
    cut = empty = 0

    def rows(examples: Examples) -> Iterator[dict[str, Any]]:
        nonlocal cut, empty
        _check_known(model, examples)
        found = _answers_to(estimator, examples, options.n_best, wanted)
        for place, item, answers in zip(examples.places, examples.items, found, strict=True):
            empty += not (answers and answers[0].target)
            if options.attention is not None and answers and answers[0].target and len(drawn) < DRAWN:
                drawn.append((item, answers[0].target))
            for rank, each in enumerate(answers or [None], 1):
                cut += each is not None and not each.finished
                yield {
                    place.name: place.value,
                    **({"rank": rank} if options.n_best > 1 else {}),
                    "answer": "" if each is None else each.target,
                    "log_p": None if each is None else round(each.log_p, 6),
                }

    predict_rows(model, file, None, destination, rows, writer, lambda: open_sources(model, file, options))
    if cut:
        say(
            f"{cut:,} answer{'s have' if cut > 1 else ' has'} no end: cut where the most tokens are reached (max_length=)"
        )
    if empty:
        are = "answers are" if empty > 1 else "answer is"
        say(f"{empty:,} {are} empty: the most probable has no token, or none was found")
    if options.attention is not None:
        _draw(estimator, drawn, options.attention)


def _wanted(estimator: Any, options: AnswerOptions) -> dict[str, Any]:
    """What every answer begins with and contains, where its line says nothing else, as the estimator takes it for a source.

    Raises:
        InputError: the model never says it; the option is named.
    """
    given: dict[str, Any] = {} if options.prefix is None else {"prefix": options.prefix}
    if options.phrases:
        given["phrases"] = list(options.phrases)
    return _read_wanted(estimator, given, {"prefix": "--prefix", "phrases": "--phrase"})


def _answers_to(estimator: Any, examples: Examples, n_best: int, everywhere: dict[str, Any]) -> list[list[Answer]]:
    """The answers to each source, which begin with and contain what its line says, or else what is said of all.

    Raises:
        InputError: an answer cannot; its line is named.
    """
    nothing = {"prefix": [] if estimator.target_kind_ == "tokens" else "", "phrases": []}
    own: list[dict[str, Any]] = [everywhere] * len(examples.items)
    for n, given in enumerate(examples.targets or ()):
        blank = {"prefix": nothing["prefix"]} if given.get("prefix") in ("", []) else {}
        stated = {name: value for name, value in given.items() if name not in blank}
        try:
            own[n] = {**everywhere, **_read_wanted(estimator, stated, {name: repr(name) for name in WANTED}), **blank}
        except InputError as error:
            raise examples.error(n, str(error)) from None
    wanted = {
        argument: [each.get(name, nothing[name]) for each in own]
        for name, argument in {"prefix": "prefixes", "phrases": "phrases"}.items()
        if any(name in each for each in own)
    }
    with placed_sources(examples):
        return estimator.predict_n_best(examples.items, n_best, **wanted)


@contextmanager
def placed_sources(examples: Examples) -> Generator[None, None, None]:
    """Let an error about a source, or about what its answer is to have, name the place that has in its file."""
    try:
        yield
    except InputError as error:
        found = re.fullmatch(r"(source|prefix|phrase \d+ of source) (\d+) (.+)", str(error))
        if found is None:
            raise
        raise examples.error(int(found[2]), f"the {found[1].split()[0]} {found[3]}") from None


def _read_wanted(estimator: Any, given: dict[str, Any], called: dict[str, str]) -> dict[str, Any]:
    """A prefix and phrases as the estimator takes them, texts parted at blanks for one that says tokens."""
    from unrolled.tasks.generation.seq2seq_wanted import Wanted

    def read(value: Any) -> Any:
        return value.split() if estimator.target_kind_ == "tokens" and isinstance(value, str) else value

    found: dict[str, Any] = {}
    if "prefix" in given:
        found["prefix"] = read(given["prefix"])
        Wanted.check(estimator.targets_, found["prefix"], called["prefix"])
    if "phrases" in given:
        if not isinstance(given["phrases"], list):
            raise InputError(f"{called['phrases']} is {given['phrases']!r:.60}, expected a list of phrases")
        found["phrases"] = [read(each) for each in given["phrases"]]
        for each in found["phrases"]:
            Wanted.check(estimator.targets_, each, called["phrases"])
    return found


def _draw(estimator: Any, drawn: list[tuple[Any, Any]], path: Path) -> None:
    if not drawn:
        say(f"{path} is not written: no answer has a token")
        return
    estimator.plot(*map(list, zip(*drawn, strict=True))).save(path)
    say(f"wrote {path} ({len(drawn)} picture{'s' * (len(drawn) > 1)})")


def write_lines(rows: Iterable[dict[str, Any]], file: IO[str]) -> None:
    """Write an answer a line, its tokens between blanks."""
    for row in rows:
        text = as_text(row["answer"])
        if "\n" in text or "\r" in text:
            raise InputError(f"the answer {text[:40]!r} has several lines: write JSON lines, -o OUT.jsonl")
        file.write(text + "\n")


def write_table(rows: Iterable[dict[str, Any]], file: IO[str]) -> None:
    """Write CSV, the tokens of an answer between blanks."""
    from unrolled.cli.row_files import write_csv

    write_csv(({**row, "answer": as_text(row["answer"])} for row in rows), file)


def as_text(answer: str | list[str]) -> str:
    """An answer as a text.

    >>> as_text(["K", "AE1", "T"]), as_text("a cat")
    ('K AE1 T', 'a cat')
    """
    return answer if isinstance(answer, str) else " ".join(answer)


def _check_known(model: Model, examples: Examples) -> None:
    known = model.estimator.knows(examples.items)
    if not known.all():
        n = int(known.argmin())
        shown = repr(as_text(examples.items[n]))
        raise examples.error(
            n,
            f"{shown if len(shown) <= 40 else shown[:37] + '...'}: {model.path} knows none of its tokens; give a source"
            " like those it was trained on",
        )
