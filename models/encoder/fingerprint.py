"""What tells one set of weights from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch


def head_fingerprint(model: Any) -> str:
    """SHA-256 over what a model has beside its encoder: its task head, in hex."""
    inside = f"{model.base_model_prefix}."
    state = model.state_dict().items()
    return tensors_hash({name: tensor for name, tensor in state if not name.startswith(inside)})


def weights_fingerprint(model: Any) -> str:
    """SHA-256 over the encoder's weights by name, type and shape, in hex.

    The task head stays out, and so does the pooler: some classifiers of a family have none, and
    their encoder loaded alone gets a random one.
    """
    state = model.base_model.state_dict().items()
    return tensors_hash({name: tensor for name, tensor in state if not name.startswith("pooler.")})


def tensors_hash(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over tensors by name, type, shape and bytes, in hex."""
    hasher = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        hasher.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        plain = tensor.detach().cpu().contiguous()
        hasher.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return hasher.hexdigest()
