"""Learn a mask towards a size under an ablation, and score its soft gates beside the mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ...data.sentences.sentence import Example
from ...data.tasks.metrics import scores_of
from ...data.tasks.task import TaskParts, TaskSpec
from ...models.masks.replacement import replacing
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, evaluate
from ...models.training.recipes import Recipe
from ...pruning.learned.learned_gates import L0Options, LearnedGates, learn_gates
from ...pruning.sized.size_gates import SizedGates, learn_to_size
from ...pruning.sized.size_options import SizeOptions
from ...pruning.sized.soft_scores import soft_logits
from ..configuration.mask_options import PruneOptions
from .replaced import Replaced

SOFT, HARDENED = "soft", "hardened"

Found = TypeVar("Found", SizedGates, LearnedGates)


def size_options(options: PruneOptions, method: str, seed: int) -> SizeOptions:
    """The options of a run for one form of gates."""
    return SizeOptions(options.keep, form=method, seed=seed, **options.gates.model_dump())


def replaced_by(options: PruneOptions) -> Replaced:
    """The ablation under which a run learns gates."""
    return Replaced(options.ablation, options.match_donors, options.donor_seed)


def find_by_gates(
    model: Any,
    tokenizer: Any,
    parts: TaskParts,
    options: PruneOptions,
    method: str,
    *,
    max_length: int,
    seeds: tuple[int, int],
    model_name: str = "",
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> SizedGates:
    """Learn the mask of a run by one form of gates, on the frozen fine-tuned model.

    Args:
        model: a fine-tuned model.
        tokenizer: its tokenizer.
        parts: the task; gates are trained on `parts.train`.
        options: the size, the gates and the ablation.
        method: the form of the gates.
        max_length: maximum subwords per example.
        seeds: (init, order) seeds of the model; the first is also that of the training.
        model_name: name of the pretrained encoder.
        progress: called with (completed steps, total steps).
        say: receives messages about constants that are learned.
    """
    gates = size_options(options, method, seeds[0])
    # the encoder is frozen, so that only the length is read
    recipe = Recipe(learning_rate=gates.learning_rate, epochs=1, max_length=max_length)
    return learn_under(
        model, tokenizer, parts, gates, recipe, replaced_by(options), seeds=seeds,
        model_name=model_name, progress=progress, say=say,
    )  # fmt: skip


def learn_under(
    model: Any,
    tokenizer: Any,
    parts: TaskParts,
    options: SizeOptions,
    recipe: Recipe,
    replaced: Replaced,
    *,
    like: Subnetwork | None = None,
    seeds: tuple[int, int] = (0, 0),
    model_name: str = "",
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> SizedGates:
    """Learn gates towards a size; units that they close give what the ablation puts in their place.

    Args:
        model: a fine-tuned model.
        tokenizer: its tokenizer.
        parts: the task; gates are trained on `parts.train`, from which means and partners come.
        options: the size, and the options for training.
        recipe: see `learn_to_size`.
        replaced: the ablation.
        like: `replaced.whole` of this model and task, if it is known.
        seeds: (init, order) seeds of the model.
        model_name: name of the pretrained encoder.
        progress: called with (completed steps, total steps).
        say: receives messages about constants that are learned.

    Raises:
        UnknownNameError, ConfigError, InputError, MaskError: if the ablation is unknown, or cannot
            be used with these units or examples.
    """
    return _under(
        learn_to_size, options.units, model, tokenizer, parts, options, recipe, replaced, like, say,
        seeds=seeds, model_name=model_name, progress=progress,
    )  # fmt: skip


def learn_penalised_under(
    model: Any,
    tokenizer: Any,
    parts: TaskParts,
    options: L0Options,
    recipe: Recipe,
    replaced: Replaced,
    *,
    like: Subnetwork | None = None,
    seeds: tuple[int, int] = (0, 0),
    model_name: str = "",
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> LearnedGates:
    """Learn gates of heads under a penalty, and otherwise as in `learn_under`."""
    return _under(
        learn_gates, "heads", model, tokenizer, parts, options, recipe, replaced, like, say,
        seeds=seeds, model_name=model_name, progress=progress,
    )  # fmt: skip


def _under(
    learn: Callable[..., Found],
    units: str,
    model: Any,
    tokenizer: Any,
    parts: TaskParts,
    options: SizeOptions | L0Options,
    recipe: Recipe,
    replaced: Replaced,
    like: Subnetwork | None,
    say: Callable[[str], None] | None,
    **about: Any,
) -> Found:
    """Learn gates on these units by one of the two procedures; the mask has the ablation."""
    replaced.check(units)
    length = recipe.max_length
    if like is None:
        like = replaced.whole(model, tokenizer, parts, max_length=length)
    found = learn(model, tokenizer, parts, options, recipe, like=like, **about)
    mask = replaced.hardened(
        found.subnetwork, like, found.model, tokenizer, parts, max_length=length, say=say
    )
    return replace(found, subnetwork=mask)


def soft_evaluation(
    found: SizedGates, tokenizer: Any, examples: Sequence[Example], spec: TaskSpec, max_length: int
) -> Evaluation:
    """The outputs under the soft gates, with everything else as the full model's evaluation.

    Args:
        found: learned gates.
        tokenizer: the tokenizer of their model.
        examples: what is scored.
        spec: the task.
        max_length: maximum subwords per example.
    """
    whole = evaluate(found.model, tokenizer, examples, spec, max_length=max_length)
    with replacing(found.model, found.subnetwork):
        logits = soft_logits(
            found.model, found.soft, tokenizer, examples, spec, max_length=max_length
        )
    undefined = ~np.isfinite(logits).all(axis=1)
    logits[undefined] = 0.0
    if spec.masked:
        logits[undefined, 1] = -np.log2(len(tokenizer))
    metrics = scores_of(spec, logits, whole.labels)
    return replace(whole, logits=logits, metrics=metrics, n_undefined=int(undefined.sum()))


def binary_row(found: SizedGates) -> pd.DataFrame:
    """The row with the share of gates that are within .01 of 0 or 1."""
    row = {
        "probe": "mask",
        "unit": "model",
        "target": "gates",
        "metric": "binary_share",
        "value": found.binary,
        "n": sum(one.numel() for one in found.locations.values()),
    }
    return pd.DataFrame([row])
