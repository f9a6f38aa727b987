"""What modules and parameters are called."""

from __future__ import annotations

import weakref
from typing import Any

__all__ = ["Names"]


class Names:
    """Names of modules and parameters, from the outermost modules that were seen."""

    def __init__(self) -> None:
        self._modules: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._parameters: dict[int, str] = {}
        self._recurrent: set[int] = set()
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    def __len__(self) -> int:
        """How many parameters are known."""
        return len(self._parameters)

    def add(self, model: Any) -> None:
        """Learn the names in a model, if it is new."""
        if model in self._known:
            return
        from unrolled.insight.watcher.layers import is_recurrent

        self._known.add(model)
        for path, module in model.named_modules():
            if path or module not in self._modules:
                self._modules[module] = path or type(module).__name__
            if is_recurrent(module):
                self._recurrent |= {id(parameter) for parameter in module.parameters()}
        for path, parameter in model.named_parameters():
            inner = "." in path or not self._modules.get(model, "").islower()
            self._parameters.setdefault(id(parameter), path if inner else f"{self._modules[model]}.{path}")

    def of(self, module: Any) -> str:
        """The path of a module in its model; of a model its class."""
        if module not in self._modules:  # one that its model does not know, as in a list
            self.add(module)
        return self._modules[module]

    def of_parameter(self, parameter: Any) -> str:
        """The path of a parameter in its model."""
        return self._parameters.get(id(parameter), "a parameter of no module that ran")

    def is_recurrent(self, parameter: Any) -> bool:
        """Whether it belongs to a recurrent layer or cell."""
        return id(parameter) in self._recurrent
