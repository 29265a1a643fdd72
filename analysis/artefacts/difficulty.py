"""Accuracy on easy and on hard examples, and how much of a score the easy ones carry.

Hard examples are those that a classifier of part of the input gets wrong (Gururangan et al. 2018).
A model that scores by the artefacts is much better on easy examples than on hard ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import items_frame, rows_frame
from ..statistics.clusters import Units, count_of, resampled, units_of
from ..statistics.paired import expanded_limits
from ..statistics.uncertainty import bootstrap_interval
from .measure import EASY, HARD

PROBE = "artefacts"
"""Value of the column `probe` in rows about easy and hard examples."""
ACCURACY, GAP = "accuracy", "accuracy_gap"
RESAMPLES = 2000

Bools = npt.NDArray[np.bool_]


def difficulty_output(
    answers: pd.DataFrame, difficulty: pd.Series, majority: int, variant: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows and items of one model's accuracy on easy and hard examples.

    The gap is the accuracy on easy examples minus that on hard ones. An item of the gap is right
    (1) or wrong (0), times N / n of its N examples and the n easy or hard ones, negative if hard:
    the mean of the items is the gap, and those of two models are paired by example.

    Args:
        answers: items of the probe `performance` [N]: item_id, cluster_id, prediction, gold.
        difficulty: `easy` or `hard` by item_id.
        majority: the most frequent class of the training examples.
        variant: the classifier that tells easy from hard.

    Returns:
        Rows without the columns that name the model, and items. No row is about a part without
        examples.
    """
    said = answers["prediction"].to_numpy(dtype=np.int64)
    gold = answers["gold"].to_numpy(dtype=np.int64)
    of = answers["item_id"].map(difficulty)
    assert of.notna().all(), "an example is neither easy nor hard"
    names = [None if pd.isna(name) else str(name) for name in answers["cluster_id"]]
    right, hard = said == gold, of.eq(HARD).to_numpy(dtype=bool)
    rows: list[dict[str, Any]] = []
    items: list[pd.DataFrame] = []
    about = {"probe": PROBE, "variant": variant}
    ids = {name: answers[name] for name in ("item_id", "cluster_id")}
    ids["sentence_id"] = answers["item_id"]
    whole = pd.DataFrame(ids).assign(**about, prediction=said, gold=gold)
    for part, mine in ((EASY, ~hard), (HARD, hard)):
        if not mine.any():
            continue
        units = units_of([name for name, there in zip(names, mine, strict=True) if there])
        limits = bootstrap_interval("accuracy", said[mine], gold[mine], units=units)
        rows.append({
            **about, "metric": ACCURACY, "relation": part, "value": float(right[mine].mean()),
            "ci_low": limits.low, "ci_high": limits.high, "ci_method": limits.method,
            "n": int(mine.sum()), "n_clusters": count_of(units), "baseline": "majority",
            "baseline_value": float((gold[mine] == majority).mean()),
        })  # fmt: skip
        counts = {"numerator": right[mine].astype(float), "denominator": 1.0}
        items.append(whole[mine].assign(metric=ACCURACY, relation=part, **counts))
    if len(rows) == 2:
        units = units_of(names)
        low, high, method = _gap_interval(right, hard, units)
        chance = rows[0]["baseline_value"] - rows[1]["baseline_value"]
        rows.append({
            **about, "metric": GAP, "value": rows[0]["value"] - rows[1]["value"], "ci_low": low,
            "ci_high": high, "ci_method": method, "n": len(gold), "n_clusters": count_of(units),
            "baseline": "majority", "baseline_value": chance,
        })  # fmt: skip
        weight = np.where(hard, -len(gold) / hard.sum(), len(gold) / (~hard).sum())
        items.append(whole.assign(metric=GAP, numerator=right * weight, denominator=1.0))
    found = rows_frame(rows).assign(unit="model")
    return rows_frame(found), items_frame(pd.concat(items, ignore_index=True))


def _gap_interval(right: Bools, hard: Bools, units: Units) -> tuple[float, float, str]:
    """Bootstrap limits of the gap over examples or groups; easy and hard are drawn together."""
    table = np.column_stack([right & ~hard, ~hard, right & hard, hard]).astype(np.float64)
    sums = np.zeros((count_of(units), 4))
    np.add.at(sums, units, table)
    drawn = resampled(sums, 0, RESAMPLES)
    known = (drawn[:, 1] > 0) & (drawn[:, 3] > 0)
    gaps = drawn[known, 0] / drawn[known, 1] - drawn[known, 2] / drawn[known, 3]
    low, high = expanded_limits(gaps, len(sums)) if len(gaps) else (np.nan, np.nan)
    if not np.isfinite(low):
        return float("nan"), float("nan"), "no interval: nothing varies"
    what = "examples" if len(sums) == len(right) else f"{len(sums)} clusters"
    return low, high, f"percentile bootstrap over {what} ({RESAMPLES})"
