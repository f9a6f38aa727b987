"""The head for notes: a distribution by brute force, torch's loss, its gradients, both engines, far away."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from unrolled.networks.note_head import NoteHead, NoteHeadConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.training.engine import NetworkModule, NetworkOptions

P, H = 5, 3


class Module(torch.nn.Module):
    """The head in torch, with what it says of some states."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.inner = NetworkModule(
            lambda engine, config: NoteHead(engine, config, H), NoteHeadConfig(P), NetworkOptions()
        )
        self.head = self.inner.network


def runtime():
    return NoteHead(KernelEngine(Module().inner.tensors()), NoteHeadConfig(P), H)


def some(seed=0, steps=7, rows=2, scale=2.0):
    """Scores and targets ``[U, N, P + 1]``, each row with its end last."""
    rng = np.random.default_rng(seed)
    rolls = (rng.random((rows, steps - 1, P)) < 0.4).astype(np.uint8)
    targets = np.stack([NoteHeadConfig(P).ending(roll) for roll in rolls], axis=1)
    return rng.normal(scale=scale, size=(steps, rows, P + 1)), targets


def test_all_frames_and_the_end_have_a_probability_of_one():
    scores, _ = some()
    head, total = runtime(), 0.0
    for frame in itertools.product((0, 1), repeat=P):
        target = np.broadcast_to(np.array([*frame, 0], np.float32), scores.shape)
        total = total + np.exp(head.log_p(scores, target))
    end = np.broadcast_to(np.array([0] * P + [1], np.float32), scores.shape)
    np.testing.assert_allclose(total + np.exp(head.log_p(scores, end)), 1, rtol=1e-12)


def test_it_is_torchs_binary_cross_entropy_with_its_gradients():
    scores, targets = some(1)
    own = torch.tensor(scores, requires_grad=True)
    other = torch.tensor(scores, requires_grad=True)
    true = torch.from_numpy(targets).double()
    log_p = Module().head.log_p(own, targets)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(other, true, reduction="none")
    expected = -(entropy[..., -1] + (1 - true[..., -1]) * entropy[..., :-1].sum(-1))
    np.testing.assert_allclose(log_p.detach(), expected.detach(), rtol=1e-12)
    log_p.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(own.grad, other.grad, rtol=1e-12, atol=1e-15)
    assert not own.grad[-1, :, :-1].any()  # of the end the notes do not count
    np.testing.assert_allclose(runtime().log_p(scores, targets), log_p.detach(), rtol=1e-12)


def test_both_engines_and_single_rows():
    h = np.random.default_rng(2).normal(size=(6, 4, H)).astype(np.float32)
    head, scores = runtime(), runtime()(h)
    np.testing.assert_allclose(Module().head(torch.from_numpy(h)).detach(), scores, rtol=1e-5, atol=1e-6)
    targets = NoteHeadConfig(P).targets(np.random.default_rng(3).random((6, 4, P)) < 0.5)
    assert targets.shape == (6, 4, P + 1)
    assert not targets[..., -1].any()
    together = head.log_p(scores, targets)
    for row in range(4):
        alone = head.log_p(head(h[:, row : row + 1].copy()), targets[:, row : row + 1])
        assert alone.tobytes() == together[:, row : row + 1].tobytes()
    frames = (h > 0)[..., :2]
    np.testing.assert_array_equal(head.read(frames), frames)
    assert head.read(frames).dtype == np.float32


@pytest.mark.parametrize("size", [50.0, 1000.0])
def test_far_from_even_odds_no_logarithm_is_infinite(size):
    scores = np.full((1, 1, P + 1), size)
    target = np.array(
        [[[1.0] * (P - 1) + [0, 0]]], np.float32
    )  # one note and the end are as good as sure, and do not come
    assert runtime().log_p(scores, target)[0, 0] == pytest.approx(-2 * size)
