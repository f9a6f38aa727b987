r"""A Transformer: self-attention over the steps of a sequence, with their places added to them.

.. math::
    z[t] &= W x[t] + p[t], \qquad p[t]_{2i} = \sin(t / 10000^{2i/D}), \quad p[t]_{2i+1} = \cos(t / 10000^{2i/D}) \\
    a &= \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{D / n}} + M\right) V, \qquad (Q, K, V) = z'\,W_{qkv} \\
    z &\leftarrow z + W_o\, a, \qquad z \leftarrow z + W_2\, \mathrm{relu}(W_1 z' + b_1) + b_2

with :math:`z'` the layer normalisation of :math:`z`, ``n`` heads, and a mask ``M`` that is :math:`-\infty` past a sequence's
end and, where the network is causal, for all later steps. Without :math:`p` no layer would know an order. Sources: Vaswani et
al. 2017, *Attention is all you need*, arXiv 1706.03762; normalised before each part instead of after it, Xiong et al. 2020,
arXiv 2002.04745.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from unrolled.comparison.body import Body
from unrolled.networks.stack import StackConfig

__all__ = ["HEADS", "Transformer", "places"]

HEADS = 4
LAYERS = 2


def places(steps: int, size: int) -> Tensor:
    """The vectors ``p [T, D]`` of the steps' places.

    >>> [[round(p, 2) for p in row] for row in places(2, 4).tolist()]
    [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.01, 1.0]]
    """
    t = torch.arange(steps)[:, None]
    rates = torch.exp(torch.arange(0, size, 2) * (-math.log(10000.0) / size))
    return torch.stack([torch.sin(t * rates), torch.cos(t * rates)], 2).flatten(1)[:, :size]


class _Layer(torch.nn.Module):
    """Attention and two dense layers, each added to what came in."""

    def __init__(self, size: int, inner: int) -> None:
        super().__init__()
        self.norm, self.norm_inner = torch.nn.LayerNorm(size), torch.nn.LayerNorm(size)
        self.qkv, self.out = torch.nn.Linear(size, 3 * size), torch.nn.Linear(size, size)
        self.first, self.second = torch.nn.Linear(size, inner), torch.nn.Linear(inner, size)

    def forward(self, z: Tensor, seen: Tensor) -> Tensor:
        """``z [B, T, D]``; ``seen [B, 1, T, T]`` says which step may look at which."""
        B, T, D = z.shape
        q, k, v = self.qkv(self.norm(z)).view(B, T, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)
        a = scaled_dot_product_attention(q, k, v, attn_mask=seen)  # [B, n, T, D / n]
        z = z + self.out(a.transpose(1, 2).reshape(B, T, D))
        return z + self.second(torch.relu(self.first(self.norm_inner(z))))


class Transformer(Body):
    """Two layers of four heads; ``sizes["inner"]`` units in each layer's middle, by default twice its width.

    >>> net = Transformer(StackConfig("transformer", 3, 8, 1), causal=True, steps=20)
    >>> net(torch.zeros(5, 2, 3))[0].shape, net.state
    (torch.Size([5, 2, 8]), 640)
    """

    def __init__(self, config: StackConfig, *, causal: bool, steps: int) -> None:
        super().__init__()
        D, self.causal, self.reach = config.hidden_size, causal, None
        self.state = 2 * LAYERS * steps * D if causal else None  # keys and values of all steps
        inner = config.sizes.get("inner", 2 * D)
        self.project = torch.nn.Linear(config.inputs, D)
        self.layers = torch.nn.ModuleList(_Layer(D, inner) for _ in range(LAYERS))
        self.norm = torch.nn.LayerNorm(D)

    def read(self, x: Tensor, inside: Tensor) -> Tensor:
        """``[T, B, I]`` → ``[T, B, H]``."""
        T, D = len(x), self.norm.normalized_shape[0]
        z = (self.project(x) + places(T, D)[:, None]).transpose(0, 1)
        seen = inside.T[:, None, None].expand(-1, -1, T, -1)
        if self.causal:
            seen = seen & torch.ones(T, T, dtype=torch.bool).tril()
        for layer in self.layers:
            z = layer(z, seen)
        return self.norm(z).transpose(0, 1)
