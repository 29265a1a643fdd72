"""Hashes that identify the weights of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch


def head_fingerprint(model: Any) -> str:
    """SHA-256, in hex, of the weights outside of the encoder: the task head."""
    inside = f"{model.base_model_prefix}."
    state = model.state_dict().items()
    return tensors_hash({name: tensor for name, tensor in state if not name.startswith(inside)})


def weights_fingerprint(model: Any) -> str:
    """SHA-256, in hex, of the encoder's weights with their names, types and shapes.

    The task head and the pooler are excluded: some classifiers have no pooler, and their encoder
    gets a random one when it is loaded alone.
    """
    state = model.base_model.state_dict().items()
    return tensors_hash({name: tensor for name, tensor in state if not name.startswith("pooler.")})


def tensors_hash(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256, in hex, of tensors with their names, types, shapes and bytes."""
    hasher = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        hasher.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        plain = tensor.detach().cpu().contiguous()
        hasher.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return hasher.hexdigest()
