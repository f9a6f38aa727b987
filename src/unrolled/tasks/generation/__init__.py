"""Estimators that say sequences."""
