"""The ablation under which a search scores its candidates, and the one of the mask that it finds.

`learned` constants belong to one mask, so that a search for it scores candidates under `mean`.
"""

from __future__ import annotations

from typing import Any

from ...data.tasks.task import TaskParts
from ..encoder.anatomy import anatomy_of
from ..masks.subnetwork import Subnetwork, full_subnetwork
from .constants import with_ablation


def searched_under(
    name: str, model: Any, tokenizer: Any, parts: TaskParts, **options: Any
) -> Subnetwork:
    """The full mask of a model with the ablation under which a search scores candidates.

    Args:
        name: the ablation of the mask that is searched for.
        model: the full model.
        tokenizer: its tokenizer.
        parts: the task; means are taken over its training part.
        options: of `with_ablation`: sizes, and how partners are drawn.

    Raises:
        UnknownNameError, ConfigError, InputError, MaskError: as in `with_ablation`.
    """
    whole = full_subnetwork(anatomy_of(model))
    scored = "mean" if name == "learned" else name
    return with_ablation(whole, scored, model, tokenizer, parts, **options)


def replaced_as(mask: Subnetwork, like: Subnetwork) -> Subnetwork:
    """A mask with the ablation and the constants of another one."""
    if mask.weight_masks or (mask.ablation == like.ablation == "zero"):
        return mask
    return mask.with_meta(
        ablation=like.ablation, constants=like.constants, constants_of=like.constants_of
    )
