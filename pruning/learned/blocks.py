"""Gates on blocks of a weight matrix: one gate for R x C neighbouring entries.

Blocks are contiguous, [output, input]. (In the code of Cao, Sanh & Rush (2021) they are strided
over the output.) At the edge of a matrix whose sides are no multiples of R and C, they are smaller.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import ConfigError

Block = tuple[int, int]
"""Rows and columns of a block."""

SINGLE: Block = (1, 1)
"""The block of single weights."""


def matrix_shape(weight: torch.Tensor) -> tuple[int, int]:
    """Rows and columns of a weight matrix."""
    rows, columns = weight.shape
    return rows, columns


def block_of(text: str) -> Block:
    """The block that a text such as `64x64` names; sides longer than a matrix cover all of it.

    Raises:
        ConfigError: if the text is not of this form, or a side is 0.
    """
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text.strip())
    if found is None or not (int(found[1]) and int(found[2])):
        raise ConfigError(
            f"a block is ROWSxCOLUMNS, such as 64x64 or 1x1, got {text!r}", where="`block`"
        )
    return int(found[1]), int(found[2])


def gates_shape(shape: tuple[int, int], block: Block) -> tuple[int, int]:
    """Number of blocks of a matrix along both sides."""
    return -(-shape[0] // block[0]), -(-shape[1] // block[1])


def block_sizes(shape: tuple[int, int], block: Block) -> npt.NDArray[np.float64]:
    """Number of entries in each block, in the shape of the gates."""
    sides = [
        np.diff(np.append(np.arange(0, whole, side), whole))
        for whole, side in zip(shape, block, strict=True)
    ]
    return np.asarray(np.outer(*sides), dtype=np.float64)


def expanded(gates: torch.Tensor, shape: tuple[int, int], block: Block) -> torch.Tensor:
    """The gates of blocks as one factor per entry of the matrix, with their gradient."""
    if block == SINGLE:
        return gates
    rows = gates.repeat_interleave(block[0], 0)[: shape[0]]
    return rows.repeat_interleave(block[1], 1)[:, : shape[1]]
