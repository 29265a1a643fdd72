"""Independent sampling units, which are resampled and permuted as a whole.

Items that share a source (the members of a minimal set, the hypotheses of a premise, the maps of a
text) are one cluster. An item without a source is its own unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Units = npt.NDArray[np.int64]
"""Number of each item's unit [N], counted from 0 in the order in which units come first."""

RESAMPLES = 1000
_CELLS_AT_ONCE = 4_000_000


def units_of(names: Sequence[str | None]) -> Units:
    """The unit of each item [N] from the names of their sources; without a name: its own."""
    named = [name or ("", place) for place, name in enumerate(names)]
    return np.asarray(pd.factorize(pd.Series(named, dtype=object))[0], dtype=np.int64)


def count_of(units: Units) -> int:
    """How many units the items belong to."""
    return int(units.max()) + 1 if len(units) else 0


def alone(units: Units) -> bool:
    """Whether every item is a unit of its own."""
    return count_of(units) == len(units)


def over_units(values: Floats, units: Units) -> Floats:
    """Sums of the items' values [N, ...] over each unit [G, ...]."""
    if alone(units):
        return values
    sums = np.zeros((count_of(units), *values.shape[1:]))
    np.add.at(sums, units, values)
    return sums


def resampled(clusters: Floats, seed: int, resamples: int = RESAMPLES) -> Floats:
    """Sums over resampled clusters [B, C], of values [clusters, C]; NaN for fewer than two."""
    n = len(clusters)
    if n < 2:
        return np.full((resamples, clusters.shape[-1]), np.nan)
    drawn = [weights @ clusters for weights in _draws(n, resamples, np.random.default_rng(seed))]
    return np.concatenate(drawn).astype(np.float64)


def unit_weights(
    units: Units, resamples: int, seed: int | Sequence[int]
) -> Iterator[npt.NDArray[np.float32]]:
    """Bootstrap weights [B, N] of items whose units are drawn whole, in blocks of resamples."""
    step = max(1, _CELLS_AT_ONCE // len(units))
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, step):
        for drawn in _draws(count_of(units), min(step, resamples - start), rng):
            yield drawn.astype(np.float32)[:, units]


def _draws(n: int, resamples: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """How often each of n units is drawn, in blocks of resamples that fit into the memory."""
    step = max(1, _CELLS_AT_ONCE // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        yield rng.multinomial(n, np.full(n, 1 / n), size=rows)


def limits(statistic: Floats) -> Floats:
    """The middle 95% of each column [B, M] as [M, 2]; NaN where a draw is undefined."""
    return np.asarray(np.quantile(statistic, [0.025, 0.975], axis=0).T)
