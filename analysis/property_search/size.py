"""The size of a mask or a probe in bits: the code length that identifies it.

A mask that keeps k of n units is one of C(n, k) of its size, so log2 C(n, k) bits name it; the bits
of several levels are added. A probe's float32 weights take 32 bits each. The linear read-out, which
every score uses, is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from ...models.masks.subnetwork import Subnetwork

FLOAT_BITS = 32


def choice_bits(n: int, k: int) -> float:
    """log2 C(n, k): which k of n units are kept.

    Raises:
        ValueError: unless 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} units cannot be kept")
    if k in (0, n):
        return 0.0
    nats = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return nats / math.log(2)


def mask_bits(mask: Subnetwork, levels: Collection[str]) -> float:
    """Bits that name a mask among those of its size, summed over the levels that it decides on."""
    counted = mask.counts()
    return sum(choice_bits(counted[of][1], counted[of][0]) for of in levels)


def probe_bits(width: int, rank: int) -> float:
    """Bits of the weights that an MLP probe of a rank adds to a linear read-out; 0 for rank 0.

    Args:
        width: D.
        rank: r of the two factors D x r and r x D, each with a bias, which a LayerNorm follows.
    """
    if not rank:
        return 0.0
    return FLOAT_BITS * (2.0 * width * rank + rank + width + 2 * width)
