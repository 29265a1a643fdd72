"""Mean and range over draws and seeds: what each summary says of several subnetworks."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

RANGE = ["n_seeds", "n_draws", "mean", "seed_low", "seed_high", "lowest", "highest"]


def each_draw(
    cells: pd.DataFrame, line: Sequence[str], numbers: Sequence[str], largest: Sequence[str] = ()
) -> pd.DataFrame:
    """One value a line, seed and draw: what a draw has several of is averaged.

    Args:
        cells: rows with `seed` and `draw`; a row without a draw is the first.
        line: columns that name a line.
        numbers: columns of numbers, `value` among them.
        largest: those of which the largest counts, not the mean: p-values.
    """
    cells = cells.assign(draw=cells["draw"].fillna(0))
    found = cells.groupby([*line, "seed", "draw"], observed=True, sort=False, dropna=False)
    return found.agg({n: "max" if n in largest else "mean" for n in numbers}).reset_index()


def over_draws_and_seeds(
    draws: pd.DataFrame, line: Sequence[str], largest: Sequence[str] = ()
) -> pd.DataFrame:
    """One line for all draws of all seeds, from what `each_draw` gives.

    Returns:
        The columns of `line`, those of `RANGE`, and the mean over seeds, of each seed's mean over
        draws, of every other number (the largest of those named, the smallest of `n` and
        `n_clusters`). `n_draws` is that of the seed with the fewest; `lowest` and `highest` are
        of all draws of all seeds, what was seen and no interval.
    """
    numbers = [name for name in draws if name not in (*line, "seed", "draw")]
    by_seed = draws.groupby([*line, "seed"], observed=True, sort=False, dropna=False)
    per_seed = by_seed.agg(
        **{n: (n, "max" if n in largest else "mean") for n in numbers},
        n_draws=("draw", "nunique"),
        lowest=("value", "min"),
        highest=("value", "max"),
    ).reset_index()
    found = per_seed.groupby(list(line), observed=True, sort=False, dropna=False)
    others = {n: (n, "max" if n in largest else _SMALLEST.get(n, "mean")) for n in numbers
              if n != "value"}  # fmt: skip
    return found.agg(
        n_seeds=("value", "size"),
        n_draws=("n_draws", "min"),
        mean=("value", "mean"),
        seed_low=("value", "min"),
        seed_high=("value", "max"),
        lowest=("lowest", "min"),
        highest=("highest", "max"),
        **others,
    ).reset_index()


_SMALLEST = {"n": "min", "n_clusters": "min"}
