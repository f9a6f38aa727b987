"""Forecasting series."""
