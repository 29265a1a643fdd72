"""Valid seeds: the integers that every random number generator accepts."""

from __future__ import annotations

from .errors import ConfigError

SEEDS = 2**32
"""Seeds are the integers from 0 to this number, exclusive."""

LARGEST_NUMBER = SEEDS - 1
"""The largest integer that an option accepts."""


def is_seed(value: object) -> bool:
    """Whether a value is a seed: an integer (not a Boolean) from 0 to 2**32 - 1."""
    return type(value) is int and 0 <= value < SEEDS


def check_seed(value: int, where: str | None = None) -> int:
    """Return the value if it is a valid seed.

    Args:
        value: the candidate.
        where: name of the option, for the message.

    Raises:
        ConfigError: if the value is not an integer from 0 to 2**32 - 1.
    """
    if not is_seed(value):
        raise ConfigError(
            f"a seed must be an integer from 0 to {SEEDS - 1}, got {value!r}", where=where
        )
    return value


CROSSED = 1000
"""Seeds that are crossed are below this number and above 0."""


def seed_of(init: int, order: int) -> int:
    """One seed for a seed of the initialisation and one of the order of examples.

    Equal seeds are that seed; seeds 1 and 2 are 1002. Both are below 1,000 if they differ.
    """
    return init if init == order else CROSSED * init + order


def seeds_of(seed: int, *, crossed: bool) -> tuple[int, int]:
    """The seeds of initialisation and order that one seed stands for, see `seed_of`.

    Args:
        seed: the seed.
        crossed: whether it comes from crossed seeds; otherwise both are equal to it.
    """
    return divmod(seed, CROSSED) if crossed and seed >= CROSSED else (seed, seed)


def too_large(value: object, option: str = "") -> str:
    """Name of the first option whose integer exceeds `LARGEST_NUMBER`; empty if there is none."""
    if isinstance(value, dict):
        named = [(f"{option}.{name}" if option else str(name), one) for name, one in value.items()]
    elif isinstance(value, (list, tuple)):
        named = [(option, one) for one in value]
    else:
        return option if isinstance(value, int) and abs(value) > LARGEST_NUMBER else ""
    return next((found for name, one in named if (found := too_large(one, name))), "")
