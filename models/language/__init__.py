"""Masked language models: loading one with its head, and the probabilities of masked pieces."""
