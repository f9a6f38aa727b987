"""The files a command writes: whether they can be, found out before the work, and what is said of them after it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shlex import quote

from unrolled.cli.messages import say, show
from unrolled.errors import InputError
from unrolled.runtime.atomic_write import check_place, write_atomically
from unrolled.runtime.place import find_stream, same_file

__all__ = ["check_places", "model_path", "numbered", "print_with_model", "write_each"]

STDIN = Path("/dev/stdin")


def model_path(file: Path) -> Path:
    """Where a model goes that was learned from a file, if nobody says.

    >>> model_path(Path("data/reviews.csv.gz")).name
    'reviews.safetensors'
    """
    return Path(f"{file.name.removesuffix('.gz').rpartition('.')[0] or file.name}.safetensors")


def numbered(path: Path, count: int) -> list[Path]:
    """The files of several results: each has its number in its name.

    >>> [each.name for each in numbered(Path("out.mid"), 2)], [each.name for each in numbered(Path("out.mid"), 1)]
    (['out-1.mid', 'out-2.mid'], ['out.mid'])
    """
    return [path] if count == 1 else [path.with_stem(f"{path.stem}-{n}") for n in range(1, count + 1)]


def write_each(results: Sequence[bytes], path: Path) -> None:
    """Write each of several results to its file, and say so."""
    for own, data in zip(numbered(path, len(results)), results, strict=True):
        write_atomically(own, data)
        say(f"wrote {own}")


def check_places(outputs: Mapping[str, Path | None], inputs: Iterable[Path | None], *, as_json: bool) -> None:
    """Check what a command is to write before it begins.

    Args:
        outputs: files to write, by the option that names them.
        inputs: files that are read, none of which may be written.
        as_json: whether stdout is taken by JSON.

    Raises:
        InputError: a file cannot be written, is an input, or is to be written twice.
    """
    read = [STDIN if path == Path("-") else path for path in inputs if path is not None]
    written = {name: path for name, path in outputs.items() if path is not None}
    for name, path in written.items():
        check_place(path, read)
        _check_folders(path, read)
        stream = find_stream(path)
        if stream is not None and name == "--checkpoint":
            raise InputError(f"--checkpoint {path} is no file, which training could go on from: give the path of one")
        if as_json and stream == 1:
            raise InputError(f"{name} {path}: stdout is where --json prints: leave one of the two out")
    for (name, path), (other, second) in itertools.combinations(written.items(), 2):
        if same_file(path, second):
            raise InputError(f"{name} and {other} are the same file, {path}: give each its own")


def _check_folders(path: Path, inputs: Iterable[Path]) -> None:
    """The files of a folder are inputs, too: recordings and what is said in them, and pieces of music."""
    kinds = {".wav": "recordings", ".txt": "transcripts", ".mid": "pieces", ".midi": "pieces"}
    kind = kinds.get(path.suffix.lower())
    if kind == "transcripts" and not any(path.with_suffix(suffix).exists() for suffix in (".wav", ".WAV")):
        return
    for folder in inputs:
        if kind is not None and folder.is_dir() and folder.resolve() in path.resolve().parents:
            raise InputError(f"cannot write {path}: it would be one of the {kind} in {folder}; choose another path")


def print_with_model(path: Path, file: Path, *lines: str, following: str | None = None) -> None:
    """Print lines about a model that was written to ``path``, and what to do next; not into the model itself.

    ``following`` is the command that comes next, with its file; by default the model is run on ``file``.
    """
    stream = find_stream(path)
    command = following or f"predict {quote(str(path))} {quote(str(file))}"
    after = [f"next: unrolled {command}"] if stream is None else []
    show(*lines, f"wrote {path}", *after, to=sys.stderr if stream == 1 else sys.stdout)
