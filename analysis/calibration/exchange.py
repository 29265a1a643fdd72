"""Whether two models differ in calibration: their forecasts of each example are exchanged.

Under the null hypothesis the two forecasts of an example may change places (Noreen 1989), or all
those of a cluster of examples at once, in all seeds and draws together. So the test is about other
examples, for these models and masks.

Only means over examples are tested. Binned errors of few examples are biased, by different amounts
in calibrated models of different confidence, which are not exchangeable: their p-value would be too
small without any difference in calibration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..statistics.clusters import Units, count_of
from ..statistics.paired_tests import DRAWS, LEAST_DIFFERING, Tested, called, few_differ
from ..statistics.uncertainty import Floats, permutation_p
from ..statistics.weighted import seed_of
from .binned import BINNED, BRIER, NLL, OVERCONFIDENCE
from .forecasts import Forecasts

_CELLS_AT_ONCE = 4_000_000
TEST = "exchanged forecasts"

UNTESTED = Tested(
    float("nan"),
    1.0,
    "binned errors are biased by different amounts in models of different confidence",
)
"""What stands in place of a test of binned errors."""


def exchange_tests(
    first: Mapping[int, Forecasts], second: Mapping[int, Forecasts], seeds: Sequence[int], *,
    draws: int = DRAWS,
) -> dict[str, Tested]:  # fmt: skip
    """Two-sided p of the difference of each mean, itself the mean over seeds of that over draws.

    Args:
        first: seed -> forecasts of one model.
        second: those of the other for the same examples.
        seeds: that both have.
        draws: random exchanges.
    """
    one = first[seeds[0]]
    units, n = one.units, len(one.ids)
    swap = _swaps(units, draws, seed_of(one.ids))
    step = max(1, _CELLS_AT_ONCE // n)
    gaps: dict[str, Floats] = {name: np.zeros(draws + 1) for name in _MEANS}
    differs = np.zeros(n, dtype=bool)
    for seed in seeds:
        pairs = _draws(first[seed], second[seed])
        for a, b in pairs:
            differs |= np.any([of_a != of_b for of_a, of_b in zip(a[:4], b[:4], strict=True)], 0)
            for start in range(0, draws + 1, step):
                part = slice(start, start + step)
                for name, gap in _differences(a, b, swap[part]).items():
                    gaps[name][part] += gap / (len(pairs) * len(seeds))
    moving = len(np.unique(units[differs]))
    if moving < LEAST_DIFFERING:
        floor = min(1.0, 2.0 ** (1 - moving))
        why = Tested(float("nan"), floor, few_differ(moving, called(units)))
        return dict.fromkeys(BINNED, UNTESTED) | dict.fromkeys(gaps, why)
    return dict.fromkeys(BINNED, UNTESTED) | {name: _tested(gap) for name, gap in gaps.items()}


def _tested(gaps: Floats) -> Tested:
    """The p-value of the first gap among all others [R]; sums in single precision may be ties."""
    observed, null = abs(float(gaps[0])), np.abs(gaps[1:])
    p = permutation_p(observed, null + 1e-6, alternative="greater")
    return Tested(p, 1 / (len(null) + 1))


_MEANS = (BRIER, NLL, OVERCONFIDENCE)
_Draw = tuple[Floats, Floats, Floats, Floats]
"""Confidence, right, brier and nll of the N examples in one draw."""


def _swaps(units: Units, draws: int, seed: int) -> Floats:
    """Which examples change places [R + 1, N]; none in the first line."""
    rng = np.random.default_rng([seed, 2])
    drawn = (rng.random((draws, count_of(units))) < 0.5).astype(np.float32)
    return np.concatenate([np.zeros((1, len(units)), dtype=np.float32), drawn[:, units]])


def _draws(first: Forecasts, second: Forecasts) -> list[tuple[_Draw, _Draw]]:
    """Pairs of draws: with the same number, or the only draw of a model with each of the other."""
    count = max(first.confidence.shape[1], second.confidence.shape[1])

    def of(side: Forecasts, draw: int) -> _Draw:
        place = draw % side.confidence.shape[1]
        parts = (side.confidence, side.right, side.brier, side.nll)
        found = tuple(part[:, place] for part in parts)
        return found[0], found[1], found[2], found[3]

    return [(of(first, draw), of(second, draw)) for draw in range(count)]


def _differences(first: _Draw, second: _Draw, swap: Floats) -> dict[str, Floats]:
    """First minus second in each mean after these exchanges [R]."""
    means = [np.stack([brier, nll, sure - right], axis=1) for sure, right, brier, nll in
             (first, second)]  # fmt: skip
    change = means[0] - means[1]
    values = (change.sum(axis=0) - 2 * (swap.astype(np.float64) @ change)) / len(change)
    return dict(zip(_MEANS, values.T, strict=True))
