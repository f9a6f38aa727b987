"""WAV files as the standard library writes them, read alone and as folders."""

from __future__ import annotations

import io
import struct
import sys
import wave

import numpy as np
import pytest

from unrolled.data.wav import read_wav, read_wav_folder
from unrolled.errors import InputError, MissingExtraError


def write(file, frames: bytes, *, rate=8000, width=2, channels=1):
    """By Python's own module, so that nothing of libsndfile's is on both sides."""
    with wave.open(file if hasattr(file, "write") else str(file), "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(frames)


def tone(path, value=1, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, np.full(10, value, "<i2").tobytes(), rate=rate)


@pytest.mark.parametrize(
    ("width", "frames", "samples"),
    [
        (1, bytes([0, 128, 255]), [-1, 0, 127 / 128]),
        (2, np.array([-32768, -1, 0, 32767], "<i2").tobytes(), [-1, -1 / 32768, 0, 32767 / 32768]),
        (3, b"\x00\x00\x80\x01\x00\x00\xff\xff\x7f", [-1, 2.0**-23, 1 - 2.0**-23]),
        (4, np.array([-(2**31), 2**30], "<i4").tobytes(), [-1, 0.5]),
    ],
)
def test_whole_numbers_become_fractions(tmp_path, width, frames, samples):
    write(tmp_path / "a.wav", frames, width=width, rate=11025)
    waveform = read_wav(tmp_path / "a.wav")
    assert (waveform.rate, waveform.name) == (11025, str(tmp_path / "a.wav"))
    assert waveform.samples.dtype == np.float32
    assert waveform.samples.tolist() == samples


def test_channels_become_their_mean():
    file = io.BytesIO()
    write(file, np.array([[-32768, 16384], [8192, 0]], "<i2").tobytes(), channels=2)
    file.seek(0)
    assert read_wav(file).samples.tolist() == [-0.25, 0.125]


def test_files_that_are_refused(tmp_path):
    def refusal(name, content=None):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            read_wav(tmp_path / name)
        message = str(caught.value)
        assert message.startswith(str(tmp_path / name))
        return message.removeprefix(str(tmp_path / name))

    assert refusal("none.wav") == " does not exist"
    (tmp_path / "folder.wav").mkdir()
    assert refusal("folder.wav") == " is a folder, expected a WAV file"
    assert refusal("empty.wav", b"") == " is empty: 0 bytes, expected a WAV file"
    assert refusal("text.wav", b"not a sound at all").startswith(" cannot be read as a WAV file: ")
    write(tmp_path / "silent.wav", b"")
    assert refusal("silent.wav") == " holds no samples"
    whole = io.BytesIO()
    write(whole, bytes(100))
    assert refusal("cut.wav", whole.getvalue()[:20]).startswith(" cannot be read as a WAV file: ")
    au = b".snd" + np.array([24, 4, 3, 8000, 1, 0], ">i4").tobytes()
    assert refusal("au.wav", au) == " is a AU file, expected a WAV file"


def header(*, tag=1, channels=1, rate=8000, bits=16, extra=b""):
    block = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, rate * block & 0xFFFFFFFF, block, bits) + extra


def riff(fmt, data, *, size=None, whole=None, before=b"", after=b""):
    """A WAV file byte by byte; ``size`` and ``whole`` are what it says of its samples and of itself."""
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + before
    body += b"data" + struct.pack("<I", len(data) if size is None else size) + data + after
    return b"RIFF" + struct.pack("<I", len(body) if whole is None else whole) + body


PCM = (9000 * np.sin(np.arange(500))).astype("<i2").tobytes()
SAMPLES = np.frombuffer(PCM, "<i2").astype(np.float32) / 32768
LIST = b"LIST" + struct.pack("<I", 5) + b"INFOx\0"  # of odd length, and filled up


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        (riff(header(), PCM)[:-400], 400),
        (riff(header(), PCM, before=LIST)[:-1], 1),
        (riff(header(channels=2), PCM, size=2 * len(PCM), after=LIST), 986),
        (riff(header(bits=8), PCM)[:46], 998),
        (b"RF64" + b"\xff" * 4 + b"WAVEds64" + struct.pack("<IQQQI", 28, 0, 5000, 2500, 0) + b"fmt " + struct.pack("<I", 16)
         + header() + b"data" + b"\xff" * 4 + PCM, 4000),
    ],
    ids=["mono", "one byte", "stereo", "8 bits", "RF64"],
)  # fmt: skip
def test_a_file_that_was_cut_is_refused(tmp_path, content, missing):
    (tmp_path / "cut.wav").write_bytes(content)
    for file in (tmp_path / "cut.wav", io.BytesIO(content)):
        with pytest.raises(
            InputError, match=f"was cut: its header promises {missing:,} more bytes of samples; copy or record"
        ):
            read_wav(file)


GUID = b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"  # whole numbers


@pytest.mark.parametrize(
    "content",
    [
        riff(header(), PCM, size=0xFFFFFFFF, whole=0xFFFFFFFF),  # what programs write that write into a pipe
        riff(header(), PCM, size=0x7FFFF000, whole=0x7FFFF024),
        riff(header(), PCM, size=0x80000000, whole=0x80000024),
        riff(header(), PCM, before=LIST, after=LIST + b"\0" * 3),
        riff(header(tag=0xFFFE, extra=struct.pack("<HHI", 22, 16, 4) + GUID), PCM),
    ],
    ids=["ffmpeg", "sox", "arecord", "notes before and after", "extensible"],
)
def test_whole_files_of_other_writers(content):
    waveform = read_wav(io.BytesIO(content))
    assert waveform.rate == 8000
    np.testing.assert_array_equal(waveform.samples, SAMPLES)


@pytest.mark.parametrize(
    "fmt",
    [
        header(channels=0), header(rate=0), header(rate=0xFFFFFFFF), header(bits=0), header(bits=64), header(tag=0x1234),
        header(tag=0xFFFE, extra=struct.pack("<HHI", 22, 16, 4) + b"\x99" * 16), header()[:8], b"",
        header(tag=2, bits=4, extra=struct.pack("<HHH", 4, 500, 0)),
    ],
)  # fmt: skip
def test_odd_headers_are_refused(tmp_path, fmt):
    (tmp_path / "odd.wav").write_bytes(riff(fmt, PCM))
    with pytest.raises(InputError, match=r"odd\.wav cannot be read as a WAV file"):
        read_wav(tmp_path / "odd.wav")


def test_what_is_hidden_is_no_recording_and_no_class(tmp_path):
    for name in (
        "hi/1.wav",
        "lo/2.wav",
        ".ipynb_checkpoints/1-checkpoint.wav",
        "hi/.ipynb_checkpoints/1.wav",
        ".Trash/x/3.wav",
    ):
        tone(tmp_path / ".in" / name)
    for name in ("hi/._1.wav", "._2.wav", "__MACOSX/hi/._1.wav", "hi/Thumbs.db"):  # not sound, whatever they are called
        (tmp_path / ".in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".in" / name).write_bytes(b"\0\5\x16\7")
    assert read_wav_folder(tmp_path / ".in")[1].tolist() == ["hi", "lo"]  # the folder itself may be hidden
    table = tmp_path / "labels.csv"
    table.write_text("file,label\nhi/1.wav,a\nlo/2.wav,b\nhi/._1.wav,c\n")
    with pytest.raises(
        InputError, match=r"labels.csv lists .*\._1.wav, which is no visible file in .* ends in .wav: leave"
    ):
        read_wav_folder(tmp_path / ".in", table)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
def test_a_folder_whose_name_is_no_text(tmp_path):
    tone(tmp_path / "ja" / "1.wav")
    tone(tmp_path / "caf\udce9" / "2.wav")
    with pytest.raises(InputError, match=r"its label holds half of a character, '\\udce9'"):
        read_wav_folder(tmp_path)


def test_soundfile_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtraError, match=r"reading WAV files needs .*'\.\[audio\]'"):
        read_wav(tmp_path / "a.wav")


def test_a_folder_for_each_label(tmp_path):
    for value, name in enumerate(["yes/b.wav", "yes/a.WAV", "no/c.wav"], 1):
        tone(tmp_path / name, value)
    (tmp_path / "no" / "readme.txt").write_text("")
    waveforms, y = read_wav_folder(tmp_path)
    assert y.tolist() == ["no", "yes", "yes"]
    assert [round(32768 * float(w.samples[0])) for w in waveforms] == [3, 2, 1]


def test_labels_in_names(tmp_path):
    for name in ("7_jackson_0.wav", "0_theo_12.wav"):
        tone(tmp_path / name)
    assert read_wav_folder(tmp_path, pattern=r"(?P<label>\d)_.*")[1].tolist() == ["0", "7"]
    assert read_wav_folder(tmp_path, pattern=r"\d_(?P<label>\w+)_\d+\.wav")[1].tolist() == ["theo", "jackson"]
    with pytest.raises(InputError, match=r"0_theo_12.wav has no label: its name does not match pattern"):
        read_wav_folder(tmp_path, pattern=r"(?P<label>[1-9])_.*")
    with pytest.raises(InputError, match=r"pattern '\(' is no regular expression"):
        read_wav_folder(tmp_path, pattern="(")
    with pytest.raises(InputError, match=r"has no group \(\?P<label>…\)"):
        read_wav_folder(tmp_path, pattern=".*")


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_file_of_labels(tmp_path, separator, monkeypatch):
    for value, name in enumerate(["a.wav", "sub/b.wav"], 1):
        tone(tmp_path / "sounds" / name, value)
    table = tmp_path / "labels.csv"
    table.write_text("speaker,label,file\nx,1,sub/b.wav\ny,02,./a.wav\n".replace(",", separator))
    waveforms, y = read_wav_folder(tmp_path / "sounds", table)
    assert y.tolist() == ["02", "1"]  # as they are written
    assert round(32768 * float(waveforms[1].samples[0])) == 2
    monkeypatch.chdir(tmp_path)
    assert read_wav_folder("sounds", "labels.csv")[1].tolist() == ["02", "1"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a.wav,x", "b.wav has no label: add a line for it to .*labels.csv"),
        ("a.wav,x\nb.wav,", r"labels.csv, line 3, column 'label': no label for 'b.wav'"),
        ("a.wav,x\n,y", r"labels.csv, line 3, column 'file': no name of a file"),
        ("a.wav,x\nc.wav,y", r"labels.csv, line 3, column 'file': .*c.wav does not exist"),
        ("a.wav,x\na.wav,y", r"labels.csv, line 3, column 'file': 'a.wav' has a label already, 'x'"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, lines, message):
    for name in ("a.wav", "b.wav"):
        tone(tmp_path / name)
    table = tmp_path / "labels.csv"
    table.write_text(f"file,label\n{lines}\n")
    with pytest.raises(InputError, match=message):
        read_wav_folder(tmp_path, table)


def test_a_table_without_the_column(tmp_path):
    tone(tmp_path / "a.wav")
    (tmp_path / "labels.csv").write_text("name,label\na.wav,x\n")
    with pytest.raises(InputError, match=r"no column 'file'.*the columns are 'name', 'label'"):
        read_wav_folder(tmp_path, tmp_path / "labels.csv")


def test_folders_that_are_refused(tmp_path):
    with pytest.raises(InputError, match="none does not exist, expected a folder"):
        read_wav_folder(tmp_path / "none")
    with pytest.raises(InputError, match=r"holds no files that end in .wav"):
        read_wav_folder(tmp_path)
    tone(tmp_path / "a.wav")
    with pytest.raises(InputError, match=r"a.wav is a file, expected a folder"):
        read_wav_folder(tmp_path / "a.wav")
    with pytest.raises(InputError, match=r"a.wav has no label: expected it in a folder named for its label"):
        read_wav_folder(tmp_path)
    with pytest.raises(InputError, match="labels_file and pattern both say"):
        read_wav_folder(tmp_path, tmp_path / "labels.csv", pattern="(?P<label>.*)")


def test_files_at_several_rates(tmp_path):
    tone(tmp_path / "yes" / "a.wav")
    tone(tmp_path / "yes" / "b.wav", rate=16000)
    message = (
        r"b.wav has 16000 samples a second, .*a.wav has 8000: resample it, for example by sox .*b.wav -r 8000 out.wav"
    )
    with pytest.raises(InputError, match=message):
        read_wav_folder(tmp_path)
