"""What predictions are measured by, and the baselines beside them."""
