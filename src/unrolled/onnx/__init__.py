"""ONNX's recurrent operators on this library's kernels: RNN, GRU and LSTM with every attribute."""

from __future__ import annotations

from unrolled.onnx.run import run

__all__ = ["run"]
