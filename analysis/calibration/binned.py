"""Calibration errors: confidence and accuracy compared within bins of confidence.

Guo et al. (2017, ICML): the expected calibration error is the mean over examples of the distance
between the accuracy and the mean confidence of their bin, and the maximum calibration error the
largest of these distances. Bins of equal width are theirs; bins of equal mass are those of Nguyen
and O'Connor (2015, EMNLP).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..statistics.clusters import Units, alone, count_of
from ..statistics.uncertainty import Floats
from ..statistics.weighted import Weights, seed_of
from .forecasts import Forecasts

BINS = 15
"""Number of bins of Guo et al."""
ECE, ADAPTIVE, MCE = "ece", "ece_adaptive", "mce"
BINNED = (ECE, ADAPTIVE, MCE)
BRIER, NLL, OVERCONFIDENCE = "brier", "nll", "overconfidence"
MEANS = (BRIER, NLL, OVERCONFIDENCE)
_CELLS_AT_ONCE = 4_000_000

Places = npt.NDArray[np.int64]


def inner_edges(confidence: Floats, bins: int, *, mass: bool = False) -> Floats:
    """The M - 1 limits between M bins; a limit belongs to the bin below it.

    Args:
        confidence: of N examples [N].
        bins: M.
        mass: bins hold equally many examples (equal confidences stay together), not equal widths.
    """
    if not mass:
        return np.arange(1, bins) / bins
    ordered = np.sort(confidence)
    return np.asarray(ordered[np.maximum(-(-np.arange(1, bins) * len(ordered) // bins), 1) - 1])


def places_of(confidence: Floats, edges: Floats) -> Places:
    """The bin of each confidence, counted from 0, of the same shape."""
    return np.searchsorted(edges, confidence, side="left")


def errors_of(gaps: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Expected and maximum calibration error [...] of M bins.

    Args:
        gaps: sum of (right - confidence) over the examples of each bin [..., M].
        counts: number of examples of each bin [..., M].
    """
    distance = np.abs(gaps)
    within = np.divide(distance, counts, out=np.zeros_like(distance), where=counts > 0)
    return distance.sum(axis=-1) / counts.sum(axis=-1), within.max(axis=-1)


def measured(found: Forecasts, weights: Weights, bins: int = BINS) -> dict[str, Floats]:
    """Every measure under R weightings of the examples: metric -> [R, D].

    Args:
        found: the forecasts.
        weights: copies of each example [R, N]; bins stay those of the sample.
        bins: M.
    """
    heavy = weights.astype(np.float64)
    total = heavy.sum(axis=1)[:, None]
    gap = found.right - found.confidence
    means = {BRIER: found.brier, NLL: found.nll, OVERCONFIDENCE: -gap}
    scores = {name: heavy @ values / total for name, values in means.items()}
    binned: dict[str, list[Floats]] = {name: [] for name in BINNED}
    for draw in range(gap.shape[1]):
        for mass in (False, True):
            held = _members(found.confidence[:, draw], bins, mass)
            counts = (weights @ held.astype(np.float32)).astype(np.float64)
            ece, mce = errors_of(heavy @ (held * gap[:, [draw]]), counts)
            binned[ADAPTIVE if mass else ECE].append(ece)
            if not mass:
                binned[MCE].append(mce)
    return scores | {name: np.stack(values, axis=1) for name, values in binned.items()}


def calibrated(
    found: Forecasts, resamples: int, bins: int = BINS, *, seed: int = 0
) -> dict[str, Floats]:
    """The same errors of a perfectly calibrated model with the same confidences: [R, D].

    Consistency resampling (Broecker and Smith 2007; Vaicenavicius et al. 2019, AISTATS): each
    prediction is right with a probability of its confidence. Where examples share a source, their
    outcomes are not independent: the observed differences keep their size, and those of a source
    change their sign together. The draws of one seed are shared by all of its models.

    Args:
        found: the forecasts.
        resamples: R.
        bins: M.
        seed: same seed, same outcomes.
    """
    parts: dict[str, list[Floats]] = {name: [] for name in BINNED}
    held = [
        [_members(found.confidence[:, draw], bins, mass) for mass in (False, True)]
        for draw in range(found.confidence.shape[1])
    ]
    for chance in _chances(found.units, resamples, [seed, seed_of(found.ids), 1]):
        block: dict[str, list[Floats]] = {name: [] for name in BINNED}
        for draw, kinds in enumerate(held):
            gap = _gaps(found, draw, chance)
            for mass, members in enumerate(kinds):
                counts = members.sum(axis=0)
                ece, mce = errors_of(gap @ members, np.broadcast_to(counts, (len(gap), bins)))
                block[ADAPTIVE if mass else ECE].append(ece)
                if not mass:
                    block[MCE].append(mce)
        for name, values in block.items():
            parts[name].append(np.stack(values, axis=1))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _members(confidence: Floats, bins: int, mass: bool) -> Floats:
    """Which bin each example is in, as a matrix of ones and zeros [N, M]."""
    places = places_of(confidence, inner_edges(confidence, bins, mass=mass))
    held: Floats = np.zeros((len(confidence), bins))
    held[np.arange(len(confidence)), places] = 1.0
    return held


def _chances(units: Units, resamples: int, seed: list[int]) -> Iterator[Floats]:
    """Uniform numbers of each example, or one of each cluster, in blocks [r, N]."""
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS_AT_ONCE // len(units))
    for start in range(0, resamples, step):
        drawn = rng.random((min(step, resamples - start), count_of(units)))
        yield drawn if alone(units) else drawn[:, units]


def _gaps(found: Forecasts, draw: int, chance: Floats) -> Floats:
    """Right minus confidence of one draw, had it been calibrated [r, N]."""
    sure = found.confidence[:, draw]
    if alone(found.units):
        return np.asarray((chance < sure) - sure)
    return np.where(chance < 0.5, 1.0, -1.0) * (found.right[:, draw] - sure)
