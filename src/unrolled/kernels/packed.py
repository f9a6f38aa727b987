"""Weights in NumPy arrays, arranged for the kernels once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from unrolled.aliases import Floats
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.admission import admitted
from unrolled.kernels.arrangement import ForwardPlaces
from unrolled.kernels.kernel import Kernel, get_kernel, pack_matrix
from unrolled.kernels.layer_passes import Bound, LayerPasses
from unrolled.kernels.memory import check_allocation
from unrolled.kernels.storage import Storage, stores_halves
from unrolled.kernels.threads import chosen_threads, default_threads

__all__ = ["PackedDense", "PackedWeights", "address"]

LINE = 64
"""Bytes."""


def address(array: Floats | None) -> int:
    """Where an array begins; 0 where there is none."""
    return 0 if array is None else _native.address(array)


def aligned(numbers: int, dtype: np.dtype[Any]) -> Floats:
    """Memory for so many numbers from the start of a line of the caches on, so that no vector lies in two of them."""
    room = np.empty(numbers * dtype.itemsize + LINE, np.uint8)
    begin = -_native.address(room) % LINE
    return room[begin : begin + numbers * dtype.itemsize].view(dtype)


class PackedDense:
    """``W x + b`` for rows of ``x``; a row's result never depends on its neighbours, nor on the number of threads.

    Args:
        weight: ``[outputs, inputs]`` of float32 or float64.
        bias: ``[outputs]``, of the same dtype.
        weights: what the weight is stored as, by default its own dtype.

    Attributes:
        halves: whether the weight is stored as bfloat16.
        address: where the weight is, packed.
        bias_address: where the bias is, 0 without one.

    Raises:
        InputError: a shape or dtype does not fit.
    """

    def __init__(self, weight: Floats, bias: Floats | None, *, weights: Storage | None = None) -> None:
        weight = admitted("weight", weight)
        if weight.ndim != 2:
            raise InputError(f"weight: expected [outputs, inputs], got shape {weight.shape}")
        self.dtype = weight.dtype
        self.outputs, self.inputs = weight.shape
        self._wide = weight.dtype == np.float64
        self._bias = None if bias is None else admitted("bias", bias, self.dtype, (self.outputs,))
        self.halves = stores_halves(weights, self.dtype)
        stored = np.dtype(np.uint16) if self.halves else self.dtype
        self._packed = aligned(_native.packed_size(self._wide, 1, self.outputs, self.inputs), stored)
        self.has_bias = bias is not None
        self.address, self.bias_address = address(self._packed), address(self._bias)
        pack_matrix(
            self._wide, address(weight), self.address, units=self.outputs, depth=self.inputs,
            threads=default_threads(), halves=self.halves,
        )  # fmt: skip

    def __copy__(self) -> PackedDense:
        """Itself, of which nothing changes."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> PackedDense:
        """Itself, of which nothing changes."""
        return self

    def __reduce__(self) -> NoReturn:
        """Refuse: another machine may arrange weights in another way.

        Raises:
            InputError: always.
        """
        raise InputError("weights arranged for this machine cannot be pickled: pickle those they were made of")

    def __call__(self, x: Floats, *, threads: int | None = None) -> Floats:
        """Apply over the last axis of ``x [..., inputs]``; returns ``[..., outputs]``.

        Raises:
            InputError: the shape or dtype does not fit.
        """
        threads, x = chosen_threads(threads), admitted("x", x, self.dtype)
        if not x.ndim or x.shape[-1] != self.inputs:
            raise InputError(f"x has shape {x.shape}, expected its last axis to be {self.inputs}")
        shape = *x.shape[:-1], self.outputs
        rows = math.prod(shape[:-1])
        check_allocation(rows * self.outputs * x.itemsize, "the outputs of all rows")
        out = np.empty(shape, self.dtype)
        if out.size:
            _native.dense(
                self._wide, rows=rows, inputs=self.inputs, outputs=self.outputs, weight=self.address,
                bias=self.bias_address, x=address(x), out=address(out), halves=self.halves, threads=threads,
            )  # fmt: skip
        return out


class PackedWeights:
    """One direction of one layer, arranged for the kernels once.

    ``parameters`` has the cell's names and shapes (:meth:`unrolled.kernels.kernel.Kernel.parameter_shapes`); ``weights`` says
    what W, U and a projection are stored as, by default their own dtype.

    Raises:
        InputError: a name, shape or dtype does not fit.
    """

    def __init__(self, cell: str, parameters: Mapping[str, Floats], *, weights: Storage | None = None) -> None:
        given = {name: admitted(name, parameter) for name, parameter in parameters.items()}
        if "weight_ih" not in given:
            raise InputError(f"cell {cell}: expected a matrix weight_ih among {sorted(given)}")
        W = given["weight_ih"]
        if W.ndim != 2:
            raise InputError(f"weight_ih has shape {W.shape}, expected a matrix")
        self.kernel: Kernel = get_kernel(cell, W.dtype.name)
        compiled = self.kernel.compiled
        self.stored: Storage | None = weights
        self.halves = stores_halves(weights, W.dtype)
        self.dtype, self.inputs, self.hidden = W.dtype, W.shape[1], W.shape[0] // compiled.input_gates
        projection = given.get("weight_hr") if compiled.projected else None
        self.outputs = self.hidden if projection is None or not projection.ndim else projection.shape[0]
        shapes = self.kernel.parameter_shapes(self.inputs, self.hidden, self.outputs)
        if set(shapes) != set(given):
            raise InputError(f"cell {cell} has parameters {sorted(shapes)}, got {sorted(given)}")
        self.parameters = {name: admitted(name, given[name], self.dtype, shape) for name, shape in shapes.items()}
        self._passes = LayerPasses(
            self.kernel, 1, self.inputs, self.hidden, self.outputs, tuple(self.parameters), self.halves
        )
        self._arranged: dict[bool, Floats] = {}

    def fuses(self, steps: int, batch: int, threads: int) -> bool:
        """Whether a pass over so many steps and sequences computes ``W x`` step by step."""
        sizes = self.inputs, self.hidden, self.outputs
        return self.kernel.fuses(*sizes, steps, batch, threads, halves=self.halves)

    def arranged(self, *, fused: bool) -> Floats:
        """The weights for a forward pass that computes ``W x`` step by step or beforehand; arranged when first needed."""
        if fused not in self._arranged:
            arrangement = self._passes.arrangement(fused=fused)
            packed = aligned(arrangement.size, self.dtype)
            arrangement.moves.run(self.addresses, address(packed), default_threads())
            self._arranged.setdefault(fused, packed)
        return self._arranged[fused]

    def packed(self, *, fused: bool) -> ForwardPlaces:
        """Addresses of each kind of the arranged weights, 0 where there is none."""
        begin, size = address(self.arranged(fused=fused)), self.kernel.number_size
        places = self._passes.arrangement(fused=fused).places
        return ForwardPlaces(*(begin + place * size if place >= 0 else 0 for place in places))

    def forward_pass(self, *, tape: bool, fused: bool) -> _native.ForwardPass:
        """A forward pass that finds the weights arranged."""
        return self._passes.forward(tape=tape, fused=fused).own

    @property
    def backward_pass(self) -> Bound[_native.BackwardPass]:
        """The backward pass, which arranges the parameters itself.

        Raises:
            InputError: the weights are stored as bfloat16.
        """
        if self.halves:
            raise InputError(
                "weights stored as bfloat16 are for inference: gradients are those of the weights as they are, so leave"
                " weights='bfloat16' out"
            )
        return self._passes.backward

    @property
    def addresses(self) -> list[int]:
        """Where the parameters are, in their order."""
        return [address(parameter) for parameter in self.parameters.values()]

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy arranges its own parameters anew."""
        return _packed_weights, (self.kernel.cell.spec, self.parameters, self.stored)

    @cached_property
    def state_widths(self) -> list[int]:
        """Numbers of a sequence's states: of ``h`` if it is one, and of all values of the memory."""
        compiled = self.kernel.compiled
        return [self.outputs] * compiled.has_h + [compiled.memory * self.hidden] * (compiled.memory > 0)

    def input_products(self, x: Floats) -> Floats:
        """``W x + b`` of rows ``x [N, I]`` as a pass finds it among the gates, ``[N, gates]``, in the bits of a step's own."""
        before, products = self.kernel.compiled.input_column * self.hidden, self._inputs(x)
        return np.pad(products, [(0, 0), (before, 0)]) if before else products

    @cached_property
    def _inputs(self) -> PackedDense:
        """W by itself, with what is added to ``W x`` before a step."""
        kernel, W = self.kernel, self.parameters["weight_ih"]
        bias = np.empty(kernel.separate_bias_size(self.hidden), self.dtype)
        bias_ih, bias_hh = (address(self.parameters.get(name)) for name in ("bias_ih", "bias_hh"))
        kernel.pack_separate_bias(self.hidden, bias_ih, bias_hh, address(bias))
        return PackedDense(W, bias[: len(W)], weights=self.stored)


def _packed_weights(cell: str, parameters: dict[str, Floats], weights: Storage | None) -> PackedWeights:
    return PackedWeights(cell, parameters, weights=weights)
