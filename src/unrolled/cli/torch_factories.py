"""Torch modules at the command line: made by a function of the user's own code, with a batch from a file of arrays."""

from __future__ import annotations

import importlib
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from unrolled.errors import InputError, MissingExtraError

__all__ = ["Batch", "imported", "is_factory", "load_weights", "made", "naming_what_raised", "read_batch"]

NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class Batch(NamedTuple):
    """What a module is called with, and what is true of it, as tensors."""

    x: Any
    y: Any


def is_factory(name: str) -> bool:
    """Whether it names a function in a module, and not a file.

    >>> is_factory("mymodule:build_model"), is_factory("models/reviews.safetensors")
    (True, False)
    """
    return NAME.fullmatch(name) is not None


def imported(name: str) -> Callable[..., Any]:
    """The function ``module:function``; modules in the current folder are found, too.

    Raises:
        InputError: there is no such module or function.
        MissingExtraError: torch is not installed.
    """
    try:
        import torch  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise MissingExtraError("insight into torch modules", "torch", "train") from None
    module_name, _, function = name.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        with naming_what_raised(f"importing {module_name}", but=ModuleNotFoundError):
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name not in (module_name, module_name.partition(".")[0]):
            raise InputError(f"{name}: {module_name} imports {error.name!r}, which is not installed") from None
        raise InputError(f"{name}: there is no module {module_name!r} here or among what is installed") from None
    finally:
        sys.path.remove(here)
    found = getattr(module, function, None)
    if not callable(found):
        raise InputError(f"{name}: {module_name} has no function {function!r}")
    return found


@contextmanager
def naming_what_raised(
    what: str, but: type[Exception] = InputError, *, always: bool = False
) -> Generator[None, None, None]:
    """What the user's own code raises becomes an InputError with its place; a fault of the library stays what it is.

    Args:
        what: was done.
        but: an exception that passes.
        always: whether it is the user's fault even where the call itself fails.

    Raises:
        InputError: the user's code raised something.
    """
    try:
        yield
    except (InputError, MissingExtraError, but):
        raise
    except Exception as error:
        places = traceback.extract_tb(error.__traceback__)
        if not always and _is_ours(places[-1]) and not isinstance(error, SyntaxError):
            raise
        place = next((each for each in reversed(places) if _is_theirs(each)), places[-1])
        where = f" ({place.filename}, line {place.lineno})"
        if isinstance(error, SyntaxError):  # whose text has the place
            where = ""
        said = " ".join(str(error).split())[:300]
        raise InputError(f"{what} raised {type(error).__name__}: {said}{where}") from error


def _is_ours(place: traceback.FrameSummary) -> bool:
    return Path(place.filename).is_relative_to(Path(__file__).parents[1])


def _is_theirs(place: traceback.FrameSummary) -> bool:
    """Whether a line is the user's, and none of this library, of Python or of what is installed, such as torch."""
    installed = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
    known = place.filename.startswith("<") or any(Path(place.filename).is_relative_to(each) for each in installed)
    return not known and not _is_ours(place)


def made(name: str, make: Callable[..., Any]) -> Any:
    """What a factory makes, in evaluation mode.

    Raises:
        InputError: it is no module of torch.
    """
    import torch

    from unrolled.insight.known_losses import kind_of

    with naming_what_raised(f"{name}(), which is called without arguments,", always=True):
        module = make()
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"{name}() returned {kind_of(module)}, expected a torch.nn.Module")
    return module.eval()


def load_weights(module: Any, path: Path) -> None:
    """Put the weights of a ``state_dict`` that was saved by ``torch.save`` into a module; nothing in the file is run.

    Raises:
        InputError: it holds something else, or weights of another module.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0][:100]
        raise InputError(
            f"{path} holds no weights alone ({reason}); a whole module in a file is code that would be run: save"
            " model.state_dict()"
        ) from None
    if not isinstance(state, dict):
        raise InputError(
            f"{path} holds a {type(state).__name__}, expected what torch.save(model.state_dict(), path) writes"
        )
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path}: {' '.join(str(error).split())[:300]}") from None


def read_batch(path: Path) -> Batch:
    """The arrays ``x`` and ``y`` of an ``.npz`` file.

    Raises:
        InputError: it is none, or has no such arrays.
    """
    import numpy as np
    import torch

    if path.suffix != ".npz":
        raise InputError(
            f"{path}: expected an .npz file with the arrays x and y, as np.savez('batch.npz', x=x, y=y) writes"
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError:
        raise
    except Exception:
        raise InputError(
            f"{path} is damaged, or holds something other than arrays of numbers: no pickle is read"
        ) from None
    if not {"x", "y"} <= found.keys():
        raise InputError(f"{path} holds {', '.join(found) or 'nothing'}, expected the arrays x and y")
    x, y = found["x"], found["y"]
    if x.dtype.kind not in "fiub" or y.dtype.kind not in "fiub":
        raise InputError(f"{path}: x is {x.dtype} and y is {y.dtype}, expected numbers")
    if x.ndim < 2:
        raise InputError(f"{path}: x has shape {list(x.shape)}, expected sequences, such as [T, B, I]")
    return Batch(
        *(torch.from_numpy(a.astype(np.float32) if a.dtype.kind == "f" else a.astype(np.int64)) for a in (x, y))
    )
