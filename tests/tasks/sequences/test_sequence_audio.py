"""Recordings as input: what is heard of them is in the model file, and another rate is refused."""

import subprocess
import sys

import numpy as np
import pytest

import unrolled
from unrolled import InputError, SequenceClassifier
from unrolled.codecs.audio import AudioFeatures
from unrolled.data.wav import Waveform

TINY = {"hidden_size": 8, "members": 1, "max_epochs": 8, "random_state": 0, "learning_rate": 0.02}


def tones(seed=0, N=40, rate=4000):
    """A quarter of a second or more of a low or a high tone in noise, and which."""
    rng = np.random.default_rng(seed)
    y = rng.choice(["high", "low"], size=N)
    X = []
    for kind in y:
        t = np.arange(rng.integers(1000, 2000)) / rate
        wave = 0.4 * np.sin(2 * np.pi * (440 if kind == "low" else 880) * t) + 0.1 * rng.normal(size=len(t))
        X.append(Waveform(wave.astype(np.float32), rate, f"{kind}.wav"))
    return X, y


@pytest.fixture(scope="module")
def fitted():
    return SequenceClassifier(**TINY, audio=AudioFeatures("log_mel", rate=4000, mel_bands=20, deltas=1)).fit(*tones())


def test_it_tells_tones_apart(fitted):
    assert fitted.score(*tones(1)) > 0.95
    assert fitted.model_.shape.stack.inputs == 40
    assert SequenceClassifier(**TINY).fit(*tones()).score(*tones(1)) > 0.95  # cepstral coefficients


@pytest.mark.starts_python
def test_what_is_heard_is_in_the_model_file(fitted, tmp_path):
    """A process without torch hears the same, to the bit, of one recording and of many."""
    fitted.save(tmp_path / "model.safetensors")
    X, _ = tones(2, 6)
    assert unrolled.load(tmp_path / "model.safetensors").audio == fitted.audio
    np.savez(tmp_path / "x.npz", *[each.samples for each in X])
    code = f"""
import sys
sys.modules["torch"] = None
import numpy as np, unrolled
from unrolled.data.wav import Waveform
model = unrolled.load({str(tmp_path / "model.safetensors")!r})
samples = np.load({str(tmp_path / "x.npz")!r})
X = [Waveform(samples[f"arr_{{n}}"], 4000) for n in range(6)]
np.save({str(tmp_path / "p.npy")!r}, [model.predict_proba(X), np.concatenate([model.predict_proba([x]) for x in X])])
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    together, alone = np.load(tmp_path / "p.npy")
    assert (together == fitted.predict_proba(X)).all()
    assert (alone == together).all()


def test_another_rate_is_refused_with_what_to_do(fitted):
    X, y = tones(3, 12)
    other = Waveform(X[0].samples, 8000, "fast.wav")
    with pytest.raises(InputError, match=r"fast\.wav has 8000 samples a second, the model hears 4000: resample"):
        fitted.predict([other])
    with pytest.raises(InputError, match=r"fast\.wav has 8000"):
        SequenceClassifier(**TINY).fit([*X[:-1], other], y)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["a.wav"], r"expected recordings.*found texts"),
        ([tones(0, 1)[0][0], 3], "recording 1 is a int, expected a Waveform; read_wav"),
    ],
)
def test_what_is_no_recording(fitted, X, message):
    with pytest.raises(InputError, match=message):
        fitted.predict(X)
