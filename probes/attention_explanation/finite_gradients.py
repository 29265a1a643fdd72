"""Gradients that are no numbers are refused: ranks and searches would lose them without a word."""

from __future__ import annotations

import torch

from ...data.errors import InputError
from ..forward.base import Context


def check_gradients(name: str, context: Context, gradients: torch.Tensor) -> None:
    """Raise if one is NaN or infinite.

    Args:
        name: of the probe.
        context: the model that they were taken through.
        gradients: of any shape.

    Raises:
        InputError: for padding in a family with local attention, of which eager attention has no
            gradient where a window holds no token, the remedy is another implementation.
    """
    if gradients.isfinite().all():
        return
    config = context.model.config
    if hasattr(config, "local_attention") and config._attn_implementation == "eager":
        raise InputError(
            f"{context.anatomy.family} under eager attention has no gradients of padded texts",
            where=name,
            remedy="load the model with `attention` sdpa, or set `batch_size` 1",
        )
    raise InputError(
        "gradients contain NaN or infinity", where=name, remedy="check the model's weights"
    )
