"""Masks learnt for a property of words: their scores, size and controls, and what they overlap."""
