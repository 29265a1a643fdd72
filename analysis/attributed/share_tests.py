"""Tests of the shares that attributions give to kinds of word, and their intervals.

A probe holds each share against shuffles inside the sentence: given these texts, are words
exchangeable? What is added here holds it against the share expected from frequency, that of the
words, over texts like these: texts, or the clusters they were sampled in, are the units.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.attribution.attribution_rows import PERMUTATION, SHARE
from ...probes.forward.base import ProbeResult
from ..findings.item_intervals import OVER_CLUSTERS, OVER_TEXTS, item_intervals
from ..statistics.clusters import RESAMPLES, resampled
from ..statistics.corrections import adjust_rows
from ..statistics.paired import expanded_limits
from ..statistics.paired_tests import LEAST_DIFFERING

Floats = npt.NDArray[np.float64]

FREQUENCY = "frequency"
"""`baseline` of rows that hold a share against that of the words."""
FEW = f"fewer than {LEAST_DIFFERING} texts"
"""Flag of rows that are not tested."""
_SIGNS = 4999


def attribution_tests(
    result: ProbeResult, correction: str = "holm", *, seed: int = 0
) -> pd.DataFrame:
    """The rows of `attributions` with intervals, rows against frequency, and corrected tests.

    A share by kind of word gets a second row with the baseline `frequency`: its mean over all
    texts, 0 where a text has no such word, beside the mean share of the words that are of the kind.
    Its p is that of sign flips of each unit's difference. A family is all kinds of one metric,
    method and baseline; kinds that fewer than 6 texts have are not tested.

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
            whole = items[(items["variant"] == variant) & by_kind]
            parts.append(_against_frequency(rows, mine, whole, str(variant), str(metric), seed))
    found = rows_frame(pd.concat(parts, ignore_index=True))
    found["p_value"] = found["p_value"].mask(found["flag"].eq(FEW).fillna(value=False))
    return rows_frame(adjust_rows(found, ["variant", "metric", "baseline"], correction))


def _against_frequency(
    rows: pd.DataFrame,
    mine: pd.DataFrame,
    whole: pd.DataFrame,
    variant: str,
    metric: str,
    seed: int,
) -> pd.DataFrame:
    """Rows of one method and way of sorting words, beside those of the permutation.

    Args:
        rows: all rows.
        mine: items of the metric.
        whole: items of the method, from which all texts are known.
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
    # texts without the layer, such as entities, say nothing of how frequent its kinds are
    texts = mine["item_id"].drop_duplicates()
    unit_of = whole.drop_duplicates("item_id").set_index("item_id")
    named = unit_of["cluster_id"].fillna(unit_of["sentence_id"]).loc[texts]
    units, names = pd.factorize(named)
    unit = pd.Series(units, index=texts)
    kinds = known["relation"].tolist()
    sums = np.zeros((len(names), len(kinds), 2))
    place = {kind: number for number, kind in enumerate(kinds)}
    where = (unit.loc[mine["item_id"]].to_numpy(), mine["relation"].map(place).to_numpy())
    np.add.at(sums[..., 0], where, mine["numerator"].to_numpy(dtype=np.float64))
    np.add.at(sums[..., 1], where, mine["score"].to_numpy(dtype=np.float64))
    sizes = np.bincount(units, minlength=len(names)).astype(np.float64)
    values, expected = sums.sum(axis=0).T / len(texts)
    limits = _limits(sums[..., 0], sizes, seed)
    clustered = bool(whole["cluster_id"].notna().any())
    return known.assign(
        value=values,
        ci_low=limits[:, 0],
        ci_high=limits[:, 1],
        ci_method=OVER_CLUSTERS if clustered else OVER_TEXTS,
        baseline=FREQUENCY,
        baseline_value=expected,
        p_value=flipped_signs(sums[..., 0] - sums[..., 1], seed),
        n=len(texts),
        n_clusters=len(names),
    )


def _limits(sums: Floats, sizes: Floats, seed: int) -> Floats:
    """Limits of the mean over texts of each kind's share [K, 2], over resampled units."""
    drawn = resampled(np.column_stack([sums, sizes]), seed).reshape(RESAMPLES, -1)
    means = drawn[:, :-1] / drawn[:, -1:]
    return np.array([expanded_limits(column, len(sizes)) for column in means.T])


def flipped_signs(differences: Floats, seed: int = 0) -> Floats:
    """Two-sided p of the sum of each column, every unit's sign being as likely as the other [K].

    The units keep their sign over all columns: 4,999 patterns of signs are drawn.

    Args:
        differences: of G units in K columns [G, K].
        seed: of the signs.
    """
    rng = np.random.default_rng(seed)
    observed = np.abs(differences.sum(axis=0))
    margin = 1e-12 * np.maximum(1.0, np.abs(differences).sum(axis=0))
    reached = np.zeros(differences.shape[1])
    for count in (1000,) * (_SIGNS // 1000) + (_SIGNS % 1000,):
        signs = rng.choice([-1.0, 1.0], size=(count, len(differences)))
        reached += (np.abs(signs @ differences) >= observed - margin).sum(axis=0)
    return np.asarray((1 + reached) / (1 + _SIGNS))
