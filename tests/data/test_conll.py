"""CoNLL and CoNLL-U: what is read, what is left out, and lines that do not fit."""

import gzip
import itertools
import re

import pytest

from unrolled.data.conll import iterate_conll, iterate_conllu, read_conll, read_conllu
from unrolled.errors import InputError

NAMES = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
\tGerman \t JJ  B-NP B-MISC\t

Peter NNP B-NP B-PER
# NN B-NP O


\xa0 SYM O O
"""

WORDS = """# sent_id = 1
# text = I can't
1\tI\tI\tPRON\tPRP\tCase=Nom\t3\tnsubj\t_\t_
2-3\tcan't\t_\t_\t_\t_\t_\t_\t_\t_
2\tca\tcan\tAUX\tMD\t_\t3\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t0\troot\t_\t_
3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_

# sent_id = 2
1\tNew York\t_\tPROPN\tNNP\t_\t0\troot\t_\t_
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="file.txt"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_conll(written):
    tokens, tags = read_conll(written(NAMES))
    assert tokens == [["EU", "rejects", "German"], ["Peter", "#"], ["\xa0"]]
    assert tags == [["B-ORG", "O", "B-MISC"], ["B-PER", "O"], ["O"]]


def test_columns_of_conll(written):
    assert read_conll(written(NAMES), tag_column=1)[1][1] == ["NNP", "NN"]
    assert read_conll(written("O\tEU\n"), tag_column=0, token_column=1) == ([["EU"]], [["O"]])


def test_conllu(written):
    words, tags = read_conllu(written(WORDS))
    assert words == [["I", "ca", "n't"], ["New York"]]
    assert tags == [["PRON", "AUX", "PART"], ["PROPN"]]
    assert read_conllu(written(WORDS), column="FEATS")[1][0] == ["Case=Nom", "_", "_"]
    assert read_conllu(written(WORDS), column="XPOS")[1] == [["PRP", "MD", "RB"], ["NNP"]]


@pytest.mark.parametrize(("read", "text"), [(read_conll, NAMES), (read_conllu, WORDS)])
def test_packed_windows_line_ends_and_a_byte_order_mark(written, read, text):
    plain = read(written(text))
    assert read(written(gzip.compress(text.encode()), "file.gz")) == plain
    assert read(written(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())) == plain
    assert read(written(text.rstrip("\n"))) == plain


@pytest.mark.parametrize(("iterate", "line"), [(iterate_conll, "a O\n\n"), (iterate_conllu, "1" + "\ta" * 9 + "\n\n")])
def test_the_first_sentence_is_there_before_the_last_line_is_read(written, iterate, line):
    path = written(line * 2 + "broken\0")
    sentences = iterate(path)
    assert [tokens for tokens, _ in itertools.islice(sentences, 2)] == [["a"], ["a"]]
    with pytest.raises(InputError, match=r"a NUL byte at offset \d+ \(line 5\)"):
        next(sentences)


COLUMNS = "\t".join("abcdefghi")


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_conll, "a B O\nb O\n", "line 2: 2 columns, the lines before it have 3"),
        (read_conll, "\na\n", "line 2: 1 columns, expected a token and its tag in different ones"),
        (lambda path: read_conll(path, tag_column=2), "a O\n", "line 1: 2 columns, but tag_column is 2"),
        (lambda path: read_conll(path, token_column=-3), "a O\n", "line 1: 2 columns, but token_column is -3"),
        (read_conll, "\n-DOCSTART- O\n", "file.txt holds no sentences"),
        (read_conll, "", "file.txt holds no sentences"),
        (read_conll, b"a O\n\xffb O\n", r"not UTF-8: byte 0xff at offset 4 \(line 2\)"),
        (read_conll, b"\xff\xfea\0", "byte 0xff at offset 0 begins UTF-16"),
        (
            read_conll,
            gzip.compress(b"a O\n" * 100, mtime=0)[:-12],
            "file.txt is damaged: .*; copy or download it again",
        ),
        (read_conll, b"\x1f\x8b" + b"\7" * 20, "file.txt is damaged"),
        (read_conllu, "1\ta\tO\n", "line 1: 3 columns between tabs, CoNLL-U has 10"),
        (read_conllu, f"# a\n1\t{COLUMNS}\n3\t{COLUMNS}\n", "line 3: the word's number is '3', expected 2"),
        (read_conllu, f"x\t{COLUMNS}\n", "line 1: the word's number is 'x', expected 1"),
        (lambda path: read_conllu(path, column="POS"), "", "column is 'POS', expected one of ID, FORM"),
    ],
)
def test_what_does_not_fit_is_named(written, read, text, message):
    with pytest.raises(InputError, match=message):
        read(written(text))


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_conll(tmp_path / "absent")
    with pytest.raises(InputError, match=re.escape(f"{tmp_path} is a folder")):
        read_conllu(tmp_path)
    with pytest.raises(InputError, match="cannot be the name of a file"):
        read_conll("a\0b")
