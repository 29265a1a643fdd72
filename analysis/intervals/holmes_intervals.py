"""Intervals of the scores of `holmes`: each resample of texts is scored anew, seed by seed.

Texts are resampled, or the clusters that they were sampled in, with all of their cases. Means over
data sets have no interval: the data sets of a subfield are not a random sample.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ...probes.holmes.entries import BY_PHENOMENON, BY_SET
from ...probes.tokens.scores import macro_f1
from ..statistics.clusters import RESAMPLES, count_of, limits, unit_weights, units_of
from .class_intervals import CLUSTERS, SENTENCES

Floats = npt.NDArray[np.float64]

NO_SAMPLE = "no interval: the row is a mean over data sets"


def holmes_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of `holmes` with intervals of the scores of data sets.

    Args:
        result: of the probe; its items have `prediction` and `gold`, and end in #SEED.
        seed: same seed, same intervals.
    """
    rows = result.rows.reset_index(drop=True)
    found = rows.assign(ci_low=np.nan, ci_high=np.nan)
    way = pd.Series(pd.NA, index=rows.index, dtype="string")
    way[rows["metric"].isin([BY_SET, BY_PHENOMENON])] = NO_SAMPLE
    items = result.item_parts.frame()
    for relation, own in items.groupby("relation", sort=False):
        said, gold, units, clustered = _cases(own)
        if count_of(units) < 2:
            continue
        score = _numbers if own["metric"].iloc[0] == "negative_error" else _classes
        drawn = [score(said, gold, weights) for block in unit_weights(units, RESAMPLES, seed)
                 for weights in block]  # fmt: skip
        for metric in drawn[0]:
            place = rows.index[(rows["metric"] == metric) & (rows["relation"] == relation)]
            ends = limits(np.array([[one[metric]] for one in drawn]))[0]
            if len(place) and np.isfinite(ends).all():
                found.loc[place, ["ci_low", "ci_high"]] = ends
                way[place] = CLUSTERS if clustered else SENTENCES
    return rows_frame(found.assign(ci_method=way))


def _cases(items: pd.DataFrame) -> tuple[Floats, Floats, npt.NDArray[np.int64], bool]:
    """What S probes say of N cases [S, N], what is true, their units [N], whether clusters."""
    names = items["item_id"].str.rpartition("#")
    seeds = names[2].astype(int).to_numpy()
    count = int(seeds.max()) + 1
    items = items.iloc[np.lexsort((seeds, pd.factorize(names[0])[0]))]
    shared = items["cluster_id"].notna()
    named = items["cluster_id"].where(shared, items["sentence_id"]).iloc[::count]
    said, gold = (
        items[name].to_numpy(np.float64).reshape(-1, count).T for name in ("prediction", "gold")
    )
    return said, gold[0], units_of(named.tolist()), bool(shared.any())


def _classes(said: Floats, gold: Floats, weights: npt.NDArray[np.float32]) -> Mapping[str, float]:
    """Macro-F1 and accuracy of cases that count so often [N]."""
    seeds = len(said)
    classes = int(max(said.max(), gold.max())) + 1
    right = said == gold

    def counted(named: Floats, which: npt.NDArray[np.bool_] | None = None) -> Floats:
        place = (np.arange(seeds)[:, None] * classes + named).astype(np.int64)
        often = np.broadcast_to(weights, place.shape)
        often = often if which is None else np.where(which, often, 0)
        found = np.bincount(place.ravel(), often.ravel(), seeds * classes).astype(np.float64)
        return found.reshape(seeds, classes)

    hits = counted(gold, right)
    f1 = macro_f1(hits, counted(said), counted(gold))
    return {"macro_f1": float(f1.mean()), "accuracy": float(hits.sum() / seeds / weights.sum())}


def _numbers(said: Floats, gold: Floats, weights: npt.NDArray[np.float32]) -> Mapping[str, float]:
    """Pearson's correlation and mean error of cases that count so often [N]."""
    share = weights / weights.sum(dtype=np.float64)
    x, y = said - (said @ share)[:, None], gold - gold @ share
    spread = np.sqrt((x**2 @ share) * (y**2 @ share))
    with np.errstate(invalid="ignore", divide="ignore"):
        pearson = np.where(spread > 0, (x * y) @ share / spread, 0.0)
    return {
        "pearson": float(pearson.mean()),
        "negative_error": float((-np.abs(said - gold) @ share).mean()),
    }
