"""Survivors compared with random sets of heads of the same size.

The best of many heads outscores the best of few, so a best-of-heads score alone does not show which
heads a search kept. Each test draws head subsets of the survivors' size from the same cached
per-head scores, also with the survivors' number of heads in every layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .uncertainty import permutation_p

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SubsetScore:
    """One observed score within its null.

    Attributes:
        observed: score of the best survivor, as a share of arcs or whatever the scores count.
        null_mean: mean over the random subsets.
        null_low: their 2.5% quantile.
        null_high: their 97.5% quantile.
        p_value: two-sided add-one p.
    """

    observed: float
    null_mean: float
    null_low: float
    null_high: float
    p_value: float


@dataclass(frozen=True)
class SubsetTest:
    """Survivors against random subsets.

    Attributes:
        overall: best-of-heads score averaged over the relations.
        relations: the same for each of the R relations.
        n_kept: heads in every subset.
        n_subsets: how many subsets were drawn.
        per_layer: whether each subset has the survivors' number of heads in every layer.
    """

    overall: SubsetScore
    relations: tuple[SubsetScore, ...]
    n_kept: int
    n_subsets: int
    per_layer: bool


def best_direction(choosing: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Reduce scores in two directions [R, 2, L, H] to one for each head [R, L, H].

    The direction is chosen on `choosing` and read off in both; ties go to the first.
    """
    chosen_on = np.asarray(choosing, dtype=np.float64)
    pick = np.nan_to_num(chosen_on, nan=-np.inf).argmax(axis=1)[:, None]
    return (
        np.take_along_axis(chosen_on, pick, axis=1)[:, 0],
        np.take_along_axis(np.asarray(scores, dtype=np.float64), pick, axis=1)[:, 0],
    )


def random_subsets(
    head_mask: npt.NDArray[np.bool_], n_subsets: int, *, per_layer: bool, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Uniform random head masks [B, L, H] of the size of `head_mask` [L, H].

    Args:
        head_mask: the survivors.
        n_subsets: the number B of masks.
        per_layer: keep the number of heads of every layer, not only their total.
        rng: the source of randomness.
    """
    L, H = head_mask.shape
    keys = rng.random((n_subsets, L, H))
    if per_layer:
        ranks = keys.argsort(axis=2).argsort(axis=2)
        return np.asarray(ranks < head_mask.sum(axis=1)[:, None])
    ranks = keys.reshape(n_subsets, L * H).argsort(axis=1).argsort(axis=1)
    return np.asarray(ranks < head_mask.sum()).reshape(n_subsets, L, H)


def best_of(masks: npt.NDArray[np.bool_], scores: Floats, choosing: Floats | None = None) -> Floats:
    """Score of the best head of each mask for each relation [B, R].

    Args:
        masks: head masks [B, L, H].
        scores: what each head scores [R, L, H].
        choosing: what the best head is chosen by [R, L, H]; None chooses by `scores`.

    Returns:
        NaN where a mask has no head; ties go to the lower layer and head.
    """
    B, R = len(masks), len(scores)
    flat = scores.reshape(R, -1)
    chosen_by = np.nan_to_num(flat if choosing is None else choosing.reshape(R, -1), nan=-np.inf)
    order = np.argsort(-chosen_by, axis=1, kind="stable")  # [R, L*H]
    alive = masks.reshape(B, -1)
    best = np.full((B, R), np.nan)
    some = alive.any(axis=1)
    for r in range(R):
        first = alive[:, order[r]].argmax(axis=1)
        best[some, r] = flat[r, order[r][first[some]]]
    return best


def subset_test(
    per_head_scores: npt.ArrayLike,
    head_mask: npt.ArrayLike,
    n_subsets: int = 1000,
    per_layer: bool = False,
    *,
    rng: np.random.Generator,
    choosing: npt.ArrayLike | None = None,
) -> SubsetTest:
    """Compare the best surviving head with the best of random head subsets of equal size.

    Args:
        per_head_scores: each head's score in the full model [R, L, H]; a relation that has a NaN
            for every head is left out of the average.
        head_mask: survivors, True or 1 = kept [L, H].
        n_subsets: random subsets.
        per_layer: draw subsets with the survivors' number of heads in every layer.
        rng: the source of randomness.
        choosing: scores on other sentences that the best head is chosen by [R, L, H]; None
            chooses on the scores themselves.

    Raises:
        ValueError: if the shapes are incompatible.
    """
    scores = np.asarray(per_head_scores, dtype=np.float64)
    kept = np.asarray(head_mask).astype(bool)
    chosen_by = None if choosing is None else np.asarray(choosing, dtype=np.float64)
    if scores.ndim != 3 or scores.shape[1:] != kept.shape:
        raise ValueError(f"scores have shape {scores.shape}, but the mask has shape {kept.shape}")
    if chosen_by is not None and chosen_by.shape != scores.shape:
        raise ValueError(
            f"chosen_by has shape {chosen_by.shape}, but the scores have shape {scores.shape}"
        )
    masks = random_subsets(kept, n_subsets, per_layer=per_layer, rng=rng)
    observed = best_of(kept[None], scores, chosen_by)[0]
    null = best_of(masks, scores, chosen_by)
    scored = ~np.isnan(scores).all(axis=(1, 2))
    return SubsetTest(
        overall=_place(observed[scored].mean(), null[:, scored].mean(axis=1))
        if scored.any()
        else _place(float("nan"), np.full(n_subsets, np.nan)),
        relations=tuple(_place(observed[r], null[:, r]) for r in range(len(scores))),
        n_kept=int(kept.sum()),
        n_subsets=n_subsets,
        per_layer=per_layer,
    )


def _place(observed: float, null: Floats) -> SubsetScore:
    if np.isnan(observed):
        return SubsetScore(*[float("nan")] * 5)
    low, high = np.quantile(null, [0.025, 0.975])
    return SubsetScore(
        float(observed), float(null.mean()), float(low), float(high), permutation_p(observed, null)
    )
