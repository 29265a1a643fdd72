"""The exchange test of what two models' probes found, sentence by sentence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .clusters import Units, count_of, over_units
from .paired_tests import DRAWS, LEAST_DIFFERING, Tested, called, few_differ
from .uncertainty import permutation_p
from .weighted import Floats, seed_of


def swap_ratios(
    first: Floats, second: Floats, ids: list[str], units: Units | None = None, *,
    draws: int = DRAWS,
) -> list[Tested]:  # fmt: skip
    """Two-sided exchange of sentences for differences of ratios of sums, C of them at once.

    With several draws the statistic is the mean of their differences, and a sentence changes places
    in all of them together.

    Args:
        first: numerators and denominators of the first model [2, N, C], or by draw [D, 2, N, C].
        second: of the second model on the same sentences, in the same shape.
        ids: the N sentences; they seed the exchanges.
        units: the cluster of each sentence [N], exchanged whole; None = each stands alone.
        draws: random exchanges.
    """
    units = np.arange(first.shape[-2]) if units is None else units
    sides = [side[None] if side.ndim == 3 else side for side in (first, second)]
    rng = np.random.default_rng(seed_of(ids))
    swaps = (rng.random((draws, count_of(units))) < 0.5).astype(np.float32)
    C = first.shape[-1]
    observed, null, known = np.zeros(C), np.zeros((draws, C)), np.zeros(C)
    differs = np.zeros((count_of(units), C), dtype=bool)
    for of_first, of_second in zip(*sides, strict=True):
        a, b = (over_units(side.swapaxes(0, 1), units).swapaxes(0, 1)
                for side in (of_first, of_second))  # fmt: skip
        there = (a.sum(axis=1)[1] > 0) & (b.sum(axis=1)[1] > 0)
        seen, exchanged, moved = _exchanged_ratios(a, b, swaps)
        observed += np.where(there, seen, 0.0)
        null += np.where(there, exchanged, 0.0)
        known += there
        differs |= moved & there
    with np.errstate(invalid="ignore", divide="ignore"):
        observed, null = observed / known, null / known
    return [
        _of_exchanges(observed[c], null[:, c], int(differs[:, c].sum()), units, draws)
        for c in range(C)
    ]


def _exchanged_ratios(
    first: Floats, second: Floats, swaps: npt.NDArray[np.float32]
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Differences of ratios [C] as seen, after exchanges [B, C], and what differs [U, C]."""
    change = (second - first).astype(np.float32)
    total_a, total_b = first.sum(axis=1), second.sum(axis=1)  # [2, C]
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = [np.asarray(swaps @ change[i], dtype=np.float64) for i in (0, 1)]
        a = (total_a[0] + moved[0]) / (total_a[1] + moved[1])
        b = (total_b[0] - moved[0]) / (total_b[1] - moved[1])
        seen = total_a[0] / total_a[1] - total_b[0] / total_b[1]
    return seen, a - b, np.asarray((np.abs(change) > 0).any(axis=0))


def _of_exchanges(
    observed: float, null: Floats, differing: int, units: Units, draws: int
) -> Tested:
    if differing < LEAST_DIFFERING:
        floor = min(1.0, 2.0 ** (1 - differing))
        return Tested(float("nan"), floor, few_differ(differing, called(units)))
    # sums in single precision: what differs in the seventh digit is a tie
    sizes = np.abs(null)
    sizes = sizes[np.isfinite(sizes)] + 1e-6 * max(abs(observed), 1e-9)
    p = permutation_p(abs(float(observed)), sizes, alternative="greater")
    return Tested(p, 1 / (draws + 1))
