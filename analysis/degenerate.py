"""Saying so where a search had nothing to find."""

from __future__ import annotations

import pandas as pd

RUN = ["model", "task", "seed"]


def flag_degenerate(rows: pd.DataFrame) -> pd.DataFrame:
    """Mark every row of a task and seed whose mask or full score cannot carry a claim.

    A run is degenerate if the interval of the full model's primary score reaches the majority
    baseline, or if the good mask keeps no unit at all. A flag that is already there stays.
    """
    performance = rows[(rows["probe"] == "performance") & (rows["state"] == "finetuned")]
    primary = performance.groupby(RUN, sort=False).head(1)
    at_chance = primary[primary["ci_low"] <= primary["baseline_value"]]
    kept = rows[(rows["probe"] == "mask") & (rows["kind"] == "good")]
    empty = kept[(kept["metric"] == "kept_share") & (kept["value"] == 0)]
    empty = empty[empty["target"] == "heads+mlps"]
    bad = pd.MultiIndex.from_frame(pd.concat([at_chance[RUN], empty[RUN]]).drop_duplicates())
    marked = pd.MultiIndex.from_frame(rows[RUN]).isin(bad)
    unflagged = rows["flag"].fillna("").eq("")
    return rows.assign(flag=rows["flag"].mask(marked & unflagged, "degenerate"))
