"""A layer in torch's own operations, a step at a time: slow, and differentiable any number of times.

It takes and returns what :func:`unrolled.nn.layer.layer` does with ``cells``, and serves where the kernels do not
reach: gradients of gradients, and projections of the hidden state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["composite"]

# (W x + b_ih, U, b_hh, h[t-1], c[t-1]) -> h[t], c[t]
_Step = Callable[[Tensor, Tensor, "Tensor | None", Tensor, Tensor], tuple[Tensor, Tensor]]


def _rnn(activation: Callable[[Tensor], Tensor]) -> _Step:
    def step(Wx: Tensor, U: Tensor, b: Tensor | None, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return activation(Wx + F.linear(h, U, b)), c

    return step


def _lstm(Wx: Tensor, U: Tensor, b: Tensor | None, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = (Wx + F.linear(h, U, b)).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru(Wx: Tensor, U: Tensor, b: Tensor | None, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    (W_r, W_z, W_n), (U_r, U_z, U_n) = Wx.chunk(3, 1), F.linear(h, U, b).chunk(3, 1)
    r, z = (W_r + U_r).sigmoid(), (W_z + U_z).sigmoid()
    n = (W_n + r * U_n).tanh()
    return (1 - z) * n + z * h, c


def _gru_reset_before(Wx: Tensor, U: Tensor, b: Tensor | None, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    H = h.shape[1]
    b_gates, b_n = (None, None) if b is None else (b[: 2 * H], b[2 * H :])
    r, z = (Wx[:, : 2 * H] + F.linear(h, U[: 2 * H], b_gates)).sigmoid().chunk(2, 1)
    n = (Wx[:, 2 * H :] + F.linear(r * h, U[2 * H :], b_n)).tanh()
    return (1 - z) * n + z * h, c


_STEPS: dict[str, _Step] = {
    "rnn_tanh": _rnn(torch.tanh),
    "rnn_relu": _rnn(torch.relu),
    "rnn_identity": _rnn(lambda a: a),
    "lstm": _lstm,
    "gru": _gru,
    "gru_reset_before": _gru_reset_before,
}


def composite(
    cell: str, directions: int, batch_sizes: Tensor | None, x: Tensor, h0: Tensor | None, c0: Tensor | None,
    weights: Sequence[Tensor], *, projected: bool = False,
) -> list[Tensor]:  # fmt: skip
    """Run one layer.

    With ``projected`` each direction's parameters end with ``weight_hr [P, H]``, and the hidden state is
    ``weight_hr`` times the cell's, of size ``P``.
    """
    T, B, I = x.shape
    sizes = [B] * T if batch_sizes is None else batch_sizes.tolist()
    rows = x.reshape(T * B, I)[: sum(sizes)].split(sizes)
    each, size = len(weights) // directions, weights[1].shape[1]
    outputs: list[Tensor] = []
    cells: list[Tensor] = []
    ends: list[tuple[Tensor, Tensor]] = []
    for d in range(directions):
        own = weights[d * each : (d + 1) * each]
        projection = own[-1] if projected else None
        biases = own[2:4] if each > 3 else (None, None)
        h = x.new_zeros(B, size) if h0 is None else h0[d]
        c = x.new_zeros(B, size if projection is None else projection.shape[1]) if c0 is None else c0[d]
        y: list[Tensor] = []
        cs: list[Tensor] = []
        for now in rows[::-1] if d else rows:
            n = len(now)
            Wx = F.linear(now, own[0], biases[0])
            after, c_after = _STEPS[cell](Wx, own[1], biases[1], h[:n], c[:n])
            if projection is not None:
                after = F.linear(after, projection)
            y.append(after)
            cs.append(c_after)
            h, c = torch.cat((after, h[n:])), torch.cat((c_after, c[n:]))
        outputs.append(torch.cat(y[::-1] if d else y))
        cells.append(torch.cat(cs[::-1] if d else cs))
        ends.append((h, c))
    last = [torch.stack(state) for state in zip(*ends, strict=True)]
    if cell != "lstm":
        return [_padded(outputs, T, B), last[0]]
    return [_padded(outputs, T, B), *last, _padded(cells, T, B)]


def _padded(directions: Sequence[Tensor], T: int, B: int) -> Tensor:
    """Living rows of each direction side by side, then zeros: ``[T, B, D*H]``."""
    rows = torch.cat(list(directions), 1)
    return F.pad(rows, (0, 0, 0, T * B - len(rows))).view(T, B, -1)
