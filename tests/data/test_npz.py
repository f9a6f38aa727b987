"""Arrays in .npz files: what is read, and archives that are damaged, odd or not of numbers."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled.data.example_file import Examples, TargetLevel
from unrolled.data.examples import open_example_file
from unrolled.errors import InputError


def read(path: Path, target_level: TargetLevel = "sequence") -> Examples:
    with open_example_file(path, target_level=target_level) as file:
        return file.read()


def refusal(path: Path, target_level: TargetLevel = "sequence") -> str:
    with pytest.raises(InputError) as caught:
        read(path, target_level)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def test_arrays_of_equal_and_of_other_lengths(tmp_path: Path) -> None:
    path, X = tmp_path / "a.npz", np.arange(12.0).reshape(2, 3, 2)
    np.savez(path, X=X, y=np.array(["u", "v"]))
    examples = read(path)
    assert [item.tolist() for item in examples.items] == X.tolist()
    assert (examples.targets, str(examples.places[1])) == (["u", "v"], "row 1")
    np.savez(path, X=X, lengths=np.array([3, 1]), y=np.array([[1], [2]]))
    assert [len(item) for item in read(path).items] == [3, 1]
    np.savez(path, X=X.reshape(6, 2), lengths=np.array([4, 2]), y=np.array([1.5, 2]))
    assert [item.tolist() for item in read(path).items] == [X.reshape(6, 2)[:4].tolist(), X.reshape(6, 2)[4:].tolist()]
    np.savez(path, X=np.arange(6).reshape(2, 3))
    assert [item.tolist() for item in read(path, target_level="none").items] == [[[0], [1], [2]], [[3], [4], [5]]]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.zeros(2)}, ": no array 'X'; the arrays are 'y'"),
        ({"X": np.zeros((2, 3))}, ": no array 'y' with a target for each sequence; the arrays are 'X'"),
        ({"X": np.zeros(3), "y": np.zeros(3)}, ": X has shape [3], expected [N, T, C], [N, T] or [sum T, C]"),
        ({"X": np.array([["a"]]), "y": np.zeros(1)}, ": X holds <U1, expected numbers"),
        ({"X": np.zeros((2, 3)), "y": np.zeros(3)}, ": y has shape [3] of float64, expected 2 texts or numbers"),
        ({"X": np.zeros((2, 3)), "y": np.zeros(2), "lengths": np.array([0, 3])}, ": lengths has shape [2] of int64"),
        (
            {"X": np.zeros((2, 3)), "y": np.zeros(2), "lengths": np.array([4, 3])},
            ": lengths [2] adds up to 7 and reaches 4",
        ),
        (
            {"X": np.array([[1, np.inf]]), "y": np.zeros(1)},
            ", row 0: step 1, number 0 is inf, expected a finite number",
        ),
        (
            {"X": np.array([[None]]), "y": np.zeros(1)},
            " cannot be read as a .npz file of numbers: Object arrays cannot",
        ),
    ],
)
def test_arrays_that_will_not_do(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    assert refusal(tmp_path / "bad.npz").startswith(message)


def test_what_is_no_npz(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    assert refusal(path) == ": no such file"
    path.write_bytes(b"PK\x03\x04 and no more")
    assert refusal(path).startswith(" cannot be read as a .npz file of numbers: ")
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    assert refusal(path) == " holds a single array, expected X and y: write it with numpy.savez"


def npz(header: bytes = b"", *, names: tuple[str, ...] = ("X",), compression: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of arrays of ones, or of one whose header is what it says."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names twice
        for name in names:
            array = io.BytesIO()
            np.save(array, np.ones((5, 4, 2)))
            content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header if header else array.getvalue()
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def changed(content: bytes, mark: bytes, at: int, value: int) -> bytes:
    """The archive with one byte, so far from each mark, set."""
    data = bytearray(content)
    for found in re.finditer(re.escape(mark), content):
        data[found.start() + at] = value
    return bytes(data)


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


@pytest.mark.parametrize(
    "content",
    [
        npz(b"(((       "),
        npz(b"{'descr': '<f8', 'fortran_order': False, 'shape': (5, 4, 2), 'x': 1}   "),
        npz(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}   "),
        npz(b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999, 9999999999)}   "),
        npz(b"{'descr': [('a', '<f8')], 'fortran_order': 3, 'shape': 5}   "),
        npz(b"\xff\xfe\x00      "),
        npz(b"{'descr': 'O', 'fortran_order': False, 'shape': (1,)}      "),
        changed(changed(npz(), LOCAL, 6, 1), CENTRAL, 8, 1),  # encrypted
        changed(changed(npz(), LOCAL, 8, 99), CENTRAL, 10, 99),  # an unknown compression
        changed(npz(compression=zipfile.ZIP_DEFLATED), LOCAL, 50, 0x5A),
        changed(npz(compression=zipfile.ZIP_DEFLATED), LOCAL, 37, 0xFF),
        changed(npz(), LOCAL, 190, 0x33),  # a sum that does not fit
        npz()[:-30],
        npz()[:200],
    ],
)
def test_damaged_archives_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    assert refusal(tmp_path / "bad.npz", target_level="none").startswith(" cannot be read as a .npz file of numbers: ")


def test_an_array_that_is_there_twice(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(npz(names=("X", "X")))
    assert refusal(tmp_path / "bad.npz", target_level="none") == " holds two arrays 'X'; write each once"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"lengths": np.array([2**63, 2**63 + 1], np.uint64)}, ": lengths reaches 9223372036854775809, but X holds 12"),
        ({"lengths": np.zeros(0, np.int64)}, ": lengths has shape [0] of int64, expected whole numbers from 1"),
        ({"X": np.ones((2, 3), np.longdouble) * np.longdouble("1e400")}, ", row 0: step 0, number 0 is inf, expected"),
        ({"y": np.array(["a", "b\ud83d"])}, ", row 1: the target 'b\\ud83d' holds half of a character"),
        ({"X": np.ones((2, 3), "datetime64[s]")}, ": X holds datetime64[s], expected numbers"),
        ({"y": np.array([b"a", b"b"])}, ": y has shape [2] of |S1, expected 2 texts or numbers"),
    ],
)
def test_arrays_of_odd_numbers(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "bad.npz", **{"X": np.arange(12.0).reshape(2, 3, 2), "y": np.array(["a", "b"]), **arrays})
    assert refusal(tmp_path / "bad.npz").startswith(message)
