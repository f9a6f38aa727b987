"""Finding anomalies in series."""
