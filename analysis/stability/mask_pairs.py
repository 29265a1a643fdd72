"""The overlap of two masks given their sizes: shared units, IoU, containment, and their null.

IoU (Jaccard) is shared / units that either keeps; containment (IoM, intersection over minimum) is
shared / units of the smaller mask. Under the null the other mask places its units at random over
the full model, or in each layer (each module, for single weights) as many as it keeps there. The
number of shared units is then hypergeometric, or a sum of such numbers: this is the exact
permutation test. IoU and containment rise with it, so its quantiles are theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...models.masks.subnetwork import Subnetwork
from ..statistics.corrections import ALPHA
from ..statistics.count_laws import hypergeometric_pmf
from .overlap import adjusted_overlap

Floats = npt.NDArray[np.float64]
Kept = npt.NDArray[np.bool_]
Layers = Sequence[tuple[Kept, Kept]]
"""The two masks of each layer, or of each module for single weights."""

LEVELS = ("heads", "mlps", "neurons", "weights")

_MOST_SUMMED = 200_000
"""Units of a level up to which sums over layers are exact; above, a normal approximation."""

_SDS = 12
"""Standard deviations around the mean outside of which a count is not summed (< 1e-30)."""


def pruned_levels(mask: Subnetwork) -> list[str]:
    """The levels at which a mask prunes anything."""
    counted = mask.counts()
    return [name for name in LEVELS if name in counted and counted[name][0] < counted[name][1]]


def same_units(
    mask: Subnetwork, other: Subnetwork, levels: Collection[str]
) -> Iterator[tuple[str, Layers]]:
    """Unit -> the two masks of each layer, for those of `levels` at which `other` prunes.

    Neurons of pruned MLPs count as pruned; weights of a module that a mask does not list as kept.
    """
    both = set(levels) & set(pruned_levels(other))
    if "heads" in both:
        yield "head", list(zip(mask.head_mask, other.head_mask, strict=True))
    if "mlps" in both:
        # an MLP is one unit of its layer: within layers nothing could be placed elsewhere
        yield "mlp", [(mask.mlp_mask, other.mlp_mask)]
    if "neurons" in both and mask.neuron_mask is not None and other.neuron_mask is not None:
        first = mask.neuron_mask & mask.mlp_mask[:, None]
        second = other.neuron_mask & other.mlp_mask[:, None]
        yield "neuron", list(zip(first, second, strict=True))
    if "weights" in both:
        paths = sorted({*mask.weight_masks, *other.weight_masks})
        yield "weight", [(_kept(mask, other, path), _kept(other, mask, path)) for path in paths]


def _kept(mask: Subnetwork, other: Subnetwork, path: str) -> Kept:
    if path in mask.weight_masks:
        return mask.weight_masks[path].ravel()
    return np.ones(other.weight_masks[path].size, dtype=np.bool_)


def same_unit_overlaps(mask: Subnetwork, other: Subnetwork) -> list[dict[str, Any]]:
    """One record for each level that both masks prune: shared units, IoU, chance, p-values.

    Args:
        mask: one mask.
        other: a mask of the same encoder.
    """
    same = same_units(mask, other, pruned_levels(mask))
    return [{"unit": unit, **overlap_of(layers)} for unit, layers in same]


def overlap_of(layers: Layers) -> dict[str, Any]:
    """Sizes, shared units, IoU and containment of two masks of the same units, and their null.

    `_low` and `_high` hold the central 95% of random masks of the same two sizes. The p-values are
    one-sided: at least so many shared units.
    """
    sizes = np.array([(len(a), a.sum(), b.sum(), (a & b).sum()) for a, b in layers], dtype=np.int64)
    n, kept, other, shared = (int(one) for one in sizes.sum(axis=0))
    by_layer = sizes[:, 1] * sizes[:, 2] / sizes[:, 0]
    several = len(layers) > 1
    counts, chance = shared_law(n, kept, other)
    low, high = _central(counts, chance)
    smaller = min(kept, other)
    return {
        "n_units": n,
        "kept": kept,
        "other_kept": other,
        "shared": shared,
        "shared_expected": kept * other / n,
        "jaccard": _ratio(shared, kept + other - shared),
        "jaccard_expected": _expected(counts, chance, kept + other),
        "jaccard_low": _ratio(low, kept + other - low),
        "jaccard_high": _ratio(high, kept + other - high),
        "containment": _ratio(shared, smaller),
        "containment_expected": _ratio(max(kept, other), n) if smaller else float("nan"),
        "containment_low": _ratio(low, smaller),
        "containment_high": _ratio(high, smaller),
        "adjusted": float(adjusted_overlap(shared, kept, other, n)),
        "p_value": overlap_p(sizes.sum(axis=0)[None]),
        "shared_expected_by_layer": float(by_layer.sum()) if several else float("nan"),
        "p_value_by_layer": overlap_p(sizes) if several else float("nan"),
    }


def shared_law(n: int, first: int, second: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Numbers of units that random masks of these sizes can share, and their chances.

    Of large levels only numbers within 12 standard deviations of the mean: the others have a chance
    below 1e-30 together.
    """
    mean = first * second / n
    spread = _SDS * np.sqrt(mean * (1 - first / n) * (n - second) / max(1, n - 1)) + 1
    least = max(0, first + second - n)
    start, end = max(least, int(mean - spread)), min(first, second, int(mean + spread) + 1)
    if n <= _MOST_SUMMED:
        start, end = least, min(first, second)
    counts = np.arange(start, end + 1)
    return counts, hypergeometric_pmf(counts, n, first, second)


def overlap_p(sizes: npt.NDArray[np.int64]) -> float:
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


def _central(counts: npt.NDArray[np.int64], chance: Floats) -> tuple[int, int]:
    """The 2.5% and 97.5% quantiles: the smallest counts that are at least as likely to reach."""
    reached = np.cumsum(chance)
    last = len(counts) - 1
    low, high = (min(last, int(np.searchsorted(reached, q - 1e-12))) for q in (0.025, 0.975))
    return int(counts[low]), int(counts[high])


def _ratio(shared: float, of: float) -> float:
    return shared / of if of else float("nan")


def _expected(shared: npt.NDArray[np.int64], chance: Floats, sizes: int) -> float:
    """Mean IoU over numbers of shared units of two masks with so many units together."""
    if not sizes:
        return float("nan")
    return float((shared / (sizes - shared) * chance).sum() / chance.sum())
