"""The answer of a run in words, with what limits it."""
