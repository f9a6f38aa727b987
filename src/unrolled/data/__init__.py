"""Readers of files, frames and arrays: every value is checked, and everything that is inferred is reported."""
