"""The best parameters for a user's data: tried, tried again, and compared with the defaults on data that nothing has seen."""

from unrolled.tuning.judgement import Compared
from unrolled.tuning.result import TrialRow, Tuning
from unrolled.tuning.tuner import tune

__all__ = ["Compared", "TrialRow", "Tuning", "tune"]
