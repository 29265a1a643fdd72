"""Which units the masks keep, over seeds, and whether these know more than others."""

from __future__ import annotations

import pandas as pd

from ..survival_content.measure import TYPES, survival_content_table
from ..survival_content.panel import NAMED
from .kinds import WHO, plain, tidy_kinds, with_flags

CONTENT_TYPES = {**TYPES, "flag": "string"}
"""Column of `content_summary` -> type."""


def survival_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of seeds whose mask keeps each head and MLP: one line for each task, kind and unit.

    Returns:
        `unit` is `head` (with `layer` and `head`) or `mlp` (with `layer`); `share` is the mean
        over the `n_seeds` masks and `sd` their standard deviation (empty for one seed). Random and
        bad masks count with their first draw. `flag` joins those of the seeds.
    """
    units = rows[(rows["probe"] == "mask") & (rows["metric"] == "kept")]
    units = tidy_kinds(units[units["draw"] == 0])
    line = [*WHO, "kind", "state", "unit", "layer", "head"]
    found = units.groupby(line, observed=True, sort=False, dropna=False)["value"]
    table = found.agg(share="mean", sd="std", n_seeds="size").reset_index()
    table = with_flags(table.sort_values(line, kind="stable"), units, [*WHO, "kind", "state"])
    return plain(table)


def content_summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Whether heads that know something survive, with the flags of the masks that it is about."""
    masks = rows[(rows["probe"] == "mask") & (rows["kind"] == "good")]
    return with_flags(survival_content_table(rows), masks, WHO)


def content_as_made(read: pd.DataFrame) -> pd.DataFrame:
    """The table of `content_summary` as it was before it was written to a CSV file."""
    known = read["probe"].notna()
    named = {name: read[name].mask(known & read[name].isna(), "") for name in NAMED}
    return read.assign(**named, flag=read["flag"].fillna(""))
