"""Scores of learned gates on the selection examples and on the reported ones; their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskParts, TaskSpec
from ...models.checkpoint.checkpoint import save_classifier
from ...models.folder.sources import resolve_model
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, evaluate
from ...models.training.recipes import Recipe, recipe_for
from ...pruning.learned.learned_gates import LearnedGates
from ...pruning.sized.size_gates import SizedGates
from ..gates.replaced import Replaced
from ..steps.identity import flagged, flagged_by_label, identity, selection_of
from ..steps.masks import RETRAINED
from ..steps.performance import lowest, performance_rows
from ..steps.progress import Progress
from .ablated import tell_partners
from .loaded import LoadedModel

MoreRows = Callable[[Evaluation, TaskParts], pd.DataFrame]
"""Makes further rows of an evaluation on one part of the task."""

Scored = Callable[[Sequence[Example], TaskSpec], Evaluation]
"""The outputs of a model for examples."""


def recipe_of(loaded: LoadedModel) -> Recipe:
    """The recipe that the model was fine-tuned with, else the recorded one."""
    recorded = loaded.meta.get("recipe")
    if recorded:
        return Recipe(**recorded)
    return recipe_for(resolve_model(loaded.name), loaded.parts.spec.name)


def whole_under(loaded: LoadedModel, replaced: Replaced, progress: Progress) -> Subnetwork:
    """The mask of all units under the ablation of gates; says which partners differ in length.

    Args:
        loaded: the model and its task.
        replaced: the ablation.
        progress: receives the messages.
    """
    model, tokenizer, parts = loaded.model, loaded.tokenizer, loaded.parts
    like = replaced.whole(model, tokenizer, parts, max_length=loaded.max_length)
    tell_partners(like, tokenizer, parts, progress, max_length=loaded.max_length)
    return like


def flagged_rows(frames: Sequence[pd.DataFrame], loaded: LoadedModel, match: str) -> pd.DataFrame:
    """The tidy rows of a sweep, flagged where they have no flag.

    Args:
        frames: the rows.
        loaded: the model.
        match: the examples among which `resample` draws partners.
    """
    rows = rows_frame(pd.concat([rows_frame(frame) for frame in frames], ignore_index=True))
    rows = flagged(rows, loaded.flag)
    return flagged_by_label(rows) if "label" in match else rows


def scores_of_full(
    loaded: LoadedModel, progress: Progress, more: Sequence[MoreRows] = ()
) -> pd.DataFrame:
    """Performance of the full model; flagged, and said, if it is no better than the baseline."""
    full = scores_by_part(loaded, loaded.model, None, "finetuned", "", more=more)
    reported = full[full["split"] == loaded.parts.report_name].iloc[0]
    at_chance = lowest(reported["value"], reported["ci_low"]) <= reported["baseline_value"]
    if at_chance:
        progress.say(
            f"DEGENERATE: the full model's {reported['metric']} of {reported['value']:.3f} is no "
            f"better than the {reported['baseline']} baseline of "
            f"{reported['baseline_value']:.3f}: fine-tune the model first"
        )
    return full.assign(flag="degenerate" if at_chance else "")


def scores_by_part(
    loaded: LoadedModel,
    model: Any,
    mask: Subnetwork | None,
    state: str,
    variant: str,
    *,
    scored: Scored | None = None,
    more: Sequence[MoreRows] = (),
) -> pd.DataFrame:
    """Performance on the selection examples and on the reported ones, which may be the same.

    Args:
        loaded: the task, and the length of texts.
        model: the model.
        mask: its mask; None = the full model.
        state: state of the weights, as rows have it.
        variant: variant of the rows.
        scored: gives the outputs instead of model and mask.
        more: make further rows of each evaluation.
    """

    def masked(examples: Sequence[Example], spec: TaskSpec) -> Evaluation:
        return evaluate(
            model,
            loaded.tokenizer,
            examples,
            spec,
            subnetwork=mask,
            max_length=loaded.max_length,
        )

    parts, outputs = loaded.parts, scored or masked
    held = replace(parts, report=parts.selection, report_name=parts.selection_name, n_unreadable=0)
    frames = []
    for part in (parts,) if parts.selection_name == "reported" else (held, parts):
        found = outputs(part.report, part.spec)
        frames += [performance_rows(found, part), *(make(found, part) for make in more)]
    about = identity(loaded.name, mask, state) | {
        "task": parts.spec.name,
        "selection": selection_of(mask, parts),
        **loaded.seed_columns,
        "variant": variant,
    }
    return pd.concat(frames, ignore_index=True).assign(**about)


def save_learned(
    loaded: LoadedModel,
    found: LearnedGates | SizedGates,
    folder: Path,
    form: str,
    name: str,
    *,
    trained: bool,
) -> None:
    """Write the mask of learned gates and, if the encoder was trained with them, the model.

    Args:
        loaded: the model that the training began with.
        found: the gates.
        folder: where `FORM-NAME.safetensors` and `model-NAME` go.
        form: form of the gates.
        name: their penalty or size.
        trained: whether the encoder was trained.
    """
    found.subnetwork.save(folder / f"{form}-{name}.safetensors")
    if not trained:
        return
    # what the fine-tuning came to is not what this training does
    about = {key: value for key, value in loaded.meta.items() if key != "training"}
    about |= {"fingerprint": found.subnetwork.fingerprint, "flag": found.flag}
    about[RETRAINED] = found.subnetwork.mask_id
    save_classifier(found.model, loaded.tokenizer, folder / f"model-{name}", about)
