"""The expected best score of n trainings (Dodge et al. 2019, 2020)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

Floats = npt.NDArray[np.float64]

WITH, WITHOUT = "with replacement", "without replacement"
RESAMPLINGS = (WITH, WITHOUT)
"""How n runs are drawn from the N that were trained; `with replacement` as published."""


def best_weights(runs: int, n: int, resampling: str = WITH) -> Floats:
    """The probability that the run at each place, from the lowest score up, is the best of n [N].

    With replacement it is (i/N)^n - ((i-1)/N)^n for the i-th lowest score (Dodge et al. 2019,
    section 3.2): the expected maximum of n draws from the empirical distribution. Without
    replacement it is C(i-1, n-1) / C(N, n), which is unbiased for the maximum of n new runs.

    Args:
        runs: number N of runs.
        n: number of runs that are drawn.
        resampling: `with replacement` or `without replacement`; the latter needs n <= N.

    Raises:
        ValueError: for other arguments.
    """
    if runs < 1 or n < 1:
        raise ValueError(f"runs and n must be >= 1, got {runs} and {n}")
    place = np.arange(1, runs + 1, dtype=np.float64)
    if resampling == WITH:
        weights: Floats = (place / runs) ** n - ((place - 1) / runs) ** n
        return weights
    if resampling != WITHOUT:
        raise ValueError(f"unknown resampling {resampling!r}; known: {', '.join(RESAMPLINGS)}")
    if n > runs:
        raise ValueError(f"without replacement n must be <= {runs}, got {n}")
    weights = np.zeros(runs)
    some = place[n - 1 :]
    weights[n - 1 :] = np.exp(_log_choose(some - 1, n - 1) - _log_choose(runs, n))
    return weights


def _log_choose(of: npt.ArrayLike, k: int) -> Floats:
    of = np.asarray(of, dtype=np.float64)
    found: Floats = gammaln(of + 1) - gammaln(k + 1) - gammaln(of - k + 1)
    return found


def best_of(
    values: npt.ArrayLike,
    n: int,
    *,
    chosen_by: npt.ArrayLike | None = None,
    resampling: str = WITH,
) -> tuple[Floats, Floats]:
    """Expected value of the best of n runs, and its standard deviation over such draws.

    Args:
        values: what is reported of each run [..., N].
        n: number of runs that are drawn.
        chosen_by: the score by which the best is chosen, higher is better [..., N]; None = the
            reported values themselves. Runs with equal scores are equally likely to be chosen.
        resampling: see `best_weights`.

    Returns:
        Expectation and standard deviation [...].
    """
    values = np.asarray(values, dtype=np.float64)
    scores = values if chosen_by is None else np.asarray(chosen_by, dtype=np.float64)
    order = np.argsort(scores, axis=-1, kind="stable")
    ranked = np.take_along_axis(values, order, axis=-1)
    if chosen_by is not None:
        ranked, squares = (
            _over_ties(np.take_along_axis(scores, order, axis=-1), one)
            for one in (ranked, ranked**2)
        )
    else:
        squares = ranked**2
    weights = best_weights(values.shape[-1], n, resampling)
    mean = ranked @ weights
    spread = np.sqrt(np.maximum(squares @ weights - mean**2, 0))
    return np.asarray(mean), np.asarray(spread)


def _over_ties(scores: Floats, values: Floats) -> Floats:
    """Values [..., N] in the order of their scores, each the mean over runs of equal score."""
    flat, found = scores.reshape(-1, scores.shape[-1]), values.reshape(-1, scores.shape[-1]).copy()
    for line, row in zip(flat, found, strict=True):
        if (line[1:] == line[:-1]).any():
            _, group = np.unique(line, return_inverse=True)
            row[:] = (np.bincount(group, row) / np.bincount(group))[group]
    return found.reshape(values.shape)
