"""Model files of every estimator, their configuration and tensors changed, and sealed again with the right checksum."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from mutate import Random, any_value, damaged_bytes, damaged_tree, one_of

import unrolled
from unrolled.cli.app import run as run_command
from unrolled.codecs.audio import AudioFeatures
from unrolled.data.wav import Waveform

TASKS = (
    "forecaster", "anomaly_detector", "sequence_classifier", "sequence_regressor", "sequence_tagger", "seq2_seq", "checkpoint",
)  # fmt: skip
EXTREMES = (
    0.0,
    -1.0,
    1.0,
    0.5,
    2.0,
    1e38,
    -1e38,
    1e-45,
    3e-39,
    np.nan,
    np.inf,
    1e300,
    1e-300,
    5e-324,
    -(2.0**63),
    2.0**53,
)

Parts = tuple[dict[str, Any], dict[str, Any], bytes]


def parse(data: bytes) -> Parts:
    """The document, the tensors' entries and their bytes."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return json.loads(header.pop("__metadata__")["unrolled"]), header, data[8 + length :]


def seal(document: Any, header: dict[str, Any], data: bytes) -> bytes:
    """A file with the checksum that its content has."""
    if isinstance(document, dict) and "sha256" in document:
        document = {**document, "sha256": "0" * 64}
    raw = json.dumps({"__metadata__": {"unrolled": json.dumps(document)}, **header}).encode()
    content = struct.pack("<Q", len(raw)) + raw + data
    return content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode(), 1)


def good_models() -> list[Any]:
    """One fitted estimator of each kind, tiny."""
    import pandas as pd

    rng = np.random.default_rng(0)
    small = {"hidden_size": 3, "members": 1, "max_epochs": 1, "random_state": 0}
    texts = {**small, "min_count": 1, "embedding_size": 3, "character_size": 2}
    X, y = [rng.normal(size=(n, 2)) for n in rng.integers(3, 9, size=20)], ["a", "b"] * 10
    series = 50 + np.arange(60.0) + rng.normal(size=60)
    days = pd.date_range("2024-01-01", periods=60)
    frame = pd.DataFrame({"day": days.strftime("%Y-%m-%d"), "shop": 1, "price": series[::-1], "sold": series})
    frame = pd.concat([frame, frame.assign(shop=2, sold=frame["sold"] ** 2)])
    hours = pd.DataFrame({"value": np.sin(np.arange(400.0)), "other": rng.normal(size=400)})
    hours.index = pd.date_range("2024-01-01", periods=400, freq="h", tz="Europe/Berlin", name="hour")
    sounds = [Waveform(rng.uniform(-1, 1, 900).astype(np.float32), 8000) for _ in range(20)]
    columns = {"target": "sold", "time": "day", "series": "shop", "past": ["price"]}
    return [
        unrolled.SequenceClassifier(**small, num_layers=2, pooling="attention").fit(X, y),
        unrolled.SequenceClassifier(**small).fit(X, rng.integers(0, 2, size=(20, 3))),
        unrolled.SequenceClassifier(**texts, class_weight={"a": 2.0}).fit(["good film", "bad film"] * 10, y),
        unrolled.SequenceClassifier(**texts, tokens="pieces").fit(["good film", "bad film"] * 10, [1, 2] * 10),
        unrolled.SequenceClassifier(**small, audio=AudioFeatures(rate=8000, mel_bands=5)).fit(sounds, y),
        unrolled.SequenceRegressor(**small, cell="lstm_peephole").fit(X, np.arange(20.0)),
        unrolled.SequenceRegressor(**small).fit(X, rng.normal(size=(20, 2))),
        unrolled.SequenceTagger(**texts).fit([["Ada", "slept"]] * 12, [["B-PER", "O"]] * 12),
        unrolled.SequenceTagger(**small, crf=False).fit(X, [["x", "y", *"z" * (len(x) - 2)] for x in X]),
        unrolled.Seq2Seq(**texts, max_length=9).fit(
            ["good film", "bad film"] * 10, ["guter Film", "kein guter Film"] * 10
        ),
        unrolled.Seq2Seq(**small, attention="dot", reach="local_p").fit(X, [["a", "b"], ["b"]] * 10),
        unrolled.CTCTranscriber(**small, language_model=2).fit(X, ["a", "b"] * 10),
        unrolled.CTCTranscriber(**small, stride=2, bidirectional=False).fit(sounds, ["ab", "b"] * 10),
        unrolled.SequenceGenerator(**small, embedding_size=3, tied=True).fit(["Ann", "Bob"] * 10, y),
        unrolled.SequenceGenerator(**small).fit([["a", "b"], ["b"]] * 10, rng.normal(size=(20, 2))),
        unrolled.SequenceGenerator(**small, tokens="words").fit("One two, buckle my shoe. " * 9),
        unrolled.Forecaster(**small, season_length=4).fit(series),
        unrolled.Forecaster(**small, method="windows", horizon=3, input_window=8).fit(frame, **columns),
        unrolled.Forecaster(**small, horizon=2, quantiles=(0.2, 0.8), distribution="student_t").fit(frame, **columns),
        unrolled.AnomalyDetector(**small, window=8, false_alarm_every=500).fit(hours),
        unrolled.AnomalyDetector(**small, window=8, method="reconstruction", seasons=(24,)).fit(
            hours["value"].to_numpy()
        ),
    ]


class ModelFiles:
    """Files that :func:`unrolled.load` reads."""

    suffix = ".safetensors"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "model.safetensors"
        self._seeds: list[bytes] = []
        for model in good_models():
            model.save(self._path)
            self._seeds.append(self._path.read_bytes())

    def check_seeds(self) -> None:
        """Use the files that ``save`` wrote, and the same sealed anew."""
        for seed in self._seeds:
            self.use(seed)
            self.use(seal(*parse(seed)))

    def case(self, rng: Random) -> bytes:
        """Changes in the configuration most of all."""
        seed = one_of(rng, self._seeds)
        if rng.random() < 0.05:
            return damaged_bytes(rng, seed)
        document, header, data = parse(seed)
        for _ in range(int(rng.geometric(0.6))):
            action = rng.random()
            if action < 0.7:
                document["config"] = damaged_tree(rng, document["config"])
            elif action < 0.75:
                document["task"] = one_of(rng, TASKS)
            elif action < 0.8:
                document = damaged_tree(rng, document)
            elif action < 0.95:
                data = _damaged_numbers(rng, header, data)
            else:
                header = damaged_tree(rng, header)
            if not isinstance(document, dict) or not isinstance(document.get("config"), dict) or not header:
                break
        return seal(document, header, data)

    def use(self, case: bytes) -> None:
        """Load, show, predict, save and load again."""
        self._path.write_bytes(case)
        run_command(["info", str(self._path)])
        model = unrolled.load(self._path)
        repr(model)
        getattr(self, f"_use_{type(model).__name__.replace('Sequence', '').lower()}")(model)
        model.save(self._path)
        assert type(unrolled.load(self._path)) is type(model)

    def _use_classifier(self, model: Any) -> None:
        items = _items(model)
        assert len(model.predict(items)) == len(items)
        assert model.predict_proba(items).shape == (len(items), len(model.classes_))

    def _use_regressor(self, model: Any) -> None:
        assert len(model.predict(_items(model))) == 2

    def _use_tagger(self, model: Any) -> None:
        items = _items(model)
        for found in (model.predict(items), model.predict_proba(items), model.predict_k_best(items, 2)):
            assert len(found) == len(items)

    def _use_seq2seq(self, model: Any) -> None:
        items = _items(model)
        for found in (model.predict(items), model.predict_n_best(items, 2), model.attention_weights(items)):
            assert len(found) == len(items)

    def _use_ctctranscriber(self, model: Any) -> None:
        items = _items(model)
        for found in (model.predict(items), model.predict_n_best(items, 2), model.probabilities(items)):
            assert len(found) == len(items)
        if not model.bidirectional:
            stream = model.stream()
            stream.push(items[0])
            stream.finish()

    def _use_generator(self, model: Any) -> None:
        classes, kind = model.classes_, model.condition_kind_
        condition = None if kind is None else [0.5, 1e6] if classes is None else classes.tolist()[0]
        assert len(model.generate(2, condition=condition, max_length=20, seed=0)) == 2
        items = _items(model)
        told = model.log_likelihoods(items, None if kind is None else [condition] * len(items))
        assert len(told) == len(items)

    def _use_forecaster(self, model: Any) -> None:
        columns = model.columns_
        if columns["future"]:
            return
        model.predict()
        assert model.predict_quantiles(horizon=model.horizon_ + 1).shape[1] == model.horizon_ + 1
        str(model.validation_)
        if model.validation_ is not None:
            assert isinstance(model.validation_.skill, float)
        if columns["time"] is None:
            model.predict(np.arange(1.0, 101.0))

    def _use_anomalydetector(self, model: Any) -> None:
        rows, channels = min(model.context_, 2000) + 5, len(model.channels_)
        data = np.random.default_rng(0).normal(size=(rows, channels))
        if model._config.time is None:
            model.predict(data)
            model.windows(data)
            return
        import pandas as pd

        frame = pd.DataFrame(data, columns=model.channels_)
        frame[model._config.time] = pd.date_range("2024-01-17 16:00", periods=rows, freq="h", tz="Europe/Berlin")
        assert len(model.predict(frame)) == rows
        model.windows(frame)


def _items(model: Any) -> list[Any]:
    """Two items of the kind that the model was trained on."""
    rng = np.random.default_rng(1)
    channels = getattr(model, "n_channels_in_", 1)
    return {
        "numbers": lambda: [rng.normal(size=(4, channels)), rng.normal(size=(7, channels)) * 1e6],
        "text": lambda: ["good film", "some other words, and " * 5],
        "tokens": lambda: [["Ada", "slept"], ["so", "did", "Bob", "x" * 99]],
        "audio": lambda: [Waveform(rng.uniform(-1, 1, n).astype(np.float32), 8000) for n in (50, 900)],
    }[model.item_kind_]()


def _damaged_numbers(rng: Random, header: dict[str, Any], data: bytes) -> bytes:
    """Some numbers of a tensor replaced, or all."""
    entry = one_of(rng, list(header.values()))
    if not isinstance(entry, dict) or not {"dtype", "data_offsets"} <= entry.keys():
        return data
    dtype = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "|u1"}.get(str(entry["dtype"]), "|u1")
    begin, end = entry["data_offsets"]
    values = np.frombuffer(data[begin:end], dtype).copy()
    if not len(values):
        return data
    extreme = one_of(rng, EXTREMES) if rng.random() < 0.8 else any_value(rng)
    chosen = slice(None) if rng.random() < 0.3 else int(rng.integers(len(values)))
    with np.errstate(all="ignore"):
        try:
            values[chosen] = np.array(extreme).astype(dtype)
        except (ValueError, TypeError, OverflowError):
            values[chosen] = values[::-1][chosen]
    return data[:begin] + values.tobytes() + data[end:]
