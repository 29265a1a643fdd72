"""Odds ratio of survival per standard deviation of a predictor, at the same run and layer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from .null import Indices
from .panel import Bools, Floats

METHOD = "cluster-robust by head (t): other heads, these masks"
_LARGEST_LOG_ODDS = 15.0


@dataclass(frozen=True)
class Odds:
    """An odds ratio with its 95% interval; NaN and a note where there is none.

    Attributes:
        ratio: odds ratio per standard deviation within run and layer.
        low: lower limit.
        high: upper limit.
        n_clusters: heads that carry information.
        note: why something is missing.
    """

    ratio: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n_clusters: int = 0
    note: str = ""


def informative(kept: Bools, layer: Indices) -> tuple[Bools, Bools]:
    """Runs [R] and heads [U] left once runs and layers without variation are dropped.

    A run or layer that keeps all or none of its heads has infinite odds of its own and adds nothing
    to the likelihood of the slope.
    """
    runs, heads = np.ones(kept.shape[0], dtype=bool), np.ones(kept.shape[1], dtype=bool)
    while True:
        before = int(runs.sum()), int(heads.sum())
        for one in np.unique(layer[heads]):
            part = kept[np.ix_(runs, heads & (layer == one))]
            if part.size and part.min() == part.max():
                heads &= layer != one
        for place in np.flatnonzero(runs):
            part = kept[place, heads]
            if part.size and part.min() == part.max():
                runs[place] = False
        if (int(runs.sum()), int(heads.sum())) == before or not runs.any() or not heads.any():
            return runs, heads


def odds_ratio(kept: Bools, predictor: Floats, layer: Indices) -> Odds:
    """Maximum-likelihood odds ratio of a logistic regression with a term for each run and layer.

    Args:
        kept: survival [R, U].
        predictor: centred within run and layer, of unit variance [R, U].
        layer: [U].

    Returns:
        The interval treats a head with all its runs as one cluster (sandwich covariance, Student's
        t with heads - 1 degrees of freedom): the same head in another seed is no new observation.
    """
    # statsmodels.api would import all the other models as well
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.tools.sm_exceptions import PerfectSeparationError, PerfectSeparationWarning

    runs, heads = informative(kept, layer)
    y = kept[np.ix_(runs, heads)]
    x = predictor[np.ix_(runs, heads)]
    if not y.size or np.ptp(x) < 1e-12:
        return Odds(note="no odds ratio: no layer keeps some of its heads and drops others")
    n_runs, n_heads = y.shape
    _, of_layer = np.unique(layer[heads], return_inverse=True)
    terms = [x.ravel()[:, None], np.repeat(np.eye(n_runs), n_heads, axis=0)]
    terms.append(np.tile(np.eye(int(of_layer.max()) + 1)[of_layer][:, 1:], (n_runs, 1)))
    clusters = np.tile(np.arange(n_heads), n_runs)
    separated = Odds(n_clusters=n_heads, note="no odds ratio: the predictor separates kept heads")
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        warnings.simplefilter("ignore")
        try:
            fitted = Logit(y.ravel().astype(float), np.hstack(terms)).fit(
                disp=0, maxiter=60, cov_type="cluster",
                cov_kwds={"groups": clusters}, use_t=True,
            )  # fmt: skip
        except (PerfectSeparationError, PerfectSeparationWarning, np.linalg.LinAlgError):
            return separated
    slope = float(fitted.params[0])
    low, high = (float(limit) for limit in fitted.conf_int()[0])
    if abs(slope) > _LARGEST_LOG_ODDS or not fitted.mle_retvals["converged"]:
        return separated
    return Odds(float(np.exp(slope)), float(np.exp(low)), float(np.exp(high)), n_heads)
