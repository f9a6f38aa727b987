"""The parameters of estimators that say sequences."""

from __future__ import annotations

from typing import Annotated, Literal

from unrolled.parameters.declaration import Parameter, Parameters, declared, require
from unrolled.parameters.network import CellName, NetworkParameters
from unrolled.parameters.ranges import COUNT, SHARE, Range
from unrolled.parameters.text import SplittingParameters
from unrolled.parameters.training import TrainingParameters, ValidationParameters
from unrolled.tasks.recording_parameters import RecordingParameters

__all__ = [
    "JOINT_ORDER",
    "LONGEST_ORDER",
    "WINDOW",
    "AttentionParameters",
    "BeamParameters",
    "Seq2SeqParameters",
    "TargetWords",
]

AttentionKind = Literal["none", "additive", "dot", "general", "concat", "multi_head"]
ReachKind = Literal["global", "local_m", "local_p"]
TargetWords = Literal["words", "characters"]

JOINT_ORDER = 6
LONGEST_ORDER = 10
WINDOW = 10
"""Of local attention, where none is given."""


class AttentionParameters(Parameters):
    """What the decoder reads of the source."""

    _title = "Attention"

    attention: Annotated[
        AttentionKind,
        Parameter("How steps of decoder and source are compared; none reads only the source's end.", metavar="KIND"),
    ] = "additive"
    heads: Annotated[int, Parameter("Heads of multi_head.", COUNT)] = 1
    reach: Annotated[
        ReachKind,
        Parameter(
            "Which steps of the source are read: all, a window that moves along, or a window around a predicted position.",
            metavar="REACH",
        ),
    ] = "global"
    window: Annotated[
        int | None,
        Parameter("Steps on each side that local attention reads.", COUNT, unset=f"{WINDOW} where it is local"),
    ] = None
    coverage: Annotated[bool, Parameter("Whether attention knows what was read before; of additive and concat.")] = (
        False
    )
    input_feeding: Annotated[
        bool, Parameter("Whether each step of the decoder sees what the step before read; slower to train.")
    ] = False


class BeamParameters(Parameters):
    """How answers are searched."""

    _title = "Search"

    beam_size: Annotated[int, Parameter("Answers that are followed at once; 1 is greedy.", Range(1, 1000))] = 5
    length_penalty: Annotated[
        float, Parameter("The larger, the longer the answers.", Range(0, 100), metavar="ALPHA")
    ] = 0.0
    coverage_penalty: Annotated[
        float,
        Parameter("The larger, the more of the source is to be read; needs attention.", Range(0, 100), metavar="BETA"),
    ] = 0.0
    block_ngrams: Annotated[
        int, Parameter("Length of sequences of tokens that no answer has twice; 0 allows all.", Range(0))
    ] = 0
    copy_unknown: Annotated[
        bool,
        Parameter(
            "Whether an answer may have tokens that are not known: that of the source which is read most; needs attention"
            " and target_min_count from 2 on."
        ),
    ] = False
    joint_weight: Annotated[
        float | None,
        Parameter(
            "How much the n-grams of pairs count beside the networks.",
            Range(0, 100),
            unset="what says most of the pairs kept back, or 1 if none were",
            metavar="LAMBDA",
        ),
    ] = None
    max_length: Annotated[
        int | None,
        Parameter(
            "The most tokens of an answer, its end among them.",
            Range(1, 2 * 10_000 + 1),
            unset="twice those of the longest target learned from, and its end",
        ),
    ] = None


class Seq2SeqParameters(
    BeamParameters,
    AttentionParameters,
    RecordingParameters,
    SplittingParameters,
    ValidationParameters,
    TrainingParameters,
    NetworkParameters,
):
    """What a :class:`unrolled.tasks.generation.seq2seq.Seq2Seq` is, and how it is trained."""

    _title = "Targets"

    target_tokens: Annotated[TargetWords, Parameter("How targets are split that are texts.", metavar="KIND")] = "words"
    target_min_count: Annotated[
        int, Parameter("Minimum frequency of a token that is said; rarer ones are not.", COUNT)
    ] = 1
    label_smoothing: Annotated[
        float,
        Parameter("Share of a token's probability that training gives to all tokens alike.", SHARE, metavar="SHARE"),
    ] = 0.0
    scheduled_sampling: Annotated[
        float,
        Parameter(
            "Share of the tokens before, in training, that are the network's own instead of the true ones.",
            SHARE,
            metavar="SHARE",
        ),
    ] = 0.0
    joint_ngrams: Annotated[
        int | None,
        Parameter(
            "Order of n-grams of pairs of source and target, which find and rank answers beside the networks; 0 for none.",
            Range(0, LONGEST_ORDER),
            unset=f"{JOINT_ORDER} if pairs are kept back and more of them are said rightly with it, or if joint_weight is set",
        ),
    ] = None
    bidirectional: Annotated[bool, Parameter("Whether each source is read in both directions.")] = True
    cell: CellName = "lstm"
    hidden_size: int = 128
    members: int = 1
    min_count: int = 1
    token_dropout: float = 0.0
    dropout: float = 0.2
    learning_rate: float = 0.003

    def _check_together(self) -> None:
        """Check what belongs together."""
        super()._check_together()
        local, kind = self.reach != "global", self.attention
        require("window", self.window, self.window is None or local, "None: reach is global")
        several = self.heads == 1 or (kind == "multi_head" and self.hidden_size % self.heads == 0)
        require("heads", self.heads, several, "a divisor of hidden_size, and more than 1 of multi_head only")
        require(
            "coverage",
            self.coverage,
            not self.coverage or kind in ("additive", "concat"),
            "False, but of additive and concat",
        )
        rare = self.target_min_count > 1
        require(
            "copy_unknown",
            self.copy_unknown,
            rare or not self.copy_unknown,
            "False: with target_min_count 1 all is known",
        )
        require(
            "joint_weight",
            self.joint_weight,
            self.joint_weight is None or self.joint_ngrams != 0,
            "None: there are no n-grams of pairs",
        )
        for name in ("reach", "input_feeding", "coverage_penalty", "copy_unknown"):
            value = getattr(self, name)
            usual = declared(type(self))[name].default
            require(name, value, kind != "none" or value == usual, f"{usual!r} without attention")
