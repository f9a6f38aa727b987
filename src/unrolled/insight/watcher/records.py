"""What is noted of a run: calls of models, of recurrent layers in them, of losses; and passes, of what belongs together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.insight.watcher.row_keys import RowKeys, keys_of, mixed_steps

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = Any

__all__ = ["LayerCall", "LossCall", "ModelCall", "Pass", "tensors_in"]


@dataclass(eq=False)
class LayerCall:
    """One call of a recurrent layer or of a single-step cell."""

    module: Any
    place: str
    x: Tensor
    """Time-major, ``[T, B, I]``; of a packed sequence its rows ``[N, I]``."""
    hx: tuple[Tensor, ...]
    """The states it was given; empty if none."""
    y: Tensor
    """``[T, B, D*H]``, or the rows of a packed sequence."""
    output: Tensor
    """The same as it was returned."""
    last: tuple[Tensor, ...]
    training: bool
    packed: bool
    """Whether it knows the lengths of its sequences."""
    single: bool
    """Whether it is a cell that takes one step a call."""
    generation: int
    """Backward passes before it."""
    ancestors: int = 0
    """Earlier backward passes whose graphs its given states lead into."""
    carried: bool = False
    """Whether its given states are those that an earlier call of the module ended in."""
    cut: bool = False
    """Whether they came without the graph that made them."""
    earlier: bool = False
    """Whether that call was one of an earlier pass."""
    upstream: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    """Gradients that arrived at ``y`` and ``last0``, ``last1``, ...; only in passes that are looked at closely."""
    replays: Any = None
    """Its layers run again on a few sequences, if anybody asked for that."""

    @property
    def steps(self) -> int:
        """``T``."""
        return len(self.x)

    def time_major(self, output: Tensor) -> Tensor:
        """What is shaped as the output, shaped as ``y``."""
        if output.dim() == self.y.dim() == 3 and self.module.batch_first:
            return output.transpose(0, 1)
        return output.reshape(self.y.shape)

    @property
    def batch(self) -> int:
        """``B``; 0 where it is not known."""
        return self.x.shape[1] if self.x.dim() == 3 else 0


@dataclass(eq=False)
class LossCall:
    """One call of a loss of :mod:`torch.nn.functional`."""

    name: str
    input: Tensor
    target: Tensor
    options: dict[str, Any]

    @property
    def of_classes(self) -> bool:
        """Whether targets are places of classes."""
        return self.name in ("cross_entropy", "nll_loss") and not self.target.is_floating_point()


@dataclass(eq=False)
class ModelCall:
    """One call of an outermost module."""

    module: Any
    name: str
    args: tuple[Any, ...]
    training: bool
    layers: list[LayerCall] = field(default_factory=list[LayerCall])
    used: bool = False
    """Whether a backward pass went through it."""
    upstream: list[tuple[Tensor, Tensor]] = field(default_factory=list[tuple[Tensor, Tensor]])
    """Outputs and the gradients that arrived at them; only in passes that are looked at closely."""


@dataclass(eq=False)
class Pass:
    """What happened from one backward pass to the next, or in one call without gradients."""

    step: int
    """The optimiser step that it is for, from 1."""
    close: bool
    """Whether it is looked at closely."""
    eager: bool
    """Whether its data are looked at."""
    calls: list[ModelCall] = field(default_factory=list[ModelCall])
    losses: list[LossCall] = field(default_factory=list[LossCall])
    masks: dict[str, bool] = field(default_factory=dict[str, bool])
    """Where a dropout function was called, and whether it drew a mask."""
    rectified: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    """Outputs of ReLUs by place, flattened to ``[N, units]``; only in passes that are looked at closely."""
    roots: list[Any] = field(default_factory=list[Any])
    """Where the graphs of its losses begin; only in passes that are looked at closely."""
    repeated: set[int] = field(default_factory=set[int])
    """Modules that ran more than twice in one call of a model."""
    dtypes: set[Any] = field(default_factory=set[Any])
    """Of outputs."""

    @property
    def asked(self) -> bool:
        """Whether rules are asked about it."""
        return self.close or self.eager

    @cached_property
    def layers(self) -> list[LayerCall]:
        """Calls of recurrent modules in their order."""
        return [layer for call in self.calls for layer in call.layers]

    @cached_property
    def main(self) -> ModelCall | None:
        """The call that reads sequences: the first with a recurrent layer, or else the first of all."""
        return next((call for call in self.calls if call.layers), self.calls[0] if self.calls else None)

    @cached_property
    def raw(self) -> Tensor | None:
        """What it reads, as it came; of a cell that is called for each step by the script itself all steps, ``[B, T, I]``."""
        import torch

        main = self.main
        if main is None:
            return None
        if main.layers and main.layers[0].single and main.layers[0].module is main.module:
            steps = [layer.x[0] for layer in self.layers if layer.module is main.module]
            return torch.stack(steps, 1) if len({step.shape for step in steps}) == 1 else None
        found = tensors_in(main.args)
        return found[0] if found and found[0].dim() >= 2 else None

    @cached_property
    def batch_first(self) -> bool:
        """Whether the first axis of what it reads is that of the sequences."""
        raw, whole = self.raw, next((layer for layer in self.layers if not layer.single and layer.batch), None)
        if raw is None or whole is None:
            single = next((layer for layer in self.layers if layer.batch), None)
            return raw is None or single is None or raw.shape[0] == single.batch
        if raw.shape[0] != raw.shape[1]:
            return raw.shape[0] == whole.batch
        if raw.shape == whole.x.shape and raw.dtype == whole.x.dtype:
            import torch

            return not torch.equal(raw.detach(), whole.x.detach())
        return bool(whole.module.batch_first)

    @cached_property
    def rows(self) -> Tensor | None:
        """What it reads, sequences first: ``[B, T]`` or ``[B, T, ...]``."""
        if self.raw is None:
            return None
        return self.raw if self.batch_first else self.raw.transpose(0, 1)

    @cached_property
    def keys(self) -> RowKeys | None:
        """What tells its sequences apart."""
        return None if self._mixed is None else keys_of(self._mixed)

    @cached_property
    def across(self) -> RowKeys | None:
        """What would tell them apart if steps were sequences."""
        return None if self._mixed is None else keys_of(self._mixed.T)

    @cached_property
    def _mixed(self) -> Any:
        return None if self.rows is None else mixed_steps(self.rows.detach())

    @cached_property
    def values(self) -> Any:
        """Its sequences as numbers, ``[B, T, F]``, for what is worth no gradient; None for single steps."""
        rows = self.rows
        if rows is None or rows.shape[1] < 2 or rows.is_complex():
            return None
        return np.asarray(rows.detach().reshape(*rows.shape[:2], -1).double())

    @cached_property
    def read(self) -> Any:
        """What the first recurrent layer reads, ``[B, T, F]``, if that is as wide as what the model reads; else that."""
        first = next((layer for layer in self.layers if not layer.single and layer.batch), None)
        values = self.values
        if values is None or first is None or first.x.shape[-1] != values.shape[-1] or self.tokens:
            return values
        return np.asarray(first.x.detach().transpose(0, 1).double())

    @cached_property
    def tokens(self) -> bool:
        """Whether it reads whole numbers."""
        return self.raw is not None and not self.raw.is_floating_point()


def tensors_in(value: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists and dictionaries."""
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, tuple | list):
        return [tensor for each in value for tensor in tensors_in(each)]  # pyright: ignore[reportUnknownVariableType]
    return []
