"""Do survivors and pruned heads differ in attention patterns, in the maps of the full model?

Prasanna et al. 2020 compare the patterns of the heads that survive with those of all heads. Deep
layers have other patterns than early ones, and a search prunes some layers more than others: which
heads are called survivors is therefore permuted inside each layer, whose numbers stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...models.masks.subnetwork import Subnetwork
from ...probes.patterns.pattern_shares import METRICS, ratios
from ...probes.registry import declaring
from ..cell_output import CellOutput
from ..intervals.pattern_intervals import OVER, classes_of, way_of
from ..statistics.clusters import Units, count_of, limits, over_units, resampled
from ..statistics.corrections import CORRECTIONS, adjust
from ..statistics.subsets import random_subsets
from ..statistics.uncertainty import permutation_p

Floats = npt.NDArray[np.float64]

BASELINE = "random-heads-per-layer"


def pattern_survivor_rows(
    full: CellOutput, mask: Subnetwork, identity: Mapping[str, Any], *, subsets: int
) -> pd.DataFrame:
    """Pattern shares of survivors and of pruned heads, and their difference with a test.

    Args:
        full: probe cell of the full model, with the items of a probe of patterns.
        mask: the subnetwork.
        identity: the columns that say which model and seed the mask belongs to.
        subsets: permutations of the heads inside each layer.

    Returns:
        For each kind of map, figure and pattern: the share among the maps of survivors and of
        pruned heads (`target`), and the difference twice, with an interval over texts and one over
        heads (survivors and pruned heads resampled apart). Differences of `pattern_share` are
        tested, Holm-corrected over patterns and kinds of map. Empty where the probe did not run,
        or where all heads or none survive.
    """
    kept = np.asarray(mask.head_mask, dtype=bool)
    if "probe" not in full.rows or mask.weight_masks or kept.all() or not kept.any():
        return pd.DataFrame()
    names = declaring(full.rows["probe"].dropna().unique(), survivors="patterns")
    own = full.rows[full.rows["probe"].isin([entry.name for entry in names[:1]])]
    if not len(own) or "pattern_threshold" not in full.notes:
        return pd.DataFrame()
    threshold = float(full.notes["pattern_threshold"])
    frames = []
    for variant in own["variant"].unique():
        found, units = classes_of(
            full.parts, names[0].name, variant, (kept.shape[0], kept.shape[1])
        )
        if not len(found.pattern):
            return pd.DataFrame()
        counts = found.counts(threshold)
        counts = counts.reshape(len(counts), kept.size, -1)
        rng = np.random.default_rng([int(identity["seed"]), mask.n_heads])
        drawn = random_subsets(kept, subsets, per_layer=True, rng=rng)
        frame = _compare(counts, kept, drawn, units)
        frames.append(frame.assign(variant=f"{variant} maps of the full model"))
    rows = _corrected(pd.concat(frames, ignore_index=True))
    corpus = own.iloc[0][["corpus", "annotation", "scheme", "split"]].to_dict()
    return rows.assign(probe="pattern-survivors", unit="model", **corpus, **dict(identity))


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Holm over the tests of one mask; each test stands in two rows, one for each interval."""
    tested = rows["p_value"].notna()
    over_heads = rows["ci_method"] == OVER["heads"]
    ways = [rows.index[tested & ~over_heads], rows.index[tested & over_heads]]
    adjusted = adjust(rows.loc[ways[0], "p_value"].to_numpy(dtype=np.float64))
    for places in ways:
        rows.loc[places, "p_adjusted"] = adjusted
        rows.loc[places, "correction"] = CORRECTIONS["holm"]
        rows.loc[places, "family_size"] = len(adjusted)
    return rows


def _compare(
    counts: Floats, kept: npt.NDArray[np.bool_], masks: npt.NDArray[np.bool_], units: Units
) -> pd.DataFrame:
    """Rows of one kind of map from counts [N, L*H, C], survivors [L, H] and permuted ones.

    The N texts belong to the clusters `units`.
    """
    alive = kept.ravel()
    by_head = counts.sum(0)
    sides = {"survivors": alive, "pruned": ~alive}
    share = {name: ratios(by_head[side].sum(0)) for name, side in sides.items()}
    drawn = masks.reshape(len(masks), -1).astype(np.float64)
    null = ratios(drawn @ by_head) - ratios((1 - drawn) @ by_head)
    texts = {
        name: ratios(resampled(over_units(counts[:, side].sum(1), units), 0))
        for name, side in sides.items()
    }
    # another seed for each side: their heads are drawn apart, while texts are the same on both
    heads = {
        name: ratios(resampled(by_head[side], 1 + number))
        for number, (name, side) in enumerate(sides.items())
    }
    difference = share["survivors"] - share["pruned"]
    n = {name: int(by_head[side][:, 0].sum()) for name, side in sides.items()}
    records: list[dict[str, Any]] = []
    between = {
        way: limits(found["survivors"] - found["pruned"])
        for way, found in (("texts", texts), ("heads", heads))
    }
    within = {name: limits(found) for name, found in texts.items()}
    for k, (metric, pattern) in enumerate(METRICS):
        line = {"metric": metric, "relation": pattern}
        for name in sides:
            low, high = within[name][k]
            records.append(
                line | {"target": name, "value": share[name][k], "n": n[name],
                        "ci_low": low, "ci_high": high, "ci_method": way_of(units),
                        "n_clusters": count_of(units)}
            )  # fmt: skip
        test = {
            "target": "survivors - pruned",
            "value": difference[k],
            "n": sum(n.values()),
            "baseline": BASELINE,
            "baseline_value": float(np.nanmean(null[:, k])) if len(null) else np.nan,
        }
        if metric == "pattern_share":
            test["p_value"] = permutation_p(float(difference[k]), null[:, k])
        for way, found in between.items():
            low, high = found[k]
            texts_drawn = way == "texts"
            of_way = {
                "ci_low": low, "ci_high": high,
                "ci_method": way_of(units) if texts_drawn else OVER[way],
                "n_clusters": count_of(units) if texts_drawn else kept.size,
            }  # fmt: skip
            records.append(line | test | of_way)
    return pd.DataFrame(records)
