"""One training, timed and scored."""

from __future__ import annotations

import time
from typing import Any

from subprobe.data.tasks.task import TaskParts
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.evaluate import Evaluation, evaluate
from subprobe.models.training.finetune import FineTuned, finetune
from subprobe.models.training.recipes import Recipe


def scored_training(
    model: str,
    parts: TaskParts,
    recipe: Recipe,
    *,
    seed: int,
    mask: Subnetwork | None,
    route: str,
) -> tuple[FineTuned, Evaluation, float]:
    """Train from the pretrained weights: the model, its score on the report examples, the time.

    Args:
        model: the encoder.
        parts: the task.
        recipe: its recipe.
        seed: seed of the head, the order and dropout.
        mask: the mask to train under; None for the full model.
        route: see `finetune`.

    Returns:
        The last is processor time of the training in seconds.
    """
    options: dict[str, Any] = {"seed_init": seed, "seed_order": seed, "route": route}
    started = time.process_time()
    trained = finetune(model, parts, recipe, subnetwork=mask, **options)
    seconds = time.process_time() - started
    scored = evaluate(
        trained.model,
        trained.tokenizer,
        parts.report,
        parts.spec,
        subnetwork=mask,
        max_length=recipe.max_length,
    )
    return trained, scored, seconds
