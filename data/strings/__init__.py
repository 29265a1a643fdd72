"""Strings without linguistic content, whose structure is known: random tokens, parentheses."""
