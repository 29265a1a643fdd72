"""What a report says about attention patterns."""

from __future__ import annotations

import pandas as pd

from ...probes.patterns.classes import PATTERNS, UNCONFIRMED
from ..wording import cite, percent

CAUTION = (
    "the classifier of patterns is calibrated for synthetic maps; of its calls on real maps that "
    "were labelled by eye, only those of {confirmed} are confirmed, and rows about the others have "
    "the flag unconfirmed"
)


def _caution(rows: pd.DataFrame) -> str:
    """What is trusted of the classifier on real maps, by the flags of the rows that it made."""
    made = rows[(rows["probe"] == "attention-patterns") & rows["relation"].notna()]
    doubted = set(made.loc[made["flag"].eq(UNCONFIRMED).fillna(False), "relation"])
    confirmed = [pattern for pattern in PATTERNS if pattern not in doubted]
    return CAUTION.format(confirmed=" and ".join(confirmed) or "none")


def _share(line: pd.Series, column: str) -> str:
    return cite(line, column, "summary_probes.csv", percent)


def patterns_said(probes: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Pattern shares of good's heads beside the full model's; empty where the probe did not run.

    Args:
        probes: the table of `probe_table`.
        rows: the tidy rows about whole models.
    """
    parts = []
    for variant, name in (("raw", "raw maps"), ("norm", "norm-weighted maps")):
        table = probes[probes["metric"] == f"pattern_share_{variant}"]
        good = table[(table["kind"] == "good") & (table["state"] == "pruned")]
        found = good.drop_duplicates("relation")
        shares = {line["relation"]: line for _, line in found.iterrows()}
        said = [
            f"{pattern} {_share(shares[pattern], 'mean')} ({_share(shares[pattern], 'reference')})"
            for pattern in PATTERNS
            if pattern in shares
        ]
        parts += [f"of {name} {', '.join(said)}"] if said else []
    if not parts:
        return ""
    return f"Patterns of good's heads (full model): {'; '.join(parts)}; {_caution(rows)}."
