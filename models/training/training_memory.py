"""Estimate the memory of a training, and choose micro-batches that fit a budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ...data.encoding.collate import TextBatches, to_inputs
from ...data.errors import ConfigError
from ..language.answers import piece_loss
from .randomness import own_randomness

GB = 10**9

_COPIES = 4
"""Copies per weight: the weight, its gradient, and the two moments of AdamW."""


def training_bytes(model: Any, encoded: TextBatches, precision: str) -> tuple[int, int]:
    """Bytes of memory for training: a fixed amount, and the amount per example of a micro-batch.

    The tensors that autograd stores for the backward pass are counted in forward passes of one and
    of two copies of the longest example. Their size grows linearly with the number of examples.
    They are counted on the CPU for every device, so that a budget gives the same size on every
    machine. Temporary buffers, libraries and data are not included.

    Args:
        model: a classifier on the CPU.
        encoded: its training examples.
        precision: one of `precision.PRECISIONS`.
    """
    longest = encoded.longest()
    one, two = (_kept(model, encoded, longest, n, precision) for n in (1, 2))
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    each = max(two - one, 0)
    return _COPIES * weights + max(one - each, 0), each


def fitting_micro_batch(
    model: Any, encoded: TextBatches, *, size: int, precision: str, memory_gb: float
) -> int:
    """The largest of `size`, `size` / 2, `size` / 4, ... whose training fits into a budget.

    Raises:
        ConfigError: if one example at a time does not fit.
    """
    constant, each = training_bytes(model, encoded, precision)
    while size > 1 and constant + size * each > memory_gb * GB:
        size //= 2
    if (needed := constant + size * each) > memory_gb * GB:
        raise ConfigError(
            f"training on one example at a time takes about {needed / GB:.2g} GB, "
            f"more than {memory_gb:g}",
            where="`recipe.memory_gb`",
            remedy="increase it, or shorten the examples (`recipe.max_length`)",
        )
    return size


def _kept(model: Any, encoded: TextBatches, place: int, count: int, precision: str) -> int:
    """Number of bytes stored for the backward pass of `count` copies of one example."""
    batch = encoded.batch((place,) * count)
    seen: dict[int, int] = {}
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        own_randomness(),
        _training(model),
        torch.enable_grad(),
        torch.autocast(
            model.device.type,
            torch.float16 if precision == "float16" else torch.bfloat16,
            enabled=precision != "float32",
        ),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
    ):
        assert batch.labels is not None
        # the result keeps the stored tensors alive, so that no address is reused
        inputs, labels = to_inputs(batch, model.device), batch.labels.to(model.device)
        _found = (
            model(**inputs, labels=labels)
            if labels.dim() == 1
            else piece_loss(model, inputs, labels)
        )
    return sum(seen.values())


@contextmanager
def _training(model: Any) -> Iterator[None]:
    before = model.training
    model.train()
    try:
        yield
    finally:
        model.train(before)
