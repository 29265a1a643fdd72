"""Intervals of pattern shares, over texts and over heads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import ItemParts
from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ...probes.patterns.classes import PATTERNS
from ...probes.patterns.pattern_shares import METRICS, NO_CLASS, PatternClasses, ratios
from ..statistics.clusters import (
    RESAMPLES,
    Units,
    alone,
    count_of,
    limits,
    over_units,
    resampled,
    units_of,
)

Floats = npt.NDArray[np.float64]

OVER = {
    "texts": f"percentile bootstrap over texts ({RESAMPLES})",
    "heads": f"percentile bootstrap over heads ({RESAMPLES})",
}
"""What is resampled -> `ci_method`. A text is a cluster with all its maps, a head with all its."""
CLUSTERS = f"percentile bootstrap over clusters of texts ({RESAMPLES})"
"""In place of that over texts, where texts share a source."""


def pattern_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of a probe of patterns with intervals.

    Every row gets one over texts, or over clusters of texts that share a source; the rows of the
    full model are repeated with an interval over heads.

    Args:
        result: of the probe.
        seed: same seed, same intervals.
    """
    rows, items = result.rows, result.item_parts
    shape = (int(rows["layer"].max()) + 1, int(rows["head"].max()) + 1)
    threshold = float(result.notes["pattern_threshold"])
    parts: list[pd.DataFrame] = []
    for variant, own in rows.groupby("variant", sort=False):
        found, units = classes_of(items, result.probe, str(variant), shape)
        counts = found.counts(threshold)  # [N, L, H, C]
        own = own.assign(ci_method=way_of(units), n_clusters=count_of(units))
        own[["ci_low", "ci_high"]] = _over_texts(found, counts, units, seed)
        heads = counts.sum(0).reshape(shape[0] * shape[1], -1)
        heads = heads[heads[:, 0] > 0]
        model = own[(own["unit"] == "model") & (own["metric"] != "kappa_with_rules")]
        again = model.assign(ci_method=OVER["heads"], n_clusters=len(heads))
        again[["ci_low", "ci_high"]] = limits(ratios(resampled(heads, seed)))
        parts += [own, again]
    found_rows = pd.concat(parts, ignore_index=True)
    empty = found_rows["ci_low"].isna()
    return rows_frame(found_rows.assign(ci_method=found_rows["ci_method"].mask(empty)))


def classes_of(
    items: ItemParts, probe: str, variant: str, shape: tuple[int, int]
) -> tuple[PatternClasses, Units]:
    """Patterns of one kind of map [N, L, H] and the clusters of the N texts.

    Args:
        items: of one model; those of other probes and kinds of map are passed over.
        probe: name of the probe.
        variant: the kind of map.
        shape: L, H.
    """
    clusters: dict[str, str | None] = {}

    def chosen() -> Iterator[pd.DataFrame]:
        for part in items:
            # items of a single result may leave out whose they are
            ours = part["probe"].fillna(probe).eq(probe) & part["metric"].eq(f"{variant}_map")
            own = part[ours.fillna(False).to_numpy(dtype=bool)]
            named = own.drop_duplicates("item_id")
            for text, name in zip(named["item_id"], named["cluster_id"], strict=True):
                clusters.setdefault(text, None if pd.isna(name) else name)
            yield own

    found, texts = PatternClasses.of_items(chosen(), shape)
    return found, units_of([clusters[text] for text in texts])


def way_of(units: Units) -> str:
    """The `ci_method` of intervals over texts of these clusters."""
    return OVER["texts"] if alone(units) else CLUSTERS


def _over_texts(found: PatternClasses, counts: Floats, units: Units, seed: int) -> Floats:
    """Limits of every row of one kind of map, in the order of `share_rows`."""
    N, L, H, C = counts.shape
    parts = [counts.reshape(N, L * H, C), counts.sum(2), counts.sum((1, 2))[:, None]]
    flat = np.concatenate(parts, axis=1)
    by_unit = over_units(flat.reshape(N, flat.shape[1] * C), units)
    sums = resampled(by_unit, seed).reshape(RESAMPLES, -1, C)
    shares = limits(ratios(sums).reshape(RESAMPLES, -1))
    assert len(shares) == flat.shape[1] * len(METRICS)
    return np.concatenate([shares, limits(_kappas(found, units, seed)[:, None])])


def _kappas(found: PatternClasses, units: Units, seed: int) -> Floats:
    """Kappa with the mass rules over resampled texts [B]."""
    K = len(PATTERNS)
    pairs = np.zeros((len(found.pattern), K, K))
    text, layer, head = np.nonzero(found.pattern != NO_CLASS)
    at = (text, layer, head)
    np.add.at(pairs, (text, found.pattern[at], found.rule[at]), 1)
    by_unit = over_units(pairs.reshape(-1, K * K), units)
    sums = resampled(by_unit, seed).reshape(-1, K, K)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = sums / sums.sum((1, 2), keepdims=True)
        agreed = np.trace(share, axis1=1, axis2=2)
        chance = (share.sum(1) * share.sum(2)).sum(1)
        return np.asarray((agreed - chance) / (1 - chance))
