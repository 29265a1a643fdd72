"""Which units the masks keep, over seeds."""

from __future__ import annotations

import pandas as pd

from .kinds import WHO, plain, tidy_kinds


def survival_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of seeds whose mask keeps each head and MLP: one line for each task, kind and unit.

    Returns:
        `unit` is `head` (with `layer` and `head`) or `mlp` (with `layer`); `share` is the mean
        over the `n_seeds` masks and `sd` their standard deviation (empty for one seed). Random and
        bad masks count with their first draw.
    """
    units = rows[(rows["probe"] == "mask") & (rows["metric"] == "kept")]
    units = tidy_kinds(units[units["draw"] == 0])
    line = [*WHO, "kind", "state", "unit", "layer", "head"]
    found = units.groupby(line, observed=True, sort=False, dropna=False)["value"]
    table = found.agg(share="mean", sd="std", n_seeds="size").reset_index()
    return plain(table.sort_values(line, kind="stable"))
