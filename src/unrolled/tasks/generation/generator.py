"""Say sequences: from nothing, a beginning, a class or a vector."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.conditions import ConditionCodec
from unrolled.data.items import ItemKind
from unrolled.errors import InputError, MissingExtraError
from unrolled.networks.mixture_head import MixtureHeadConfig
from unrolled.networks.next_step import ConditionConfig, NextStepConfig, Steps
from unrolled.networks.stack import StackConfig
from unrolled.parameters.amount import Amount
from unrolled.parameters.declaration import check_range, require
from unrolled.parameters.ranges import POSITIVE
from unrolled.runtime.decoding.sampling import Sampling
from unrolled.runtime.model_file import ModelFile
from unrolled.runtime.probabilities import log_mean
from unrolled.tasks.agreement import require_same
from unrolled.tasks.checks import check_count
from unrolled.tasks.ensemble import train_members
from unrolled.tasks.estimator import FitContext
from unrolled.tasks.generation.conditions import conditions_of, encoded_conditions, read_conditions
from unrolled.tasks.generation.generator_config import SAID, GeneratorConfig
from unrolled.tasks.generation.generator_model import GeneratorModel
from unrolled.tasks.generation.generator_parameters import (
    CARRIED_STEPS,
    GeneratorParameters,
    StepKind,
    generator_training,
)
from unrolled.tasks.generation.pieces import check_steps, read_known_pieces, read_pieces
from unrolled.tasks.generation.said import Part, Piece, Request, Said
from unrolled.tasks.generation.said_notes import SaidNotes
from unrolled.tasks.generation.said_symbols import SaidSymbols
from unrolled.tasks.generation.targets import FEWEST, places_kept_back
from unrolled.tasks.item_estimator import ExampleEstimator
from unrolled.tasks.weights_loss import Told

if TYPE_CHECKING:
    from unrolled.training.taught import Taught
else:
    Taught = Any

__all__ = ["Generated", "PieceStream", "SequenceGenerator"]

SEGMENT = 20  # steps that are foreseen before something is learned from them
LONGEST = 100_000  # steps of a piece that is read as a whole
LONGEST_DRAWN = 1000  # steps, of what has no end


class Generated(NamedTuple):
    """What was drawn."""

    piece: Piece
    """The text, the list of tokens, the array, or the recording, without the prompt."""
    log_p: float
    """The logarithm of its probability by the model, whatever the temperature; of numbers of its density in their units."""
    finished: bool
    """Whether it has an end; if not, it has reached the maximum length."""


class PieceStream(Iterator[Any]):
    """A piece as it is drawn: parts of a text, tokens, or frames, one after the other."""

    finished: bool = False
    """After the last of them, whether the piece has an end; if not, it has reached the maximum length."""

    def __init__(self, drawn: Iterator[Part], said: Said, prompt: Steps) -> None:
        self._parts = said.streamed(self._new(drawn), prompt)

    def __next__(self) -> Any:
        return next(self._parts)

    def _new(self, drawn: Iterator[Part]) -> Iterator[Any]:
        for part in drawn:
            self.finished = bool(part.finished[0])
            yield from part.new[0]


@dataclass(frozen=True)
class _Data:
    """What was read: pieces, and what each is to be; the first ``learned`` are learned from."""

    pieces: list[Piece]
    conditions: NDArray[Any] | None
    kind: ItemKind
    output: StepKind
    """What a step is."""
    carried: bool
    learned: int


class SequenceGenerator(ExampleEstimator, GeneratorParameters):
    r"""Say texts, music, strokes of a pen or words aloud like those it has learned: from nothing, a beginning, a class or vector.

    Equations: :mod:`unrolled.networks.next_step`. The networks are trained on :math:`-\log p` of each step after those before it
    with Adam, and their probabilities are averaged. Pieces are drawn by :class:`unrolled.runtime.decoding.sampling.Sampling`,
    those of numbers by :class:`unrolled.runtime.decoding.mixture_sampling.MixtureSampling`.

    Attributes:
        model_: the networks.
        losses_, validation_losses_: of each epoch.
        epochs_: the best epoch of each network.
        validation_: the measures of :meth:`evaluate` on what was kept back, or None.
        inferred_: one sentence for each thing inferred.
        seed_: what the training was drawn from.

    >>> names = ["Anna", "Hanna", "Johanna", "Joanna", "Rosanna"] * 8
    >>> model = SequenceGenerator(hidden_size=24, max_epochs=15, learning_rate=0.02, random_state=0).fit(names)
    >>> model.generate(prompt="Joh", temperature=0.2, seed=0)
    ['anna']
    """

    _parameters = GeneratorParameters
    _config_type = GeneratorConfig
    _fit_call = "fit(X)"

    def fit(
        self, X: Any, y: Any = None, *, validation: Any = None, checkpoint: str | os.PathLike[str] | None = None
    ) -> SequenceGenerator:
        """Train on pieces. A previous model is replaced only after the training has succeeded.

        Args:
            X: a list of texts, of lists of tokens, of piano rolls ``[T, P]`` of zeros and ones, with at least 12 notes, of
                strokes ``[T, 3]`` (x, y, and 1 where the pen is lifted after the point, else 0), of other arrays ``[T, C]``, or
                of recordings (:class:`unrolled.data.wav.Waveform`); or one long text, of which only parts are read at once.
            y: what each piece is to be, if that is to be chosen: labels ``[N]``, or vectors ``[N, D]``.
            validation: validation data, with which to choose the best epoch, instead of ``validation_fraction``: as ``X``, or
                ``(X, y)`` where there is a ``y``.
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
        pieces, kind, output = read_pieces(X, settings.steps)
        check_steps(settings, kind, output)
        conditions, learned = None if y is None else read_conditions(y, len(pieces)), len(pieces)
        long = SAID[output].long_name(kind)
        alone = long is not None and len(pieces) == 1 and y is None
        carried = alone if settings.carried is None else settings.carried
        if carried and long is None:
            raise InputError(
                f"carried is True, but the pieces are {'recordings' if kind == 'audio' else output}: leave it out"
            )
        if carried and (len(pieces) > 1 or y is not None):
            what = f"{len(pieces)} pieces" if len(pieces) > 1 else "a condition"
            raise InputError(f"carried is True with {what}: it is for one long text; leave it out, or join the pieces")
        if validation is not None:
            others, true = _parted(validation, conditions is not None)
            width = pieces[0].shape[1] if kind == "numbers" else None
            more = read_known_pieces(others, kind, output, width, "validation")
            if carried and len(more) > 1:
                raise InputError(f"validation holds {len(more)} pieces, expected one long text, as X is")
            if conditions is not None:
                same = read_conditions(true, len(more), conditions.ndim)
                conditions = np.concatenate([conditions, same])
            pieces = [*pieces, *more]
        data = _Data(pieces, conditions, kind, output, carried, learned)
        return self._train(
            data, (pieces, [] if conditions is None else conditions.tolist(), learned), settings, checkpoint
        )

    def generate(
        self,
        n: int | None = None,
        *,
        prompt: Piece | None = None,
        condition: Any = None,
        max_length: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> list[Piece]:
        """Draw pieces; those of numbers and of independent notes have at least one step, with that of their prompt.

        Args:
            n: how many; by default one, or one for each of several conditions.
            prompt: what they begin with, which is not among what is returned; by default nothing.
            condition: what they are to be: one label or vector for all, or a list of n.
            max_length: the most symbols, or frames of notes, that are drawn, the end among them; by default twice those of the
                longest piece learned, and its end; 1,000 of a long text, which has no end.
            temperature: below 1 the probable becomes more probable, above 1 less; above 0.
            top_k: only the k most probable symbols are drawn; independent notes and numbers know no such order.
            top_p: only the fewest symbols whose share of the probability is at least this, above 0, at most 1.
            seed: the same gives the same pieces; by default drawn anew.
            stop: texts before which a piece ends, wherever they come; of tokens, such tokens.

        Raises:
            InputError: an argument is out of its range, the prompt has a symbol that the model does not know, or a condition is
                missing, unknown or surplus.
        """
        found = self.draw(
            n, prompt=prompt, condition=condition, max_length=max_length, temperature=temperature, top_k=top_k,
            top_p=top_p, seed=seed, stop=stop,
        )  # fmt: skip
        return [each.piece for each in found]

    def draw(
        self,
        n: int | None = None,
        *,
        prompt: Piece | None = None,
        condition: Any = None,
        max_length: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> list[Generated]:
        """As :meth:`generate`, with how probable each piece is, and whether it has an end."""
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
        conditions, count = conditions_of(self._fitted().condition, condition, n)
        parts: list[list[Any]] = [[] for _ in range(count)]
        log_p, finished = np.zeros(count), np.zeros(count, bool)
        request = self._request(count, prompt, conditions, sampling, max_length, seed, stop)
        for part in self._fitted().said.draw(self.model_, request):
            for own, new in zip(parts, part.new, strict=True):
                own += new
            log_p, finished = log_p + part.log_p, part.finished
        pieces = [self._fitted().said.joined(part, request.prompt) for part in parts]
        return [Generated(*each) for each in zip(pieces, log_p.tolist(), finished.tolist(), strict=True)]

    def stream(
        self,
        *,
        prompt: Piece | None = None,
        condition: Any = None,
        max_length: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> PieceStream:
        """Draw one piece, and give it on as it is drawn: parts of a text, tokens, or frames ``[P]`` or ``[C]``.

        The arguments are those of :meth:`generate`, and checked at once. What might begin a stop string is held back until that
        is known.

        Raises:
            InputError: as :meth:`generate`; or pieces are recordings, whose samples depend on all of their frames.

        >>> model = SequenceGenerator(hidden_size=4, max_epochs=1, random_state=0).fit(["abba", "baba"] * 8)
        >>> stream = model.stream(max_length=3, seed=1)
        >>> text = "".join(stream)
        >>> (text, stream.finished) == model.draw(max_length=3, seed=1)[0][::2]
        True
        """
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
        conditions, _ = conditions_of(self._fitted().condition, condition, 1)
        request = self._request(1, prompt, conditions, sampling, max_length, seed, stop)
        said = self._fitted().said
        return PieceStream(said.draw(self.model_, request), said, request.prompt)

    def predict(self, X: Any, y: Any = None) -> list[Piece]:
        """A continuation of each piece, drawn as by :meth:`generate`; always the same.

        Args:
            X: the pieces, which are prompts.
            y: what each is to be, where the model was trained on that.
        """
        pieces = self._read(X)
        conditions = [None] * len(pieces) if y is None else list(y)
        return [
            self.generate(prompt=piece, condition=condition, seed=self.seed_ + n)[0]
            for n, (piece, condition) in enumerate(zip(pieces, conditions, strict=True))
        ]

    def log_likelihoods(self, X: Any, y: Any = None) -> list[Values]:
        """Of each piece the logarithm of the probability of each step after those before it, the piece's end included,
        ``[U_i + 1]``; of long texts, which have no end, ``[U_i]``. Of music a step is a frame; of numbers it is that of their
        density in the units of the data, of recordings in those of their features.

        A symbol that the model does not know has the probability of all such.
        """
        pieces, config = self._read(X), self._fitted()
        conditions = encoded_conditions(config.condition, y, len(pieces))
        steps = [config.said.encode(piece) for piece in pieces]
        found = self.model_.log_likelihoods(steps, conditions)
        return [config.said.told(own, log_p) for own, log_p in zip(steps, found, strict=True)]

    def _numbers_and_answers(self, X: Any, y: Any) -> Told:
        return Told("log-probabilities of steps", np.concatenate(self.log_likelihoods(X, y)))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log-likelihood of a step."""
        return float(np.concatenate(self.log_likelihoods(X, y)).mean())

    def evaluate(self, X: Any, y: Any = None, *, dynamic: float | None = None) -> dict[str, float]:
        r"""How well pieces are foreseen: ``nats``, :math:`-\frac{1}{N} \sum \log p` over all symbols and ends; ``perplexity``,
        their exponential; of texts ``bits_per_character``, the whole of them in bits by the number of characters; of music
        ``nats_per_frame``, the mean over frames, and ``nats_per_piece``, with the ends of pieces; of numbers
        ``nats_per_step``, of their density, over all steps and ends.

        The state is carried on through a long text, from its beginning to its end.

        Args:
            X: pieces, or one long text.
            y: what each is to be, where the model was trained on that.
            dynamic: a learning rate, such as 0.1, with which the networks go on learning from a long text as they read it
                (:mod:`unrolled.training.dynamic_evaluation`, needs torch); they are not changed by it.

        Raises:
            InputError: the data is none of the model's kind, or it learned no long text of symbols and ``dynamic`` is given.
            MissingExtraError: ``dynamic`` without torch.
        """
        pieces = self._read(X)
        told = self.log_likelihoods(pieces, y) if dynamic is None else self._dynamic(pieces, y, dynamic)
        return self._fitted().said.measures(pieces, told)

    def _dynamic(self, pieces: Sequence[Piece], y: Any, rate: float) -> list[Values]:
        check_range("dynamic", rate, POSITIVE)
        if not self.carried_ or self.step_kind_ != "symbols" or y is not None:
            raise InputError(f"dynamic is {rate:g}, but it is for models of one long text of symbols: leave it out")
        try:
            from unrolled.training.dynamic_evaluation import dynamic_log_likelihoods
        except ImportError:
            raise MissingExtraError("dynamic evaluation", "torch", "train") from None
        said, shape = self._fitted().said, self.model_.shape
        each = [
            [
                dynamic_log_likelihoods(shape, tensors, said.encode(piece), rate=rate, segment=SEGMENT)
                for tensors in self.model_.members
            ]
            for piece in pieces
        ]
        return [log_mean(own) for own in each]

    @property
    def carried_(self) -> bool:
        """Whether it learned one long text, which has no end."""
        return self._fitted().carried

    @property
    def vocabulary_(self) -> list[str]:
        """The symbols that can be said, of texts and tokens."""
        said = self._fitted().said
        return list(said.codec.vocabulary.entries) if isinstance(said, SaidSymbols) else []

    @property
    def notes_(self) -> int | None:
        """Of how many notes it says frames; None of anything else."""
        said = self._fitted().said
        return said.codec.notes if isinstance(said, SaidNotes) else None

    @property
    def item_kind_(self) -> ItemKind:
        """Whether pieces are texts, lists of ``tokens``, arrays of ``numbers``, or ``audio``."""
        return self._fitted().said.item_kind

    @property
    def step_kind_(self) -> StepKind:
        """What a step of a piece is: ``symbols``, ``notes``, ``strokes`` or ``values``."""
        return self._fitted().said.step_kind

    @property
    def condition_kind_(self) -> Literal["class", "vector"] | None:
        """Whether what a piece is to be is chosen by a class, a vector or not at all."""
        codec = self._fitted().condition
        return None if codec is None else codec.kind

    @property
    def vector_size_(self) -> int | None:
        """How many numbers a vector has that says what a piece is to be."""
        codec = self._fitted().condition
        return len(codec.numbers) if codec is not None and codec.kind == "vector" else None

    @property
    def classes_(self) -> NDArray[Any] | None:
        """What a piece can be, where that is one of some classes."""
        codec = self._fitted().condition
        return None if codec is None or codec.classes is None else codec.classes.classes

    def _request(
        self,
        count: int,
        prompt: Piece | None,
        conditions: NDArray[Any] | None,
        sampling: Sampling,
        max_length: int | None,
        seed: int | None,
        stop: Sequence[str],
    ) -> Request:
        """What is to be drawn, where the arguments leave it open."""
        config = self._fitted()
        longest = LONGEST_DRAWN if config.carried else 2 * config.longest + 1
        most = longest if max_length is None else check_count("max_length", max_length)
        drawn_from = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        return Request(count, self._encoded_prompt(prompt), conditions, sampling, most, drawn_from, stop)

    def _encoded_prompt(self, prompt: Piece | None) -> Steps:
        said = self._fitted().said
        if prompt is None or (hasattr(prompt, "__len__") and not len(prompt)):
            return self.model_.shape.head.first(1)[:0]
        blank = isinstance(prompt, str) and not prompt.strip()
        (read,) = [prompt] if blank and said.item_kind == "text" else self._read([prompt])
        steps = said.encode(read)
        said.check_prompt(read, steps)
        return steps

    def _read(self, X: Any) -> list[Piece]:
        said = self._fitted().said
        return read_known_pieces(X, said.item_kind, said.step_kind, said.columns)

    def _taught(self, X: Any, y: Any, member: int) -> Taught:
        from unrolled.training.engine import NetworkOptions
        from unrolled.training.next_step import Pieces, carried_problem, pieces_problem, text_parts
        from unrolled.training.taught import taught

        pieces, config, model, settings = self._read(X), self._fitted(), self.model_, self._settings
        conditions = encoded_conditions(config.condition, y, len(pieces))
        steps, options = [config.said.encode(piece) for piece in pieces], NetworkOptions.of(settings)
        _check_lengths(steps, config.carried)
        if not config.carried:
            known = Pieces(steps, conditions)
            problem: Any = pieces_problem(model.shape, known, options, len(steps))
        else:
            if len(steps) > 1:
                raise InputError(f"X holds {len(steps)} texts, but the model learned one long text: give one of them")
            (text,) = steps
            stretches = max(1, len(text) // (settings.truncate or CARRIED_STEPS))
            tracks = min(generator_training(settings, stretches).batch_size, len(text))
            (known,) = text_parts(text, model.shape.head, tracks, len(text) // tracks)
            problem = carried_problem(model.shape, text, options, tracks, len(text) // tracks)
        return taught(problem.make, model.members[member], lambda module: problem.loss(module, known))

    def _learn(
        self, data: _Data, settings: GeneratorParameters, context: FitContext
    ) -> tuple[GeneratorConfig, GeneratorModel]:
        from unrolled.training.engine import NetworkOptions
        from unrolled.training.next_step import Pieces, carried_problem, pieces_problem

        amount = _pieces(data, settings)
        training = generator_training(settings, amount)
        kept_back, used = _kept_back(data, training.validation_fraction, context.seed)
        said = SAID[data.output].fit(used.pieces, data.kind, settings)
        condition = None if data.conditions is None else ConditionCodec.fit(data.conditions)
        shape = _shape(said, condition, settings)
        options, size = NetworkOptions.of(settings), training.batch_size
        learned, held = (_encoded(part, said, condition) for part in (used, kept_back))
        _check_lengths(learned[0], data.carried)
        inferred = [
            _summary(said, data, learned[0]),
            f"{Amount.of(training, amount)}{_stretches(data, settings, len(learned[0][0]))}",
        ]
        vary = (lambda steps, generator: said.vary(steps, settings, generator)) if said.varies(settings) else None
        self._log(inferred)

        def problem(_: int, phase: str) -> Any:
            if data.carried:
                return carried_problem(
                    shape, learned[0][0], options, size, settings.truncate or CARRIED_STEPS,
                    validation=held[0][0] if held[0] else None, vary=vary, phase=phase,
                )  # fmt: skip
            validation = Pieces(*held) if held[0] else None
            return pieces_problem(shape, Pieces(*learned), options, size, validation=validation, vary=vary, phase=phase)

        members, runs = train_members(problem, training, context)
        model = GeneratorModel(shape, members, data.carried)
        config = GeneratorConfig(
            settings=context.settings, seed=context.seed, learned=data.learned, inferred=inferred,
            losses=[loss for run in runs for loss in run.losses], shape=shape, condition=condition, carried=data.carried,
            said=cast("Any", said), longest=max(map(said.length, learned[0])),
            validation_losses=[loss for run in runs for loss in run.validation_losses],
            epochs=[run.best_epoch or len(run.losses) for run in runs],
        )  # fmt: skip
        if not kept_back.pieces:
            return config, model
        self._adopt(settings, config, model)
        found = self.evaluate(kept_back.pieces, kept_back.conditions)
        return msgspec.structs.replace(config, validation=found), model

    @classmethod
    def _restore(cls, model_file: ModelFile, config: GeneratorConfig, settings: GeneratorParameters) -> GeneratorModel:
        config.said.check_settings(settings)
        head, expected = config.shape.head, settings
        if settings.covariance == "auto" and isinstance(head, MixtureHeadConfig):
            expected = replace(settings, covariance="diagonal" if head.diagonal else "full")
        require_same("shape", config.shape, _shape(config.said, config.condition, expected))
        whole = not config.carried or (config.condition is None and settings.carried is not False)
        require("carried", config.carried, whole, "false with a condition, and as in settings")
        short = config.carried or config.longest <= LONGEST
        require("longest", config.longest, short, f"at most {LONGEST} steps of a piece")
        return GeneratorModel.restore(model_file, config.shape, settings, carried=config.carried)

    def _adopt(self, settings: Any, config: GeneratorConfig, model: Any) -> SequenceGenerator:
        if config.said.columns is not None:
            self.n_channels_in_ = config.said.columns
        return super()._adopt(settings, config, model)

    def _learned(self) -> str:
        config = self._fitted()
        kind = "long text" if self.carried_ else f"{config.learned:,} pieces"
        return f"{kind} of {config.said.called}"


def _parted(validation: Any, conditioned: bool) -> tuple[Any, Any]:
    """Validation data in pieces and conditions."""
    if not conditioned:
        return validation, None
    if not isinstance(validation, tuple | list) or len(cast("list[Any]", validation)) != 2:
        raise InputError("validation is no pair of pieces and their conditions: give (X, y)")
    X, y = cast("Sequence[Any]", validation)
    return X, y


def _shape(said: Said, condition: ConditionCodec | None, settings: GeneratorParameters) -> NextStepConfig:
    """The network's sizes, which follow from what is said, and the parameters."""
    head, given = said.head(settings), None
    if condition is not None:
        given = ConditionConfig(condition.kind, condition.inputs, settings.condition_size)
    return NextStepConfig(StackConfig.of(settings, head.inputs + (given.size if given else 0)), head, given)


def _encoded(data: _Data, said: Said, condition: ConditionCodec | None) -> tuple[list[Steps], NDArray[Any] | None]:
    steps = [said.encode(piece) for piece in data.pieces]
    return steps, None if condition is None or data.conditions is None else condition.encode(data.conditions)


def _check_lengths(pieces: Sequence[Steps], carried: bool) -> None:
    for n, piece in enumerate(pieces):
        if carried and len(piece) < 2:
            raise InputError(f"the text has {len(piece)} symbol, expected at least 2 to learn what follows what")
        if not carried and len(piece) > LONGEST:
            raise InputError(
                f"piece {n} has {len(piece):,} steps, expected at most {LONGEST:,}: cut it, or train on it alone, carried=True"
            )


def _summary(said: Said, data: _Data, learned: Sequence[Steps]) -> str:
    what = f"{len(learned):,} pieces"
    if data.carried:
        what = f"one long {said.long_name(data.kind)}, the state carried on through it"
    return f"{said.about}; learned from {what}: {sum(map(said.length, learned)):,} {said.unit}"


def _pieces(data: _Data, settings: GeneratorParameters) -> int:
    """How many there are; of one long text stretches that are read at once."""
    if not data.carried:
        return data.learned
    said = SAID[data.output].fit(data.pieces, data.kind, settings)
    return max(1, len(said.encode(data.pieces[0])) // (settings.truncate or CARRIED_STEPS))


def _stretches(data: _Data, settings: GeneratorParameters, steps: int) -> str:
    """How long each of them is, of ``steps`` in all."""
    return f" of {min(settings.truncate or CARRIED_STEPS, steps)} steps" if data.carried else ""


def _kept_back(data: _Data, fraction: float, seed: int) -> tuple[_Data, _Data]:
    """What chooses the epoch, and the rest, which is learned from: given pieces or a share of all; of one text its last part."""
    if data.carried and data.learned == len(data.pieces):
        (text,) = data.pieces
        cut = len(text) - int(fraction * len(text))
        held = [text[cut:]] if len(text) - cut >= FEWEST and str(text[cut:]).strip() else []
        return (
            _Data(held, None, data.kind, data.output, True, 1),
            _Data([text[:cut] if held else text], None, data.kind, data.output, True, 1),
        )
    places = places_kept_back(len(data.pieces), data.learned, fraction, seed)
    return _chosen(data, places), _chosen(data, np.setdiff1d(np.arange(len(data.pieces)), places))


def _chosen(data: _Data, places: NDArray[np.int64]) -> _Data:
    conditions = None if data.conditions is None else data.conditions[places]
    return _Data([data.pieces[n] for n in places], conditions, data.kind, data.output, data.carried, len(places))
