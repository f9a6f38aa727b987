"""Forecasting methods with a few numbers a series: linear recurrences, which a network's forecast is combined with."""
