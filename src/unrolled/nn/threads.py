"""The kernels run on torch's own OpenMP team.

After each of its loops OpenMP lets its threads spin for a while, ready for the next loop. Threads of another pool would
have to compete with them for the same processors: on two cores a training step took up to 1.6 times as long.
"""

from __future__ import annotations

import ctypes

from unrolled.kernels import _native

__all__ = ["share_torch_threads"]


def share_torch_threads() -> bool:
    """Hand the kernels the OpenMP runtime that torch loaded; False if none is visible, they keep their own threads."""
    try:
        parallel = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError):  # torch without OpenMP, or with its symbols hidden
        return False
    address = ctypes.cast(parallel, ctypes.c_void_p).value
    _native.borrow_threads(address or 0)
    return bool(address)
