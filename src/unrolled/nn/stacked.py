"""Stacked recurrent layers before they run: arguments, parameters and their names as in ``torch.nn``, and how they start."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.modules.rnn import RNNBase

from unrolled.cells import Cell, get_cell
from unrolled.nn.docstrings import with_arguments
from unrolled.nn.kind import Kind, kind_of
from unrolled.nn.leaf import Leaf
from unrolled.nn.memory import check_allocation
from unrolled.nn.options import Settings
from unrolled.nn.start import start_parameters
from unrolled.nn.states import States, states_of

__all__ = ["MODULES", "StackedLayers"]

MODULES: dict[str, type[StackedLayers]] = {}
"""The module of each cell in the registry."""


class StackedLayers(Leaf, RNNBase):
    """Stacked layers of a cell, with the constructor, parameters and initialisation of ``torch.nn``."""

    cells: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """The cells of the registry that the class runs, and the constructor's arguments that choose each."""
    settings = Settings()
    cell: str
    sizes: Mapping[str, int] = {}
    """Sizes of the cell besides ``input_size`` and ``hidden_size``."""

    def __init__(
        self,
        cell: Cell,
        mode: str | None,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        device: Any,
        dtype: Any,
        options: dict[str, Any],
        proj_size: int = 0,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        name = type(self).__name__
        settings = Settings.of(name, options) if options else self.settings
        own = mode is None or settings.merge == "sum"  # torch has no such parameters
        _check_parameter_memory(cell, input_size, hidden_size, num_layers, bidirectional, device, dtype, sizes or {})
        super().__init__(
            mode or "RNN_TANH", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device="meta" if own else device, dtype=dtype,
        )  # fmt: skip
        settings.check(cell, name, bias=bias, bidirectional=bidirectional, num_layers=num_layers)
        self.cell = cell.spec if settings.activations is None else cell.with_activations(*settings.activations).spec
        if sizes:
            self.sizes = dict(sizes)
        if options:
            self.settings = settings
        if own:
            self._make_parameters(cell, {"device": device, "dtype": dtype})
        if settings.initial_state == "learned":
            self._make_initial_states({"device": device, "dtype": dtype})
        if (
            own
            or settings.start != "uniform"
            or cell.start != "uniform"
            or settings.forget_bias is not None
            or settings.chrono
        ):
            self._start()

    def __init_subclass__(cls, *, cells: Mapping[str, Mapping[str, Any]] | None = None, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if cells:
            cls.cells = cells
            cls.__doc__ = with_arguments(cls.__doc__ or "", cls.__init__)
            MODULES.update(dict.fromkeys(cells, cls))

    @classmethod
    def arguments_for(cls, cell: Cell, hidden_size: int, **sizes: int) -> dict[str, Any]:
        """The constructor's arguments that make a layer of a cell with these :attr:`~unrolled.cells.Cell.sizes`."""
        changed = cell.activations != get_cell(cell.name).activations
        return {**cls.cells[cell.name], **sizes, **({"activations": cell.activations} if changed else {})}

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _width(self) -> int:
        """Numbers of an output."""
        return self._size * (1 if self.settings.merge == "sum" else self._directions)

    @property
    def _size(self) -> int:
        """Numbers of ``h``."""
        return self.sizes.get("proj_size", self.hidden_size)

    @property
    def _kind(self) -> Kind:
        return kind_of(self.cell)

    @property
    def _states(self) -> States:
        return states_of(
            self.cell, self.input_size, self._width, self.hidden_size, self.num_layers, self._directions,
            tuple(self.sizes.items()),
        )  # fmt: skip

    def _state_sizes(self, index: int) -> dict[str, int]:
        """Numbers of each state of one sequence in one layer and direction."""
        return dict(zip(self._kind.states, self._states.widths[index], strict=True))

    def _suffixes(self) -> list[tuple[int, str]]:
        """Layers and the endings of their parameters' names."""
        return [(k, f"_l{k}{end}") for k in range(self.num_layers) for end in ("", "_reverse")[: self._directions]]

    def _parameter_shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters of a layer with so many inputs."""
        cell = get_cell(self.cell)
        shapes = cell.parameter_shapes(input_size=inputs, hidden_size=self.hidden_size, **self.sizes)
        return {name: shape for name, shape in shapes.items() if self.bias or name not in ("bias_ih", "bias_hh")}

    def _make_parameters(self, cell: Cell, factory: dict[str, Any]) -> None:
        """Parameters as the registry describes them, in place of those that torch's class made."""
        for name in self._flat_weights_names:
            del self._parameters[name]
        self._flat_weights_names: list[str] = []
        self._all_weights: list[list[str]] = []
        for k, suffix in self._suffixes():
            names: list[str] = []
            for stem, shape in self._parameter_shapes(self.input_size if k == 0 else self._width).items():
                self.register_parameter(stem + suffix, Parameter(torch.empty(shape, **factory)))
                names.append(stem + suffix)
            self._flat_weights_names += names
            self._all_weights.append(names)
        self._init_flat_weights()

    def _make_initial_states(self, factory: dict[str, Any]) -> None:
        """A learned state for each layer and direction, such as ``h_0_l0``, at first zero."""
        for k, suffix in self._suffixes():
            for name in self._kind.learned:
                start = torch.zeros(self._state_sizes(k)[name], **factory)
                self.register_parameter(f"{name}_0{suffix}", Parameter(start))

    def _start(self) -> None:
        cell = get_cell(self.cell)
        for (_, suffix), names in zip(self._suffixes(), self._all_weights, strict=True):
            named = {name.removesuffix(suffix): self._parameters[name] for name in names}
            start_parameters(cell, self.settings, named, self.hidden_size, self._size)  # type: ignore[arg-type]

    def reset_parameters(self) -> None:
        """Initialise all parameters again, as the constructor does."""
        if "cell" not in self.__dict__:  # torch's constructor
            super().reset_parameters()
            return
        self._start()
        for name, parameter in self.named_parameters():
            if name[:4] in ("h_0_", "c_0_"):
                torch.nn.init.zeros_(parameter)

    def inference_parameters(self) -> dict[str, Tensor]:
        """The parameters that the layers' cell has in evaluation, without gradients: what inference needs of the module.

        Returns:
            Of every layer and direction the parameters of :attr:`unrolled.cells.Cell.parameters`, named as in torch
            (``weight_ih_l0``, ``weight_ih_l0_reverse``); without biases if the module has none. They are the module's own,
            unless it computes the cell's from others.

        >>> from unrolled.nn import GRU
        >>> {name: tuple(parameter.shape) for name, parameter in GRU(3, 2, bias=False).inference_parameters().items()}
        {'weight_ih_l0': (6, 3), 'weight_hh_l0': (6, 2)}
        """
        return {name: getattr(self, name).detach() for names in self._all_weights for name in names}

    @torch.no_grad()
    def take_inference_parameters(self, parameters: Mapping[str, Tensor]) -> None:
        """Become layers whose :meth:`inference_parameters` are these: in evaluation they compute what the layers did from which
        they were taken.

        >>> from unrolled.nn import LiGRU
        >>> one, other, x = LiGRU(3, 2).eval(), LiGRU(3, 2).eval(), torch.randn(5, 1, 3)
        >>> other.take_inference_parameters(one.inference_parameters())
        >>> torch.allclose(one(x)[0], other(x)[0], atol=1e-6)
        True
        """
        for name, value in parameters.items():
            self.get_parameter(name).copy_(value)

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        return super().extra_repr() + self.settings.described()

    def _layer_weights(self, index: int) -> list[Tensor]:
        """The parameters of one layer as they are now: ones that were replaced or are computed count too."""
        D = self._directions
        stored = self._parameters
        names = [name for direction in self._all_weights[index * D : index * D + D] for name in direction]
        return [stored[name] if name in stored else getattr(self, name) for name in names]  # type: ignore[misc]


def _check_parameter_memory(
    cell: Cell, input_size: int, hidden_size: int, num_layers: int, bidirectional: bool, device: Any, dtype: Any,
    sizes: Mapping[str, int],
) -> None:  # fmt: skip
    """Refuse parameters that no memory could hold, before the first of them is allocated."""
    given: list[Any] = [input_size, hidden_size, num_layers, *sizes.values()]
    if not all(isinstance(size, int) and size > 0 for size in given):
        return  # torch says what is wrong with them
    device = torch.get_default_device() if device is None else torch.device(device)
    if device.type == "meta":
        return
    D = 2 if bidirectional else 1

    def numbers(inputs: int) -> int:
        shapes = cell.parameter_shapes(
            input_size=hidden_size if cell.square else inputs, hidden_size=hidden_size, **sizes
        )
        return D * sum(math.prod(shape) for shape in shapes.values())

    check_allocation(
        (numbers(input_size) + (num_layers - 1) * numbers(D * hidden_size))
        * (dtype or torch.get_default_dtype()).itemsize,
        f"the parameters of input_size={input_size}, hidden_size={hidden_size}, num_layers={num_layers}",
    )
