"""Say what was said, or written, in a sequence of steps, in the order of the steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.charts.chart import Chart
from unrolled.charts.heatmap import heatmap_figure
from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.augmentation import augmented_encoder, augments, check_augmentation
from unrolled.codecs.inputs import AudioCodec, NumberCodec
from unrolled.codecs.joining import joined
from unrolled.codecs.target_tokens import TargetCodec
from unrolled.data.items import kind_of
from unrolled.errors import InputError
from unrolled.metrics.answers import answer_measures, exact_rate
from unrolled.networks.stack import StackConfig
from unrolled.networks.tagger import TaggerConfig
from unrolled.parameters.declaration import require
from unrolled.runtime.decoding.ctc import Transcription, fewest_frames
from unrolled.runtime.model_file import ModelFile
from unrolled.statistical.ngrams import NGrams
from unrolled.tasks.agreement import require_same
from unrolled.tasks.checks import check_count
from unrolled.tasks.ensemble import train_members
from unrolled.tasks.estimator import FitContext
from unrolled.tasks.generation.target_estimator import GivenPairs, TargetEstimator
from unrolled.tasks.generation.targets import Target, places_kept_back
from unrolled.tasks.generation.transcriber_model import TranscriberConfig, TranscriberModel
from unrolled.tasks.generation.transcriber_parameters import PrefixBeamParameters, TranscriberParameters
from unrolled.tasks.generation.transcriber_stream import TranscriberStream
from unrolled.tasks.recording_parameters import check_audio
from unrolled.tasks.weights_loss import Told

if TYPE_CHECKING:
    from unrolled.training.taught import Taught
else:
    Taught = Any

__all__ = ["CTCTranscriber", "Heard", "Transcript"]

LISTED = 3  # culprits that an error names


class Heard(NamedTuple):
    """A symbol and when it was said."""

    symbol: str
    start: float
    """In seconds of a recording, otherwise in steps."""
    end: float
    confidence: float
    """The mean of its probability over the steps in between."""


class Transcript(NamedTuple):
    """What was said, and when."""

    target: Target
    """The text, or the list of symbols."""
    symbols: list[Heard]
    score: float
    """What transcripts are ranked by."""
    log_p: float
    """The logarithm of the probability of the alignments that were found."""


class CTCTranscriber(TargetEstimator, TranscriberParameters):
    r"""Say what was said in a recording, or written along a pen's way: fewer symbols than steps, in the same order.

    Recurrent layers and a dense layer give each symbol, and the blank, a probability at each step
    (:mod:`unrolled.networks.tagger`); the networks are trained by connectionist temporal classification
    (:mod:`unrolled.training.ctc`), so nobody has to say when each symbol was said, and transcripts are found by
    :mod:`unrolled.runtime.decoding.ctc`. Recordings can be changed at random in training
    (:mod:`unrolled.codecs.augmentation`).

    Attributes:
        model_: the networks, what turns items into what they read, and the language model.
        losses_, validation_losses_: of each epoch, a symbol.
        epochs_: the best epoch of each network.
        validation_: the measures of :meth:`evaluate` on the items kept back, or None.
        inferred_: one sentence for each thing inferred.
        seed_: what the training was drawn from.

    >>> rng = np.random.default_rng(0)
    >>> letters = {"a": [1.0, 0.0], "b": [0.0, 1.0]}
    >>> y = ["".join(rng.choice(["a", "b"], rng.integers(1, 4))) for _ in range(60)]
    >>> X = [np.concatenate([np.array([letters[each]] * 2 + [[0.0, 0.0]]) for each in text]) for text in y]
    >>> model = CTCTranscriber(hidden_size=16, max_epochs=25, learning_rate=0.03, random_state=0).fit(X, y)
    >>> model.predict([np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])])
    ['ba']
    """

    _parameters = TranscriberParameters
    _search_parameters = PrefixBeamParameters
    _config_type = TranscriberConfig

    def fit(
        self, X: Any, y: Any = None, *, validation: Any = None, checkpoint: str | os.PathLike[str] | None = None
    ) -> CTCTranscriber:
        """Train on items and their transcripts. A previous model is replaced only after the training has succeeded.

        Args:
            X: a list of recordings (:class:`unrolled.data.wav.Waveform`), or of arrays ``[T_i, C]`` (steps, features).
            y: what is said in each: a list of texts, or of lists of symbols.
            validation: validation data ``(X, y)``, with which to choose the best epoch, instead of ``validation_fraction``.
            checkpoint: a file in which the training is saved after each epoch, at most every ten seconds, until :meth:`save`
                has written the model. If it already exists, the training resumes from it, and the result has the same bits as
                if it had never stopped.

        Raises:
            InputError: the data or a parameter is invalid, a transcript is empty or longer than its item has steps for, or the
                checkpoint belongs to others; the message names the culprit.
            TrainingError: the loss is not finite or has exploded.
            MissingExtraError: torch is not installed.
        """
        settings = self._checked()
        if kind_of(X) not in ("audio", "numbers"):
            raise InputError("X holds texts, expected recordings, or arrays [T_i, C]: Seq2Seq reads texts")
        data = GivenPairs.read(X, y, validation)
        return self._train(data, data.identity, settings, checkpoint)

    def predict(self, X: Any) -> list[Target]:
        """The best transcript of each item that the search finds; empty where nothing is said.

        The parameters of the search are those the estimator has now: ``set_params(beam_size=1)`` needs no fit.
        """
        decode = self._fitted().targets.decode
        return [decode(found[0].symbols) for found in self._transcriptions(self._read(X), 1)[1]]

    def transcribe(self, X: Any) -> list[Transcript]:
        """The best transcript of each item, and when each of its symbols was said."""
        return [found[0] for found in self.predict_n_best(X, 1)]

    def predict_n_best(self, X: Any, n: int) -> list[list[Transcript]]:
        """The ``n`` best transcripts of each item, the best first; fewer if there are no more. The beam is at least so wide."""
        items = self._read(X)
        log_p, found = self._transcriptions(items, check_count("n", n))
        return [
            [self._transcript(each, frames, self._duration(item)) for each in several]
            for item, frames, several in zip(items, log_p, found, strict=True)
        ]

    def stream(self) -> TranscriberStream[Transcript]:
        """Listen to an item whose parts come one after the other.

        Raises:
            InputError: not fitted, or the model cannot: it reads items in both directions, or normalises the features of
                whole recordings, or takes their slopes, which look ahead.

        >>> rng = np.random.default_rng(0)
        >>> X, y = [rng.normal(size=(9, 2)) for _ in range(12)], ["ab"] * 12
        >>> model = CTCTranscriber(hidden_size=4, max_epochs=1, bidirectional=False, random_state=0).fit(X, y)
        >>> stream = model.stream()
        >>> partial = [stream.push(part) for part in (X[0][:5], X[0][5:])]
        >>> stream.finish() == model.transcribe(X[:1])[0]
        True
        """
        config, settings = self._fitted(), self._search_settings()
        return TranscriberStream(
            self.model_,
            width=settings.beam_size,
            fusion=self.model_.fusion(settings.language_weight, settings.symbol_bonus),
            decode=config.targets.decode,
            transcript=self._transcript,
        )

    def probabilities(self, X: Any) -> list[Values]:
        """The probabilities of the blank and of each symbol of :attr:`vocabulary_` at each step, ``[T_i, 1 + V]`` each."""
        return [np.exp(log_p) for log_p in self.model_.log_p(self._read(X))]

    def _numbers_and_answers(self, X: Any, y: Any) -> Told:
        each = [p.ravel() for p in self.probabilities(X)]
        return Told("probabilities of symbols", np.concatenate(each), self.predict(X))

    def plot(self, X: Any) -> Chart:
        """Draw the probabilities of the symbols over time; a notebook shows it, ``save`` keeps it as SVG.

        Args:
            X: items, a picture each, one above the other. Symbols whose probability is never above 1 % are left out.

        Raises:
            InputError: there is no item.
        """
        items = self._read(X)
        names = ["blank", *(entry.strip() or "␣" for entry in self.vocabulary_)]
        unit = "seconds" if self.item_kind_ == "audio" else "steps"
        figures: list[str] = []
        for p in self.probabilities(items):
            shown = [k for k in range(p.shape[1]) if p[:, k].max() > 0.01]
            times = [f"{t * self._seconds_a_step:.2f}" if unit == "seconds" else str(t) for t in range(len(p))]
            label = f"probability of each symbol, {unit} across"
            figures.append(heatmap_figure(p[:, shown].T, [names[k] for k in shown], times, label))
        return Chart(*figures)

    def score(self, X: Any, y: Any) -> float:
        """The share of transcripts that are right as a whole."""
        true, said = self._compared(X, y)
        return exact_rate(true, said)

    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """The measures of :func:`unrolled.metrics.answers.answer_measures`: transcripts that are right as a whole, and edits for
        each true word and character, or each symbol."""
        true, said = self._compared(X, y)
        return answer_measures([[each] for each in true], said)

    def _compared(self, X: Any, y: Any) -> tuple[list[Target], list[Target]]:
        items = self._read(X)
        return self._read_y(y, items), self.predict(items)

    def _transcriptions(self, items: Sequence[Any], n: int) -> tuple[list[Values], list[list[Transcription]]]:
        settings = self._search_settings()
        log_p = self.model_.log_p(items)
        fusion = self.model_.fusion(settings.language_weight, settings.symbol_bonus)
        return log_p, self.model_.decoded(log_p, max(n, settings.beam_size), n, fusion)

    def _search_settings(self) -> TranscriberParameters:
        """The parameters that the estimator has now."""
        self._fitted()
        settings, fitted = self._checked(), self._settings.language_model
        require("language_model", settings.language_model, settings.language_model == fitted, f"{fitted}, as fitted")
        return settings

    @property
    def _seconds_a_step(self) -> float:
        """Of a recording; otherwise the steps of the user that the layers read at once."""
        config = self._fitted()
        stride = self.model_.stride
        if isinstance(config.inputs, NumberCodec):
            return stride
        return stride * config.inputs.features.hop_length / config.inputs.features.rate

    def _duration(self, item: Any) -> float:
        return len(item) if isinstance(item, np.ndarray) else len(item.samples) / item.rate

    def _transcript(self, found: Transcription, log_p: Values, duration: float) -> Transcript:
        """A transcription in the user's words and units."""
        codec, unit = self._fitted().targets, self._seconds_a_step
        names = codec.vocabulary.decode(found.symbols.tolist())
        heard = [
            Heard(
                name, min(first * unit, duration), min(after * unit, duration),
                float(np.exp(log_p[first:after, symbol]).mean()),
            )
            for name, symbol, (first, after) in zip(names, found.symbols.tolist(), found.times.tolist(), strict=True)
        ]  # fmt: skip
        return Transcript(codec.decode(found.symbols), heard, found.score, found.log_p)

    def _taught(self, X: Any, y: Any, member: int) -> Taught:
        from unrolled.training.ctc import Transcripts, ctc_problem
        from unrolled.training.engine import NetworkOptions
        from unrolled.training.taught import taught

        items, model, targets = self._read(X), self.model_, self._fitted().targets
        true = self._read_y(y, items)
        said = Transcripts(model.encoded(items), [targets.encode(target) for target in true])
        _check_known(true, targets, said.targets, "y")
        _check_alignments(said.items, said.targets)
        problem = ctc_problem(model.shape, said, NetworkOptions.of(self._settings), len(items))
        return taught(problem.make, model.members[member], lambda module: problem.loss(module, said))

    def _learn(
        self, data: GivenPairs, settings: TranscriberParameters, context: FitContext
    ) -> tuple[TranscriberConfig, TranscriberModel]:
        from unrolled.training.ctc import Transcripts, ctc_problem
        from unrolled.training.engine import NetworkOptions

        splitting = "given" if data.in_tokens else settings.target_tokens
        targets = TargetCodec.fit(data.targets[: data.learned], splitting)
        kept_back = places_kept_back(len(data.items), data.learned, settings.validation_fraction, context.seed)
        used = np.setdiff1d(np.arange(len(data.items)), kept_back)
        codec = _codec([data.items[n] for n in used], settings)
        check_augmentation(settings, codec if isinstance(codec, AudioCodec) else None)
        encode, k = codec.encoder(), settings.stride
        symbols = [targets.encode(target) for target in data.targets]
        said = Transcripts([joined(encode(item), k) for item in data.items], symbols)
        _check_known(data.targets[data.learned :], targets, symbols[data.learned :], "validation's y")
        _check_alignments(said.items, symbols)
        if isinstance(codec, AudioCodec):
            codec.warn_of_short(data.items)
        shape = _shape(codec, targets, settings)
        draw = _drawing(codec, settings, [data.items[n] for n in used])
        count, of = len(targets.vocabulary.entries), len(used)
        inferred = [f"{count:,} symbol{'s' * (count != 1)}, {of:,} transcript{'s' * (of != 1)} learned from"]
        self._log(inferred)
        members, runs = train_members(
            lambda _, phase: ctc_problem(
                shape, said.select(used), NetworkOptions.of(settings), settings.batch_size, draw=draw,
                validation=said.select(kept_back) if len(kept_back) else None, phase=phase,
            ),
            settings,
            context,
        )  # fmt: skip
        V, order = len(targets.vocabulary), settings.language_model
        language = NGrams.counted([symbols[n] for n in used], tokens=V + 1, order=order, eos=V) if order else None
        model = TranscriberModel(shape, codec, k, members, language)
        config = TranscriberConfig(
            settings=context.settings, seed=context.seed, learned=data.learned, inferred=inferred,
            losses=[loss for run in runs for loss in run.losses], shape=shape, inputs=codec, targets=targets,
            language=[] if language is None else language.sizes,
            validation_losses=[loss for run in runs for loss in run.validation_losses],
            epochs=[run.best_epoch or len(run.losses) for run in runs],
        )  # fmt: skip
        if not len(kept_back):
            return config, model
        self._adopt(settings, config, model)
        found = self.evaluate([data.items[n] for n in kept_back], [data.targets[n] for n in kept_back])
        return msgspec.structs.replace(config, validation=found), model

    @classmethod
    def _restore(
        cls, model_file: ModelFile, config: TranscriberConfig, settings: TranscriberParameters
    ) -> TranscriberModel:
        inputs, splitting = config.inputs, config.targets.splitting
        numbers = inputs
        if isinstance(inputs, AudioCodec):
            check_audio("inputs.features", inputs.features, settings.audio)
            numbers = inputs.numbers
        assert isinstance(numbers, NumberCodec)
        plain = not numbers.changes and numbers.segment == 1
        require("inputs", inputs, plain, "channels as they are, step by step")
        known = (settings.target_tokens, "given")
        require("targets.splitting", splitting, splitting in known, " or ".join(known))
        require("language", config.language, len(config.language) == settings.language_model, "as in settings")
        require_same("shape", config.shape, _shape(inputs, config.targets, settings))
        return TranscriberModel.restore(model_file, config, settings)

    def _learned(self) -> str:
        return f"from {self.item_kind_} to {len(self.vocabulary_):,} symbols"


def _usual_features(rate: int, settings: TranscriberParameters) -> AudioFeatures:
    """The features of recordings where none are given; a stream cannot be normalised as a whole."""
    return AudioFeatures(rate=rate, normalization="mean" if settings.bidirectional else "none")


def _codec(items: Sequence[Any], settings: TranscriberParameters) -> NumberCodec | AudioCodec:
    if isinstance(items[0], np.ndarray):
        return NumberCodec.fit(items)
    return AudioCodec.fit(items, settings.audio or _usual_features(items[0].rate, settings))


def _shape(codec: NumberCodec | AudioCodec, targets: TargetCodec, settings: TranscriberParameters) -> TaggerConfig:
    """The network's sizes, which follow from what is read and said, and the parameters."""
    width = codec.width if isinstance(codec, NumberCodec) else codec.numbers.width
    stack = StackConfig.of(settings, settings.stride * width, bidirectional=settings.bidirectional)
    return TaggerConfig(stack, outputs=len(targets.vocabulary), crf=False)


def _drawing(
    codec: NumberCodec | AudioCodec, settings: TranscriberParameters, items: Sequence[Any]
) -> Callable[[int, np.random.Generator], NDArray[np.float32]] | None:
    """Recordings as training draws them, by their numbers; None where nothing is drawn."""
    if not isinstance(codec, AudioCodec) or not augments(settings):
        return None
    encode, k = augmented_encoder(codec, settings), settings.stride
    return lambda n, generator: joined(encode(items[n], generator), k)


def _check_known(
    true: Sequence[Target], targets: TargetCodec, symbols: Sequence[NDArray[np.int64]], called: str
) -> None:
    """Check that transcripts have only symbols that are learned.

    Raises:
        InputError: naming the first one that has another.
    """
    for n, (target, own) in enumerate(zip(true, symbols, strict=True)):
        if not own.all():
            token = targets.tokens(target)[int(own.argmin())]
            raise InputError(
                f"{called}: transcript {n} has the symbol {token.strip() or token!r}, which no transcript that is"
                " learned from has: leave it out"
            )


def _check_alignments(steps: Sequence[Any], symbols: Sequence[NDArray[np.int64]]) -> None:
    """Check that every transcript has an alignment.

    Raises:
        InputError: naming the first ones that have none.
    """
    long: list[str] = []
    for n, (own, item) in enumerate(zip(symbols, steps, strict=True)):
        needed = fewest_frames(own)
        if needed > len(item):
            repeats = needed - len(own)
            between = f" and {repeats} blank{'s' * (repeats > 1)} between repeated ones" if repeats else ""
            long.append(f"transcript {n} has {len(own)} symbols{between} for {len(item)} steps")
    if long:
        more = f", and {len(long) - LISTED} more" if len(long) > LISTED else ""
        raise InputError(
            f"{'; '.join(long[:LISTED])}{more}: each symbol needs a step; leave them out, or lower stride or the hop of"
            " recordings"
        )
