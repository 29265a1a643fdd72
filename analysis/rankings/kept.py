"""Compare the subnetworks of the top units of several rankings at equal size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...models.masks.subnetwork import Subnetwork, full_subnetwork
from ...models.training.evaluate import Evaluation, Scorer
from ...probes.forward.base import Context
from ..statistics.clusters import RESAMPLES, Units, count_of, unit_weights, units_of
from ..statistics.paired import expanded_limits
from ..statistics.paired_tests import answered, swap_test
from ..statistics.uncertainty import bootstrap_interval, permutation_p
from ..statistics.weighted import weighted_scores
from .agreement import top, top_size
from .ranking import Ranking

LEAST_RANDOM = 39
"""Random tops without which no two-sided p reaches .05."""


@dataclass(frozen=True)
class Kept:
    """The predictions of a subnetwork of the top units of one ranking.

    Attributes:
        ranking: whose top it is.
        share: of the ranked heads, and of the ranked MLPs.
        found: its answers.
    """

    ranking: Ranking
    share: float
    found: Evaluation

    @property
    def relation(self) -> str:
        """The size as it appears in rows."""
        return f"top={self.share:g}"

    @property
    def score(self) -> float:
        """The primary metric."""
        return float(self.found.metrics[self.found.spec.metric])


def top_mask(context: Context, ranking: Ranking, share: float) -> Subnetwork:
    """The mask without the ranked units that are not in the top; units without a rank stay.

    Args:
        context: the model and its mask.
        ranking: of its kept units.
        share: of the ranked heads that are kept, and of the ranked MLPs; one of each at least.
    """
    mask = context.subnetwork or full_subnetwork(context.anatomy)
    head = _kept(np.asarray(mask.head_mask), ranking.head, share)
    mlp = _kept(np.asarray(mask.mlp_mask), ranking.mlp, share)
    return mask.with_meta(head_mask=head, mlp_mask=mlp, kind="given", history=())


def _kept(
    mask: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], share: float
) -> npt.NDArray[np.bool_]:
    ranked = np.flatnonzero(~np.isnan(scores))
    if not len(ranked):
        return mask
    left = mask.copy()
    left.ravel()[ranked] = False
    best = top(scores.ravel()[ranked], top_size(share, len(ranked)))
    left.ravel()[ranked[best]] = True
    return left


def random_rankings(like: Ranking, draws: int, seed: int) -> list[Ranking]:
    """Rankings of the same units by uniform numbers."""
    rng = np.random.default_rng([4, seed])
    return [
        Ranking(
            f"random-{draw}", rng.random(like.head.shape), rng.random(like.mlp.shape), like.n
        ).among(like)
        for draw in range(draws)
    ]


def kept_tops(
    context: Context, scorer: Scorer, rankings: Sequence[Ranking], keep: Sequence[float]
) -> list[Kept]:
    """The tops of all rankings, scored."""
    return [
        Kept(ranking, share, scorer.score(top_mask(context, ranking, share)))
        for share in keep
        for ranking in rankings
    ]


def kept_rows(
    tops: Sequence[Kept], random: Sequence[Kept], names: Sequence[str], *, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """The score of the top units of each ranking against random units, and differences of rankings.

    `floor` is the smallest p that the row's test can give.

    Args:
        tops: of attributions and importances.
        random: the null: tops of random rankings.
        names: rankings by importance, which each attribution is compared with at equal size.
        seed: of resamples and exchanges.
    """
    for one in tops:
        found, metric = one.found, one.found.spec.metric
        null = [other.score for other in random if other.share == one.share]
        interval = bootstrap_interval(
            metric, found.predictions, found.labels, units=_units(found), seed=seed
        )
        p = permutation_p(one.score, null)
        tested = answered(
            p, 2 / (len(null) + 1), f"{len(null)} draws; at least {LEAST_RANDOM} are needed"
        )
        yield {
            **_about(one),
            "metric": f"kept_{metric}",
            "value": one.score,
            "ci_low": interval.low,
            "ci_high": interval.high,
            "ci_method": interval.method,
            "baseline": "random-units",
            "baseline_value": float(np.mean(null)),
            "p_value": tested.p_value,
            "floor": tested.floor,
            "flag": tested.flag or None,
        }
    for one in tops:
        others = [other for other in tops if other.share == one.share]
        for other in others:
            if one.ranking.name not in names and other.ranking.name in names:
                yield {
                    **_about(one),
                    "target": other.ranking.name,
                    **_difference(one.found, other.found, seed),
                }


def kept_items(tops: Sequence[Kept]) -> Iterator[pd.DataFrame]:
    """One line for each example and top: the predicted and the gold answer."""
    for one in tops:
        found = one.found
        yield pd.DataFrame(
            {
                "variant": one.ranking.name,
                "item_id": found.ids,
                "sentence_id": found.ids,
                "cluster_id": [name or None for name in found.clusters],
                "relation": one.relation,
                "metric": "kept_answer",
                "prediction": found.predictions,
                "gold": found.labels,
            }
        )


def _about(one: Kept) -> dict[str, Any]:
    units = _units(one.found)
    return {
        "unit": "model",
        "variant": one.ranking.name,
        "relation": one.relation,
        "n": len(one.found.labels),
        "n_clusters": count_of(units),
    }


def _difference(first: Evaluation, second: Evaluation, seed: int) -> dict[str, Any]:
    """The difference between two scores on the same examples, its interval and its test."""
    metric, gold, units = first.spec.metric, first.labels, _units(first)
    both = np.column_stack([first.predictions, second.predictions])
    weights = np.concatenate(list(unit_weights(units, RESAMPLES, seed)))
    scores = weighted_scores(metric, both, gold, weights)
    low, high = expanded_limits(np.asarray(scores[:, 0] - scores[:, 1]), count_of(units))
    tested = swap_test(metric, first.predictions, second.predictions, gold, units, seed=seed)
    same = np.isnan(low)
    return {
        "metric": f"over_importance_{metric}",
        "value": float(first.metrics[metric] - second.metrics[metric]),
        "ci_low": low,
        "ci_high": high,
        "ci_method": "no interval: the two never differ, or some resamples are undefined" if same
        else f"percentile bootstrap over examples of both at once ({RESAMPLES})",
        "p_value": tested.p_value,
        "floor": tested.floor,
        "flag": tested.flag or None,
    }  # fmt: skip


def _units(found: Evaluation) -> Units:
    return units_of([name or None for name in found.clusters])
