"""Learned gates at several values: their scores on both parts of the task, and their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import pandas as pd

from ...data.output.folders import atomic_folder
from ...data.output.tables import rows_frame, write_csv
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskParts, TaskSpec
from ...models.checkpoint.checkpoint import save_classifier
from ...models.checkpoint.contract import check_plain_head
from ...models.folder.sources import resolve_model
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, evaluate
from ...models.training.recipes import Recipe, recipe_for
from ...pruning.learned.gate_training import Trained
from ...pruning.learned.learned_gates import LearnedGates
from ...pruning.sized.size_gates import SizedGates
from ..gates.replaced import Replaced
from ..steps.identity import flagged, flagged_by_label, identity, selection_of
from ..steps.masks import RETRAINED
from ..steps.performance import lowest, performance_rows
from ..steps.progress import Advance, Progress
from .ablated import tell_partners
from .loaded import LoadedModel

MoreRows = Callable[[Evaluation, TaskParts], pd.DataFrame]
"""Makes further rows of an evaluation on one part of the task."""

Scored = Callable[[Sequence[Example], TaskSpec], Evaluation]
"""The outputs of a model for examples."""

GATES = "gates"
"""What the record of a folder calls the files of a sweep."""

Found = TypeVar("Found", LearnedGates, SizedGates)
Options = TypeVar("Options", bound=Trained)


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


@dataclass(frozen=True)
class Sweeping(Generic[Found, Options]):
    """What a sweep does at each value.

    Attributes:
        title: the stage of the value that has this name.
        learn: learns gates with some options and a recipe under a mask of all units with the
            ablation, and tells the progress.
        warn: reports what the gates of this name do not support.
        form: form of the gates, in the names of files.
        rows_of: the rows of the gates.
    """

    title: Callable[[str], str]
    learn: Callable[[Options, Recipe, Subnetwork, Advance], Found]
    warn: Callable[[Found, str], None]
    form: str
    rows_of: Callable[[Found, Options, str], pd.DataFrame]


def swept(
    loaded: LoadedModel,
    named: Mapping[str, Options],
    sweeping: Sweeping[Found, Options],
    out: Path,
    progress: Progress,
    *,
    replaced: Replaced,
    overwrite: bool,
) -> tuple[list[Found], pd.DataFrame]:
    """Learn gates at each value, and write the masks and `sweep.csv`.

    Every value starts from the same fine-tuned model. What is learned is kept, whatever becomes of
    the next value.

    Args:
        loaded: a fine-tuned model and its task.
        named: the options of each value, by its name.
        sweeping: what is done at each.
        out: folder; created if missing.
        progress: receives the progress of each value.
        replaced: the ablation of the masks.
        overwrite: write although the folder holds files that subprobe did not write; they stay.

    Returns:
        What was learned at each value, and the rows: those of the full model first.

    Raises:
        UnknownNameError, ConfigError, InputError, MaskError: if the ablation cannot be used.
        CheckpointError: for an encoder to be trained whose head cannot be saved.
    """
    if not all(one.frozen for one in named.values()):
        check_plain_head(loaded.model, loaded.name)
    recipe = replace(recipe_of(loaded), max_length=loaded.max_length)
    loaded.tell(loaded.parts.train, "training examples", progress)
    like = whole_under(loaded, replaced, progress)
    full = scores_of_full(loaded, progress)
    frames = [full]
    learned: list[Found] = []
    for name, options in named.items():
        with progress.stage(sweeping.title(name)) as advance:
            found = sweeping.learn(options, recipe, like, advance)
        sweeping.warn(found, name)
        with atomic_folder(out, GATES, overwrite=overwrite, adds=bool(learned)) as folder:
            save_learned(loaded, found, folder, sweeping.form, name, trained=not options.frozen)
        flag = found.flag or str(full["flag"].iloc[0])
        frames.append(sweeping.rows_of(found, options, name).assign(flag=flag))
        learned.append(found)
    rows = flagged_rows(frames, loaded, replaced.match)
    with atomic_folder(out, GATES, overwrite=overwrite, adds=True) as folder:
        write_csv(rows, folder / "sweep.csv")
    return learned, rows
