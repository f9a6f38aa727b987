"""Training that can be stopped at any moment, and goes on as if it had not been.

A checkpoint is a file in the format of :mod:`unrolled.runtime.model_file`. It holds the stages of a fit, one for each call of
:func:`unrolled.training.loop.train`: of those that are over what they ended in, of the one that runs everything that its next
epoch depends on. It also holds what the fit was given, so that it goes on with nothing else.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder, resumable(f"{folder}/run", "sample", None, [1, 2], seed=3) as checkpoint:
...     print(checkpoint.seed, checkpoint.begin("training"))
3 None
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.codecs.ranges import Size
from unrolled.errors import InputError, ModelFileError
from unrolled.runtime.file_lock import only_writer
from unrolled.runtime.kept_file import KeptFile
from unrolled.runtime.model_file import ModelFile, decode_config, read_model, write_model
from unrolled.version import library_version

__all__ = ["Checkpoint", "Stage", "StageRecord", "fingerprint", "resumable"]

TASK = "checkpoint"
SECONDS = 10.0  # of training between two writings

Tensors = Mapping[str, NDArray[Any]]


class StageRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a stage is, but for its arrays. Losses are hexadecimal, exact and able to be NaN."""

    phase: str
    finished: bool
    step: Size
    first_loss: str | None
    losses: list[str]
    validation_losses: list[str]
    best_epoch: Size
    batch_order: str | None
    """The state of the NumPy generator that orders the batches, in JSON: its numbers have 128 bits."""
    averaged: Size = 0
    """Steps whose weights are averaged so far."""

    def __post_init__(self) -> None:
        """Check that the losses are numbers, and that the best epoch and those that validated are among them."""
        for loss in (*self.losses, *self.validation_losses, self.first_loss or "0"):
            try:
                float.fromhex(loss)
            except (ValueError, OverflowError):
                raise InputError(f"{loss[:40]!r} is not a loss, a hexadecimal number") from None
        if self.best_epoch > len(self.losses) or len(self.validation_losses) not in (0, len(self.losses)):
            raise InputError(
                f"{len(self.losses)} losses, {len(self.validation_losses)} of validation and best epoch {self.best_epoch} do"
                " not fit together"
            )


class _Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    task: str
    settings: dict[str, Any]
    seed: int
    data: str
    stages: list[StageRecord]


@dataclass(frozen=True)
class Stage:
    """A record and its arrays."""

    record: StageRecord
    tensors: Tensors


class Checkpoint:
    """The stages of one fit, in a file if ``path`` is one.

    Attributes:
        seed: the one to train with: that of the fit that goes on.
        kept: the file with the whole training, to be removed when what was learned has been written elsewhere.
    """

    def __init__(self, path: Path | None, config: _Config, stages: list[Stage]) -> None:
        self.seed = config.seed
        self.kept: KeptFile | None = None
        self._path, self._config, self._stages = path, config, stages
        self._running = -1
        self._written = monotonic()
        self._unwritten = False

    def begin(self, phase: str) -> Stage | None:
        """Begin the next stage; what is known of it, if it ran before."""
        self._running += 1
        if self._running >= len(self._stages):
            return None
        stage = self._stages[self._running]
        if stage.record.phase != phase:
            raise InputError(f"{self._path} is at {stage.record.phase!r}, expected {phase!r}; delete it to begin anew")
        return stage

    def keep(self, copy: Callable[[], Stage]) -> None:
        """Keep a copy of the stage that was begun last; write it if the last writing is some seconds ago."""
        if self._path is None:
            return
        self._stages = [*self._stages[: self._running], copy()]
        self._unwritten = True
        if monotonic() - self._written >= SECONDS:
            self.write()

    def write(self) -> bool:
        """Write what was not written; whether the file now holds anything."""
        if self._unwritten and self._path is not None:
            records = [stage.record for stage in self._stages]
            arrays = {
                f"stages.{n}.{name}": tensor
                for n, stage in enumerate(self._stages)
                for name, tensor in stage.tensors.items()
            }
            write_model(self._path, TASK, msgspec.structs.replace(self._config, stages=records), arrays)
            self._unwritten, self._written = False, monotonic()
        return bool(self._stages)

    @classmethod
    def open(cls, path: Path, task: str, settings: dict[str, Any], data: str, seed: int) -> Checkpoint:
        """Go on from a file, or begin if there is none.

        Raises:
            InputError: the file is of another fit, or none of these at all; it is untouched.
        """
        asked = _Config(task, settings, seed, data, [])
        if not path.exists():
            return cls(path, asked, [])
        model_file, config = _read(path)
        _check_same(path, model_file, config, asked)
        stages: list[Stage] = []
        for n, record in enumerate(config.stages):
            prefix = f"stages.{n}."
            own = {name: t for name, t in model_file.tensors.items() if name.startswith(prefix)}
            stages.append(Stage(record, {name.removeprefix(prefix): tensor for name, tensor in own.items()}))
        return cls(path, config, stages)


@contextmanager
def resumable(
    path: str | os.PathLike[str] | None, task: str, settings: msgspec.Struct | None, data: Any, seed: int
) -> Generator[Checkpoint, None, None]:
    """Train within this, and the training can be stopped and gone on with; without a ``path`` it is only trained.

    Where the training is interrupted or fails, what it was after its last epoch is written. When all has gone well the whole
    of it is, and stays until the model has been saved (:attr:`Checkpoint.kept`). SIGTERM, if nobody else handles it, ends the
    process with code 143 in the same way.

    Args:
        path: the checkpoint.
        task: that of the estimator.
        settings: its parameters; the same ones are needed to go on.
        data: what is learned from; see :func:`fingerprint`.
        seed: used if this fit begins; one that goes on has its own.

    Raises:
        InputError: another process writes the checkpoint, it is of another fit, or it cannot be written there.
    """
    plain = {} if settings is None else msgspec.json.decode(msgspec.json.encode(settings), type=dict[str, Any])
    if path is None:
        try:
            yield Checkpoint(None, _Config(task, plain, seed, "", []), [])
        except KeyboardInterrupt as error:
            error.args = (
                "stopped, and what was learned so far is lost: checkpoint= and the path of a file would keep it",
            )
            raise
        return
    place = Path(path)
    with only_writer(place):
        checkpoint = Checkpoint.open(place, task, plain, fingerprint(data), seed)
        with _sigterm_raises():
            try:
                yield checkpoint
                checkpoint.write()
            except BaseException as error:
                kept = not isinstance(error, OSError) and checkpoint.write()  # which may be that of a full disk
                if kept and isinstance(error, KeyboardInterrupt):
                    error.args = (f"stopped; {place} holds the training so far, and the same again goes on from there",)
                elif isinstance(error, KeyboardInterrupt):
                    error.args = ("stopped before the first epoch was over, so nothing was kept",)
                raise
        if place.exists():
            checkpoint.kept = KeptFile.at(place)


def fingerprint(data: Any) -> str:
    """SHA-256 over arrays, texts, numbers, and lists, tuples, dictionaries, data classes and structures of such.

    >>> fingerprint([np.zeros(3), "a"]) == fingerprint([np.zeros(3), "a"])
    True
    >>> fingerprint(["ab", "c"]) == fingerprint(["a", "bc"])
    False
    """
    digest = hashlib.sha256()
    _feed(digest, data)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    """Every value brings its kind and its size along, so that no two run into each other."""
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OU":
        array = cast("NDArray[Any]", value)
        digest.update(f"array {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    elif isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        digest.update(b"text %d " % len(text) + text)
    elif isinstance(value, list | tuple | np.ndarray):
        parts = cast("list[Any]", value)
        digest.update(b"list %d " % len(parts))
        for part in parts:
            _feed(digest, part)
    elif isinstance(value, dict):
        _feed(digest, list(cast("dict[Any, Any]", value).items()))
    elif isinstance(value, msgspec.Struct):
        _feed(digest, [(name, getattr(value, name)) for name in value.__struct_fields__])
    elif is_dataclass(value):
        _feed(digest, [(field.name, getattr(value, field.name)) for field in fields(value)])
    elif value is None or isinstance(value, bool | int | float | np.generic):
        digest.update(f"{type(value).__name__} {value!r} ".encode())
    else:
        raise TypeError(f"no fingerprint of a {type(value).__name__}")


def _read(path: Path) -> tuple[ModelFile, _Config]:
    try:
        model_file = read_model(path)
    except ModelFileError as error:
        raise ModelFileError(f"{error}; it is no checkpoint to go on from: choose another path, or delete it") from None
    if model_file.task != TASK:
        raise InputError(f"{path} holds a model ({model_file.task}), not a checkpoint: choose another path")
    if model_file.library_version != library_version():
        raise InputError(
            f"{path} was written by version {model_file.library_version} of the library, this is {library_version()}:"
            " go on with that one, or delete it to begin anew"
        )
    return model_file, decode_config(model_file, _Config)


def _check_same(path: Path, model_file: ModelFile, found: _Config, asked: _Config) -> None:
    advice = "go on with the same, or choose another path for this one, or delete it"
    if found.task != asked.task:
        raise InputError(f"{path} is the checkpoint of a {found.task}, not of a {asked.task}: {advice}")
    names = sorted({*found.settings, *asked.settings})
    other = [name for name in names if found.settings.get(name) != asked.settings.get(name)]
    if other:
        changed = ", ".join(f"{name}={found.settings.get(name)!r}, now {asked.settings.get(name)!r}" for name in other)
        raise InputError(f"{path} was begun with {changed}: {advice}")
    if found.data != asked.data:
        raise InputError(f"{path} was begun with other data: {advice}")


@contextmanager
def _sigterm_raises() -> Generator[None, None, None]:
    """The first SIGTERM raises SystemExit(143), a second one ends the process at once."""
    free = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if not free or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
