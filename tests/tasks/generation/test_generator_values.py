"""A generator of strokes, of other numbers and of recordings: likelihoods in the data's units, draws, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import distributions

import unrolled
from unrolled import SequenceGenerator
from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.strokes import offsets_of, positions_of
from unrolled.data.wav import Waveform
from unrolled.errors import InputError

QUICK = {
    "hidden_size": 12,
    "max_epochs": 3,
    "learning_rate": 0.02,
    "batch_size": 16,
    "random_state": 0,
    "components": 3,
    "validation_fraction": 0.1,
}
RATE = 8000


def drawings(count=60, seed=0):
    """Lines and rings as positions, what they are."""
    rng, found, kinds = np.random.default_rng(seed), [], ["line", "ring"] * (count // 2)
    for kind in kinds:
        n = rng.integers(6, 10)
        a = np.linspace(0, 2 * np.pi if kind == "ring" else 1, n)
        p = np.stack([np.cos(a), np.sin(a)], 1) * 10 if kind == "ring" else np.stack([a * 20, 0 * a], 1)
        found.append(np.column_stack([p + 40 + 0.3 * rng.normal(size=(n, 2)), np.arange(n) == n - 1]))
    return found, kinds


def tones(count=24, seed=0):
    """Low and high tones, and which."""
    rng, kinds = np.random.default_rng(seed), ["low", "high"] * (count // 2)
    found = []
    for kind in kinds:
        hertz = (400 if kind == "low" else 1500) * (1 + 0.02 * rng.normal())
        t = np.arange(int(rng.integers(1200, 1800))) / RATE
        samples = 0.3 * np.sin(2 * np.pi * hertz * t) + 0.003 * rng.normal(size=len(t))
        found.append(Waveform(samples.astype(np.float32), RATE))
    return found, kinds


@pytest.fixture(scope="module")
def strokes():
    X, y = drawings()
    return SequenceGenerator(**QUICK, positions=True, members=2).fit(X, y)


@pytest.fixture(scope="module")
def sounds():
    return SequenceGenerator(**QUICK, steps_at_once=2).fit(*tones())


def test_what_the_data_are_is_told_from_them(strokes, sounds):
    assert (strokes.step_kind_, strokes.item_kind_) == ("strokes", "numbers")
    assert (sounds.step_kind_, sounds.item_kind_) == ("values", "audio")
    assert strokes.inferred_[0].startswith("strokes of a pen, positions; learned from 54 pieces: ")
    assert sounds.inferred_[0].startswith("20 mfcc features a step, 2 steps at once; learned from 22 pieces: ")
    assert sorted(strokes.classes_.tolist()) == ["line", "ring"]
    assert "pieces of strokes" in repr(strokes)


@pytest.mark.parametrize("of_notes", [False, True])
def test_no_piece_is_empty_however_little_was_learned(of_notes):
    rng = np.random.default_rng(0)
    X = [rng.integers(0, 2, (1, 12)) if of_notes else rng.normal(size=(1, 2)) for _ in range(12)]
    given = {"within_frame": "independent"} if of_notes else {"components": 2}
    model = SequenceGenerator(hidden_size=2, max_epochs=1, learning_rate=1e-6, random_state=0, **given).fit(X)
    drawn = model.draw(200, seed=0)
    assert min(len(each.piece) for each in drawn) == 1
    told = model.log_likelihoods([each.piece for each in drawn])
    ended = [each.finished for each in drawn]
    assert any(ended)
    expected = [own.sum() if end else own[:-1].sum() for own, end in zip(told, ended, strict=True)]
    assert [each.log_p for each in drawn] == pytest.approx(expected, abs=1e-4)
    assert not all(map(len, model.generate(200, prompt=X[0], seed=0)))  # after a beginning it may end at once


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_likelihoods_are_densities_in_the_units_of_the_data(covariance):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) * [100, 0.01] + [5, 3] for n in rng.integers(2, 6, 30)]
    model = SequenceGenerator(**QUICK, covariance=covariance).fit(X)
    own, far = (
        SequenceGenerator(**QUICK, covariance=covariance).fit([(each - 7) * factor for each in X])
        for factor in (1, 1000)
    )
    for piece, a, b in zip(
        X, own.log_likelihoods([e - 7 for e in X]), far.log_likelihoods([(e - 7) * 1000 for e in X]), strict=True
    ):
        np.testing.assert_allclose(a[:-1] - b[:-1], 2 * np.log(1000), rtol=1e-3, atol=2e-3)
        assert a[-1] == pytest.approx(b[-1], abs=2e-3)
        assert len(a) == len(piece) + 1
    codec, head = model._config.said.codec, model.model_.networks[0].head
    piece = X[0]
    scores, _ = model.model_.networks[0](np.concatenate([head.config.first(1), codec.encode(piece)])[:, None])
    found = head.mixture(scores[0, 0].astype(float))
    L = torch.diag_embed(torch.from_numpy(np.exp(found.log_diagonals)))
    if covariance == "full":
        L[:, 1, 0] = torch.from_numpy(found.below[:, 0])
    gaussians = distributions.MultivariateNormal(torch.from_numpy(found.means), precision_matrix=L.mT @ L)
    mixture = distributions.MixtureSameFamily(
        distributions.Categorical(logits=torch.from_numpy(found.weights)), gaussians
    )
    z = torch.from_numpy((piece[0] - [c.mean for c in codec.columns]) / [c.deviation for c in codec.columns])
    density = mixture.log_prob(z) - sum(np.log(c.deviation) for c in codec.columns)
    before_end = distributions.Bernoulli(logits=torch.tensor(float(found.end))).log_prob(torch.tensor(0.0))
    assert model.log_likelihoods([piece])[0][0] == pytest.approx((density + before_end).item(), abs=1e-4)
    nats = -np.concatenate(model.log_likelihoods(X)).mean()
    assert model.evaluate(X) == {"nats_per_step": pytest.approx(nats)}
    assert model.score(X) == pytest.approx(-nats)


def test_positions_and_offsets_are_the_same_strokes():
    X, y = drawings(20)
    start = np.mean([piece[0, :2] for piece in X], axis=0)
    moved, options = [offsets_of(piece, start) for piece in X], QUICK | {"validation_fraction": 0.0}
    of_positions = SequenceGenerator(**options, positions=True).fit(X, y)
    of_offsets = SequenceGenerator(**options).fit(moved, y)
    drawn = of_positions.generate(condition=["line", "ring"] * 4, seed=3)
    ways = of_offsets.generate(condition=["line", "ring"] * 4, seed=3)
    assert max(map(len, drawn)) > 1
    for points, offsets in zip(drawn, ways, strict=True):
        np.testing.assert_allclose(points, positions_of(offsets, start), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(of_positions.score(X, y), of_offsets.score(moved, y), rtol=1e-6)


def test_a_draw_is_as_probable_as_it_says_and_the_mixture_is_that_of_all_networks(strokes):
    found = strokes.draw(condition=["ring"] * 8, seed=1)
    drawn = max((each for each in found if each.finished), key=lambda each: len(each.piece))
    assert len(drawn.piece) > 1
    codec, (told,) = strokes._config.said.codec, strokes.log_likelihoods([drawn.piece], ["ring"])
    in_unit = told + codec.log_unit * (np.arange(len(told)) < len(drawn.piece))
    assert drawn.log_p == pytest.approx(told.sum(), abs=1e-2)
    alone = []
    for member in strokes.model_.members:
        one = type(strokes.model_)(strokes.model_.shape, (member,), False)
        alone.append(one.log_likelihoods([codec.encode(drawn.piece)], np.array([1]))[0])
    np.testing.assert_allclose(in_unit, np.logaddexp(*alone) - np.log(2), atol=1e-6)


def test_a_piece_is_drawn_alike_alone_beside_others_and_from_a_file(strokes, tmp_path):
    many = strokes.generate(condition=["line", "ring", "line"], seed=5, temperature=0.5)
    (one,) = strokes.generate(condition="line", seed=5, temperature=0.5)
    np.testing.assert_array_equal(many[0], one)
    assert set(np.concatenate(many)[:, 2]) <= {0.0, 1.0}
    strokes.save(tmp_path / "m.safetensors")
    again = unrolled.load(tmp_path / "m.safetensors").generate(
        condition=["line", "ring", "line"], seed=5, temperature=0.5
    )
    for own, other in zip(many, again, strict=True):
        np.testing.assert_array_equal(own, other)
    streamed = np.array(list(strokes.stream(condition="line", seed=5, temperature=0.5)))
    np.testing.assert_allclose(streamed.reshape(-1, 3), one, atol=1e-9)


def test_a_prompt_is_gone_on_from(strokes):
    X, _ = drawings(2)
    prompt = X[1][:4]
    rests = strokes.generate(9, prompt=prompt, condition="ring", seed=0, temperature=0.1)
    first = np.array([rest[0, :2] for rest in rests if len(rest)])
    assert abs(np.median(first, axis=0) - prompt[-1, :2]).max() < 15  # a step away, not back at the start
    rest = rests[0]
    streamed = list(strokes.stream(prompt=prompt, condition="ring", seed=0, temperature=0.1))
    np.testing.assert_allclose(np.array(streamed).reshape(-1, 3), rest, atol=1e-9)
    assert len(strokes.predict([prompt, prompt], ["ring", "line"])) == 2
    assert len(strokes.generate(prompt=[], condition="ring", seed=0)) == 1


def test_strokes_can_be_learned():
    X, y = drawings(300)
    model = SequenceGenerator(
        hidden_size=32, max_epochs=25, learning_rate=0.01, batch_size=25, positions=True, dropout=0, random_state=0
    ).fit(X, y)
    assert model.losses_[-1] < model.losses_[0] - 2
    drawn = model.generate(condition=["line", "ring"] * 10, seed=0, temperature=0.3)
    spread = np.array([np.ptp(piece[:, :2], axis=0) for piece in drawn])
    assert (spread[::2, 1] < 0.5 * spread[::2, 0]).mean() > 0.8  # lines are flat
    assert (spread[1::2, 1] > 10).mean() > 0.8


def test_recordings_are_drawn_as_recordings(sounds, tmp_path):
    X, y = tones()
    low, high = sounds.generate(condition=["low", "high"], seed=1, temperature=0.2)
    assert low.rate == RATE
    assert low.samples.dtype == np.float32
    assert np.isfinite(high.samples).all()
    assert np.isfinite(sounds.evaluate(X, y)["nats_per_step"])
    sounds.save(tmp_path / "s.safetensors")
    again = unrolled.load(tmp_path / "s.safetensors").generate(condition=["low", "high"], seed=1, temperature=0.2)
    np.testing.assert_array_equal(again[0].samples, low.samples)
    with pytest.raises(InputError, match="recordings, whose samples depend on all"):
        sounds.stream(condition="low")
    with pytest.raises(InputError, match="X holds numbers, expected a list of arrays"):
        sounds.score([np.zeros((3, 20))], ["low"])
    rest = sounds.generate(prompt=X[0], condition="low", seed=1, max_length=3)
    assert len(rest[0].samples) <= 200 + 80 * 5


def test_one_long_series_has_no_end():
    series = np.cumsum(np.random.default_rng(0).normal(size=(300, 2)), axis=0)
    model = SequenceGenerator(**QUICK | {"max_epochs": 1}).fit([series])
    assert model.carried_
    (drawn,) = model.draw(max_length=50, seed=0)
    assert drawn.piece.shape == (50, 2)
    assert not drawn.finished
    assert len(model.log_likelihoods([series])[0]) == 300


@pytest.mark.parametrize(
    "option", [{"input_noise": 0.5}, {"step_dropout": 0.5}, {"components": 5}, {"steps_at_once": 2}]
)
def test_every_option_changes_what_is_learned(option):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(6, 2)) for _ in range(20)]
    plain, other = (SequenceGenerator(**QUICK | given).fit(X) for given in ({}, option))
    assert plain.losses_ != other.losses_


def test_audio_says_how_recordings_are_heard():
    X, y = tones()
    features = AudioFeatures("log_mel", rate=RATE, mel_bands=12)
    model = SequenceGenerator(**QUICK | {"max_epochs": 1}, audio=features).fit(X, y)
    assert "12 log_mel features" in model.inferred_[0]
    assert len(model.generate(condition="low", seed=0, max_length=4)) == 1
    with pytest.raises(InputError, match="slopes"):
        SequenceGenerator(**QUICK, audio=AudioFeatures(rate=RATE, deltas=1)).fit(X, y)


@pytest.mark.parametrize(
    ("given", "X", "message"),
    [
        ({"steps": "strokes"}, [np.zeros((3, 2))], r"X, piece 0 has shape \[3, 2\], expected \[T, 3\]"),
        ({"steps": "strokes"}, [np.full((3, 3), 2.0)], "X, piece 0, step 0: the pen is 2"),
        ({"steps": "strokes"}, ["text"], r"X holds text, expected a list of strokes"),
        ({"steps": "values"}, ["text"], r"X holds text, expected a list of arrays"),
        ({"steps": "notes"}, tones(2)[0], "X holds audio, expected a list of piano rolls"),
        (
            {"covariance": "full"},
            [np.random.default_rng(0).normal(size=(5, 70))] * 2,
            "covariance is 'full' of 70 numbers",
        ),
        (
            {"transpose": 2},
            [np.random.default_rng(0).normal(size=(5, 2))] * 2,
            "transpose is 2, but the pieces are no music",
        ),
        ({}, [np.array([[0.0, np.nan]])], "NaN"),
    ],
)
def test_what_cannot_be_learned(given, X, message):
    with pytest.raises(InputError, match=message):
        SequenceGenerator(**QUICK | given).fit(X)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"top_k": 3}, "top_k is 3, but numbers are drawn from densities"),
        ({"top_p": 0.5}, "top_p is 0.5"),
        ({"stop": ["a"]}, "stop= ends texts, but the model says strokes"),
        ({"temperature": 0.0}, "temperature is 0"),
        ({"prompt": [[1.0, 2.0]]}, "2 numbers a step, the model was trained on 3"),
        ({"prompt": np.array([[1.0, 2.0, 0.5]])}, "the pen is 0.5"),
        ({"condition": "star"}, "star"),
    ],
)
def test_what_cannot_be_drawn(strokes, given, message):
    with pytest.raises(InputError, match=message):
        strokes.generate(**{"condition": "line"} | given)
