"""The share of a quantity on groups of words, with a permutation test within each sentence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class GroupShares:
    """Shares of G groups over N examples.

    Attributes:
        share: share of each group in each example [N, G]; NaN where the example has no such word.
        expected: the mean share over all orders of the words [N, G].
        mean: mean share [G]; NaN for a group that no example has.
        mean_expected: its exact mean under permutation [G].
        p_value: two-sided, (1 + as extreme permutations) / (1 + permutations) [G].
        n: examples that have the group [G].
    """

    share: npt.NDArray[np.float64]
    expected: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    mean_expected: npt.NDArray[np.float64]
    p_value: npt.NDArray[np.float64]
    n: npt.NDArray[np.int64]


class GroupShareTest:
    """Accumulates examples; the test statistic is the mean share over examples.

    Under the null the words of a sentence are exchangeable: each permutation shuffles the weights
    inside every sentence. The shuffles of an example are seeded by its id, so the result does not
    depend on the order of examples. Examples of one cluster are seeded by its name: those of
    equal length are shuffled alike, as near-equal sentences have to be.

    Args:
        groups: the number of groups G.
        permutations: shuffles of each sentence.
        seed: chooses the shuffles.
    """

    def __init__(self, groups: int, *, permutations: int = 1000, seed: int = 0):
        self._permutations, self._seed = permutations, seed
        self._share: list[npt.NDArray[np.float64]] = []
        self._expected: list[npt.NDArray[np.float64]] = []
        self._null = np.zeros((permutations, groups))
        self._groups = groups

    def update(
        self, id: str, weights: npt.NDArray[np.float64], members: npt.NDArray[np.bool_]
    ) -> None:
        """Add one example.

        Args:
            id: its id, or that of its cluster, which seeds its shuffles.
            weights: a weight for each word [W], not all zero; shares are of the sum of absolute
                weights, so that shares of signed weights are net contributions.
            members: which words are in which group [G, W].
        """
        share = weights / np.abs(weights).sum()
        sizes = members.sum(axis=1)
        absent = sizes == 0
        digest = hashlib.sha256(f"{self._seed}\x1f{id}".encode()).digest()
        generator = np.random.default_rng(int.from_bytes(digest[:16], "big"))
        shuffled = generator.permuted(
            np.broadcast_to(share, (self._permutations, len(share))), axis=1
        )
        self._null += shuffled @ members.T.astype(np.float64)
        self._share.append(np.where(absent, np.nan, members @ share))
        self._expected.append(np.where(absent, np.nan, sizes / len(share) * share.sum()))

    def result(self) -> GroupShares:
        """Means over the examples that have each group, and their p-values."""
        share = np.array(self._share).reshape(-1, self._groups)
        expected = np.array(self._expected).reshape(-1, self._groups)
        n = np.count_nonzero(~np.isnan(share), axis=0)
        with np.errstate(invalid="ignore"):  # 0 / 0 for a group that no example has
            mean = np.nansum(share, axis=0) / n
            center = np.nansum(expected, axis=0) / n
            null = self._null / n
        # The margin keeps shuffles that give the same sum in another order of adding on the side
        # of the ties.
        extreme = np.abs(null - center) >= np.abs(mean - center) - 1e-12
        p_value = (1 + extreme.sum(axis=0)) / (1 + self._permutations)
        return GroupShares(share, expected, mean, center, np.where(n > 0, p_value, np.nan), n)
