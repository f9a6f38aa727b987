"""The mixture head beside torch's distributions, Graves' own formula and finite differences; far away; in bits."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
import torch
from torch import distributions

from unrolled.networks.mixture_head import MixtureHead, MixtureHeadConfig
from unrolled.runtime.engine import KernelEngine
from unrolled.training.engine import NetworkOptions, TorchEngine

H = 4
KINDS = {
    "full": MixtureHeadConfig(values=3, components=4),
    "two values and a pen": MixtureHeadConfig(values=2, components=5, pen=True),
    "diagonal": MixtureHeadConfig(values=3, components=4, diagonal=True),
    "diagonal and a pen": MixtureHeadConfig(values=4, components=2, diagonal=True, pen=True),
    "one Gaussian of one value": MixtureHeadConfig(values=1, components=1),
}


def torch_head(config):
    torch.manual_seed(0)
    module = torch.nn.Module()
    return MixtureHead(TorchEngine(module, NetworkOptions()), config, H)


def runtime_head(config):
    dense = {
        "scores.weight": np.zeros((config.outputs, H), np.float32),
        "scores.bias": np.zeros(config.outputs, np.float32),
    }
    return MixtureHead(KernelEngine(dense), config, H)


def steps(config, seed=0):
    """Scores ``[U, N, O]`` and targets ``[U, N, C + 1]``, some of them an end."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(scale=2, size=(6, 2, config.outputs))
    target = rng.normal(size=(6, 2, config.width + 1))
    target[..., config.values :] = rng.integers(0, 2, target[..., config.values :].shape)
    target[target[..., -1] == 1, :-1] = 0
    return scores, target


def expected(config, scores, target):
    """By torch's distributions, row by row, from the layout of the scores as it is documented."""
    K, D = config.components, config.values
    found = np.empty(scores.shape[:-1])
    for at in np.ndindex(*found.shape):
        s, wanted = torch.from_numpy(scores[at]), torch.from_numpy(target[at])
        head, rest = s[: 1 + config.pen], s[1 + config.pen :]
        logits, means, diagonals, below = rest.split([K, K * D, K * D, K * config.below])
        end = distributions.Bernoulli(logits=10 * head[0])
        total = end.log_prob(wanted[-1])
        if not wanted[-1]:
            L = torch.diag_embed(torch.exp(math.log(100) * torch.tanh(diagonals.reshape(K, D) / math.log(100))))
            if config.below:
                rows, columns = torch.tril_indices(D, D, -1)
                L[:, rows, columns] = below.reshape(K, -1)
            gaussians = distributions.MultivariateNormal(means.reshape(K, D), precision_matrix=L.mT @ L)
            mixture = distributions.MixtureSameFamily(distributions.Categorical(logits=logits), gaussians)
            total = total + mixture.log_prob(wanted[:D])
            if config.pen:
                total = total + distributions.Bernoulli(logits=10 * head[1]).log_prob(wanted[D])
        found[at] = total
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_likelihood_is_that_of_torchs_distributions(kind):
    scores, target = steps(KINDS[kind])
    wanted = expected(KINDS[kind], scores, target)
    np.testing.assert_allclose(runtime_head(KINDS[kind]).log_p(scores, target), wanted, rtol=1e-9, atol=1e-12)
    by_torch = torch_head(KINDS[kind]).log_p(torch.from_numpy(scores), target).detach()
    np.testing.assert_allclose(by_torch, wanted, rtol=1e-9, atol=1e-12)


def test_two_values_are_the_bivariate_gaussian_of_graves():
    config, (x, y) = MixtureHeadConfig(values=2, components=1), (0.3, -1.2)
    scores = np.array([-5.0, 0.0, 0.7, -0.4, 0.2, -0.5, 0.8])  # end, weight, means, the triangle's diagonal, below it
    L = np.array([[np.exp(0.2), 0], [0.8, np.exp(-0.5)]])
    covariance = np.linalg.inv(L.T @ L)
    s1, s2 = np.sqrt(np.diag(covariance))
    rho = covariance[0, 1] / (s1 * s2)
    a, b = (x - 0.7) / s1, (y + 0.4) / s2
    z = a**2 + b**2 - 2 * rho * a * b
    wanted = -z / (2 * (1 - rho**2)) - np.log(2 * np.pi * s1 * s2 * np.sqrt(1 - rho**2))
    bounded = math.log(100) * np.arctanh(np.array([0.2, -0.5]) / math.log(100))
    scores[4:6] = bounded
    found = runtime_head(config).log_p(scores, np.array([x, y, 0.0]))
    assert found == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind):
    (scores, target), head = steps(KINDS[kind]), torch_head(KINDS[kind])
    at = torch.from_numpy(scores[:3, :1]).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: head.log_p(s, target[:3, :1]), at)


def test_a_density_integrates_to_one():
    config = MixtureHeadConfig(values=2, components=3, pen=True)
    scores = 0.7 * np.random.default_rng(3).normal(size=config.outputs) * np.r_[0.1, 0.1, np.ones(config.outputs - 2)]
    grid = np.linspace(-25, 25, 401)
    x = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    whole = 0.0
    for pen in (0, 1):
        target = np.concatenate([x, np.full((len(x), 1), pen), np.zeros((len(x), 1))], axis=1)
        log_p = runtime_head(config).log_p(np.broadcast_to(scores, (len(x), config.outputs)), target)
        whole += np.exp(log_p).sum() * (grid[1] - grid[0]) ** 2
    end = runtime_head(config).log_p(scores, np.array([0, 0, 0, 1.0]))
    assert whole + np.exp(end) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_far_away_points_and_extreme_scores_have_finite_gradients(kind):
    config = KINDS[kind]
    rng = np.random.default_rng(0)
    for scale, far in ((1.0, 1e6), (300.0, 1.0), (300.0, 1e6), (0.0, 1e9)):
        scores = torch.from_numpy((scale * rng.normal(size=(3, 2, config.outputs))).astype(np.float32)).requires_grad_()
        target = np.zeros((3, 2, config.width + 1), np.float32)
        target[..., : config.values] = far
        log_p = torch_head(config).log_p(scores, target)
        assert torch.isfinite(log_p).all()
        log_p.sum().backward()
        assert torch.isfinite(scores.grad).all()


def test_a_point_far_away_is_pulled_to_by_the_nearest_component():
    config = MixtureHeadConfig(values=1, components=2)
    scores = torch.tensor([0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0], requires_grad=True)  # means at -1 and 1
    torch_head(config).log_p(scores, np.array([40.0, 0.0], np.float32)).backward()
    pull = scores.grad[3:5]
    assert pull[1].item() == pytest.approx(39.0, rel=1e-4)
    assert abs(pull[0].item()) < 1e-20


def test_a_deviation_is_at_least_a_hundredth():
    config = MixtureHeadConfig(values=1, components=1)
    scores = np.array([-5.0, 0.0, 0.0, 1e4])
    at_most = np.log(100 / np.sqrt(2 * np.pi))
    assert runtime_head(config).log_p(scores, np.zeros(2)) == pytest.approx(at_most)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_the_same_bits_alone_and_beside_others(kind):
    config, head = KINDS[kind], runtime_head(KINDS[kind])
    scores, target = steps(config)
    together = head.log_p(scores.astype(np.float32), target)
    for u, n in np.ndindex(*together.shape):
        alone = head.log_p(scores[u : u + 1, n : n + 1].astype(np.float32), target[u : u + 1, n : n + 1])
        assert alone[0, 0] == together[u, n]


@pytest.mark.parametrize("given", [{"values": 0, "components": 1}, {"values": 1, "components": 0}])
def test_sizes_from_a_file_are_checked(given):
    with pytest.raises(msgspec.ValidationError, match=">= 1"):
        msgspec.convert({"type": "mixture", **given}, MixtureHeadConfig)


def test_what_is_read_and_said_of_a_piece():
    config = MixtureHeadConfig(values=2, components=1, pen=True)
    piece = np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 1.0]])
    assert config.first(2).tolist() == [[0.0] * 3] * 2
    assert config.ending(piece).tolist() == [[1, 2, 0, 0], [3, 4, 1, 0], [0, 0, 0, 1]]
    assert config.targets(piece).tolist() == [[1, 2, 0, 0], [3, 4, 1, 0]]
