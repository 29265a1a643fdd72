"""Train the encoder of a fine-tuned model again, from random weights and by the same recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...data.errors import ConfigError
from ...data.tasks.task_parts import spread
from ...models.encoder.kept_units import kept_units_of
from ...models.training.finetune import finetune
from ...models.training.recipes import Recipe
from ..single.loaded import LoadedModel
from ..steps.masks import RETRAINED
from ..steps.outcome import outcome
from ..steps.progress import Progress


def check_recorded(loaded: LoadedModel) -> Recipe:
    """The recipe by which a model was fine-tuned.

    Raises:
        ConfigError: if its folder does not record it, or the model is a subnetwork already.
    """
    recorded = loaded.meta.get("recipe")
    if not recorded:
        raise ConfigError(
            "does not record how it was fine-tuned, so the training cannot be repeated from random "
            "weights",
            where=loaded.name,
            remedy="fine-tune it with subprobe finetune, or leave out `null`",
        )
    masked = loaded.meta.get(RETRAINED) or loaded.meta.get("form") == "baked"
    if masked or kept_units_of(loaded.model) is not None:
        raise ConfigError(
            "is a subnetwork already, whose training cannot be repeated from random weights",
            where=loaded.name,
            remedy="name the full fine-tuned model",
        )
    return Recipe(**recorded)


def untrained_twin(
    loaded: LoadedModel, recipe: Recipe, progress: Progress, *, device: str = "auto"
) -> tuple[LoadedModel, str]:
    """The same architecture with random weights, trained as the given model was.

    All weights are random, word embeddings included; recipe, examples, seeds of the head and of
    the order are those of the given model.

    Args:
        loaded: a fine-tuned model.
        recipe: see `check_recorded`.
        progress: receives the progress of training, and its failure.
        device: where it is trained.

    Returns:
        the trained model, and the flag of its training.
    """
    # a limit on examples concerns the search and the scores, not how the model was trained
    parts = replace(loaded.parts, train=loaded.unlimited or loaded.parts.train)
    count = int(loaded.meta.get("n_train") or 0)
    if 0 < count < len(parts.train):
        parts = replace(parts, train=spread(tuple(parts.train), count))
    init, order = loaded.seeds
    with progress.stage("training from random weights") as advance:
        trained = finetune(
            loaded.name, parts, recipe, seed_init=init, seed_order=order,
            start="random", device=device, allow_no_specials=bool(loaded.flag),
            progress=advance, say=progress.say,
        )  # fmt: skip
    came_to = outcome(trained, parts, recipe, None)
    if came_to.why:
        progress.say(f"from random weights: {came_to.why}")
    meta: dict[str, Any] = {**loaded.meta, "flag": came_to.flag, "fingerprint": trained.fingerprint}
    return replace(loaded, model=trained.model, meta=meta), came_to.flag
