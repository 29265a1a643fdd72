"""Learned gates at several penalties: one mask each, and the curve of size against score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import ConfigError
from ...data.output.tables import rows_frame
from ...data.tasks.task import TaskParts
from ...models.masks.subnetwork import Subnetwork
from ...models.training.recipes import Recipe
from ...pruning.learned.learned_gates import L0Options, LearnedGates
from ..gates.replaced import ZEROS, Replaced
from ..gates.search import learn_penalised_under
from ..steps.identity import identity
from ..steps.masks import mask_rows
from ..steps.progress import Advance, Progress
from .gate_scores import Sweeping, scores_by_part, swept
from .loaded import LoadedModel


@dataclass(frozen=True)
class Sweep:
    """The result of a sweep over penalties.

    Attributes:
        learned: the mask learnt at each penalty, in the given order.
        rows: tidy rows: the full model's scores, then each mask's heads and scores; `variant` says
            the penalty, `split` which examples.
    """

    learned: dict[float, LearnedGates]
    rows: pd.DataFrame


def sweep_gates(
    loaded: LoadedModel,
    penalties: Sequence[float],
    options: L0Options,
    out: Path,
    progress: Progress,
    *,
    replaced: Replaced = ZEROS,
    overwrite: bool = False,
) -> Sweep:
    """Learn gates at each penalty and write `l0-PENALTY.safetensors` and `sweep.csv` into `out`.

    Every penalty starts from the same fine-tuned model, and sees the same draws. An encoder that is
    trained with its gates is saved as `model-PENALTY`: the mask belongs to those weights.

    Args:
        loaded: a fine-tuned model and its task.
        penalties: values of lambda, without duplicates.
        options: training; its `penalty` is not read.
        out: folder; created if missing.
        progress: receives the progress of each penalty, and warnings about masks that support no
            conclusion.
        replaced: the ablation of the masks.
        overwrite: write although the folder holds files that subprobe did not write; they stay.

    Raises:
        ConfigError: if a penalty is out of range or given twice.
        UnknownNameError, ConfigError, InputError, MaskError: if the ablation cannot be used.
        CheckpointError: for an encoder to be trained whose head cannot be saved.
    """
    each = [replace(options, penalty=penalty) for penalty in penalties]
    names = [f"{penalty:g}" for penalty in penalties]
    if not each or len(set(names)) < len(names):
        raise ConfigError(
            f"penalties must be one or more distinct numbers, got {', '.join(names) or 'none'}",
            remedy="name each penalty once",
        )

    def learn(one: L0Options, recipe: Recipe, like: Subnetwork, advance: Advance) -> LearnedGates:
        return learn_penalised_under(
            loaded.model, loaded.tokenizer, loaded.parts, one, recipe, replaced, like=like,
            seeds=loaded.seeds, model_name=loaded.name, progress=advance, say=progress.say,
        )  # fmt: skip

    sweeping = Sweeping(
        title=lambda name: f"learning gates, penalty {name}",
        learn=learn,
        warn=lambda found, name: _warn(found, name, progress),
        form="l0",
        rows_of=lambda found, one, name: _rows_of(loaded, found, one, name),
    )
    named = dict(zip(names, each, strict=True))
    learned, rows = swept(
        loaded, named, sweeping, out, progress, replaced=replaced, overwrite=overwrite
    )
    return Sweep({one.penalty: found for one, found in zip(each, learned, strict=True)}, rows)


def sweep_table(sweep: Sweep, parts: TaskParts) -> list[dict[str, Any]]:
    """One record per penalty and one for the full model: kept heads, and the primary metric.

    Args:
        sweep: a finished sweep.
        parts: the task that it was made on.
    """
    scores = sweep.rows[sweep.rows["metric"] == parts.spec.metric]
    table = []
    for variant, lines in scores.groupby("variant", sort=False, dropna=False):
        by_split = lines.set_index("split")
        kept = sweep.rows[
            (sweep.rows["variant"] == variant)
            & (sweep.rows["metric"] == "kept")
            & (sweep.rows["unit"] == "head")
        ]
        record: dict[str, Any] = {
            "lambda": variant.split(";")[0].removeprefix("lambda=") if variant else "full model",
            "heads": int(kept["value"].sum()) if len(kept) else None,
        }
        for split in dict.fromkeys((parts.selection_name, parts.report_name)):
            if split in by_split.index:
                record[f"{parts.spec.metric}, {split}"] = float(by_split.loc[split, "value"])
                baseline = f"{by_split.loc[split, 'baseline']}, {split}"
                record[baseline] = float(by_split.loc[split, "baseline_value"])
        table.append(record | {"flag": lines["flag"].iloc[0]})
    return table


def _rows_of(
    loaded: LoadedModel, found: LearnedGates, options: L0Options, name: str
) -> pd.DataFrame:
    """Heads kept and scores of one penalty's mask."""
    mask = found.subnetwork
    state = "pruned" if options.frozen else "retrained"
    variant = f"lambda={name};encoder={'frozen' if options.frozen else 'trained'}"
    about = identity(loaded.name, mask, state) | {
        "task": loaded.parts.spec.name,
        "selection": mask.selection,
        **loaded.seed_columns,
        "variant": variant,
    }
    scores = scores_by_part(loaded, found.model, mask, state, variant)
    return pd.concat([rows_frame(mask_rows(mask, about)), rows_frame(scores)], ignore_index=True)


def _warn(found: LearnedGates, name: str, progress: Progress) -> None:
    if found.flag == "degenerate":
        progress.say(
            f"DEGENERATE: penalty {name} prunes all heads, so the mask says nothing about "
            "subnetworks; lower the penalty"
        )
    if found.flag == "diverged":
        progress.say(
            f"DIVERGED: the loss under penalty {name} is NaN or infinite; the gates are those of "
            "the step before and support no conclusion; check that fine-tuning converged"
        )
