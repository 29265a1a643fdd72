"""Jackknife intervals of measures that are not sums over texts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ...probes.representations.state_similarity import LEFT_OUT, METRICS

_RANGES = {"linear_cka": (0.0, 1.0), "rsa": (-1.0, 1.0)}
_LEVEL = 0.95


def similarity_intervals(result: ProbeResult) -> pd.DataFrame:
    """The rows of `state-similarity` with intervals: a jackknife over blocks of sentences.

    The interval is v +- t SE with B - 1 degrees of freedom, and ends where the measure does;
    SE^2 = (B - 1) / B sum (v_b - mean v_b)^2, over the values v_b without one of B blocks each.

    Args:
        result: of the probe.
    """
    from scipy import stats

    left_out = result.arrays[LEFT_OUT]
    count = left_out.shape[-1]
    rows = result.rows.copy()
    error = np.sqrt((count - 1) * left_out.var(-1))  # NaN where a value is undefined
    reach = error * float(stats.t.ppf(0.5 + _LEVEL / 2, count - 1))
    for place, metric in enumerate(METRICS):
        ours = (rows["metric"] == metric).fillna(False).to_numpy(dtype=bool)
        layers = rows.loc[ours, "layer"].astype(int).to_numpy()
        values = rows.loc[ours, "value"].astype(float).to_numpy()
        low, high = _RANGES[metric]
        rows.loc[ours, "ci_low"] = np.clip(values - reach[place][layers], low, high)
        rows.loc[ours, "ci_high"] = np.clip(values + reach[place][layers], low, high)
    there = rows["ci_low"].notna()
    method = f"jackknife over {count} blocks of sentences"
    return rows_frame(
        rows.assign(ci_method=pd.Series(method, rows.index).where(there), n_clusters=count)
    )
