"""Files of examples: every format, what is inferred of it, and what is said about each that will not do."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled.data.example_columns import ExampleColumns
from unrolled.data.example_file import Examples, Place, ReadOptions
from unrolled.data.examples import open_example_file, open_examples
from unrolled.data.targets import as_classes, as_known_classes, as_numbers
from unrolled.errors import InputError


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content)
        return path

    return write


def read(
    path: Path,
    options: ReadOptions | None = None,
    *,
    target_level: str = "sequence",
    columns: ExampleColumns | None = None,
) -> Examples:
    with open_example_file(path, options, target_level=target_level, columns=columns) as file:
        return file.read()


def refusal(
    path: Path,
    options: ReadOptions | None = None,
    *,
    target_level: str = "sequence",
    columns: ExampleColumns | None = None,
) -> str:
    with pytest.raises(InputError) as caught:
        read(path, options, target_level=target_level, columns=columns)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def opened(
    path: Path, options: ReadOptions | None = None, *, target_level: str = "sequence"
) -> tuple[ExampleColumns | None, tuple[str, ...]]:
    with open_example_file(path, options, target_level=target_level) as file:
        return file.columns, file.notes


# ---- tables ----

LONG = "id,t,x,y,kind\na,0,1,2,up\na,1,3,4,up\nb,0,5,6,down\n"


def test_long_table(write: Any) -> None:
    path = write("long.csv", LONG)
    examples = read(path)
    assert [item.tolist() for item in examples.items] == [[[1, 2], [3, 4]], [[5, 6]]]
    assert (examples.kind, examples.targets, list(map(str, examples.places))) == (
        "numbers", ["up", "down"], ["series 'a'", "series 'b'"],
    )  # fmt: skip
    assert opened(path) == (
        ExampleColumns("long", "kind", None, "id", ("x", "y"), ("t",)),
        (
            "sequences are told apart by 'id'",
            "the label is 'kind'",
            "the numbers of a step are 'x', 'y'",
            "the steps of a sequence are in the order of 't'",
        ),
    )


def test_wide_table_with_sequences_of_their_own_lengths(write: Any) -> None:
    path = write("wide.tsv", "a\tb\tc\tclass\tid\n1\t2\t3\tup\t7\n4\t5\t\tdown\t8\n")
    examples = read(path)
    assert [item.tolist() for item in examples.items] == [[[1], [2], [3]], [[4], [5]]]
    assert examples.targets == ["up", "down"]
    columns, notes = opened(path)
    assert columns == ExampleColumns("wide", "class", features=("a", "b", "c"))
    assert notes[0] == "the fields of wide.tsv are separated by a tab"
    assert notes[2].startswith("a row is a sequence of 3 steps, 'a' to 'c'")
    assert notes[3] == "not used: 'id'"


def test_text_table(write: Any) -> None:
    path = write("text.csv", 'id,review,stars\n1,"a fine, long film",5\n2,"not ""that"" again",1\n')
    examples = read(path)
    assert examples.items == ["a fine, long film", 'not "that" again']
    assert (examples.kind, examples.targets) == ("text", ["5", "1"])
    assert str(examples.places[1]) == "line 3"
    assert opened(path)[0] == ExampleColumns("text", "stars", "review")


def test_single_words_are_texts_where_columns_are_named(write: Any) -> None:
    path = write("names.csv", "name,country\nIvan,ru\nJuan,es\n")
    assert refusal(path) == (
        ": which column is the text, which the label? name them with text= and label=; the columns are 'name', 'country'"
    )
    assert read(path, ReadOptions(label="country")).items == ["Ivan", "Juan"]
    assert read(path, ReadOptions(text="country", label="name")).targets == ["Ivan", "Juan"]
    assert read(write("names2.csv", "name,label\nIvan,ru\n")).items == ["Ivan"]


def test_columns_that_were_told(write: Any) -> None:
    path = write("long.csv", LONG)
    assert read(path, ReadOptions(series="id", label="kind", features=("y,x",))).items[0].tolist() == [[2, 1], [4, 3]]
    assert read(path, ReadOptions(series="id", label="kind", features=("y", "t"))).items[0].tolist() == [[2, 0], [4, 1]]
    assert read(path, ReadOptions(features=("x",), label="kind")).items[0].tolist() == [[1], [3]]
    wide = write("wide.csv", "a,b,c,kind\n1,2,3,up\n4,5,6,down\n")
    assert read(wide, ReadOptions(features=("c", "a"))).items[1].tolist() == [[6], [4]]
    assert read(write("comma.csv", '"a,b",y\n1,p\n2,q\n'), ReadOptions(features=("a,b",))).items[0].tolist() == [[1]]
    assert refusal(path, ReadOptions(label="sort")) == (
        ": no column 'sort' (label=); the columns are 'id', 't', 'x', 'y', 'kind'"
    )
    assert refusal(path, ReadOptions(label="x", series="x")) == ": column 'x' is named twice; a column has one role"
    assert "text= is for a text a row" in refusal(path, ReadOptions(text="kind", series="id"))


def test_columns_as_they_were_when_a_model_was_trained(write: Any) -> None:
    trained = ExampleColumns("long", "kind", None, "id", ("x", "y"))
    swapped = write("swapped.csv", "y,x,id\n2,1,a\n4,3,a\n")
    assert read(swapped, target_level="none", columns=trained).items[0].tolist() == [[1, 2], [3, 4]]
    assert refusal(swapped, columns=trained) == (
        ": no column 'kind', which the model was trained with; the columns are 'y', 'x', 'id'"
    )
    assert read(write("other.csv", "id,x,y,sort\na,1,2,up\n"), ReadOptions(label="sort"), columns=trained).targets == [
        "up"
    ]
    assert refusal(swapped, columns=ExampleColumns("long", None, None, "id", ("x",))).startswith(
        ": which column is the label?"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3,4\n", ": which column is the label? name one with label=; the columns are 'a', 'b'"),
        ("label,class,x\n1,2,3\n", ": several columns could be the label: 'label', 'class'; name one with label="),
        ("label,when\nup,2020-01-01\n", ": no column of numbers left to read; the columns are 'label', 'when'"),
        (
            "label,said,wrote\nup,a b,c d\n",
            ": several columns could be the text: 'said', 'wrote'; name one with text=",
        ),
        ("label,text\nup,\n", ", line 2, column 'text': it is blank; fill it or leave the line out"),
        ("label,text\n,a b\n", ", line 2, column 'label': it is blank; fill it or leave the line out"),
        (
            "label,x,y\nup,1,2\nup,,2\n",
            ", line 3, column 'x': the value is missing; fill it, or leave the sequence out",
        ),
        ("label,x,y\nup,1,2\nup,,\n", ", line 3: no numbers; leave the line out"),
        ("label,x,z\nup,1,2\nup,1e999,2\nup,1,2\n", ", line 3, column 'x': found '1e999', expected a finite number"),
        ("label,x,z\nup,1,2\nup,one,2\nup,1,2\n", ", line 3, column 'x': found 'one', expected a finite number"),
        ("id,x,label\na,1,u\nb,1,u\na,2,u\n", ", line 4, column 'id': 'a' ended before; the rows of a sequence stand"),
        ("id,x,label\na,1,u\na,1,v\n", ", line 3, column 'label': found 'v', but the rows of 'a' before it have 'u'"),
        ("id,x,label\na,1,u\n,1,u\na,1,v\n", ", line 3, column 'id': it is blank"),
        ("label,text\n", ": 0 items, need at least 1"),
        ("", " is empty: 0 rows, need a line of column names"),
        ("label,text\nu,v,w\n", ", line 2: 3 fields, expected 2 as in the header"),
    ],
)
def test_tables_that_will_not_do(write: Any, content: str, message: str) -> None:
    options = ReadOptions(label="label", text="text") if content.startswith("label,text\n") else None
    assert refusal(write("bad.csv", content), options).startswith(message)


def test_a_packed_file(tmp_path: Path) -> None:
    path = tmp_path / "long.csv.gz"
    path.write_bytes(gzip.compress(LONG.encode()))
    assert len(read(path).items) == 2
    path.write_bytes(path.read_bytes()[:-9])
    assert refusal(path) == (
        " is damaged: Compressed file ended before the end-of-stream marker was reached; copy or download it again"
    )


# ---- JSON lines ----


def test_json_lines(write: Any) -> None:
    path = write("a.jsonl", '{"text": "one two", "label": 3}\n\n{"label": 4, "text": "three", "more": null}\n')
    examples = read(path)
    assert (examples.items, examples.targets, examples.kind) == (["one two", "three"], [3, 4], "text")
    assert [place.value for place in examples.places] == [1, 3]
    path = write("b.jsonl", '{"sequence": [[1, 2], [3, 4]], "label": "u"}\n{"sequence": [[5, 6]], "label": "v"}\n')
    assert [item.tolist() for item in read(path).items] == [[[1, 2], [3, 4]], [[5, 6]]]
    assert read(write("c.jsonl", '{"sequence": [1, 2]}\n'), target_level="none").items[0].tolist() == [[1], [2]]
    examples = read(write("d.jsonl", '{"tokens": ["Ada", "sings"], "tags": ["B", "O"]}\n'), target_level="step")
    assert (examples.kind, examples.items, examples.targets) == ("tokens", [["Ada", "sings"]], [["B", "O"]])
    examples = read(write("e.ndjson", '{"said": "hm", "mood": "so"}'), ReadOptions(text="said", label="mood"))
    assert (examples.items, examples.targets) == (["hm"], ["so"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", " is empty: 0 items"),
        ("[1]\n", ", line 1: expected an object, found '[1]'"),
        ("{\n", ", line 1: no JSON: Expecting property name"),
        ("[" * 100_000, ", line 1: no JSON: it is nested too deeply"),
        (
            '{"txt": "a"}\n',
            ": expected objects with one of the keys 'text', 'sequence' and 'tokens'; the first has 'txt'",
        ),
        ('{"text": "a", "tokens": []}\n', ": expected objects with one of the keys"),
        ('{"text": "a"}\n', ", line 1: no key 'label'; the keys are 'text'; correct it or leave the line out"),
        ('{"text": " ", "label": 1}\n', ", line 1: 'text' is \" \", expected a text that is not blank"),
        ('{"text": "a", "label": null}\n', ", line 1: 'label' is null, expected a text or a number"),
        ('{"sequence": [], "label": 1}\n', ", line 1: 'sequence' is [], expected steps"),
        ('{"sequence": [[1], [1, 2]], "label": 1}\n', ", line 1: 'sequence' is [[1], [1, 2]], expected steps"),
        ('{"sequence": [["a"]], "label": 1}\n', ", line 1: 'sequence' is [[\"a\"]], expected steps"),
        ('{"sequence": [[1, NaN]], "label": 1}\n', ", line 1: no JSON: NaN is not a JSON value"),
        ('{"sequence": [[1, 1e999]], "label": 1}\n', ", line 1: step 0, number 1 is inf, expected a finite number"),
        ('{"sequence": [[1, true]], "label": 1}\n', ", line 1: 'sequence' is [[1, true]], expected steps"),
        ('{"sequence": ["1", "2"], "label": 1}\n', ', line 1: \'sequence\' is ["1", "2"], expected steps'),
        ('{"sequence": [1, [2]], "label": 1}\n', ", line 1: 'sequence' is [1, [2]], expected steps"),
        ('{"sequence": [[], []], "label": 1}\n', ", line 1: 'sequence' is [[], []], expected steps"),
        ('{"sequence": [[[1]]], "label": 1}\n', ", line 1: 'sequence' is [[[1]]], expected steps"),
        (
            f'{{"sequence": [[2, -1{"0" * 400}]], "label": 1}}\n',
            ", line 1: step 0, number 1 is -inf, expected a finite",
        ),
        (f'{{"sequence": [1{"0" * 5000}], "label": 1}}\n', ", line 1: no JSON: Exceeds the limit"),
        ('{"text": "a", "label": 1, "label": 2}\n', ", line 1: no JSON: the key 'label' appears twice"),
        ('{"text": "a", "label": {"b": 1, "b": 2}}\n', ", line 1: no JSON: the key 'b' appears twice"),
        ('{"text": "smile \\ud83d", "label": 1}\n', ", line 1: no JSON: \\ud83d alone is half of a character"),
        ('{"text": "a", "label": "\\udc00"}\n', ", line 1: no JSON: \\udc00 alone is half of a character"),
        (
            '{"sequence": [[1]], "label": 1}\n{"sequence": [[1, 2]], "label": 1}\n',
            ", line 2: 2 numbers a step, the sequences before it have 1",
        ),
        ('{"tokens": ["a", 1], "tags": ["b", "c"]}\n', ", line 1: 'tokens' is [\"a\", 1], expected a list of texts"),
        ('{"tokens": ["a", "b"], "tags": ["c"]}\n', ", line 1: 1 tags for 2 steps; give each its own"),
    ],
)
def test_json_lines_that_will_not_do(write: Any, content: str, message: str) -> None:
    assert refusal(write("bad.jsonl", content), target_level="step" if "tags" in content else "sequence").startswith(
        message
    )


def test_escapes_of_whole_characters_are_text(write: Any) -> None:
    path = write("a.jsonl", '{"text": "smile \\ud83d\\ude00 \\\\ud83d", "label": "\\u00e9"}\n')
    examples = read(path)
    assert (examples.items, examples.targets) == (["smile \U0001f600 \\ud83d"], ["é"])


def test_a_long_value_is_cut_in_messages(write: Any) -> None:
    long = json.dumps({"sequence": "a" * 100, "label": 1})
    assert 'is "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..., expected' in refusal(write("bad.jsonl", long))


# ---- the rest ----


def test_plain_text_and_ts(write: Any) -> None:
    examples = read(write("a.txt", "one two\n\n  three \n"), target_level="none")
    assert (examples.items, examples.targets, [p.value for p in examples.places]) == (
        ["one two", "three"],
        None,
        [1, 3],
    )
    assert refusal(write("a.txt", "a\n")).startswith(": plain text has no labels")
    unlabelled = write("a.ts", "@classLabel false\n@data\n1,2:3,4\n")
    assert read(unlabelled, target_level="none").items[0].tolist() == [[1, 3], [2, 4]]
    assert refusal(unlabelled) == ", line 1: the sequences have no labels"
    labelled = read(write("b.ts", "@classLabel true u\n@data\n1,2:3,4:u\n"), target_level="none")
    assert (labelled.items[0].shape, labelled.targets) == ((2, 2), None)


def test_sentences_in_files_of_other_names(write: Any) -> None:
    sentences = "Ada\tB-PER\nmet\tO\n\nRome\tB-LOC\n"
    found = ([["Ada", "met"], ["Rome"]], [["B-PER", "O"], ["B-LOC"]])
    for name in ("a.txt", "a.tsv", "a.bio", "a.iob2", "a.conll"):
        examples = read(write(name, sentences), target_level="step")
        assert (examples.items, examples.targets) == found, name
    tokens = ExampleColumns("tokens")
    for name in ("b.txt", "b.tsv"):
        assert read(write(name, "Ada\nmet\n"), target_level="none", columns=tokens).items == [["Ada", "met"]]
    table = write("c.tsv", "id\tx\tlabel\na\t1\tu\na\t2\tv\n\nb\t3\tu\n")  # a row a step, an empty line between
    assert read(table, target_level="step").targets == [["u", "v"], ["u"]]
    assert read(write("d.txt", "one text\n"), target_level="none").items == ["one text"]


def test_a_conllu_file_of_another_name(write: Any) -> None:
    line = "{}\t{}\t_\t{}\tXX\t_\t0\t_\t_\tSpaceAfter=No"
    path = write(
        "ud.conll", "# text = We run\n" + "\n".join(line.format(*w) for w in [(1, "We", "PRON"), (2, "run", "VERB")])
    )
    with open_example_file(path, target_level="step") as file:
        examples = file.read()
    assert (examples.items, examples.targets) == ([["We", "run"]], [["PRON", "VERB"]])
    assert file.notes == (
        "the tokens are in column 1, their numbers in the one before it",
        "the file has the columns of CoNLL-U: the tags are those of UPOS",
    )
    assert read(path, ReadOptions(label="XPOS"), target_level="step").targets == [["XX", "XX"]]
    assert read(path, ReadOptions(label="3"), target_level="step").targets == [["PRON", "VERB"]]
    three = write("three.conll", "1 a O\n2 b O\n")
    assert refusal(three, ReadOptions(label="XPOS"), target_level="step") == (
        ": label= is 'XPOS', but the file does not have the columns of CoNLL-U"
    )


def test_names_that_say_nothing(write: Any, tmp_path: Path) -> None:
    of_tokens = ".conll, .conllu, .bio, .iob, .iob2, .bioes"
    expected = f"expected one of .csv, .tsv, {of_tokens}, .jsonl, .ndjson, .npz, .ts, .txt, .wav, or"
    assert expected in refusal(write("a.xlsx", ""))
    assert refusal(write("data", "")).startswith(": the name has no ending, which says nothing of its format; ")
    assert refusal(tmp_path / "gone.csv") == ": no such file"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.npz", ReadOptions(label="x"), ": label= says nothing about a file of this kind; leave it out"),
        (
            "a.jsonl",
            ReadOptions(series="x"),
            ": series= says nothing about a file of this kind; only label= and text= can be given",
        ),
        ("a.csv", ReadOptions(pattern="x"), ": pattern= says nothing about a file of this kind; only label= and"),
    ],
)
def test_what_is_told_and_does_not_fit(tmp_path: Path, name: str, options: ReadOptions, message: str) -> None:
    (tmp_path / name).write_text("")
    assert refusal(tmp_path / name, options).startswith(message)


def test_files_are_read_a_part_at_a_time(write: Any) -> None:
    """Of a long file no more is read than the batch at hand needs, and the rows that say what columns are."""
    rows = [f"{n}.5,{n % 7},{'up' if n % 2 else 'down'}" for n in range(20_000)]
    path = write("long.csv", "\n".join(["a,b,label", *rows]))
    with open_example_file(path, target_level="none") as file:
        shares = [(len(batch.items), file.share()) for batch in file.batches(500)]
    assert [count for count, _ in shares] == [500] * 40
    assert [share for _, share in shares] == sorted(share for _, share in shares)
    assert shares[0][1] < 0.15
    assert shares[-1][1] == 1


# ---- targets ----


def examples_with(targets: list[Any]) -> Examples:
    places = [Place("line", n) for n in range(1, 1 + len(targets))]
    return Examples("f", "text", [""] * len(targets), targets, places)


@pytest.mark.parametrize(
    ("targets", "classes", "kind"),
    [
        (["a", "b"], ["a", "b"], "U"),
        (["1", "-2"], [1, -2], "i"),
        (["007", "8"], ["007", "8"], "U"),
        (["1.5", "2"], ["1.5", "2"], "U"),
        ([1, 2], [1, 2], "i"),
        ([True, False], [True, False], "b"),
        ([1.0, 2.0], [1.0, 2.0], "f"),
    ],
)
def test_labels_keep_what_they_are(targets: list[Any], classes: list[Any], kind: str) -> None:
    found = as_classes(examples_with(targets))
    assert (found.tolist(), found.dtype.kind) == (classes, kind)


def test_labels_that_will_not_do() -> None:
    with pytest.raises(InputError, match="f, line 2: label 1 is of another type than 'a' before it"):
        as_classes(examples_with(["a", 1]))
    with pytest.raises(InputError, match=r"f, line 2: label 1\.5 has a fraction, expected classes; a regressor learns"):
        as_classes(examples_with([1.0, 1.5]))


@pytest.mark.parametrize("large", [2**63, -(10**400)])
def test_whole_numbers_beyond_64_bits(large: int) -> None:
    with pytest.raises(InputError, match=r"f, line 2: label -?[0-9.]+ is too large for a number; write it as a text"):
        as_classes(examples_with([1, large]))
    if abs(large) > 2**64:
        with pytest.raises(InputError, match=r"f, line 2: found -10+\.\.\., expected a finite number"):
            as_numbers(examples_with([1, large]))
    else:
        assert as_numbers(examples_with([1, large])).tolist() == [1, float(large)]


def test_labels_as_a_model_writes_its_classes() -> None:
    assert as_known_classes(examples_with(["1", 2, 2.0]), np.array([1, 2])).tolist() == [1, 2, 2]
    assert as_known_classes(examples_with([1, "2"]), np.array(["1", "2"])).tolist() == ["1", "2"]
    assert as_known_classes(examples_with(["True"]), np.array([False, True])).tolist() == [True]
    with pytest.raises(InputError, match="f, line 2: label '3' is none of the model's classes 1, 2; correct it, leave"):
        as_known_classes(examples_with(["1", "3"]), np.array([1, 2]))


def test_numbers() -> None:
    assert as_numbers(examples_with(["1.5", 2, "-3e1"])).tolist() == [1.5, 2, -30]
    for target in ("two", True, float("inf"), "1e999", "1_0"):
        with pytest.raises(
            InputError, match=r"f, line 2: found .*, expected a finite number; a classifier learns labels"
        ):
            as_numbers(examples_with([1, target]))


def test_what_is_wanted_is_said_in_words_of_the_file(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\ngood,yes\nbad,no\n", encoding="utf-8")
    with open_examples(tmp_path / "a.csv", wanted="one") as opened:
        assert opened.read().targets == ["yes", "no"]
    with open_examples(tmp_path / "a.csv", ReadOptions(text="text"), wanted="nothing") as opened:
        assert opened.read().targets is None
