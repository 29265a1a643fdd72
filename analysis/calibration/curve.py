"""The reliability curve: accuracy and mean confidence in each bin of confidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..statistics.clusters import alone
from ..statistics.count_laws import EXACT, clopper_pearson
from ..statistics.paired import expanded_limits
from ..statistics.uncertainty import Floats
from ..statistics.weighted import Weights, weight_blocks
from .binned import BINS, inner_edges, places_of
from .forecasts import Forecasts
from .summary import RESAMPLES


def reliability(
    seeds: Mapping[int, Forecasts], *, bins: int = BINS, resamples: int = RESAMPLES
) -> Iterator[dict[str, Any]]:
    """The bins of equal width that hold a prediction, all seeds and draws together.

    The accuracy of a bin of one model whose examples stand alone has the exact binomial interval;
    others resample the examples or clusters, which stay the same in all seeds and draws.

    Args:
        seeds: seed -> forecasts of the same examples.
        bins: M.
        resamples: bootstrap samples.

    Yields:
        lines with `bin` (from 0), its limits `bin_low` and `bin_high`, `value` (the accuracy),
        limits, `confidence` (the mean), `n` (predictions) and `n_clusters` (their sources).
    """
    first = next(iter(seeds.values()))
    edges = inner_edges(first.confidence[:, 0], bins)
    parts = [_bin_parts(found, edges, bins) for found in seeds.values()]
    right, sure, count = (np.sum([one[part] for one in parts], axis=0) for part in range(3))
    single = len(seeds) == 1 and first.confidence.shape[1] == 1 and alone(first.units)
    samples = None if single else _resampled(first, right, count, resamples)
    over = "examples" if alone(first.units) else "clusters"
    limits = [0.0, *edges, 1.0]
    for place in np.flatnonzero(count.sum(axis=0)):
        n, hits = int(count[:, place].sum()), float(right[:, place].sum())
        n_units = len(np.unique(first.units[count[:, place] > 0]))
        if samples is None:
            (low, high), method = clopper_pearson(hits, n), EXACT
        else:
            own = samples[:, place][np.isfinite(samples[:, place])]
            low, high = expanded_limits(own, n_units)
            method = f"percentile bootstrap over {over} ({resamples})"
            if np.isnan(low):
                method = "no interval: the resamples do not vary"
        yield {
            "bin": int(place), "bin_low": limits[place], "bin_high": limits[place + 1],
            "value": hits / n, "ci_low": low, "ci_high": high, "ci_method": method,
            "confidence": float(sure[:, place].sum()) / n, "n": n, "n_clusters": n_units,
        }  # fmt: skip


def _bin_parts(found: Forecasts, edges: Floats, bins: int) -> tuple[Floats, Floats, Floats]:
    """What each example adds to each bin [N, M]: right predictions, confidence, predictions."""
    places = places_of(found.confidence, edges)
    parts = [np.zeros((len(found.ids), bins)) for _ in range(3)]
    rows = np.arange(len(found.ids))
    ones = np.ones_like(found.right)
    for draw in range(places.shape[1]):
        for part, values in zip(parts, (found.right, found.confidence, ones), strict=True):
            np.add.at(part, (rows, places[:, draw]), values[:, draw])
    return parts[0], parts[1], parts[2]


def _resampled(first: Forecasts, right: Floats, count: Floats, resamples: int) -> Floats:
    """Accuracy of each bin on resamples [R, M]; NaN in a bin without a prediction."""

    def share(weights: Weights) -> Floats:
        heavy = weights.astype(np.float64)
        n = heavy @ count
        unknown = np.full(n.shape, np.nan)
        return np.asarray(np.divide(heavy @ right, n, out=unknown, where=n > 0))

    blocks = weight_blocks(first.ids, first.units, resamples=resamples)
    return np.concatenate([share(weights) for weights in blocks])
