"""Accuracy of the survivors for the relations that heads of the full model find.

Accuracies are those of the full model, so that one set of per-head scores serves every mask; the
best head of each relation is chosen on one half of the sentences and scored on the other, for the
survivors and for every random subset alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...models.masks.subnetwork import Subnetwork
from ..cell_output import CellOutput
from ..statistics.corrections import adjust_rows
from ..statistics.subsets import SubsetScore, best_direction, subset_test

CHOICES = {"random-heads": False, "random-heads-per-layer": True}
"""Baseline name -> whether subsets have the survivors' number of heads in every layer."""


def survivor_rows(
    full: CellOutput,
    mask: Subnetwork,
    identity: Mapping[str, Any],
    *,
    subsets: int,
    reported: bool,
) -> pd.DataFrame:
    """Best-of-survivors accuracy for each relation, against random head subsets of equal size.

    Args:
        full: probe cell of the full model; its arrays hold correct arcs [2, R, 2, L, H] and
            totals [2, R] from `dependency-heads`.
        mask: the subnetwork.
        identity: the columns that say which model and seed the mask belongs to.
        subsets: random subsets.
        reported: choose and score on all sentences, as published.

    Returns:
        One row for each relation and baseline, `all-relations` for their mean; the interval
        columns hold the middle 95% of the null. The relations of one baseline are a family (Holm),
        their mean is a test of its own. Empty where the probe did not run or no head survives.
    """
    # where single weights are pruned, every head survives: there is nothing to hold them against
    if "correct" not in full.arrays or not mask.n_heads or mask.weight_masks:
        return pd.DataFrame()
    correct, total = full.arrays["correct"], full.arrays["total"]
    relations = str(full.notes["relations"]).split()
    named = [i for i, relation in enumerate(relations) if relation != "all"]
    if not named:
        return pd.DataFrame()
    with np.errstate(invalid="ignore", divide="ignore"):
        both = correct / total[:, :, None, None, None]
        pooled = correct.sum(axis=0) / total.sum(axis=0)[:, None, None, None]
    choosing, scores = (pooled, pooled) if reported else (both[0], both[1])
    choosing, scores = best_direction(choosing[named], scores[named])
    records: list[dict[str, Any]] = []
    for baseline, per_layer in CHOICES.items():
        # the same subsets for every mask of one seed and size: comparisons are paired
        rng = np.random.default_rng([int(identity["seed"]), mask.n_heads, per_layer])
        found = subset_test(scores, mask.head_mask, subsets, per_layer, rng=rng, choosing=choosing)
        counts = total.sum(axis=0) if reported else total[1]
        for i, score in zip(named, found.relations, strict=True):
            records.append(_record(relations[i], baseline, score, int(counts[i])))
        records.append(_record("all-relations", baseline, found.overall, int(counts[named].sum())))
    rows = pd.DataFrame(records)
    one = rows["relation"].ne("all-relations")
    rows = pd.concat([adjust_rows(rows[one], ["baseline"]), rows[~one]]).sort_index()
    return rows.assign(
        probe="survivors",
        variant="heads of the full model",
        unit="model",
        metric="best_head_accuracy",
        better="higher",
        ci_method=f"middle 95% of {subsets} random head subsets",
        **dict(identity) | {"selection": "reported" if reported else "held-out"},
    )


def _record(relation: str, baseline: str, score: SubsetScore, n: int) -> dict[str, Any]:
    return {
        "relation": relation,
        "value": score.observed,
        "baseline": baseline,
        "baseline_value": score.null_mean,
        "ci_low": score.null_low,
        "ci_high": score.null_high,
        "p_value": score.p_value,
        "n": n,
    }
