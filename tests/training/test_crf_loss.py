"""The CRF's loss against autograd through log-sum-exp, finite differences and the runtime's CRF."""

import numpy as np
import pytest
import torch

from unrolled.codecs.tag_scheme import TagOrder, tag_order
from unrolled.errors import InputError
from unrolled.runtime.decoding.crf import Crf
from unrolled.training.crf import crf_loss

BIOES = ["O", *(f"{prefix}-{kind}" for kind in "ab" for prefix in "BIES")]
LENGTHS = torch.tensor([5, 1, 3, 2])


def plain_loss(emissions, tags, lengths, transitions, start, end, order=None):
    """The same by torch's own operations, one sequence after the other."""
    if order is not None:
        masks = (torch.from_numpy(mask) for mask in (order.follows, order.begins, order.ends))
        A, a, z = (torch.where(m, p, -torch.inf) for m, p in zip(masks, (transitions, start, end), strict=True))
    else:
        A, a, z = transitions, start, end
    losses = []
    for n, T in enumerate(lengths.tolist()):
        e, y = emissions[:T, n], tags[:T, n]
        alpha = a + e[0]
        for t in range(1, T):
            alpha = torch.stack([e[t, k] + _logsumexp(alpha + A[:, k]) for k in range(len(a))])
        score = a[y[0]] + z[y[-1]] + e[torch.arange(T), y].sum() + A[y[:-1], y[1:]].sum()
        losses.append(_logsumexp(alpha + z) - score)
    return torch.stack(losses)


def _logsumexp(terms):
    """Without what is forbidden, whose gradient would be NaN."""
    allowed = terms[terms > -torch.inf]
    return torch.logsumexp(allowed, 0) if len(allowed) else torch.tensor(-torch.inf, dtype=terms.dtype)


def case(order, scale=1.0, K=9, seed=0):
    """Emissions with NaN past the lengths, true tags that are allowed, parameters."""
    torch.manual_seed(seed)
    T, B = int(LENGTHS.max()) + 1, len(LENGTHS)
    values = [scale * torch.randn(*size, dtype=torch.float64) for size in ((T, B, K), (K, K), (K,), (K,))]
    inside = torch.arange(T)[:, None] < LENGTHS
    values[0][~inside] = torch.nan
    tags = torch.full((T, B), 99)
    rng = np.random.default_rng(seed)
    for n, length in enumerate(LENGTHS.tolist()):
        tags[:length, n] = torch.tensor(allowed_tags(rng, order, length, K))
    return [value.requires_grad_() for value in values], tags


def allowed_tags(rng, order, length, K):
    while True:
        y = rng.integers(K, size=length)
        if order is None or (order.begins[y[0]] and order.ends[y[-1]] and order.follows[y[:-1], y[1:]].all()):
            return y


ORDERS = {
    "free": None,
    "bioes": tag_order(BIOES, "bioes"),
    "one way": TagOrder(np.arange(9) < 5, np.triu(np.ones((9, 9), bool)), np.arange(9) > 3),
}


@pytest.mark.parametrize("scale", [0.0, 1.0, 20.0, 1000.0])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_equals_autograd_through_log_sum_exp(order, scale):
    """At a scale of 1000 sums underflow unless each is taken less its own maximum."""
    ours, tags = case(order, scale)
    theirs = [value.detach().clone().requires_grad_() for value in ours]
    loss = crf_loss(ours[0], tags, LENGTHS, *ours[1:], order)
    expected = plain_loss(theirs[0], tags, LENGTHS, *theirs[1:], order)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-10)
    weights = torch.tensor([1.0, -0.5, 2.0, 3.0], dtype=torch.float64)
    (weights * loss).sum().backward()
    (weights * expected).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(
            mine.grad, other.grad.nan_to_num(0.0), rtol=1e-10, atol=1e-10 * max(1.0, scale / 100)
        )
    if order is not None:
        assert not ours[1].grad.numpy()[~order.follows].any()


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_gradients_are_finite_differences(order):
    values, tags = case(order)
    emissions = torch.nan_to_num(values[0].detach()).requires_grad_()
    assert torch.autograd.gradcheck(lambda *v: crf_loss(v[0], tags, LENGTHS, *v[1:], order), (emissions, *values[1:]))


def test_is_the_runtimes_log_partition_less_the_score():
    values, tags = case(None)
    e, A, a, z = (value.detach().numpy() for value in values)
    log_Z = Crf(A, a, z).log_partition(e, LENGTHS.numpy())
    y = tags[:3, 2].numpy()
    score = a[y[0]] + z[y[2]] + e[[0, 1, 2], 2, y].sum() + A[y[0], y[1]] + A[y[1], y[2]]
    loss = crf_loss(values[0], tags, LENGTHS, *values[1:])
    assert loss[2].item() == pytest.approx(log_Z[2] - score, abs=1e-12)


def test_float32_gets_float32_gradients():
    values, tags = case(ORDERS["bioes"])
    narrow = [value.detach().float().requires_grad_() for value in values]
    crf_loss(narrow[0], tags, LENGTHS, *narrow[1:], ORDERS["bioes"]).sum().backward()
    crf_loss(values[0], tags, LENGTHS, *values[1:], ORDERS["bioes"]).sum().backward()
    for mine, other in zip(narrow, values, strict=True):
        assert mine.grad.dtype == torch.float32
        torch.testing.assert_close(mine.grad.double(), other.grad, rtol=1e-5, atol=1e-5)


def test_second_derivatives_are_refused():
    values, tags = case(None)
    loss = crf_loss(values[0], tags, LENGTHS, *values[1:]).sum()
    with pytest.raises(NotImplementedError, match="crf_loss has no second derivatives"):
        torch.autograd.grad(loss, values[1], create_graph=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tags": torch.zeros(6, 3, dtype=torch.int64)}, r"tags: expected whole numbers \[6, 4\], got int64 \[6, 3\]"),
        ({"tags": torch.zeros(6, 4)}, "tags: expected whole numbers"),
        ({"tags": torch.full((6, 4), 9)}, "sequence 0, step 0: tag 9, expected 0 to 8"),
        ({"tags": torch.full((6, 4), 2)}, "sequence 0 of the batch: its tags are out of order"),
        ({"lengths": torch.tensor([7, 1, 1, 1])}, "sequence 0 has length 7, expected 1 to 6"),
        ({"lengths": torch.tensor([6, 1, 1, 1])}, "sequence 0, step 5: the score of tag 0 is nan"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    values, tags = case(ORDERS["bioes"])
    given = {"tags": tags, "lengths": LENGTHS, **change}
    with pytest.raises(InputError, match=message):
        crf_loss(values[0], given["tags"], given["lengths"], *values[1:], ORDERS["bioes"])
