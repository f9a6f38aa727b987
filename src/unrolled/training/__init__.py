"""Training with torch: the loop, losses, and models as modules."""
