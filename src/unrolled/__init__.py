"""Recurrent neural networks for Python: exact, fast on a CPU, and open to inspection.

>>> import unrolled
>>> unrolled.Forecaster.__name__
'Forecaster'

Each name is imported when it is first used, so ``import unrolled`` costs next to nothing and never imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unrolled import convert as convert
    from unrolled import insight as insight
    from unrolled import nn as nn
    from unrolled import onnx as onnx
    from unrolled.errors import InputError as InputError
    from unrolled.errors import MissingExtraError as MissingExtraError
    from unrolled.errors import ModelFileError as ModelFileError
    from unrolled.errors import UnrolledError as UnrolledError
    from unrolled.kernels import kernel_info as kernel_info
    from unrolled.nn import accelerate as accelerate
    from unrolled.nn import restore as restore
    from unrolled.tasks import load as load
    from unrolled.tasks.anomalies.detector import AnomalyDetector as AnomalyDetector
    from unrolled.tasks.forecasting.forecaster import Forecaster as Forecaster
    from unrolled.tasks.generation.generator import SequenceGenerator as SequenceGenerator
    from unrolled.tasks.generation.seq2seq import Seq2Seq as Seq2Seq
    from unrolled.tasks.generation.transcriber import CTCTranscriber as CTCTranscriber
    from unrolled.tasks.sequences.classifier import SequenceClassifier as SequenceClassifier
    from unrolled.tasks.sequences.regressor import SequenceRegressor as SequenceRegressor
    from unrolled.tasks.sequences.tagger import SequenceTagger as SequenceTagger

    __version__: str

# name -> the module that holds it; "" for a module of its own
_HOMES = {
    "AnomalyDetector": "unrolled.tasks.anomalies.detector",
    "CTCTranscriber": "unrolled.tasks.generation.transcriber",
    "Forecaster": "unrolled.tasks.forecasting.forecaster",
    "InputError": "unrolled.errors",
    "MissingExtraError": "unrolled.errors",
    "ModelFileError": "unrolled.errors",
    "Seq2Seq": "unrolled.tasks.generation.seq2seq",
    "SequenceClassifier": "unrolled.tasks.sequences.classifier",
    "SequenceGenerator": "unrolled.tasks.generation.generator",
    "SequenceRegressor": "unrolled.tasks.sequences.regressor",
    "SequenceTagger": "unrolled.tasks.sequences.tagger",
    "UnrolledError": "unrolled.errors",
    "accelerate": "unrolled.nn",
    "convert": "",
    "insight": "",
    "kernel_info": "unrolled.kernels",
    "load": "unrolled.tasks",
    "nn": "",
    "onnx": "",
    "restore": "unrolled.nn",
}

__all__ = [
    "AnomalyDetector",
    "CTCTranscriber",
    "Forecaster",
    "InputError",
    "MissingExtraError",
    "ModelFileError",
    "Seq2Seq",
    "SequenceClassifier",
    "SequenceGenerator",
    "SequenceRegressor",
    "SequenceTagger",
    "UnrolledError",
    "__version__",
    "accelerate",
    "convert",
    "insight",
    "kernel_info",
    "load",
    "nn",
    "onnx",
    "restore",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from unrolled.version import library_version

        value: object = library_version()
    elif name in _HOMES:
        home = _HOMES[name]
        value = getattr(import_module(home), name) if home else import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
