"""Model files whose checksum is right and whose content is not: each lie is named when the file is loaded, none later."""

import copy
import hashlib
import json
import re
import struct

import numpy as np
import pandas as pd
import pytest

import unrolled
from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.tokens import CACHED, TokenCodec
from unrolled.data.wav import Waveform
from unrolled.errors import InputError, ModelFileError

SMALL = {"hidden_size": 3, "members": 1, "max_epochs": 1, "random_state": 0}
TEXT = {**SMALL, "min_count": 1, "embedding_size": 3, "character_size": 2}


def series():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"day": pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d"), "sold": 50 + rng.normal(size=60)}
    )
    return pd.concat(
        [frame.assign(shop=1, price=frame["sold"] ** 2), frame.assign(shop=2, sold=frame["sold"] + 1, price=0.5)]
    )


def hours():
    index = pd.date_range("2024-01-01", periods=300, freq="h", name="hour")
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)}, index=index)


def items():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(5, 2)) for _ in range(20)]


def sounds():
    rng = np.random.default_rng(0)
    return [Waveform(rng.uniform(-1, 1, 900).astype(np.float32), 8000) for _ in range(20)]


FITTED = {
    "classifier": lambda: unrolled.SequenceClassifier(**SMALL).fit(items(), ["a", "b"] * 10),
    "several": lambda: unrolled.SequenceClassifier(**SMALL).fit(items(), np.eye(2, dtype=int)[[0, 1] * 10]),
    "text": lambda: unrolled.SequenceClassifier(**TEXT).fit(["good film", "bad film"] * 10, [1, 2] * 10),
    "pieces": lambda: unrolled.SequenceClassifier(**TEXT, tokens="pieces").fit(
        ["good film", "bad film"] * 10, [1, 2] * 10
    ),
    "audio": lambda: unrolled.SequenceClassifier(**SMALL, audio=AudioFeatures(rate=8000, mel_bands=5)).fit(
        sounds(), ["a", "b"] * 10
    ),
    "regressor": lambda: unrolled.SequenceRegressor(**SMALL).fit(items(), np.arange(20.0)),
    "tagger": lambda: unrolled.SequenceTagger(**TEXT).fit([["Ada", "slept"]] * 12, [["B-PER", "O"]] * 12),
    "pairs": lambda: unrolled.Seq2Seq(**TEXT).fit(["good film", "bad film"] * 5, ["guter Film", "schlechter Film"] * 5),
    "numbers to tokens": lambda: unrolled.Seq2Seq(**SMALL).fit(items(), [["a", "b"], ["b"]] * 10),
    "names": lambda: unrolled.SequenceGenerator(**SMALL, embedding_size=3).fit(["Ann", "Bob"] * 5, ["f", "m"] * 5),
    "named vectors": lambda: unrolled.SequenceGenerator(**{**SMALL, "members": 2}, tied=True).fit(
        ["a", "b"] * 5, np.eye(10)
    ),
    "long text": lambda: unrolled.SequenceGenerator(**SMALL, tokens="words").fit("One two, buckle my shoe. " * 9),
    "steps to text": lambda: unrolled.CTCTranscriber(**SMALL, language_model=2).fit(items(), ["ab", "b"] * 10),
    "sounds to text": lambda: unrolled.CTCTranscriber(**SMALL, stride=2).fit(sounds(), ["ab", "b"] * 10),
    "heard as set": lambda: unrolled.CTCTranscriber(**SMALL, audio=AudioFeatures(rate=8000, normalization="mean")).fit(
        sounds(), ["ab", "b"] * 10
    ),
    "said aloud": lambda: unrolled.SequenceGenerator(**SMALL, audio=AudioFeatures(rate=8000, coefficients=20)).fit(
        sounds()
    ),
    "local": lambda: unrolled.Seq2Seq(**TEXT, reach="local_m", window=4).fit(
        ["good film", "bad film"] * 5, ["a", "b"] * 5
    ),
    "open": lambda: unrolled.SequenceTagger(**{**TEXT, "members": None}).fit(
        [["Ada", "slept"]] * 12, [["N", "V"]] * 12
    ),
    "smoothing": lambda: unrolled.Forecaster(**SMALL, season_length=4).fit(20 + np.sin(np.arange(60.0))),
    "windows": lambda: unrolled.Forecaster(
        **SMALL, method="windows", horizon=3, input_window=8, intervals="conformal"
    ).fit(series(), target="sold", time="day", series="shop", past=["price"]),
    "detector": lambda: unrolled.AnomalyDetector(**SMALL, window=8, false_alarm_every=500).fit(hours()),
    "rebuilder": lambda: unrolled.AnomalyDetector(**SMALL, window=8, method="reconstruction").fit(
        np.sin(np.arange(300.0))
    ),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a fitted model of each kind, made when they are asked for."""
    folder, made = tmp_path_factory.mktemp("models"), {}

    def of(kind):
        if kind not in made:
            FITTED[kind]().save(folder / kind)
            made[kind] = (folder / kind).read_bytes()
        return made[kind]

    return of


def parse(data):
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return json.loads(header.pop("__metadata__")["unrolled"]), header, data[8 + length :]


def seal(document, header, data):
    raw = json.dumps({"__metadata__": {"unrolled": json.dumps({**document, "sha256": "0" * 64})}, **header}).encode()
    content = struct.pack("<Q", len(raw)) + raw + data
    return content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode(), 1)


def changed(document, where, value):
    """A document with another value at a place such as ``shape.stack.num_layers`` of its configuration."""
    document = copy.deepcopy(document)
    *way, last = [int(part) if part.isdigit() else part for part in where.split(".")]
    at = document["config"]
    for part in way:
        at = at[part]
    if value is ABSENT:
        del at[last]
    else:
        at[last] = value(at[last]) if callable(value) else value
    return document


ABSENT = object()


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as error:
        unrolled.load(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert len(message) < 1500
    return message


LIES = [
    # counts that no file of this size can have
    ("regressor", "settings.members", 2**31, "members is 2147483648"),
    ("regressor", "settings.members", 2**40, "members is 1099511627776"),
    ("regressor", "settings.num_layers", 2**40, "num_layers"),
    ("regressor", "shape.stack.num_layers", 2**40, r"shape.stack.num_layers is 1099511627776, expected 1"),
    ("smoothing", "shape.members", 2**40, "shape.members is 1099511627776, expected 1"),
    ("windows", "shape.num_layers", 2**20, "shape.num_layers is 1048576, expected 1"),
    ("regressor", "settings.members", 2, "missing tensors: 'members.1."),
    ("regressor", "settings.members", 0, "members is 0, expected at least 1"),
    ("regressor", "settings.members", -1, "members is -1"),
    ("regressor", "shape.stack.inputs", 0, r"Expected `int` >= 1 - at `\$.shape.stack.inputs`"),
    ("regressor", "shape.stack.hidden_size", 10**30, r"at `\$.shape.stack.hidden_size`"),
    ("regressor", "shape.outputs", 2, "shape.outputs is 2, expected 1"),
    ("tagger", "shape.tokens.words", 77, r"shape.tokens.words is 77, expected 3"),
    ("detector", "shape.smoothing", 0, r"at `\$.shape.smoothing`"),
    ("detector", "shape.window", 0, r"at `\$.shape.window`"),
    ("detector", "shape.window", 9, "window is 9, expected 8"),
    ("detector", "shape.network.leads", [], "shape.network.leads"),
    ("detector", "shape.network.leads", [0], r"at `\$.shape.network.leads\[0\]`"),
    ("detector", "shape.network.channels", 3, "shape.network.channels is 3, expected 2"),
    ("rebuilder", "shape.network.window", 80, "shape.network.window is 80, expected 8"),
    ("rebuilder", "shape.smoothing", 100, "at most window = 8"),
    ("rebuilder", "shape.network.code", 8, "code_size is 8, expected less than the 8"),
    ("pairs", "shape.symbols", 5, "shape.symbols is 5, expected 4"),
    ("pairs", "shape.symbol_size", 0, r"at `\$.shape.symbol_size`"),
    ("pairs", "shape.symbol_size", 4, "the decoder has 3 inputs, expected 4"),
    ("pairs", "shape.decoder.bidirectional", True, "the decoder is bidirectional"),
    ("pairs", "shape.attention.size", 2**40, "shape.attention.size is 1099511627776, expected 3"),
    ("pairs", "shape.attention.score", "dot", "size is 3, expected 0 for score 'dot'"),
    ("pairs", "shape.attention", None, "shape.attention is None"),
    ("pairs", "settings.attention", "multi_head", "shape.attention.score is 'additive', expected 'multi_head'"),
    ("pairs", "settings.max_length", 10**12, "max_length is 1000000000000"),
    ("pairs", "settings.beam_size", 0, "beam_size is 0"),
    ("pairs", "longest", 2**40, r"at `\$.longest`"),
    ("pairs", "targets.splitting", "characters", "targets.splitting is 'characters', expected words or given"),
    ("pairs", "targets.vocabulary.entries", ["a"], "shape.symbols is 4, expected 2"),
    ("pairs", "targets.vocabulary.entries", ["a", "a", "b", "c"], "two places"),
    ("pairs", "inputs.splitting", "characters", "inputs.splitting is 'characters', expected words or given"),
    ("pairs", "inputs.characters", None, "inputs.characters is None, expected as in settings"),
    ("numbers to tokens", "inputs.segment", 2, "inputs"),
    ("steps to text", "inputs.segment", 2, "inputs is .*expected channels as they are"),
    ("steps to text", "targets.splitting", "words", "targets.splitting is 'words', expected characters or given"),
    ("steps to text", "targets.vocabulary.entries", ["a", "b", "c"], "shape.outputs is 3, expected 4"),
    ("steps to text", "targets.vocabulary.entries", ["a", "a"], "an entry of the vocabulary has two places"),
    ("steps to text", "language", [], "language is .*, expected as in settings"),
    ("steps to text", "language.1", 99, "language.ngrams_2"),
    ("steps to text", "settings.language_model", 1, "language is .*, expected as in settings"),
    ("steps to text", "settings.stride", 2, "shape.stack.inputs is 2, expected 4"),
    ("steps to text", "shape.crf", True, "shape.crf is True, expected False"),
    ("sounds to text", "inputs.features.normalization", "none", None),
    ("heard as set", "inputs.features.normalization", "none", "inputs.features is .*, as in settings"),
    ("said aloud", "said.codec.features.lowest", 30.0, "said.codec.features is .*, as in settings"),
    ("local", "shape.attention.window", 3, "shape.attention.window is 3, expected 4"),
    ("classifier", "epochs", [], None),
    ("open", "epochs", [], r"epochs is \[\], expected one number a network"),
    ("open", "epochs", [1, 1], "extra tensors: 'members.2."),
    ("open", "epochs", [1, 1, 1, 1], "missing tensors: 'members.3."),
    ("sounds to text", "inputs.features.rate", 16000, None),
    ("sounds to text", "inputs.numbers.segment", 2, "inputs is .*expected channels as they are"),
    ("sounds to text", "settings.language_model", 2, "language is .*, expected as in settings"),
    ("names", "shape.head.symbols", 7, "shape.head.symbols is 7, expected 6"),
    ("names", "shape.head.size", 4, "the layers have 19 inputs, expected 20"),
    ("names", "shape.head.size", 0, r"at `\$.shape.head.size`"),
    ("names", "shape.head.tied", True, "shape.head.tied is True, expected False"),
    ("names", "shape.head.type", "encoder_decoder", "shape.head"),
    ("names", "shape.stack.bidirectional", True, "the layers are bidirectional"),
    ("names", "shape.stack.inputs", 2**40, "the layers have 1099511627776 inputs"),
    ("names", "shape.condition.inputs", 2**40, "shape.condition.inputs is 1099511627776, expected 2"),
    ("names", "shape.condition", None, "the layers have 19 inputs, expected 3"),
    ("names", "shape.condition.kind", "vector", "shape.condition.kind is 'vector', expected 'class'"),
    ("names", "condition", None, "shape.stack.inputs is 19, expected 3"),
    ("names", "condition.classes.values", ["f"], "shape.condition.inputs is 2, expected 1"),
    ("names", "condition.classes.values", [], "a condition is either one of some classes or a vector"),
    ("names", "condition.classes", None, "a condition is either one of some classes or a vector"),
    ("names", "said.codec.vocabulary.entries", ["a"], "shape.head.symbols is 6, expected 2"),
    ("names", "said.codec.splitting", "words", "said.codec.splitting is 'words', expected characters or given"),
    ("names", "carried", True, "carried is True, expected false with a condition"),
    ("names", "longest", 2**40, "longest is 1099511627776, expected at most 100000"),
    ("names", "settings.steps", "noise", "steps is 'noise'"),
    ("names", "settings.members", 2**40, "members is 1099511627776"),
    ("named vectors", "condition.numbers", lambda old: old[:3], "shape.condition.inputs is 10, expected 3"),
    ("named vectors", "condition.numbers.0.deviation", 0, "deviation is 0"),
    ("named vectors", "settings.tied", False, "shape.head.tied is True, expected False"),
    ("long text", "settings.carried", False, "carried is True, expected"),
    (
        "long text",
        "settings.tokens",
        "characters",
        "said.codec.splitting is 'words_as_set', expected characters or given",
    ),
    ("long text", "carried", False, None),
    ("numbers to tokens", "shape.encoder.inputs", 3, "shape.encoder.inputs is 3, expected 2"),
    # cells and their activation functions
    ("regressor", "settings.cell", "grru", "cell is 'grru', expected one of"),
    ("regressor", "shape.stack.cell", "rnn_tanh[affine:x]", "shape.stack.cell is 'rnn_tanh.affine:x.', expected 'gru'"),
    ("smoothing", "shape.cell", "lstm", "shape.cell is 'lstm', expected 'gru'"),
    ("text", "shape.tokens.cell", "rnn_tanh[elu:0.5]", "shape.tokens.cell"),
    # what is predicted
    ("classifier", "labels.values", [], "labels.values is .., expected 2 classes at least"),
    ("classifier", "labels.values", ["a"], "expected 2 classes at least"),
    ("classifier", "labels.values", ["a", "b", "c"], "shape.outputs is 2, expected 3"),
    ("classifier", "labels.values", ["a", "a"], "expected each once, ascending"),
    ("classifier", "labels.values", ["a", 1], "label '1' is none of the kind 'text'"),
    ("classifier", "labels.kind", "truth", "label 'a' is none of the kind 'truth'"),
    ("text", "labels.values", [1, 2**63], "label '9223372036854775808' is none of the kind 'integer'"),
    ("text", "labels.values", [True, 2], "label 'True' is none of the kind 'integer'"),
    ("several", "shape.outputs", 3, "shape .3, 6., expected|shape .2, 6., expected"),
    ("regressor", "targets", [], "targets is .., expected the scale of each number"),
    ("regressor", "flat", False, None),
    ("regressor", "targets", lambda old: old * 2, "flat is True, expected false where several"),
    ("tagger", "labels.values", [], "labels.values is .., expected 2 tags at least"),
    ("tagger", "labels.values", ["", "O"], "expected 2 tags at least, all of them texts"),
    ("tagger", "labels.values", ["NOUN", "O"], "tag 'NOUN' marks no entity"),
    ("tagger", "labels", None, "labels.values"),
    ("tagger", "scheme", "bioes", None),
    ("tagger", "scheme", "iob1", r"at `\$.scheme`"),
    # what is read
    ("classifier", "inputs.channels", [], r"at `\$.inputs.channels`"),
    ("classifier", "inputs.channels", lambda old: old[:1], "differences of 2 channels are scaled, expected 1"),
    ("classifier", "inputs.changes", [], "inputs.changes is .., expected as in settings"),
    ("classifier", "inputs.segment", 0, r"at `\$.inputs.segment`"),
    ("classifier", "inputs.segment", 2, "shape.stack.inputs is 4, expected 8"),
    ("classifier", "settings.segment", 2, "inputs.segment is 1, expected 2, as in settings"),
    ("classifier", "settings.differences", False, "inputs.changes is .*, expected as in settings"),
    ("classifier", "settings.convolutions", False, "convolutions is .*, expected as in settings"),
    ("classifier", "convolutions", None, r"networks is 0\.\d+, expected 1 without a linear part"),
    ("classifier", "convolutions.channels", 3, "convolutions.channels is 3, expected 2"),
    ("classifier", "convolutions.dilations", [0], r"at `\$.convolutions.dilations"),
    ("classifier", "convolutions.dilations", [1] * 9, "tensor 'convolutions.thresholds' has shape"),
    ("classifier", "convolutions.thresholds", 1, "tensor 'convolutions.thresholds' has shape"),
    ("several", "networks", 0.5, "networks is 0.5, expected 1 without a linear part"),
    ("classifier", "networks", 1.5, r"at `\$.networks`"),
    ("classifier", "inputs.channels.0.deviation", 0, "deviation is 0, expected from 2.2\\d*e-308 to 1.7\\d*e.308"),
    ("classifier", "inputs.channels.0.deviation", 5e-324, "deviation is"),
    ("classifier", "inputs.channels.0.deviation", -1.0, "deviation is -1"),
    ("windows", "constant", [2], r"constant is \[2\], expected places of some of names"),
    ("windows", "constant", [-1], r"at `\$.constant\[0\]`"),
    ("text", "inputs.words.entries", lambda old: [*old, "more"], "shape.tokens.words is 4, expected 5"),
    ("text", "inputs.words.entries", [], "shape.tokens.words"),
    ("text", "inputs.words.entries", lambda old: [old[0]] * len(old), "an entry of the vocabulary has two places"),
    ("text", "inputs.characters", None, "inputs.characters is None"),
    ("text", "inputs.splitting", "characters", "inputs.splitting is 'characters', expected words"),
    ("text", "inputs.splitting", "pieces", "splitting is 'pieces', without a tokenizer"),
    ("pieces", "inputs.pieces", "{}", "the tokenizer in pieces is not one of byte pairs"),
    (
        "pieces",
        "inputs.pieces",
        lambda old: old.replace('"padding":null', '"padding":{"strategy":{"Fixed":9999999999}}'),
        "pieces",
    ),
    ("pieces", "inputs.pieces", lambda old: old.replace("[[", "[[7,"), "the tokenizer in pieces"),
    ("audio", "inputs.features.rate", 10**12, "rate is 1000000000000"),
    ("audio", "inputs.features.window", 1e6, "window is 1000000.0"),
    ("audio", "inputs.features.window", 1e308, r"window is 1e\+308"),
    ("audio", "inputs.features.mel_bands", 2**40, "mel_bands is 1099511627776"),
    ("audio", "inputs.features.deltas", 1, "channels are scaled, expected"),
    ("audio", "inputs.features.emphasis", 0.5, "inputs.features is"),
    ("regressor", "columns", {"layout": "wide"}, "columns lack what a table of layout 'wide' is read from"),
    ("regressor", "columns", {"layout": "long", "features": ["a"]}, "columns lack what a table of layout 'long'"),
    ("text", "columns", {"layout": "text", "label": "y"}, "columns lack what a table of layout 'text'"),
    ("text", "columns", {"layout": "text", "label": "y", "text": "y"}, "columns 'y', 'y': expected one role for each"),
    ("regressor", "columns", {"layout": "wide", "features": ["a", "a"]}, "columns 'a', 'a': expected one role"),
    # settings
    ("classifier", "settings.dropout", 1.0, "dropout is 1.0"),
    ("classifier", "settings.batch_size", 0, "batch_size is 0"),
    ("classifier", "settings.validation_fraction", -3.0, "validation_fraction is -3.0"),
    ("classifier", "settings.random_state", -3, "random_state is -3"),
    ("classifier", "seed", -1, r"at `\$.seed`"),
    ("classifier", "epochs", ABSENT, "epochs"),
    ("classifier", "more", 1, "more"),
    ("smoothing", "settings.missing", "guess", "missing is 'guess', expected one of raise"),
    ("detector", "settings.missing", "guess", "missing is 'guess', expected one of raise"),
    ("detector", "settings.false_alarm_every", "soon", "false_alarm_every is 'soon'"),
    # forecasters
    ("smoothing", "shape.season", 0, r"at `\$.shape.season`"),
    ("smoothing", "shape.season", 5, "shape.season is 5, expected 4"),
    ("windows", "shape.input_window", 0, r"at `\$.shape.input_window`"),
    ("windows", "shape.horizon", 2**40, "shape.horizon is 1099511627776, expected 3"),
    ("windows", "shape.quantiles", [0.9, 0.5, 0.1], r"shape.quantiles is .0.9, 0.5, 0.1., expected .0.1, 0.5, 0.9."),
    ("windows", "shape.quantiles", [0.1, 0.9], "shape.quantiles"),
    ("windows", "shape.quantiles", [], "shape.quantiles"),
    ("windows", "settings.quantiles", [0.1, 0.1], "quantiles is .0.1, 0.1., expected different"),
    ("windows", "settings.quantiles", [0.0], "quantiles is"),
    ("windows", "settings.method", "smoothing", "settings.method is 'smoothing', expected auto or windows"),
    ("windows", "settings.intervals", "model", "factors is True, expected false: the network's distances"),
    ("windows", "factors", False, "extra tensors: 'conformal.factors'"),
    ("windows", "learned", [0], "combination.weights is 'a network', expected 0 for a network that did not learn"),
    ("windows", "learned", [1, 0], "learned is .1, 0., expected places of some of names, ascending"),
    ("windows", "learned", [0, 2], "learned is .0, 2., expected places of some of names"),
    ("windows", "learned", [], "learned is .., expected some series if there are covariates"),
    ("windows", "covariates", None, "learned is .0, 1., expected some series if there are covariates, or none"),
    ("windows", "lags", 99, "tensor 'methods.coefficients' has shape"),
    ("windows", "shape.distribution", "student_t", "shape.distribution is 'student_t', expected 'quantiles'"),
    ("windows", "columns.past", ["sold"], "column 'sold' is named by target= and past="),
    ("windows", "columns.past", ["price", "price"], "column 'price' is named by"),
    ("windows", "columns.past", [], "shape.past is 1, expected 0"),
    ("windows", "columns.time", None, "columns.time is None"),
    ("windows", "columns.series", None, "series is None, expected a column"),
    ("windows", "covariates.past", [], "covariates.past is 0, expected a scale for each of 1"),
    ("windows", "names", ["1"], "rows is .60, 60., expected as many"),
    ("windows", "names", ["1", "1"], "names is ..1., .1.., expected one series at least, each once"),
    ("windows", "names", ["1", "x"], "frame_like.series_is_integer is True"),
    ("windows", "names", [], "names"),
    ("windows", "rows", [1, 119], "rows is .1, 119., expected 11 at least"),
    ("windows", "rows", [-1, 121], r"at `\$.rows\[0\]`"),
    ("windows", "rows", [2**53, 60], "history.values"),
    ("windows", "rows", [61, 59], "history.times of series '1' is"),
    ("windows", "times", "integer", "columns.time|frequency.unit"),
    ("windows", "times", "none", "columns.time is 'day'"),
    ("windows", "frequency.count", 0, r"count is 0, expected from 1 to .* at `\$.frequency`"),
    ("windows", "frequency.count", 7, "history.times of series '1': the time steps are not regular"),
    ("windows", "frequency.count", 2**62, r"at `\$.frequency"),
    ("windows", "frequency.unit", "step", "frequency.unit is 'step'"),
    ("windows", "frequency.unit", "M", "history.times of series '1'"),
    ("windows", "frequency.unit", "B", "history.times of series '1'"),
    ("windows", "frequency.day", 77, r"at `\$.frequency"),
    ("windows", "frame_like.kind", "numpy", "frame_like is"),
    ("windows", "frame_like.time", "hour", "frame_like.time is 'hour', expected 'day'"),
    ("windows", "frame_like.series", None, "frame_like.series is None"),
    ("windows", "frame_like.time_style", None, "frame_like.time_style is None"),
    (
        "windows",
        "frame_like.time_style.unit",
        "fortnight",
        "times can be written in: Invalid datetime unit",
    ),
    ("windows", "frame_like.time_style.zone", "../../etc/passwd", "time_style is none"),
    ("windows", "frame_like.time_style.kind", "datetime", "its unit is 'D', expected one of s, ms, us, ns"),
    ("windows", "frame_like.time_style.format", "%Q", "%Q is not known"),
    ("windows", "frame_like.time_style.format", "%d%d%Y", "expected each directive once"),
    ("windows", "frame_like.time_style", {"kind": "text", "format": "%b %Y", "months": ["Jan"]}, "time_style is none"),
    (
        "windows",
        "frame_like.time_style",
        {"kind": "period", "unit": "fortnight"},
        "time_style is none .* Invalid frequency",
    ),
    ("windows", "frame_like.time_style.zone", "America", "'America' is not the name of a time zone"),
    ("windows", "frame_like.time_style.zone", "tzdata.zi", "is not the name of a time zone"),
    ("windows", "validation.accuracy", {}, "validation.accuracy is .., expected"),
    ("windows", "epochs", -1, r"at `\$.epochs`"),
    ("smoothing", "frame_like.time_is_index", True, "frame_like is"),
    # detectors
    ("detector", "calibration.threshold", -1.0, "threshold is -1.0, expected a number from 0"),
    ("detector", "calibration.merge", 0, r"at `\$.calibration.merge`"),
    ("detector", "names", ["a", "a"], "column 'a' is named by"),
    ("detector", "names", ["a", "hour"], "column 'hour' is named by"),
    ("detector", "names", ["a"], "channels is 2, expected a scale for each"),
    ("detector", "channels", lambda old: old[:1], "channels is 1"),
    ("detector", "channels.0.deviation", 1e-310, "deviation is 1e-310"),
    ("detector", "shape.cycles", ["year"], "shape.cycles is .'year',., expected some of .'day', 'week'."),
    ("detector", "shape.cycles", ["day", "day"], "shape.cycles"),
    ("detector", "shape.seasons", [0], r"at `\$.shape.seasons"),
    ("detector", "shape.seasons", [24, 25], "shape.network.stack.inputs"),
    ("detector", "clock", "none", "columns.time"),
    ("detector", "frequency.unit", "min", "history.times is 6600, expected 111 steps at one row a minute"),
    ("rebuilder", "time", "hour", "columns.time is 'hour'"),
]


@pytest.mark.parametrize(("kind", "where", "value", "message"), LIES)
def test_a_lie_in_the_configuration_is_named(tmp_path, good, kind, where, value, message):
    document, header, data = parse(good(kind))
    said = refused(tmp_path / "m", seal(changed(document, where, value), header, data)) if message else ""
    if message is not None:
        assert re.search(message, said), said
    else:  # not a lie that can be told from the truth, but nothing may come of it either
        (tmp_path / "m").write_bytes(seal(changed(document, where, value), header, data))
        unrolled.load(tmp_path / "m")


LEFT_OPEN = {
    # parameters that another version took where nothing was set
    "audio": ({"audio": AudioFeatures(rate=8000, mel_bands=5)}, lambda own: unrolled.SequenceClassifier(**SMALL, **own).fit(
        sounds(), ["a", "b"] * 10)),
    "heard": ({"audio": AudioFeatures(rate=8000, deltas=1)}, lambda own: unrolled.CTCTranscriber(**SMALL, **own).fit(
        sounds(), ["ab", "b"] * 10)),
    "written": ({"audio": AudioFeatures("log_mel", rate=8000)}, lambda own: unrolled.Seq2Seq(**SMALL, **own).fit(
        sounds(), ["ab", "b"] * 10)),
    "said": ({"audio": AudioFeatures(rate=8000, coefficients=9)}, lambda own: unrolled.SequenceGenerator(**SMALL, **own).fit(
        sounds())),
    "window": ({"window": 4}, lambda own: unrolled.Seq2Seq(**TEXT, reach="local_p", **own).fit(
        ["good film", "bad film"] * 5, ["a", "b"] * 5)),
    "members": ({"members": 2}, lambda own: unrolled.SequenceTagger(**{**TEXT, **own}).fit(
        [["Ada", "slept"]] * 12, [["N", "V"]] * 12)),
    "method": ({"hidden_size": 5, "members": 2}, lambda own: unrolled.Forecaster(**{**SMALL, **own}).fit(
        20 + np.sin(np.arange(60.0)))),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEFT_OPEN)
def test_a_file_of_a_version_with_other_defaults_is_read(tmp_path, kind):
    given, fit = LEFT_OPEN[kind]
    fit(given).save(tmp_path / "m")
    document, header, data = parse((tmp_path / "m").read_bytes())
    for name in given:
        document = changed(document, f"settings.{name}", None)
    (tmp_path / "old").write_bytes(seal(document, header, data))
    old = unrolled.load(tmp_path / "old")
    assert {name: old.get_params()[name] for name in given} == dict.fromkeys(given)
    old.save(tmp_path / "again")
    assert parse((tmp_path / "again").read_bytes())[0]["config"] == document["config"]
    assert parse((tmp_path / "again").read_bytes())[2] == data


def test_numbers_whose_covariance_another_version_would_choose_otherwise_are_read(tmp_path):
    unrolled.SequenceGenerator(**SMALL, covariance="diagonal").fit(items()).save(tmp_path / "m")
    document, header, data = parse((tmp_path / "m").read_bytes())
    document = changed(document, "settings.covariance", "auto")
    (tmp_path / "old").write_bytes(seal(document, header, data))
    old = unrolled.load(tmp_path / "old")
    assert old.generate(seed=0)[0].tolist() == unrolled.load(tmp_path / "m").generate(seed=0)[0].tolist()


@pytest.mark.parametrize("kind", FITTED)
def test_what_was_saved_is_no_lie(tmp_path, good, kind):
    (tmp_path / "m").write_bytes(seal(*parse(good(kind))))
    unrolled.load(tmp_path / "m").save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == good(kind)


@pytest.mark.parametrize("kind", FITTED)
def test_the_name_of_another_task(tmp_path, good, kind):
    document, header, data = parse(good(kind))
    tasks = (
        "forecaster",
        "anomaly_detector",
        "sequence_classifier",
        "sequence_regressor",
        "sequence_tagger",
        "checkpoint",
        "",
    )
    for task in tasks:
        if task != document["task"]:
            refused(tmp_path / "m", seal({**document, "task": task}, header, data))


NUMBERS = [
    ("windows", "scaling.scale", 0.0, "scale is 0, expected from 2.2"),
    ("windows", "scaling.scale", -2.0, "scale is -2"),
    ("windows", "scaling.scale", 5e-324, "scale is"),
    ("windows", "scaling.scale", 1e-200, "scaling.scale of series '1' is 1e-200"),
    ("windows", "scaling.scale", np.nan, "tensor 'scaling.scale' holds 1 values that are not finite"),
    ("windows", "scaling.log", 2, "scaling.log of series '1' is 2"),
    ("windows", "history.times", 2**62, "history.times of series '1'"),
    ("windows", "history.times", -(2**63), "history.times of series '1'"),
    ("windows", "history.times", 7, "history.times of series '1'"),
    ("windows", "conformal.factors", -1.0, "conformal.factors is -1.0, expected numbers from 0"),
    ("steps to text", "language.ngrams_1", 77, "ngrams_1"),
    ("steps to text", "language.counts_1", 0, "counts_1 hold a count below 1"),
    ("smoothing", "smoothing.alpha", 1.5, "smoothing.alpha is .* expected numbers from 0 to 1"),
    ("smoothing", "smoothing.gamma", -0.1, "smoothing.gamma is"),
    ("smoothing", "methods.gains", -0.1, "methods.gains is .* expected numbers from 0 to 1"),
    ("smoothing", "methods.seasonal", 2, "methods.seasonal is .* expected numbers from 0 to 1"),
    ("smoothing", "combination.weights", 0.99, "combination.weights is .* expected a sum of 1 for each series"),
    ("smoothing", "spread.growth", -1.0, "spread.growth is -1.0, expected numbers from 0"),
    ("smoothing", "spread.freedom", 1.0, "spread.freedom is 1.0, expected numbers from 2"),
    ("smoothing", "regression", None, None),
    ("detector", "history.times", 2**61, "history.times is"),
    ("detector", "units", 0.0, "units is 0.0, expected levels above 0"),
    ("detector", "regressions.all", np.nan, "tensor 'regressions.all' holds 1 values that are not finite"),
    ("detector", "history.values", np.inf, "tensor 'history.values' holds 1 values that are not finite"),
]


@pytest.mark.parametrize(("kind", "name", "value", "message"), NUMBERS)
def test_a_lie_in_the_numbers_is_named(tmp_path, good, kind, name, value, message):
    document, header, data = parse(good(kind))
    begin, end = header[name]["data_offsets"]
    if begin == end:
        return
    values = np.frombuffer(
        data[begin:end], {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "u1"}[header[name]["dtype"]]
    ).copy()
    values[0] = value
    said = refused(tmp_path / "m", seal(document, header, data[:begin] + values.tobytes() + data[end:]))
    assert re.search(message, said), said


def test_values_below_zero_on_the_logarithm(tmp_path, good):
    document, header, data = parse(good("windows"))
    begin, end = header["scaling.log"]["data_offsets"]
    values, stop = header["history.values"]["data_offsets"]
    lie = bytearray(data)
    lie[begin:end] = b"\1\1"
    lie[values : values + 8] = struct.pack("<d", -5.0)
    assert "scaling.log of series '1' is 1, expected 0, or 1 above 0" in refused(
        tmp_path / "m", seal(document, header, bytes(lie))
    )
    assert stop > values


def test_a_number_beyond_all_numbers(tmp_path, good):
    """JSON can write what no float holds; it would be read as infinity."""
    document, header, data = parse(good("detector"))
    lie = changed(document, "calibration.threshold", "HERE")
    raw = json.dumps(json.dumps({**lie, "sha256": "0" * 64})).replace('\\"HERE\\"', "1e999")
    raw = ('{"__metadata__": {"unrolled": ' + raw + "}, " + json.dumps(header)[1:]).encode()
    content = struct.pack("<Q", len(raw)) + raw + data
    content = content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode(), 1)
    assert "threshold is inf, expected a number from 0" in refused(tmp_path / "m", content)


def test_values_out_of_all_proportion_have_an_answer(tmp_path, good):
    """What is farther than any network could tell is as far as they can."""
    (tmp_path / "m").write_bytes(good("classifier"))
    model = unrolled.load(tmp_path / "m")
    assert np.isfinite(model.predict_proba([np.full((3, 2), 1.7e308), np.full((3, 2), -1e300)])).all()


@pytest.mark.parametrize("scale", [1e-310, 1e-320])
def test_units_that_no_float_holds_are_refused_before_training(scale):
    regressor = unrolled.SequenceRegressor(**SMALL, callback=lambda progress: pytest.fail("it began to train"))
    with pytest.raises(InputError, match="give the values in another unit"):
        regressor.fit([x * scale for x in items()], np.arange(20.0))


@pytest.mark.parametrize("quantiles", [(1e-7, 0.5), (0.5, 1 - 1e-9), (0.3, 0.3000000001)])
def test_quantiles_that_cannot_be_told_apart(quantiles):
    with pytest.raises(InputError, match="quantiles is"):
        unrolled.Forecaster(**SMALL, quantiles=quantiles).fit(np.arange(60.0))


def test_spellings_that_were_met_do_not_pile_up():
    codec = TokenCodec.fit([["abc"]], "given", min_count=1, spelled=True)
    encoder = codec.encoder()
    for n in range(3 * CACHED // 2):
        encoder([f"w{n}"])
    assert encoder._spelling.cache_info().currsize == CACHED
    assert encoder(["cab" * 10**5]).spellings == codec.encode(["cab" * 20]).spellings
