"""Precision, recall and F1 of each class, with intervals and a null."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..statistics.clusters import alone, count_of
from ..statistics.paired import expanded_limits
from ..statistics.uncertainty import Floats
from ..statistics.weighted import Weights, sums, weight_blocks
from .said import Said

PRECISION, RECALL, F1 = "precision", "recall", "f1"
METRICS = (PRECISION, RECALL, F1)
INDEPENDENT = "independent predictions"
"""The baseline: the same classes predicted equally often, without reading the texts."""
RESAMPLES = 2000
ONE_UNIT = "no interval: there is only one independent unit"


def scores_by_label(
    predictions: Floats, gold: Floats, weights: Weights, n_classes: int
) -> dict[str, Floats]:
    """Scores of D models by class under R weightings of the examples: metric -> [R, D, K].

    Precision is NaN where a class is never predicted, recall where it does not occur, F1 where
    neither happens.

    Args:
        predictions: class ids [N, D].
        gold: class ids [N].
        weights: copies of each example [R, N].
        n_classes: K.
    """
    found: dict[str, list[Floats]] = {metric: [] for metric in METRICS}
    for label in range(n_classes):
        called, true = predictions == label, (gold == label)[:, None]
        hits, said = sums(weights, called & true), sums(weights, called)
        there = np.broadcast_to(sums(weights, true), said.shape)
        for metric, top, whole in (
            (PRECISION, hits, said), (RECALL, hits, there), (F1, 2 * hits, said + there),
        ):  # fmt: skip
            share = np.full(said.shape, np.nan)
            np.divide(top, whole, out=share, where=whole > 0)
            found[metric].append(share)
    return {metric: np.stack(values, axis=-1) for metric, values in found.items()}


def by_label(
    seeds: Mapping[int, Said], labels: Sequence[str], *, resamples: int = RESAMPLES
) -> Iterator[dict[str, Any]]:
    """The scores of each class: means over seeds of means over draws.

    Intervals resample the examples or their clusters, with limits expanded for their number
    (Hesterberg 2015). The baseline predicts every class as often as the model does, whatever the
    text: its expected precision is the share of the class among the labels, its recall the share
    among the predictions, and its F1 what these two give. A mean is NaN if one of its parts is: if
    a seed or draw never predicts the class, precision has no mean.

    Args:
        seeds: seed -> predictions of the same examples.
        labels: names of the K classes.
        resamples: bootstrap samples.

    Yields:
        lines with `target` (the class), `metric`, `value`, limits, baseline and counts. `support`
        is the number of examples of the class.
    """
    first = next(iter(seeds.values()))
    n, n_units = len(first.ids), count_of(first.units)
    over = "examples" if alone(first.units) else f"{n_units} clusters"
    varies = "this seed" if len(seeds) == 1 else "these seeds"
    named = f"percentile bootstrap over {over} ({resamples}), {varies}"
    whole = _mean(seeds, np.ones((1, n), dtype=np.float32), len(labels))
    blocks = weight_blocks(first.ids, first.units, resamples=resamples)
    drawn = [_mean(seeds, weights, len(labels)) for weights in blocks]
    chance = _independent(seeds, len(labels))
    for place, label in enumerate(labels):
        support = int((first.gold == place).sum())
        for metric in METRICS:
            samples = np.concatenate([block[metric][:, place] for block in drawn])
            low, high = expanded_limits(samples, n_units)
            if n_units < 2:
                method = ONE_UNIT
            elif np.isnan(samples).any():
                method = (
                    "no interval: in some resamples the class does not occur or is not predicted"
                )
            else:
                method = named if np.isfinite(low) else "no interval: the resamples do not vary"
            yield {
                "target": label, "metric": metric, "value": float(whole[metric][0, place]),
                "ci_low": low, "ci_high": high, "ci_method": method, "n": n,
                "n_clusters": n_units, "support": support, "baseline": INDEPENDENT,
                "baseline_value": float(chance[metric][place]),
            }  # fmt: skip


def _mean(seeds: Mapping[int, Said], weights: Weights, n_classes: int) -> dict[str, Floats]:
    """Mean over seeds of the mean over draws: metric -> [R, K]."""
    each = [scores_by_label(s.predictions, s.gold, weights, n_classes) for s in seeds.values()]
    return {m: np.mean([found[m].mean(axis=1) for found in each], axis=0) for m in METRICS}


def _independent(seeds: Mapping[int, Said], n_classes: int) -> dict[str, Floats]:
    """Expected scores of predictions at the same rates that do not depend on the text [K]."""
    found: dict[str, list[Floats]] = {metric: [] for metric in METRICS}
    for said in seeds.values():
        true = np.bincount(said.gold.astype(int), minlength=n_classes) / len(said.gold)
        called = np.stack([(said.predictions == k).mean(axis=0) for k in range(n_classes)], axis=1)
        both = called + true
        f1 = np.divide(2 * called * true, both, out=np.full(both.shape, np.nan), where=both > 0)
        found[PRECISION].append(np.where(called > 0, true, np.nan).mean(axis=0))
        found[RECALL].append(np.where(true > 0, called, np.nan).mean(axis=0))
        found[F1].append(f1.mean(axis=0))
    return {metric: np.mean(values, axis=0) for metric, values in found.items()}
