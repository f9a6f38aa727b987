"""What tests of forecasters share."""

import numpy as np
import pytest

from unrolled.tasks.forecasting.history import History


@pytest.fixture
def network_error():
    """Mean absolute error of a forecaster's network alone on the last eight steps: no other part sees covariates."""

    def error(forecaster, data):
        history = History.from_panel(forecaster.read(data))
        forecast = forecaster.model_.forecast(history.without_last(8), 8, parts=("network",))[..., 1]
        return np.abs(forecast - np.stack(history.values)[:, -8:]).mean()

    return error
