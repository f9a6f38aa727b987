"""Alignment of pairs and n-grams of their pieces: beside sums over all ways to cut a pair, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.errors import InputError
from unrolled.statistical import joint_ngrams, pair_alignment
from unrolled.statistical.joint_ngrams import LEAST, JointNGrams
from unrolled.statistical.ngrams import BEFORE
from unrolled.statistical.pair_alignment import SIZES, Pieces, align

BASES = (4, 3)


def all_cuts(x, y):
    """Every way to cut a pair, as tuples of pieces."""
    if not len(x) and not len(y):
        yield ()
    for a, b in SIZES:
        if a <= len(x) and b <= len(y):
            head = (tuple(x[:a]), tuple(y[:b]))
            for rest in all_cuts(x[a:], y[b:]):
                yield (head, *rest)


def random_pairs(count, seed=0, longest=5):
    rng = np.random.default_rng(seed)
    return [
        (rng.integers(0, BASES[0], rng.integers(1, longest)), rng.integers(0, BASES[1], rng.integers(0, longest)))
        for _ in range(count)
    ]


def as_piece(tokens):
    a, b, c, d = tokens.tolist()
    return tuple(each for each in (a, b) if each >= 0), tuple(each for each in (c, d) if each >= 0)


def by_hand(pairs, rounds):
    """Expectation-maximisation that goes through all cuts of all pairs."""
    cuts = [list(all_cuts(x.tolist(), y.tolist())) for x, y in pairs]
    cells = {
        (tuple(x[i : i + a].tolist()), tuple(y[j : j + b].tolist()))
        for own, (x, y) in zip(cuts, pairs, strict=True)
        for a, b in SIZES
        for i in range(len(x) - a + 1)
        for j in range(len(y) - b + 1)
        if own
    }
    p = dict.fromkeys(cells, 1 / len(cells))
    for _ in range(rounds):
        counts = dict.fromkeys(p, 0.0)
        for own in cuts:
            likely = [np.prod([p[piece] for piece in cut]) for cut in own]
            for cut, value in zip(own, likely, strict=True):
                for piece in cut:
                    counts[piece] += value / sum(likely)
        p = {piece: count / sum(counts.values()) for piece, count in counts.items()}
    return cuts, p


def test_cuts_are_those_of_all_ways_counted_one_by_one():
    pairs = random_pairs(60)
    pieces, found = align(pairs, BASES, rounds=4)
    cuts, p = by_hand(pairs, 4)
    for n, own in enumerate(cuts):
        if not own:
            assert found[n] is None
            continue
        cut = tuple(as_piece(pieces.tokens[place]) for place in found[n])
        likely = {each: np.prod([p[piece] for piece in each]) for each in own}
        assert likely[cut] == pytest.approx(max(likely.values()), rel=1e-9)


def test_each_round_raises_the_likelihood_of_the_pairs():
    pairs, told = random_pairs(60), []
    align(pairs, BASES, rounds=6, report=lambda done, loss: told.append((done, loss)))
    assert [done for done, _ in told] == [1, 2, 3, 4, 5, 6]
    assert (np.diff([loss for _, loss in told]) < 0).all()
    cuts, p = by_hand(pairs, 3)
    likely = [sum(np.prod([p[piece] for piece in cut]) for cut in own) for own in cuts if own]
    assert told[3][1] == pytest.approx(-np.mean(np.log(likely)), rel=1e-9)


def test_long_pairs_do_not_underflow():
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 30, 200) for _ in range(2)]
    pieces, cut = align([(each, each % 7) for each in x], (30, 7))
    assert [sum(pieces.tokens[own][:, :2].ravel() >= 0) for own in cut] == [200] * 2


def test_groups_that_are_summed_in_parts_give_the_same_cuts(monkeypatch):
    pairs = [(x, x[x != 3]) for x, _ in random_pairs(40)]  # 3 is silent: no two ways are as probable
    whole = align(pairs, BASES)
    monkeypatch.setattr(pair_alignment, "AT_ONCE", 40)
    parts = align(pairs, BASES)
    assert np.array_equal(whole[0].tokens, parts[0].tokens)
    assert all(np.array_equal(a, b) for a, b in zip(whole[1], parts[1], strict=True))


def test_what_cannot_be_cut():
    pieces, cut = align([(np.array([0]), np.array([0, 0, 0])), (np.array([], int), np.array([1]))], BASES)
    assert cut == [None, None]
    assert not len(pieces.tokens)


@pytest.fixture
def model():
    return JointNGrams.fit(random_pairs(80), BASES, order=3)


def likelihood(model, x, y):
    """The sum over all ways to cut a pair, one by one."""
    places = {as_piece(tokens): n + 1 for n, tokens in enumerate(model.pieces.tokens)}
    total = 0.0
    for cut in all_cuts(x.tolist(), y.tolist()):
        before, log_p = [BEFORE, BEFORE], 0.0
        for source, target in cut:
            piece = places.get((source, target), 0)
            if not piece:
                if len(source) == 2 or len(target) == 2:
                    log_p = -np.inf
                    break
                log_p -= len(target) * np.log(BASES[1])
            log_p += model.ngrams.log_p(np.array([before]), np.array([piece]))[0]
            before = [before[1], piece]
        else:
            log_p += model.ngrams.log_p(np.array([before]), np.array([len(places) + 1]))[0]
        total += np.exp(log_p)
    return total


def test_probability_of_a_pair_is_the_sum_over_all_ways_to_cut_it(model, monkeypatch):
    monkeypatch.setattr(joint_ngrams, "WAYS", 10_000)
    pairs = random_pairs(50, seed=1)
    found = model.log_p([x for x, _ in pairs], [y for _, y in pairs])
    assert (found == LEAST).any()
    for (x, y), own in zip(pairs, found, strict=True):
        expected = likelihood(model, x, y)
        assert own == (LEAST if not expected else pytest.approx(np.log(expected), rel=1e-9))


def test_few_ways_come_near_to_all(model):
    pairs = [pair for pair in random_pairs(50, seed=2) if len(pair[1]) <= 2 * len(pair[0])]
    found = model.log_p([x for x, _ in pairs], [y for _, y in pairs])
    every = np.array([likelihood(model, *pair) for pair in pairs])
    found, expected = found[every > 0], np.log(every[every > 0])
    assert (found <= expected + 1e-9).all()
    assert np.median(expected - found) < 0.05


def test_search_finds_the_targets_of_the_best_ways(model):
    for x, _ in random_pairs(20, seed=3, longest=4):
        found = model.search([x], width=10_000, n_best=3)[0]
        ways = {}
        for pieces in paths(model, x):
            y = tuple(token for piece in pieces for token in model.pieces.tokens[piece - 1, 2:] if piece and token >= 0)
            ways[y] = max(ways.get(y, -np.inf), path_log_p(model, pieces))
        best = sorted(ways, key=lambda y: -ways[y])[:3]
        assert [ways[tuple(y.tolist())] for y in found] == pytest.approx([ways[y] for y in best], rel=1e-12)


def paths(model, x):
    """All ways to go through a source, as places of pieces."""
    if not len(x):
        yield []
        return
    tokens = model.pieces.tokens
    one = np.flatnonzero((tokens[:, 0] == x[0]) & (tokens[:, 1] < 0)) + 1
    for piece in one if len(one) else [0]:
        yield from ([int(piece), *rest] for rest in paths(model, x[1:]))
    if len(x) > 1:
        for piece in np.flatnonzero((tokens[:, 0] == x[0]) & (tokens[:, 1] == x[1])) + 1:
            yield from ([int(piece), *rest] for rest in paths(model, x[2:]))


def path_log_p(model, pieces):
    whole = np.array([BEFORE, BEFORE, *pieces, model.ngrams.tokens - 1])
    windows = np.lib.stride_tricks.sliding_window_view(whole, 3)
    return model.ngrams.log_p(windows[:, :2], windows[:, 2]).sum()


def test_tokens_that_were_never_seen_are_passed_over():
    pairs = [(np.array([0, 1]), np.array([0, 1])), (np.array([1, 0]), np.array([1, 0]))] * 5
    model = JointNGrams.fit(pairs, BASES, order=2)
    assert model.search([np.array([0, 3, 1])], width=4, n_best=1)[0][0].tolist() == [0, 1]
    log_p = model.log_p([np.array([0, 3, 1])] * 2, [np.array([0, 1]), np.array([1, 1])])
    assert LEAST < log_p[1] < log_p[0] < 0


def test_a_pair_has_the_same_bits_alone_and_beside_others(model):
    pairs = random_pairs(30, seed=4)
    sources = [x for x, _ in pairs]
    together = model.log_p(sources, [y for _, y in pairs])
    alone = [model.log_p([x], [y])[0] for x, y in pairs]
    assert np.array_equal(together, alone)
    found = model.search(sources, width=6, n_best=4)
    for x, own in zip(sources, found, strict=True):
        assert [y.tolist() for y in model.search([x], width=6, n_best=4)[0]] == [y.tolist() for y in own]


def test_arrays_restore_the_model(model):
    arrays = model.arrays()
    shapes = JointNGrams.shapes(len(model.pieces.keys), model.ngrams.sizes)
    assert {name: (array.shape, array.dtype.type) for name, array in arrays.items()} == shapes
    other = JointNGrams.from_arrays(arrays, BASES)
    x, y = zip(*random_pairs(20, seed=5), strict=True)
    assert np.array_equal(model.log_p(x, y), other.log_p(x, y))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda pieces: pieces[::-1], "not in ascending order"),
        (lambda pieces: pieces + BASES[0], "hold what is no piece"),
        (lambda pieces: np.where(pieces == 0, -2, pieces), "hold what is no piece"),
        (lambda pieces: pieces[:, [2, 3, 0, 1]], "hold what is no piece"),
    ],
)
def test_arrays_that_are_none_of_such_a_model(model, change, message):
    arrays = {**model.arrays(), "pieces": change(model.arrays()["pieces"])}
    with pytest.raises(InputError, match=message):
        JointNGrams.from_arrays(arrays, BASES)


def test_nothing_can_be_learned_where_no_pair_can_be_cut():
    with pytest.raises(InputError, match="at most two tokens for each token of its source"):
        JointNGrams.fit([(np.array([0]), np.array([0, 1, 0]))], BASES, order=2)


def test_keys_name_one_piece_each():
    tokens = np.array(
        [(a, b, c, d) for a in range(4) for b in range(-1, 4) for c in range(-1, 3) for d in range(-1, 3)]
    )
    pieces = Pieces.of(tokens, BASES)
    assert len(set(pieces.keys.tolist())) == len(tokens)
    assert (np.diff(pieces.keys) > 0).all()
