"""Random draws for one example that do not depend on other examples."""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def example_seed(seed: int, id: str) -> int:
    """A seed below 2**32 of one example, from the user's seed and its id."""
    digest = hashlib.sha256(f"{seed}\x1f{id}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def seed_example(seed: int, id: str) -> None:
    """Seed the global generators of torch and numpy, which Captum draws from, for one example."""
    number = example_seed(seed, id)
    torch.manual_seed(number)
    np.random.seed(number)  # noqa: NPY002
