"""Files of text: tables, JSON lines, tagged sentences, the archives' series; some of them packed."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
from mutate import Random, damaged_bytes, damaged_text, damaged_tree, one_of

from unrolled.data.channels import read_channels
from unrolled.data.examples import open_example_file
from unrolled.data.pairs import open_pairs
from unrolled.data.panel import read_panel
from unrolled.data.pieces import PieceOptions, open_pieces, read_conditions
from unrolled.data.targets import as_conditions
from unrolled.errors import InputError

DAYS = [str(np.datetime64("2024-01-28") + n) for n in range(12)]


class TextFiles:
    """What all of them share: a line, a cell or some bytes changed, and then perhaps packed."""

    suffix: str
    seeds: tuple[str, ...]
    suffixes: tuple[str, ...]
    seed_suffixes: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check_seeds(self) -> None:
        """Read the good files, and use them as the damaged ones."""
        for name, seed in zip(self.seed_suffixes or self.suffixes[:1] * len(self.seeds), self.seeds, strict=True):
            path = self._folder / f"seed{name}"
            path.write_text(seed, encoding="utf-8")
            _read(path, "none")
        self.use(self._kept(0, self.seeds[0].encode()))

    def case(self, rng: Random) -> bytes:
        """One byte that says how it is called, then the file."""
        name = int(rng.integers(len(self.suffixes)))
        data = self.damaged(rng, one_of(rng, self.seeds))
        if self.suffixes[name].endswith(".gz"):
            data = gzip.compress(data, mtime=0)
            data = damaged_bytes(rng, data) if rng.random() < 0.3 else data
        return self._kept(name, data)

    def damaged(self, rng: Random, seed: str) -> bytes:
        """A seed after some changes."""
        return damaged_text(rng, seed)

    def use(self, case: bytes) -> None:
        """Read the file for every purpose."""
        path = self._folder / f"file{self.suffixes[case[0]]}"
        path.write_bytes(case[1:])
        for read in self.readers():
            with contextlib.suppress(InputError):
                read(path)
        path.unlink()

    def readers(self) -> list[Any]:
        """All there is to read such a file."""
        return [
            lambda path, target_level=target_level: _read(path, target_level)
            for target_level in ("none", "sequence", "step")
        ]

    @staticmethod
    def _kept(name: int, data: bytes) -> bytes:
        return bytes([name]) + data


def _read(path: Path, target_level: Any) -> None:
    with open_example_file(path, target_level=target_level) as file:
        file.read()


def _table(header: str, rows: list[str], separator: str = ",") -> str:
    return "\n".join([header, *rows, ""]).replace(",", separator)


class CsvFiles(TextFiles):
    """Tables, for every estimator."""

    suffix = ".csv"
    suffixes = (".csv", ".csv", ".tsv", ".csv.gz")
    seeds = (
        _table("day,sold", [f"{day},{n * 1.5 + 3}" for n, day in enumerate(DAYS)]),
        _table("day;shop;sold", [f"{day};{shop};{n}" for shop in ("a", "b") for n, day in enumerate(DAYS)]),
        _table("t,x,y", [f"{n},{n * n},{n % 3}" for n in range(12)], "\t"),
        _table("text,label", ['"what a film, really",good', "never again,bad"] * 4),
        _table("series,step,x,label", [f"s{s},{t},{s * t / 2},{'ab'[s]}" for s in range(2) for t in range(5)]),
        _table("a,b,c,d,label", [f"{n},{n + 1},{n + 2},{n + 3},{n % 2}" for n in range(8)]),
        "date;value\n" + "".join(f"{n + 1:02d}.01.2024;{n},5\n" for n in range(12)),
        "month,passengers\n" + "".join(f"19{49 + n // 12}-{n % 12 + 1:02d},{112 + n}\n" for n in range(30)),
    )

    def readers(self) -> list[Any]:
        """As series and as channels, too."""
        return [
            *super().readers(),
            read_panel,
            lambda path: read_panel(path, missing="interpolate"),
            read_channels,
            lambda path: read_channels(path, missing="previous"),
        ]


class JsonLinesFiles(TextFiles):
    """An object a line."""

    suffix = ".jsonl"
    suffixes = (".jsonl", ".jsonl", ".ndjson", ".jsonl.gz")
    objects = (
        [{"text": "a good film", "label": "good"}, {"text": "a bad one", "label": "bad"}],
        [{"sequence": [[1.0, 2], [3, 4]], "label": 1}, {"sequence": [[0, 0.5]], "label": 2}],
        [{"sequence": [1, 2, 3], "tags": ["x", "y", "x"]}, {"sequence": [4], "tags": ["x"]}],
        [
            {"tokens": ["Ada", "slept"], "tags": ["B-PER", "O"], "label": "x"},
            {"tokens": ["so"], "tags": ["O"], "label": "y"},
        ],
        [{"text": "high", "label": [1, 0.5]}, {"text": "low", "label": [-1, 2.5]}],
    )
    seeds = tuple("".join(json.dumps(each) + "\n" for each in lines) for lines in objects)

    def damaged(self, rng: Random, seed: str) -> bytes:
        """Values changed where they stand, or text."""
        if rng.random() < 0.4:
            return damaged_text(rng, seed)
        lines = [json.loads(line) for line in seed.splitlines()]
        for _ in range(int(rng.geometric(0.6))):
            lines = damaged_tree(rng, lines) or [{}]
        ascii_ = bool(rng.random() < 0.7)
        return "".join(json.dumps(each, ensure_ascii=ascii_) + "\n" for each in lines).encode("utf-8", "surrogatepass")

    def readers(self) -> list[Any]:
        """As others, and as pieces with what they are to be."""
        return [*super().readers(), _read_pieces, read_conditions]


def _read_pieces(path: Path) -> None:
    with open_pieces(path, PieceOptions(condition="label")) as file:
        as_conditions(file.read())


class ConllFiles(TextFiles):
    """Tagged sentences."""

    suffix = ".conll"
    suffixes = (".conll", ".conll", ".conllu", ".conll.gz")
    seeds = (
        "Ada NNP B-PER\nsings VBZ O\n\nYes UH O\n",
        "-DOCSTART- -X- O\n\nAda NNP B-PER\nLovelace NNP I-PER\n\nsleeps VBZ O\n",
        "# sent_id = 1\n1\tAda\tAda\tPROPN\tNNP\t_\t2\tnsubj\t_\t_\n2-3\tcannot\t_\t_\t_\t_\t_\t_\t_\t_\n"
        "2\tcan\tcan\tAUX\tMD\t_\t0\troot\t_\t_\n3\tnot\tnot\tPART\tRB\t_\t2\tadvmod\t_\t_\n3.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n\n",
    )
    seed_suffixes = (".conll", ".conll", ".conllu")


class PairFiles(TextFiles):
    """Sources and their targets, in one file or beside another."""

    suffix = ".tsv"
    suffixes = (".tsv", ".jsonl", ".dict", ".csv", ".txt", ".en", ".tsv.gz", ".dict.gz")
    seeds = (
        "go on\tcontinue\nstop\tarrête\n",
        '{"source": "go on", "target": ["a", "b"]}\n{"source": "stop", "target": ["c"]}\n',
        ";;; c\nREAD  R EH1 D\nREAD(1)  R IY1 D\nA  AH0 # weak\n",
        'source,target\n"go, on",continue\nstop,arrête\n',
    )
    seed_suffixes = (".tsv", ".jsonl", ".dict", ".csv")

    def check_seeds(self) -> None:
        """Read the good files, with their targets."""
        for name, seed in zip(self.seed_suffixes, self.seeds, strict=True):
            (self._folder / f"seed{name}").write_text(seed, encoding="utf-8")
            _read_pairs(self._folder / f"seed{name}", None, targets=True)
        self.use(self._kept(0, self.seeds[0].encode()))

    def readers(self) -> list[Any]:
        """Alone, with targets, and as one of two parallel files."""
        second = self._folder / "second.de"
        second.write_text("weiter\nhalt\n", encoding="utf-8")
        return [
            lambda path: _read_pairs(path, None, targets=False),
            lambda path: _read_pairs(path, None, targets=True),
            lambda path: _read_pairs(path, second, targets=True),
        ]


def _read_pairs(path: Path, second: Path | None, *, targets: bool) -> None:
    with open_pairs(path, second, targets=targets) as file:
        file.read()


class TsFiles(TextFiles):
    """Series of the UEA and UCR archives, and texts a line."""

    suffix = ".ts"
    suffixes = (".ts", ".ts", ".txt", ".ts.gz")
    seeds = (
        "#c\n@problemName x\n@univariate true\n@classLabel true a b\n@data\n1,2,3:a\n4,5:b\n",
        "@problemName y\n@timestamps false\n@dimensions 2\n@classLabel true 1 2\n@data\n1,2:3,4:1\n5,6,7:8,9,10:2\n",
        "@targetLabel true\n@data\n1.5,2e3:0.25\n3,4:-1\n",
    )
