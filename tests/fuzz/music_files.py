"""Pieces of music: MIDI files, and JSON lines with the notes of frames."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path

import numpy as np
from mutate import Random, damaged_bytes, damaged_text, damaged_tree, one_of

from unrolled.codecs.frame_tokens import FrameTokens
from unrolled.data.midi import midi_bytes
from unrolled.data.music import read_music
from unrolled.errors import InputError


def _track(body: bytes) -> bytes:
    return b"MTrk" + struct.pack(">I", len(body)) + body


class MidiFiles:
    """Written by us, and by hand with running status, several tracks, system messages and meta messages."""

    suffix = ".mid"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "file.mid"
        roll = (np.random.default_rng(0).random((8, 88)) < 0.05).astype(np.uint8)
        roll[0, 40] = 1
        header = b"MThd" + struct.pack(">IHHH", 6, 1, 2, 96)
        melody = bytes.fromhex("00ff580404021808 00ff59020001 00ff510307a120 00903c40 603c00 003e40 60803e00 00ff2f00")
        bass = bytes.fromhex(
            "00ff030462617373 00f0037e09f7 00c320 00933040 00e30040 00b3407f 8140833000 00992340 10892300 00ff2f00"
        )
        self._seeds = [midi_bytes(roll, "quarter"), header + _track(melody) + _track(bass)]

    def check_seeds(self) -> None:
        """Read the good files."""
        for seed in self._seeds:
            self._path.write_bytes(seed)
            assert read_music(self._path)[0].roll.any()

    def case(self, rng: Random) -> bytes:
        """Some bytes changed."""
        return damaged_bytes(rng, one_of(rng, self._seeds))

    def use(self, case: bytes) -> None:
        """Read, turn into symbols and write again."""
        self._path.write_bytes(case)
        for step in ("quarter", "thirty_second"):
            with contextlib.suppress(InputError):
                (piece,) = read_music(self._path, step)
                assert len(FrameTokens(128).encode(piece.roll)) >= len(piece.roll)
                midi_bytes(piece.roll[:1000], step)


class NoteLines:
    """A piece a line."""

    suffix = ".jsonl"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "file.jsonl"
        self._seed = [{"notes": [[60, 64], [], [67]]}, {"notes": [[0], [127]], "name": "two"}]

    def check_seeds(self) -> None:
        """Read the good lines."""
        self._path.write_bytes("\n".join(map(json.dumps, self._seed)).encode())
        assert [len(piece.roll) for piece in read_music(self._path)] == [3, 2]

    def case(self, rng: Random) -> bytes:
        """A value changed, or the text."""
        tree = damaged_tree(rng, self._seed) if rng.random() < 0.6 else self._seed
        text = "\n".join(map(json.dumps, tree))
        return damaged_text(rng, text) if tree is self._seed else text.encode("utf-8", "replace")

    def use(self, case: bytes) -> None:
        """Read."""
        self._path.write_bytes(case)
        with contextlib.suppress(InputError):
            read_music(self._path)
