"""Heads of words, learnt from attention maps."""
