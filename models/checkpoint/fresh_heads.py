"""Loading an encoder with a new task head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..folder.checkpoint_files import refuse_missing
from ..folder.sources import ModelSource
from .loading import load
from .trial import check_finite, check_runs


def load_new_head(
    source: ModelSource, attention: str, *, classes: Mapping[Any, Any], seed: int, **options: Any
) -> Any:
    """Load an encoder with a new head, in eval mode; a stored head is ignored.

    A pooler that the checkpoint has is kept if it belongs to the encoder.

    Args:
        source: where the encoder is.
        attention: `sdpa` or `eager`.
        classes: configuration -> model class with the head.
        seed: seed of the initialisation.
        options: of the configuration, such as the number of outputs.

    Raises:
        CheckpointError: if weights of the encoder are missing, or contain NaN or infinity.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, missing = load(source, attention, classes=classes, new_head=True, **options)
    prefix = f"{model.base_model_prefix}."
    refuse_missing(source, [k for k in missing if k.startswith(prefix) and ".pooler." not in k])
    return check_finite(check_runs(model.eval(), source.name), source.name)
