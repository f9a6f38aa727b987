"""The tasks: how a model of each is trained, what it predicts and what it is measured by; one file a task."""
