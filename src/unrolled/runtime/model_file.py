"""The model file: one ``.safetensors`` file with the tensors and their configuration, and never any code.

The header's metadata has a single key, ``unrolled``, whose value is a JSON document ::

    {"sha256": ..., "format_version": 1, "task": "forecaster", "library_version": "0.1.0", "config": {...}}

``sha256`` is taken over every byte of the file, with the 64 digits of the checksum itself read as zeros; so no bit of
the tensors, of their names and shapes or of the configuration can change unnoticed. There is one key because the order
of several is not fixed by the library that writes them, and the same model must give the same bytes.

>>> import tempfile, msgspec, numpy as np
>>> class Config(msgspec.Struct, forbid_unknown_fields=True):
...     hidden_size: int
>>> with tempfile.TemporaryDirectory() as folder:
...     write_model(f"{folder}/model.safetensors", "forecaster", Config(hidden_size=2), {"weight": np.eye(2)})
...     model_file = read_model(f"{folder}/model.safetensors")
>>> decode_config(model_file, Config)
Config(hidden_size=2)
>>> model_file.tensors["weight"].tolist()
[[1.0, 0.0], [0.0, 1.0]]
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar, cast

import msgspec
import numpy as np
import numpy.typing as npt

from unrolled.codecs.strict_json import parse_strict_json
from unrolled.errors import InputError, ModelFileError
from unrolled.runtime.atomic_write import write_atomically
from unrolled.runtime.tensor_header import DTYPES, TensorEntry, parse_entries
from unrolled.version import library_version

__all__ = ["ModelFile", "check_tensors", "decode_config", "fitting", "read_model", "write_model"]

FORMAT_VERSION = 1
LONGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors library too
ZERO_DIGEST = "0" * 64

FOREIGN = {
    b"PK\x03\x04": "a zip archive (torch.save, npz and Keras files are such)",
    b"\x80": "a pickle",
    b"\x93NUMPY": "a NumPy array file",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip file",
}

Config = TypeVar("Config", bound=msgspec.Struct)


@dataclass(frozen=True)
class ModelFile:
    """What :func:`read_model` found: every byte of it was checked against the checksum.

    ``config`` is plain JSON data (:func:`decode_config` turns it into a typed structure), ``tensors`` are arrays of
    their own memory.
    """

    path: Path
    task: str
    library_version: str
    sha256: str
    config: dict[str, Any]
    tensors: dict[str, npt.NDArray[Any]]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    sha256: str  # first, so that the first 64 digits in the file are the checksum
    format_version: Literal[1]
    task: str
    library_version: str
    config: dict[str, Any]


def write_model(
    path: str | os.PathLike[str], task: str, config: msgspec.Struct, tensors: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Write a model file, as a whole or not at all (see :func:`unrolled.runtime.atomic_write.write_atomically`).

    The same arguments give the same bytes.

    Args:
        path: the file to write or replace.
        task: name of the task that can read the file back, such as ``forecaster``.
        config: everything but the tensors; it must come back equal from JSON, so NaN and infinity are refused.
        tensors: name -> finite array of float32, float64, int32, int64 or uint8.

    Raises:
        InputError: a tensor or the configuration cannot be stored; every culprit is listed. Nothing was written.
        OSError: the system refused (disk full, no permission). The old file, if any, is intact.
    """
    from safetensors.numpy import save

    _check_storable(config, tensors)
    document = msgspec.json.encode(
        _Document(ZERO_DIGEST, FORMAT_VERSION, task, library_version(), msgspec.to_builtins(config))
    )
    arrays = {name: np.asarray(t, dtype=t.dtype.newbyteorder("="), order="C") for name, t in tensors.items()}
    data = save(arrays, metadata={"unrolled": document.decode()})
    digest = hashlib.sha256(data).hexdigest()
    write_atomically(path, data.replace(ZERO_DIGEST.encode(), digest.encode(), 1))


def _check_storable(config: msgspec.Struct, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    problems: list[str] = []
    known = [np.dtype(name) for name in DTYPES.values()]
    for name, tensor in tensors.items():
        if not name or name == "__metadata__":
            problems.append(f"{name!r} cannot be the name of a tensor")
        elif tensor.dtype.newbyteorder("=") not in known:
            problems.append(f"tensor {name!r} has dtype {tensor.dtype}, expected {', '.join(map(str, known))}")
        else:
            problems.extend(_non_finite(name, tensor))
    if problems:
        raise InputError(f"the model cannot be saved: {'; '.join(problems)}")
    try:
        back = msgspec.json.decode(msgspec.json.encode(config), type=type(config))
    except (msgspec.ValidationError, TypeError) as error:
        raise InputError(f"the model's configuration cannot be saved: {error}") from error
    if back != config:
        raise InputError(f"the model's configuration changes when saved: {config!r} would load as {back!r}")


def _non_finite(name: str, tensor: npt.NDArray[Any]) -> list[str]:
    finite = np.isfinite(tensor)
    if finite.all():
        return []
    bad = np.argwhere(~finite)
    where = bad[0].tolist()
    return [f"tensor {name!r} holds {len(bad)} values that are not finite, the first {tensor[tuple(where)]} at {where}"]


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """Read a model file. Nothing in it is executed, and memory stays in proportion to the file's true size.

    Raises:
        ModelFileError: there is no such file, it is another kind of file, it was cut or changed, its parts do not
            fit together, or a newer library wrote it. The message names the file and lists everything found.
    """
    path = Path(path)
    with _open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        header_bytes = _read_header(path, file, size)
        header, document = _parse_header(path, header_bytes[8:])
        entries, problems = parse_entries(header, size - len(header_bytes))
        if problems:
            raise ModelFileError(f"{path} is damaged: {'; '.join(problems)}")
        data = file.read(size - len(header_bytes))
    _check_digest(path, document.sha256, header_bytes, data)
    tensors = {entry.name: _tensor(entry, data) for entry in entries}
    return ModelFile(path, document.task, document.library_version, document.sha256, document.config, tensors)


def _open_regular_file(path: Path) -> BinaryIO:
    try:
        if stat.S_ISREG(path.stat().st_mode):  # before opening: opening a pipe would wait for its writer
            return path.open("rb")
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such file") from None
    except ValueError as error:  # a NUL in the name
        raise ModelFileError(f"{str(path)!r} cannot be the name of a file: {error}") from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}") from error
    raise ModelFileError(f"{path} is not a file; give the path of a model file")


def _read_header(path: Path, file: BinaryIO, size: int) -> bytes:
    """Return the header with the 8 bytes that hold its length."""
    first = file.read(9)
    if first[8:9] != b"{":
        kind = next((kind for start, kind in FOREIGN.items() if first.startswith(start)), None)
        if kind is not None:
            raise ModelFileError(f"{path} is {kind}, not a model file of this library; nothing in it was executed")
        if size < 9:
            raise ModelFileError(f"{path} is damaged: {size} bytes cannot be a model file: it was cut")
        raise ModelFileError(f"{path} is not a model file of this library: its bytes do not begin as one does")
    claimed = int.from_bytes(first[:8], "little")
    if claimed > size - 8:
        raise ModelFileError(
            f"{path} is damaged: its header claims {claimed} bytes, only {size - 8} follow: it was cut"
        )
    if claimed > LONGEST_HEADER:
        raise ModelFileError(f"{path} is refused: its header has {claimed} bytes, at most {LONGEST_HEADER} are read")
    return first + file.read(claimed - 1)


def _parse_header(path: Path, text: bytes) -> tuple[dict[str, Any], _Document]:
    try:
        header = parse_strict_json(text)
    except ValueError as error:
        raise ModelFileError(f"{path} is damaged: its header is not valid JSON: {error}") from None
    metadata: Any = cast("dict[str, Any]", header).get("__metadata__")  # it begins with "{", so it is an object
    if not isinstance(metadata, dict) or not isinstance(cast("dict[str, Any]", metadata).get("unrolled"), str):
        raise ModelFileError(f"{path} holds tensors but no model of this library: its metadata lack the key 'unrolled'")
    try:
        document = parse_strict_json(cast("dict[str, str]", metadata)["unrolled"])
        version: Any = cast("dict[str, Any]", document).get("format_version") if isinstance(document, dict) else None
        if type(version) is int and version > FORMAT_VERSION:
            raise ModelFileError(
                f"{path} has format {version}, written by a newer library; this one ({library_version()}) reads"
                f" format {FORMAT_VERSION}: update it"
            )
        return header, msgspec.convert(document, _Document)
    except ModelFileError:
        raise
    except (ValueError, msgspec.ValidationError) as error:
        raise ModelFileError(f"{path} is damaged: its description of the model is not valid: {error}") from None


def _check_digest(path: Path, stored: str, header: bytes, data: bytes) -> None:
    if re.fullmatch("[0-9a-f]{64}", stored) is None:
        raise ModelFileError(f"{path} is damaged: {stored[:80]!r} is not a SHA-256 checksum")
    digest = hashlib.sha256(header.replace(stored.encode(), ZERO_DIGEST.encode(), 1))
    digest.update(data)
    if digest.hexdigest() != stored:
        raise ModelFileError(
            f"{path} is damaged: checksum mismatch, it says {stored[:16]}, its bytes give {digest.hexdigest()[:16]};"
            " copy or save the model again"
        )


def _tensor(entry: TensorEntry, data: bytes) -> npt.NDArray[Any]:
    count = (entry.end - entry.begin) // entry.dtype.itemsize
    if count == 0:  # frombuffer refuses an empty buffer
        return np.empty(entry.shape, entry.dtype)
    flat = np.frombuffer(data, dtype=entry.dtype, count=count, offset=entry.begin)
    return flat.reshape(entry.shape).astype(entry.dtype.newbyteorder("="))  # a copy, so aligned and writable


def decode_config(model_file: ModelFile, config_type: type[Config]) -> Config:
    """Return the file's configuration as ``config_type``.

    Declare the structure with ``forbid_unknown_fields=True``, so that a field this version does not know is an error.

    Raises:
        ModelFileError: a field is missing, unknown or of the wrong type; the message names it.
    """
    try:
        return msgspec.convert(model_file.config, config_type)
    except msgspec.ValidationError as error:
        raise ModelFileError(
            f"{model_file.path} does not fit this version of the library ({library_version()}; it was saved by"
            f" {model_file.library_version}): {error}"
        ) from None


@contextmanager
def fitting(model_file: ModelFile) -> Generator[None, None, None]:
    """Within this an InputError says what in the file does not fit together: it becomes a ModelFileError that names the file."""
    try:
        yield
    except ModelFileError:
        raise
    except InputError as error:
        raise ModelFileError(f"{model_file.path} does not fit its task {model_file.task!r}: {error}") from None


def check_tensors(model_file: ModelFile, expected: Mapping[str, tuple[Sequence[int], npt.DTypeLike]]) -> None:
    """Check the tensors against name -> (shape, dtype), and that every value is finite.

    Raises:
        ModelFileError: listing all missing, extra, mis-shaped, wrongly typed and non-finite tensors at once.
    """
    found = model_file.tensors
    missing = [repr(name) for name in expected if name not in found]
    extra = [repr(name) for name in found if name not in expected]
    problems = [f"missing tensors: {', '.join(missing)}"] if missing else []
    problems += [f"extra tensors: {', '.join(extra)}"] if extra else []
    for name, (shape, dtype) in expected.items():
        if name in found:
            tensor = found[name]
            if tensor.shape != tuple(shape):
                problems.append(f"tensor {name!r} has shape {list(tensor.shape)}, expected {list(shape)}")
            if tensor.dtype != np.dtype(dtype):
                problems.append(f"tensor {name!r} is {tensor.dtype}, expected {np.dtype(dtype)}")
            problems += _non_finite(name, tensor)
    if problems:
        raise ModelFileError(f"{model_file.path} does not fit its task {model_file.task!r}: {'; '.join(problems)}")
