"""What each kind of subnetwork knows, in a few headline figures a probe."""

from __future__ import annotations

import pandas as pd

from .headlines import headline_parts
from .kinds import WHO, by_method, plain, tidy_kinds, with_flags


def probe_table(rows: pd.DataFrame) -> pd.DataFrame:
    """What each kind of subnetwork knows: one line for each task, probe, metric, kind and state.

    Returns:
        `mean`, `seed_low`, `seed_high` over seeds; `reference` is the full model's value, for
        attention statistics over the heads that live in both (so that no mean moves only because
        other heads were averaged); `p_value` and `p_adjusted` are the largest over seeds. `n` is
        what the smallest seed's value rests on: living heads, arcs or examples; `n_clusters` the
        independent units behind it, empty for a mean over relations. `flag` joins those of all
        rows of the probe about the kind and state.
    """
    tidy = tidy_kinds(by_method(rows))
    parts = list(headline_parts(tidy))
    wanted = ["relation", "reference", "null_low", "null_high", "p_value", "p_adjusted"]
    cells = pd.concat([part for part in parts if len(part)] or [tidy.head(0)], ignore_index=True)
    cells = cells.reindex(columns=[*dict.fromkeys([*cells.columns, *wanted])])
    numbers = ["value", *wanted[1:], "baseline_value", "n", "n_clusters"]
    cells[numbers] = cells[numbers].astype(float)
    line = [*WHO, "probe", "metric", "relation", "baseline", "kind", "state"]
    seeds = cells.groupby([*line, "seed"], observed=True, sort=False, dropna=False)
    per_seed = seeds[numbers].mean().reset_index()
    found = per_seed.groupby(line, observed=True, sort=False, dropna=False)
    table = pd.DataFrame(
        {
            "n_seeds": found.size(),
            "mean": found["value"].mean(),
            "seed_low": found["value"].min(),
            "seed_high": found["value"].max(),
            "reference": found["reference"].mean(),
            "baseline_value": found["baseline_value"].mean(),
            "null_low": found["null_low"].mean(),
            "null_high": found["null_high"].mean(),
            "p_value": found["p_value"].max(),
            "p_adjusted": found["p_adjusted"].max(),
            "n": found["n"].min(),
            "n_clusters": found["n_clusters"].min(),
        }
    ).reset_index()
    about = [*WHO, "probe", "kind", "state"]
    return plain(with_flags(table, tidy[tidy["value"].notna()], about))
