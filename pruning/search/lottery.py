"""The lottery-ticket protocol: repeatedly train, prune, and rewind to the initial weights.

Frankle & Carbin (2019) and, for BERT, Chen et al. (2020): each round trains the surviving weights
from the pretrained ones (or from those after a few steps: Frankle et al. 2019, "rewinding"), then
removes the smallest of them over all layers, a fixed share of the original weights per round. Chen
et al. prune the pooler as well; here it is kept, as in every other search.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...models.masks.subnetwork import Subnetwork
from .magnitude import magnitudes, masks_of
from .plan import Rule, check_threshold, settings


def next_round(model: Any, mask: Subnetwork, share: float) -> Subnetwork:
    """The mask of the next round, without the smallest kept weights, `share` of the original ones.

    Args:
        model: a model that was trained under `mask`; its pruned weights are zero.
        mask: weight masks; empty for the full model.
        share: share of all prunable weights to remove; in the last round fewer may be left.
    """
    values = magnitudes(model)
    alive = np.ones(len(values), dtype=np.bool_)
    if mask.weight_masks:
        alive = np.concatenate([one.ravel() for one in mask.weight_masks.values()])
    ranked = np.flatnonzero(alive)
    # stable sort: of equal weights the first are removed, in every round
    ranked = ranked[np.argsort(values[ranked], kind="stable")]
    alive[ranked[: round(share * len(values))]] = False
    return mask.with_meta(weight_masks=masks_of(model, alive))


@dataclass(frozen=True)
class LotteryResult:
    """The last mask that met the rule after training, and a record of the search.

    Attributes:
        ticket: the mask; it keeps all weights if the first round already missed the target.
        trace: one record per round: step, phase (`full`, `round`), number of kept weights, metric
            after training, accepted; the first record also contains rule, threshold, baseline and
            target.
    """

    ticket: Subnetwork
    trace: tuple[dict[str, Any], ...]


def lottery(
    train: Callable[[Subnetwork], tuple[float, Subnetwork]],
    whole: Subnetwork,
    *,
    rounds: int,
    rule: Rule,
    baseline: float = 0.0,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> LotteryResult:
    """Prune, train and rewind round by round while the trained subnetwork meets the rule.

    Args:
        train: trains the initial weights under a mask; returns the metric after training and the
            mask of the next round (`next_round`).
        whole: the mask that keeps all weights.
        rounds: maximum number of prunings.
        rule: the condition on the metric after training.
        baseline: metric of the majority baseline.
        progress: called with each record of the trace.

    Raises:
        ConfigError: if the full model itself misses an absolute threshold.
    """
    ticket, trace = whole, []
    full, following = train(whole)
    target = rule.target(full, baseline)
    check_threshold(rule, full, target)
    start = {"metric": _finite(full), "accepted": True, "baseline": baseline}
    trace.append({"step": 0, "phase": "full", **start, **settings(rule, target)})
    if progress is not None:
        progress(trace[0])
    searching = full >= target and (full > baseline or rule.name != "gain")
    for step in range(1, rounds + 1 if searching else 0):
        candidate = following
        alive, _ = candidate.counts()["weights"]
        if not alive:
            break
        metric, following = train(candidate)
        accepted = bool(metric >= target)
        trace.append(
            {
                "step": step,
                "phase": "round",
                "weights": alive,
                "metric": _finite(metric),
                "accepted": accepted,
            }
        )
        if progress is not None:
            progress(trace[-1])
        if not accepted:
            break
        ticket = candidate
    return LotteryResult(ticket, tuple(trace))


def _finite(metric: float) -> float | None:
    return float(metric) if math.isfinite(metric) else None
