"""Data of which models learn one part and are judged on another that they have not seen."""
