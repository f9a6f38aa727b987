"""Say one sequence after another was read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.charts.chart import Chart
from unrolled.charts.heatmap import heatmap_figure
from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.inputs import AudioCodec, NumberCodec
from unrolled.codecs.target_tokens import TargetCodec
from unrolled.codecs.tokens import TokenCodec
from unrolled.data.items import ItemKind, kind_of
from unrolled.errors import InputError
from unrolled.metrics.edits import error_rate
from unrolled.networks.attention import AttentionConfig
from unrolled.networks.embedding import EmbeddingConfig
from unrolled.networks.encoder_decoder import EncoderDecoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.parameters.declaration import require
from unrolled.runtime.decoding.beam import BeamSearch, Hypothesis
from unrolled.runtime.model_file import ModelFile
from unrolled.tasks.agreement import require_same
from unrolled.tasks.checks import check_count
from unrolled.tasks.ensemble import train_members
from unrolled.tasks.estimator import FitContext
from unrolled.tasks.generation.joint_ranking import WEIGHTS, best_weight, learned_joint
from unrolled.tasks.generation.seq2seq_model import (
    LONGEST,
    JointConfig,
    Seq2SeqConfig,
    Seq2SeqModel,
    check_lengths,
    joint_bases,
    words_of,
)
from unrolled.tasks.generation.seq2seq_parameters import JOINT_ORDER, WINDOW, BeamParameters, Seq2SeqParameters
from unrolled.tasks.generation.seq2seq_wanted import Wanted
from unrolled.tasks.generation.target_estimator import GivenPairs, TargetEstimator
from unrolled.tasks.generation.targets import Target, places_kept_back
from unrolled.tasks.recording_parameters import check_audio
from unrolled.tasks.weights_loss import Told

if TYPE_CHECKING:
    from unrolled.training.encoder_decoder import Pairs
    from unrolled.training.progress import Progress
    from unrolled.training.taught import Taught

__all__ = ["Answer", "Seq2Seq"]

JUDGES = 1000  # pairs kept back at most that n-grams of pairs are judged by, and
FEWEST_JUDGES = 20  # at least, where they are not asked for


class Answer(NamedTuple):
    """One of several answers."""

    target: Target
    """The text, or the list of tokens."""
    score: float
    """What answers are ranked by."""
    log_p: float
    """The logarithm of its probability."""
    finished: bool
    """Whether it has an end; if not, it has reached the maximum length."""


class Seq2Seq(TargetEstimator, Seq2SeqParameters):
    r"""Say one sequence after another was read: translate, pronounce, normalise.

    Equations: :mod:`unrolled.networks.encoder_decoder` and :mod:`unrolled.networks.attention`. The networks are trained on
    :math:`-\log p(\text{target} \mid \text{source})` with Adam, and their probabilities are averaged. Answers are searched by
    :class:`unrolled.runtime.decoding.beam.BeamSearch`.

    Attributes:
        model_: the networks and what turns items into what they read.
        losses_, validation_losses_: of each epoch.
        epochs_: the best epoch of each network.
        validation_: the measures of :meth:`evaluate` on the pairs kept back, or None.
        inferred_: one sentence for each thing inferred.
        seed_: what the training was drawn from.

    >>> X = ["a b", "b c a", "c", "a c b"] * 5
    >>> y = ["b a", "a c b", "c", "b c a"] * 5
    >>> model = Seq2Seq(hidden_size=16, max_epochs=40, learning_rate=0.02, random_state=0).fit(X, y)
    >>> model.predict(["c", "b c a"])
    ['c', 'a c b']
    """

    _parameters = Seq2SeqParameters
    _search_parameters = BeamParameters
    _config_type = Seq2SeqConfig

    def fit(
        self, X: Any, y: Any = None, *, validation: Any = None, checkpoint: str | os.PathLike[str] | None = None
    ) -> Seq2Seq:
        """Train on sources and their targets. A previous model is replaced only after the training has succeeded.

        Args:
            X: a list of texts, of lists of tokens, of arrays ``[T_i, C]`` (steps, features), or of recordings
                (:class:`unrolled.data.wav.Waveform`).
            y: a list of texts, or of lists of tokens, as many.
            validation: validation data ``(X, y)``, with which to choose the best epoch, instead of ``validation_fraction``.
            checkpoint: a file in which the training is saved after each epoch, at most every ten seconds, until :meth:`save`
                has written the model. If it already exists, the training resumes from it, and the result has the same bits as
                if it had never stopped.

        Raises:
            InputError: the data or a parameter is invalid, or the checkpoint belongs to others; the message names the
                culprit.
            TrainingError: the loss is not finite or has exploded.
            MissingExtraError: torch is not installed.
        """
        settings = self._checked()
        _check_copying(settings, kind_of(X))
        data = GivenPairs.read(X, y, validation)
        known = data.kind in ("text", "tokens") or not settings.joint_ngrams
        require("joint_ngrams", settings.joint_ngrams, known, "0 or None: sources have no tokens")
        known = data.kind in ("text", "tokens") or not settings.joint_weight
        require("joint_weight", settings.joint_weight, known, "0 or None: sources have no tokens")
        return self._train(data, data.identity, settings, checkpoint)

    def predict(
        self,
        X: Any,
        *,
        prefixes: Sequence[Target] | None = None,
        phrases: Sequence[Sequence[Target]] | None = None,
    ) -> list[Target]:
        """The best answer to each source that the search finds, empty where none was found.

        The parameters of the search are those the estimator has now: ``set_params(beam_size=1)`` needs no fit.

        Args:
            X: sources.
            prefixes: for each source what its answer begins with, whole tokens of a text or a list of them; may be empty.
            phrases: for each source the phrases that its answer must contain, none or several.

        Raises:
            InputError: a source, a prefix or a phrase is invalid, such as one with a token that the model does not know.
        """
        found = self._answers(X, 1, prefixes, phrases)
        return [answers[0].target if answers else self._fitted().targets.decode([]) for answers in found]

    def predict_n_best(
        self,
        X: Any,
        n: int,
        *,
        prefixes: Sequence[Target] | None = None,
        phrases: Sequence[Sequence[Target]] | None = None,
    ) -> list[list[Answer]]:
        """The ``n`` best answers to each source, the best first; fewer if there are no more. The beam is ``n`` wide at least.

        Args and errors are those of :meth:`predict`.
        """
        return self._answers(X, check_count("n", n), prefixes, phrases)

    def _numbers_and_answers(self, X: Any, y: Any) -> Told:
        best = [answers[0] if answers else None for answers in self.predict_n_best(X, 1)]
        log_p = np.array([np.nan if each is None else each.log_p for each in best])
        return Told("log-probabilities of answers", log_p, [each and each.target for each in best])

    def _answers(
        self, X: Any, n: int, prefixes: Sequence[Target] | None, phrases: Sequence[Sequence[Target]] | None
    ) -> list[list[Answer]]:
        items = self._read(X)
        wanted = Wanted.read(self._fitted().targets, len(items), prefixes, phrases)
        search = self._search(n)
        wanted.check_lengths(search.max_length)
        found = self.model_.search(items, search, wanted, unknown=self.copy_unknown, weight=self._weight())
        return [
            [Answer(self._text(item, each), each.score, each.log_p, each.finished) for each in answers]
            for item, answers in zip(items, found, strict=True)
        ]

    def _text(self, item: Any, answer: Hypothesis) -> Target:
        """An answer as it is said, in place of what is not known the token of the source that is read most.

        What the model could have said itself is not copied, unless there is nothing else.
        """
        codec, unknown = self._fitted().targets, np.flatnonzero(answer.tokens == 0)
        if not len(unknown):
            return codec.decode(answer.tokens)
        assert answer.attention is not None
        source, known = self._split()(item), {token.strip() for token in codec.vocabulary.entries}
        strange = np.array([token not in known for token in source])
        read = answer.attention[unknown, : len(source)] * (strange if strange.any() else 1.0)
        return codec.decode(answer.tokens, [source[place] for place in read.argmax(1)])

    def _search(self, n: int) -> BeamSearch:
        config, settings = self._fitted(), self._checked()
        _check_copying(settings, self.item_kind_)
        return replace(_beam(settings, config.shape, config.longest), width=max(n, settings.beam_size), n_best=n)

    def _weight(self) -> float:
        """How much the n-grams of pairs count.

        Raises:
            InputError: there are none.
        """
        weight, joint = self._checked().joint_weight, self._fitted().joint
        if joint is None:
            require("joint_weight", weight, not weight, "None: the model has no n-grams of pairs")
            return 0.0
        return joint.weight if weight is None else weight

    def log_likelihood(self, X: Any, y: Any) -> Values:
        """The logarithm of the probability of each given target, its end included, ``[N]``."""
        return np.array([each.sum() for each in self._told(X, y)])

    def attention_weights(self, X: Any, y: Any = None) -> list[Values]:
        """What is read of each source for each token of its target: weights ``[U_i, T_i]``.

        Args:
            X: sources.
            y: their targets; by default what is predicted.

        Raises:
            InputError: the model has no attention.
        """
        items = self._read(X)
        return self.model_.attention(items, self._said(items) if y is None else self._encoded(y, items))

    def plot(self, X: Any, y: Any = None) -> Chart:
        """Draw what is read of each source for each token of its target; a notebook shows it, ``save`` keeps it as SVG.

        Args:
            X: sources, a picture each, one above the other.
            y: their targets; by default what is predicted.

        Raises:
            InputError: the model has no attention, or there is no source.
        """
        items, codec = self._read(X), self._fitted().targets
        targets = self._said(items) if y is None else self._encoded(y, items)
        if y is None:  # which, put together, may be split in another way
            rows = [codec.vocabulary.decode(target.tolist()) for target in targets]
        else:
            rows = [codec.tokens(target) for target in self._read_y(y, items)]
        split, label = self._split(), "source across, answer down: what is read"
        figures = [
            heatmap_figure(read, _labels(said), _labels(split(item)), label)
            for item, said, read in zip(items, rows, self.model_.attention(items, targets), strict=True)
        ]
        return Chart(*figures)

    def _said(self, items: Sequence[Any]) -> list[NDArray[np.int64]]:
        """The places of the tokens of the best answers."""
        found = self.model_.search(items, self._search(1), unknown=self.copy_unknown, weight=self._weight())
        return [answers[0].tokens if answers else np.empty(0, np.int64) for answers in found]

    def _encoded(self, y: Any, items: Sequence[Any]) -> list[NDArray[np.int64]]:
        """The places of the tokens of given targets."""
        return [self._fitted().targets.encode(target) for target in self._read_y(y, items)]

    def knows(self, X: Any) -> NDArray[np.bool_]:
        """Whether the model knows something of each source: a token, or a character where it reads these, ``[N]``.

        Answers to sources of which it knows nothing are those to any such source.
        """
        items, codec = self._read(X), self._fitted().inputs
        if not isinstance(codec, TokenCodec):
            return np.ones(len(items), bool)
        encode = codec.encoder()
        read = [encode(item) for item in items]
        return np.array([bool(each.words.any()) or any(map(any, each.spellings)) for each in read])

    def perplexity(self, X: Any, y: Any) -> float:
        r"""Of the tokens of given targets, their ends included: :math:`e^{-\frac{1}{N} \sum \log p}`; 1 is certainty."""
        return float(np.exp(-np.concatenate(self._told(X, y)).mean()))

    def score(self, X: Any, y: Any) -> float:
        """The share of targets that are said as a whole."""
        return self.evaluate(X, y)["exact"]

    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """Share of targets that are said as a whole, edits for each of their tokens, and perplexity of a token.

        A token that the model does not know counts as wrong, and has the probability of all such.
        """
        items = self._read(X)
        true, said = self._read_y(y, items), self.predict(items)
        split = self._fitted().targets.tokens
        tokens, found = [split(each) for each in true], [split(each) for each in said]
        return {
            "exact": float(np.mean([own == other for own, other in zip(tokens, found, strict=True)])),
            "token_error_rate": error_rate(tokens, found),
            "perplexity": self.perplexity(items, true),
        }

    def _told(self, X: Any, y: Any) -> list[Values]:
        items = self._read(X)
        return self.model_.log_likelihoods(items, self._encoded(y, items))

    def _taught(self, X: Any, y: Any, member: int) -> Taught:
        from unrolled.training.encoder_decoder import Pairs, encoder_decoder_problem
        from unrolled.training.engine import NetworkOptions
        from unrolled.training.taught import taught

        items, model = self._read(X), self.model_
        pairs = Pairs(model.encoded(items), self._encoded(y, items))
        problem = encoder_decoder_problem(model.shape, pairs, NetworkOptions.of(self._settings), len(items))
        return taught(problem.make, model.members[member], lambda module: problem.loss(module, np.arange(len(items))))

    def _learn(
        self, data: GivenPairs, settings: Seq2SeqParameters, context: FitContext
    ) -> tuple[Seq2SeqConfig, Seq2SeqModel]:
        from unrolled.training.encoder_decoder import Pairs, encoder_decoder_problem
        from unrolled.training.engine import NetworkOptions

        kept_back = places_kept_back(len(data.items), data.learned, settings.validation_fraction, context.seed)
        used = np.setdiff1d(np.arange(len(data.items)), kept_back)
        codec = _source_codec([data.items[n] for n in used], data.kind, settings)
        if isinstance(codec, AudioCodec):
            codec.warn_of_short(data.items)
        sources = list(map(codec.encoder(), data.items))
        splitting = "given" if data.in_tokens else settings.target_tokens
        targets = TargetCodec.fit([data.targets[n] for n in used], splitting, min_count=settings.target_min_count)
        check_lengths([len(encoded) for encoded in sources])
        for n, target in enumerate(data.targets):
            if len(targets.tokens(target)) > LONGEST:
                raise InputError(f"target {n} has {len(targets.tokens(target)):,} tokens, expected at most {LONGEST:,}")
        shape = _shape(codec, targets, settings)
        pairs = Pairs(sources, [targets.encode(target) for target in data.targets])
        several = "s" * (len(used) != 1)
        inferred = [
            f"{len(targets.vocabulary):,} tokens that are said or unknown, {len(used):,} pair{several} learned from"
        ]
        self._log(inferred)
        members, runs = train_members(
            lambda _, phase: encoder_decoder_problem(
                shape, pairs.select(used), NetworkOptions.of(settings), settings.batch_size,
                label_smoothing=settings.label_smoothing, scheduled_sampling=settings.scheduled_sampling,
                validation=pairs.select(kept_back) if len(kept_back) else None, phase=phase,
            ),
            settings,
            context,
        )  # fmt: skip
        model, joint = Seq2SeqModel(shape, codec, members), None
        if isinstance(codec, TokenCodec) and settings.joint_ngrams != 0:
            model, joint, told = self._with_joint(
                model, targets, pairs, data.items, used, kept_back, settings, context.callback
            )
            self._log(told)
            inferred += told
        config = Seq2SeqConfig(
            settings=context.settings, seed=context.seed, learned=data.learned, inferred=inferred,
            losses=[loss for run in runs for loss in run.losses], shape=shape, inputs=codec, targets=targets,
            longest=_longest(pairs, used), joint=joint,
            validation_losses=[loss for run in runs for loss in run.validation_losses],
            epochs=[run.best_epoch or len(run.losses) for run in runs],
        )  # fmt: skip
        if not len(kept_back):
            return config, model
        self._adopt(settings, config, model)
        found = self.evaluate([data.items[n] for n in kept_back], [data.targets[n] for n in kept_back])
        return msgspec.structs.replace(config, validation=found), model

    def _with_joint(
        self,
        model: Seq2SeqModel,
        targets: TargetCodec,
        pairs: Pairs,
        items: Sequence[Any],
        used: NDArray[np.int64],
        kept_back: NDArray[np.int64],
        settings: Seq2SeqParameters,
        callback: Callable[[Progress], object] | None,
    ) -> tuple[Seq2SeqModel, JointConfig | None, list[str]]:
        """The model with n-grams of pairs, if they are wanted or help on pairs kept back; of which sizes; what to tell."""
        assert isinstance(model.inputs, TokenCodec)
        asked, judges = settings.joint_ngrams is not None or bool(settings.joint_weight), kept_back[:JUDGES]
        if not asked and (len(judges) < FEWEST_JUDGES or settings.joint_weight == 0):
            return model, None, []
        order = (settings.joint_ngrams or JOINT_ORDER) if asked else None
        words = words_of(pairs.sources)
        learned_from = [(words[n], pairs.targets[n]) for n in used]
        joint = learned_joint(learned_from, joint_bases(model.inputs, targets), order, callback)
        if joint is None:
            return model, None, []
        model, weight = replace(model, joint=joint), settings.joint_weight
        if weight is not None:
            told = f"n-grams of pairs count {weight:g} beside the networks, as was set"
        elif not len(judges):
            weight, told = 1.0, "n-grams of pairs count as much as the networks"
        else:
            search = replace(_beam(settings, model.shape, _longest(pairs, used)), n_best=settings.beam_size)
            found = model.judged([items[n] for n in judges], search)
            weight, right = best_weight(found, [pairs.targets[n] for n in judges])
            told = (
                f"n-grams of pairs count {weight:g} beside the networks: of {len(judges)} pairs kept back"
                f" {right[WEIGHTS.index(weight)]} are said rightly, without them {right[0]}"
            )
        if not weight and not asked:
            told = "n-grams of pairs are left out: with them no more of the pairs kept back are said rightly"
            return replace(model, joint=None), None, [told]
        return model, JointConfig(len(joint.pieces.keys), joint.ngrams.sizes, weight), [told]

    @classmethod
    def _restore(cls, model_file: ModelFile, config: Seq2SeqConfig, settings: Seq2SeqParameters) -> Seq2SeqModel:
        inputs, splitting = config.inputs, config.targets.splitting
        if isinstance(inputs, TokenCodec):
            known = (settings.tokens, "given")
            require("inputs.splitting", inputs.splitting, inputs.splitting in known, " or ".join(known))
            spelled = settings.character_size > 0
            require(
                "inputs.characters", inputs.characters, (inputs.characters is not None) == spelled, "as in settings"
            )
        else:
            if isinstance(inputs, AudioCodec):
                check_audio("inputs.features", inputs.features, settings.audio)
                inputs = inputs.numbers
            plain = not inputs.changes and inputs.segment == 1
            require("inputs", inputs, plain, "channels as they are, step by step")
        known = (settings.target_tokens, "given")
        require("targets.splitting", splitting, splitting in known, " or ".join(known))
        attention, expected = config.shape.attention, settings
        if settings.window is None and settings.reach != "global" and attention is not None:
            expected = replace(settings, window=attention.window or None)
        require_same("shape", config.shape, _shape(config.inputs, config.targets, expected))
        if config.joint is not None:
            order = len(config.joint.ngrams)
            possible = isinstance(inputs, TokenCodec) and settings.joint_ngrams in (None, order)
            require("joint", config.joint, possible, "None, of such sources and settings")
        return Seq2SeqModel.restore(model_file, config, settings)

    def _learned(self) -> str:
        return f"from {self.item_kind_} to {len(self.vocabulary_):,} tokens"


def _beam(settings: Seq2SeqParameters, shape: EncoderDecoderConfig, longest: int) -> BeamSearch:
    """The search of the best answer."""
    return BeamSearch(
        bos=shape.begin,
        eos=shape.end,
        max_length=settings.max_length or 2 * longest + 1,
        width=settings.beam_size,
        length_penalty=settings.length_penalty,
        coverage_penalty=settings.coverage_penalty,
        block_ngrams=settings.block_ngrams,
    )


def _longest(pairs: Pairs, used: NDArray[np.int64]) -> int:
    """Tokens of the longest target learned from."""
    return max(len(pairs.targets[n]) for n in used)


def _source_codec(
    items: Sequence[Any], kind: ItemKind, settings: Seq2SeqParameters
) -> NumberCodec | TokenCodec | AudioCodec:
    if kind == "numbers":
        return NumberCodec.fit(items)
    if kind == "audio":
        return AudioCodec.fit(items, settings.audio or AudioFeatures(rate=items[0].rate))
    splitting = settings.tokens if kind == "text" else "given"
    return TokenCodec.fit(items, splitting, min_count=settings.min_count, spelled=settings.character_size > 0)


def _shape(
    codec: NumberCodec | TokenCodec | AudioCodec, targets: TargetCodec, settings: Seq2SeqParameters
) -> EncoderDecoderConfig:
    """The network's sizes, which follow from what is read and said, and the parameters."""
    tokens = None
    if isinstance(codec, TokenCodec):
        characters = 0 if codec.characters is None else len(codec.characters)
        tokens = EmbeddingConfig(len(codec.words), settings.embedding_size, characters, settings.character_size)
    numbers = codec.numbers if isinstance(codec, AudioCodec) else codec
    inputs = numbers.width if isinstance(numbers, NumberCodec) else tokens.outputs if tokens else 0
    encoder = StackConfig.of(settings, inputs, bidirectional=settings.bidirectional)
    if settings.attention == "dot" and encoder.bidirectional:  # which compares vectors of one size
        encoder = msgspec.structs.replace(encoder, merge="sum")
    fed = encoder.output_size * settings.input_feeding
    return EncoderDecoderConfig(
        encoder,
        StackConfig.of(settings, settings.embedding_size + fed),
        symbols=len(targets.vocabulary),
        symbol_size=settings.embedding_size,
        tokens=tokens,
        attention=_attention(settings),
        input_feeding=settings.input_feeding,
    )


def _attention(parameters: Seq2SeqParameters) -> AttentionConfig | None:
    """The attention that the parameters describe."""
    if parameters.attention == "none":
        return None
    sized = parameters.attention in ("additive", "concat", "multi_head")
    return AttentionConfig(
        parameters.attention,
        size=parameters.hidden_size if sized else 0,
        heads=parameters.heads,
        reach=parameters.reach,
        window=0 if parameters.reach == "global" else parameters.window or WINDOW,
        coverage=parameters.coverage,
    )


def _check_copying(settings: Seq2SeqParameters, kind: ItemKind) -> None:
    if settings.copy_unknown and kind not in ("text", "tokens"):
        raise InputError("copy_unknown is True, but sources of numbers have no tokens to copy")


def _labels(tokens: Sequence[str]) -> list[str]:
    """Tokens as a picture names them: a blank is seen."""
    return [token.strip() or "␣" for token in tokens]
