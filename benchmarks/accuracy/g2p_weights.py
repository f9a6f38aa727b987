"""What the package g2p-en says of a word that is not in its dictionary: its own weights, without the data it downloads.

The network is one GRU that reads the letters and one that says the sounds, without attention and without a search (Park and
Kim 2019, https://github.com/Kyubyong/g2p); weights and the numbers of its symbols are in the package.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["G2pEn"]

Values = NDArray[np.float32]

VOWELS = ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"]
CONSONANTS = [
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V",
    "W", "Y", "Z", "ZH",
]  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LONGEST = 20  # sounds


def sounds() -> list[str]:
    """Its symbols in their order, by name; UW comes without a mark of stress as well."""
    marked = [f"{vowel}{stress}" for vowel in VOWELS for stress in "012"]
    return ["", "", "", "<end>", *sorted([*marked, *CONSONANTS, "UW"])]


class G2pEn:
    """The network; it says sounds without stress."""

    def __init__(self) -> None:
        spec = find_spec("g2p_en")
        if spec is None or spec.origin is None:
            raise SystemExit("the package g2p-en is not installed: pip install --no-deps g2p-en")
        self._of = dict(np.load(Path(spec.origin).parent / "checkpoint20.npz"))
        self._sounds = sounds()
        if len(self._sounds) != len(self._of["dec_emb"]):
            raise SystemExit(
                f"g2p-en has {len(self._of['dec_emb'])} symbols, expected {len(self._sounds)}: another version?"
            )

    def __call__(self, words: Sequence[str]) -> list[list[str]]:
        """How each is spoken."""
        found: list[list[str]] = [[]] * len(words)
        of_length = defaultdict[int, list[int]](list)
        for n, word in enumerate(words):
            of_length[len(word)].append(n)
        for places in of_length.values():
            for n, said in zip(places, self._said([words[n] for n in places]), strict=True):
                found[n] = said
        return found

    def _said(self, words: list[str]) -> list[list[str]]:
        """Of words of one length: letters after padding and unknown, then the end; sounds from the beginning on."""
        letters = np.array(
            [[*(LETTERS.find(letter) + 3 if letter in LETTERS else 1 for letter in word), 2] for word in words]
        )
        h = np.zeros((len(words), self._of["enc_w_hh"].shape[1]), np.float32)
        for step in self._of["enc_emb"][letters].swapaxes(0, 1):
            h = self._gru("enc", step, h)
        last, said = np.full(len(words), 2), list[NDArray[np.int64]]()
        for _ in range(LONGEST):
            h = self._gru("dec", self._of["dec_emb"][last], h)
            last = (h @ self._of["fc_w"].T + self._of["fc_b"]).argmax(1)
            said.append(last)
        spoken = ([self._sounds[sound] for sound in own] for own in np.stack(said, 1))
        return [
            [sound.rstrip("012") for sound in own[: own.index("<end>") if "<end>" in own else None]] for own in spoken
        ]

    def _gru(self, part: str, x: Values, h: Values) -> Values:
        given = x @ self._of[f"{part}_w_ih"].T + self._of[f"{part}_b_ih"]
        own = h @ self._of[f"{part}_w_hh"].T + self._of[f"{part}_b_hh"]
        (r, z, n), (r_h, z_h, n_h) = np.split(given, 3, 1), np.split(own, 3, 1)
        r, z = 1 / (1 + np.exp(-(r + r_h))), 1 / (1 + np.exp(-(z + z_h)))
        return (1 - z) * np.tanh(n + r * n_h) + z * h
