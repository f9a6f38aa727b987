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


def test_what_is_said_about_a_sentence_is_no_part_of_it(written):
    """Comments as public corpora have them, with as many fields as a row or not; ``#`` with a tag is a token."""
    same_width = (
        "# id 0a-1b\tdomain=en\nAda _ _ B-PER\n# _ _ O\n\n# _ _ O\n7 _ _ O\n\n# id 1c-00\tdomain=en\nRome _ _ B-LOC\n"
    )
    assert read_conll(written(same_width)) == (
        [["Ada", "#"], ["#", "7"], ["Rome"]],
        [["B-PER", "O"], ["O", "O"], ["B-LOC"]],
    )
    germeval = (
        "#\thttp://de.example.org/x\t[2009-10-17]\n1\tRom\tB-LOC\tO\n2\tund\tO\tO\n\n#\tsource\n1\tAda\tB-PER\tO\n"
    )
    assert read_conll(written(germeval), tag_column=2) == ([["Rom", "und"], ["Ada"]], [["B-LOC", "O"], ["B-PER"]])
    assert read_conll(written("a SYM\n\n# SYM\nb SYM\n"))[0] == [["a"], ["#", "b"]]
    assert read_conll(written("#Friday O\nat O\n"))[0] == [["#Friday", "at"]]


def test_documents_end_sentences(written):
    text = "-DOCSTART- -X- O O\nEU NNP I-NP B-ORG\n-DOCSTART- -X- O O\nPeter NNP I-NP B-PER\n\n-DOCSTART-\n-DOCSTART-\nyes UH O O"
    assert read_conll(written(text))[0] == [["EU"], ["Peter"], ["yes"]]
    text = "#begin document (a/b); part 000\na O\n#end document\n#begin document (a/c); part 000\nb O\n"
    assert read_conll(written(text))[0] == [["a"], ["b"]]


def test_tokens_after_their_numbers(written):
    numbered = "1\tAda\tB-PER\n2\tsings\tO\n\n1\tYes\tO\n"
    assert read_conll(written(numbered)) == ([["Ada", "sings"], ["Yes"]], [["B-PER", "O"], ["O"]])
    from_zero = "bc/cnn 0 0 Ada NNP B-PER\nbc/cnn 0 1 sings VBZ O\n\nbc/cnn 0 0 Yes UH O\n"  # CoNLL-2012
    assert read_conll(written(from_zero))[0] == [["Ada", "sings"], ["Yes"]]
    parts = "1-2\tdu\t_\tO\n1\tde\t_\tO\n2\tle\t_\tO\n2.1\tx\t_\tO\n3\tRhin\t_\tB-LOC\n"
    assert read_conll(written(parts)) == ([["de", "le", "Rhin"]], [["O", "O", "B-LOC"]])
    # tokens that are numbers, not numbers of tokens
    assert read_conll(written("1 CD\n2 CD\n"))[0] == [["1", "2"]]
    assert read_conll(written("1 CD O\n\n1 CD O\n"))[0] == [["1"], ["1"]]
    assert read_conll(written("1 CD O\n2 CD O\n\nof IN O\n"))[0] == [["1", "2"], ["of"]]
    assert read_conll(written(numbered), token_column=0)[0] == [["1", "2"], ["1"]]
    late = numbered + "\n" + "\n".join("1\ta\tO\n2\tb\tO\n" for _ in range(20)) + "\n1\ta\tO\n3\tb\tO\n"
    with pytest.raises(InputError, match=r"line 67: the word's number is '3', expected 2"):
        read_conll(written(late))


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
        (read_conllu, f"1\t\t{COLUMNS[2:]}\n", "line 1: the column FORM is empty; write _ for nothing"),
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
