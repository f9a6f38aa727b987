"""Say sequences: from nothing, a beginning, a class or a vector."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.audio import AudioFeatures
from unrolled.codecs.conditions import ConditionCodec
from unrolled.codecs.note_codec import NoteCodec
from unrolled.codecs.strokes import StrokeCodec, check_strokes
from unrolled.codecs.target_tokens import TargetCodec
from unrolled.codecs.value_codec import ValueCodec
from unrolled.data.items import ItemKind, kind_of, read_items
from unrolled.data.wav import Waveform
from unrolled.errors import InputError
from unrolled.networks.mixture_head import MixtureHeadConfig
from unrolled.networks.next_step import ConditionConfig, HeadConfig, NextStepConfig, Steps
from unrolled.networks.note_head import NoteHeadConfig
from unrolled.networks.stack import StackConfig
from unrolled.networks.symbol_head import SymbolHeadConfig
from unrolled.parameters.declaration import require
from unrolled.runtime.decoding.frame_sampling import NoteSampling
from unrolled.runtime.decoding.mixture_sampling import MixtureSampling
from unrolled.runtime.decoding.sampling import Sampling
from unrolled.runtime.model_file import ModelFile
from unrolled.tasks.agreement import require_same
from unrolled.tasks.checks import check_count
from unrolled.tasks.ensemble import train_members
from unrolled.tasks.estimator import FitContext
from unrolled.tasks.generation.drawn_pieces import DrawnFrames, DrawnPiece, DrawnText
from unrolled.tasks.generation.generator_model import GeneratorConfig, GeneratorModel
from unrolled.tasks.generation.generator_parameters import CARRIED_STEPS, GeneratorParameters, StepKind
from unrolled.tasks.item_estimator import ExampleEstimator
from unrolled.tasks.sequences.targets import read_labels, read_numbers

__all__ = ["Generated", "SequenceGenerator"]

Piece = Any
"""A text, a list of tokens, a piano roll ``[T, P]``, strokes ``[T, 3]``, other numbers ``[T, C]``, a recording."""

FEWEST = 10  # pieces of which some are kept back
LONGEST = 100_000  # steps of a piece that is read as a whole
LONGEST_DRAWN = 1000  # steps, of what has no end
FEWEST_NOTES = 12  # columns of zeros and ones that are a piano roll: an octave
FEW_NUMBERS = 4  # of a step, which may depend on each other where nothing is said
MOST_NUMBERS = 64  # that may do so at all: a triangle has half their square

Said = TargetCodec | NoteCodec | StrokeCodec | ValueCodec
"""What turns pieces into steps."""


class Generated(NamedTuple):
    """What was drawn."""

    piece: Piece
    """The text, the list of tokens, the array, or the recording, without the prompt."""
    log_p: float
    """The logarithm of its probability by the model, whatever the temperature."""
    finished: bool
    """Whether it has an end; if not, it has reached the maximum length."""


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


class _Part(NamedTuple):
    """What is new of pieces that are drawn."""

    new: list[list[Any]]
    """Of each piece, parts of its text, tokens, or frames."""
    log_p: Values
    """Of what was drawn, ``[N]``."""
    finished: NDArray[np.bool_]
    """Whether each has come to its end, ``[N]``."""


class SequenceGenerator(ExampleEstimator, GeneratorParameters):
    r"""Say texts, music, strokes of a pen or words aloud like those it has learned: from nothing, a beginning, a class or vector.

    Equations: :mod:`unrolled.networks.next_step`. The networks are trained on :math:`-\log p` of each step after those before it
    with Adam, and their probabilities are averaged. Pieces are drawn by :class:`unrolled.runtime.decoding.sampling.Sampling`,
    those of numbers by :class:`unrolled.runtime.decoding.mixture_sampling.MixtureSampling`.

    Attributes:
        model_: the networks.
        carried_: whether it learned one long text, which has no end.
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
        conditions, learned = None if y is None else read_conditions(y, len(pieces)), len(pieces)
        whole = kind != "audio" and output != "strokes"  # of which there may be one long piece
        carried = whole and len(pieces) == 1 and y is None if settings.carried is None else settings.carried
        if carried and not whole:
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
        """Draw pieces.

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
        conditions, count = self._conditions_of(condition, n)
        parts: list[list[Any]] = [[] for _ in range(count)]
        log_p, finished = np.zeros(count), np.zeros(count, bool)
        for part in self._drawn(count, prompt, conditions, sampling, max_length, seed, stop):
            for own, new in zip(parts, part.new, strict=True):
                own += new
            log_p, finished = log_p + part.log_p, part.finished
        given = self._encoded_prompt(prompt)
        pieces = [self._joined(part, given) for part in parts]
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
    ) -> Iterator[Any]:
        """Draw one piece, and give it on as it is drawn: parts of a text, tokens, or frames ``[P]`` or ``[C]``.

        The arguments are those of :meth:`generate`, and checked at once. What might begin a stop string is held back until that
        is known.

        Raises:
            InputError: as :meth:`generate`; or pieces are recordings, whose samples depend on all of their frames.
        """
        if self.item_kind_ == "audio":
            raise InputError("pieces are recordings, whose samples depend on all of their frames: generate them")
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
        conditions, _ = self._conditions_of(condition, 1)
        drawn = self._drawn(1, prompt, conditions, sampling, max_length, seed, stop)
        news = (new for part in drawn for new in part.new[0])
        values = self._fitted().values
        return news if values is None else _decoded(values, news, self._encoded_prompt(prompt))

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
        conditions = self._encoded_conditions(y, len(pieces))
        steps = [config.said.encode(piece) for piece in pieces]
        found = self.model_.log_likelihoods(steps, conditions)
        if config.values is not None:
            unit = config.values.log_unit
            return [told - unit * (np.arange(len(told)) < len(own)) for own, told in zip(steps, found, strict=True)]
        if config.notes is None:
            return found
        return [config.notes.of_frames(own, told) for own, told in zip(steps, found, strict=True)]

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log-likelihood of a step."""
        return float(np.concatenate(self.log_likelihoods(X, y)).mean())

    def evaluate(self, X: Any, y: Any = None) -> dict[str, float]:
        r"""How well pieces are foreseen: ``nats``, :math:`-\frac{1}{N} \sum \log p` over all symbols and ends; ``perplexity``,
        their exponential; of texts ``bits_per_character``, the whole of them in bits by the number of characters; of music
        ``nats_per_frame``, the mean over frames, and ``nats_per_piece``, with the ends of pieces; of numbers ``nats`` of their
        density.

        The state is carried on through a long text, from its beginning to its end.
        """
        pieces = self._read(X)
        each = self.log_likelihoods(pieces, y)
        told = np.concatenate(each)
        if self._fitted().notes is not None:
            frames = np.concatenate([own[: len(piece)] for own, piece in zip(each, pieces, strict=True)])
            return {"nats_per_frame": -float(frames.mean()), "nats_per_piece": -float(told.sum()) / len(pieces)}
        nats = -float(told.mean())
        if self._fitted().values is not None:
            return {"nats": nats}
        found = {"nats": nats, "perplexity": float(np.exp(nats))}
        if not self._in_tokens:
            characters = sum(map(len, pieces))
            found["bits_per_character"] = -float(told.sum()) / math.log(2) / characters
        return found

    @property
    def carried_(self) -> bool:
        """Whether it learned one long text, which has no end."""
        return self._fitted().carried

    @property
    def vocabulary_(self) -> list[str]:
        """The symbols that can be said, of texts and tokens."""
        symbols = self._fitted().symbols
        return [] if symbols is None else list(symbols.vocabulary.entries)

    @property
    def item_kind_(self) -> ItemKind:
        """Whether pieces are texts, lists of ``tokens``, arrays of ``numbers``, or ``audio``."""
        config = self._fitted()
        if isinstance(config.values, ValueCodec) and config.values.features is not None:
            return "audio"
        if config.symbols is None:
            return "numbers"
        return "tokens" if self._in_tokens else "text"

    @property
    def step_kind_(self) -> StepKind:
        """What a step of a piece is: ``symbols``, ``notes``, ``strokes`` or ``values``."""
        config = self._fitted()
        if config.values is not None:
            return "strokes" if isinstance(config.values, StrokeCodec) else "values"
        return "symbols" if config.notes is None else "notes"

    @property
    def notes_(self) -> int | None:
        """Of how many notes it says frames; None of anything else."""
        codec = self._fitted().notes
        return None if codec is None else codec.notes

    @property
    def condition_kind_(self) -> Literal["class", "vector"] | None:
        """Whether what a piece is to be is chosen by a class, a vector or not at all."""
        codec = self._fitted().condition
        return None if codec is None else codec.kind

    @property
    def classes_(self) -> NDArray[Any] | None:
        """What a piece can be, where that is one of some classes."""
        codec = self._fitted().condition
        return None if codec is None or codec.classes is None else codec.classes.classes

    @property
    def _in_tokens(self) -> bool:
        symbols = self._fitted().symbols
        return symbols is not None and symbols.splitting == "given"

    def _drawn(
        self,
        count: int,
        prompt: Piece | None,
        conditions: NDArray[Any] | None,
        sampling: Sampling,
        max_length: int | None,
        seed: int | None,
        stop: Sequence[str],
    ) -> Iterator[_Part]:
        """What pieces have in each step; arguments are checked at once."""
        config = self._fitted()
        longest = LONGEST_DRAWN if config.carried else 2 * config.longest + 1
        most = longest if max_length is None else check_count("max_length", max_length)
        drawn_from = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        given = self._encoded_prompt(prompt)
        if config.symbols is None and stop:
            raise InputError(f"stop= ends texts, but the model says {self.step_kind_}: leave it out")
        if config.values is None and (config.notes is None or config.notes.symbols is not None):
            return self._drawn_symbols(count, given, conditions, sampling, most, drawn_from, stop)
        if sampling.top_k is not None or sampling.top_p < 1:
            name, value = ("top_p", sampling.top_p) if sampling.top_k is None else ("top_k", sampling.top_k)
            why = (
                "the notes of a frame are independent" if config.values is None else "numbers are drawn from densities"
            )
            raise InputError(f"{name} is {value}, but {why}: none is more probable than another; leave it out")
        kind = NoteSampling if config.values is None else MixtureSampling
        frames = self.model_.draw_frames(
            count, given, conditions, kind(temperature=sampling.temperature), max_length=most, seed=drawn_from
        )
        return (
            _Part(
                [[] if end else [frame] for frame, end in zip(step.steps, step.ended, strict=True)],
                step.log_p,
                step.ended,
            )
            for step in frames
        )

    def _drawn_symbols(
        self,
        count: int,
        prompt: Steps,
        conditions: NDArray[Any] | None,
        sampling: Sampling,
        most: int,
        seed: int,
        stop: Sequence[str],
    ) -> Iterator[_Part]:
        config = self._fitted()
        head, symbols = config.shape.head, config.symbols
        assert isinstance(head, SymbolHeadConfig)
        if symbols is not None:
            texts = ["<unk>", *symbols.vocabulary.entries]
            rows: list[DrawnPiece] = [DrawnText(texts, stop, in_tokens=self._in_tokens) for _ in range(count)]
        else:
            assert head.frames is not None
            rows = [DrawnFrames(head.frames, most) for _ in range(count)]
            most = most * (head.frames.notes + 1) + 1  # symbols of frames with all notes, and the end
        steps = self.model_.draw(
            count, prompt, conditions, sampling, max_length=most, seed=seed,
            until=lambda row, symbol: symbol != head.end and rows[row](symbol),
        )  # fmt: skip

        def parts() -> Iterator[_Part]:
            finished = np.zeros(count, bool)
            for step in steps:
                finished = step.ended & [not row.stopped for row in rows]
                yield _Part([row.taken() for row in rows], step.log_p, finished)
            yield _Part([row.rest() for row in rows], np.zeros(count), finished)

        return parts()

    def _joined(self, parts: list[Any], prompt: Steps) -> Piece:
        """A piece of its parts, which follow the prompt."""
        config = self._fitted()
        if config.values is not None:
            codec = config.values
            before = prompt.astype(np.float64)
            steps = np.concatenate([before, *(part[None] for part in parts)])
            if isinstance(codec, StrokeCodec):
                return codec.decode(steps)[len(before) :]
            frames = codec.decode(steps[len(before) :])
            if codec.features is None:
                return frames
            return Waveform(codec.samples(frames), codec.features.rate, "what was said")
        if config.notes is not None:
            return np.array(parts, np.uint8).reshape(len(parts), config.notes.notes)
        return parts if self._in_tokens else "".join(parts)

    def _encoded_prompt(self, prompt: Piece | None) -> Steps:
        config = self._fitted()
        if config.values is not None:
            if prompt is None or (hasattr(prompt, "__len__") and not len(prompt)):
                return np.zeros((0, config.values.width), np.float32)
            return config.values.encode(self._read([prompt])[0])
        if config.notes is not None:
            roll = np.zeros((0, config.notes.notes)) if prompt is None or not len(prompt) else self._read([prompt])[0]
            return config.notes.encode(roll)
        codec = config.symbols
        assert codec is not None
        if prompt is None or (isinstance(prompt, str | list) and not len(cast("Any", prompt))):
            return np.empty(0, np.int64)
        (read,) = read_items([prompt], kind=self.item_kind_) if not _is_blank(prompt) else [prompt]
        tokens = codec.tokens(read)
        encoded = codec.encode(read)
        if not encoded.all():
            unknown = tokens[int((encoded == 0).argmax())]
            raise InputError(
                f"the prompt holds {unknown!r}, which the model has never read: leave it out, or train on texts that have it"
            )
        return encoded

    def _conditions_of(self, condition: Any, n: int | None) -> tuple[NDArray[Any] | None, int]:
        """The conditions of n pieces as the network reads them, and n."""
        count, codec = None if n is None else check_count("n", n), self._fitted().condition
        if codec is None or condition is None:
            return self._encoded_conditions(None if condition is None else [condition], count or 1), count or 1
        single = np.ndim(condition) == (0 if codec.kind == "class" else 1)
        given = [condition] * (count or 1) if single else list(condition)
        if count is not None and len(given) != count:
            raise InputError(f"n is {count} and there are {len(given)} conditions: give one for all, or as many")
        return self._encoded_conditions(given, len(given), "condition"), len(given)

    def _encoded_conditions(self, y: Any, count: int, called: str = "y") -> NDArray[Any] | None:
        codec = self._fitted().condition
        if codec is None:
            if y is not None:
                raise InputError("the model was trained without conditions: leave the condition out")
            return None
        if y is None:
            raise InputError(
                f"what is each piece to be? the model was trained on {_described(codec)}: give the condition"
            )
        read = read_conditions(y, count, 1 if codec.kind == "class" else 2)
        if codec.kind == "vector" and read.shape[1] != codec.inputs:
            raise InputError(f"a condition has {read.shape[1]} numbers, the model was trained on {codec.inputs}")
        return codec.encode(read)

    def _read(self, X: Any) -> list[Piece]:
        return read_known_pieces(X, self.item_kind_, self.step_kind_, _width(self._fitted()))

    def _learn(
        self, data: _Data, settings: GeneratorParameters, context: FitContext
    ) -> tuple[GeneratorConfig, GeneratorModel]:
        from unrolled.training.engine import NetworkOptions
        from unrolled.training.next_step import Pieces, carried_problem, pieces_problem

        kept_back, used = _kept_back(data, settings, context.seed)
        said = _codec(used, settings)
        condition = None if data.conditions is None else ConditionCodec.fit(data.conditions)
        shape = _shape(said, condition, settings)
        options, epochs = NetworkOptions.of(settings), settings.batch_size
        learned, held = (_encoded(part, said, condition) for part in (used, kept_back))
        _check_lengths(learned[0], data.carried)
        inferred, vary = [_summary(said, data, used, learned[0])], _variation(said, settings)
        self._log(inferred)

        def problem(_: int, phase: str) -> Any:
            if data.carried:
                return carried_problem(
                    shape, learned[0][0], options, epochs, settings.truncate or CARRIED_STEPS,
                    validation=held[0][0] if held[0] else None, vary=vary, phase=phase,
                )  # fmt: skip
            validation = Pieces(*held) if held[0] else None
            return pieces_problem(
                shape, Pieces(*learned), options, epochs, validation=validation, vary=vary, phase=phase
            )

        members, runs = train_members(problem, settings, context)
        model = GeneratorModel(shape, members, data.carried)
        config = GeneratorConfig(
            settings=context.settings, seed=context.seed, learned=data.learned, inferred=inferred,
            losses=[loss for run in runs for loss in run.losses], shape=shape, condition=condition, carried=data.carried,
            symbols=said if isinstance(said, TargetCodec) else None, notes=said if isinstance(said, NoteCodec) else None,
            values=said if isinstance(said, StrokeCodec | ValueCodec) else None,
            longest=max(map(len, used.pieces if isinstance(said, NoteCodec) else learned[0])),
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
        if config.symbols is not None:
            splitting, known = config.symbols.splitting, (_splitting("text", settings), "given")
            require("symbols.splitting", splitting, splitting in known, " or ".join(known))
        if config.notes is not None:
            require_same("notes.within_frame", config.notes.within_frame, settings.within_frame)
        if isinstance(config.values, StrokeCodec):
            require_same("values.positions", config.values.positions, settings.positions)
        if isinstance(config.values, ValueCodec):
            require_same("values.together", config.values.together, settings.steps_at_once)
        require_same("shape", config.shape, _shape(config.said, config.condition, settings))
        whole = not config.carried or (config.condition is None and settings.carried is not False)
        require("carried", config.carried, whole, "false with a condition, and as in settings")
        short = config.carried or config.longest <= LONGEST
        require("longest", config.longest, short, f"at most {LONGEST} steps of a piece")
        return GeneratorModel.restore(model_file, config, settings)

    def _adopt(self, settings: Any, config: GeneratorConfig, model: Any) -> SequenceGenerator:
        width = _width(config)
        if width is not None:
            self.n_channels_in_ = width
        return super()._adopt(settings, config, model)

    def _learned(self) -> str:
        config = self._fitted()
        kind = "long text" if self.carried_ else f"{config.learned:,} pieces"
        if config.symbols is not None:
            return f"{kind} of {len(self.vocabulary_):,} symbols"
        if config.notes is not None:
            return f"{kind} of {config.notes.notes} notes"
        what = "recordings" if self.item_kind_ == "audio" else "strokes" if self.step_kind_ == "strokes" else "numbers"
        return f"{kind} of {what}"


def _width(config: GeneratorConfig) -> int | None:
    """Numbers of a step of pieces that are arrays."""
    if config.notes is not None:
        return config.notes.notes
    if isinstance(config.values, ValueCodec):
        return None if config.values.features else len(config.values.columns)
    return None if config.values is None else config.values.width


def read_conditions(y: Any, count: int, dimensions: int | None = None) -> NDArray[Any]:
    """``y`` as labels ``[N]`` or as numbers ``[N, D]``, of which one is expected if ``dimensions`` says so.

    >>> read_conditions([[1, 2], [3, 4]], 2).tolist(), read_conditions(["a", "b"], 2).tolist()
    ([[1.0, 2.0], [3.0, 4.0]], ['a', 'b'])
    """
    several = len(y) > 0 and not isinstance(y[0], str) and np.ndim(y[0]) > 0 if hasattr(y, "__len__") else False
    read: NDArray[Any] = read_numbers(y, count) if several else read_labels(y, count)
    if dimensions is not None and read.ndim != dimensions:
        kinds = {1: "labels", 2: "vectors of numbers"}
        raise InputError(f"the conditions are {kinds[read.ndim]}, expected {kinds[dimensions]}")
    return read


EXPECTED: dict[StepKind, str] = {
    "symbols": "a list of texts, or of lists of tokens, or one long text",
    "notes": "a list of piano rolls [T, P] of zeros and ones",
    "strokes": "a list of strokes [T, 3]: x, y, and 1 where the pen is lifted after the point, else 0",
    "values": "a list of arrays [T, C], or of recordings",
    "auto": "a list of texts, of lists of tokens, of arrays [T, C], or of recordings; or one long text",
}
POSSIBLE: dict[ItemKind, tuple[StepKind, ...]] = {
    "text": ("symbols",), "tokens": ("symbols",), "audio": ("values",), "numbers": ("notes", "strokes", "values"),
}  # fmt: skip


def read_pieces(X: Any, output: StepKind = "auto", called: str = "X") -> tuple[list[Piece], ItemKind, StepKind]:
    """Pieces, what they are, and what a step of them is.

    >>> read_pieces(["ab", "c"]), read_pieces([np.eye(12)])[1:], read_pieces([np.eye(3)])[1:], read_pieces([np.eye(4)])[1:]
    ((['ab', 'c'], 'text', 'symbols'), ('numbers', 'notes'), ('numbers', 'strokes'), ('numbers', 'values'))
    """
    given = [X] if isinstance(X, str) else X
    found = kind_of(given)
    if output not in ("auto", *POSSIBLE[found]):
        raise InputError(f"{called} holds {found}, expected {EXPECTED[output]}")
    if hasattr(given, "__len__") and not hasattr(given, "toarray") and not len(given):
        raise InputError(f"{called} holds 0 items, expected {EXPECTED[output]}")
    read = read_items(given)
    if output == "auto":
        output = _told_apart(read) if found == "numbers" else POSSIBLE[found][0]
    return [_as_said(each, n, output, called) for n, each in enumerate(read)], found, output


def read_known_pieces(X: Any, kind: ItemKind, output: StepKind, width: int | None, called: str = "X") -> list[Piece]:
    """Pieces of a kind that is known, with as many numbers a step."""
    given = [X] if isinstance(X, str) else X
    found = kind_of(given)
    if found != kind and not {found, kind} <= {"text", "tokens"}:
        raise InputError(f"{called} holds {found}, expected {EXPECTED[output]}")
    read = read_items(given, kind=kind, channels=width if kind == "numbers" else None)
    return [_as_said(each, n, output, called) for n, each in enumerate(read)]


def _told_apart(read: Sequence[NDArray[Any]]) -> StepKind:
    """What arrays are, by their numbers."""
    columns = read[0].shape[1]
    if columns >= FEWEST_NOTES and all(_is_roll(each) for each in read):
        return "notes"
    of_pen = columns == 3 and all(_is_roll(each[:, 2]) for each in read) and any(each[:, 2].any() for each in read)
    return "strokes" if of_pen else "values"


def _as_said(piece: Any, n: int, output: StepKind, called: str) -> Piece:
    """A piece, if its numbers are what they have to be."""
    if output == "notes":
        return _as_roll(piece, n, called)
    if output == "strokes":
        check_strokes(piece, f"{called}, piece {n}")
    return piece


def _decoded(codec: StrokeCodec | ValueCodec, steps: Iterator[Values], prompt: Steps) -> Iterator[Values]:
    """The frames ``[C]`` of steps that follow a prompt, as they come."""
    said: list[Values] = list(prompt.astype(np.float64))
    for step in steps:
        before = len(codec.decode(np.array(said))) if said else 0
        said.append(step)
        yield from codec.decode(np.array(said))[before:]


def _is_roll(a: NDArray[Any]) -> bool:
    return bool(((a == 0) | (a == 1)).all())


def _as_roll(a: NDArray[Any], n: int, called: str) -> NDArray[np.uint8]:
    """A roll of 0 and 1.

    Raises:
        InputError: it holds another number.
    """
    if not _is_roll(a):
        t, note = np.argwhere((a != 0) & (a != 1))[0]
        raise InputError(f"{called}, piece {n}: frame {t}, note {note} is {a[t, note]:g}, expected 0 or 1")
    return a.astype(np.uint8)


def _parted(validation: Any, conditioned: bool) -> tuple[Any, Any]:
    """Validation data in pieces and conditions."""
    if not conditioned:
        return validation, None
    if not isinstance(validation, tuple | list) or len(cast("list[Any]", validation)) != 2:
        raise InputError("validation is no pair of pieces and their conditions: give (X, y)")
    X, y = cast("Sequence[Any]", validation)
    return X, y


def _described(codec: ConditionCodec) -> str:
    """What a condition is, for messages."""
    if codec.classes is None:
        return f"vectors of {codec.inputs} numbers"
    known = codec.classes.values
    return f"the classes {', '.join(map(repr, known[:12]))}{' …' if len(known) > 12 else ''}"


def _is_blank(prompt: Any) -> bool:
    return isinstance(prompt, str) and not prompt.strip()


def _splitting(kind: ItemKind, settings: GeneratorParameters) -> Any:
    return "given" if kind == "tokens" else "characters" if settings.tokens == "characters" else "words_as_set"


def _codec(data: _Data, settings: GeneratorParameters) -> Said:
    """How pieces become steps."""
    if data.output == "strokes":
        return StrokeCodec.fit(data.pieces, positions=settings.positions)
    if data.output == "values":
        features = None
        if data.kind == "audio":
            features = settings.audio or AudioFeatures(rate=data.pieces[0].rate, coefficients=20)
        return ValueCodec.fit(data.pieces, together=settings.steps_at_once, features=features)
    if data.output == "notes":
        return NoteCodec(data.pieces[0].shape[1], settings.within_frame)
    return TargetCodec.fit(
        data.pieces, _splitting(data.kind, settings), min_count=settings.min_count, option="min_count"
    )


def _shape(said: Said, condition: ConditionCodec | None, settings: GeneratorParameters) -> NextStepConfig:
    """The network's sizes, which follow from what is said, and the parameters."""
    if isinstance(said, StrokeCodec | ValueCodec):
        pen = isinstance(said, StrokeCodec)
        values = said.width - pen
        diagonal = settings.covariance == "diagonal" or (settings.covariance == "auto" and values > FEW_NUMBERS)
        if values > MOST_NUMBERS and not diagonal:
            raise InputError(
                f"covariance is 'full' of {values} numbers a step, expected at most {MOST_NUMBERS}: 'diagonal'"
            )
        head: HeadConfig = MixtureHeadConfig(values, settings.components, diagonal, pen)
    elif isinstance(said, TargetCodec):
        head = SymbolHeadConfig(len(said.vocabulary), settings.embedding_size, settings.tied)
    elif said.symbols is not None:
        head = SymbolHeadConfig(said.symbols.symbols, settings.embedding_size, settings.tied, said.symbols)
    else:
        head = NoteHeadConfig(said.notes)
    given = None
    if condition is not None:
        given = ConditionConfig(condition.kind, condition.inputs, settings.condition_size)
    return NextStepConfig(StackConfig.of(settings, head.inputs + (given.size if given else 0)), head, given)


def _variation(said: Said, settings: GeneratorParameters) -> Any:
    """What changes pieces in each epoch of training; None for nothing.

    Raises:
        InputError: texts are to be transposed.
    """
    if not settings.transpose:
        return None
    if not isinstance(said, NoteCodec):
        raise InputError(f"transpose is {settings.transpose}, but the pieces are no music: leave it out")
    return lambda steps, generator: said.transposed(steps, settings.transpose, generator)


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


def _summary(said: Said, data: _Data, used: _Data, learned: Sequence[Steps]) -> str:
    what = "one long text, the state carried on through it" if data.carried else f"{len(learned):,} pieces"
    if isinstance(said, NoteCodec):
        how = "one after the other" if said.symbols else "independent of each other"
        what = what.replace("text", "piece")
        return f"frames of {said.notes} notes, {how}; learned from {what}: {sum(map(len, used.pieces)):,} frames"
    if isinstance(said, StrokeCodec):
        points = "positions" if said.positions else "offsets"
        return f"strokes of a pen, {points}; learned from {what.replace('text', 'piece')}: {sum(map(len, learned)):,} points"
    if isinstance(said, ValueCodec):
        what = what.replace("text", "series")
        numbers = "numbers" if said.features is None else f"{said.features.kind} features"
        together = f", {said.together} steps at once" if said.together > 1 else ""
        return f"{len(said.columns)} {numbers} a step{together}; learned from {what}: {sum(map(len, learned)):,} steps"
    return f"{len(said.vocabulary) - 1:,} different symbols; learned from {what}: {sum(map(len, learned)):,} symbols"


def _kept_back(data: _Data, settings: GeneratorParameters, seed: int) -> tuple[_Data, _Data]:
    """What chooses the epoch, and the rest, which is learned from: given pieces or a share of all; of one text its last part."""
    N, fraction = len(data.pieces), settings.validation_fraction
    if data.learned < N:
        return _chosen(data, np.arange(data.learned, N)), _chosen(data, np.arange(data.learned))
    if data.carried:
        (text,) = data.pieces
        cut = len(text) - int(fraction * len(text))
        held = [text[cut:]] if len(text) - cut >= FEWEST and str(text[cut:]).strip() else []
        return (
            _Data(held, None, data.kind, data.output, True, 1),
            _Data([text[:cut] if held else text], None, data.kind, data.output, True, 1),
        )
    if fraction == 0 or N < FEWEST:
        return _chosen(data, np.zeros(0, np.int64)), data
    held_places = np.sort(np.random.default_rng(seed).permutation(N)[: max(1, round(fraction * N))])
    return _chosen(data, held_places), _chosen(data, np.setdiff1d(np.arange(N), held_places))


def _chosen(data: _Data, places: NDArray[np.int64]) -> _Data:
    conditions = None if data.conditions is None else data.conditions[places]
    return _Data([data.pieces[n] for n in places], conditions, data.kind, data.output, data.carried, len(places))
