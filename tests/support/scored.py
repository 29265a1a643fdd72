"""Tiny classifiers, random texts and masks that tests of importance share."""

import numpy as np
import torch
from subprobe.data.encoding.collate import Batch
from tiny import tiny_model

L, H = 2, 4
N = 37


def classifier(family="bert", num_labels=3, **options):
    return tiny_model(family, "classification", num_labels, layers=L, heads=H, **options)


def texts(count=N, seed=0):
    """Random ids of 3 to 14 subwords, labels of three classes."""
    random = np.random.default_rng(seed)
    rows = [random.integers(5, 500, random.integers(3, 15)).tolist() for _ in range(count)]
    return rows, random.integers(0, 3, count)


def batch_of(model, rows, labels, index, extra=0):
    """A padded batch; `extra` columns more than its longest text needs."""
    width = max(len(rows[i]) for i in index) + extra
    ids = torch.full((len(index), width), model.config.pad_token_id)
    mask = torch.zeros_like(ids)
    for place, i in enumerate(index):
        ids[place, : len(rows[i])] = torch.tensor(rows[i])
        mask[place, : len(rows[i])] = 1
    return Batch(ids, mask, None, torch.tensor(np.asarray(labels)[list(index)]), tuple(index))


def batches_of(model, rows, labels, size, *, order=None, extra=0):
    order = list(range(len(rows))) if order is None else order
    groups = [order[start : start + size] for start in range(0, len(rows), size)]
    return [batch_of(model, rows, labels, group, extra) for group in groups]


def whole():
    return np.ones((L, H)), np.ones(L)


def some_dead():
    head, mlp = whole()
    head[0, 1] = head[1, 2] = head[1, 3] = mlp[1] = 0
    return head, mlp
