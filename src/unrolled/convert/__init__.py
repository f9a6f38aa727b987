"""Recurrent layers of other libraries as those of :mod:`unrolled.nn`, and back: torch, Keras 3, ONNX."""

from __future__ import annotations

from unrolled.convert.from_keras import from_keras
from unrolled.convert.from_onnx import from_onnx
from unrolled.convert.masks import lengths_from_mask
from unrolled.convert.to_keras import to_keras
from unrolled.convert.to_onnx import to_onnx
from unrolled.convert.torch_modules import from_torch, to_torch

__all__ = ["from_keras", "from_onnx", "from_torch", "lengths_from_mask", "to_keras", "to_onnx", "to_torch"]
