"""The number of random subnetworks that a p-value or a percentile over them needs."""

from __future__ import annotations

from ..wording import counted

LEAST_DRAWS = 29
"""Draws of a seed: with 29 the smallest two-sided p is 2 of 30, each of 30 being equally likely; a
one-sided test reaches .033. Of fewer draws the mean and the range are told."""


def too_few_draws(draws: int) -> str:
    """Why this number of draws gives no p-value or percentile; empty if it is large enough."""
    if draws >= LEAST_DRAWS:
        return ""
    return f"{counted(draws, 'draw')}: too few for a p-value over draws, which needs {LEAST_DRAWS}"
