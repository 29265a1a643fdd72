"""The structured search of Prasanna et al. (2020): prune heads and MLPs while the rule is met."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import ConfigError, UnknownNameError
from ..importance.scoring import layer_norms
from .plan import Phase, Rule, Size, check_threshold, schedule, settings

SCORES = ("default", "study")

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scored:
    """The scores of a candidate from one pass over the selection examples.

    Attributes:
        metric: the metric of the search.
        head_importance: [L, H].
        mlp_importance: [L].
        neuron_importance: [L, F]; None if neurons are not searched.
        normalised: whether heads compete across layers by their share of the layer's norm.
    """

    metric: float
    head_importance: npt.NDArray[np.float64]
    mlp_importance: npt.NDArray[np.float64]
    neuron_importance: npt.NDArray[np.float64] | None = None
    normalised: bool = True


@dataclass(frozen=True)
class SearchResult:
    """The last accepted mask, and a record of the search.

    Attributes:
        head_mask: kept heads [L, H].
        mlp_mask: kept MLPs [L].
        neuron_mask: kept neurons [L, F]; None if they were not searched.
        whole: scores of the units in the full model, which the first step ranks by.
        trace: one record per scored candidate: step, phase (`full`, `joint`, `heads`, `mlps`,
            `neurons`), numbers of kept units, metric (None if undefined), accepted. The first
            record, for the full model, also contains rule, threshold, scores, baseline and target.
        full: metric of the full model.
        baseline: metric of the majority baseline.
        target: minimum metric of an accepted candidate.
        degenerate: empty if the mask supports a claim; otherwise the reason why not: `no-gain` (the
            full model is no better than the majority baseline) or `empty` (all units could be
            removed).
    """

    head_mask: Mask
    mlp_mask: Mask
    neuron_mask: Mask | None
    whole: Scored
    trace: tuple[dict[str, Any], ...]
    full: float
    baseline: float
    target: float
    degenerate: str


@dataclass(frozen=True)
class _Candidate:
    """The masks of one candidate; with neurons only if they are searched."""

    heads: Mask
    mlps: Mask
    neurons: Mask | None = None

    def without(
        self, phase: Phase, scored: Scored, scores: str, floor: Size, min_heads: int
    ) -> _Candidate:
        """Remove the least important kept units, at most as many as the phase states."""
        # the study's norm runs over pruned heads too; they cannot be chosen under either
        counted = None if scores == "study" else self.heads
        head_scores = scored.head_importance
        if scored.normalised:
            head_scores = layer_norms(head_scores, counted)
        neurons = self.neurons
        if neurons is not None and scored.neuron_importance is not None:
            count = min(phase.neurons, int(neurons.sum()) - floor.neurons)
            ranked = scored.neuron_importance
            if scored.normalised and scores != "study":
                ranked = layer_norms(ranked, neurons)
            neurons = _without_lowest(neurons, ranked, count)
        return _Candidate(
            _without_lowest(
                self.heads,
                head_scores,
                min(phase.heads, int(self.heads.sum()) - floor.heads),
                min_heads,
            ),
            _without_lowest(
                self.mlps, scored.mlp_importance, min(phase.mlps, int(self.mlps.sum()) - floor.mlps)
            ),
            neurons,
        )

    @property
    def masks(self) -> tuple[Mask, ...]:
        """The masks to score."""
        return (self.heads, self.mlps, *(() if self.neurons is None else (self.neurons,)))

    @property
    def key(self) -> bytes:
        """What tells it from other candidates of the same search."""
        return b"".join(mask.tobytes() for mask in self.masks)


def _without_lowest(
    mask: Mask, scores: npt.NDArray[np.float64], count: int, per_layer: int = 0
) -> Mask:
    """Prune the `count` kept units with the lowest score; of equal ones the first.

    At least `per_layer` units are kept in every layer that has as many.
    """
    alive = np.flatnonzero(mask)
    ranked = alive[np.argsort(scores.ravel()[alive], kind="stable")]
    if per_layer:
        # a layer's most important units are spared: its last ones in the ranking
        layer = ranked // mask.shape[1]
        spared = np.zeros(len(ranked), dtype=np.bool_)
        for number in np.unique(layer):
            spared[np.flatnonzero(layer == number)[-per_layer:]] = True
        ranked = ranked[~spared]
    left = mask.copy()
    left.ravel()[ranked[: max(0, count)]] = False
    left.flags.writeable = False
    return left


def structured_search(
    score: Callable[..., Scored],
    *,
    rule: Rule | Size,
    num_layers: int,
    num_heads: int,
    num_neurons: int = 0,
    method: str = "structured",
    min_heads: int = 0,
    baseline: float = 0.0,
    scores: str = "default",
    strict: bool = True,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> SearchResult:
    """Remove the least important units step by step while the metric meets the rule.

    The first phase removes 10% of all heads and one MLP per step, the second only heads at half the
    step, the third only MLPs. A phase ends at its first candidate below the target, and the next
    one continues from the last accepted mask. Each candidate is scored once; the scores of an
    accepted one rank the units for the next step.

    Args:
        score: scores one candidate, given its masks [L, H] and [L], and neurons [L, F] if they are
            searched.
        rule: the condition on the metric, or the size to reach regardless of the metric.
        num_layers: number of layers L.
        num_heads: number of heads per layer H.
        num_neurons: number of neurons per layer F; used only by `structured-neurons`.
        method: the units to search (see `schedule`).
        min_heads: minimum number of kept heads per layer, regardless of the size.
        baseline: metric of the majority baseline.
        scores: `default` ranks by the last accepted candidate and excludes pruned heads from the
            norm of a layer. `study` includes them and, after a rejection, ranks by the rejected
            candidate, as in the code of Prasanna et al. (2020).
        strict: raise if the full model misses an absolute threshold; otherwise keep the full model.
        progress: called with each record of the trace.

    Raises:
        UnknownNameError: if `scores` or the method is unknown.
        ConfigError: if the full model itself misses an absolute threshold, or the size exceeds that
            of the model.
    """
    if scores not in SCORES:
        raise UnknownNameError("way of scoring", scores, SCORES)
    phases = schedule(num_layers, num_heads, method, num_neurons)
    current = _Candidate(
        np.ones((num_layers, num_heads), dtype=np.bool_),
        np.ones(num_layers, dtype=np.bool_),
        np.ones((num_layers, num_neurons), dtype=np.bool_)
        if method == "structured-neurons"
        else None,
    )
    floor = rule if isinstance(rule, Size) else Size(0, 0)
    _check_size(floor, current)
    whole = ranking = score(*current.masks)
    full = whole.metric
    target = rule.target(full, baseline) if isinstance(rule, Rule) else -math.inf
    if strict:
        check_threshold(rule, full, target)
    trace = [
        _record(0, "full", current, full, True)
        | settings(rule, target)
        | {"scores": scores, "baseline": baseline}
    ]
    if progress is not None:
        progress(trace[0])

    no_gain = not full > baseline
    # `gain` asks for a share of the gain: without one it has no target to hold
    lost = isinstance(rule, Rule) and (not full >= target or (no_gain and rule.name == "gain"))
    visited = {current.key}
    for phase in phases if not lost else ():
        while True:
            candidate = current.without(phase, ranking, scores, floor, min_heads)
            # nothing left to remove, or rejected before, by a phase that ran out of the other kind
            if candidate.key in visited:
                break
            visited.add(candidate.key)
            scored = score(*candidate.masks)
            # a size is reached whatever the metric, NaN too
            accepted = isinstance(rule, Size) or scored.metric >= target
            trace.append(_record(len(trace), phase.name, candidate, scored.metric, accepted))
            if progress is not None:
                progress(trace[-1])
            if accepted or scores == "study":
                ranking = scored
            if not accepted:
                break
            current = candidate

    empty = not any(np.any(mask) for mask in _searched(current, phases))
    return SearchResult(
        head_mask=current.heads,
        mlp_mask=current.mlps,
        neuron_mask=current.neurons,
        whole=whole,
        trace=tuple(trace),
        full=full,
        baseline=baseline,
        target=target,
        degenerate="no-gain" if no_gain else "empty" if empty else "",
    )


def _searched(candidate: _Candidate, phases: tuple[Phase, ...]) -> list[Mask]:
    """The masks that some phase takes units from."""
    masks = [candidate.heads, candidate.mlps, candidate.neurons]
    steps = [[phase[1 + kind] for phase in phases] for kind in range(3)]
    return [
        mask for mask, taken in zip(masks, steps, strict=True) if mask is not None and any(taken)
    ]


def _check_size(size: Size, full: _Candidate) -> None:
    """Raise if the target size exceeds the size of the model."""
    there = Size(full.heads.size, full.mlps.size, 0 if full.neurons is None else full.neurons.size)
    if size.heads > there.heads or size.mlps > there.mlps or size.neurons > there.neurons:
        raise ConfigError(f"the size {size} exceeds that of the model, {there}")


def _record(
    step: int, phase: str, candidate: _Candidate, metric: float, accepted: bool
) -> dict[str, Any]:
    return {
        "step": step,
        "phase": phase,
        "heads": int(candidate.heads.sum()),
        "mlps": int(candidate.mlps.sum()),
        **({} if candidate.neurons is None else {"neurons": int(candidate.neurons.sum())}),
        "metric": _finite(metric),
        "accepted": bool(accepted),
    }


def _finite(metric: float) -> float | None:
    """Replace NaN, the correlation of constant predictions, which JSON cannot represent."""
    return float(metric) if math.isfinite(metric) else None
