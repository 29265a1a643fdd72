"""The description length published with Holmes, as its code computes it; not a true code length.

Losses are those of softmaxed outputs and in nats, while the first block and the uniform code are in
bits. So the compression of K classes is at most log2 K / ln(1 + (K - 1) / e), 3.19 for two. The
probe `mdl` computes code lengths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from .cases import Task
from .linear_probe import Training, train_probes

FRACTIONS = tuple(2.0**-power for power in range(10, 0, -1))
"""Shares of the training part that are learnt from; as many cases after them are coded."""


@dataclass(frozen=True)
class Described:
    """Length and compression of each seed [S]."""

    lengths: tuple[float, ...]
    compressions: tuple[float, ...]


def described(task: Task, training: Training, *, device: torch.device | None = None) -> Described:
    """The description length of a data set, the cases of its training part in their order.

    Args:
        task: the data set.
        training: of its probes; the dev part's score stops them after four epochs, and gradients
            are clipped, as published.
        device: where probes live.
    """
    own = replace(training, loss="as-published", patience=4, clip=1.0, by_score=True)
    train = task.parts["train"]
    blocks = coded_blocks(len(train))
    losses = np.zeros((len(blocks), len(own.seeds)))
    for number, (start, end) in enumerate(blocks):
        probes, _ = train_probes(
            train.between(0, start), task.parts["dev"], task.classes, own, device=device
        )
        with torch.no_grad():
            each = probes.each_loss(range(len(own.seeds)), train.between(start, end))
        losses[number] = each.double().sum(1).cpu().numpy()
    if task.numbers:
        gold = train.gold.double().numpy()
        uniform = float(((gold - gold.mean()) ** 2).sum())
    else:
        uniform = len(train) * math.log2(task.classes)
    return summed_up(uniform, len(train), blocks, losses)


def coded_blocks(cases: int) -> list[tuple[int, int]]:
    """Places [n, 2n) for each share of the cases, without empty ones."""
    starts = [int(cases * fraction) for fraction in FRACTIONS]
    return [(start, 2 * start) for start in starts if start]


def summed_up(
    uniform: float, cases: int, blocks: Sequence[tuple[int, int]], losses: np.ndarray
) -> Described:
    """Length and compression from the summed losses of blocks [blocks, S]."""
    first = blocks[0][0] if blocks else cases
    lengths = uniform / cases * first + losses.sum(0)
    return Described(
        tuple(lengths.tolist()), tuple(np.divide(uniform, lengths).tolist())
    )  # fmt: skip
