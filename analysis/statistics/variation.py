"""What varies in an interval or a p-value: examples, draws of masks, or seeds of training."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ...data.seeds import Pairs, design_of, init_and_order
from ..wording import counted

EXAMPLES, DRAWS, SEEDS, BOTH = "examples", "draws", "seeds", "examples and seeds"
COLUMN = "varies"

_OF_LEVEL = {
    "one draw": EXAMPLES,
    "one seed": EXAMPLES,
    "these seeds": EXAMPLES,
    "seeds and examples": BOTH,
}
SIGN_FLIPS, EXCHANGED = "sign flips over seeds", "seeds exchanged between runs"
"""Names of the tests of independent seeds."""
CROSSED_T, CROSSED_GROUPS = "t over crossed seeds", "t over crossed seeds of two runs"
"""Names of the tests of seeds of the initialisation crossed with those of the data order."""
OF_SEEDS = (SIGN_FLIPS, EXCHANGED, CROSSED_T, CROSSED_GROUPS)
INCOMPLETE = "seeds are crossed, and runs are missing"
"""Why seeds give neither an interval nor a test: they are neither independent nor a grid."""


def varies_of(table: pd.DataFrame) -> pd.Series:
    """What varies in each line of a table of differences or tests.

    Examples stands for the sentences of a probe too, and for the clusters that were sampled whole.
    A test of seeds is known by its name, everything else by its level.
    """
    nothing = pd.Series(pd.NA, index=table.index, dtype="string")
    level = table["level"].map(_OF_LEVEL).astype("string") if "level" in table else nothing
    of_test = dict.fromkeys(OF_SEEDS, SEEDS)
    named = table["test"].map(of_test).astype("string") if "test" in table else nothing
    return named.fillna(level)


def pairs_in(rows: pd.DataFrame) -> Pairs:
    """The seeds of initialisation and order behind each seed of tidy rows, where they differ."""
    if "seed_order" not in rows:
        return {}
    known = rows[["seed", "seed_order"]].dropna().drop_duplicates()
    return {
        int(seed): init_and_order(int(seed), int(order))
        for seed, order in known.itertuples(index=False, name=None)
    }


def grid_in(seeds: Iterable[int], pairs: Pairs) -> str:
    """What crossed seeds form: `2 x 3`, `incomplete` if a run is missing; empty if independent.

    Args:
        seeds: seeds of rows.
        pairs: what they stand for.
    """
    design = design_of(seeds, pairs)
    if design.grid is not None:
        return design.grid.shape
    return "incomplete" if design.incomplete else ""


def seeds_text(n_seeds: int, grid: str) -> str:
    """How many seeds there are, and that they are crossed where they are."""
    crossed = {"": "", "incomplete": " of an incomplete grid"}
    return counted(n_seeds, "seed") + crossed.get(grid, f" of a {grid} grid")
