"""The structured search of Prasanna et al. (2020): prune heads and MLPs while the metric holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.errors import ConfigError, UnknownNameError
from .importance import layer_norms

HEAD_SHARE = 0.1
"""Share of all heads that one joint step removes."""

RULES = ("gain", "study")
SCORES = ("default", "study")

HeadMask = npt.NDArray[np.bool_]
MlpMask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scored:
    """What one pass over the selection examples says about a candidate.

    Attributes:
        metric: the metric that the search holds.
        head_importance: [L, H].
        mlp_importance: [L].
    """

    metric: float
    head_importance: npt.NDArray[np.float64]
    mlp_importance: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """What the metric must hold.

    `study`: a share of the full model's metric. `gain`: a share of what the full model gains over
    the majority baseline; the two are equal where the baseline is 0.

    Raises:
        UnknownNameError: if there is no such rule.
        ConfigError: if the share is not in (0, 1].
    """

    name: str = "gain"
    threshold: float = 0.9

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise UnknownNameError("rule", self.name, RULES)
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold {self.threshold} is not in (0, 1]")

    def target(self, full: float, baseline: float) -> float:
        """Least metric that a candidate may have."""
        floor = baseline if self.name == "gain" else 0.0
        # in this form a threshold of 1 gives `full` itself, and a floor of 0 the study's product
        return self.threshold * full + (1 - self.threshold) * floor


@dataclass(frozen=True)
class SearchResult:
    """The last accepted mask and the way there.

    Attributes:
        head_mask: living heads [L, H].
        mlp_mask: living MLPs [L].
        trace: one record for each scored candidate: step, phase (`full`, `joint`, `heads`,
            `mlps`), heads and mlps alive, metric (None if undefined), accepted. The first, for
            the full model, also says rule, threshold, scores, baseline and target.
        full: metric of the full model.
        baseline: metric of the majority baseline.
        target: least metric that was accepted.
        degenerate: empty if the mask carries a claim, else why not: `no-gain` (the full model is
            no better than the baseline) or `empty` (every unit could go).
    """

    head_mask: HeadMask
    mlp_mask: MlpMask
    trace: tuple[dict[str, Any], ...]
    full: float
    baseline: float
    target: float
    degenerate: str


@dataclass(frozen=True)
class _Candidate:
    """A pair of masks."""

    heads: HeadMask
    mlps: MlpMask

    def without(self, n_heads: int, n_mlps: int, scored: Scored, scores: str) -> _Candidate:
        """Remove the least important living units, as many as there are at most."""
        # the study's norm runs over dead heads too; they cannot be chosen under either
        counted = None if scores == "study" else self.heads
        head_scores = layer_norms(scored.head_importance, counted)
        return _Candidate(
            _without_lowest(self.heads, head_scores, n_heads),
            _without_lowest(self.mlps, scored.mlp_importance, n_mlps),
        )

    @property
    def key(self) -> bytes:
        """What tells it from other candidates of the same search."""
        return self.heads.tobytes() + self.mlps.tobytes()


def _without_lowest(
    mask: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.bool_]:
    """Kill the `count` living units of lowest score; of equal ones the first."""
    alive = np.flatnonzero(mask)
    order = np.argsort(scores.ravel()[alive], kind="stable")
    left = mask.copy()
    left.ravel()[alive[order[:count]]] = False
    left.flags.writeable = False
    return left


def schedule(num_layers: int, num_heads: int) -> tuple[tuple[str, int, int], ...]:
    """(phase, heads a step, MLPs a step): 12x12 gives 14+1, then 7, then 1."""
    step = max(1, int(HEAD_SHARE * num_layers * num_heads))
    return (("joint", step, 1), ("heads", max(1, step // 2), 0), ("mlps", 0, 1))


def structured_search(
    score: Callable[[HeadMask, MlpMask], Scored],
    *,
    rule: Rule,
    num_layers: int,
    num_heads: int,
    baseline: float = 0.0,
    scores: str = "default",
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> SearchResult:
    """Remove the least important units step by step while the metric meets the rule.

    First 10% of all heads and one MLP a step, then heads alone at half the step, then MLPs alone.
    A phase ends at its first candidate below the target, and the next one goes on from the last
    accepted mask. Each candidate is scored once: an accepted one's scores rank the next step.

    Args:
        score: scores one candidate, given its masks [L, H] and [L].
        rule: what the metric must hold.
        num_layers: L.
        num_heads: H.
        baseline: metric of the majority baseline.
        scores: `default` ranks by the last accepted candidate, and dead heads have no part in a
            layer's norm. `study` lets them in, and ranks after a rejection by the rejected
            candidate, as the study's code does.
        progress: called with each record of the trace.

    Raises:
        UnknownNameError: if `scores` is neither of the two.
    """
    if scores not in SCORES:
        raise UnknownNameError("way of scoring", scores, SCORES)
    current = _Candidate(
        np.ones((num_layers, num_heads), dtype=np.bool_), np.ones(num_layers, dtype=np.bool_)
    )
    ranking = score(current.heads, current.mlps)
    full = ranking.metric
    target = rule.target(full, baseline)
    settings = {
        "rule": rule.name,
        "threshold": rule.threshold,
        "scores": scores,
        "baseline": baseline,
        "target": _finite(target),
    }
    trace = [_record(0, "full", current, full, True) | settings]
    if progress is not None:
        progress(trace[0])

    no_gain = not full > baseline
    # `gain` asks for a share of the gain: without one it has no target to hold
    searching = full >= target and not (no_gain and rule.name == "gain")
    visited = {current.key}
    for phase, n_heads, n_mlps in schedule(num_layers, num_heads) if searching else ():
        while True:
            candidate = current.without(n_heads, n_mlps, ranking, scores)
            # nothing left to remove, or rejected before, by a phase that ran out of the other kind
            if candidate.key in visited:
                break
            visited.add(candidate.key)
            scored = score(candidate.heads, candidate.mlps)
            accepted = scored.metric >= target
            trace.append(_record(len(trace), phase, candidate, scored.metric, accepted))
            if progress is not None:
                progress(trace[-1])
            if accepted or scores == "study":
                ranking = scored
            if not accepted:
                break
            current = candidate

    empty = not (current.heads.any() or current.mlps.any())
    return SearchResult(
        head_mask=current.heads,
        mlp_mask=current.mlps,
        trace=tuple(trace),
        full=full,
        baseline=baseline,
        target=target,
        degenerate="no-gain" if no_gain else "empty" if empty else "",
    )


def _record(
    step: int, phase: str, candidate: _Candidate, metric: float, accepted: bool
) -> dict[str, Any]:
    return {
        "step": step,
        "phase": phase,
        "heads": int(candidate.heads.sum()),
        "mlps": int(candidate.mlps.sum()),
        "metric": _finite(metric),
        "accepted": bool(accepted),
    }


def _finite(metric: float) -> float | None:
    """A correlation of constant predictions is NaN, which no JSON file may hold."""
    return float(metric) if math.isfinite(metric) else None
