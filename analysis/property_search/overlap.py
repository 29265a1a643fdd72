"""The overlap of two masks given their sizes: Jaccard and adjusted overlap, with p-values.

Under the null the other mask places its units at random over the full model, or in each layer (each
module, for single weights) as many as it keeps there. Of two masks of the same units the number
shared is then hypergeometric, or a sum of such numbers: this is the exact permutation test. Of a
mask of finer units the share that it keeps of each head and MLP is compared between those that the
other keeps and those that it prunes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.errors import MaskError
from ...models.masks.subnetwork import Subnetwork
from ..stability.agreement import jaccard_expected
from ..stability.overlap import adjusted_overlap
from ..statistics.corrections import ALPHA
from ..statistics.uncertainty import permutation_p
from .shares import Floats, head_shares, mlp_shares, share_difference

OVERLAP_COLUMNS = (
    "mask", "other", "task", "unit", "n_units", "kept", "other_kept", "shared", "shared_expected",
    "jaccard", "jaccard_expected", "adjusted", "share_in_kept", "share_in_pruned", "p_value",
    "shared_expected_by_layer", "p_value_by_layer",
)  # fmt: skip
"""Columns of the overlap table, in file order."""

_REACHES = {
    "heads": ("heads",),
    "mlps": ("mlps",),
    "neurons": ("mlps", "neurons"),
    "weights": ("heads", "mlps", "weights"),
}
"""Level that a mask decides on -> levels of another mask that it can be compared with."""

_MOST_SUMMED = 200_000
"""Units of a level up to which sums are exact; above, their limits for large numbers are taken."""

Layers = Sequence[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]


def check_comparable(model: Any, levels: Collection[str], other: Subnetwork, where: str) -> None:
    """Raise, before training, unless a mask of some levels can be compared with another.

    Raises:
        MaskError: if no level of one mask can be compared with a level that the other prunes.
    """
    pruned = _pruned(other)
    if not {level for one in levels for level in _REACHES[one]} & set(pruned):
        raise MaskError(
            f"prunes {' and '.join(pruned) or 'nothing'}, which gates on "
            f"{' and '.join(levels)} say nothing about",
            where=where,
            remedy="choose other `units`",
        )
    for path, mask in other.weight_masks.items() if "weights" in levels else ():
        try:
            shape = tuple(model.base_model.get_submodule(path).weight.shape)
        except AttributeError:
            shape = ()
        if shape != mask.shape:
            raise MaskError(f"masks {path}, which does not match the model", where=where)


def overlap_rows(
    model: Any,
    name: str,
    mask: Subnetwork,
    levels: Collection[str],
    other_name: str,
    other: Subnetwork,
) -> list[dict[str, Any]]:
    """One record for each level that both masks cover.

    Args:
        model: the encoder that both are of.
        name: name of the learnt mask.
        mask: the learnt mask.
        levels: the levels that it prunes.
        other_name: name of the other mask.
        other: a mask of the same encoder.
    """
    about = {"mask": name, "other": other_name, "task": other.task}
    found = [
        {**about, "unit": unit, **_overlap(layers)} for unit, layers in _same(mask, other, levels)
    ]
    found += [
        {**about, "unit": unit, **_graded(shares, kept)}
        for unit, shares, kept in _finer(model, mask, other, levels)
    ]
    return found


def same_unit_overlaps(mask: Subnetwork, other: Subnetwork) -> list[dict[str, Any]]:
    """One record for each level that both masks prune: shared units, Jaccard, chance, p-values.

    Args:
        mask: one mask.
        other: a mask of the same encoder.
    """
    same = _same(mask, other, _pruned(mask))
    return [{"unit": unit, **_overlap(layers)} for unit, layers in same]


def overlap_frame(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The table of several pairs."""
    return pd.DataFrame(list(records), columns=list(OVERLAP_COLUMNS))


def _same(
    mask: Subnetwork, other: Subnetwork, levels: Collection[str]
) -> Iterator[tuple[str, Layers]]:
    """Level -> the two masks of each layer, where both decide on it."""
    both = set(levels) & set(_pruned(other))
    if "heads" in both:
        yield "head", list(zip(mask.head_mask, other.head_mask, strict=True))
    if "mlps" in both:
        # an MLP is one unit of its layer: within layers nothing could be placed elsewhere
        yield "mlp", [(mask.mlp_mask, other.mlp_mask)]
    if "neurons" in both and mask.neuron_mask is not None and other.neuron_mask is not None:
        living = other.neuron_mask & other.mlp_mask[:, None]
        yield "neuron", list(zip(mask.neuron_mask, living, strict=True))
    if "weights" in both:
        yield (
            "weight",
            [
                (mask.weight_masks[path].ravel(), one.ravel())
                for path, one in other.weight_masks.items()
            ],
        )


def _finer(
    model: Any, mask: Subnetwork, other: Subnetwork, levels: Collection[str]
) -> Iterator[tuple[str, Floats, npt.NDArray[np.bool_]]]:
    """Heads and MLPs of which the learnt mask keeps a share, and whether the other keeps them."""
    pruned = _pruned(other)
    if "weights" in levels and "heads" in pruned:
        yield "head", head_shares(model, mask), other.head_mask
    if {"weights", "neurons"} & set(levels) and "mlps" in pruned:
        yield "mlp", mlp_shares(model, mask)[None], other.mlp_mask[None]


def _graded(shares: Floats, kept: npt.NDArray[np.bool_]) -> dict[str, Any]:
    found: dict[str, Any] = {"n_units": kept.size, "other_kept": int(kept.sum())}
    if not kept.any():
        return found | {"share_in_pruned": float(shares.mean())}
    found |= {
        "share_in_kept": float(shares[kept].mean()),
        "share_in_pruned": float(shares[~kept].mean()),
    }
    for column, within in (("p_value", False), ("p_value_by_layer", True)):
        if len(kept) > 1 or not within:
            observed, null = share_difference(shares, kept, within=within)
            found[column] = permutation_p(observed, null, alternative="greater")
    return found


def _overlap(layers: Layers) -> dict[str, Any]:
    sizes = np.array([(len(a), a.sum(), b.sum(), (a & b).sum()) for a, b in layers], dtype=np.int64)
    n, kept, other, shared = (int(one) for one in sizes.sum(axis=0))
    by_layer = sizes[:, 1] * sizes[:, 2] / sizes[:, 0]
    several = len(layers) > 1
    return {
        "n_units": n,
        "kept": kept,
        "other_kept": other,
        "shared": shared,
        "shared_expected": kept * other / n,
        "jaccard": shared / (kept + other - shared) if kept or other else float("nan"),
        "jaccard_expected": _expected_jaccard(n, kept, other),
        "adjusted": float(adjusted_overlap(shared, kept, other, n)),
        "p_value": _p_value(sizes.sum(axis=0)[None]),
        "shared_expected_by_layer": float(by_layer.sum()) if several else float("nan"),
        "p_value_by_layer": _p_value(sizes) if several else float("nan"),
    }


def _expected_jaccard(n: int, kept: int, other: int) -> float:
    """Mean Jaccard of random masks of these sizes; above `_MOST_SUMMED` units to order 1/n."""
    if not (kept or other):
        return float("nan")
    if n > _MOST_SUMMED:
        return kept * other / n / (kept + other - kept * other / n)
    return jaccard_expected(np.arange(n) < np.array([[kept], [other]]))


def _p_value(sizes: npt.NDArray[np.int64]) -> float:
    """Probability of sharing at least as many units, summed over layers [P, 4] of (n, kept, other,
    shared).

    NaN where the largest overlap that these sizes allow is likelier than .05.
    """
    # scipy.stats takes most of a second to import
    from scipy.stats import hypergeom, norm

    n, first, second, shared = sizes.T
    largest = np.minimum(first, second)
    if hypergeom.pmf(largest, n, first, second).prod() > ALPHA:
        return float("nan")
    if len(sizes) == 1:
        return float(hypergeom.sf(shared[0] - 1, n[0], first[0], second[0]))
    if n.sum() > _MOST_SUMMED:
        mean, variance = (one.sum() for one in hypergeom.stats(n, first, second, moments="mv"))
        return float(norm.sf((shared.sum() - 0.5 - mean) / np.sqrt(variance)))
    pmf = np.ones(1)
    for size, one, other in zip(n, first, second, strict=True):
        pmf = np.convolve(pmf, hypergeom.pmf(np.arange(min(one, other) + 1), size, one, other))
    return float(min(1.0, pmf[shared.sum() :].sum()))


def _pruned(mask: Subnetwork) -> list[str]:
    """The levels at which a mask prunes anything."""
    counted = mask.counts()
    names = [name for name in ("heads", "mlps", "neurons", "weights") if name in counted]
    return [name for name in names if counted[name][0] < counted[name][1]]
