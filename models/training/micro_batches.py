"""A step on the examples of a batch, some at a time: less memory for the same gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch


def micro_batches(
    inputs: Mapping[str, torch.Tensor], size: int
) -> Iterator[tuple[dict[str, torch.Tensor], float]]:
    """The parts of a batch in their order, each padded to its own longest example.

    Args:
        inputs: tensors [B, S] and `labels` [B], padded on the right.
        size: examples a part; the last may have fewer.

    Yields:
        the part, and its share of the examples. Mean losses weighted by these shares add up to the
        mean loss of the batch, and so do their gradients, however uneven the parts are.
    """
    count = len(inputs["labels"])
    for start in range(0, count, size):
        part = {name: tensor[start : start + size] for name, tensor in inputs.items()}
        longest = int(part["attention_mask"].sum(dim=1).max())
        yield (
            {
                name: tensor[:, :longest].contiguous() if tensor.dim() > 1 else tensor
                for name, tensor in part.items()
            },
            len(part["labels"]) / count,
        )
