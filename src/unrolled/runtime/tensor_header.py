"""The header of a safetensors file: which bytes are which tensor, checked before anything is allocated.

Layout of the file: 8 bytes, the length N of the header (unsigned, little endian); N bytes of JSON, an object
``{name: {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {str: str}}``; then the tensors' bytes, which
the offsets must cover exactly, without overlap and without gap.

Source: https://github.com/huggingface/safetensors, section "Format".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

__all__ = ["DTYPES", "TensorEntry", "parse_entries"]

DTYPES = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "|u1"}
"""The dtypes a model file may hold: name in the header -> NumPy's name."""

LARGEST_COUNT = 2**48  # far above any memory, far below where NumPy's sizes overflow


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of the file: where its bytes begin and end, counted from the end of the header."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


def parse_entries(header: dict[str, Any], data_size: int) -> tuple[list[TensorEntry], list[str]]:
    """Return the tensors of a parsed header in the order of their bytes, and every problem found, one sentence each."""
    entries: list[TensorEntry] = []
    problems: list[str] = []
    for name, fields in header.items():
        if name != "__metadata__":
            entry = _parse_entry(name, fields)
            if isinstance(entry, TensorEntry):
                entries.append(entry)
            else:
                problems.append(entry)
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    if not problems:  # a tensor left out above would look like a hole here
        problems.extend(_coverage_problems(entries, data_size))
    return entries, problems


def _parse_entry(name: str, fields: Any) -> TensorEntry | str:
    if not isinstance(fields, dict):
        return f"tensor {name!r} is not described by an object"
    described = cast("dict[str, Any]", fields)
    if set(described) != {"dtype", "shape", "data_offsets"}:
        return f"tensor {name!r} must have exactly dtype, shape and data_offsets, found {sorted(described)}"
    dtype, shape, offsets = described["dtype"], described["shape"], described["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        return f"tensor {name!r} has dtype {dtype!r}, expected one of {', '.join(DTYPES)}"
    if not _is_list_of_counts(shape) or len(shape) > 32 or math.prod(max(n, 1) for n in shape) > LARGEST_COUNT:
        return f"tensor {name!r} has an impossible shape: {str(shape)[:80]}"
    if not _is_list_of_counts(offsets) or len(offsets) != 2:
        return f"tensor {name!r} has impossible data_offsets: {str(offsets)[:80]}"
    begin, end = offsets
    item = np.dtype(DTYPES[dtype])
    needed = math.prod(shape) * item.itemsize
    if end - begin != needed:
        return f"tensor {name!r} of {dtype} and shape {shape} needs {needed} bytes, its offsets span {end - begin}"
    return TensorEntry(name, item, tuple(shape), begin, end)


def _is_list_of_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n <= LARGEST_COUNT for n in cast("list[Any]", value))


def _coverage_problems(entries: list[TensorEntry], data_size: int) -> list[str]:
    problems: list[str] = []
    covered, last = 0, None
    for entry in entries:
        if entry.begin < covered:
            problems.append(f"the bytes of tensors {last!r} and {entry.name!r} overlap")
        elif entry.begin > covered:
            problems.append(f"{entry.begin - covered} bytes before tensor {entry.name!r} belong to no tensor")
        if entry.end >= covered:
            covered, last = entry.end, entry.name
    if covered > data_size:
        problems.append(f"its header promises {covered} bytes of tensors, only {data_size} are there: the file was cut")
    elif covered < data_size:
        problems.append(f"{data_size - covered} surplus bytes follow the last tensor")
    return problems
