"""The arguments that all layers share, described once for the docstrings of all of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

__all__ = ["with_arguments"]

_SHARED = {
    "input_size": "``I``, the number of input features.",
    "hidden_size": "``H``, the number of units per layer.",
    "num_layers": "``L``, the number of stacked layers.",
    "bias": "whether the layers have biases.",
    "batch_first": "input and output are ``[B, T, ...]`` instead of ``[T, B, ...]``; states are not affected.",
    "dropout": "probability, 0 to 1, that an output of any layer except the last is set to zero in training.",
    "bidirectional": '``D = 2``: a second set of parameters reads the sequences backwards; outputs are concatenated, or added\n'
    '        with ``merge="sum"``.',
    "device": "device of the parameters.",
    "dtype": "dtype of the parameters.",
    "**options": "the options of all layers: :class:`~unrolled.nn.Settings`.",
}  # fmt: skip
_SECTION = re.compile(r"^Args:\n((?: {4}.*\n|\n)+)", re.M)
_ARGUMENT = re.compile(r"^ {4}([\w*]+): (.+(?:\n {8}.+)*)", re.M)


def with_arguments(docstring: str, constructor: Callable[..., Any]) -> str:
    """A layer's docstring with all arguments of its constructor, of which it describes those that only this layer has.

    Its sections are as Google writes them, its examples come last.

    >>> def constructor(input_size, dropout): ...
    >>> print(with_arguments("Units. Source: a book.\\n\\n>>> layer", constructor).splitlines()[3])
        input_size: ``I``, the number of input features.
    """
    text, prompt, examples = inspect.cleandoc(docstring).partition(">>> ")
    section = _SECTION.search(text)
    own: dict[str, str] = dict(_ARGUMENT.findall(section[1])) if section else {}
    described = {**_SHARED, **own}
    stars = {inspect.Parameter.VAR_KEYWORD: "**"}
    names = [stars.get(each.kind, "") + name for name, each in inspect.signature(constructor).parameters.items()]
    lines = [f"    {name}: {described[name]}" for name in names if name != "self"]
    text = _SECTION.sub("", text).rstrip()
    return "\n".join([text, "", "Args:", *lines, "", prompt + examples])
