"""Long short-term memory as a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from unrolled.cells import Cell, get_cell
from unrolled.errors import InputError
from unrolled.nn.errors import ArgumentTypeError
from unrolled.nn.recurrent import Recurrent

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["LSTM"]


_CELLS = {
    "lstm": {},
    "lstm_peephole": {"peepholes": True},
    "lstm_cifg": {"coupled_gates": True},
    "lstm_peephole_cifg": {"peepholes": True, "coupled_gates": True},
    "lstm_layer_norm": {"layer_norm": True},
    "lstmp": {},
}


class LSTM(Recurrent[tuple[Tensor, Tensor]], cells=_CELLS):
    r"""Long short-term memory.

    .. math::

        i_t, f_t, o_t &= \sigma(W_* x_t + b_{i*} + U_* h_{t-1} + b_{h*}) \\
        g_t &= \tanh(W_g x_t + b_{ig} + U_g h_{t-1} + b_{hg}) \\
        c_t &= f_t \circ c_{t-1} + i_t \circ g_t \\
        h_t &= o_t \circ \tanh(c_t)

    A drop-in for :class:`torch.nn.LSTM`: the same arguments, parameters, initialisation, state dictionary and outputs.
    It runs on the CPU and computes in float32 or float64. Source: Hochreiter and Schmidhuber 1997, with Gers' forget gate.

    Args:
        proj_size: ``P``, from 0 to ``H - 1``; unless 0, ``h_t = W_hr (o_t * tanh(c_t))`` has this size instead of ``H``
            (Sak et al. 2014, arXiv 1402.1128).
        peepholes: ``i`` and ``f`` see ``p * c_{t-1}``, ``o`` sees ``p * c_t``; the vectors ``p`` are
            ``weight_ch_l0``, in the order i, f, o (Gers, Schraudolph, Schmidhuber 2002).
        coupled_gates: ``f = 1 - i``: there is no forget gate of its own (CIFG; Greff et al. 2015, arXiv
            1503.04069). Gates are then stacked in the order i, g, o.
        layer_norm: layer normalisation of ``W x``, of ``U h``, each over all gates together, and of ``c`` where
            it is put out (Ba, Kiros, Hinton 2016, arXiv 1607.06450).

    >>> import torch
    >>> from unrolled.nn import LSTM
    >>> lstm = LSTM(input_size=3, hidden_size=4, bidirectional=True)
    >>> y, (h, c) = lstm(torch.zeros(5, 2, 3))
    >>> y.shape, h.shape, c.shape
    (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]), torch.Size([2, 2, 4]))

    Every step's cell state, of each layer:

    >>> y, _, ((h, c),) = lstm(torch.zeros(5, 2, 3), return_states=True)
    >>> c.shape, torch.equal(h, y)
    (torch.Size([5, 2, 8]), True)
    """

    @classmethod
    def arguments_for(cls, cell: Cell, hidden_size: int, **sizes: int) -> dict[str, Any]:
        """The constructor's arguments that make a layer of a cell; ``lstmp`` needs its ``proj_size``."""
        if cell.sizes and "proj_size" not in sizes:
            raise InputError(f"LSTM: the cell {cell.name} needs proj_size, a whole number from 1 to {hidden_size - 1}")
        return super().arguments_for(cell, hidden_size, **sizes)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None, *,
        peepholes: bool = False, coupled_gates: bool = False, layer_norm: bool = False, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        variant = {"peepholes": peepholes, "coupled_gates": coupled_gates, "layer_norm": layer_norm}
        for name, given in variant.items():
            if not isinstance(given, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ArgumentTypeError(f"{name} should be of type bool, got: {type(given).__name__}")
        projected = isinstance(proj_size, int) and proj_size > 0  # pyright: ignore[reportUnnecessaryIsInstance]
        wanted = {name: True for name, given in variant.items() if given}
        of_variant = (get_cell(name) for name, arguments in self.cells.items() if arguments == wanted)
        cell = next((each for each in of_variant if bool(each.sizes) == projected), None)
        if cell is None:
            raise InputError(
                "LSTM: layer_norm and proj_size go with no other variant, here "
                f"peepholes={peepholes}, coupled_gates={coupled_gates}, layer_norm={layer_norm}, proj_size={proj_size}:"
                " no paper defines the cell"
            )
        super().__init__(
            cell, None if wanted else "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, device, dtype, dict(options), proj_size, {"proj_size": proj_size} if projected else None,
        )  # fmt: skip
        self.peepholes, self.coupled_gates, self.layer_norm = peepholes, coupled_gates, layer_norm

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        own = [name for name in ("peepholes", "coupled_gates", "layer_norm") if self.__dict__.get(name)]
        return super().extra_repr() + "".join(f", {name}=True" for name in own)
