"""How texts are read."""

from __future__ import annotations

from typing import Annotated, Literal

from unrolled.parameters.declaration import Parameter, Parameters
from unrolled.parameters.ranges import COUNT, SHARE, Range

__all__ = ["SplittingParameters", "TextSplitting", "TokenParameters"]

TextSplitting = Literal["words", "characters", "pieces"]


class TokenParameters(Parameters):
    """From tokens to vectors."""

    _title = "Texts"

    min_count: Annotated[int, Parameter("Minimum frequency of a token that has its own embedding.", COUNT)] = 2
    embedding_size: Annotated[int, Parameter("Size of the token embeddings.", COUNT, search=(32, 64, 128))] = 64
    character_size: Annotated[
        int,
        Parameter("Hidden units per direction that read the characters of each token; 0 for none.", Range(0)),
    ] = 0
    token_dropout: Annotated[
        float,
        Parameter(
            "Share of tokens read as the unknown token in training, so that its embedding is trained.",
            SHARE,
            metavar="SHARE",
        ),
    ] = 0.1


class SplittingParameters(TokenParameters):
    """From texts to tokens."""

    tokens: Annotated[
        TextSplitting,
        Parameter(
            "How a text is split: pieces are byte pairs learned from the texts, and need the extra bpe.", metavar="KIND"
        ),
    ] = "words"
