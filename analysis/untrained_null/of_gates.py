"""Learned gates, and gates learnt with the same options in the encoder of random weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ...data.output.folders import atomic_folder
from ...data.output.tables import items_frame, rows_frame, write_csv, write_parquet
from ...models.training.recipes import Recipe
from ...pruning.learned.learned_gates import L0Options, LearnedGates
from ...pruning.sized.size_gates import SizedGates
from ...pruning.sized.size_options import SizeOptions
from ..flags import DIVERGED
from ..gates.replaced import Replaced
from ..gates.search import learn_penalised_under, learn_under
from ..single.gate_scores import GATES
from ..single.gate_sweep import Sweep
from ..single.loaded import LoadedModel
from ..single.size_sweep import SizeSweep
from ..steps.progress import Advance, Progress
from .names import ITEMS, ROWS, UNTRAINED
from .of_search import Null
from .retrained import untrained_twin
from .scoring import NullScores

Found = LearnedGates | SizedGates


@dataclass(frozen=True)
class Learned:
    """The gates of one penalty or size, and how to learn them again.

    Attributes:
        about: what `variant` says of them, such as `lambda=0.01` or `keep=0.5`.
        file: name of the file of their mask, without its ending.
        found: the gates.
        again: learns them in another model, with the same options.
    """

    about: str
    file: str
    found: Found
    again: Callable[[LoadedModel, Progress, Advance], Found]


def of_penalties(
    sweep: Sweep, options: L0Options, recipe: Recipe, replaced: Replaced
) -> list[Learned]:
    """The gates of a sweep over penalties.

    Args:
        sweep: the gates.
        options: how they were learnt; its `penalty` is not read.
        recipe: how the model was fine-tuned.
        replaced: the ablation; constants are those of each encoder.
    """
    return [
        Learned(
            f"lambda={one:g}", f"l0-{one:g}", found,
            _again(learn_penalised_under, replace(options, penalty=one), recipe, replaced),
        )
        for one, found in sweep.learned.items()
    ]  # fmt: skip


def of_sizes(
    sweep: SizeSweep, options: SizeOptions, recipe: Recipe, replaced: Replaced
) -> list[Learned]:
    """The gates of a sweep over sizes.

    Args:
        sweep: the gates.
        options: how they were learnt; its `keep` is not read.
        recipe: how the model was fine-tuned.
        replaced: the ablation; constants are those of each encoder.
    """
    return [
        Learned(
            f"keep={one:g}", f"{options.form}-{one:g}", found,
            _again(learn_under, replace(options, keep=one), recipe, replaced),
        )
        for one, found in sweep.learned.items()
    ]  # fmt: skip


def _again(
    learn: Callable[..., Found], options: L0Options | SizeOptions, recipe: Recipe,
    replaced: Replaced,
) -> Callable[[LoadedModel, Progress, Advance], Found]:  # fmt: skip
    """Learning with these options in another model."""
    return lambda twin, progress, advance: learn(
        twin.model, twin.tokenizer, twin.parts, options,
        replace(recipe, max_length=twin.max_length), replaced, seeds=twin.seeds,
        model_name=twin.name, progress=advance, say=progress.say,
    )  # fmt: skip


def null_of_gates(
    loaded: LoadedModel,
    learned: Sequence[Learned],
    recipe: Recipe,
    null: Null,
    out: Path,
    progress: Progress,
    *,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Learn all gates again in the untrained encoder; score both with their controls.

    Writes `untrained-FILE.safetensors` and the tables of the null into the folder of the sweep.

    Args:
        loaded: the fine-tuned model.
        learned: its gates, of `of_penalties` or `of_sizes`.
        recipe: how the model was fine-tuned, see `check_recorded`.
        null: of the null.
        out: the folder of the sweep.
        progress: receives the progress of trainings.
        overwrite: see `atomic_folder`.

    Returns:
        tidy rows; `variant` says the penalty or the share of units to keep.
    """
    twin, flag = untrained_twin(loaded, recipe, progress, device=null.device)
    if flag == DIVERGED:
        progress.say("the training from random weights diverged: there is no untrained null")
    frames, items, masks = [], [], {}
    for one in learned:
        scores = NullScores(
            loaded.name, loaded.parts, loaded.tokenizer, loaded.max_length, null.seed, null.draws,
            progress.say,
        )  # fmt: skip
        found = one.found
        scores.add(found.model, found.subnetwork, "pruned", flag=found.flag, seed=loaded.seeds[0])
        if flag != DIVERGED:
            with progress.stage(f"learning gates, {one.about}, untrained encoder") as advance:
                own = one.again(twin, progress, advance)
            masks[f"{UNTRAINED}-{one.file}"] = own.subnetwork
            scores.add(
                own.model, own.subnetwork, UNTRAINED, flag=flag or own.flag, seed=loaded.seeds[0]
            )
        rows, said = scores.tables()
        frames.append(_named(rows, one.about))
        items.append(said.assign(cell_id=f"{one.about} " + said["cell_id"]))
    table = rows_frame(pd.concat(frames, ignore_index=True))
    with atomic_folder(out, GATES, overwrite=overwrite, adds=True) as folder:
        for name, mask in masks.items():
            mask.save(folder / f"{name}.safetensors")
        write_csv(table, folder / ROWS)
        write_parquet(items_frame(pd.concat(items, ignore_index=True)), folder / ITEMS)
    return table


def _named(rows: pd.DataFrame, about: str) -> pd.DataFrame:
    """Rows whose `variant` and `cell_id` begin with the penalty or size."""
    own = rows["variant"].fillna("")
    variant = own.map(lambda one: f"{about};{one}" if one else about)
    cell = rows["cell_id"].map(lambda one: f"{about} {one}", na_action="ignore")
    return rows.assign(variant=variant, cell_id=cell)
