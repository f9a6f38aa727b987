"""Changes of a torch module that was just made: other recurrent layers of the same sizes, other starts, inputs to scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.nn import Module
else:
    Module = Any

__all__ = ["with_chrono", "with_gru", "with_orthogonal_start", "with_scaled_inputs", "with_tanh"]

Remake = Callable[[Module], Module]


def with_gru(span: int) -> Remake:
    """GRUs in place of simple RNNs, started for spans of so many steps."""
    from unrolled import nn

    return _replacing(lambda old: nn.GRU(**_sizes(old), chrono=span) if _is_simple(old) else old)


def with_chrono(span: int) -> Remake:
    """The same layers, whose gates start for spans of so many steps."""
    import torch

    from unrolled import nn

    def make(old: Any) -> Any:
        for ours, theirs in ((nn.LSTM, torch.nn.LSTM), (nn.GRU, torch.nn.GRU)):
            if isinstance(old, (ours, theirs)):
                return ours(**_sizes(old), chrono=span)
        return old

    return _replacing(make)


def with_tanh() -> Remake:
    """tanh in place of ReLU."""
    import torch

    return _replacing(lambda old: torch.nn.RNN(**_sizes(old)) if _is_simple(old) else old)


def with_orthogonal_start(module: Module) -> Module:
    """Every gate's block of the hidden-to-hidden weights orthogonal."""
    import torch

    for layer in module.modules():
        if not isinstance(layer, torch.nn.RNNBase):
            continue
        for name, weight in layer.named_parameters():
            if name.startswith("weight_hh") and weight.dim() == 2:
                for block in weight.data.split(weight.shape[1]):
                    torch.nn.init.orthogonal_(block)
    return module


def with_scaled_inputs(mean: float, spread: float) -> Remake:
    """What the first recurrent layer reads, less its mean and divided by its standard deviation."""

    def remake(module: Module) -> Module:
        import torch
        from torch.nn.utils.rnn import PackedSequence

        def scaled(_: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
            x, *rest = given
            if isinstance(x, PackedSequence):
                return x._replace(data=(x.data - mean) / spread), *rest
            return (x - mean) / spread, *rest

        layer = next(each for each in module.modules() if isinstance(each, torch.nn.RNNBase))
        layer.register_forward_pre_hook(scaled)
        return module

    return remake


def _replacing(make: Callable[[Any], Any]) -> Remake:
    def remake(module: Module) -> Module:
        import torch

        if isinstance(module, torch.nn.RNNBase):
            return make(module)
        for path, layer in [*module.named_modules()]:
            if isinstance(layer, torch.nn.RNNBase):
                parent, _, name = path.rpartition(".")
                setattr(module.get_submodule(parent), name, make(layer))
        return module

    return remake


def _is_simple(layer: Any) -> bool:
    import torch

    from unrolled import nn

    return isinstance(layer, (torch.nn.RNN, nn.RNN))


def _sizes(layer: Any) -> dict[str, Any]:
    names = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
    return {name: getattr(layer, name) for name in names} | {"dtype": next(layer.parameters()).dtype}
