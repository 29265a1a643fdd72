"""Exact tests of a share of wins: above a threshold, or within a margin of one half.

Shi et al. (2024, "Hypothesis Testing the Circuit Hypothesis in LLMs") count the random circuits
that a circuit beats, and test the share against a threshold with the binomial law. Their test of
equivalence is restated as two one-sided tests (Schuirmann 1987) of the share of examples on which
one model scores higher than the other.
"""

from __future__ import annotations

import math
from functools import cache

from ..statistics.corrections import ALPHA
from ..statistics.count_laws import binomial_cdf


def p_above(wins: int, n: int, share: float) -> float:
    """One-sided p-value of the null that a win has at most the chance `share`.

    It is the chance of at least so many wins in n independent draws at the boundary of the null.
    If all are wins it is `share ** n`.

    Args:
        wins: number of wins, from 0 to n; ties are no wins.
        n: number of draws, at least 1.
        share: the threshold, above 0 and below 1.
    """
    return binomial_cdf(n - wins, n, 1 - share)


def least_draws(share: float, tests: int = 1, alpha: float = ALPHA) -> int:
    """The least number of draws with which `p_above` can reach alpha.

    Args:
        share: the threshold, above 0 and below 1.
        tests: size of a family that is corrected by Holm: alpha is divided by it.
        alpha: significance level.
    """
    least = math.ceil(math.log(alpha / tests) / math.log(share) - 1e-9)
    return max(1, least)


def p_equivalent(wins: float, n: int, margin: float) -> float:
    """P-value of the null that the chance of a win is at least `margin` away from one half.

    The larger p-value of two exact one-sided tests, at both boundaries. Ties count as half a win;
    halves are rounded against equivalence.

    Args:
        wins: number of wins, from 0 to n.
        n: number of independent trials, at least 1.
        margin: above 0 and below .5.
    """
    fewest, most = math.floor(wins), math.ceil(wins)
    # P(X >= fewest) at .5 - margin, as the chance of few losses
    from_below = binomial_cdf(n - fewest, n, 0.5 + margin)
    from_above = binomial_cdf(most, n, 0.5 + margin)
    return max(from_below, from_above)


def best_equivalent(n: int, margin: float) -> float:
    """The smallest p-value that `p_equivalent` gives with n trials."""
    return p_equivalent(n // 2, n, margin)


@cache
def least_trials(margin: float, alpha: float = ALPHA, start: int = 1) -> int:
    """The least number of trials with which `p_equivalent` can reach alpha.

    An odd number has no middle, and may need to be larger than an even one.

    Args:
        margin: above 0 and below .5.
        alpha: significance level.
        start: the least number from this one on.
    """
    n = start
    while best_equivalent(n, margin) > alpha:
        n += 1
    return n
