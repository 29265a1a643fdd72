"""Refuse gradients with NaN or infinity: ranks and searches would drop them silently."""

from __future__ import annotations

import torch

from ...data.errors import InputError


def check_gradients(name: str, gradients: torch.Tensor) -> None:
    """Raise if one is NaN or infinite.

    Args:
        name: of the probe.
        gradients: of any shape.

    Raises:
        InputError: naming the probe.
    """
    if not gradients.isfinite().all():
        raise InputError(
            "gradients contain NaN or infinity", where=name, remedy="check the model's weights"
        )
