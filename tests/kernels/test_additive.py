"""Additive attention's comparison, the softmax and its logarithm against their equations; rows have the same bits anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.kernels import arrays
from unrolled.kernels.additive import additive

SIZES = [(3, 2, 5, 7), (1, 4, 3, 33), (4, 1, 6, 16)]  # U, N, T, A


def case(U, N, T, A, dtype="float64"):
    rng = np.random.default_rng(0)
    vector, query, keys = (rng.normal(size=size).astype(dtype) for size in ((A,), (U, N, A), (T, N, A)))
    return vector, query, keys, rng.integers(1, T + 1, size=N)


def by_the_equation(vector, query, keys, lengths):
    scores = np.tanh(query[:, :, None].astype(np.float64) + keys.swapaxes(0, 1)) @ vector
    return np.where(np.arange(len(keys)) < lengths[:, None], scores, 0)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 1e-6)])
@pytest.mark.parametrize("sizes", SIZES)
def test_scores_are_those_of_the_equation(sizes, dtype, tolerance):
    given = case(*sizes, dtype)
    found = additive(*given)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, by_the_equation(*given), rtol=0, atol=tolerance * sizes[-1])


def test_rows_have_the_bits_that_they_have_alone(monkeypatch):
    vector, query, keys, lengths = case(3, 4, 6, 33, "float32")
    rows = np.array([2, 2, 0, 3])
    found = additive(vector, query, keys, lengths, rows)
    monkeypatch.setenv("UNROLLED_NUM_THREADS", "3")
    np.testing.assert_array_equal(additive(vector, query, keys, lengths, rows), found)
    for n, source in enumerate(rows):
        T = lengths[source]
        own = np.ascontiguousarray(keys[:T, source : source + 1])
        alone = additive(vector, np.ascontiguousarray(query[:, n : n + 1]), own, lengths[source : source + 1])
        np.testing.assert_array_equal(found[:, n, :T], alone[:, 0])
        assert not found[:, n, T:].any()


@pytest.mark.parametrize("sizes", SIZES)
def test_gradients_are_those_of_torch(sizes):
    torch = pytest.importorskip("torch")
    learned = pytest.importorskip("unrolled.nn.additive")
    vector, query, keys, lengths = case(*sizes)
    inside = torch.from_numpy(np.arange(len(keys)) < lengths[:, None])
    weights = torch.from_numpy(np.random.default_rng(1).normal(size=(*query.shape[:2], len(keys))))

    def gradients(compare):
        leaves = [torch.from_numpy(each).requires_grad_() for each in (vector, query, keys)]
        (compare(*leaves) * weights).sum().backward()
        return [leaf.grad for leaf in leaves]

    def plain(v, q, k):
        return (torch.tanh(q[:, :, None] + k.transpose(0, 1)) @ v).where(inside, 0)

    found = gradients(lambda v, q, k: learned.additive(v, q, k, lengths))
    for own, other in zip(found, gradients(plain), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-12, atol=1e-12)


def test_gradients_of_rows_that_share_a_source():
    torch = pytest.importorskip("torch")
    learned = pytest.importorskip("unrolled.nn.additive")
    vector, query, keys, lengths = case(2, 3, 4, 5)
    rows = np.array([0, 2, 2])
    v, q, k = (torch.from_numpy(each).requires_grad_() for each in (vector, query, keys))
    found = learned.additive(v, q, k, lengths, rows)
    np.testing.assert_array_equal(found.detach(), additive(vector, query, keys, lengths, rows))
    assert torch.autograd.gradcheck(lambda *leaves: learned.additive(*leaves, lengths, rows), (v, q, k))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"query": np.zeros((1, 2, 4))}, "do not fit a vector"),
        ({"keys": np.zeros((4, 2, 3), np.float32)}, "keys has dtype float32"),
        ({"lengths": np.array([1, 5])}, "lengths has shape .* from 0 to 4"),
        ({"lengths": np.array([1])}, "lengths has shape"),
        ({"rows": np.array([0, 2])}, "rows has shape .* from 0 to 1"),
        ({"rows": np.array([0, -1])}, "rows has shape"),
        ({"query": np.zeros((1, 5, 3))}, "5 rows ask 2 sources"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    given = {"vector": np.zeros(3), "query": np.zeros((1, 2, 3)), "keys": np.zeros((4, 2, 3)), "lengths": [4, 4]}
    with pytest.raises(InputError, match=message):
        additive(**given | changed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("K", [1, 2, 15, 16, 17, 100, 1001])
def test_log_softmax(K, dtype):
    torch = pytest.importorskip("torch")
    x = (10 * np.random.default_rng(K).normal(size=(3, 2, K))).astype(dtype)
    found = arrays.log_softmax(x)
    expected = torch.log_softmax(torch.from_numpy(x).double(), -1).numpy()
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_array_equal(arrays.log_softmax(x[1, 1]), found[1, 1])


def test_log_softmax_of_extremes():
    np.testing.assert_array_equal(arrays.log_softmax(np.array([0.0, -np.inf, 1e308])), [-1e308, -np.inf, 0])
    assert np.isnan(arrays.log_softmax(np.array([np.nan, 0.0, 1.0]))).all()
    assert np.isnan(arrays.log_softmax(np.array([0.0, 1.0, np.nan]))).all()
    assert arrays.log_softmax(np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(InputError, match="at least one number"):
        arrays.log_softmax(np.zeros((2, 0)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("K", [1, 2, 15, 16, 17, 100])
def test_softmax(K, dtype):
    torch = pytest.importorskip("torch")
    x = (10 * np.random.default_rng(K).normal(size=(3, 2, K))).astype(dtype)
    found = arrays.softmax(x)
    share = arrays.elementary("exp", x - x.max(-1, keepdims=True))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, share / np.add.accumulate(share, axis=-1)[..., -1:])
    np.testing.assert_allclose(found, torch.softmax(torch.from_numpy(x), -1), rtol=1e-5)
    assert np.isnan(arrays.softmax(np.array([0.0, np.nan]))).all()
    with pytest.raises(InputError, match="at least one number"):
        arrays.softmax(x[..., :0])
