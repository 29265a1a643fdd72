"""Seeds of the initialisation crossed with seeds of the data order: one seed for each pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...data.errors import ConfigError
from ...data.seeds import CROSSED, seed_of, seeds_of

CROSSED_LISTS = ("seeds_init", "seeds_order")


def with_crossed(values: dict[str, Any], where: str) -> dict[str, Any]:
    """The options with `seeds` as every pair of `seeds_init` and `seeds_order`, if these are given.

    Raises:
        ConfigError: if only one of the two lists is given, or `seeds` says something else.
    """
    inits, orders = (values.get(name) for name in CROSSED_LISTS)
    if not inits and not orders:
        return values
    if not (inits and orders):
        lacking = "seeds_order" if inits else "seeds_init"
        raise ConfigError(
            "`seeds_init` and `seeds_order` are crossed, and one of them is missing",
            where=where,
            remedy=f"give `{lacking}` too, or `seeds` for equal seeds of both",
        )
    if not (_all_seeds(inits) and _all_seeds(orders)):
        return values  # the types of the fields say what is wrong
    seeds = [seed_of(init, order) for init in inits for order in orders]
    given = values.get("seeds")
    if given is not None and sorted(map(str, given)) != sorted(map(str, seeds)):
        raise ConfigError(
            "`seeds` is given together with `seeds_init` and `seeds_order`, which replace it",
            where=where,
            remedy="leave out `seeds`, or the other two",
        )
    return {**values, "seeds": seeds}


def pair_of(seed: int, config: Any) -> dict[str, list[int]]:
    """The option of a cell for its seeds of initialisation and order; empty where they are equal.

    Args:
        seed: the seed of the cell.
        config: the options of the run (`RunConfig`).
    """
    both = seeds_of(seed, crossed=bool(config.seeds_init))
    return {} if both == (seed, seed) else {"init_order": list(both)}


def _all_seeds(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and all(
        type(one) is int and 0 < one < CROSSED for one in values
    )


def without_crossed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options without `seeds` where they follow from the two lists."""
    crossed = all(values.get(name) for name in CROSSED_LISTS)
    return {name: one for name, one in values.items() if name != "seeds" or not crossed}
