"""What scikit-learn's tools ask of an estimator beside its parameters: tags, names of features, an error of their own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError

__all__ = ["ForScikitLearn", "not_fitted"]


class ForScikitLearn:
    """Base of all estimators, which scikit-learn's searches, validations and pipelines take for their own."""

    _estimator_type: str | None = None
    """What scikit-learn calls such an estimator, if it knows the kind."""

    _needs_y = False

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator; only it calls this."""
        utils = import_module("sklearn.utils")
        kind = self._estimator_type
        tags = {} if kind is None else {f"{kind}_tags": getattr(utils, f"{kind.capitalize()}Tags")()}
        target = utils.TargetTags(required=self._needs_y, multi_output=kind is not None)
        return utils.Tags(kind, target, input_tags=utils.InputTags(three_d_array=self._needs_y), **tags)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names ``[C]`` of the numeric columns, if ``fit`` received columns with names.

        Raises:
            AttributeError: it did not.
        """
        names = self._feature_names() if hasattr(self, "_config") else ()
        if not names:
            raise AttributeError(f"this {type(self).__name__} has not learned from columns with names")
        return np.array(names, object)

    def _feature_names(self) -> Sequence[str]:
        """Those names; none where nothing has been learned, or not from columns."""
        return ()

    def _refuse_y(self, y: Any) -> None:
        """Raise an InputError where ``y`` is given to an estimator that learns from data alone; scikit-learn passes None."""
        if y is not None:
            raise InputError(
                f"{type(self).__name__} learns from the data alone: leave y out, or name columns of the data"
            )

    def _unfitted(self, call: str) -> InputError:
        return not_fitted(f"this {type(self).__name__} is not fitted yet; call {call} first")


def not_fitted(message: str) -> InputError:
    """An InputError; where scikit-learn has been imported, also of its type ``NotFittedError``, which its tools look for.

    >>> str(not_fitted("call fit first"))
    'call fit first'
    """
    exceptions = sys.modules.get("sklearn.exceptions")
    return InputError(message) if exceptions is None else _of_both(exceptions.NotFittedError)(message)


@cache
def _of_both(theirs: type[Exception]) -> type[InputError]:
    def reduced(self: Any) -> tuple[Any, ...]:
        return not_fitted, self.args  # a process that reads it may not have this class

    return type("NotFittedError", (InputError, theirs), {"__reduce__": reduced, "__module__": __name__})
