"""What predictors of survival say of a head, as the end of `heads that ...`."""

from __future__ import annotations

import pandas as pd

from ...probes.registry import entries_of
from ..wording import named


def heads_that(line: pd.Series) -> str:
    """What heads with a higher value of a predictor do, or have."""
    metric = str(line["metric"])
    for entry in entries_of([str(line["probe"])]):
        gain, measure = entry.best_gain, entry.measure_of(metric)
        if gain is not None and gain.name == metric and gain.more:
            return gain.more
        if measure is not None and measure.more:
            return measure.more
    about = [str(line[name]) for name in ("relation", "direction", "target")
             if pd.notna(line[name]) and line[name] != ""]  # fmt: skip
    of = f" of {', '.join(about)}" if about else ""
    return f"have a higher {named(metric)}{of} (probe {line['probe']})"
