"""How a run is seen without a line of it being changed: torch's global hooks, and a few of its functions wrapped for a while."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from typing import Any, Protocol

__all__ = ["LOSSES", "Listener", "observing"]

LOSSES = (
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss", "l1_loss", "mse_loss",
    "nll_loss", "smooth_l1_loss",
)  # fmt: skip
"""Functions of :mod:`torch.nn.functional` that compare an input with a target of its shape or its classes."""


class Listener(Protocol):
    """Who is told of what happens; nothing that it does may change the run."""

    def enters(self, module: Any, args: Any) -> None:
        """A module is about to run."""
        ...

    def leaves(self, module: Any, args: Any, kwargs: Any, output: Any = None) -> None:
        """A module has run; or failed, without an ``output``, and then torch leaves the keywords out as well."""
        ...

    def measures(self, name: str, args: Any, kwargs: dict[str, Any]) -> None:
        """A loss was computed."""
        ...

    def drops(self, p: float, training: bool) -> None:
        """A dropout function was called."""
        ...

    def rectifies(self, result: Any) -> None:
        """A ReLU was computed."""
        ...

    def differentiates(self, losses: Any) -> None:
        """A backward pass is about to begin."""
        ...

    def has_differentiated(self, losses: Any, error: BaseException | None) -> None:
        """It is over, or failed."""
        ...

    def updates(self, optimiser: Any, *called_with: Any) -> None:
        """An optimiser is about to take a step."""
        ...

    def has_updated(self, optimiser: Any, *called_with: Any) -> None:
        """It has taken it."""
        ...


@contextmanager
def observing(listener: Listener) -> Generator[None, None, None]:
    """Within this context the listener is told of every module, loss, backward pass and optimiser step of this process.

    Functions are wrapped where they are looked up; a wrapper that somebody has kept beyond the end does nothing any more.
    """
    import torch
    from torch.nn.modules import module as hooks

    optimisers: Any = import_module("torch.optim.optimizer")

    alive = [True]
    undo: list[Callable[[], object]] = []

    def replace(owner: Any, name: str, make: Callable[[Any], Callable[..., Any]]) -> None:
        original = getattr(owner, name)
        own = name in vars(owner)
        setattr(owner, name, make(original))
        undo.append(lambda: setattr(owner, name, original) if own else delattr(owner, name))

    def told_after(tell: Callable[[Any, Any, Any], None]) -> Callable[[Any], Callable[..., Any]]:
        def make(original: Any) -> Callable[..., Any]:
            @wraps(original)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if alive[0]:
                    tell(args, kwargs, result)
                return result

            return wrapper

        return make

    def loss_named(name: str) -> Callable[[Any], Callable[..., Any]]:
        return told_after(lambda args, kwargs, _: listener.measures(name, args, kwargs))

    def backward(original: Any) -> Callable[..., Any]:
        @wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not alive[0]:
                return original(*args, **kwargs)
            losses = args[0] if args else kwargs.get("tensors")
            listener.differentiates(losses)
            try:
                result = original(*args, **kwargs)
            except BaseException as error:
                listener.has_differentiated(losses, error)
                raise
            listener.has_differentiated(losses, None)
            return result

        return wrapper

    def dropped(args: Any, kwargs: dict[str, Any], _: Any) -> None:
        p = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
        listener.drops(p, kwargs.get("training", args[2] if len(args) > 2 else True))

    F = torch.nn.functional
    try:
        handles: list[Any] = [
            hooks.register_module_forward_pre_hook(listener.enters),
            hooks.register_module_forward_hook(listener.leaves, with_kwargs=True, always_call=True),
            optimisers.register_optimizer_step_pre_hook(listener.updates),
            optimisers.register_optimizer_step_post_hook(listener.has_updated),
        ]
        undo += [handle.remove for handle in handles]
        for name in LOSSES:
            replace(F, name, loss_named(name))
        replace(F, "dropout", told_after(dropped))
        rectified = told_after(lambda args, kwargs, result: listener.rectifies(result))
        for owner in (torch, torch.Tensor):
            replace(owner, "relu", rectified)
        replace(torch.autograd, "backward", backward)
        yield
    finally:
        alive[0] = False
        for each in reversed(undo):
            each()
