"""Tiny classifiers, random texts and masks that tests of importance share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from subprobe.data.encoding.collate import Batch
from tiny import tiny_model

Floats = npt.NDArray[np.float64]
L, H = 2, 4
N = 37


def classifier(family: str = "bert", num_labels: int = 3, **options: Any) -> Any:
    return tiny_model(family, "classification", num_labels, layers=L, heads=H, **options)


def texts(count: int = N, seed: int = 0) -> tuple[list[list[int]], Any]:
    """Random ids of 3 to 14 subwords, labels of three classes."""
    random = np.random.default_rng(seed)
    rows = [random.integers(5, 500, random.integers(3, 15)).tolist() for _ in range(count)]
    return rows, random.integers(0, 3, count)


def batch_of(
    model: Any, rows: list[list[int]], labels: Any, index: Sequence[int], extra: int = 0
) -> Batch:
    """A padded batch; `extra` columns more than its longest text needs."""
    width = max(len(rows[i]) for i in index) + extra
    ids = torch.full((len(index), width), model.config.pad_token_id)
    mask = torch.zeros_like(ids)
    for place, i in enumerate(index):
        ids[place, : len(rows[i])] = torch.tensor(rows[i])
        mask[place, : len(rows[i])] = 1
    return Batch(ids, mask, None, torch.tensor(np.asarray(labels)[list(index)]), tuple(index))


def batches_of(
    model: Any,
    rows: list[list[int]],
    labels: Any,
    size: int,
    *,
    order: Sequence[int] | None = None,
    extra: int = 0,
) -> list[Batch]:
    order = list(range(len(rows))) if order is None else order
    groups = [order[start : start + size] for start in range(0, len(rows), size)]
    return [batch_of(model, rows, labels, group, extra) for group in groups]


def whole() -> tuple[Floats, Floats]:
    return np.ones((L, H)), np.ones(L)


def some_dead() -> tuple[Floats, Floats]:
    head, mlp = whole()
    head[0, 1] = head[1, 2] = head[1, 3] = mlp[1] = 0
    return head, mlp
