"""Tests and intervals of the shares of attribution on kinds of word.

The probe compares each share with shuffles inside the sentence: are words exchangeable, given these
texts? Here it is also compared with the frequency of such words, to generalise to other texts like
these: texts, or the clusters that they were sampled in, are the units.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.attribution.attribution_rows import PERMUTATION, SHARE
from ...probes.forward.base import ProbeResult
from ..intervals.item_intervals import OVER_CLUSTERS, OVER_TEXTS, item_intervals
from ..statistics.clusters import alone, count_of, units_of
from ..statistics.corrections import adjust_rows
from ..statistics.paired_tests import LEAST_DIFFERING
from .over_texts import flipped_signs, least_of_signs, mean_limits

FREQUENCY = "frequency"
"""`baseline` of rows that compare a share with the frequency of such words."""
FEW = f"fewer than {LEAST_DIFFERING} texts"
"""Flag of rows that are not tested."""


def attribution_tests(
    result: ProbeResult, correction: str = "holm", *, seed: int = 0
) -> pd.DataFrame:
    """The rows of `attributions` with intervals, rows against frequency, and corrected tests.

    A share by kind of word gets a second row with the baseline `frequency`: its mean over all
    texts, 0 where a text has no such word, beside the mean share of the words that are of the kind.
    Its p is that of sign flips of each unit's difference. A family is all kinds of one metric,
    method and baseline; kinds that fewer than 6 texts have are not tested. If a family has too few
    permutations or units to reach .05, `flag` says so.

    Args:
        result: rows and items of the probe, items with `cluster_id` where they share a source.
        correction: `holm` or `fdr_bh`.
        seed: same seed, same intervals and tests.
    """
    rows = item_intervals(result, seed=seed)
    few = rows["p_value"].notna() & (rows["n"] < LEAST_DIFFERING)
    rows["flag"] = rows["flag"].mask(few & rows["flag"].isna(), FEW)
    parts = [rows]
    items = result.items
    if not items.empty:
        by_kind = items["metric"].str.startswith(f"{SHARE}_by_").fillna(value=False)
        for (variant, metric), mine in items[by_kind].groupby(["variant", "metric"], sort=False):
            parts.append(_against_frequency(rows, mine, str(variant), str(metric), seed))
    found = rows_frame(pd.concat(parts, ignore_index=True))
    found["p_value"] = found["p_value"].mask(found["flag"].eq(FEW).fillna(value=False))
    floors = pd.Series(1 / (1 + int(result.notes["permutations"])), index=found.index)
    over_texts = found["baseline"].eq(FREQUENCY).fillna(value=False)
    units = found.loc[over_texts, "n_clusters"].to_numpy(dtype=np.float64)
    floors[over_texts] = least_of_signs(units)
    family = ["variant", "metric", "baseline"]
    return rows_frame(adjust_rows(found, family, correction, floors=floors))


def _against_frequency(
    rows: pd.DataFrame, mine: pd.DataFrame, variant: str, metric: str, seed: int
) -> pd.DataFrame:
    """Rows of one method and way of sorting words, beside those of the permutation.

    Args:
        rows: all rows.
        mine: items of the method and metric. Texts without the layer, such as entities, say nothing
            of how frequent its kinds are.
        variant: of the method.
        metric: of the rows.
        seed: of resamples and sign flips.
    """
    known = rows[
        (rows["variant"] == variant)
        & (rows["metric"] == metric)
        & (rows["baseline"] == PERMUTATION)
        & rows["n"].gt(0)
    ]
    kinds = known["relation"].tolist()
    texts = mine.drop_duplicates("item_id")
    units = units_of([None if pd.isna(one) else str(one) for one in texts["cluster_id"]])

    def by_text(column: str) -> npt.NDArray[np.float64]:
        wide = mine.pivot_table(index="item_id", columns="relation", values=column)
        ordered = wide.reindex(index=texts["item_id"], columns=kinds)
        found: npt.NDArray[np.float64] = ordered.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.nan_to_num(found)

    shares, expected = by_text("numerator"), by_text("score")
    limits = mean_limits(shares, units, seed)
    return known.assign(
        value=shares.mean(axis=0),
        ci_low=limits[:, 0],
        ci_high=limits[:, 1],
        ci_method=OVER_TEXTS if alone(units) else OVER_CLUSTERS,
        baseline=FREQUENCY,
        baseline_value=expected.mean(axis=0),
        p_value=flipped_signs(shares - expected, units, seed),
        n=len(texts),
        n_clusters=count_of(units),
    )
