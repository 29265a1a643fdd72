"""What a report says about attention patterns."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ...probes.patterns.classes import PATTERNS, UNCONFIRMED
from ...probes.registry import declaring
from ..statistics.corrections import ALPHA
from ..wording import cite, counted, listed, p_text, percent

CAUTION = (
    "The classifier of patterns is calibrated on synthetic maps. Of its calls on real maps that "
    "were labelled by eye, only those of {confirmed} are confirmed; rows about the others have the "
    "flag `unconfirmed`"
)
ROWS = "rows.parquet"


def _caution(rows: pd.DataFrame) -> str:
    """What is trusted of the classifier on real maps, by the flags of the rows that it made."""
    names = [one.name for one in declaring(rows["probe"].dropna().unique(), survivors="patterns")]
    made = rows[rows["probe"].isin(names) & rows["relation"].notna()]
    doubted = set(made.loc[made["flag"].eq(UNCONFIRMED).fillna(False), "relation"])
    confirmed = [pattern for pattern in PATTERNS if pattern not in doubted]
    return CAUTION.format(confirmed=listed(confirmed) or "none")


def _share(line: pd.Series, column: str) -> str:
    return cite(line, column, "summary_probes.csv", percent)


def patterns_said(probes: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Pattern shares of the good heads and of the full model; empty where the probe did not run.

    Args:
        probes: the table of `probe_table`.
        rows: the tidy rows about whole models.
    """
    parts = []
    for variant, name in (("raw", "attention maps"), ("norm", "norm-weighted maps")):
        table = probes[probes["metric"] == f"pattern_share_{variant}"]
        good = table[(table["kind"] == "good") & (table["state"] == "pruned")]
        found = good.drop_duplicates("relation")
        shares = {line["relation"]: line for _, line in found.iterrows()}
        said = [
            f"{_share(shares[pattern], 'mean')} {pattern} (full model: "
            f"{_share(shares[pattern], 'reference')})"
            for pattern in PATTERNS
            if pattern in shares
        ]
        parts += [f"of the {name}, {', '.join(said)}"] if said else []
    if not parts:
        return ""
    return f"Patterns of the good subnetwork's heads: {'; '.join(parts)}. {_caution(rows)}."


def patterns_found(rows: pd.DataFrame) -> Iterator[str]:
    """The pattern that tells surviving from pruned heads best, if one does so in every seed.

    Args:
        rows: the tidy rows of one answer; `line` counts the lines of `rows.parquet`.
    """
    tested = rows[
        (rows["probe"] == "pattern-survivors")
        & (rows["metric"] == "pattern_share")
        & (rows["kind"] == "good")
        & (rows["target"] == "survivors - pruned")
        & rows["p_adjusted"].notna()
        & ~rows["flag"].eq(UNCONFIRMED).fillna(False)
        & ~rows["ci_method"].fillna("").str.contains("heads")
    ]
    best: pd.Series | None = None
    n_seeds = rows["seed"].nunique()
    for _, mine in tested.groupby(["variant", "relation"], sort=False):
        least = mine.loc[mine["p_adjusted"].astype(float).idxmax()]
        same_way = (mine["value"] > 0).all() or (mine["value"] < 0).all()
        clear = same_way and least["p_adjusted"] <= ALPHA and mine["seed"].nunique() == n_seeds
        if clear and (best is None or least["p_adjusted"] < best["p_adjusted"]):
            best = least
    if best is None:
        return
    line = best.rename(int(best["line"]))
    more = "more" if line["value"] > 0 else "less"
    difference, low, high = (cite(line, name, ROWS) for name in ("value", "ci_low", "ci_high"))
    where = "" if n_seeds == 1 else f" in seed {line['seed']}, where it is least clear"
    yield (
        f"In the full model, heads that survive have {line['relation']} attention maps {more} "
        f"often than pruned heads: difference in share {difference} [{low}, {high}]{where} "
        f"({cite(line, 'p_adjusted', ROWS, p_text)}, Holm over "
        f"{counted(int(line['family_size']), 'test')}; 95% interval over texts)."
    )
