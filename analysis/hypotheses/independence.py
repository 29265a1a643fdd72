"""Whether two scores of the same examples are independent, by HSIC with Gaussian kernels.

The Hilbert-Schmidt independence criterion (Gretton et al. 2005, biased estimate) is 0 in the limit
only if two variables are independent. Shi et al. (2024) apply it to the scores of a full model and
of the model without a circuit. Two models that know nothing but the frequencies of the classes
already agree on which classes get high scores, so that the test here is conditional on the gold
label: kernels are centred, and scores permuted, among examples of equal labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..statistics.uncertainty import permutation_p

Floats = npt.NDArray[np.float64]
LEAST_PERMUTATIONS = 19
"""The smallest add-one p-value is 1 / (permutations + 1): .05 with 19."""
MOST_POINTS = 1000
"""Independent units of which kernels are made; of more, so many are drawn with the seed."""
_NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class Dependence:
    """Result of a test of independence.

    Attributes:
        hsic: the statistic, summed over strata with their shares as weights.
        p_value: add-one permutation p-value, one-sided.
        floor: the smallest p-value that the data could give.
        n: number of units used.
        constant: whether one of the two is constant within every stratum.
    """

    hsic: float
    p_value: float
    floor: float
    n: int
    constant: bool


def hsic_test(
    x: npt.ArrayLike, y: npt.ArrayLike, strata: Sequence[object] = (), *, permutations: int = 999,
    seed: int = 0,
) -> Dependence:  # fmt: skip
    """Permutation test of the null that x and y are independent given the stratum.

    The bandwidth of each kernel is the median distance of the values of a stratum that differ.

    Args:
        x: one value of each independent unit [N].
        y: the same [N].
        strata: stratum of each unit, within which y is permuted; empty = one for all.
        permutations: random permutations.
        seed: of the permutations, and of the units if there are more than `MOST_POINTS`.
    """
    first, second = (np.asarray(side, dtype=np.float64) for side in (x, y))
    rng = np.random.default_rng([seed, len(first)])
    chosen = np.arange(len(first))
    if len(first) > MOST_POINTS:
        chosen = np.sort(rng.choice(len(first), MOST_POINTS, replace=False))
    named = list(strata) if len(strata) else [0] * len(first)
    groups: dict[object, list[int]] = {}
    for place in chosen.tolist():
        groups.setdefault(named[place], []).append(place)
    n, observed, null, ways = len(chosen), 0.0, np.zeros(permutations), 1.0
    for members in groups.values():
        a, b = factors(first[members]), factors(second[members])
        if not a.shape[1] or not b.shape[1]:
            continue
        share = len(members) / n
        observed += share * _hsic(a, b)
        ways *= math.factorial(min(len(members), 20))
        null += share * np.array(
            [_hsic(a, b[rng.permutation(len(members))]) for _ in range(permutations)]
        )
    floor = max(1 / (permutations + 1), 1 / ways)
    p = permutation_p(observed, null, alternative="greater")
    return Dependence(observed, p, floor, n, ways == 1.0)


def factors(values: Floats) -> Floats:
    """Factors A [N, R] of the centred Gaussian kernel matrix of values [N]: H K H = A A'.

    Eigenvalues below 1e-12 of the largest one are left out; a constant has no factors.
    """
    distances = np.abs(values[:, None] - values[None, :])
    apart = distances[distances > 0]
    if not len(apart):
        return np.zeros((len(values), 0))
    kernel = np.exp(-(distances**2) / (2 * np.median(apart) ** 2))
    kernel -= kernel.mean(axis=0)
    kernel -= kernel.mean(axis=1, keepdims=True)
    sizes, vectors = np.linalg.eigh((kernel + kernel.T) / 2)
    kept = sizes > _NEGLIGIBLE * sizes[-1]
    found: Floats = vectors[:, kept] * np.sqrt(sizes[kept])
    return found


def _hsic(a: Floats, b: Floats) -> float:
    """Biased HSIC, trace(K H L H) / N^2, from factors of the two centred kernel matrices."""
    return float(((a.T @ b) ** 2).sum()) / len(a) ** 2
