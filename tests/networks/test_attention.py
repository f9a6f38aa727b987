"""Each kind of attention beside its formula in plain NumPy, row by row; gradients beside finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.errors import InputError
from unrolled.networks.attention import Attention, AttentionConfig
from unrolled.networks.parameters import Declaration
from unrolled.runtime.engine import KernelEngine
from unrolled.training.engine import NetworkOptions, TorchEngine

S, H, A = 3, 4, 6
SCORES = {
    "additive": {"size": A}, "dot": {}, "general": {}, "concat": {"size": A}, "multi_head": {"size": A, "heads": 2},
}  # fmt: skip
REACHES = {"global": {}, "local_m": {"window": 2}, "local_p": {"window": 2}}
KINDS = {
    f"{score} {reach}": AttentionConfig(score=score, reach=reach, **own, **within)
    for score, own in SCORES.items()
    for reach, within in REACHES.items()
}
KINDS["one head"] = AttentionConfig("multi_head", size=A)
KINDS |= {
    f"{score} {reach} coverage": AttentionConfig(
        score=score, reach=reach, coverage=True, **SCORES[score], **REACHES[reach]
    )
    for score in ("additive", "concat")
    for reach in REACHES
}
U, LENGTHS = 4, np.array([7, 1, 3])


def asking(config):
    return H if config.score == "dot" else S


def tensors_for(config, seed=0):
    rng, declaration = np.random.default_rng(seed), Declaration()
    Attention(declaration, config, asking(config), H)
    return {name: rng.normal(size=shape) for name, (shape, _) in declaration.parameters.items()}


def inputs_for(config, seed=1):
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(LENGTHS.max(), len(LENGTHS), H))
    h[np.arange(len(h))[:, None] >= LENGTHS] = 0
    return rng.normal(size=(U, len(LENGTHS), asking(config))), h


def softmax(e):
    return np.exp(e - e.max()) / np.exp(e - e.max()).sum()


def formula(config, p, s, h):
    """Contexts and weights of one row: ``s [U, S]`` asks ``h [T, H]``, as the papers write it."""
    T, contexts, shares = len(h), [], []
    before = np.zeros(T)
    for u, asked in enumerate(s, 1):
        near, factor = np.ones(T, bool), np.ones(T)
        if config.reach == "local_m":
            near = np.array([abs(j - min(u, T)) <= config.window for j in range(1, T + 1)])
        if config.reach == "local_p":
            middle = T / (1 + np.exp(-p["position"][0] @ np.tanh(p["predicting.weight"] @ asked)))
            near = np.array([abs(j - middle) <= config.window for j in range(1, T + 1)])
            sigma = config.window / 2
            factor = np.array([np.exp(-((j - middle) ** 2) / (2 * sigma**2)) for j in range(1, T + 1)])
        if config.score == "multi_head":
            d, heads, read = A // config.heads, [], []
            for k in range(config.heads):
                part = slice(k * d, (k + 1) * d)
                q, key, value = p["query.weight"][part], p["key.weight"][part], p["value.weight"][part]
                e = np.array([(q @ asked) @ (key @ each) / np.sqrt(d) for each in h])
                e[~near] = -np.inf
                heads.append(softmax(e) * factor)
                read.append(heads[-1] @ np.array([value @ each for each in h]))
            context, a = p["output.weight"] @ np.concatenate(read), np.mean(heads, axis=0)
        else:
            e = np.array([score(config, p, asked, each, seen) for each, seen in zip(h, before, strict=True)])
            e[~near] = -np.inf
            a = softmax(e) * factor
            context = a @ h
        before = before + a
        contexts.append(context)
        shares.append(a)
    return np.array(contexts), np.array(shares)


def score(config, p, s, h, seen):
    if config.score == "dot":
        return s @ h
    if config.score == "general":
        return s @ p["key.weight"] @ h
    covered = p["coverage"] * seen if config.coverage else 0
    if config.score == "additive":
        return p["score"][0] @ np.tanh(p["query.weight"] @ s + p["query.bias"] + p["key.weight"] @ h + covered)
    whole = np.concatenate([p["query.weight"], p["key.weight"]], axis=1)
    return p["score"][0] @ np.tanh(whole @ np.concatenate([s, h]) + covered)


@pytest.mark.parametrize("kind", KINDS)
def test_the_runtime_computes_the_formula(kind):
    config = KINDS[kind]
    tensors, (s, h) = tensors_for(config), inputs_for(config)
    attention = Attention(KernelEngine(tensors), config, asking(config), H)
    found = attention(s, attention.read(h, LENGTHS))
    for n, T in enumerate(LENGTHS):
        context, weights = formula(config, tensors, s[:, n], h[:T, n])
        np.testing.assert_allclose(found.context[:, n], context, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(found.weights[:, n, :T], weights, rtol=1e-10, atol=1e-12)
        assert (found.weights[:, n, T:] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_weights_sum_to_one_and_are_zero_outside_the_window(kind):
    config = KINDS[kind]
    s, h = inputs_for(config)
    attention = Attention(KernelEngine(tensors_for(config)), config, asking(config), H)
    weights = attention(s, attention.read(h, LENGTHS)).weights
    assert (weights >= 0).all()
    if config.reach == "local_p":
        assert (weights.sum(2) > 0).all()
        assert (weights.sum(2) <= 1).all()
        assert ((weights > 0).sum(2) <= 2 * config.window + 1).all()
    else:
        np.testing.assert_allclose(weights.sum(2), 1, rtol=1e-12)
    if config.reach == "local_m":
        assert (weights[0, 0, :3] > 0).all()  # position 1 reaches to 3
        assert (weights[0, 0, 3:] == 0).all()
        assert (weights[3, 0, 1:6] > 0).all()  # position 4 from 2 to 6
        assert (weights[3, 0, [0, 6]] == 0).all()
        assert (weights[:, 1, 0] == 1).all()  # positions past the source's end are its last


def module_for(config, *, double):
    torch.manual_seed(0)
    module = torch.nn.Module()
    attention = Attention(TorchEngine(module, NetworkOptions()), config, asking(config), H)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    return (module.double() if double else module), attention


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind):
    config = KINDS[kind]
    module, attention = module_for(config, double=True)
    s, h = (torch.from_numpy(each).requires_grad_() for each in inputs_for(config))

    def read(s, h, *_):
        found = attention(s, attention.read(h, LENGTHS))
        return found.context, found.weights

    assert torch.autograd.gradcheck(read, (s, h, *module.parameters()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_the_same_bits_alone_and_beside_others_and_step_by_step(kind):
    config = KINDS[kind]
    tensors = {name: t.astype(np.float32) for name, t in tensors_for(config).items()}
    attention = Attention(KernelEngine(tensors), config, asking(config), H)
    s, h = (each.astype(np.float32) for each in inputs_for(config))
    memory = attention.read(h, LENGTHS)
    together = attention(s, memory)
    for n, T in enumerate(LENGTHS):
        alone = attention(s[:, n : n + 1], attention.read(h[:T, n : n + 1], LENGTHS[n : n + 1]))
        np.testing.assert_array_equal(alone.context[:, 0], together.context[:, n])
        np.testing.assert_array_equal(alone.weights[:, 0], together.weights[:, n, :T])
    rows = np.array([2, 0, 0, 1])  # as a beam search has them
    covered = None
    for u in range(U):
        step = attention(s[u : u + 1][:, rows], memory, first=u, rows=rows, covered=covered)
        covered = step.covered
        np.testing.assert_array_equal(step.context[0], together.context[u, rows])
        np.testing.assert_array_equal(step.weights[0], together.weights[u, rows])


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_torch_reads_the_rows_of_a_beam_search(kind):
    config = KINDS[kind]
    _, attention = module_for(config, double=True)
    s, h = map(torch.from_numpy, inputs_for(config))
    memory, rows = attention.read(h, LENGTHS), np.array([2, 0, 0, 1])
    together, beam = attention(s, memory), attention(s[:, rows], memory, rows=rows)
    torch.testing.assert_close(beam.context, together.context[:, rows])
    torch.testing.assert_close(beam.weights, together.weights[:, rows])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"score": "additive"}, "size is 0, expected at least 1"),
        ({"score": "dot", "size": 3}, "size is 3, expected 0"),
        ({"score": "dot", "reach": "local_m"}, "window is 0, expected at least 1"),
        ({"score": "dot", "window": 3}, "window is 3, expected 0"),
        ({"score": "multi_head", "size": 6, "heads": 4}, "heads is 4"),
        ({"score": "additive", "size": 6, "heads": 2}, "heads is 2"),
        ({"score": "dot", "coverage": True}, "coverage"),
    ],
)
def test_what_does_not_belong_together(given, message):
    with pytest.raises(InputError, match=message):
        AttentionConfig(**given)


def test_dot_needs_one_size():
    with pytest.raises(InputError, match="vectors of one size, got 3 of the decoder and 4"):
        Attention(Declaration(), AttentionConfig("dot"), 3, 4)


def learned(config):
    """The most numbers of an array kept for gradients; the weights of attention; gradients of its inputs and parameters."""
    module, kept = torch.nn.Module(), []
    attention = Attention(TorchEngine(module, NetworkOptions()), config, S, H)
    module.double().load_state_dict({name: torch.from_numpy(each) for name, each in tensors_for(config).items()})
    s, h = (torch.from_numpy(each).requires_grad_() for each in inputs_for(config))

    def keep(array):
        kept.append(array.numel())
        return array

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda array: array):
        read = attention(s, attention.read(h, LENGTHS))
    read.context.square().sum().backward()
    gradients = [s.grad, h.grad, *(each.grad for _, each in sorted(module.named_parameters()))]
    return max(kept), read.weights.detach(), gradients


@pytest.mark.parametrize("score", ["additive", "concat"])
def test_what_is_compared_is_not_kept_for_the_gradients(score):
    """Memory does not grow with the product of both sequences' steps and the size."""
    config, compared = AttentionConfig(score, size=A), U * len(LENGTHS) * int(LENGTHS.max()) * A
    most, weights, _ = learned(config)
    assert most <= compared / 2
    exact, (s, h) = Attention(KernelEngine(tensors_for(config)), config, S, H), inputs_for(config)
    np.testing.assert_allclose(exact(s, exact.read(h, LENGTHS)).weights, weights.numpy(), rtol=1e-9)
