"""Data whose losses are made up, so that trials cost nothing; workers find this module by PYTHONPATH."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from unrolled.errors import InputError, TrainingError
from unrolled.tasks.held_out.data import Data, Split
from unrolled.tasks.sequences.classifier import SequenceClassifier

STEPS = 40


@dataclass(frozen=True, kw_only=True)
class MadeData(Data):
    """The loss is ``gain`` times how far hidden_size is from 16, in doublings, and noise; a folder counts the trainings."""

    estimator: type = SequenceClassifier
    gain: float = 0.1
    noise: float = 0.01
    offset: float = 0.0
    offset_of_losses: float = 0.0
    seconds: float = 0.0
    deaf: float = 0.0
    fault: str = ""
    folder: str | None = None
    part: str = "all"

    def test_split(self):
        return Split(self, replace(self, part="test"))

    def validation_split(self, round):
        return Split(self, replace(self, part=f"round {round}"))

    def fit(self, values=None, *, seed=0, callback=None, verbose=False):
        size = {"hidden_size": 64, **(values or {})}["hidden_size"]
        if self.folder is not None:
            with (Path(self.folder) / "trainings").open("a") as file:
                file.write(f"{os.getpid()} {size} {seed}\n")
        if self.fault == "exits" and size == 16:
            os._exit(3)
        if self.fault == "exits once" and size == 16:
            try:
                (Path(self.folder) / "exited").touch(exist_ok=False)
                os._exit(3)
            except FileExistsError:
                pass
        if (self.fault, size) == ("explodes", 16):
            raise TrainingError("the loss exploded")
        if self.fault == "refuses":
            raise InputError("there is nothing to learn")
        if self.fault == "breaks":
            raise KeyError("a bug")
        if self.deaf:
            time.sleep(self.deaf)
            (Path(self.folder) / "heard").touch()
        distance = abs(np.log2(size / 16))
        for step in range(1, STEPS + 1):
            time.sleep(self.seconds / STEPS)
            loss = 1 + self.gain * distance - 0.01 * step + self.offset_of_losses
            if callback is not None:
                callback(SimpleNamespace(phase="training", step=step, steps=STEPS, validation_loss=loss))
        return SimpleNamespace(distance=distance, seed=seed)

    def scores(self, fitted):
        parts = [self.part.encode()[n] for n in range(len(self.part))]
        drawn = np.random.default_rng([fitted.seed, int(4 * fitted.distance), *parts]).normal()
        far = self.offset if self.part == "test" else 0.0
        return {"loss": float(1 + self.gain * fitted.distance + self.noise * drawn + far * fitted.distance)}

    def describe(self):
        return "made up data"

    @property
    def measures(self):
        return ("loss",)

    @property
    def identity(self):
        return [self.gain, self.noise, self.fault]

    def _learn(self, estimator):
        raise AssertionError
