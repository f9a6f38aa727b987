"""Recurrent layers as torch modules: drop-in for ``torch.nn``, run by this library's kernels on the CPU."""

from __future__ import annotations

from importlib.util import find_spec

from unrolled.errors import MissingExtraError

if find_spec("torch") is None:
    raise MissingExtraError("unrolled.nn", "torch", "train")

from unrolled.nn.accelerate import Accelerated, accelerate, restore
from unrolled.nn.cell import GRUCell, LSTMCell, RNNCell
from unrolled.nn.gru import GRU
from unrolled.nn.lstm import LSTM
from unrolled.nn.rnn import RNN
from unrolled.nn.threads import share_torch_threads

share_torch_threads()

__all__ = ["GRU", "LSTM", "RNN", "Accelerated", "GRUCell", "LSTMCell", "RNNCell", "accelerate", "restore"]
