"""Classes, numbers or tags of whole sequences."""
