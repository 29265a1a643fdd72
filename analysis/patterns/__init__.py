"""Reliability of the pattern classifier on a model's own maps."""
