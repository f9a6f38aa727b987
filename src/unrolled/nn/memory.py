"""How much memory a request may ask for before it is refused."""

from __future__ import annotations

from functools import partial

from unrolled.kernels import memory
from unrolled.nn.errors import TensorError

__all__ = ["check_allocation"]

check_allocation = partial(memory.check_allocation, error=TensorError)
"""As the kernels' own, with the error that torch's users expect."""
