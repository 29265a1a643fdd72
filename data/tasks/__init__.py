"""Tasks: what they are, where their files lie, their labels and their metrics."""
