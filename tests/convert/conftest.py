from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

os.environ["KERAS_BACKEND"] = "torch"  # before anything imports keras


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
