"""The model file: what goes in comes out, bit for bit, and nothing else comes out (FAULTS 22 to 27)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled.errors import InputError, ModelFileError
from unrolled.runtime.model_file import check_tensors, decode_config, read_model, write_model
from unrolled.version import library_version


class Scaler(msgspec.Struct, forbid_unknown_fields=True):
    mean: float
    names: list[str]


class Config(msgspec.Struct, forbid_unknown_fields=True):
    hidden_size: int
    scaler: Scaler


CONFIG = Config(hidden_size=3, scaler=Scaler(mean=0.1, names=["päss", 'quo"te', "\u2028"]))
TENSORS: dict[str, np.ndarray[Any, Any]] = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "precise": np.array([np.pi, -0.0, 5e-324]),
    "count": np.array([2**40, -1]),
    "index": np.array([[7]], dtype=np.int32),
    "mask": np.array([0, 255], dtype=np.uint8),
    "scalar": np.array(2.5),
    "empty": np.empty((0, 4), dtype=np.float32),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    write_model(path, "forecaster", CONFIG, TENSORS)
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "model.safetensors"
    write_model(path, "forecaster", CONFIG, TENSORS)
    return path.read_bytes()


def refuse(path: Path, content: bytes) -> str:
    """Write the content, check that it is refused and return why, without the path."""
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_model(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def craft(header: str | bytes, data: bytes = b"") -> bytes:
    """Return a file with this header, with the right checksum in place of 64 zeros, as a cunning author would."""
    raw = header if isinstance(header, bytes) else header.encode()
    content = struct.pack("<Q", len(raw)) + raw + data
    return content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode(), 1)


def header_of(tensors: dict[str, Any], **changes: Any) -> str:
    document = {"sha256": "0" * 64, "format_version": 1, "task": "t", "library_version": "0", "config": {}} | changes
    return json.dumps({"__metadata__": {"unrolled": json.dumps(document)}, **tensors})


def entry(begin: int, end: int, shape: list[Any] | None = None, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


# ---- what goes in comes out ----


def test_round_trip_is_bit_identical(path: Path) -> None:
    found = read_model(path)
    assert (found.task, found.library_version, found.path) == ("forecaster", library_version(), path)
    assert decode_config(found, Config) == CONFIG
    assert set(found.tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        back = found.tensors[name]
        assert (back.dtype, back.shape, back.tobytes()) == (tensor.dtype, tensor.shape, tensor.tobytes())
        assert back.flags.aligned
        assert back.flags.writeable


def test_layout_and_byte_order_do_not_matter(tmp_path: Path) -> None:
    square = np.arange(9.0).reshape(3, 3)
    write_model(
        tmp_path / "m", "t", CONFIG, {"transposed": square.T, "reversed": square[::-1], "big": square.astype(">f8")}
    )
    found = read_model(tmp_path / "m").tensors
    np.testing.assert_array_equal(found["transposed"], square.T)
    np.testing.assert_array_equal(found["reversed"], square[::-1])
    np.testing.assert_array_equal(found["big"], square)
    assert found["big"].dtype == np.dtype("=f8")


def test_same_model_gives_same_bytes_and_the_checksum_is_of_the_file(path: Path, good: bytes) -> None:
    assert path.read_bytes() == good
    digest = read_model(path).sha256
    assert hashlib.sha256(good.replace(digest.encode(), b"0" * 64)).hexdigest() == digest


def test_other_tools_can_read_the_tensors(path: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file

    for name, tensor in load_file(path).items():
        np.testing.assert_array_equal(tensor, TENSORS[name])
    with safe_open(path, framework="numpy") as file:
        assert json.loads(file.metadata()["unrolled"])["config"]["hidden_size"] == 3


def test_a_crafted_sealed_file_is_read(tmp_path: Path) -> None:
    """The attacks below differ from this one in what they attack only."""
    (tmp_path / "m").write_bytes(craft(header_of({"a": entry(0, 8)}), np.float32([1, 2]).tobytes()))
    assert read_model(tmp_path / "m").tensors["a"].tolist() == [1, 2]


# ---- faults 22 to 27 ----


def test_fault_22_cut_at_any_byte(tmp_path: Path, good: bytes) -> None:
    for length in range(len(good)):
        message = refuse(tmp_path / "cut", good[:length])
        assert "cut" in message, (length, message)


def test_fault_22_messages(tmp_path: Path, good: bytes) -> None:
    header = 8 + int.from_bytes(good[:8], "little")
    assert refuse(tmp_path / "m", b"") == " is damaged: 0 bytes cannot be a model file: it was cut"
    assert refuse(tmp_path / "m", good[:100]) == (
        f" is damaged: its header claims {header - 8} bytes, only 92 follow: it was cut"
    )
    assert refuse(tmp_path / "m", good[:-1]) == (
        f" is damaged: its header promises {len(good) - header} bytes of tensors,"
        f" only {len(good) - header - 1} are there: the file was cut"
    )


def test_fault_23_header_that_claims_100_gb(tmp_path: Path) -> None:
    content = struct.pack("<Q", 100_000_000_000) + b'{"a":1}'
    assert refuse(tmp_path / "m", content) == (
        " is damaged: its header claims 100000000000 bytes, only 7 follow: it was cut"
    )


def test_fault_23_header_that_is_100_gb(tmp_path: Path) -> None:
    path = tmp_path / "sparse"  # takes no room on the disk
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 100_000_000_000) + b"{")
        file.truncate(100_000_000_008)
    with pytest.raises(
        ModelFileError, match="is refused: its header has 100000000000 bytes, at most 100000000 are read"
    ):
        read_model(path)


def test_fault_23_tensor_that_claims_100_gb(tmp_path: Path) -> None:
    message = refuse(tmp_path / "m", craft(header_of({"a": entry(0, 10**11)}), b"1234"))
    assert message == (
        " is damaged: its header promises 100000000000 bytes of tensors, only 4 are there: the file was cut"
    )


def test_fault_24_overlapping_missing_and_surplus_bytes(tmp_path: Path) -> None:
    def attack(tensors: dict[str, Any], size: int) -> str:
        return refuse(tmp_path / "m", craft(header_of(tensors), bytes(size)))

    assert attack({"a": entry(0, 8), "b": entry(4, 12)}, 12) == " is damaged: the bytes of tensors 'a' and 'b' overlap"
    assert attack({"a": entry(0, 8), "b": entry(0, 8)}, 8) == " is damaged: the bytes of tensors 'a' and 'b' overlap"
    assert attack({"a": entry(0, 12), "b": entry(4, 8), "c": entry(12, 16)}, 16) == (
        " is damaged: the bytes of tensors 'a' and 'b' overlap"
    )
    assert attack({"a": entry(0, 4), "b": entry(8, 12)}, 12) == (
        " is damaged: 4 bytes before tensor 'b' belong to no tensor"
    )
    assert attack({"a": entry(0, 4)}, 7) == " is damaged: 3 surplus bytes follow the last tensor"
    assert attack({}, 1) == " is damaged: 1 surplus bytes follow the last tensor"
    both = {"a": entry(0, 8), "b": entry(4, 12), "c": entry(16, 20)}
    assert attack(both, 24) == (
        " is damaged: the bytes of tensors 'a' and 'b' overlap; 4 bytes before tensor 'c' belong to no tensor;"
        " 4 surplus bytes follow the last tensor"
    )


def test_fault_24_duplicate_keys(tmp_path: Path) -> None:
    good = header_of({"a": entry(0, 4)})
    twice = good[:-1] + ', "a": ' + json.dumps(entry(4, 8)) + "}"
    assert refuse(tmp_path / "m", craft(twice, bytes(8))) == (
        " is damaged: its header is not valid JSON: the key 'a' appears twice"
    )
    inner = good.replace('\\"task\\": \\"t\\"', '\\"task\\": \\"t\\", \\"task\\": \\"u\\"')
    assert refuse(tmp_path / "m", craft(inner, bytes(4))) == (
        " is damaged: its description of the model is not valid: the key 'task' appears twice"
    )


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_fault_25_any_changed_byte_is_noticed(tmp_path: Path, good: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(good) - 1))
    changed = data.draw(st.integers(1, 255))
    refuse(tmp_path / "m", good[:position] + bytes([good[position] ^ changed]) + good[position + 1 :])


def test_fault_25_a_flipped_bit_in_every_byte_is_noticed(tmp_path: Path, good: bytes) -> None:
    for position in range(len(good)):
        flipped = bytearray(good)
        flipped[position] ^= 1 << position % 8
        refuse(tmp_path / "m", bytes(flipped))


def test_fault_25_message(tmp_path: Path, good: bytes) -> None:
    message = refuse(tmp_path / "m", good[:-1] + bytes([good[-1] ^ 1]))
    assert message.startswith(" is damaged: checksum mismatch, it says ")
    assert message.endswith("; copy or save the model again")
    assert refuse(tmp_path / "m", craft(header_of({}, sha256="F" * 64))) == (
        f" is damaged: '{'F' * 64}' is not a SHA-256 checksum"
    )


def test_fault_26_missing_extra_misshaped_and_non_finite_are_listed_at_once(tmp_path: Path) -> None:
    bad = np.array([[1, np.nan], [np.inf, 2]], dtype=np.float32)
    header = header_of({"bad": entry(0, 16, [2, 2]), "surplus": entry(16, 20), "wide": entry(20, 28)})
    (tmp_path / "m").write_bytes(craft(header, bad.tobytes() + np.float32([1, 2, 3]).tobytes()))
    model_file = read_model(tmp_path / "m")
    expected = {"bad": ((2, 2), "f4"), "wide": ((3,), np.float64), "gone": ((1,), "f4"), "lost": ((1,), "f4")}
    with pytest.raises(ModelFileError) as caught:
        check_tensors(model_file, expected)
    assert str(caught.value) == (
        f"{tmp_path / 'm'} does not fit its task 't': missing tensors: 'gone', 'lost'; extra tensors: 'surplus';"
        " tensor 'bad' holds 2 values that are not finite, the first nan at [0, 1];"
        " tensor 'wide' has shape [2], expected [3]; tensor 'wide' is float32, expected float64"
    )


def test_fault_26_what_fits_passes(path: Path) -> None:
    check_tensors(read_model(path), {name: (tensor.shape, tensor.dtype) for name, tensor in TENSORS.items()})


class Bomb:
    """A pickle that leaves a mark where it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def as_zip(member: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", member)
    return buffer.getvalue()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_fault_27_pickles_are_refused_and_nothing_is_executed(tmp_path: Path, protocol: int) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"), protocol=protocol)
    message = refuse(tmp_path / "m", bomb)
    expected = " is a pickle, not a model file of this library; nothing in it was executed"
    if protocol >= 2:
        assert message == expected
    else:  # the two oldest protocols have no first byte of their own
        assert message == " is not a model file of this library: its bytes do not begin as one does"
    assert not (tmp_path / "exploded").exists()
    pickle.loads(bomb)
    assert (tmp_path / "exploded").exists(), "the bomb must be live, or this test shows nothing"


def test_fault_27_archives_are_refused_by_their_first_bytes(tmp_path: Path) -> None:
    zipped = as_zip(pickle.dumps(Bomb(tmp_path / "exploded")))
    array = io.BytesIO()
    np.save(array, np.ones(3))
    arrays = io.BytesIO()
    np.savez(arrays, a=np.ones(3))
    tail = ", not a model file of this library; nothing in it was executed"
    archive = " is a zip archive (torch.save, npz and Keras files are such)" + tail
    assert refuse(tmp_path / "m", zipped) == archive
    assert refuse(tmp_path / "m", arrays.getvalue()) == archive
    assert refuse(tmp_path / "m", array.getvalue()) == " is a NumPy array file" + tail
    assert refuse(tmp_path / "m", b"\x89HDF\r\n\x1a\n" + bytes(50)) == " is an HDF5 file" + tail
    assert refuse(tmp_path / "m", b"\x1f\x8b" + bytes(50)) == " is a gzip file" + tail
    assert not (tmp_path / "exploded").exists()


def test_fault_27_pickle_after_a_plausible_length(tmp_path: Path) -> None:
    """A file may be a pickle and have a brace as its ninth byte."""
    bomb = b"\x80\x04\x95\x10\x00\x00\x00\x00{" + pickle.dumps(Bomb(tmp_path / "exploded"))
    refuse(tmp_path / "m", bomb)
    assert not (tmp_path / "exploded").exists()


def test_model_of_another_library_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save

    for metadata in (None, {"format": "pt"}):
        assert refuse(tmp_path / "m", save({"a": np.ones(2)}, metadata=metadata)) == (
            " holds tensors but no model of this library: its metadata lack the key 'unrolled'"
        )


@pytest.mark.parametrize(
    ("described", "problem"),
    [
        ([1], "tensor 'a' is not described by an object"),
        ({"dtype": "F32"}, "tensor 'a' must have exactly dtype, shape and data_offsets, found ['dtype']"),
        (entry(0, 4, dtype="BF16"), "tensor 'a' has dtype 'BF16', expected one of F32, F64, I32, I64, U8"),
        (entry(0, 4) | {"dtype": ["F32"]}, "tensor 'a' has dtype ['F32'], expected one of F32, F64, I32, I64, U8"),
        (entry(0, 4, [-1]), "tensor 'a' has an impossible shape: [-1]"),
        (entry(0, 4, [True]), "tensor 'a' has an impossible shape: [True]"),
        (entry(0, 4, [1.0]), "tensor 'a' has an impossible shape: [1.0]"),
        (entry(0, 4, [1] * 33), f"tensor 'a' has an impossible shape: {str([1] * 33)[:80]}"),
        (entry(0, 0, [2**40, 2**40, 0]), f"tensor 'a' has an impossible shape: {[2**40, 2**40, 0]}"),
        (entry(0, 4) | {"data_offsets": [0, 4, 8]}, "tensor 'a' has impossible data_offsets: [0, 4, 8]"),
        (entry(0, 4, [2]), "tensor 'a' of F32 and shape [2] needs 8 bytes, its offsets span 4"),
        (entry(8, 4, [1]), "tensor 'a' of F32 and shape [1] needs 4 bytes, its offsets span -4"),
        (entry(0, 4, [10**17] * 8), f"tensor 'a' has an impossible shape: {str([10**17] * 8)[:80]}"),
    ],
)
def test_impossible_descriptions(tmp_path: Path, described: Any, problem: str) -> None:
    content = craft(header_of({"a": described, "b": [2]}), bytes(4))
    assert refuse(tmp_path / "m", content) == f" is damaged: {problem}; tensor 'b' is not described by an object"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"{}", "holds tensors but no model of this library"),
        (b'{"__metadata__":[]}', "holds tensors but no model of this library"),
        (b'{"__metadata__":{"unrolled":{}}}', "holds tensors but no model of this library"),
        (b"{" * 200_000, "its header is not valid JSON"),
        (b'{"a":' + b"[" * 200_000, "its header is not valid JSON: it is nested too deeply"),
        (b'{"a":\xff}', "its header is not valid JSON: 'utf-8' codec can't decode byte 0xff in position 5"),
        (b'{"a":NaN}', "its header is not valid JSON: NaN is not a JSON value"),
        (b'{"a":' + b"9" * 5000 + b"}", "its header is not valid JSON: Exceeds the limit"),
        (header_of({}, task=3), "its description of the model is not valid: Expected `str`, got `int` - at `$.task`"),
        (header_of({}, extra=3), "its description of the model is not valid: Object contains unknown field `extra`"),
        (header_of({}, format_version=0.5), "its description of the model is not valid: Expected `int`, got `float`"),
        (header_of({}, config=[]), "its description of the model is not valid: Expected `object`, got `array`"),
        (b'{"__metadata__":{"unrolled":"[]"}}', "its description of the model is not valid: Expected `object`"),
        (b'{"__metadata__":{"unrolled":"' + b"[" * 200_000 + b'"}}', "not valid: it is nested too deeply"),
    ],
)
def test_headers_that_are_not_ours(tmp_path: Path, header: str | bytes, reason: str) -> None:
    assert reason in refuse(tmp_path / "m", craft(header))


def test_newer_format_says_upgrade(tmp_path: Path) -> None:
    message = refuse(tmp_path / "m", craft(header_of({}, format_version=2, new_field=1)))
    assert message == (
        f" has format 2, written by a newer library; this one ({library_version()}) reads format 1: update it"
    )
    assert "description of the model is not valid" in refuse(tmp_path / "m", craft(header_of({}, format_version=0)))


def test_what_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="pipe is not a file; give the path of a model file"):
        read_model(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="is not a file"):
        read_model(tmp_path)
    with pytest.raises(ModelFileError, match=r"gone: no such file$"):
        read_model(tmp_path / "gone")
    with pytest.raises(ModelFileError, match=r"'a\\x00b' cannot be the name of a file"):
        read_model("a\0b")
    with pytest.raises(ModelFileError, match="cannot be read: "):
        read_model("x" * 5000)


def test_config_that_does_not_fit_names_the_field(path: Path) -> None:
    class Other(msgspec.Struct, forbid_unknown_fields=True):
        hidden_size: str
        scaler: Scaler

    class Smaller(msgspec.Struct, forbid_unknown_fields=True):
        hidden_size: int

    found = read_model(path)
    start = (
        f"{path} does not fit this version of the library ({library_version()}; it was saved by {library_version()}): "
    )
    with pytest.raises(ModelFileError) as caught:
        decode_config(found, Other)
    assert str(caught.value) == start + "Expected `str`, got `int` - at `$.hidden_size`"
    with pytest.raises(ModelFileError) as caught:
        decode_config(found, Smaller)
    assert str(caught.value) == start + "Object contains unknown field `scaler`"


# ---- writing ----


def test_what_cannot_be_stored_is_refused_before_writing(path: Path, good: bytes) -> None:
    bad = {
        "nan": np.array([1, np.nan]),
        "half": np.ones(1, np.float16),
        "object": np.array([None]),
        "__metadata__": np.ones(1),
    }
    with pytest.raises(InputError) as caught:
        write_model(path, "forecaster", CONFIG, bad)
    kinds = "float32, float64, int32, int64, uint8"
    assert str(caught.value) == (
        "the model cannot be saved: tensor 'nan' holds 1 values that are not finite, the first nan at [1];"
        f" tensor 'half' has dtype float16, expected {kinds}; tensor 'object' has dtype object, expected {kinds};"
        " '__metadata__' cannot be the name of a tensor"
    )
    unset = Config(hidden_size=3, scaler=Scaler(mean=float("inf"), names=[]))
    with pytest.raises(InputError, match=r"configuration cannot be saved: Expected `float`, got `null`"):
        write_model(path, "forecaster", unset, {})

    class Loose(msgspec.Struct):
        value: Any

    with pytest.raises(
        InputError, match=r"configuration changes when saved: .*value=\(1, 2\).* would load as .*\[1, 2\]"
    ):
        write_model(path, "forecaster", Loose((1, 2)), {})
    with pytest.raises(InputError, match=r"configuration cannot be saved: Encoding objects of type complex"):
        write_model(path, "forecaster", Loose(1j), {})
    assert path.read_bytes() == good
    assert [file.name for file in path.parent.iterdir()] == [path.name]
