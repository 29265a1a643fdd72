"""Tasks: their definitions, files, labels and metrics."""
