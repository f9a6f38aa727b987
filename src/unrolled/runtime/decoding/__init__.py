"""From the scores of a network to its best answers."""
