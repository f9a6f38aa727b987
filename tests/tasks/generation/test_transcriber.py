"""CTCTranscriber: what it learns, says and when; streams; its options, wrong inputs, saving and loading."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest

import unrolled
from unrolled import CTCTranscriber, InputError
from unrolled.cells import CELLS
from unrolled.codecs.audio import AudioFeatures
from unrolled.data.wav import Waveform

RATE = 4000
PITCH = {"a": 400, "b": 700, "c": 1100}
TINY = {"hidden_size": 6, "num_layers": 1, "max_epochs": 2, "random_state": 0, "learning_rate": 0.02}
LEARNS = {"hidden_size": 24, "num_layers": 1, "max_epochs": 14, "learning_rate": 0.02, "random_state": 0, "stride": 2}
HEARD = AudioFeatures("log_mel", rate=RATE, mel_bands=16)


def letters(count, seed=0, longest=4):
    """Steps of pens that write a, b or c, in noise: each letter is two to four steps, then one of rest."""
    rng = np.random.default_rng(seed)
    y = ["".join(rng.choice(list("abc"), rng.integers(1, longest + 1))) for _ in range(count)]
    eye, rest = np.eye(3), np.zeros((1, 3))
    X = [
        np.concatenate([part for c in text for part in (np.repeat(eye[["abc".index(c)]], rng.integers(2, 5), 0), rest)])
        for text in y
    ]
    return [x + 0.05 * rng.normal(size=x.shape) for x in X], y


def tunes(count, seed=0, longest=4):
    """Recordings of tones of three pitches, and their names; the times of the tones, too."""
    rng = np.random.default_rng(seed)
    X, y, times = [], [], []
    for n in range(count):
        text, parts, own, at = rng.choice(list("abc"), rng.integers(1, longest + 1)), [], [], 0
        for c in text:
            pause, size = rng.integers(200, 500), rng.integers(400, 700)
            tone = 0.5 * np.sin(2 * np.pi * PITCH[c] * np.arange(size) / RATE)
            parts += [np.zeros(pause), tone]
            own.append((at + pause, at + pause + size))
            at += pause + size
        x = np.concatenate([*parts, np.zeros(300)])
        X.append(Waveform((x + 0.01 * rng.normal(size=len(x))).astype(np.float32), RATE, f"{n}.wav"))
        y.append("".join(text))
        times.append(own)
    return X, y, times


X, Y = letters(40)


def tiny(**given):
    return CTCTranscriber(**{**TINY, **given})


@pytest.fixture(scope="module")
def hears():
    X, y, _ = tunes(150)
    return CTCTranscriber(**LEARNS, audio=HEARD, bidirectional=False).fit(X, y)


def test_tunes_are_written_down_with_their_times(hears):
    X, y, times = tunes(40, seed=1)
    measures = hears.evaluate(X, y)
    assert measures["character_error_rate"] < 0.05
    assert measures["exact"] == hears.score(X, y)
    assert hears.validation_["exact"] > 0.8
    inside = []
    for n, found in enumerate(hears.transcribe(X)):
        if found.target == y[n]:
            assert [each.symbol for each in found.symbols] == list(y[n])
            for each, (start, end) in zip(found.symbols, times[n], strict=True):
                assert 0 <= each.start < each.end
                assert 0 < each.confidence <= 1
                inside.append(start / RATE - 0.06 < each.start < each.end < end / RATE + 0.12)
    assert np.mean(inside) > 0.9
    ends = [each.end for found in hears.transcribe(X) for each in found.symbols]
    assert max(ends) <= max(len(x.samples) for x in X) / RATE


def test_measures_are_those_of_jiwer(hears):
    jiwer = pytest.importorskip("jiwer")
    X, y, _ = tunes(30, seed=2)
    model = tiny(audio=HEARD, max_epochs=6).fit(X, y)
    measures, said = model.evaluate(X, y), model.predict(X)
    assert measures["character_error_rate"] == pytest.approx(jiwer.cer(y, said))
    assert measures["word_error_rate"] == pytest.approx(jiwer.wer(y, said))
    assert measures["character_error_rate"] > 0


@pytest.mark.parametrize("sizes", [[1, 7, 100, 0, 399, 1000], [10**6], [37]])
@pytest.mark.parametrize("width", [1, 6])
def test_a_stream_says_the_same_to_the_bit(hears, sizes, width):
    X, _, _ = tunes(3, seed=4)
    model = copy.copy(hears).set_params(beam_size=width)
    for x, whole in zip(X, model.transcribe(X), strict=True):
        stream, said, at = model.stream(), [], 0
        for size in itertools.cycle(sizes):
            said.append(stream.push(x.samples[at : at + size]))
            at += size
            if at >= len(x.samples):
                break
        assert stream.finish() == whole
        assert said[-1] == whole.target or len(sizes) == 1 or width > 1
        assert [len(a) for a in said] == sorted(len(a) for a in said) or width > 1
        with pytest.raises(InputError, match="was finished"):
            stream.push(x.samples)
        with pytest.raises(InputError, match="was finished"):
            stream.finish()


@pytest.mark.parametrize("given", [{}, {"stride": 3}, {"members": 2}, {"language_model": 2}], ids=str)
def test_a_stream_of_steps(given):
    long = [np.repeat(x, 3, 0) for x in X]
    model = tiny(bidirectional=False, **given).fit(long, Y)
    for x, whole in zip(long[:5], model.transcribe(long[:5]), strict=True):
        stream = model.stream()
        for at in range(0, len(x), 2):
            stream.push(x[at : at + 2])
        stream.push(x[:0])
        assert stream.finish() == whole


def test_a_recording_shorter_than_a_window_streams_too(hears):
    x = Waveform(np.full(50, 0.1, np.float32), RATE)
    stream = hears.stream()
    assert stream.push(x) == ""
    with pytest.warns(UserWarning, match="the stream has 50 samples, and a frame has 100"):
        said = stream.finish()
    with pytest.warns(UserWarning, match="recording 1 has 50 samples, and a frame has 100: it is too short"):
        assert hears.transcribe([tunes(1)[0][0], x])[1] == said


def test_models_that_cannot_listen_to_a_stream_say_why(hears):
    with pytest.raises(InputError, match=r"in both directions, .* fit with bidirectional=False"):
        tiny().fit(X, Y).stream()
    X2, y, _ = tunes(12)
    for given in ({"normalization": "mean"}, {"deltas": 1}):
        features = AudioFeatures("log_mel", rate=RATE, mel_bands=8, **given)
        with pytest.raises(InputError, match=f"{next(iter(given))}=.* depend on what comes later"):
            tiny(bidirectional=False, audio=features).fit(X2, y).stream()
    stream = hears.stream()
    with pytest.raises(InputError, match="no samples"):
        stream.finish()
    with pytest.raises(InputError, match="float32 or float64"):
        stream.push(np.zeros(5, np.int16))
    with pytest.raises(InputError, match="samples a second"):
        stream.push(Waveform(np.zeros(5, np.float32), 8000))
    steps = tiny(bidirectional=False).fit(X, Y).stream()
    with pytest.raises(InputError, match="no steps"):
        steps.finish()
    with pytest.raises(InputError, match="has 2 numbers a step, the model was trained on 3"):
        steps.push(np.zeros((4, 2)))


def test_steps_have_their_own_unit():
    model = CTCTranscriber(**{**LEARNS, "stride": 1}).fit(*letters(150))
    found = model.transcribe([np.repeat(np.eye(3)[[0, 2]], 4, 0)])[0]
    assert found.target == "ac"
    assert 0 <= found.symbols[0].start < found.symbols[0].end <= found.symbols[1].start < found.symbols[1].end <= 8
    long = [np.repeat(x, 3, 0)[1:] for x in X]
    thrice = tiny(stride=3).fit(long, Y)
    assert [len(p) for p in thrice.probabilities(long)] == [-(-len(x) // 3) for x in long]
    for x, found in zip(long, thrice.transcribe(long), strict=True):
        assert all(each.start % 3 == 0 and each.end in (each.end // 3 * 3, len(x)) for each in found.symbols)


def test_probabilities_and_their_picture():
    model = tiny().fit(X, Y)
    (p,) = model.probabilities(X[:1])
    assert p.shape == (len(X[0]), 4)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-9)
    svg = model.plot(X[:1]).svg
    assert f"<title>blank, 2: {p[2, 0]:.2f}</title>" in svg
    assert svg.count('class="cell"') == int((p[:, p.max(0) > 0.01] >= 0.004).sum())


def test_networks_average_their_probabilities():
    two = tiny(members=2).fit(X, Y)
    alone = [copy.copy(two) for _ in range(2)]
    for each, member in zip(alone, two.model_.members, strict=True):
        each.model_ = dataclasses.replace(two.model_, members=[member])
    apart = [each.probabilities(X[:3]) for each in alone]
    for p, a, b in zip(two.probabilities(X[:3]), *apart, strict=True):
        np.testing.assert_allclose(p, (a + b) / 2, rtol=1e-9)


def test_lists_of_symbols():
    y = [["<" + c + ">" for c in text] for text in Y]
    model = CTCTranscriber(**{**LEARNS, "stride": 1, "max_epochs": 6}).fit(X, y)
    assert model.target_kind_ == "tokens"
    assert sorted(model.vocabulary_) == ["<a>", "<b>", "<c>"]
    assert set(model.evaluate(X, y)) == {"exact", "token_error_rate"}
    assert all(isinstance(each, list) for each in model.predict(X))


def test_words():
    y = [" ".join({"a": "one", "b": "two", "c": "three"}[c] for c in text) for text in Y]
    model = tiny(target_tokens="words").fit(X, y)
    assert sorted(model.vocabulary_) == [" one", " three", " two"]
    assert set(" ".join(model.predict(X)).split()) <= {"one", "two", "three"}


def test_the_beam_finds_what_every_alignment_says():
    """With room for all beginnings its best transcript is the most probable of all, the sum over all paths."""
    model = tiny(beam_size=1000).fit(X, Y)
    x = X[0][:4]
    (p,) = model.probabilities([x])
    sums: dict[str, float] = {}
    names = ["", *model.vocabulary_]
    for path in itertools.product(range(4), repeat=4):
        said = "".join(names[k] for n, k in enumerate(path) if n == 0 or path[n - 1] != k)
        sums[said] = sums.get(said, 0) + float(np.prod([p[t, k] for t, k in enumerate(path)]))
    found = model.predict_n_best([x], len(sums))[0]
    assert {each.target: pytest.approx(np.exp(each.log_p), rel=1e-6) for each in found} == sums
    assert found[0].target == max(sums, key=lambda said: sums[said])


def test_the_language_model_is_learned_weighs_and_is_saved(tmp_path):
    rng = np.random.default_rng(0)
    y = [["ab", "abab", "ca"][k] for k in rng.integers(0, 3, 60)]
    eye = np.eye(3)
    X = [np.concatenate([np.repeat(eye[["abc".index(c)]], 3, 0) for c in text]) for text in y]
    X = [x + 0.6 * rng.normal(size=x.shape) for x in X]
    model = tiny(language_model=3, max_epochs=6).fit(X, y)
    heavy = copy.copy(model).set_params(language_weight=50.0)
    plain = copy.copy(model).set_params(language_weight=0.0)
    assert set(heavy.predict(X)) <= {"ab", "abab", "ca", "a", "aba", "c", ""}
    assert plain.predict(X) != heavy.predict(X)
    longer = copy.copy(model).set_params(symbol_bonus=5.0)
    assert sum(map(len, longer.predict(X))) > sum(map(len, model.predict(X)))
    heavy.save(tmp_path / "m")
    read = unrolled.load(tmp_path / "m", CTCTranscriber)
    assert read.language_weight == 50
    assert read.predict_n_best(X[:5], 3) == heavy.predict_n_best(X[:5], 3)
    with pytest.raises(InputError, match="language_model is 2, expected 3, as fitted"):
        read.set_params(language_model=2).predict(X)


@pytest.mark.parametrize(
    "given", [{}, {"members": 2}, {"bidirectional": False, "stride": 2}, {"beam_size": 1}], ids=str
)
def test_what_was_saved_says_the_same_without_torch(given, tmp_path):
    X, y, _ = tunes(12)
    model = tiny(audio=HEARD, **given).fit(X, y)
    model.save(tmp_path / "m")
    assert unrolled.load(tmp_path / "m").get_params() == model.get_params()
    np.savez(tmp_path / "x.npz", *[each.samples for each in X])
    code = f"""
import sys
sys.modules["torch"] = None
import numpy as np, unrolled
from unrolled.data.wav import Waveform
model = unrolled.load({str(tmp_path / "m")!r})
samples = np.load({str(tmp_path / "x.npz")!r})
X = [Waveform(samples[f"arr_{{n}}"], {RATE}) for n in range(12)]
together = model.transcribe(X)
assert [model.transcribe([x])[0] for x in X] == together
print([(each.target, each.log_p.hex(), [tuple(h) for h in each.symbols]) for each in together])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert eval(said) == [
        (each.target, float(each.log_p).hex(), [tuple(h) for h in each.symbols]) for each in model.transcribe(X)
    ]


@pytest.mark.parametrize("cell", ["rnn", *CELLS])
def test_every_cell(cell):
    sizes = {"lstmp": {"cell_sizes": {"proj_size": 4}}, "sru": {"hidden_size": 3, "bidirectional": False}}
    model = tiny(cell=cell, max_epochs=1, **sizes.get(cell, {})).fit(X[:12], Y[:12])
    assert all(np.isfinite(p).all() for p in model.probabilities(X[:3]))


@pytest.mark.parametrize(
    "given",
    [
        {"stride": 2}, {"bidirectional": False}, {"dropout": 0.6}, {"cell": "lstm"}, {"num_layers": 2}, {"hidden_size": 5},
        {"members": 2}, {"weight_drop": 0.5}, {"zoneout": 0.3}, {"validation_fraction": 0.4}, {"batch_size": 5},
        {"random_state": 1},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_changes_what_is_learned(given):
    usual, changed = (tiny(**own).fit(X, Y).probabilities(X[:1])[0] for own in ({}, given))
    assert usual.shape != changed.shape or not np.array_equal(usual, changed)


@pytest.mark.parametrize(
    "given",
    [
        {"speed": 0.3}, {"pitch": 0.3}, {"noise": 10.0}, {"time_masks": 2}, {"time_masks": 2, "time_mask": 0.03},
        {"frequency_masks": 2}, {"frequency_masks": 2, "frequency_mask": 2}, {"audio": AudioFeatures(rate=RATE)},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_of_recordings_changes_what_is_learned(given):
    X, y, _ = tunes(12)
    before = {"time_masks": 2} if "time_mask" in given else {"frequency_masks": 2} if "frequency_mask" in given else {}
    usual, changed = (tiny(**{"audio": HEARD, **own}).fit(X, y).probabilities(X[:1])[0] for own in (before, given))
    assert not np.array_equal(usual, changed)


def test_what_is_drawn_is_drawn_from_the_seed_and_resumed(tmp_path):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.epoch == 3:
            raise Stop

    X, y, _ = tunes(12)
    given = {"audio": HEARD, "max_epochs": 4, "speed": 0.2, "pitch": 0.1, "noise": 5.0, "time_masks": 1}
    whole = tiny(**given).fit(X, y)
    with pytest.raises(Stop):
        tiny(**given, callback=stop).fit(X, y, checkpoint=tmp_path / "kept")
    resumed = tiny(**given).fit(X, y, checkpoint=tmp_path / "kept")
    assert resumed.losses_ == whole.losses_
    np.testing.assert_array_equal(resumed.probabilities(X)[0], whole.probabilities(X)[0])


def test_validation_that_is_given_chooses_the_epoch():
    model = tiny(max_epochs=3).fit(X[:30], Y[:30], validation=(X[30:], Y[30:]))
    assert len(model.validation_losses_) == 3
    assert model.epochs_ == [int(np.argmin(model.validation_losses_)) + 1]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (X[:2], None, "y is None"),
        (X[:2], ["a"], "X has 2 sources and y 1 targets"),
        (["a", "b"], ["x", "y"], "X holds texts, expected recordings, or arrays"),
        (X[:2], ["a", ""], "y: text 1 is empty"),
        (X[:2], [["a"], []], "y: sentence 1 is empty"),
        (X[:2], [1, 2], "y holds numbers"),
        (
            [np.ones((3, 1)), np.ones((2, 1)), np.ones((9, 1))], ["aba", "bb", "ab" * 9],
            "transcript 1 has 2 symbols and 1 blank between repeated ones for 2 steps;"
            " transcript 2 has 18 symbols for 9 steps: each symbol needs a step",
        ),
        ([np.ones((1, 1))] * 5, ["ab"] * 5, "transcript 2 .* steps, and 2 more: each"),
        ([Waveform(np.zeros(9, np.float32), RATE)] * 2, ["a", "aa"], "transcript 1 has 2 symbols and 1 blank .* for 1 steps"),
    ],
    ids=range(9),
)  # fmt: skip
def test_wrong_items_and_transcripts(X, y, message):
    with pytest.raises(InputError, match=message):
        tiny(callback=lambda progress: pytest.fail("it began to train")).fit(X, y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"beam_size": 0}, "beam_size is 0"),
        ({"stride": 0}, "stride is 0"),
        ({"language_model": 11}, "language_model is 11"),
        ({"language_weight": 1.0}, "language_weight is 1.0, expected 0.5 without a language model"),
        ({"symbol_bonus": 1.0}, "symbol_bonus is 1.0, expected 0.0 without a language model"),
        ({"language_weight": -1.0, "language_model": 2}, "language_weight is -1.0"),
        ({"speed": 0.1}, "speed is 0.1, which is for recordings"),
        ({"time_masks": 1}, "time_masks is 1, which is for recordings"),
        ({"speed": 1.0}, "speed is 1.0"),
        ({"noise": 1000.0}, "noise is 1000.0"),
    ],
)
def test_wrong_parameters(given, message):
    with pytest.raises(InputError, match=message):
        tiny(**given).fit(X, Y)


def test_masks_of_bands_need_bands():
    X, y, _ = tunes(3)
    with pytest.raises(InputError, match="frequency_masks is 1, expected 0 for mfcc"):
        tiny(audio=AudioFeatures(rate=RATE), frequency_masks=1).fit(X, y)


def test_wrong_validation():
    with pytest.raises(
        InputError, match="transcript 1 has the symbol 'z', which no transcript that is learned from has"
    ):
        tiny().fit(X, Y, validation=(X[:2], ["a", "bz"]))
    with pytest.raises(InputError, match="validation's y holds lists of tokens, expected texts"):
        tiny().fit(X, Y, validation=(X[:2], [["a"], ["b"]]))
    with pytest.raises(InputError, match="no pair"):
        tiny().fit(X, Y, validation=X)


def test_what_a_fitted_one_refuses():
    model = tiny().fit(X, Y)
    assert model.evaluate(X[:1], ["zz"])["exact"] == 0  # what it cannot say is wrong
    with pytest.raises(InputError, match="n is 0"):
        model.predict_n_best(X, 0)
    with pytest.raises(InputError, match="beam_size is 0"):
        copy.copy(model).set_params(beam_size=0).predict(X)
    with pytest.raises(InputError, match="numbers"):
        model.predict([Waveform(np.zeros(9, np.float32), RATE)])
    with pytest.raises(InputError, match="not fitted"):
        tiny().transcribe(X)
    with pytest.raises(InputError, match="not fitted"):
        tiny().stream()
    X2, y, _ = tunes(3)
    hears = tiny(audio=HEARD).fit(X2, y)
    with pytest.raises(InputError, match="samples a second"):
        hears.predict([Waveform(np.zeros(900, np.float32), 8000)])
