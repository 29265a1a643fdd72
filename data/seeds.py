"""Which numbers are seeds: those that every generator of random numbers takes."""

from __future__ import annotations

from .errors import ConfigError

SEEDS = 2**32
"""Seeds are the whole numbers from 0 up to this one, which is none."""


def is_seed(value: object) -> bool:
    """Whether a value is a seed: a whole number, not true or false, from 0 to 2**32 - 1."""
    return type(value) is int and 0 <= value < SEEDS


def check_seed(value: int, where: str | None = None) -> int:
    """The seed, if it is one.

    Args:
        value: the number.
        where: the option that it was given with.

    Raises:
        ConfigError: with what is allowed.
    """
    if not is_seed(value):
        raise ConfigError(
            f"a seed must be a whole number from 0 to {SEEDS - 1}, got {value!r}", where=where
        )
    return value
