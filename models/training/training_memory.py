"""How much memory a training needs, and which size of micro-batches fits a budget."""

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
"""Of each weight: itself, its gradient, and the two moments of AdamW."""


def training_bytes(model: Any, encoded: TextBatches, precision: str) -> tuple[int, int]:
    """Bytes that training takes whatever the size of a micro-batch, and for each example of it.

    What autograd keeps for the backward pass is counted in the forward passes of one example and
    of two, the longest there are. It grows linearly with the examples, and is counted on the
    processor, wherever the model is trained: a budget decides the same size on every machine.
    Short-lived buffers, the libraries and the data are not in it.

    Args:
        model: a classifier, on the processor.
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
    """The largest of `size`, half of it, a quarter, ... whose training fits into a budget.

    Raises:
        ConfigError: if not even one example at a time does.
    """
    constant, each = training_bytes(model, encoded, precision)
    while size > 1 and constant + size * each > memory_gb * GB:
        size //= 2
    if (needed := constant + size * each) > memory_gb * GB:
        raise ConfigError(
            f"training on one example at a time takes about {needed / GB:.2g} GB, "
            f"more than {memory_gb:g}",
            where="`recipe.memory_gb`",
            remedy="give it more, or shorten the examples (`recipe.max_length`)",
        )
    return size


def _kept(model: Any, encoded: TextBatches, place: int, count: int, precision: str) -> int:
    """Bytes that the backward pass of `count` copies of one example would read."""
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
        # while the result lives, so does what is kept: no address is counted for two tensors
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
