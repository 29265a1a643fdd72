"""What a report says about attention patterns."""

from __future__ import annotations

import pandas as pd

from ...probes.patterns.classes import PATTERNS
from ...probes.patterns.network import shipped_classifier
from ...probes.patterns.real_maps import confirmed_patterns
from ..wording import cite, percent

CAUTION = (
    "the classifier of patterns is calibrated for synthetic maps; of its calls on real maps that "
    "were labelled by eye, only those of {confirmed} are confirmed, and rows about the others have "
    "the flag unconfirmed"
)


def caution() -> str:
    """What is trusted of the shipped classifier on real maps."""
    confirmed = confirmed_patterns(shipped_classifier())
    return CAUTION.format(confirmed=" and ".join(confirmed) or "none")


def _share(line: pd.Series, column: str) -> str:
    return cite(line, column, "summary_probes.csv", percent)


def patterns_said(probes: pd.DataFrame) -> str:
    """Pattern shares of good's heads beside the full model's, from the table of `probe_table`.

    Empty where the probe did not run.
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
    return f"Patterns of good's heads (full model): {'; '.join(parts)}; {caution()}."
