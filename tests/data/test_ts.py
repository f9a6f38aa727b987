"""The .ts format."""

import pytest

from unrolled.data.ts import read_ts
from unrolled.errors import InputError

HEADER = "# a comment\n@problemName two\n@timeStamps false\n@univariate false\n@classLabel true a b\n\n@data\n"


def test_channels_become_columns(tmp_path):
    file = tmp_path / "two.ts"
    file.write_text(HEADER + "1,2,3:4,5,6:a\n\n7,8e1:-9,1.5:b\n")
    X, y = read_ts(file)
    assert [x.tolist() for x in X] == [[[1, 4], [2, 5], [3, 6]], [[7, -9], [80, 1.5]]]
    assert y.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER, "holds no sequences"),
        ("1,2:a\n", "line 1: expected a header line"),
        ("@timestamps true\n@data\n", "line 1: sequences with time stamps"),
        ("@classLabel false\n@data\n", "line 1: the sequences have no labels"),
        ("@problemName x\n", "has no line @data"),
        (HEADER + "1,2,3\n", "line 8: expected channels of numbers and a label"),
        (HEADER + "1,2:3:a\n", "line 8: its channels have 2, 1 steps"),
        (HEADER + "1,2:3,4:a\n1,2:b\n", "line 9: 1 channels, the sequences before it have 2"),
        (HEADER + "1,?:3,4:a\n", "line 8, channel 0, step 1: a missing value"),
        (HEADER + "1,2:3,x:a\n", "line 8, channel 1, step 1: found 'x'"),
        (HEADER + "1,1_000:3,4:a\n", "line 8, channel 0, step 1: found '1_000', expected a finite number"),
        (HEADER + "1,2:NaN,4:a\n", "line 8, channel 1, step 0: a missing value"),
        (HEADER + "1,2:3,-inf:a\n", "line 8, channel 1, step 1: found '-inf'"),
        (HEADER + "1e999,2:3,4:a\n", "line 8, channel 0, step 0: found '1e999'"),
        (HEADER + "1,٣:3,4:a\n", "line 8, channel 0, step 1: found '٣'"),
        (HEADER + "1,:3,4:a\n", "line 8, channel 0, step 1: found ''"),
        ("@classLabel true a\n@classlabel false\n@data\n1:2:a\n", "line 2: a second line @classlabel; leave one out"),
        (HEADER + "1,2:3,4:a\n@classLabel false\n1,2:3,4\n", "line 9: a header line after @data"),
    ],
)
def test_lines_that_do_not_fit_are_named(tmp_path, text, message):
    file = tmp_path / "bad.ts"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_ts(file)


def test_other_files_are_refused(tmp_path):
    file = tmp_path / "bad.ts"
    file.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_ts(file)
