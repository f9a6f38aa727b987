"""Pairs in files: every layout, what tells them apart, and what is said about each line that will not do."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unrolled.data.dictionary import several_targets
from unrolled.data.example_file import Examples, Place
from unrolled.data.pairs import PairOptions, open_pairs, pair_layout
from unrolled.errors import InputError


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def read(path: Path | str, second: Path | None = None, *, targets: bool = True, **options: Any) -> Examples:
    with open_pairs(path, second, PairOptions(**options), targets=targets) as file:
        return file.read()


def pairs(path: Path | str, second: Path | None = None, **options: Any) -> list[tuple[Any, Any]]:
    examples = read(path, second, **options)
    return list(zip(examples.items, examples.targets or [None] * len(examples.items), strict=True))


def refusal(path: Path, second: Path | None = None, *, about: Path | None = None, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(path, second, **options)
    message = str(caught.value)
    assert message.startswith(str(about or path)), message
    assert "\n" not in message
    return message.removeprefix(str(about or path))


def test_two_files_line_for_line(write: Any) -> None:
    # A BOM, the line ends of three systems, a blank line in both files, blanks at the end of one; U+2028 ends no line.
    english = write("a.en", b"\xef\xbb\xbfgo on\r\nstop\r\n\r\n one\xe2\x80\xa8two \r\n")
    french = write("a.fr", "continue\narrête\n\nun deux\n\n\n")
    assert pairs(english, french) == [("go on", "continue"), ("stop", "arrête"), ("one\u2028two", "un deux")]
    assert read(english, french).places == [Place("line", 1), Place("line", 2), Place("line", 4)]
    assert pairs(write("b.en", "a\rb\r"), write("b.fr", "A\nB")) == [("a", "A"), ("b", "B")]
    packed = write("a.en.gz", gzip.compress(english.read_bytes()))
    assert pairs(packed, french) == pairs(english, french)
    with open_pairs(english, french) as opened:
        assert opened.share() == 0
        opened.read()
        assert opened.share() == 1


def test_files_that_are_not_parallel(write: Any) -> None:
    one, three = write("a", "x\n"), write("b", "x\ny\nz\n")
    expected = ": expected as many, a target for each source; line 2 of "
    assert refusal(one, three) == f" has 1 lines and {three} 3{expected}{three} has no partner"
    assert refusal(three, one) == f" has 3 lines and {one} 1{expected}{three} has no partner"
    blank = write("c", "x\n \nz")
    text = ", line 2: the {} is empty; fill it, or leave the line out of both files"
    assert refusal(three, blank, about=blank) == text.format("target")
    assert refusal(blank, three) == text.format("source")
    assert refusal(write("d", "\n\n"), write("e", "\n")) == ": 0 items, need at least 1"
    bad = write("f", b"x\ny\xff\nz\n")
    assert refusal(three, bad, about=bad) == " is not UTF-8: byte 0xff at offset 3 (line 2); save it as UTF-8"
    assert refusal(three, three.parent / "g", about=three.parent / "g") == ": no such file"
    with pytest.raises(InputError, match="layout is 'table', which is one file"):
        read(one, three, layout="table")


def test_tables_with_names(write: Any) -> None:
    table = write("a.csv", 'id,French,English\n1,"oui, bien",yes\n2,non,no\n')
    assert pairs(table, source="English", target="French") == [("yes", "oui, bien"), ("no", "non")]
    assert refusal(table) == (
        ": which column is the source? name one with source=; the columns are 'id', 'French', 'English'"
    )
    assert "which column is the target? name one with target=" in refusal(table, source="English")
    assert refusal(table, source="Dutch") == ": no column 'Dutch' (source=); the columns are 'id', 'French', 'English'"
    assert "source and target are the same column, 'id'" in refusal(table, source="id", target="id")
    assert read(table, source="English", targets=False).items == ["yes", "no"]
    two = write("b.csv", "date;iso\n1 May 2020;2020-05-01\n")
    assert pairs(two) == [("1 May 2020", "2020-05-01")]
    assert pairs(two, source="iso") == [("2020-05-01", "1 May 2020")]
    with open_pairs(two) as opened:
        assert opened.notes[1:] == ("the source is 'date' and the target is 'iso'",)
    known = write("c.tsv", "n\ttarget\tsource\r\n1\tB\ta\r\n")
    assert pairs(known) == [("a", "B")]
    assert refusal(write("d.csv", "source,target\na,b\nc,\n")) == (
        ", line 3, column 'target': it is blank; fill it or leave the line out"
    )
    assert refusal(write("e.csv", "source,target\na,b\nc\n")).startswith(", line 3: 1 field, expected 2")
    assert refusal(write("f.csv", "source\na\n")) == (
        ": which column is the target? name one with target=; the columns are 'source'"
    )
    assert pairs(write("g.csv", "only\na\n"), targets=False) == [("a", None)]


def test_tables_without_names(write: Any) -> None:
    table = write("a.tsv", b'\xef\xbb\xbfGo.\tVa !\tCC-BY\r\n\r\n"Stop"\tArr\xc3\xaate\r\n')
    assert pairs(table) == [("Go.", "Va !"), ('"Stop"', "Arrête")]
    with open_pairs(table) as opened:
        assert opened.notes == ("a.tsv begins with a pair: it names no columns 'source' and 'target'",)
    assert pairs(write("fra.txt", table.read_bytes())) == pairs(table)
    assert read(table, targets=False).items == ["Go.", '"Stop"']
    assert refusal(write("b.tsv", "a\tb\nc\n")) == (
        ", line 2: 1 field, expected a source, a tab and its target; correct it or leave the line out"
    )
    assert refusal(write("c.tsv", "a\tb\nc\t \n")) == ", line 2: the target is empty; fill it or leave the line out"
    assert refusal(write("d.tsv", "\tb\n")) == ", line 1: the source is empty; fill it or leave the line out"


def test_objects(write: Any) -> None:
    texts = write("a.jsonl", '{"source": "a b", "target": "c"}\n\n{"target": "d", "source": "e"}\n')
    assert pairs(texts) == [("a b", "c"), ("e", "d")]
    tokens = write("b.jsonl", '{"en": "a", "de": ["b", "c"], "id": 1}\n')
    assert pairs(tokens, source="en", target="de") == [("a", ["b", "c"])]
    assert read(tokens, source="de", targets=False).kind == "tokens"
    steps = read(
        write("n.jsonl", '{"source": [[1, 2], [3, 4], [5, 6]], "target": "b"}\n{"source": [[0.5, 1]], "target": "c"}')
    )
    assert (steps.kind, [each.tolist() for each in steps.items]) == ("numbers", [[[1, 2], [3, 4], [5, 6]], [[0.5, 1]]])
    for content, message in {
        "": " is empty: 0 items, need at least 1",
        '{"source": "a"}': ", line 1: no key 'target'; the keys are 'source'; correct",
        '{"source": "a", "target": "b"}\n{"source": "a", "target": ["b"]}': ", line 2: 'target' is [\"b\"], expected a text",
        '{"source": ["a"], "target": "b"}\n{"source": [], "target": "c"}': ", line 2: 'source' is [], expected a list of",
        '{"source": " ", "target": "b"}': ", line 1: 'source' is \" \", expected a text that is not blank",
        '{"source": 3, "target": "b"}': ", line 1: 'source' is 3, expected a text that is not blank",
        '{"source": ["a", 1], "target": "b"}': ", line 1: 'source' is [\"a\", 1], expected a list of texts",
        '{"source": [1, "a"], "target": "b"}': ", line 1: 'source' is [1, \"a\"], expected steps, each a finite number",
        '{"source": [1], "target": "b"}\n{"source": [[1, 2]], "target": "b"}': ", line 2: 2 numbers a step, the sources",
        '{"source": "a", "target": [1]}': ", line 1: 'target' is [1], expected a list of texts",
        '{"source": "a\\ud83d", "target": "b"}': ", line 1: no JSON: \\ud83d alone is half of a character",
        "[]": ", line 1: expected an object, found '[]'",
        "{": ", line 1: no JSON",
    }.items():
        assert refusal(write("c.jsonl", content)).startswith(message), content
    assert "are the same key, 'en'" in refusal(tokens, source="en", target="en")


CMU = """;;; # CMUdict
!EXCLAMATION-POINT  EH2 K S
READ  R EH1 D
READ(1)  R IY1 D
A  AH0 # weak
f(2)\tEH F AH V
"""


def test_dictionaries(write: Any) -> None:
    of_tabs = write("a.dict", "read\tr e d\r\nread\tr i d\r\nhot dog\th o t\r\n")
    assert pairs(of_tabs) == [("read", ["r", "e", "d"]), ("read", ["r", "i", "d"]), ("hot dog", ["h", "o", "t"])]
    cmu = write("cmudict-0.7b", CMU)
    assert pairs(cmu) == [
        ("!EXCLAMATION-POINT", ["EH2", "K", "S"]), ("READ", ["R", "EH1", "D"]), ("READ", ["R", "IY1", "D"]), ("A", ["AH0"]),
        ("f(2)", ["EH", "F", "AH", "V"]),
    ]  # fmt: skip
    examples = read(cmu)
    places, several = several_targets(examples.items, examples.targets or [])
    words = [examples.items[n] for n in places]
    assert (places, words) == ([0, 1, 3, 4], ["!EXCLAMATION-POINT", "READ", "A", "f(2)"])
    assert several[1] == [["R", "EH1", "D"], ["R", "IY1", "D"]]
    assert read(cmu, targets=False).items == words
    assert pairs(write("words.txt", CMU)) == pairs(cmu)  # told by its comment
    assert pairs(write("words.csv", "a\tx y\n"), layout="dictionary") == [("a", ["x", "y"])]
    assert read(write("new.dict", "a\nb\tx\n"), targets=False).items == ["a", "b"]
    expected = "; expected a word, a tab and its symbols with blanks between them: correct it or leave the line out"
    assert refusal(write("b.dict", "a\tx\nb\t \n")) == f", line 2: 'b' has no symbols{expected}"
    assert refusal(write("c.dict", "a x\nb\n")) == f", line 2: 'b' has no symbols{expected}"
    assert refusal(write("d.dict", " x y\n")) == f", line 1: the word is empty{expected}"
    assert "source= says nothing about a file of this kind" in refusal(of_tabs, source="a")


def test_sources_alone(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(write("new.en", "a b\nc\n\n"), targets=False).items == ["a b", "c"]
    assert refusal(write("b.en", "a\n\nc\n"), targets=False) == (
        ", line 2: the source is empty; fill it or leave the line out"
    )
    stream = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(b"one\r\ntwo")))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", stream)
    assert read("-", targets=False).items == ["one", "two"]


def test_what_tells_nothing(write: Any) -> None:
    path = write("a.en", "one\n")
    assert refusal(path) == (
        ": nothing says where a source ends and its target begins; expected two files (second=), a line a sentence each,"
        " or one .tsv, .csv, .jsonl or .dict file"
    )
    assert "where are its targets?" in refusal(path, layout="lines")
    with pytest.raises(InputError, match="layout is 'lists', expected one of lines, table, objects, dictionary"):
        pair_layout(path, options=PairOptions(layout="lists"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^-: nothing says where a source ends"):
        pair_layout("-")
