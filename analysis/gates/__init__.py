"""Masks learned towards a size, as runs and commands search for them."""
