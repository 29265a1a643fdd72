"""The precision of training; measurements always use float32 or better."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ...data.errors import ConfigError, UnknownNameError
from ..encoder.device import device_of

PRECISIONS = ("float32", "bfloat16", "float16")
"""Precisions of forward and backward passes; weights and optimiser are always in float32."""


_OWN = ("amx_bf16", "avx512_bf16")
"""Instruction sets with which a processor computes in bfloat16."""


def best_precision(device: str) -> str:
    """bfloat16 if the device supports it, else float32.

    Args:
        device: see `device_of`.
    """
    kind = device_of(device).type
    if kind == "cuda":
        own = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        own = kind == "cpu" and any(known.get(name) for name in _OWN)
    return "bfloat16" if own else "float32"


def check_precision(precision: str, device: str) -> None:
    """Check that a device supports a precision.

    Args:
        precision: one of `PRECISIONS`.
        device: see `device_of`.

    Raises:
        UnknownNameError: if the precision is unknown.
        ConfigError: for float16 on a CPU (its gradients need a scaler, which torch provides only
            for GPUs), or for bfloat16 on a GPU that does not support it.
    """
    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    kind = device_of(device).type
    if precision == "float16" and kind != "cuda":
        raise ConfigError(
            "float16 needs a CUDA GPU, but this training runs on the CPU",
            where="`precision`",
            remedy="choose bfloat16 or float32",
        )
    coarse = precision == "bfloat16" and kind == "cuda"
    if coarse and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise ConfigError(
            "this GPU does not support bfloat16",
            where="`precision`",
            remedy="choose float16 or float32",
        )


@contextmanager
def without_autocast(model: Any) -> Iterator[None]:
    """Context in which a model under Trainer's autocast computes in its own precision."""
    lower = model.__dict__.pop("forward", None)
    try:
        yield
    finally:
        if lower is not None:
            model.forward = lower


def end_autocast(model: Any) -> None:
    """Remove Trainer's autocast from a model permanently, so that later scores are in float32."""
    for name in ("forward", "_original_forward"):
        model.__dict__.pop(name, None)
