"""Readers: files, frames and arrays become panels of series, each value checked and each guess said."""
