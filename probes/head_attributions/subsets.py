"""Exact Shapley values and interactions of a few units, from the value of every subset of them.

Captum's exact class visits all U! orders; the 2^U subsets suffice and are fewer for U >= 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
import torch

from .game import Asked, GateGame

MOST_PLAYERS = 10
"""Units at most: 1,024 passes a text."""

Numbers = npt.NDArray[np.float64]


@torch.no_grad()
def worths(game: GateGame, asked: Asked, *, internal_batch_size: int) -> Numbers:
    """Logit of the target class with each subset of the units [B, 2^U].

    Unit u plays in subset s where bit u of s is set.

    Args:
        game: B texts and U units.
        asked: whose logit.
        internal_batch_size: texts per forward pass; the texts of the batch at least.
    """
    full = game.ones()
    B, U = full.shape
    subsets = torch.from_numpy(_members(U)).to(full)
    at_once = max(1, internal_batch_size // B)
    found = []
    for start in range(0, len(subsets), at_once):
        part = subsets[start : start + at_once]
        # text after text, and for each text every subset of the part
        inputs = [one.repeat_interleave(len(part), 0) for one in game.inputs]
        logits = game(part.repeat(B, 1), *inputs)
        chosen = logits.gather(1, asked.target.repeat_interleave(len(part))[:, None])
        found.append(chosen.view(B, len(part)).double().cpu())
    return np.asarray(torch.cat(found, dim=1).numpy(), dtype=np.float64)


def shapley_values(worth: Numbers) -> Numbers:
    """Shapley value of each unit [B, U] (Shapley 1953) from the worth of all subsets [B, 2^U].

    The mean over all orders of what a unit adds to those before it; they sum to the worth of all
    units less that of none.
    """
    member = _members_of(worth)
    U = member.shape[1]
    size = member.sum(axis=1).astype(np.int64)
    found = np.zeros((len(worth), U))
    for unit in range(U):
        without = np.flatnonzero(~member[:, unit])
        gain = worth[:, without | (1 << unit)] - worth[:, without]
        weight = np.array([1 / (U * comb(U - 1, s)) for s in size[without]])
        found[:, unit] = gain @ weight
    return found


def shapley_interactions(worth: Numbers, units: Sequence[int]) -> Numbers:
    """Shapley interaction index of each two of some units [B, pairs] (Grabisch & Roubens 1999).

    What two units add together beyond what each adds alone, in the mean over orders in which the
    two stand side by side.

    Args:
        worth: of all subsets [B, 2^U].
        units: those whose pairs are wanted, in the order of `combinations`.
    """
    member = _members_of(worth)
    U = member.shape[1]
    size = member.sum(axis=1).astype(np.int64)
    found = []
    for one, other in combinations(units, 2):
        rest = np.flatnonzero(~member[:, one] & ~member[:, other])
        a, b = 1 << one, 1 << other
        joint = worth[:, rest | a | b] - worth[:, rest | a] - worth[:, rest | b] + worth[:, rest]
        weight = np.array([1 / ((U - 1) * comb(U - 2, s)) for s in size[rest]])
        found.append(joint @ weight)
    return np.stack(found, axis=1)


def _members(U: int) -> npt.NDArray[np.bool_]:
    """Which units are in each subset [2^U, U]."""
    return (np.arange(2**U)[:, None] >> np.arange(U) & 1).astype(np.bool_)


def _members_of(worth: Numbers) -> npt.NDArray[np.bool_]:
    return _members(worth.shape[1].bit_length() - 1)
