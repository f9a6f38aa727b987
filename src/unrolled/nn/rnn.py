"""Elman's recurrent network as a torch module, and the IRNN, which starts from the identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from unrolled.cells import ACTIVATIONS, Activation, Cell, get_cell
from unrolled.errors import InputError
from unrolled.nn.errors import TensorError
from unrolled.nn.recurrent import Recurrent
from unrolled.nn.variant import Variant

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from unrolled.nn.options import Options

__all__ = ["IRNN", "RNN", "rnn_cell"]

_NAMED = ("tanh", "relu", "identity")


def rnn_cell(nonlinearity: str) -> str:
    """The simple recurrent cell with an activation function, as :func:`unrolled.cells.get_cell` takes it.

    Raises:
        TensorError: no such function.

    >>> rnn_cell("relu"), rnn_cell("softsign")
    ('rnn_relu', 'rnn_tanh[softsign]')
    """
    if not isinstance(nonlinearity, str) or nonlinearity.partition(":")[0] not in ACTIVATIONS:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TensorError(f"Unknown nonlinearity: {nonlinearity}; expected one of {', '.join(ACTIVATIONS)}")
    if nonlinearity in _NAMED:
        return f"rnn_{nonlinearity}"
    return get_cell("rnn_tanh").with_activations(Activation.parse(nonlinearity)).spec


class RNN(Recurrent[Tensor], cells={f"rnn_{name}": {"nonlinearity": name} for name in _NAMED}):
    r"""Elman's network: :math:`h_t = \varphi(W x_t + b_{ih} + U h_{t-1} + b_{hh})`.

    A drop-in for :class:`torch.nn.RNN`: the same arguments, parameters, initialisation, state dictionary and outputs.
    It runs on the CPU and computes in float32 or float64.

    Args:
        nonlinearity: :math:`\varphi`: tanh, relu, or one that torch has not, of
            :data:`unrolled.cells.ACTIVATIONS`; with its constants where they are not the usual ones, as
            ``"leaky_relu:0.2"``.

    >>> import torch
    >>> from unrolled.nn import RNN
    >>> rnn = RNN(input_size=3, hidden_size=4, num_layers=2)
    >>> y, h = rnn(torch.zeros(5, 2, 3))
    >>> y.shape, h.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    nonlinearity: str

    @classmethod
    def arguments_for(cls, cell: Cell, hidden_size: int, **sizes: int) -> dict[str, Any]:
        """The constructor's arguments that make a layer of a cell."""
        return {"nonlinearity": cell.activations[0].spec}

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *, device: Any = None,
        dtype: Any = None, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        if options.get("activations") is not None:
            raise InputError("RNN: activations: its only one is nonlinearity=")
        # torch's base class knows two modes, and needs one only to count gates
        mode = "RNN_RELU" if nonlinearity == "relu" else "RNN_TANH"
        super().__init__(
            get_cell(rnn_cell(nonlinearity)), mode, input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, device, dtype, dict(options),
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults; of the nonlinearity, as in torch, only what torch has not."""
        known = self.nonlinearity in ("tanh", "relu")
        return super().extra_repr() + ("" if known else f", nonlinearity={self.nonlinearity}")


class IRNN(Variant, cells={"irnn": {}}):
    r"""The ReLU network whose ``U`` starts as the identity: :math:`h_t = \max(W x_t + U h_{t-1} + b, 0)`.

    At the start it adds its inputs up, and gradients pass through time unchanged; biases start at zero. Source: Le,
    Jaitly, Hinton 2015, arXiv 1504.00941.

    >>> import torch
    >>> from unrolled.nn import IRNN
    >>> irnn = IRNN(input_size=1, hidden_size=2)
    >>> irnn.weight_hh_l0.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
