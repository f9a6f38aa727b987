"""What ``unrolled predict`` and ``unrolled transcribe`` do alike: transcripts as rows, and how they are searched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from unrolled.cli.answers import as_text
from unrolled.cli.pair_files import SourceFileOptions
from unrolled.parameters.declaration import Parameter, Parameters, declared
from unrolled.tasks.generation.transcriber_parameters import PrefixBeamParameters

if TYPE_CHECKING:
    from unrolled.cli.task import Model

__all__ = ["SearchOptions", "TranscriptOptions", "heard_rows", "search_anew"]


def _anew(name: str, flag: str = "") -> Parameter:
    """A parameter of the search as an option, which may differ from what the model was trained with."""
    return replace(declared(PrefixBeamParameters)[name].about, unset="as in training", flag=flag)


class SearchOptions(Parameters):
    """How transcripts are searched."""

    _title = "Transcribers"

    beam_size: Annotated[int | None, _anew("beam_size", flag="--beam,--beam-size")] = None
    language_weight: Annotated[float | None, _anew("language_weight")] = None
    symbol_bonus: Annotated[float | None, _anew("symbol_bonus")] = None


class TranscriptOptions(SearchOptions, SourceFileOptions):
    """Options of ``unrolled predict`` for transcribers."""

    _title = "Transcribers"

    times: Annotated[
        bool, Parameter("Whether each symbol is written with its start, its end and how sure the model is.")
    ] = False


def search_anew(model: Model, options: SearchOptions) -> None:
    """Give the model's estimator what was asked for of its search."""
    given = {name: getattr(options, name) for name in declared(PrefixBeamParameters)}
    model.estimator.set_params(**{name: value for name, value in given.items() if value is not None})


def heard_rows(place: dict[str, Any], found: Any, *, times: bool) -> Iterator[dict[str, Any]]:
    """A transcript as one row, or as one for each of its symbols."""
    if not times:
        yield {**place, "transcript": as_text(found.target), "log_p": round(found.log_p, 6)}
    for each in found.symbols if times else ():
        heard = {"start": round(each.start, 6), "end": round(each.end, 6), "confidence": round(each.confidence, 6)}
        yield {**place, "symbol": each.symbol.strip() or each.symbol, **heard}
