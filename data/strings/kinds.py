"""The kinds of generated strings, and the distributions of their lengths, by name."""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["nested", "flat", "zipf", "uniform"]
KINDS: tuple[str, ...] = get_args(Kind)
"""Parentheses that are closed in the order of a stack; parentheses that cross; random tokens of a
Zipfian, and of a uniform distribution."""
Lengths = Literal["uniform", "geometric"]
LENGTHS: tuple[str, ...] = get_args(Lengths)
