"""Damage: bytes, text and JSON changed at random, towards what readers trip over."""

from __future__ import annotations

import copy
import struct
from typing import Any

import numpy as np

Random = np.random.Generator

NUMBERS: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 7, 255, 256, 2**15, 2**31 - 1, 2**31, 2**32, 2**40, 2**53, 2**63 - 1, 2**63, 2**64, 2**70, 10**30, -(2**31),
    -(2**63), 10**400, 0.0, -0.0, 0.5, -0.5, 1.5, 1e-12, 5e-324, 1e-310, 2.3e-308, 1e-200, 1e30, 1e200, 1.7e308, -1e308,
)  # fmt: skip
TEXTS = (
    "", " ", "0", "-1", "1e999", "nan", "NaN", "inf", "-Infinity", "null", "None", "NA", "a", "é", "\x00", "\x1b[31m", "\ud800",
    "\U0001f600", "a" * 300, "../../etc/passwd", "/etc/passwd", "UTC", "Europe/Berlin", "America", "..", "D", "ns", "generic",
    "rnn_tanh[affine:x]", "rnn_tanh[tanh", "lstm", "gru", "B-", "I-PER", "O", "bio", "text", "numbers", "1" * 400, "१२", "\u2028",
    "\ufeff", "2020-01-01", "9999-12-31", "0001-01-01", "01.02.2020", "2020-02-30", "12:60", "%Y-%m", "%Q", "{", "[", '"', "'",
)  # fmt: skip


def one_of(rng: Random, choices: Any) -> Any:
    """One of a sequence."""
    return choices[int(rng.integers(len(choices)))]


def any_value(rng: Random) -> Any:
    """A JSON value that is unlikely to be right."""
    kinds = (NUMBERS, NUMBERS, TEXTS, (None, True, False, [], {}, [[]], [None], {"": 0}, [0] * 50, ["a", "a"]))
    return copy.deepcopy(one_of(rng, one_of(rng, kinds)))


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where there is something in a tree of dictionaries and lists; of a long list some places are enough."""
    found = [path] if path else []
    if isinstance(tree, dict):
        inner: Any = tree.items()
    elif isinstance(tree, list):
        inner = list(enumerate(tree))[:4] + list(enumerate(tree))[-1:]
    else:
        inner = ()
    for key, value in inner:
        found += places(value, (*path, key))
    return found


def damaged_tree(rng: Random, tree: Any) -> Any:
    """A copy with one place changed: another value, one near it, gone, twice, or swapped with its neighbour."""
    tree = copy.deepcopy(tree)
    *way, last = one_of(rng, places(tree))
    holder = tree
    for key in way:
        holder = holder[key]
    old, action = holder[last], rng.integers(8)
    if action == 0 and isinstance(holder, list):
        del holder[last]
    elif action == 0:
        holder.pop(last)
    elif action == 1 and isinstance(holder, list):
        holder.insert(int(rng.integers(len(holder) + 1)), copy.deepcopy(old))
    elif action == 1:
        holder[one_of(rng, TEXTS)] = copy.deepcopy(old)
    elif action == 2 and isinstance(old, list) and old:
        holder[last] = one_of(rng, (old[:1], old[::-1], old[1:], old * 2, [old[0]] * len(old)))
    elif action == 3:
        other: Any = one_of(rng, places(tree))
        value = tree
        for key in other:
            value = value[key]
        holder[last] = copy.deepcopy(value)
    elif action <= 5 and isinstance(old, int | float) and not isinstance(old, bool) and abs(old) < 1e300:
        holder[last] = one_of(rng, (old + 1, old - 1, -old, 2 * old, 0, float(old), str(old), old / 3, bool(old)))
    elif action <= 5 and isinstance(old, bool):
        holder[last] = not old
    else:
        holder[last] = any_value(rng)
    return tree


def damaged_bytes(rng: Random, data: bytes) -> bytes:
    """Some bytes changed, cut out, put in, doubled or moved, or a number of 1 to 8 bytes replaced by an extreme one."""
    changed = bytearray(data)
    for _ in range(int(rng.geometric(0.5))):
        at = int(rng.integers(len(changed) + 1))
        length = int(min(rng.geometric(0.2), len(changed) - at))
        action = rng.integers(7)
        if action == 0 and changed:
            changed[at % len(changed)] ^= 1 << int(rng.integers(8))
        elif action == 1:
            del changed[at : at + length]
        elif action == 2:
            changed[at:at] = rng.bytes(length)
        elif action == 3:
            changed[at:at] = changed[at : at + length] * int(rng.integers(1, 4))
        elif action == 4:
            width = one_of(rng, ("b", "<h", "<i", "<q", ">h", ">i"))
            bits = 8 * struct.calcsize(width)
            extreme = one_of(rng, (0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), 2 ** (bits - 2)))
            raw = struct.pack(width, extreme)
            changed[at : at + len(raw)] = raw
        elif action == 5:
            del changed[at:]
        else:
            other = int(rng.integers(len(changed) + 1))
            changed[at : at + length] = changed[other : other + length]
    return bytes(changed)


def damaged_text(rng: Random, text: str) -> bytes:
    """Lines and cells changed as people and programs do; sometimes bytes, or the encoding."""
    lines = text.split("\n")
    for _ in range(int(rng.geometric(0.5))):
        n, other = (int(rng.integers(len(lines))) for _ in range(2))
        action = rng.integers(9)
        if action == 0:
            del lines[n]
        elif action == 1:
            lines.insert(other, lines[n])
        elif action == 2:
            lines[n], lines[other] = lines[other], lines[n]
        elif action == 3:
            lines.insert(n, str(one_of(rng, TEXTS)))
        elif action <= 6:
            lines[n] = _damaged_line(rng, lines[n])
        elif action == 7:
            lines[n] += lines[other]
        else:
            lines[n] = lines[n][: int(rng.integers(len(lines[n]) + 1))]
        lines = lines or [""]
    changed = "\n".join(lines)
    encodings = ("utf-8",) * 12 + ("utf-8-sig", "utf-16", "latin-1", "utf-32")
    encoding, errors = one_of(rng, encodings), one_of(rng, ("surrogatepass", "replace", "replace", "replace"))
    data = changed.encode(encoding, "replace" if encoding == "latin-1" else errors)
    if rng.random() < 0.2:
        data = data.replace(b"\n", one_of(rng, (b"\r\n", b"\r", b"\n\n", b"\x85", b"\x00\n")))
    return damaged_bytes(rng, data) if rng.random() < 0.2 else data


def _damaged_line(rng: Random, line: str) -> str:
    """One cell of a line replaced, or one separator."""
    separator = one_of(rng, [mark for mark in ",;\t :|" if mark in line] or [","])
    cells = line.split(separator)
    n = int(rng.integers(len(cells)))
    if rng.random() < 0.3:
        return line.replace(separator, one_of(rng, (",", ";", "\t", " ", "|", "", ",,", '","', "\\")), 1)
    value = any_value(rng) if rng.random() < 0.5 else one_of(rng, TEXTS)
    cells[n] = (
        str(value) if rng.random() < 0.7 else one_of(rng, ('"', "'", "")) + cells[n] + one_of(rng, ('"', "#", " x"))
    )
    return separator.join(cells)
