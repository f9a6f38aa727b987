"""Recurrent layers as torch modules: drop-in for ``torch.nn``, run by this library's kernels on the CPU."""

from __future__ import annotations

from importlib.util import find_spec

from unrolled.errors import MissingExtraError

if find_spec("torch") is None:
    raise MissingExtraError("unrolled.nn", "torch", "train")

from unrolled.nn.accelerate import Accelerated, accelerate, restore
from unrolled.nn.cell import GRUCell, LSTMCell, RNNCell
from unrolled.nn.fast_grnn import FastGRNN
from unrolled.nn.gru import GRU
from unrolled.nn.gru_variants import GRU1, GRU2, GRU3, MGU
from unrolled.nn.indrnn import IndRNN
from unrolled.nn.janet import JANET
from unrolled.nn.leaky_rnn import LeakyRNN
from unrolled.nn.li_gru import LiGRU
from unrolled.nn.lstm import LSTM
from unrolled.nn.minimal import MinGRU, MinLSTM
from unrolled.nn.modules import layers_for
from unrolled.nn.options import Settings
from unrolled.nn.qrnn import QRNN
from unrolled.nn.rnn import IRNN, RNN
from unrolled.nn.slstm import SLSTM
from unrolled.nn.sru import SRU
from unrolled.nn.threads import follow_forks, share_torch_threads

follow_forks()
share_torch_threads()

__all__ = [
    "GRU", "GRU1", "GRU2", "GRU3", "IRNN", "JANET", "LSTM", "MGU", "QRNN", "RNN", "SLSTM", "SRU", "Accelerated",
    "FastGRNN", "GRUCell", "IndRNN", "LSTMCell", "LeakyRNN", "LiGRU", "MinGRU", "MinLSTM", "RNNCell", "Settings",
    "accelerate", "layers_for", "restore",
]  # fmt: skip
