"""Networks as torch modules, for as long as they learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from unrolled.networks.engine import Engine, Lengths, Rows
from unrolled.networks.stack import StackConfig
from unrolled.nn import Settings, layers_for
from unrolled.nn.additive import additive
from unrolled.nn.recurrent import Recurrent
from unrolled.nn.stacked import StackedLayers
from unrolled.parameters.declaration import shared_values
from unrolled.parameters.training import TrainingParameters

__all__ = ["NetworkModule", "NetworkOptions", "TorchEngine", "load_tensors", "recurrent_layers", "tensors_of"]

Config = TypeVar("Config")

FEW = 0.75  # distinct rows a place up to which their products are put apart
WORTH_APART = 5e6  # multiply-adds that equal rows must save: their sums take time, too, and calls of their own


class NetworkOptions(TrainingParameters):
    """What networks do in training only: the options of their layers among the parameters of training."""

    dropout: float = 0.0
    token_dropout: float = 0.0
    """The share of words that is read as unknown."""
    input_noise: float = 0.0
    """Deviation of what is added to the numbers of the step before."""
    step_dropout: float = 0.0
    """The share of steps of numbers that is read as zeros."""

    @classmethod
    def of(cls, parameters: TrainingParameters) -> NetworkOptions:
        """Those of an estimator."""
        return cls(**shared_values(parameters, cls))

    def of_layers(self) -> dict[str, Any]:
        """The options of :class:`unrolled.nn.Settings` that differ from their defaults."""
        usual = {field.name: field.default for field in fields(Settings)}
        given = ((name, value) for name, value in vars(self).items() if name in usual)
        return {name: value for name, value in given if value != usual[name]}


def recurrent_layers(config: StackConfig, options: NetworkOptions) -> Recurrent[Any]:
    """The module of stacked layers, time-major, with random parameters."""
    kept = ("zoneout", "residual", "merge", "initial_state")
    usual = StackConfig(config.cell, config.inputs, config.hidden_size, config.num_layers)
    changed = {name: getattr(config, name) for name in kept if getattr(config, name) != getattr(usual, name)}
    return layers_for(
        config.cell,
        config.inputs,
        config.hidden_size,
        num_layers=config.num_layers,
        bidirectional=config.bidirectional,
        dropout=options.dropout if config.num_layers > 1 else 0.0,  # torch warns of one where there is nothing between
        **changed,
        **config.sizes,
        **options.of_layers(),
    )


class TorchEngine:
    """The engine that puts layers with random parameters into a module, named as in a saved model."""

    def __init__(self, module: torch.nn.Module, options: NetworkOptions) -> None:
        self.options, self._module = options, module

    def scope(self, name: str) -> TorchEngine:
        """The engine of a part, which is a module in the module."""
        part = torch.nn.Module()
        self._module.add_module(name, part)
        return TorchEngine(part, self.options)

    def stack(self, name: str, config: StackConfig) -> Callable[..., tuple[Tensor, tuple[Tensor, ...]]]:
        """Recurrent layers."""
        layers = recurrent_layers(config, self.options)
        self._module.add_module(name, layers)
        weights = config.inputs * config.hidden_size * len(config.described.gates)

        def run(
            x: Tensor, lengths: Lengths | None = None, states: tuple[Tensor, ...] | None = None
        ) -> tuple[Tensor, tuple[Tensor, ...]]:
            first = states[0] if states is not None and len(states) == 1 else states
            whole = lengths is None or bool((lengths == len(x)).all())  # nothing to put in order
            own = None if whole else torch.from_numpy(lengths)
            looked_up: LookedUp | None = getattr(x, "looked_up", None)
            few = looked_up.few(weights) if looked_up is not None and layers.takes_rows else None
            y, last = layers(x, first, lengths=own) if few is None else layers.of_rows(*few, first, own)
            return y, last if isinstance(last, tuple) else (last,)

        return run

    def dense(self, name: str, inputs: int, outputs: int) -> torch.nn.Linear:
        """A dense layer."""
        layer = torch.nn.Linear(inputs, outputs)
        self._module.add_module(name, layer)
        return layer

    def matrix(self, name: str, inputs: int, outputs: int) -> torch.nn.Linear:
        """A dense layer without bias."""
        layer = torch.nn.Linear(inputs, outputs, bias=False)
        self._module.add_module(name, layer)
        return layer

    def vector(self, name: str, size: int) -> Callable[[Tensor], Tensor]:
        """A product with one vector, which starts as the weights of a dense layer do."""
        vector = self._vector(name, size)
        return lambda x: x @ vector[0]

    def comparison(self, name: str, size: int) -> Callable[..., Tensor]:
        """With a vector that starts likewise."""
        vector = self._vector(name, size)
        return lambda query, keys, lengths, rows=None: additive(vector[0], query, keys, lengths, rows)

    def _vector(self, name: str, size: int) -> torch.nn.Parameter:
        return self._parameter(name, torch.empty(1, size).uniform_(-(size**-0.5), size**-0.5))

    def embedding(self, name: str, entries: int, size: int) -> _Table:
        """Rows of a table, each of length 1 or so at the start."""
        return _Table(self._parameter(name, torch.randn(entries, size) * size**-0.5))

    def parameter(self, name: str, shape: tuple[int, ...], dtype: type[np.floating[Any]] = np.float32) -> Tensor:
        """An array of zeros."""
        return self._parameter(name, torch.from_numpy(np.zeros(shape, dtype)))

    def _parameter(self, name: str, start: Tensor) -> torch.nn.Parameter:
        parameter = torch.nn.Parameter(start)
        self._module.register_parameter(name, parameter)
        return parameter

    def constant(self, a: NDArray[Any]) -> Tensor:
        """As a tensor."""
        return torch.from_numpy(a)

    def tanh(self, a: Tensor) -> Tensor:
        """The hyperbolic tangent."""
        return torch.tanh(a)

    def sigmoid(self, a: Tensor) -> Tensor:
        """The logistic function."""
        return torch.sigmoid(a)

    def exp(self, a: Tensor) -> Tensor:
        """The exponential function."""
        return torch.exp(a)

    def sum(self, a: Tensor) -> Tensor:
        """Along the last axis."""
        return a.sum(-1)

    def log_sum_exp(self, a: Tensor) -> Tensor:
        """Along the last axis."""
        return torch.logsumexp(a, -1)

    def concatenate(self, arrays: Sequence[Tensor]) -> Tensor:
        """Side by side along the last axis."""
        return torch.cat(list(arrays), dim=-1)

    def steps(self, arrays: Sequence[Tensor]) -> Tensor:
        """One after the other along a new first axis."""
        return torch.stack(list(arrays))

    def repeat(self, a: Tensor, steps: int) -> Tensor:
        """A view."""
        return a.expand(steps, *a.shape)

    def mean(self, y: Tensor, lengths: Lengths) -> Tensor:
        """The mean of each sequence's own steps."""
        return y.sum(0) / torch.from_numpy(lengths)[:, None]

    def max(self, y: Tensor, lengths: Lengths) -> Tensor:
        """The largest of each sequence's own steps."""
        return y.masked_fill(~_inside(y, lengths)[..., None], -torch.inf).amax(0)

    def attend(self, scores: Tensor, y: Tensor, lengths: Lengths) -> Tensor:
        """Sums over each sequence's own steps."""
        weight = torch.softmax(scores.masked_fill(~_inside(y, lengths), -torch.inf), 0)
        return (weight[..., None] * y).sum(0)

    def softmax(self, scores: Tensor, inside: Tensor | None) -> Tensor:
        """Over those inside."""
        return torch.softmax(scores if inside is None else scores.masked_fill(~inside, -torch.inf), -1)

    def products(self, keys: Tensor, lengths: Lengths) -> Callable[..., Tensor]:
        """Products of whole batches; what is past the lengths is computed, too."""
        by_source = keys.permute(1, 2, 0)  # [B, K, T]
        return lambda q, rows=None: _each_source(q, by_source, rows)

    def sums(self, values: Tensor, lengths: Lengths) -> Callable[..., Tensor]:
        """Sums over all steps."""
        by_source = values.transpose(0, 1)  # [B, T, V]
        return lambda weights, rows=None: _each_source(weights, by_source, rows)

    def log_probabilities(self, scores: Tensor) -> NDArray[np.float64]:
        """In float64."""
        return torch.log_softmax(scores.detach().double(), -1).numpy()

    def log_softmax(self, a: Tensor) -> Tensor:
        """In float32."""
        return torch.log_softmax(a, -1)

    def chosen(self, a: Tensor, places: NDArray[np.int64]) -> Tensor:
        """Gathered."""
        return a.gather(-1, torch.from_numpy(places)[..., None])[..., 0]

    def decoder_step(self, network: Any) -> None:
        """None: training takes all steps at once."""

    def dropout(self, a: Tensor) -> Tensor:
        """Without a random share."""
        return F.dropout(a, self.options.dropout, True) if self._module.training and self.options.dropout else a

    def noisy(self, a: Tensor) -> Tensor:
        """With normal numbers added."""
        deviation = self.options.input_noise
        return a + deviation * torch.randn_like(a) if self._module.training and deviation else a

    def drop_steps(self, a: Tensor) -> Tensor:
        """Without a random share of the steps, the others as they are."""
        share = self.options.step_dropout
        return a * (torch.rand(*a.shape[:2], 1) >= share) if self._module.training and share else a

    def drop_tokens(self, places: NDArray[np.int64]) -> Tensor:
        """With a random share of unknown words."""
        words = torch.from_numpy(places)
        if self._module.training and self.options.token_dropout:
            words = words * (torch.rand(len(words)) >= self.options.token_dropout)
        return words

    def pad(self, rows: Any, lengths: Lengths) -> Tensor:
        """``[ΣT, I]`` → ``[T, B, I]``."""
        rows = torch.as_tensor(rows)
        found, looked_up = _padded(rows, lengths), getattr(rows, "looked_up", None)
        if looked_up is not None:
            found.looked_up = LookedUp(looked_up.table, _padded(looked_up.places[:, None], lengths)[..., 0])
        return found

    def batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """All at once: what is learned from is a batch already."""
        return [list(range(len(lengths)))]


class LookedUp(NamedTuple):
    """Where rows come from that nothing was done to: it goes with them to the layers that read them."""

    table: Tensor
    """``[V, I]``"""
    places: Tensor

    def few(self, weights: int) -> tuple[Tensor, Tensor] | None:
        """The rows that occur, and the places among them ``[T, B]``; None if all products cost little more."""
        if self.places.dim() != 2 or self.places.numel() * weights < WORTH_APART:
            return None
        places = self.places.numpy()
        distinct, inverse = np.unique(places, return_inverse=True)
        if len(distinct) > FEW * places.size or (places.size - len(distinct)) * weights < WORTH_APART:
            return None
        return F.embedding(torch.from_numpy(distinct), self.table), torch.from_numpy(inverse.reshape(places.shape))


class _Table:
    """Vectors that are learned."""

    def __init__(self, vectors: Tensor) -> None:
        self._vectors = vectors

    def __call__(self, places: Any) -> Tensor:
        places = torch.as_tensor(places)
        found: Any = F.embedding(places, self._vectors)
        found.looked_up = LookedUp(self._vectors, places)
        return found

    def products(self, x: Tensor) -> Tensor:
        return F.linear(x, self._vectors)


class NetworkModule(torch.nn.Module):
    """A network with random parameters, called as the network is.

    Attributes:
        network: the network itself.

    >>> from unrolled.networks.lead_forecast import LeadForecast, LeadForecastConfig
    >>> config = LeadForecastConfig(StackConfig("gru", inputs=3, hidden_size=4, num_layers=1), leads=(1, 2), channels=2)
    >>> module = NetworkModule(LeadForecast, config, NetworkOptions(dropout=0.1))
    >>> module(torch.zeros(5, 1, 3)).shape, module.tensors()["head.weight"].shape
    (torch.Size([5, 1, 8]), (8, 7))
    """

    def __init__(self, network: Callable[[Engine, Config], Any], config: Config, options: NetworkOptions) -> None:
        super().__init__()
        self.network = network(TorchEngine(self, options), config)

    def forward(self, *inputs: Any) -> Any:
        """What the network makes of its inputs."""
        return self.network(*inputs)

    def tensors(self) -> Mapping[str, NDArray[Any]]:
        """The parameters as a saved model has them."""
        return tensors_of(self)


def tensors_of(module: torch.nn.Module) -> dict[str, NDArray[Any]]:
    """Copies of the parameters that inference needs of a module, by name."""
    tensors: dict[str, Tensor] = {}
    for path, part in module.named_modules():
        own = dict(part.named_parameters(recurse=False))
        if isinstance(part, StackedLayers):  # some make their cell's parameters of others
            learned = {name: start for name, start in own.items() if name.startswith(("h_0_", "c_0_"))}
            own = {**part.inference_parameters(), **learned}
        tensors |= {f"{path}.{name}" if path else name: tensor for name, tensor in own.items()}
    return {name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}


@torch.no_grad()
def load_tensors(module: torch.nn.Module, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Put what :func:`tensors_of` a module has taken into one that is made alike: in evaluation both compute the same."""
    assert tensors_of(module).keys() == tensors.keys()
    rest = {name: torch.from_numpy(np.array(array)) for name, array in tensors.items()}
    for path, part in module.named_modules():
        if isinstance(part, StackedLayers):
            own = {name: f"{path}.{name}" if path else name for name in part.inference_parameters()}
            part.take_inference_parameters({name: rest.pop(place) for name, place in own.items()})
    for name, value in rest.items():
        module.get_parameter(name).copy_(value)


def _padded(rows: Any, lengths: Lengths) -> Any:
    """``[ΣT, I]`` → ``[T, B, I]``."""
    if (lengths == lengths[0]).all():
        return rows.view(len(lengths), int(lengths[0]), -1).transpose(0, 1)
    return pad_sequence(list(rows.split(lengths.tolist())))


def _each_source(asked: Tensor, held: Tensor, rows: Rows | None) -> Tensor:
    """``[U, N, I]`` and ``[B, I, O]`` → ``[U, N, O]``."""
    own = held if rows is None else held[torch.from_numpy(rows)]
    return torch.bmm(asked.transpose(0, 1), own).transpose(0, 1)


def _inside(y: Tensor, lengths: Lengths) -> Tensor:
    return torch.arange(len(y))[:, None] < torch.from_numpy(lengths)
