"""``torch.nn``, and ``unrolled.nn`` in its place: the same lines for both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

import unrolled.nn
from unrolled.aliases import Floats
from unrolled.bench.case import Case
from unrolled.bench.contender import Task

__all__ = ["TorchModules"]


class TorchModules:
    """The recurrent modules of a namespace: ``torch.nn`` or ``unrolled.nn``."""

    def __init__(self, name: str, version: str, namespace: Any) -> None:
        self.name, self.version, self._namespace = name, version, namespace

    @classmethod
    def of_torch(cls) -> TorchModules:
        """The peer."""
        return cls("torch", str(torch.__version__), torch.nn)

    @classmethod
    def of_unrolled(cls, version: str) -> TorchModules:
        """This library's own."""
        return cls("nn", version, unrolled.nn)

    def prepare(self, case: Case, arrays: Mapping[str, Floats]) -> Task:
        """See :class:`~unrolled.bench.contender.Contender`."""
        own = {"proj_size": case.sizes.projected} if case.sizes.projected else {}
        module = getattr(self._namespace, case.cell.upper())(case.sizes.inputs, case.sizes.hidden, **own)
        names = [parameter.name for parameter in case.described.parameters]
        module.load_state_dict({f"{name}_l0": torch.from_numpy(arrays[name]) for name in names})
        x = torch.from_numpy(arrays["x"])
        return self._training(case, module, names, x) if case.work == "training" else self._inference(module, x)

    @staticmethod
    def _training(case: Case, module: torch.nn.Module, names: list[str], x: torch.Tensor) -> Task:
        x.requires_grad_()
        leaves = {"x": x, **{name: getattr(module, f"{name}_l0") for name in names}}

        def run() -> torch.Tensor:
            for leaf in leaves.values():
                leaf.grad = None
            y, _ = module(x)
            seen = y[-1] if case.loss == "last" else y
            (seen * seen).sum().backward()
            return y

        def read(y: torch.Tensor) -> dict[str, Floats]:
            grads = {name: leaf.grad.numpy() for name, leaf in leaves.items() if leaf.grad is not None}
            return {"y": y.detach().numpy(), **grads}

        return Task(run, read)

    @staticmethod
    def _inference(module: torch.nn.Module, x: torch.Tensor) -> Task:
        @torch.inference_mode()
        def run() -> torch.Tensor:
            return module(x)[0]

        return Task(run)
