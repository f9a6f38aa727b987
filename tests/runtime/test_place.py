"""Where results go: files are replaced, streams are written into, inputs are neither."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from unrolled.errors import InputError
from unrolled.runtime import place
from unrolled.runtime.atomic_write import check_place, replacing, write_atomically
from unrolled.runtime.place import find_stream, same_file

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def make_device(path: Path, kind: int = stat.S_IFCHR, number: tuple[int, int] = (1, 3)) -> None:
    """A node of our own; the machine's ``/dev/null`` is never written to here."""
    try:
        os.mknod(path, 0o666 | kind, os.makedev(*number))
    except PermissionError:
        pytest.skip("this container makes no devices")


def read_all(path: Path) -> tuple[threading.Thread, list[bytes]]:
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(path.read_bytes()), daemon=True)
    thread.start()
    return thread, found


@pytest.mark.parametrize("name", ["pipe", "link"])
def test_a_pipe_is_written_into(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    check_place(tmp_path / name)
    reader, found = read_all(tmp_path / name)
    write_atomically(tmp_path / name, b"twelve bytes")
    reader.join()
    assert found == [b"twelve bytes"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


def test_a_pipe_without_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(place, "READER_COMES_IN", 0.1)
    with pytest.raises(InputError, match="/pipe: it is a pipe that nobody reads; start its reader first"):
        write_atomically(tmp_path / "pipe", b"x")


@as_root
def test_a_device_stays_one(tmp_path: Path) -> None:
    make_device(tmp_path / "null")
    check_place(tmp_path / "null")
    write_atomically(tmp_path / "null", b"gone")
    assert (tmp_path / "null").stat().st_rdev == os.makedev(1, 3)


@as_root
def test_a_full_device_says_so(tmp_path: Path) -> None:
    make_device(tmp_path / "full", number=(1, 7))
    with pytest.raises(OSError, match=r"No space left on device: '.*/full'"):
        write_atomically(tmp_path / "full", b"x")
    assert stat.S_ISCHR((tmp_path / "full").stat().st_mode)


@as_root
def test_a_disk_is_refused(tmp_path: Path) -> None:
    make_device(tmp_path / "disk", stat.S_IFBLK, (7, 250))
    for write in (check_place, lambda path: write_atomically(path, b"x")):
        with pytest.raises(InputError, match="it is a disk"):
            write(tmp_path / "disk")
    assert stat.S_ISBLK((tmp_path / "disk").stat().st_mode)


@pytest.mark.starts_python
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_stdout_is_written_where_it_stands(tmp_path: Path, name: str) -> None:
    """Into a file that was opened to append to, after what was printed: never in place of it."""
    if not Path("/dev/fd").exists() or (name.startswith("/proc") and not Path("/proc/self/fd").exists()):
        pytest.skip(f"there is no {name}")
    (tmp_path / "log").write_text("kept\n")
    (tmp_path / "link").symlink_to("/dev/stdout")
    program = (
        "import sys; from unrolled.runtime.atomic_write import *; check_place(sys.argv[1]); print('before')\n"
        "write_atomically(sys.argv[1], b'result\\n'); print('after')"
    )
    with (tmp_path / "log").open("a") as log:
        subprocess.run([sys.executable, "-c", program, name], stdout=log, check=True, cwd=tmp_path)
    assert (tmp_path / "log").read_text() == "kept\nbefore\nresult\nafter\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "log"]


def test_a_descriptor_that_is_only_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("data")
    with (tmp_path / "f").open("rb") as file, pytest.raises(InputError, match="open for reading only"):
        check_place(f"/dev/fd/{file.fileno()}")


def test_files_and_what_is_not_there_are_no_streams(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    (tmp_path / "dangling").symlink_to("nothing")
    assert [find_stream(tmp_path / name) for name in ("f", "dangling", "new", "f/below")] == [None] * 4


@pytest.mark.parametrize("name", ["a.csv", "./a.csv", "sub/../a.csv", "soft", "hard", "soft2"])
def test_inputs_are_refused_by_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("data")
    Path("sub").mkdir()
    Path("soft").symlink_to("a.csv")
    Path("soft2").symlink_to(tmp_path / "soft")
    Path("hard").hardlink_to("a.csv")
    with pytest.raises(InputError, match=r"it is the input a\.csv, which would be lost"):
        check_place(name, ["b.csv", "a.csv"])
    check_place("c.csv", ["b.csv", "a.csv"])
    assert Path("a.csv").read_text() == "data"


def test_an_input_that_is_not_there_yet(tmp_path: Path) -> None:
    assert same_file(tmp_path / "run", tmp_path / "x" / ".." / "run")
    assert not same_file(tmp_path / "run", tmp_path / "run2")
    assert not same_file("/dev/null", "/dev/null")


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for name, message in [
        ("folder", "it is a folder; give the name of a file in it"),
        ("gone/f", "there is no folder .*/gone; create it first"),
        ("file/f", "/file is a file, not a folder"),
        ("f" * 300, "File name too long"),
        ("a\0b", "null byte"),
    ]:
        with pytest.raises(InputError, match=message):
            check_place(tmp_path / name)
        with pytest.raises((InputError, OSError), match=message):
            write_atomically(tmp_path / name, b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="no file system here takes no files")
def test_a_file_system_that_takes_no_files() -> None:
    with pytest.raises(
        InputError, match=r"cannot write /sys/kernel/model: (Permission denied|Read-only|Operation not)"
    ):
        check_place("/sys/kernel/model")


@not_root
def test_a_write_protected_file_and_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("kept")
    (tmp_path / "f").chmod(0o444)
    (tmp_path / "closed").mkdir(mode=0o555)
    for name in ("f", "closed/f"):
        with pytest.raises(InputError, match="Permission denied; choose another path"):
            check_place(tmp_path / name)
        with pytest.raises(PermissionError):
            write_atomically(tmp_path / name, b"new")
    assert (tmp_path / "f").read_text() == "kept"


def test_a_full_disk_is_found_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fdopen

    def full(descriptor: int, mode: str) -> object:
        os.close(descriptor)
        return real(os.open("/dev/full", os.O_WRONLY), mode)

    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(InputError, match="No space left on device; choose another path"):
        check_place(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_checking_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    before = (tmp_path / "f").stat()
    check_place(tmp_path / "f")
    check_place(tmp_path / "new")
    after = (tmp_path / "f").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_an_error_about_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"/data\.csv"), replacing(tmp_path / "out"):
        (tmp_path / "data.csv").read_bytes()
    assert list(tmp_path.iterdir()) == []
