"""Masks learnt for a property of words: their scores, size, controls and overlap."""
