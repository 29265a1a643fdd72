"""What tells one set of weights from another."""

from __future__ import annotations

import hashlib
from typing import Any

import torch


def weights_fingerprint(model: Any) -> str:
    """SHA-256 over the encoder's weights by name, type and shape, in hex.

    The task head stays out, and so does the pooler: some classifiers of a family have none, and
    their encoder loaded alone gets a random one.
    """
    hasher = hashlib.sha256()
    for name, tensor in sorted(model.base_model.state_dict().items()):
        if name.startswith("pooler."):
            continue
        hasher.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        plain = tensor.detach().cpu().contiguous()
        hasher.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return hasher.hexdigest()
