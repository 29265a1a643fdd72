"""Saying so where a search had nothing to find."""

from __future__ import annotations

import pandas as pd

from ..flags import FAILED

RUN = ["model", "task", "seed"]
OF_THE_FULL_MODEL = ("finetuned", "pruned")
"""States whose rows are about the weights of the full model."""
_PRUNED = {
    "structured": "heads+mlps",
    "structured-heads": "heads",
    "structured-mlps": "mlps",
    "structured-neurons": "neurons",
    "magnitude": "weights",
    "l0": "heads",
    "hard-concrete": "heads+mlps",
    "continuous-sparsification": "heads+mlps",
    "imp": "weights",
}
"""Method -> what it prunes, as rows of masks name it."""


def flag_degenerate(rows: pd.DataFrame) -> pd.DataFrame:
    """Mark every row of a task and seed whose masks or full score cannot carry a claim.

    Where the full model diverged or did not learn, every row about its weights says so. A run is
    degenerate if the interval of the full model's primary score reaches the majority baseline, on
    the reported examples or, as `unlearned` says, on those that masks are chosen on, or if it has
    no interval and is no better than that. Where a good mask keeps nothing at all of what its
    method prunes, the rows of that method are. A flag that is already there stays.
    """
    performance = rows[(rows["probe"] == "performance") & (rows["state"] == "finetuned")]
    for flag in FAILED:
        lost = performance[performance["flag"] == flag]
        spread = _among(rows, lost, RUN) & rows["state"].isin(OF_THE_FULL_MODEL)
        rows = _flagged(rows, spread, flag)
    primary = performance.groupby(RUN, sort=False).head(1)
    lowest = primary["ci_low"].fillna(primary["value"])
    reached = (lowest <= primary["baseline_value"]).fillna(False)
    at_chance = primary[reached | primary["flag"].isin(FAILED)]
    kept = rows[(rows["probe"] == "mask") & (rows["kind"] == "good")]
    empty = kept[(kept["metric"] == "kept_share") & (kept["value"] == 0)]
    empty = empty[empty["target"] == empty["method"].map(_PRUNED)]
    marked = _among(rows, at_chance, RUN) | _among(rows, empty, [*RUN, "method"])
    return _flagged(rows, marked, "degenerate")


def _flagged(rows: pd.DataFrame, where: pd.Series[bool], flag: str) -> pd.DataFrame:
    """The rows with a flag in these places, as far as there is none yet."""
    return rows.assign(flag=rows["flag"].mask(where & rows["flag"].fillna("").eq(""), flag))


def _among(rows: pd.DataFrame, found: pd.DataFrame, columns: list[str]) -> pd.Series[bool]:
    """Which rows agree with one of `found` in all of `columns`."""
    keys = pd.MultiIndex.from_frame(found[columns].drop_duplicates())
    return pd.Series(pd.MultiIndex.from_frame(rows[columns]).isin(keys), index=rows.index)
