"""Memory that layers keep between calls."""

from __future__ import annotations

import torch

from unrolled.nn import GRU, buffers


def test_memory_of_a_tape_is_used_again_and_never_while_it_is_in_use(monkeypatch):
    monkeypatch.setattr(buffers._kept, "tapes", [], raising=False)
    like, size = torch.empty(0), 5 * 2**20
    first = buffers.recycled(like, (size,))
    second = buffers.recycled(like, (size,))
    assert first.data_ptr() != second.data_ptr()
    first.fill_(1.0), second.fill_(2.0)
    place, view = first.data_ptr(), first[10:20]
    del first
    assert buffers.recycled(like, (size,)).data_ptr() != place  # the view still holds it
    assert (view == 1).all()
    del view
    assert buffers.recycled(like, (size - 5,)).data_ptr() == place
    assert buffers.recycled(like, (1000,)).untyped_storage().nbytes() == 4000  # small ones are torch's own


def test_steps_beside_each_other_keep_their_tapes():
    """Two graphs of layers with large tapes, whose backward passes come late."""
    torch.manual_seed(0)
    layer = GRU(8, 256)
    inputs = [torch.randn(60, 128, 8, requires_grad=True) for _ in range(3)]
    apart = []
    for x in inputs:
        apart += torch.autograd.grad(layer(x)[0].square().sum(), [x, *layer.parameters()])
    losses = [layer(x)[0].square().sum() for x in inputs]
    together = []
    for loss, x in zip(losses, inputs, strict=True):
        together += torch.autograd.grad(loss, [x, *layer.parameters()])
    assert all(map(torch.equal, apart, together))
