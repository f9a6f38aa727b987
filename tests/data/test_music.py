"""Pieces of music in files of every kind, and those that hold none."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from unrolled.data.midi import midi_bytes
from unrolled.data.music import is_music, read_music
from unrolled.errors import InputError

ROLL = np.zeros((3, 128), np.uint8)
ROLL[[0, 0, 2], [60, 67, 62]] = 1


def test_the_same_piece_in_every_kind_of_file(tmp_path):
    pytest.importorskip("mido")
    (tmp_path / "folder").mkdir()
    for name in ("folder/a.mid", "b.midi"):
        (tmp_path / name).write_bytes(midi_bytes(ROLL, "eighth"))
    line = json.dumps({"notes": [[67, 60, 60], [], [62]], "title": "no one looks at it"}) + "\n\n"
    (tmp_path / "c.jsonl").write_text(line * 2)
    (tmp_path / "d.ndjson.gz").write_bytes(gzip.compress(line.encode()))
    np.savez(tmp_path / "e.npz", X=ROLL[None])
    np.savez(tmp_path / "f.npz", X=np.concatenate([ROLL, ROLL[:1]]).astype(float), lengths=[3, 1])
    for name, count in {"folder": 1, "b.midi": 1, "c.jsonl": 2, "d.ndjson.gz": 1, "e.npz": 1, "f.npz": 2}.items():
        pieces = read_music(tmp_path / name, "eighth")
        assert len(pieces) == count
        np.testing.assert_array_equal(pieces[0].roll, ROLL)
        assert pieces[0].roll.dtype == np.uint8
        assert str(tmp_path / name) in pieces[0].name
    assert pieces[1].roll.shape == (1, 128)
    assert read_music(tmp_path / "c.jsonl")[1].name.endswith("c.jsonl, line 3")
    assert [is_music(tmp_path / name) for name in ("b.midi", "c.jsonl", "d.ndjson.gz", "e.npz")] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty: 0 pieces"),
        ('{"tones": [[1]]}', "line 1: no key 'notes'; the keys are 'tones'"),
        ('{"notes": [[1]]}\n{"notes": []}', r"line 2: 'notes' is \[\], expected a list of frames"),
        ('{"notes": "c e g"}', "line 1: 'notes' is \"c e g\""),
        ('{"notes": [[1], 2]}', r"line 1, frame 1: 2, expected a list of MIDI's notes, 0 to 127"),
        ('{"notes": [[128]]}', r"frame 0: \[128\]"),
        ('{"notes": [[-1]]}', r"frame 0: \[-1\]"),
        ('{"notes": [[true]]}', r"frame 0: \[true\]"),
        ('{"notes": [[60.0]]}', r"frame 0: \[60.0\]"),
        ("[1]", "line 1: expected an object"),
    ],
)
def test_lines_without_a_piece(tmp_path, content, reason):
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(InputError, match=reason):
        read_music(tmp_path / "a.jsonl")


def test_files_that_are_no_music(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.array([[[0, 1], [1, 0.5]]]))
    with pytest.raises(InputError, match=r"a\.npz, row 0: frame 1, note 1 is 0\.5, expected 0 or 1"):
        read_music(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"b\.txt: the name says nothing of music; expected one of \.mid, "):
        read_music(tmp_path / "b.txt")
    for name in ("c.jsonl", "c.npz", "c.mid"):
        with pytest.raises(InputError, match=r"c\..*(does not exist|no such file)"):
            read_music(tmp_path / name)
