"""The blocks of an online code: the number of texts that are known before each block."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...data.errors import InputError

FRACTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Share of the training sentences at the end of each block (Voita & Titov 2020)."""


def block_ends(texts: int, fractions: Sequence[float] = FRACTIONS) -> list[int]:
    """How many texts have been coded at the end of each block.

    A block without texts is merged with the next.

    Args:
        texts: how many are coded.
        fractions: of them, ascending, the last 1.

    Raises:
        InputError: for fewer than two texts: nothing is learnt from and coded after it.
    """
    if texts < 2:
        raise InputError(
            f"an online code needs at least 2 labelled sentences, got {texts}",
            remedy="name a larger training part",
        )
    ends: list[int] = []
    for fraction in fractions:
        end = math.floor(fraction * texts + 0.5)
        if end > (ends[-1] if ends else 0):
            ends.append(end)
    return ends


def shuffled(texts: npt.NDArray[np.int64], seed: int, shuffle: int) -> npt.NDArray[np.int64]:
    """The order in which texts are coded; it is the same for every model.

    Args:
        texts: their places in the training part.
        seed: of the probe.
        shuffle: number of the order.
    """
    return np.random.default_rng([seed, shuffle]).permutation(texts)
