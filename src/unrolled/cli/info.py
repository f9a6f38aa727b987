"""``unrolled info``: what a model file holds, without loading the model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from unrolled.cli.json_report import Report, print_report
from unrolled.cli.messages import show
from unrolled.cli.shared_options import JsonOption

__all__ = ["info"]


def info(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    as_json: JsonOption = False,
) -> None:
    """Show the contents of a model file: task, settings, tensors and checksum.

    The checksum and all sizes are verified. For example: unrolled info demo/model.safetensors
    """
    from unrolled.runtime.model_file import read_model

    found = read_model(model)
    parameters = sum(tensor.size for tensor in found.tensors.values())
    description: dict[str, Any] = {
        "bytes": model.stat().st_size,
        "task": found.task,
        "library_version": found.library_version,
        "sha256": found.sha256,
        "numbers": parameters,
        "config": found.config,
        "tensors": {name: {"dtype": str(t.dtype), "shape": list(t.shape)} for name, t in found.tensors.items()},
    }
    if as_json:
        print_report(Report(model, found=description))
        return
    show(f"{model}: a {found.task}, saved by unrolled {found.library_version}")
    show(f"{description['bytes']:,} bytes, {parameters:,} numbers in {len(found.tensors)} tensors, checksum correct")
    show("", *_config_lines(found.config), "", *_tensor_lines(found.tensors))


def _config_lines(config: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, value in config.items():
        if isinstance(value, dict) and value:
            lines.append(f"  {name}")
            inner = cast("dict[str, Any]", value)
            lines += [f"    {key:<20} {_brief(item)}" for key, item in inner.items()]
        else:
            lines.append(f"  {name:<22} {_brief(value)}")
    return lines


def _brief(value: Any) -> str:
    if isinstance(value, dict | list):
        entries = cast("list[Any]", value)
        text = "" if isinstance(value, dict) else ", ".join(map(str, entries))
        return text if 0 < len(text) <= 50 else f"{len(entries)} entries" if entries else "none"
    text = str(value)
    return text if len(text) <= 50 else text[:47] + "..."


def _tensor_lines(tensors: dict[str, Any]) -> list[str]:
    """Return a line for each tensor; those that differ only in a number within their name share one."""
    alike: dict[tuple[str, str, str], int] = {}
    for name, tensor in tensors.items():
        shape = " x ".join(map(str, tensor.shape)) or "one number"
        key = (re.sub(r"\.\d+\.", ".*.", name), str(tensor.dtype), shape)
        alike[key] = alike.get(key, 0) + 1
    return [
        f"  {name:<32} {dtype:<8} {shape}{f'   ({count} of them)' if count > 1 else ''}"
        for (name, dtype, shape), count in alike.items()
    ]
