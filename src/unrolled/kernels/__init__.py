"""The compiled kernels, their choice by CPU level, and their use on NumPy arrays."""

from __future__ import annotations

from unrolled.kernels.level import KernelInfo, kernel_info

__all__ = ["KernelInfo", "kernel_info"]
