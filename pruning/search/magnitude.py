"""Magnitude pruning: single weights of the encoder, the smallest first, over all layers at once.

The m-pruning of Prasanna et al. (2020): global L1 unstructured pruning of a fine-tuned model by 10%
of the remaining weights per step, while the metric meets the rule. Weights of query, key, value and
output projections and of both dense layers of the MLPs are pruned; embeddings, LayerNorms, biases,
pooler and task head are not. (The code of the paper also pruned most biases, .1% of the weights.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...models.encoder.anatomy import anatomy_of
from ...models.masks.subnetwork import Subnetwork
from .plan import Rule, Size, check_threshold, settings

STEP_SHARE = 0.1
"""Share of the remaining weights that each step removes."""

MOST_STEPS = 60
"""Where a search ends whose metric never falls: under .2% of the weights are left by then. (The
study's code ends after 10 steps, with 38.7% left in the deepest mask that it can save.)"""

Masks = dict[str, npt.NDArray[np.bool_]]


def prunable_weights(model: Any) -> dict[str, torch.Tensor]:
    """Path of a module in the base model -> its weight, for every weight that may be pruned."""
    anatomy = anatomy_of(model)
    paths = {id(module): path for path, module in model.base_model.named_modules()}
    found: dict[str, torch.Tensor] = {}
    for layer in range(anatomy.num_layers):
        for find in (
            anatomy.query,
            anatomy.key,
            anatomy.value_projection,
            anatomy.attention_projection,
            anatomy.mlp_up,
            anatomy.mlp_output,
        ):
            module = find(model, layer)
            found[paths[id(module)]] = module.weight.detach()
    return dict(sorted(found.items()))


def magnitudes(model: Any) -> npt.NDArray[np.float32]:
    """|w| of all prunable weights, in the order of their paths, as one vector."""
    weights = prunable_weights(model).values()
    return np.concatenate([w.abs().float().cpu().numpy().ravel() for w in weights])


def masks_of(model: Any, kept: npt.NDArray[np.bool_]) -> Masks:
    """Split a vector over all prunable weights into one mask per module."""
    masks, start = {}, 0
    for path, weight in prunable_weights(model).items():
        masks[path] = kept[start : start + weight.numel()].reshape(tuple(weight.shape))
        start += weight.numel()
    return masks


def _largest(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.bool_]:
    """Select the `count` largest values; of equal ones the last are removed first."""
    kept = np.zeros(len(values), dtype=np.bool_)
    if count <= 0:
        return kept
    if count >= len(values):
        return ~kept
    least = np.partition(values, len(values) - count)[len(values) - count]
    kept = np.asarray(values > least)
    ties = np.flatnonzero(values == least)
    kept[ties[: count - int(kept.sum())]] = True
    return kept


def largest(model: Any, count: int) -> Masks:
    """The masks that keep the `count` weights with the largest magnitude in the encoder."""
    return masks_of(model, _largest(magnitudes(model), count))


def smallest_of(model: Any, good: Subnetwork) -> Subnetwork:
    """The bad subnetwork by magnitude: the smallest weights, as many as in `good`.

    Args:
        model: the model on which `good` was found.
        good: a mask by magnitude.

    Returns:
        A mask whose `borrowed_weights` is the share of its weights that the good mask keeps too.
    """
    kept, _ = good.counts()["weights"]
    masks = masks_of(model, _largest(-magnitudes(model), kept))
    shared = sum(int((mask & good.weight_masks[path]).sum()) for path, mask in masks.items())
    return good.with_meta(
        weight_masks=masks,
        borrowed_weights=shared / kept if kept else 0.0,
        kind="bad",
        seed_draw=0,
        draw=0,
        history=(),
    )


@dataclass(frozen=True)
class MagnitudeResult:
    """The last accepted masks, and a record of the search.

    Attributes:
        weight_masks: path -> kept weights, bool in the shape of the weight.
        trace: one record per scored candidate: step, phase (`full`, `weights`), number of kept
            weights, metric (None if undefined), accepted; the first record also contains rule,
            threshold, baseline and target.
        degenerate: as in `SearchResult`: `no-gain`, `empty` (the metric never fell), or an empty
            text.
    """

    weight_masks: Masks
    trace: tuple[dict[str, Any], ...]
    degenerate: str


def magnitude_search(
    model: Any,
    score: Callable[[Mapping[str, npt.NDArray[np.bool_]]], float],
    *,
    rule: Rule,
    keep: float | None = None,
    baseline: float = 0.0,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> MagnitudeResult:
    """Remove a tenth of the remaining weights per step while the metric meets the rule.

    Args:
        model: a fine-tuned model; its weights are only read.
        score: returns the metric under weight masks.
        rule: the condition on the metric.
        keep: share of the weights to keep after a single step, regardless of the metric.
        baseline: metric of the majority baseline.
        progress: called with each record of the trace.

    Raises:
        ConfigError: if the full model itself misses an absolute threshold.
    """
    values = magnitudes(model)
    masks, count = masks_of(model, np.ones(len(values), dtype=np.bool_)), len(values)
    full = score(masks)
    target = -math.inf if keep else rule.target(full, baseline)
    if not keep:
        check_threshold(rule, full, target)
    trace = [_record(0, "full", count, full, True)]
    trace[0] |= settings(Size(0, 0) if keep else rule, target)
    trace[0]["baseline"] = baseline
    if progress is not None:
        progress(trace[0])
    no_gain = not full > baseline
    if keep:
        masks = masks_of(model, _largest(values, round(keep * count)))
        trace.append(_record(1, "weights", round(keep * count), score(masks), True))
        if progress is not None:
            progress(trace[-1])
        return MagnitudeResult(masks, tuple(trace), "no-gain" if no_gain else "")
    searching = full >= target and not (no_gain and rule.name == "gain")
    fell = not searching
    while searching and count and len(trace) <= MOST_STEPS:
        left = count - max(1, round(STEP_SHARE * count))
        candidate = masks_of(model, _largest(values, left))
        metric = score(candidate)
        accepted = metric >= target
        trace.append(_record(len(trace), "weights", left, metric, accepted))
        if progress is not None:
            progress(trace[-1])
        if not accepted:
            fell = True
            break
        masks, count = candidate, left
    return MagnitudeResult(masks, tuple(trace), "no-gain" if no_gain else "" if fell else "empty")


def _record(step: int, phase: str, weights: int, metric: float, accepted: bool) -> dict[str, Any]:
    return {
        "step": step,
        "phase": phase,
        "weights": weights,
        "metric": float(metric) if math.isfinite(metric) else None,
        "accepted": bool(accepted),
    }
