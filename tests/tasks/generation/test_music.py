"""Music from SequenceGenerator: likelihoods by hand, drawing, files, transposition, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import unrolled
from unrolled import SequenceGenerator
from unrolled.codecs.note_codec import NoteCodec
from unrolled.errors import InputError
from unrolled.networks.next_step import NextStep
from unrolled.parameters.music import WithinFrame
from unrolled.runtime.engine import KernelEngine

P = 12
KINDS: tuple[WithinFrame, ...] = ("note_by_note", "independent")


def scales(count=30, seed=0):
    """A third that climbs, from one of three places."""
    rng, rolls = np.random.default_rng(seed), []
    for _ in range(count):
        T, at = rng.integers(3, 7), rng.integers(0, 3)
        rolls.append(np.zeros((T, P), np.uint8))
        for t in range(T):
            rolls[-1][t, [at + t, at + t + 3]] = 1
    return rolls


def generator(within_frame, X=None, **parameters):
    given = {
        "hidden_size": 16,
        "max_epochs": 25,
        "learning_rate": 0.02,
        "batch_size": 4,
        "embedding_size": 8,
        "dropout": 0,
        "validation_fraction": 0.1,
        "random_state": 0,
    }
    return SequenceGenerator(within_frame=within_frame, **{**given, **parameters}).fit(scales() if X is None else X)


@pytest.fixture(scope="module")
def models():
    return {kind: generator(kind, members=2) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_to_climb(models, kind):
    model = models[kind]
    true = scales(40, seed=1)
    first = np.concatenate([told[:1] for told in model.log_likelihoods(true)])
    later = np.concatenate([told[1:-1] for told in model.log_likelihoods(true)])
    assert -later.mean() < 0.7 < -first.mean()
    (found,) = model.generate(prompt=true[0][:2], temperature=0.01, max_length=1, seed=0)
    np.testing.assert_array_equal(found, true[0][2:3])
    assert model.inferred_ == [
        f"frames of 12 notes, {'one after the other' if kind == 'note_by_note' else 'independent of each other'};"
        f" learned from 27 pieces: {sum(map(len, _learned()))} frames",
        "2 networks, batches of 4, 25 epochs, 10% kept back: 30 examples",
    ]
    assert repr(model).endswith(": 30 pieces of 12 notes>")
    assert model.item_kind_ == "numbers"


def _learned():
    rolls = scales()
    held = np.random.default_rng(0).permutation(30)[:3]
    return [roll for n, roll in enumerate(rolls) if n not in held]


def chances(model, frames):
    """Of each note and of the end after some frames, ``[P + 1]``, of the mean of networks of independent notes."""
    each = []
    for tensors in model.model_.members:
        network = NextStep(KernelEngine(tensors), model.model_.shape)
        read = np.concatenate([np.zeros((1, P)), frames])[:, None].astype(np.float32)
        each.append(1 / (1 + np.exp(-network(read)[0][-1, 0].astype(float))))
    return np.mean(each, 0)


def test_independent_notes_by_hand(models):
    model, roll = models["independent"], scales(1, seed=2)[0]
    (told,) = model.log_likelihoods([roll])
    expected = []
    for t in range(len(roll) + 1):
        p = chances(model, roll[:t])
        if t < len(roll):
            expected.append(np.log(np.where(roll[t] == 1, p[:-1], 1 - p[:-1])).sum() + np.log(1 - p[-1]))
        else:
            expected.append(np.log(p[-1]))
    np.testing.assert_allclose(told, expected, rtol=1e-5)
    measures = model.evaluate([roll])
    assert measures == {
        "nats_per_frame": pytest.approx(-np.mean(expected[:-1]), rel=1e-5),
        "nats_per_piece": pytest.approx(-np.sum(expected), rel=1e-5),
    }
    assert model.score([roll]) == pytest.approx(np.mean(expected), rel=1e-5)


def test_note_by_note_is_a_distribution_of_frames():
    """All 2^P frames and the end have a probability of 1."""
    few = [roll[:, :4] for roll in scales()]
    model = generator("note_by_note", few, steps="notes", max_epochs=2)
    every = [np.array(frame)[None] for frame in itertools.product((0, 1), repeat=4)]
    assert sum(np.exp(told[0]) for told in model.log_likelihoods(every)) == pytest.approx(1)  # no piece is empty
    after = [np.concatenate([few[0][:1], frame]) for frame in every]
    told = model.log_likelihoods(after)
    end = np.exp(model.log_likelihoods([few[0][:1]])[0][-1])
    assert end + sum(np.exp(each[1]) for each in told) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_has_the_likelihood_it_says(models, kind):
    model = models[kind]
    drawn = model.draw(6, seed=3)
    assert any(each.finished for each in drawn)
    for each in drawn:
        assert each.piece.dtype == np.uint8
        assert each.piece.shape[1] == P
        if each.finished and len(each.piece):
            (told,) = model.log_likelihoods([each.piece])
            assert each.log_p == pytest.approx(told.sum(), rel=1e-9)
    alone = model.draw(1, seed=3)[0]
    np.testing.assert_array_equal(alone.piece, drawn[0].piece)
    np.testing.assert_array_equal(np.array(list(model.stream(seed=3))).reshape(-1, P), drawn[0].piece)
    cut = model.draw(1, seed=3, max_length=1)[0]
    assert (len(cut.piece), cut.finished) == (1, False)


def test_first_frames_are_drawn_as_often_as_they_are_probable(models):
    """Chi-square over the three beginnings and all other frames; p = 0.999."""
    model = models["note_by_note"]
    drawn = [tuple(roll[0]) for roll in model.generate(600, seed=0, max_length=1)]
    starts = [tuple(roll[0]) for roll in (scales(1, seed)[0] for seed in range(20))]
    known = sorted(set(starts))
    assert len(known) == 3
    p = [np.exp(model.log_likelihoods([np.array([start])])[0][0]) for start in known]
    observed = [drawn.count(start) for start in known]
    cells = zip([*observed, 600 - sum(observed)], [*p, 1 - sum(p)], strict=True)
    assert sum((o - 600 * e) ** 2 / (600 * e) for o, e in cells) < 16.27


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_says_the_same_bits(models, kind, tmp_path):
    model = models[kind]
    model.save(tmp_path / "m.safetensors")
    loaded = unrolled.load(tmp_path / "m.safetensors")
    rolls = scales(5, seed=4)
    together = loaded.log_likelihoods(rolls)
    for n, roll in enumerate(rolls):
        assert loaded.log_likelihoods([roll])[0].tobytes() == together[n].tobytes()
        assert model.log_likelihoods([roll])[0].tobytes() == together[n].tobytes()
    for ours, theirs in zip(model.generate(3, seed=1), loaded.generate(3, seed=1), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_one_long_piece_is_carried(kind):
    roll = np.concatenate(scales(40))
    model = generator(kind, [roll], max_epochs=6, truncate=20)
    assert model.carried_
    (told,) = model.log_likelihoods([roll])
    assert told.shape == (len(roll),)
    assert model.evaluate([roll])["nats_per_frame"] == pytest.approx(-told.mean())
    untrained = generator(kind, [roll], max_epochs=1, learning_rate=1e-6)  # which knows nothing of ends
    assert [drawn.shape for drawn in untrained.generate(9, max_length=30, seed=0)] == [(30, P)] * 9
    assert model.inferred_[0].endswith("frames")


def test_a_condition_says_where_to_begin():
    rolls = scales(60)
    starts = [int(roll[0].argmax()) for roll in rolls]
    model = SequenceGenerator(
        hidden_size=16,
        max_epochs=20,
        learning_rate=0.02,
        batch_size=4,
        dropout=0,
        random_state=0,
        within_frame="independent",
    ).fit(rolls, starts)
    found = model.generate(condition=[0, 1, 2], temperature=0.2, seed=0, max_length=1)
    assert [int(roll[0].argmax()) for roll in found] == [0, 1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_transposition_is_drawn_evenly_and_keeps_all_notes(kind):
    codec, rng = NoteCodec(P, kind), np.random.default_rng(0)
    roll = np.zeros((2, P), np.uint8)
    roll[0, [4, 7]] = roll[1, 2] = 1
    counts = {}
    for _ in range(900):
        found = codec.decode(codec.transposed(codec.encode(roll), 3, rng))
        shift = int(found[1].argmax()) - 2
        np.testing.assert_array_equal(found, np.roll(roll, shift, 1))
        counts[shift] = counts.get(shift, 0) + 1
    assert sorted(counts) == [-2, -1, 0, 1, 2, 3]  # the lowest note has two below it
    assert min(counts.values()) > 100
    silent = np.zeros((2, P), np.uint8)
    np.testing.assert_array_equal(codec.decode(codec.transposed(codec.encode(silent), 3, rng)), silent)


def test_a_transposed_model_knows_keys_it_has_not_heard():
    one_key = [roll for roll in scales(60) if roll[0, 0]]
    other = [np.roll(roll, 2, axis=1) for roll in one_key if len(roll) < 6]
    scores = [generator("independent", one_key, transpose=most, max_epochs=40).evaluate(other) for most in (0, 3)]
    assert scores[1]["nats_per_frame"] < 0.7 * scores[0]["nats_per_frame"]


def test_what_is_refused(models):
    X = scales()

    def refusal(action):
        with pytest.raises(InputError) as caught:
            action()
        return str(caught.value)

    assert "X, piece 0: frame 0, note 0 is 0.5, expected 0 or 1" in refusal(
        lambda: SequenceGenerator(steps="notes").fit([np.full((2, 3), 0.5)])
    )
    assert "X, piece 0: 1,025 notes, expected at most 1,024" in refusal(
        lambda: SequenceGenerator(steps="notes").fit([np.zeros((2, 1025))])
    )
    assert "expected a list of piano rolls" in refusal(lambda: SequenceGenerator(steps="notes").fit(["a text"]))
    assert "expected a list of texts" in refusal(lambda: SequenceGenerator(steps="symbols").fit(X))
    assert "the pieces are no music" in refusal(lambda: SequenceGenerator(transpose=1, max_epochs=1).fit(["ab"] * 12))
    for model in models.values():
        assert "stop= ends texts, but the model says notes" in refusal(lambda m=model: m.generate(stop=["a"]))
        assert "temperature" in refusal(lambda m=model: m.generate(temperature=0))
        assert "12" in refusal(lambda m=model: m.log_likelihoods([np.zeros((3, 13))]))
        assert "piece 0: frame 1, note 2 is 3, expected 0 or 1" in refusal(
            lambda m=model: m.generate(prompt=np.where(np.arange(24).reshape(2, 12) == 14, 3, 0))
        )
    for option in ({"top_k": 3}, {"top_p": 0.5}):
        assert "the notes of a frame are independent" in refusal(lambda o=option: models["independent"].generate(**o))
        assert models["note_by_note"].generate(seed=0, **option)[0].shape[1] == P
