"""Layers of a cell that needs no arguments of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from unrolled.cells import get_cell
from unrolled.nn.recurrent import Recurrent

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["Variant"]


class Variant(Recurrent[Tensor]):
    """Layers of a single cell that has no arguments of its own."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, device: Any = None, dtype: Any = None,
        **options: Unpack[Options],
    ) -> None:  # fmt: skip
        (name,) = self.cells
        super().__init__(
            get_cell(name), None, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            device, dtype, dict(options),
        )  # fmt: skip
