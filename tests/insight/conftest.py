"""The training scripts beside the tests are run by them; pytest itself does not import them."""

collect_ignore = ["faults", "healthy"]
