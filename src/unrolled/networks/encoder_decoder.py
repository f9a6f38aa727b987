r"""From one sequence to another of another length: an encoder, a decoder, attention between them.

.. math::
    h_1 \dots h_T &= \mathrm{RNN}_{\text{encoder}}(x_1 \dots x_T) \\
    s_0 &= \tanh(B\, h_{\text{last}} + b) && \text{every state of every layer} \\
    s_u &= \mathrm{RNN}_{\text{decoder}}(E_{y_{u-1}},\, s_{u-1}) \\
    c_u &= \mathrm{attention}(s_u, h_1 \dots h_T) \\
    \tilde h_u &= \tanh(W [c_u; s_u] + w) \\
    p(y_u \mid y_{<u}, x) &= \mathrm{softmax}(V \tilde h_u + v)

:math:`y_0` is a symbol of its own, and the last :math:`y` another. With input feeding the decoder reads
:math:`[E_{y_{u-1}}; \tilde h_{u-1}]`, so its steps must be run one by one; without it a known :math:`y` takes one call of the
layers. Without attention :math:`\tilde h_u = \tanh(W s_u + w)`. The encoder's outputs may pass through self-attention first,
:math:`h_j \leftarrow h_j + \mathrm{attention}(h_j, h_1 \dots h_T)`.

Sources: I. Sutskever et al., "Sequence to sequence learning with neural networks", arXiv 1409.3215; the first state, D. Bahdanau
et al., arXiv 1409.0473; :math:`\tilde h` and input feeding, M.-T. Luong et al., arXiv 1508.04025.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from unrolled.aliases import Values
from unrolled.codecs.inputs import Item
from unrolled.codecs.ranges import Count
from unrolled.errors import InputError
from unrolled.networks.attention import Attention, AttentionConfig, Memory
from unrolled.networks.embedding import Embedding, EmbeddingConfig
from unrolled.networks.engine import Array, Engine, Lengths, Rows
from unrolled.networks.last_output import last_output
from unrolled.networks.parameters import Parameters, parameters_of
from unrolled.networks.stack import StackConfig

__all__ = ["DecoderState", "EncoderDecoder", "EncoderDecoderConfig", "shifted"]

LARGEST_BATCH = 1 << 14  # pairs of a source's and a target's steps that are run at once
UNBRIDGED = {"n": 1.0, "m": 0.0, "window": 0.0}
"""How states begin that belong to another: sLSTM's normaliser as if c were one summand; no inputs before the first."""


class EncoderDecoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="encoder_decoder"):
    """The sizes of the network."""

    encoder: StackConfig
    decoder: StackConfig
    symbols: Count
    """Of targets, the unknown one included. After them come the end, and as an input alone the beginning."""
    symbol_size: Count
    """Of their embeddings."""
    tokens: EmbeddingConfig | None = None
    """None where the source's steps are numbers."""
    attention: AttentionConfig | None = None
    self_attention: AttentionConfig | None = None
    """Of the encoder's outputs."""
    input_feeding: bool = False

    def __post_init__(self) -> None:
        """Check what belongs together."""
        if self.decoder.bidirectional:
            raise InputError("the decoder is bidirectional, but what follows a step is not known")
        if self.decoder.initial_state == "learned":
            raise InputError("the decoder's initial_state is 'learned', but it begins with what the encoder has read")
        if self.input_feeding and self.attention is None:
            raise InputError("input_feeding is True without attention: there is nothing to feed")
        inputs = self.symbol_size + self.decoder.outputs * self.input_feeding
        if self.decoder.inputs != inputs:
            raise InputError(f"the decoder has {self.decoder.inputs} inputs, expected {inputs}")
        if self.self_attention is not None and self.self_attention.coverage:
            raise InputError("self_attention has coverage, but the steps of a source are read all at once")

    @property
    def end(self) -> int:
        """The symbol after a target's last."""
        return self.symbols

    @property
    def begin(self) -> int:
        """The symbol before a target's first."""
        return self.symbols + 1

    @property
    def outputs(self) -> int:
        """Symbols that have a probability, the end included."""
        return self.symbols + 1

    @property
    def bridged(self) -> list[dict[str, int]]:
        """Of each of the decoder's layers the sizes of its states."""
        cell, layers = self.decoder.described, range(self.decoder.num_layers)
        return [cell.state_sizes(**self.decoder.layer_sizes(layer)) for layer in layers]

    def parameters(self) -> Parameters:
        """Name → shape and dtype of every parameter."""
        return parameters_of(EncoderDecoder, self)


class DecoderState(NamedTuple):
    """Where the decoder stands with each of ``N`` rows."""

    memory: Memory | None
    rows: Rows | None
    """The source of each row, ``[N]``; None for one each."""
    states: tuple[Array, ...]
    """Of its layers, as :class:`unrolled.runtime.stack.Stack` has them."""
    steps: int
    """So far."""
    fed: Array | None
    """The last ``h~ [N, S]``, with input feeding."""
    covered: Array | None
    """``[N, T]``, with coverage."""
    weights: Array | None
    """Attention's at the steps of the last call, ``[U, N, T]``; None before the first."""


class EncoderDecoder:
    """The network. After training a row's results have the same bits alone and in a batch, and step by step.

    It goes on from a symbol at a time as the decoders of ``unrolled.runtime.decoding`` ask it to.

    >>> from unrolled.runtime.engine import KernelEngine
    >>> encoder, decoder = StackConfig("gru", 2, 3, num_layers=1), StackConfig("lstm", 4, 3, num_layers=1)
    >>> config = EncoderDecoderConfig(encoder, decoder, symbols=6, symbol_size=4, attention=AttentionConfig("dot"))
    >>> parameters = {name: np.zeros(*kind) for name, kind in config.parameters().items()}
    >>> network = EncoderDecoder(KernelEngine(parameters), config)
    >>> state = network.start([np.ones((5, 2), np.float32), np.ones((2, 2), np.float32)])
    >>> log_p, state = network.advance(state, np.full(2, config.begin))
    >>> log_p.shape, np.exp(log_p).sum(1).round(6).tolist(), state.weights[0, 1].round(6).tolist()
    ((2, 7), [1.0, 1.0], [0.5, 0.5, 0.0, 0.0, 0.0])
    """

    def __init__(self, engine: Engine, config: EncoderDecoderConfig) -> None:
        self.engine, self.config = engine, config
        H, S = config.encoder.outputs, config.decoder.outputs
        self.embedding = Embedding(engine.scope("embedding"), config.tokens)
        self.encoder = engine.stack("encoder", config.encoder)
        if config.self_attention:
            self.attend_itself = Attention(engine.scope("self_attention"), config.self_attention, H, H)
        sizes = (size for layer in config.bridged for name, size in layer.items() if name not in UNBRIDGED)
        self.bridge = engine.dense("bridge", H, sum(sizes))
        self.symbols = engine.embedding("symbols", config.symbols + 2, config.symbol_size)
        self.decoder = engine.stack("decoder", config.decoder)
        if config.attention:
            self.attend = Attention(engine.scope("attention"), config.attention, S, H)
        self.combine = engine.dense("combine", S + H * (config.attention is not None), S)
        self.head = engine.dense("head", S, config.outputs)

    def __call__(self, sources: Sequence[Item], symbols: NDArray[np.int64], lengths: Lengths) -> Array:
        """Scores ``[U, B, V]`` of the next symbol after each of ``symbols [U, B]``, which begin with the beginning;
        ``lengths`` are theirs."""
        return self.run(self.start(sources), symbols, lengths)[0]

    def start(self, sources: Sequence[Item]) -> DecoderState:
        """Read sequences ``[T_i, I]`` or tokens."""
        x, lengths = self.embedding(sources)
        h, _ = self.encoder(self.engine.dropout(x) if self.config.tokens else x, lengths)
        states = self._first_states(last_output(self.engine, self.config.encoder, h, lengths))
        if self.config.self_attention:
            h = h + self.attend_itself(h, self.attend_itself.read(h, lengths)).context
        memory = self.attend.read(h, lengths) if self.config.attention else None
        fed = np.zeros((len(lengths), self.config.decoder.outputs), np.float32)
        return DecoderState(
            memory, None, states, 0, self.engine.constant(fed) if self.config.input_feeding else None, None, None
        )

    def run(
        self, state: DecoderState, symbols: NDArray[np.int64], lengths: Lengths | None = None
    ) -> tuple[Array, DecoderState]:
        """Scores ``[U, N, V]`` after each of the next ``symbols [U, N]``, and the state after the last."""
        x = self.engine.dropout(self.symbols(symbols))
        if state.fed is None:
            s, states = self.decoder(x, lengths, state.states)
            combined, state = self._combined(s, states, state)
        else:
            combined, state = self._fed_back(x, state, state.fed)
        return self.head(self.engine.dropout(combined)), state

    def _fed_back(self, x: Array, state: DecoderState, fed: Array) -> tuple[Array, DecoderState]:
        """``h~ [U, N, S]`` where each step reads that before."""
        found: list[Array] = []
        weights: list[Array] = []
        for now in x:
            s, states = self.decoder(self.engine.concatenate([now, fed])[None], None, state.states)
            combined, state = self._combined(s, states, state)
            fed = combined[0]
            found.append(fed)
            weights.append(state.weights[0])  # pyright: ignore[reportOptionalSubscript]
        return self.engine.steps(found), state._replace(fed=fed, weights=self.engine.steps(weights))

    def _combined(self, s: Array, states: tuple[Array, ...], state: DecoderState) -> tuple[Array, DecoderState]:
        """``h~ [U, N, S]`` of outputs ``s [U, N, S]``, and the state after them, which were made from that before."""
        memory, rows, _, steps, fed, covered, weights = state
        if memory is not None:
            read = self.attend(s, memory, first=steps, rows=rows, covered=covered)
            s, covered, weights = self.engine.concatenate([read.context, s]), read.covered, read.weights
        combined = self.engine.tanh(self.combine(s))
        return combined, DecoderState(memory, rows, states, steps + len(s), fed, covered, weights)

    def _first_states(self, last: Array) -> tuple[Array, ...]:
        """The decoder's, as its layers take them, from the encoder's last outputs ``[B, H]``."""
        values, at = self.engine.tanh(self.bridge(last)), 0
        found: dict[str, list[Array]] = {}
        for layer in self.config.bridged:
            for name, size in layer.items():
                if name in UNBRIDGED:
                    start = np.full((len(last), size), UNBRIDGED[name], np.float32)
                    found.setdefault(name, []).append(self.engine.constant(start))
                else:
                    found.setdefault(name, []).append(values[:, at : at + size])
                    at += size
        windows = found.pop("window", [])  # one array a layer, for their sizes differ
        return *(self.engine.steps(layers) for layers in found.values()), *(window[None] for window in windows)

    def advance(self, state: DecoderState, tokens: NDArray[np.int64]) -> tuple[Values, DecoderState]:
        """Log-probabilities ``[N, V]`` of what follows ``tokens [N]``, the newest symbol of each row, and the state after it."""
        found = None if self._step is None else self._step(state, tokens)
        if found is not None:
            return found
        scores, state = self.run(state, tokens[None])
        return self.engine.log_probabilities(scores[0]), state

    @cached_property
    def _step(self) -> Callable[[DecoderState, NDArray[np.int64]], tuple[Values, DecoderState] | None] | None:
        """A step in one call of the kernels, where they know all of it."""
        return self.engine.decoder_step(self)

    def attention(self, state: DecoderState) -> Values:
        """What the last step of each row read of its source's steps, ``[N, T]``.

        Raises:
            InputError: the network has no attention, or no step was taken.
        """
        if state.weights is None:
            raise InputError("the model has no attention" if state.memory is None else "no step was taken yet")
        return state.weights[-1].astype(np.float64)

    def select(self, state: DecoderState, rows: Rows) -> DecoderState:
        """The state of some rows, each as often as it is named, in this order."""
        return DecoderState(
            state.memory,
            rows if state.rows is None else state.rows.take(rows),
            tuple([each.take(rows, 1) for each in state.states]),
            state.steps,
            None if state.fed is None else state.fed.take(rows, 0),
            None if state.covered is None else state.covered.take(rows, 0),
            None if state.weights is None else state.weights.take(rows, 1),
        )

    def log_likelihoods(self, sources: Sequence[Item], targets: Sequence[NDArray[np.int64]]) -> list[Values]:
        """Of each target's symbols, and of its end, the log-probability after those before it: ``[U_i + 1]`` each."""
        found: list[Values] = [np.empty(0)] * len(sources)
        for chosen in _batches([len(source) for source in sources], [len(target) + 1 for target in targets]):
            own = [targets[n] for n in chosen]
            inputs, expected, lengths = shifted(own, self.config)
            log_p = self.engine.log_probabilities(self([sources[n] for n in chosen], inputs, lengths))
            told = np.take_along_axis(log_p, expected[..., None], 2)[..., 0]
            for place, n in enumerate(chosen):
                found[n] = told[: lengths[place], place].copy()
        return found

    def attention_weights(
        self, sources: Sequence[Item], targets: Sequence[NDArray[np.int64]]
    ) -> list[NDArray[np.float32]]:
        """Of each target's symbols, and of its end, what was read of the source's steps: ``[U_i + 1, T_i]`` each.

        Raises:
            InputError: the network has no attention.
        """
        if self.config.attention is None:
            raise InputError("the model has no attention")
        found: list[NDArray[np.float32]] = [np.empty((0, 0), np.float32)] * len(sources)
        for chosen in _batches([len(source) for source in sources], [len(target) + 1 for target in targets]):
            inputs, _, lengths = shifted([targets[n] for n in chosen], self.config)
            _, state = self.run(self.start([sources[n] for n in chosen]), inputs, lengths)
            assert state.weights is not None
            for place, n in enumerate(chosen):
                found[n] = state.weights[: lengths[place], place, : len(sources[n])].copy()
        return found


def shifted(
    targets: Sequence[NDArray[np.int64]], config: EncoderDecoderConfig
) -> tuple[NDArray[np.int64], NDArray[np.int64], Lengths]:
    """What a decoder reads and what it is to say: targets after the beginning and before the end, ``[U, B]`` each; lengths.

    >>> stack = StackConfig("gru", 1, 1, num_layers=1)
    >>> config = EncoderDecoderConfig(stack, stack, symbols=7, symbol_size=1)
    >>> inputs, expected, lengths = shifted([np.array([4, 5]), np.array([6])], config)
    >>> inputs.T.tolist(), expected.T.tolist(), lengths.tolist()
    ([[8, 4, 5], [8, 6, 0]], [[4, 5, 7], [6, 7, 0]], [3, 2])
    """
    lengths = np.array([len(target) + 1 for target in targets])
    inputs, expected = np.zeros((2, lengths.max(), len(targets)), np.int64)
    inputs[0] = config.begin
    for n, target in enumerate(targets):
        inputs[1 : lengths[n], n] = target
        expected[: lengths[n] - 1, n] = target
        expected[lengths[n] - 1, n] = config.end
    return inputs, expected, lengths


def _batches(sources: Sequence[int], targets: Sequence[int]) -> Iterator[list[int]]:
    """Places of all pairs of these lengths, the longest targets first, in batches that a machine's memory holds."""
    order = sorted(range(len(sources)), key=lambda n: (-targets[n], -sources[n]))
    batch, longest = list[int](), 0
    for n in order:
        longest = max(longest, sources[n])
        if batch and (len(batch) + 1) * longest * targets[batch[0]] > LARGEST_BATCH:
            yield batch
            batch, longest = [], sources[n]
        batch.append(n)
    if batch:
        yield batch
