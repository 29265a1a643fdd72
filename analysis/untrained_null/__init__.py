"""The untrained null: the same search in the same encoder with random weights."""
