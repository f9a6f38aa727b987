"""A file that is kept until what follows it is there."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from unrolled.errors import InputError
from unrolled.runtime.companions import target_of
from unrolled.runtime.file_lock import only_writer

__all__ = ["KeptFile"]

Identity = tuple[int, int, int, int]


@dataclass(frozen=True)
class KeptFile:
    """A file as it was when it was last written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run"
    ...     _ = path.write_text("all that was learned")
    ...     kept = KeptFile.at(path)
    ...     kept.remove()
    ...     path.exists()
    False
    """

    path: str
    identity: Identity

    @classmethod
    def at(cls, path: Path) -> KeptFile:
        """The file that is there now."""
        target = target_of(path)
        return cls(str(target), _identity(target))

    def remove(self) -> None:
        """Remove it, unless another file has taken its place or another process writes it."""
        target = Path(self.path)
        with contextlib.suppress(OSError, InputError), only_writer(target):
            if _identity(target) == self.identity:
                target.unlink()


def _identity(path: Path) -> Identity:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
