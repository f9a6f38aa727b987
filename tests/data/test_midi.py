"""MIDI files byte by byte, after the standard; what is written is read back; hostile files."""

from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest

from unrolled.data.midi import lowest_note, midi_bytes, midi_files, read_midi, read_midi_folder
from unrolled.errors import InputError, MissingExtraError

mido = pytest.importorskip("mido")


def variable(n: int) -> bytes:
    """A variable-length quantity: seven bits a byte, the first ones with the eighth set."""
    groups = [n & 0x7F]
    while n := n >> 7:
        groups.insert(0, 0x80 | n & 0x7F)
    return bytes(groups)


def track(*events: tuple[int, bytes]) -> bytes:
    body = b"".join(variable(delta) + event for delta, event in [*events, (0, b"\xff\x2f\x00")])
    return b"MTrk" + struct.pack(">I", len(body)) + body


def song(*tracks: bytes, form: int = 1, division: int = 96) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, form, len(tracks), division & 0xFFFF) + b"".join(tracks)


def on(pitch: int, velocity: int = 64, channel: int = 0) -> bytes:
    return bytes([0x90 | channel, pitch, velocity])


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x80 | channel, pitch, 0])


def sounding(path, step="quarter") -> list[list[int]]:
    return [np.flatnonzero(frame).tolist() for frame in read_midi(path, step).roll]


@pytest.fixture
def file(tmp_path):
    def write(data: bytes, name: str = "song.mid"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def test_by_hand(file):
    """Two tracks and two channels, velocity 0 as an end, running status, a tempo that changes, drums."""
    melody = track(
        (0, b"\xff\x51\x03\x07\xa1\x20"),  # 500 ms a beat
        (0, on(60)),
        (96, bytes([60, 0])),  # running status: note on, velocity 0
        (0, bytes([62, 64])),
        (96, b"\xff\x51\x03\x0f\x42\x40"),  # half as fast, which moves nothing
        (96, on(62, 0)),
    )
    bass = track((96, on(40, channel=3)), (192, off(40, channel=3)), (0, on(35, channel=9)), (960, off(35, channel=9)))
    path = file(song(melody, bass))
    assert sounding(path) == [[60], [40, 62], [40, 62]]
    assert sounding(path, "half") == [[60], [40, 62]]  # bass from 0.5 to 1.5 halves, melody to 1.5
    assert sounding(path, "eighth") == [[60]] * 2 + [[40, 62]] * 4
    piece = read_midi(path, "quarter")
    assert (piece.tempo, piece.name, piece.roll.dtype) == (120, str(path), np.uint8)


@pytest.mark.parametrize(
    ("events", "frames"),
    [
        ([(0, on(60)), (10, off(60)), (86, on(64)), (96, off(64))], [[60], [64]]),  # the shortest has a frame
        ([(47, on(60)), (97, off(60))], [[60], [60]]),  # 47 is nearer to 0 than to 96, 144 half way: up
        ([(48, on(60)), (96, off(60))], [[], [60]]),
        ([(0, on(60)), (96, on(60)), (96, off(60))], [[60], [60]]),  # struck again before its end
        ([(0, on(60)), (96, on(60)), (0, off(60)), (192, off(60))], [[60]] * 3),  # the end of the first comes after
        ([(0, on(60)), (96, off(60)), (0, on(60)), (0, off(60)), (96, on(64)), (96, off(64))], [[60], [60], [64]]),
        ([(0, on(60)), (0, on(60, channel=1)), (96, off(60)), (96, off(60, channel=1))], [[60], [60]]),
        ([(0, off(60)), (0, on(60)), (192, b"\xb0\x40\x7f")], [[60], [60]]),  # nothing ends it but the track
    ],
)
def test_beginnings_and_ends(file, events, frames):
    assert sounding(file(song(track(*events), form=0))) == frames


@pytest.mark.parametrize("step", ["half", "quarter", "eighth", "sixteenth", "thirty_second"])
def test_what_is_written_is_read_back(file, step):
    rng = np.random.default_rng(0)
    roll = (rng.random((40, 128)) < 0.2).astype(np.uint8)
    roll[-1, 5] = 1
    piece = read_midi(file(midi_bytes(roll, step, tempo=72.5)), step)
    np.testing.assert_array_equal(piece.roll, roll)
    assert piece.tempo == pytest.approx(72.5, abs=0.001)
    keys = read_midi(file(midi_bytes(roll[:, :88].astype(float), step)), step).roll
    np.testing.assert_array_equal(keys[:, 21:109], roll[:, :88][: len(keys)])
    assert keys.sum() == roll[:, :88].sum()


def test_seconds_of_a_written_file():
    """As mido plays it: 4 sixteenths at 60 beats a minute last a second, rests at the end included."""
    roll = np.zeros((8, 128))
    roll[2:4, 60] = 1
    played = mido.MidiFile(file=io.BytesIO(midi_bytes(roll, tempo=60)))
    assert played.length == pytest.approx(2)
    seconds = np.cumsum([message.time for message in played])
    struck = [message.type == "note_on" for message in played]
    assert seconds[struck].tolist() == pytest.approx([0.5, 1])


def test_folders(file, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    piece = song(track((0, on(60)), (96, off(60))))
    for name in ("c.MID", "b/a.midi", ".hidden/d.mid", "a.txt"):
        file(piece, name)
    assert [path.name for path in midi_files(tmp_path)] == ["a.midi", "c.MID"]
    assert [piece.roll.shape for piece in read_midi_folder(tmp_path, "eighth")] == [(2, 128)] * 2
    file(piece[:-4], "z.mid")
    with pytest.raises(InputError, match=r"z\.mid was cut short"):
        read_midi_folder(tmp_path)
    (tmp_path / "empty").mkdir()
    for folder, reason in (
        ("a.txt", "is a file"),
        ("nowhere", "does not exist"),
        ("empty", r"holds no files that end in \.mid"),
    ):
        with pytest.raises(InputError, match=reason):
            midi_files(tmp_path / folder)


def test_files_that_are_refused(file, tmp_path):
    good = song(track((0, on(60)), (96, off(60))), track((0, on(72)), (96, off(72))))

    def refusal(data: bytes) -> str:
        with pytest.raises(InputError) as caught:
            read_midi(file(data))
        assert str(caught.value).startswith(str(tmp_path / "song.mid"))
        return str(caught.value)

    assert "is empty: 0 bytes" in refusal(b"")
    assert "is no MIDI file: it does not begin with 'MThd'" in refusal(b"RIFF" + good)
    assert all("was cut short" in refusal(good[:n]) for n in range(5, len(good)))
    assert "format 2" in refusal(song(track((0, on(60))), form=2))
    assert "frames of film" in refusal(song(track((0, on(60))), division=-25 << 8 | 40))
    assert "holds no notes" in refusal(song(track((0, on(60, channel=9)), (96, off(60, channel=9)))))
    assert "at most 200,000" in refusal(song(track((0, on(60)), (2**28 - 1, off(60))), division=1))
    assert "cannot be read as a MIDI file: data byte must be in range 0..127" in refusal(
        song(track((0, on(60, 200)), (96, off(60))))
    )
    assert "running status" in refusal(song(track((0, bytes([60, 64])))))
    with pytest.raises(InputError, match=r"nowhere\.mid does not exist"):
        read_midi(tmp_path / "nowhere.mid")
    with pytest.raises(InputError, match="is a folder, expected a MIDI file"):
        read_midi(tmp_path)
    with pytest.raises(InputError, match="step is 'third', expected one of half, quarter"):
        read_midi(file(good), "third")


def test_damaged_bytes_end_in_an_input_error_or_a_piece(file):
    good = song(track((0, on(60)), (96, off(60))), track((0, b"\xff\x59\x02\x00\x01"), (0, on(72)), (96, off(72))))
    rng = np.random.default_rng(0)
    read = 0
    for _ in range(500):
        data = bytearray(good)
        for at in rng.integers(4, len(data), rng.integers(1, 4)):
            data[at] = rng.integers(256)
        try:
            piece = read_midi(file(bytes(data)))
        except InputError:
            continue
        read += 1
        assert piece.roll.shape[1] == 128
        assert piece.roll.any()
    assert 0 < read < 500


@pytest.mark.parametrize(
    ("roll", "options", "reason"),
    [
        (np.ones(3), {}, r"shape \[3\] of float64, expected \[T, P\] of zeros and ones"),
        (np.full((2, 128), 2), {}, "zeros and ones"),
        (np.ones((0, 128)), {}, "zeros and ones"),
        (np.ones((2, 12)), {}, "a roll of 12 notes: which of MIDI's is the first"),
        (np.ones((2, 12)), {"lowest": 120}, "notes from 120 to 131"),
        (np.ones((2, 12)), {"lowest": -1}, "notes from -1"),
        (np.ones((2, 128)), {"tempo": 0}, "tempo is 0"),
        (np.ones((2, 128)), {"step": "third"}, "step is 'third'"),
    ],
)
def test_rolls_that_cannot_be_written(roll, options, reason):
    with pytest.raises(InputError, match=reason):
        midi_bytes(roll, **options)


def test_the_first_note():
    assert [lowest_note(128), lowest_note(88)] == [0, 21]


def test_without_mido(monkeypatch, file):
    path = file(song(track((0, on(60)))))
    monkeypatch.setitem(sys.modules, "mido", None)
    for use in (lambda: read_midi(path), lambda: midi_bytes(np.ones((1, 128)))):
        with pytest.raises(MissingExtraError, match=r"needs the package 'mido'; .*pip install '\.\[music\]'"):
            use()
