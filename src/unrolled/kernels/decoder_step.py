"""One step of an encoder-decoder in one call of compiled code, on NumPy arrays of float32."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Floats, Values
from unrolled.errors import InputError
from unrolled.kernels import _native
from unrolled.kernels.admission import admitted, whole_number, whole_numbers
from unrolled.kernels.memory import check_allocation
from unrolled.kernels.packed import PackedDense, PackedWeights, address
from unrolled.kernels.steps import bound_layer
from unrolled.kernels.threads import default_threads

__all__ = ["Asked", "DecoderStep", "Stepped"]

LARGEST_TABLE = 16 << 20
"""Bytes of ``W x + b`` of all tokens up to which they are computed once."""
_FLOAT32 = np.dtype(np.float32)


class Asked:
    """What attention reads of sources.

    Args:
        lengths: steps of each source, ``[B]``, from 1 to T.
        steps: T.
        keys: of each source, packed; or ``[T, B, A]`` of all, for a comparison.
        values: of each source, packed.

    Raises:
        InputError: they do not fit together.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        steps: int,
        keys: Sequence[PackedDense] | Floats,
        values: Sequence[PackedDense],
    ) -> None:
        self.lengths, self.steps, self.values = (
            whole_numbers("lengths", lengths),
            whole_number("steps", steps),
            tuple(values),
        )
        self.lengths.flags.writeable = False  # what was checked is what is read
        self.compared = isinstance(keys, np.ndarray)
        self.keys = admitted("keys", keys, _FLOAT32) if isinstance(keys, np.ndarray) else tuple(keys)
        B, found = len(self.lengths), self.lengths.tolist()
        fits = B > 0 and min(found) >= 1 and max(found) <= steps and [each.inputs for each in values] == found
        if isinstance(self.keys, np.ndarray):
            self.sizes = self.keys.shape[2:], {each.outputs for each in values}
            fits = fits and self.keys.shape[:2] == (steps, B)
        else:
            self.sizes = tuple({each.inputs for each in self.keys}), {each.outputs for each in values}
            fits = fits and [each.outputs for each in self.keys] == found
        packed = [*values, *(() if self.compared else self.keys)]
        if not fits or any(each.dtype != _FLOAT32 or each.has_bias or each.halves for each in packed):
            raise InputError(f"keys and values do not fit sources of {found} steps")
        self._packed = np.array([each.address for each in packed], np.uintp)
        at = _native.address(self._packed)
        self.addresses = _native.address(self.lengths), at + 8 * B, at
        if isinstance(self.keys, np.ndarray):
            self.addresses = _native.address(self.lengths), address(self.keys), at

    def __reduce__(self) -> tuple[type[Asked], tuple[Any, ...]]:
        """A copy has its own arrays, and where these are."""
        return type(self), (self.lengths, self.steps, self.keys, self.values)


class Stepped(NamedTuple):
    """What a step leaves."""

    log_p: Values
    """``[N, V]``, of the next token."""
    states: tuple[Floats, ...]
    """``[L, N, size]`` each."""
    weights: Floats | None
    """``[1, N, T]``, with attention."""
    combined: Floats
    """``[N, S]``, the result before the last product."""


class DecoderStep:
    r"""From the newest token of each row to the log-probabilities of the next.

    .. math::
        s &= \mathrm{RNN}(E_y) && \text{or of } [E_y; \tilde h] \\
        \tilde h &= \tanh(W [c; s] + w) && c \text{ what attention reads of the source} \\
        \log p &= \log \mathrm{softmax}(V \tilde h + v)

    Every result has the bits that the kernels give one by one.

    Args:
        table: ``E [tokens, size]``.
        layers: those of the recurrence, from the first on.
        combine: W and w.
        head: V and v.
        query: what is compared with keys, of ``s``; None: ``s`` itself.
        vector: of additive attention, ``[A]``; None: keys meet the query in a product.
        asked: size of a step of the source, 0 without attention.
        residual: whether layers from the second on add their inputs.
        feeds: whether the first layer reads the last result, too.

    Raises:
        InputError: sizes do not fit, or numbers are no float32.
    """

    def __init__(
        self, table: Floats, layers: Sequence[PackedWeights], combine: PackedDense, head: PackedDense, *,
        query: PackedDense | None = None, vector: Floats | None = None, asked: int = 0, residual: bool = False,
        feeds: bool = False,
    ) -> None:  # fmt: skip
        self._table, layers = admitted("table", table, _FLOAT32), tuple(layers)
        self._vector = None if vector is None else admitted("vector", vector, _FLOAT32)
        if self._table.ndim != 2 or not layers:
            raise InputError(
                f"expected a table [tokens, size] and layers, got {self._table.shape} and {len(layers)} layers"
            )
        first, last, S = layers[0], layers[-1], layers[-1].outputs
        inputs = [self._table.shape[1] + combine.outputs * feeds] + [layer.outputs for layer in layers[:-1]]
        size = query.outputs if query is not None else S
        matrices = [combine, head, *([query] if query is not None else [])]
        widths = [asked + S, combine.outputs, *([S] if query is not None else [])]
        fits = (
            [layer.inputs for layer in layers] == inputs
            and [each.inputs for each in matrices] == widths
            and all(layer.kernel.cell.spec == first.kernel.cell.spec for layer in layers)
            and all(layer.state_widths == first.state_widths for layer in layers)
            and all(each.dtype == _FLOAT32 for each in [*layers, *matrices])
            and (self._vector is None or self._vector.shape == (size,))
            and (not residual or {layer.outputs for layer in layers} == {*inputs[1:], S})
        )
        if not fits:
            raise InputError("the layers of a decoder do not fit together, or are not of float32")
        tokens = len(self._table)
        numbers = tokens * first.kernel.gates_row(first.hidden, tape=False)
        products = not feeds and not first.kernel.compiled.skip and 4 * numbers <= LARGEST_TABLE
        if products:
            self._table = first.input_products(self._table)
        self._kept = layers, combine, head, query
        self._depth, self._widths, self._kernel = len(layers), last.state_widths, last.kernel
        self._combined, self._said, self._asked, self._feeds = combine.outputs, head.outputs, asked, feeds
        self._sizes = size, {asked}
        self._step = _native.DecoderStep(
            table=address(self._table), tokens=tokens, table_row=self._table.shape[1], products=products,
            feeds=feeds, residual=residual, attends=0 if not asked else 1 if vector is None else 2, asked=asked,
            size=size, query=query.address if query else 0, query_bias=query.bias_address if query else 0,
            vector=address(self._vector), combine=combine.address, combine_bias=combine.bias_address,
            combined=combine.outputs, head=head.address, head_bias=head.bias_address, said=head.outputs,
            query_halves=query is not None and query.halves, combine_halves=combine.halves, head_halves=head.halves,
        )  # fmt: skip
        for layer in layers:
            self._step.add_layer(bound_layer(layer))

    def __call__(
        self,
        tokens: NDArray[np.int64],
        states: Sequence[Floats],
        asked: Asked | None,
        rows: NDArray[np.int64] | None,
        fed: Floats | None,
    ) -> Stepped | None:
        """Take it.

        Args:
            tokens: ``[N]``.
            states: before it, ``[L, N, size]`` each.
            asked: with attention, what is asked.
            rows: the source of each row, ``[N]``; None: one each.
            fed: the last result ``[N, S]``, where it is read.

        Returns:
            The results; None if there is no row, or a token or a source is none of those there are.

        Raises:
            InputError: a shape or dtype does not fit.
        """
        N, L, V = len(tokens), self._depth, self._said
        given = [admitted("states", s, _FLOAT32, (L, N, w)) for s, w in zip(states, self._widths, strict=True)]
        tokens = np.ascontiguousarray(tokens, np.int64)
        if asked is None:
            rows = None
        steps = count = lengths = keys = values = 0
        if asked is not None:
            steps, count, (lengths, keys, values) = asked.steps, len(asked.lengths), asked.addresses
        if not N or tokens.ndim != 1 or (asked is None) != (not self._asked):
            return None
        if rows is None:
            if asked is not None and count != N:
                raise InputError(f"{N} rows ask {count} sources: expected the source of each")
        else:
            rows = np.ascontiguousarray(rows, np.int64)
            if rows.shape != (N,):
                raise InputError(f"rows has shape {rows.shape}, expected ({N},)")
        if asked is not None and asked.compared != (self._vector is not None):
            found, expected = ("in one array", "packed")[:: 1 if asked.compared else -1]
            raise InputError(f"the keys are {found}, but the decoder's attention reads them {expected}")
        if asked is not None and (asked.sizes[1] != {self._asked} or asked.sizes[0] != (self._sizes[0],)):
            raise InputError("keys or values have another size than the decoder's attention")
        if self._feeds:
            fed = admitted("fed", fed, _FLOAT32, (N, self._combined))
        check_allocation(N * (8 * V + 4 * steps), "the probabilities of all rows")
        new = tuple([np.empty((L, N, width), _FLOAT32) for width in self._widths])
        log_p, combined = np.empty((N, V)), np.empty((N, self._combined), _FLOAT32)
        weights = np.empty((1, N, steps), _FLOAT32) if asked is not None else None
        h, c = self._kernel.split_states([address(state) for state in given])
        new_h, new_c = self._kernel.split_states([address(state) for state in new])
        done = self._step.run(
            N, _native.address(tokens), 0 if rows is None else _native.address(rows), count, steps, lengths, keys, values,
            h, c, address(fed) if self._feeds else 0, new_h, new_c, address(combined), address(weights), address(log_p),
            default_threads(),
        )  # fmt: skip
        return Stepped(log_p, new, weights, combined) if done else None
