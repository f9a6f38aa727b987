"""An encoder-decoder with attention beside the same network in plain torch: a training step, and a search.

    python benchmarks/encoder_decoder.py [--work training search] [--sizes 32,50,256,4000 ...] [--rounds N] [--threads N]

**Training**: a teacher-forced step, the loss and its backward pass without the optimiser's, as :class:`unrolled.Seq2Seq`
takes it, of a batch of sources of T tokens and targets of T with their end. One LSTM each for encoder and decoder, embeddings
of H numbers, V tokens on either side, no dropout. Beside it the same network of torch.nn.LSTM, one call each for encoder and
decoder. All sequences are of one length: torch's batch needs neither padding, nor packing, nor a mask, and has none, while
ours goes the way of any batch.

**Search**: the five best answers by a beam of five to one source of T tokens, from its tokens to the answers: BeamSearch over
the network in the runtime, beside a loop over the steps in torch (inference mode, topk of the beam's tokens, index_select of
states), whose decoder is torch.nn.LSTM called for a step at a time, and torch.nn.LSTMCell. The end of answers is made
impossible, so that every search takes T steps; the loop does not even look for it. As all rows have one source, the loop
reads it without a copy a row.

By default V is 40, as of phonemes, 500 and 4000, as of pieces of words: the larger it is, the more of a step is one product,
which is the same on both sides in training. Our layers multiply each token's vector with their weights once a batch, where
that saves much: in the 1600 places of a batch all 40 tokens occur, about 480 of 500, and about 1300 of 4000, for they are drawn
with equal probability; of a text's words fewer would.

The peer is written from the equations and loads our parameters; its gates and biases are torch's, as ours are. Both use the
same torch operations for embeddings, general attention, output layer and loss in training: only the recurrent layers differ,
what brings a batch to them, and what additive attention compares.

Losses and all gradients, answers and their log-probabilities are compared before anything is timed. All take turns in one
process, in an order drawn anew each round. Medians are shown; every ratio is that to the fastest peer. Aims, marked ``*`` where
missed: training 1.3 times, search 3 times as fast.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from itertools import groupby, product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.bench.comparison import TOLERANCE, difference
from unrolled.bench.contender import Task
from unrolled.bench.machine import pin
from unrolled.bench.report import NOISE, Machine
from unrolled.bench.timing import Effort, time_in_turns
from unrolled.bench.worker import environment
from unrolled.codecs.tokens import TokenIds
from unrolled.kernels import kernel_info
from unrolled.networks.attention import AttentionConfig, Score
from unrolled.networks.embedding import EmbeddingConfig
from unrolled.networks.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from unrolled.networks.stack import StackConfig
from unrolled.runtime.decoding.beam import BeamSearch
from unrolled.runtime.engine import KernelEngine
from unrolled.training.encoder_decoder import Pairs, encoder_decoder_problem
from unrolled.training.engine import NetworkModule, NetworkOptions
from unrolled.version import library_version

OURS, LAYER, CELL = "unrolled", "nn.LSTM", "nn.LSTMCell"
AIMS = {"training": 1.3, "search": 3.0}
PEERS = {"training": (LAYER,), "search": (LAYER, CELL)}
WIDTH = 5
VOCABULARIES = 40, 500, 4000
LIVELY = 3.0
"""Factor of the random parameters. As they start, attention is nearly uniform, and the gradients of what it compares cancel to
rounding errors; all tokens are as probable, and rounding errors decide between answers."""
IMPOSSIBLE = -1e3
RENAMED = {"embedding.words": "embedding.weight", "symbols": "symbols.weight"}
"""Our parameters that torch's layers call otherwise."""


class Sizes(NamedTuple):
    """Batch, steps of source and target, hidden size, tokens of source and target."""

    batch: int = 32
    steps: int = 50
    hidden: int = 256
    vocabulary: int = 4000


class Case(NamedTuple):
    """A kind of network."""

    attention: Score | None
    bidirectional: bool = False

    @property
    def title(self) -> str:
        return f"{self.attention or 'none'} | {'both directions' if self.bidirectional else 'forwards'}"

    def config(self, sizes: Sizes) -> EncoderDecoderConfig:
        H, V = sizes.hidden, sizes.vocabulary
        size = H if self.attention == "additive" else 0
        return EncoderDecoderConfig(
            StackConfig("lstm", H, H, num_layers=1, bidirectional=self.bidirectional),
            StackConfig("lstm", H, H, num_layers=1),
            symbols=V,
            symbol_size=H,
            tokens=EmbeddingConfig(V, H),
            attention=AttentionConfig(self.attention, size=size) if self.attention else None,
        )


CASES = (Case("general"), Case("additive"), Case("general", True), Case("additive", True), Case(None))


class PlainAttention(nn.Module):
    """Additive or general, of batches whose sources all have one length."""

    def __init__(self, config: AttentionConfig, asking: int, asked: int) -> None:
        super().__init__()
        self.additive = config.score == "additive"
        self.key = nn.Linear(asked, config.size if self.additive else asking, bias=False)
        if self.additive:
            self.query = nn.Linear(asking, config.size)
            self.score = nn.Parameter(torch.empty(1, config.size))

    def forward(self, s: Tensor, h: Tensor, keys: Tensor) -> Tensor:
        """``s [B, U, S]``, ``h [B, T, H]``, ``keys [B, T, A]`` → context ``[B, U, H]``."""
        if self.additive:
            scores = torch.tanh(self.query(s)[:, :, None] + keys[:, None]) @ self.score[0]
        else:
            scores = torch.bmm(s, keys.transpose(1, 2))
        return torch.bmm(torch.softmax(scores, -1), h)


class Source(NamedTuple):
    """What was read."""

    h: Tensor
    """``[B, T, H]``"""
    keys: Tensor | None
    states: tuple[Tensor, Tensor]
    """The decoder's first, ``[B, H]`` each."""


class Plain(nn.Module):
    """The network in torch's layers."""

    def __init__(self, config: EncoderDecoderConfig) -> None:
        super().__init__()
        assert config.tokens is not None
        encoder, S, H = config.encoder, config.decoder.outputs, config.encoder.outputs
        self.embedding = nn.Embedding(config.tokens.words, config.tokens.word_size)
        self.encoder = nn.LSTM(encoder.inputs, encoder.hidden_size, bidirectional=encoder.bidirectional)
        self.bridge = nn.Linear(H, 2 * S)
        self.symbols = nn.Embedding(config.symbols + 2, config.symbol_size)
        self.decoder = nn.LSTM(config.decoder.inputs, S)
        self.attention = PlainAttention(config.attention, S, H) if config.attention else None
        self.combine = nn.Linear(S + (H if config.attention else 0), S)
        self.head = nn.Linear(S, config.outputs)

    @classmethod
    def of(cls, config: EncoderDecoderConfig, parameters: Mapping[str, Tensor]) -> Plain:
        """With copies of our parameters."""
        plain = cls(config)
        plain.load_state_dict({RENAMED.get(name, name): p for name, p in parameters.items()})
        return plain

    def read(self, sources: Tensor) -> Source:
        """``[T, B]``"""
        h, (last, _) = self.encoder(self.embedding(sources))
        first, cell = torch.tanh(self.bridge(last.transpose(0, 1).flatten(1))).chunk(2, 1)
        h = h.transpose(0, 1)
        return Source(h, self.attention.key(h) if self.attention else None, (first.contiguous(), cell.contiguous()))

    def scores(self, s: Tensor, source: Source) -> Tensor:
        """Of the next token, ``[B, U, V]``, after outputs ``s [B, U, S]`` of the decoder."""
        if self.attention:
            s = torch.cat([self.attention(s, source.h, source.keys), s], -1)
        return self.head(torch.tanh(self.combine(s)))

    def forward(self, sources: Tensor, symbols: Tensor) -> Tensor:
        """Scores ``[B, U, V]`` after ``symbols [U, B]``."""
        source = self.read(sources)
        first, cell = source.states
        s, _ = self.decoder(self.symbols(symbols), (first[None], cell[None]))
        return self.scores(s.transpose(0, 1), source)


def our_module(config: EncoderDecoderConfig) -> NetworkModule:
    torch.manual_seed(0)
    module = NetworkModule(EncoderDecoder, config, NetworkOptions())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter *= LIVELY
    return module


def step_task(module: nn.Module, loss: Callable[[], Tensor]) -> Task:
    """A loss and its gradients; read under our names of the parameters."""
    ours = {theirs: name for name, theirs in RENAMED.items()}

    def run() -> Tensor:
        module.zero_grad(set_to_none=True)
        value = loss()
        value.backward()
        return value

    def read(value: Tensor) -> dict[str, Any]:
        grads = {ours.get(name, name): p.grad for name, p in module.named_parameters() if p.grad is not None}
        return {"loss": value.detach().numpy(), **{name: grad.numpy() for name, grad in grads.items()}}

    return Task(run, read)


def training_tasks(case: Case, sizes: Sizes) -> dict[str, Task]:
    config = case.config(sizes)
    B, T, _, V = sizes
    rng = np.random.default_rng(0)
    sources, targets = rng.integers(V, size=(B, T)), rng.integers(V, size=(B, T - 1))
    module = our_module(config)
    pairs = Pairs([TokenIds(source) for source in sources], list(targets))
    problem, every = encoder_decoder_problem(config, pairs, NetworkOptions(), B), np.arange(B)

    plain = Plain.of(config, module.state_dict())
    read = torch.from_numpy(sources).T.contiguous()
    begun = torch.from_numpy(np.insert(targets, 0, config.begin, axis=1)).T.contiguous()
    said = torch.from_numpy(np.insert(targets, T - 1, config.end, axis=1))

    def their_loss() -> Tensor:
        return F.cross_entropy(plain(read, begun).flatten(0, 1), said.flatten())

    return {
        OURS: step_task(module, lambda: problem.loss(module, every)),
        LAYER: step_task(plain, their_loss),
    }


Step = Callable[[Tensor, tuple[Tensor, Tensor]], tuple[Tensor, Tensor]]
"""``x [N, I]`` and states ``[N, H]`` → states."""


def layer_step(plain: Plain) -> Step:
    def step(x: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        _, (h, c) = plain.decoder(x[None], (states[0][None], states[1][None]))
        return h[0], c[0]

    return step


def cell_step(plain: Plain) -> Step:
    cell = nn.LSTMCell(plain.decoder.input_size, plain.decoder.hidden_size)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in plain.decoder.state_dict().items()})
    return cell


@torch.inference_mode()
def plain_search(plain: Plain, step: Step, source: Tensor, begin: int, length: int) -> tuple[Tensor, Tensor]:
    """Answers ``[WIDTH, length]`` and their log-probabilities to a source ``[T]``."""
    read = plain.read(source[:, None])
    states, total = read.states, torch.zeros(1)
    tokens, answers = torch.tensor([begin]), torch.empty(1, 0, dtype=torch.int64)
    for _ in range(length):
        states = step(plain.symbols(tokens), states)
        log_p = torch.log_softmax(plain.scores(states[0][None], read)[0], -1)  # the beam's rows as if they were steps
        total, places = (total[:, None] + log_p).flatten().topk(WIDTH)
        rows, tokens = places // log_p.shape[1], places % log_p.shape[1]
        states = states[0].index_select(0, rows), states[1].index_select(0, rows)
        answers = torch.cat([answers.index_select(0, rows), tokens[:, None]], 1)
    return answers, total


def search_tasks(case: Case, sizes: Sizes) -> dict[str, Task]:
    config = case.config(sizes)
    module = our_module(config)
    with torch.no_grad():
        module.get_parameter("head.bias")[config.end] = IMPOSSIBLE
    network: Any = EncoderDecoder(KernelEngine(module.tensors()), config)
    search = BeamSearch(bos=config.begin, eos=config.end, max_length=sizes.steps, width=WIDTH, n_best=WIDTH)
    plain = Plain.of(config, module.state_dict())
    source = np.random.default_rng(0).integers(sizes.vocabulary, size=sizes.steps)
    tokens = torch.from_numpy(source)

    def ours() -> tuple[Any, Any]:
        (answers,) = search(network, network.start([TokenIds(source)]), 1)
        return [answer.tokens for answer in answers], [answer.log_p for answer in answers]

    def read(found: tuple[Any, Any]) -> dict[str, Any]:
        return {"answers": np.stack([np.asarray(answer) for answer in found[0]]), "log p": np.asarray(found[1])}

    steps = {LAYER: layer_step(plain), CELL: cell_step(plain)}
    return {OURS: Task(ours, read)} | {
        name: Task(lambda step=step: plain_search(plain, step, tokens, config.begin, sizes.steps), read)
        for name, step in steps.items()
    }


TASKS = {"training": training_tasks, "search": search_tasks}


class Row(NamedTuple):
    """What was measured of one network, or why it was not."""

    work: str
    case: Case
    vocabulary: int
    seconds: Mapping[str, float]
    """Medians, all but those of :data:`OURS` a peer's."""
    spread: Mapping[str, float] = {}
    difference: float = 0.0
    error: str | None = None

    @property
    def best(self) -> str:
        """The fastest peer."""
        return min((name for name in self.seconds if name != OURS), key=self.seconds.__getitem__)

    @property
    def ratio(self) -> float:
        """How many times the best peer's time is ours."""
        return self.seconds[self.best] / self.seconds[OURS]

    @property
    def missed(self) -> bool:
        return self.error is None and self.ratio < AIMS[self.work]

    def markdown(self) -> str:
        """A line of the table."""
        peers = PEERS[self.work]
        if self.error is not None:
            return f"| {self.case.title} | {self.vocabulary} | {self.error} |" + " |" * (len(peers) + 2)
        times = " | ".join(f"{1000 * self.seconds[name]:.2f}" for name in (OURS, *peers))
        noisy = ", noisy" if any(self.spread.get(name, 1) > NOISE for name in (OURS, self.best)) else ""
        ratio = f"{self.ratio:.2f}{'*' * self.missed}{noisy}"
        return f"| {self.case.title} | {self.vocabulary} | {times} | {ratio} | {AIMS[self.work]} |"


def heading(work: str) -> str:
    times = " | ".join(f"{name}, ms" for name in (OURS, *PEERS[work]))
    return f"| attention | encoder | V | {times} | ratio | aim |\n|---|---|--:|{'--:|' * (len(PEERS[work]) + 3)}"


def disagreement(results: Mapping[str, Mapping[str, Any]]) -> tuple[float, str | None]:
    """The largest difference between numbers of ours and of a peer, and a sentence if it is too large, or an answer another."""
    largest, ours = 0.0, results[OURS]
    for peer, theirs in results.items():
        if ours.keys() != theirs.keys():
            return np.inf, f"{OURS} and {peer} have results of other names; not timed"
        for name, amount in difference(ours, theirs).items():
            if theirs[name].dtype.kind == "i":
                if amount:
                    return np.inf, f"{OURS} and {peer} disagree: {name}; not timed"
                continue
            largest = max(largest, amount)
            if not amount <= TOLERANCE:
                return largest, f"{OURS} and {peer} disagree: {name}, by {amount:.1e} of the largest; not timed"
    return largest, None


def measure(work: str, case: Case, sizes: Sizes, rounds: int) -> Row:
    """Everything compared, then timed."""
    tasks = TASKS[work](case, sizes)
    largest, error = disagreement({name: task.read(task.run()) for name, task in tasks.items()})
    if error is not None:
        return Row(work, case, sizes.vocabulary, {}, {}, largest, error)
    times = time_in_turns({name: task.run for name, task in tasks.items()}, Effort(0, rounds, rounds))
    seconds, spread = ({name: timing[i] for name, timing in times.items()} for i in range(2))
    return Row(work, case, sizes.vocabulary, seconds, spread, largest)


def sizes_of(text: str) -> Sizes:
    numbers = [int(n) for n in text.split(",") if n.isdigit()]
    if len(numbers) != 4 or 0 in numbers or numbers[1] < 2:
        raise argparse.ArgumentTypeError(f"{text!r}: expected B,T,H,V such as 32,50,256,4000, T at least 2")
    return Sizes(*numbers)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs="+", default=list(TASKS), choices=list(TASKS))
    usual = [Sizes(vocabulary=V) for V in VOCABULARIES]
    parser.add_argument("--sizes", type=sizes_of, nargs="+", default=usual, metavar="B,T,H,V")
    parser.add_argument("--rounds", type=int, default=11, help="turns of every contender (default 11)")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    machine = Machine.here()
    if machine.busy:
        print(machine.busy, file=sys.stderr)
    os.environ.update(environment(options.threads))
    pin(options.threads)
    torch.set_num_threads(options.threads)

    print(
        f"unrolled {library_version()} ({kernel_info().cpu_level}), torch {torch.__version__}, {machine.cpu}, ", end=""
    )
    print(f"{options.threads} threads, {options.rounds} rounds")
    titles = {"training": "A training step", "search": f"A search, one source, a beam of {WIDTH}"}
    start, rows = time.perf_counter(), []
    for work in options.work:
        for (B, T, H), group in groupby(options.sizes, key=lambda sizes: sizes[:3]):
            print(f"\n{titles[work]}; LSTM, B={B}, T={T}, H={H}\n\n{heading(work)}")
            for sizes, case in product(group, CASES):
                rows.append(measure(work, case, sizes, options.rounds))
                print(rows[-1].markdown(), flush=True)
    largest = max(row.difference for row in rows)
    print(f"\nresults differ by at most {largest:.0e} of the largest number; {time.perf_counter() - start:.0f} s")
    if any(row.missed for row in rows):
        print("* the aim was missed")
    return int(any(row.error is not None for row in rows))


if __name__ == "__main__":
    sys.exit(main())
