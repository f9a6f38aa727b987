"""Files of numbers: NumPy's archives, and recordings."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from mutate import NUMBERS, Random, damaged_bytes, one_of

from unrolled.codecs.audio import AudioFeatures
from unrolled.data.examples import open_example_file
from unrolled.data.pieces import open_pieces, read_conditions
from unrolled.data.targets import as_conditions
from unrolled.data.wav import read_wav
from unrolled.errors import InputError

DTYPES = (
    "<f8",
    "<f4",
    ">f8",
    "<i8",
    "|u1",
    "<u8",
    "|b1",
    "<f2",
    "<c16",
    "|O",
    "<U4",
    "|S3",
    "<M8[D]",
    "<m8[s]",
    "|V8",
    "<f16",
)


def _archive(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


class NpzFiles:
    """Arrays ``X``, ``y`` and ``lengths``."""

    suffix = ".npz"

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self._path = folder / "file.npz"
        self._seeds = [
            {"X": rng.normal(size=(4, 5, 2)), "y": np.array(["a", "b", "a", "b"])},
            {"X": rng.integers(0, 9, size=(4, 6)), "y": np.arange(4.0), "lengths": np.array([6, 2, 3, 6])},
            {"X": rng.normal(size=(10, 2)).astype(np.float32), "y": np.arange(3), "lengths": np.array([4, 5, 1])},
            {"X": rng.normal(size=(4, 5, 2)), "y": rng.normal(size=(4, 3))},
        ]

    def check_seeds(self) -> None:
        """Read the good files."""
        for seed in self._seeds:
            self._path.write_bytes(_archive(seed))
            with open_pieces(self._path) as file:
                examples = file.read()
            assert len(as_conditions(examples)) == len(examples.items) == len(seed["y"])

    def case(self, rng: Random) -> bytes:
        """An array changed, its header, or the bytes of the archive."""
        seed = dict(one_of(rng, self._seeds))
        name = one_of(rng, list(seed))
        action = rng.random()
        if action < 0.2:
            return damaged_bytes(rng, _archive(seed))
        if action < 0.6:
            seed[name] = _other_array(rng, seed[name])
            return _archive(seed)
        return _rewritten(rng, _archive(seed), f"{name}.npy")

    def use(self, case: bytes) -> None:
        """Read with and without targets, and as pieces with what they are to be."""
        self._path.write_bytes(case)
        for target_level in ("none", "sequence"):
            with contextlib.suppress(InputError), open_example_file(self._path, target_level=target_level) as file:
                file.read()
        for read in (lambda path: open_pieces(path).read(), read_conditions):
            with contextlib.suppress(InputError):
                examples = read(self._path)
                if examples.targets is not None:
                    as_conditions(examples)


def _other_array(rng: Random, array: Any) -> Any:
    """Of another dtype, shape or content."""
    dtype, action = np.dtype(one_of(rng, DTYPES)), rng.integers(4)
    if action == 0:
        return np.zeros(array.shape, dtype)
    if action == 1:
        return one_of(rng, (array[:0], array[0], array[..., None], array.reshape(-1), array[:-1], array[None], array.T))
    if action == 2:
        return np.array(one_of(rng, (None, 1, "x", [], {"a": 1}, [[1], [2, 3]])), dtype=object)
    changed = array.astype(np.float64) if array.dtype.kind != "U" else array.copy()
    extreme = "" if array.dtype.kind == "U" else one_of(rng, (np.nan, np.inf, -1.0, 0.0, 1e308, 2.0**63, 0.5))
    changed.reshape(-1)[int(rng.integers(changed.size))] = extreme
    return changed


def _rewritten(rng: Random, archive: bytes, member: str) -> bytes:
    """The text of an array's header, or its bytes, changed within an archive whose checksums are right."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename == member:
                data = _other_header(rng, data) if rng.random() < 0.7 else damaged_bytes(rng, data)
            compression = one_of(rng, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            new.writestr(zipfile.ZipInfo(info.filename), data, compression)
    return buffer.getvalue()


def _other_header(rng: Random, data: bytes) -> bytes:
    length = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + length].decode("latin-1")
    shape = one_of(
        rng, ("()", "(0,)", "(-1,)", "(4,)", "(10**10,)", "(99999999999,)", "(2, 2)", "(1,) * 40", "(4.0,)", "'x'")
    )
    shape = shape.replace("10**10", str(10**10))
    choice = rng.integers(4)
    if choice == 0:
        header = header[: header.index("(")] + shape + header[header.index(")") + 1 :]
    elif choice == 1:
        descr = one_of(rng, (*DTYPES, "nonsense", "", "<f3", "(2,)<f8", "<U99999999"))
        header = "{'descr': " + repr(descr) + header[header.index(", 'fortran") :]
    elif choice == 2:
        header = header.replace("False", one_of(rng, ("True", "None", "0", "[]", "__import__('os')")))
    else:
        header = damaged_bytes(rng, header.encode("latin-1")).decode("latin-1")
    raw = header.encode("latin-1")
    return data[:8] + struct.pack("<H", min(len(raw), 65535)) + raw + data[10 + length :]


def _wav(kind: int, channels: int, rate: int, bits: int, data: bytes, extra: bytes = b"") -> bytes:
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * align, align, bits) + extra
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


class WavFiles:
    """Recordings in the forms that are common."""

    suffix = ".wav"

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        wave = rng.uniform(-1, 1, 64)
        whole = (wave * 32767).astype("<i2").tobytes()
        self._path = folder / "file.wav"
        self._seeds = [
            _wav(1, 1, 8000, 16, whole),
            _wav(1, 2, 44100, 16, whole),
            _wav(1, 1, 8000, 8, (wave * 127 + 128).astype("u1").tobytes()),
            _wav(1, 1, 8000, 24, whole * 3),
            _wav(3, 1, 16000, 32, wave.astype("<f4").tobytes()),
            _wav(3, 1, 16000, 64, wave.astype("<f8").tobytes()),
            _wav(7, 1, 8000, 8, bytes(range(256)), struct.pack("<H", 0)),
        ]

    def check_seeds(self) -> None:
        """Read the good files."""
        for seed in self._seeds:
            self._path.write_bytes(seed)
            assert np.isfinite(read_wav(self._path).samples).all()

    def case(self, rng: Random) -> bytes:
        """A field of the header, a chunk, or some bytes changed."""
        data = bytearray(one_of(rng, self._seeds))
        if rng.random() < 0.4:
            return damaged_bytes(rng, bytes(data))
        for _ in range(int(rng.geometric(0.6))):
            if rng.random() < 0.7:
                place, width = one_of(
                    rng, ((4, "<I"), (16, "<I"), (20, "<H"), (22, "<H"), (24, "<I"), (32, "<H"), (34, "<H"), (40, "<I"))
                )
                size = struct.calcsize(width)
                number = int(one_of(rng, [n for n in NUMBERS if isinstance(n, int) and 0 <= n < 256**size]))
                data[place : place + size] = struct.pack(width, number)
            else:
                data[12:12] = (
                    one_of(rng, (b"LIST", b"data", b"fmt ", b"JUNK"))
                    + struct.pack("<I", int(rng.integers(9)))
                    + bytes(4)
                )
        return bytes(data)

    def use(self, case: bytes) -> None:
        """Read alone, as a file of examples and as features."""
        self._path.write_bytes(case)
        with open_example_file(self._path, target_level="none") as file:
            file.read()
        found = read_wav(self._path)
        AudioFeatures(rate=found.rate, mel_bands=4)(found.samples)
