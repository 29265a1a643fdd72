"""Folds of random examples and folds of whole groups, of the same sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...data.errors import ConfigError, DataFileError
from ..statistics.clusters import Units, count_of

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Folds:
    """Which examples each fold holds out, with whole groups and at random.

    Attributes:
        disjoint: positions of each fold; no group is in two folds.
        random: positions of as many random examples in each fold.
        rank: place of each example in a random order of its group [N], from 0.
        scored: examples that are scored [N]: those that no fold adds to the training examples.
    """

    disjoint: tuple[Places, ...]
    random: tuple[Places, ...]
    rank: Places
    scored: npt.NDArray[np.bool_]

    def training(self, fold: int, added: int, seed: int) -> Places:
        """Training examples of a fold of whole groups, with `added` ones of each held-out group.

        As many of the others, drawn at random, are left out, so that the number stays the same.
        """
        held = self.disjoint[fold]
        others = np.setdiff1d(np.arange(len(self.rank)), held)
        known = held[self.rank[held] < added]
        rng = np.random.default_rng([seed, fold, 1])
        kept = rng.permutation(others)[: max(0, len(others) - len(known))]
        return np.sort(np.concatenate([kept, known]))


def folds_of_groups(units: Units, count: int, added: Sequence[int], seed: int) -> Folds:
    """Folds in which each example is held out once with its group, and once at random.

    Args:
        units: group of each example [N].
        count: number of folds.
        added: numbers of examples of a held-out group that are added to the training examples. The
            first max(added) of each group, in a random order, are never scored, so that all
            scores are about the same examples.
        seed: same seed, same folds.

    Raises:
        ConfigError: if there are fewer groups than folds.
        DataFileError: if there is one group, or no group has an example to score.
    """
    from sklearn.model_selection import GroupKFold

    groups, n = count_of(units), len(units)
    if groups < 2:
        raise DataFileError(
            "all examples belong to one group, so no group can be held out",
            remedy="name another column as group=...",
        )
    if count > groups:
        raise ConfigError(
            f"must be at most {groups}, the number of groups, got {count}",
            where="`group_folds`",
            remedy=f"use at most {groups}",
        )
    rng = np.random.default_rng(seed)
    rank = ranks(units, rng)
    scored = rank >= max(added, default=0)
    if not scored.any():
        largest = int(np.bincount(units).max())
        raise DataFileError(
            f"the largest group has {largest} example{'s' * (largest > 1)}, so none is left to "
            f"score if {max(added)} of each group are added",
            remedy="add fewer (`k`), or name another column as group=...",
        )
    by_group = GroupKFold(count, shuffle=True, random_state=seed)
    disjoint = tuple(held for _, held in by_group.split(np.arange(n), groups=units))
    cuts = np.cumsum([len(held) for held in disjoint])[:-1]
    random = tuple(np.sort(part) for part in np.split(rng.permutation(n), cuts))
    return Folds(disjoint, random, rank, scored)


def ranks(units: Units, rng: np.random.Generator) -> Places:
    """Place of each example in a random order of its group [N], from 0."""
    order = np.argsort(units + rng.random(len(units)), kind="stable")
    size = np.bincount(units)
    starts = np.repeat(np.cumsum(size) - size, size)
    found = np.empty(len(units), dtype=np.int64)
    found[order] = np.arange(len(units)) - starts
    return found
