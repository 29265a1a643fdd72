"""Valid seeds, and seeds of the initialisation crossed with seeds of the data order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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


def order_column(init: int, order: int) -> int | None:
    """What a row says of the order seed beside its `seed`: nothing where both seeds are equal."""
    return None if init == order else order


def init_and_order(seed: int, order: int) -> tuple[int, int]:
    """The seeds of a row from its columns `seed`, as `seed_of` makes it, and `seed_order`."""
    return (seed - order) // CROSSED, order


Pairs = Mapping[int, tuple[int, int]]
"""Seed of a row -> its seeds of initialisation and order; one that is missing stands for both."""


@dataclass(frozen=True)
class Grid:
    """A complete grid of runs, sorted by initialisation seed and then by order seed.

    Attributes:
        inits: seeds of the initialisation, the rows.
        orders: seeds of the order of examples, the columns.
    """

    inits: tuple[int, ...]
    orders: tuple[int, ...]

    @property
    def shape(self) -> str:
        """Its size, such as `3 x 4`."""
        return f"{len(self.inits)} x {len(self.orders)}"

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of seeds of its runs, in their order."""
        return [(init, order) for init in self.inits for order in self.orders]

    @property
    def units(self) -> int:
        """Independent seeds of the factor that has fewer."""
        return min(len(self.inits), len(self.orders))


def grid_of(pairs: Iterable[tuple[int, int]]) -> Grid | None:
    """The grid whose runs have these pairs of seeds; None if a pair is missing or occurs twice.

    A single row or column is no grid: its runs differ in one seed only and are independent.
    """
    pairs = sorted(pairs)
    inits, orders = (tuple(sorted({pair[place] for pair in pairs})) for place in (0, 1))
    grid = Grid(inits, orders)
    return grid if grid.units > 1 and grid.pairs == pairs else None


def meet(pairs: Iterable[tuple[int, int]]) -> bool:
    """Whether several seeds of the initialisation and several of the order are crossed.

    Runs of which no two share a seed are independent, whatever their pairs are.
    """
    pairs = set(pairs)
    inits, orders = (len({pair[place] for pair in pairs}) for place in (0, 1))
    return min(inits, orders) > 1 and min(inits, orders) < len(pairs)


@dataclass(frozen=True)
class SeedDesign:
    """The seeds of a mean over seeds.

    Attributes:
        seeds: as rows have them; of a grid, in its order.
        grid: the grid that they form, else None.
        incomplete: whether they are crossed and lack a run, so that they are neither a grid nor
            independent.
    """

    seeds: tuple[int, ...]
    grid: Grid | None = None
    incomplete: bool = False

    @property
    def crossed(self) -> bool:
        """Whether the seeds are not independent of each other."""
        return self.grid is not None or self.incomplete

    @property
    def units(self) -> int:
        """The number of independent seeds."""
        return len(self.seeds) if self.grid is None else self.grid.units


def design_of(seeds: Iterable[int], pairs: Pairs | None = None) -> SeedDesign:
    """How these seeds were sampled: each on its own, or crossed.

    Args:
        seeds: seeds of rows.
        pairs: what they stand for.
    """
    both = {seed: (pairs or {}).get(seed, (seed, seed)) for seed in seeds}
    ordered = tuple(sorted(both, key=lambda seed: (both[seed], seed)))
    if not meet(both.values()):
        return SeedDesign(tuple(sorted(both)))
    grid = grid_of(both.values())
    return SeedDesign(ordered, grid, incomplete=grid is None)


def too_large(value: object, option: str = "") -> str:
    """Name of the first option whose integer exceeds `LARGEST_NUMBER`; empty if there is none."""
    if isinstance(value, dict):
        named = [(f"{option}.{name}" if option else str(name), one) for name, one in value.items()]
    elif isinstance(value, (list, tuple)):
        named = [(option, one) for one in value]
    else:
        return option if isinstance(value, int) and abs(value) > LARGEST_NUMBER else ""
    return next((found for name, one in named if (found := too_large(one, name))), "")
