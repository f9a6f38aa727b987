"""The namespace of this library's torch operators."""

from __future__ import annotations

import torch

__all__ = ["LIBRARY"]

LIBRARY = torch.library.Library("unrolled", "DEF")
