"""Writing a file: the old bytes or the new ones, never a mixture, and no litter (FAULTS 30 to 32)."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from unrolled.errors import InputError
from unrolled.runtime.atomic_write import write_atomically


def test_writes_and_replaces(tmp_path: Path) -> None:
    write_atomically(tmp_path / "f", b"one")
    write_atomically(str(tmp_path / "f"), b"two")
    assert (tmp_path / "f").read_bytes() == b"two"
    assert len(list(tmp_path.iterdir())) == 1


def test_permissions_follow_the_umask_or_the_old_file(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "f", b"one")
    finally:
        os.umask(old)
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o640
    (tmp_path / "f").chmod(0o604)
    write_atomically(tmp_path / "f", b"two")
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o604


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", b"one")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"one"


def test_missing_folder_and_folder_as_target(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write .*there is no folder .*gone; create it"):
        write_atomically(tmp_path / "gone" / "f", b"")
    with pytest.raises(InputError, match="it is a folder; give the name of a file in it"):
        write_atomically(tmp_path, b"")


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
def test_failure_leaves_the_old_file_and_no_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    (tmp_path / "f").write_bytes(b"old")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((Path, "replace") if step == "replace" else (os, step)), fail)
    with pytest.raises(OSError, match=r"\[Errno 28\] No space left on device: '.*/f'") as caught:
        write_atomically(tmp_path / "f", b"new")
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert (tmp_path / "f").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_interruption_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "f", b"new")
    assert list(tmp_path.iterdir()) == []


def test_order_of_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File, rename, folder: after a power cut the name must never point at bytes that are not on the disk."""
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_fsync(descriptor: int) -> None:
        events.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().suffix == '.tmp'}")
        fsync(descriptor)

    def record_replace(self: Path, target: Path) -> Path:
        events.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_replace)
    write_atomically(tmp_path / "f", b"new")
    assert events == ["fsync True", "rename", "fsync False"]


WRITER = (
    "import sys\nfrom unrolled.runtime.atomic_write import replacing\n"
    "with replacing(sys.argv[1]) as file:\n    file.write(b'half')\n    file.flush()\n"
    "    print(flush=True)\n    sys.stdin.read()\n"
)


def writing(path: Path) -> subprocess.Popen[bytes]:
    """A process in the middle of writing a file."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


@pytest.mark.parametrize("name", ["f", "é" * 127, "a" * 255])
def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path, name: str) -> None:
    path, other = tmp_path / name, tmp_path / "other"
    alive, dead, of_another = writing(path), writing(path), writing(other)
    held = set(tmp_path.iterdir())
    assert len(held) == 3
    kill(dead)
    kill(of_another)
    kept = tmp_path / ".f.0123456789abcde.tmp"  # a digit short
    kept.write_text("mine")
    (tmp_path / ".f.0123456789abcdef.tmp").symlink_to(kept)
    os.mkfifo(tmp_path / ".f.fedcba9876543210.tmp")
    write_atomically(path, b"new")
    left = held & set(tmp_path.iterdir())
    assert len(left) == 2  # of the living one, and of the other file
    assert path.read_bytes() == b"new"
    assert kept.read_text() == "mine"
    assert (tmp_path / ".f.0123456789abcdef.tmp").is_symlink()
    alive.communicate(b"")
    assert alive.returncode == 0
    assert path.read_bytes() == b"half"
    write_atomically(other, b"new")
    assert not held & set(tmp_path.iterdir())


def test_swept_before_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making a temporary file and locking it, another process removes it as that of a dead one, or is about to."""
    flock, mine, others = fcntl.flock, list[Path](), list[int]()

    def late(descriptor: int, operation: int) -> None:
        if len(mine) < 2:
            mine.append(next(each for each in tmp_path.iterdir() if each not in mine))
            if len(mine) == 1:
                mine[0].unlink()
            else:
                others.append(os.open(mine[1], os.O_RDONLY))
                flock(others[0], fcntl.LOCK_EX)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    write_atomically(tmp_path / "f", b"new")
    os.close(others[0])
    assert set(tmp_path.iterdir()) == {tmp_path / "f", mine[1]}
    assert (tmp_path / "f").read_bytes() == b"new"


def test_without_locks_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = writing(tmp_path / "f")
    kill(process)

    def fail(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    write_atomically(tmp_path / "f", b"new")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["é" * 120, "é" * 127, "🙂" * 63, "a" * 255])
def test_names_are_counted_in_bytes(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, b"one")
    write_atomically(tmp_path / name, b"two")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [(name, b"two")]
    with pytest.raises(InputError, match="File name too long; choose another path"):
        write_atomically(tmp_path / (name + "a" * 200), b"three")


def test_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    """A writer that alternates between two contents is killed; the file is one of them."""
    program = (
        "import sys\nfrom unrolled.runtime.atomic_write import write_atomically\n"
        "while True:\n    for byte in (b'a', b'b'):\n        write_atomically(sys.argv[1], byte * 3_000_000)\n"
    )
    source = Path(__file__).parents[2] / "src"
    for attempt in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "f")], env={**os.environ, "PYTHONPATH": str(source)}
        )
        while not (tmp_path / "f").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.013 * (attempt + 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        content = (tmp_path / "f").read_bytes()
        assert content in (b"a" * 3_000_000, b"b" * 3_000_000)
        (tmp_path / "f").unlink()
