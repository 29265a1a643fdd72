"""Learned gates, and gates learnt with the same options in the encoder of random weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from ...data.output.folders import atomic_folder
from ...data.output.tables import items_frame, rows_frame, write_csv, write_parquet
from ...models.training.recipes import Recipe
from ...pruning.learned.learned_gates import L0Options, learn_gates
from ..flags import DIVERGED
from ..single.gate_sweep import GATES, Sweep
from ..single.loaded import LoadedModel
from ..steps.progress import Progress
from .names import ITEMS, ROWS, UNTRAINED
from .of_search import Null
from .retrained import untrained_twin
from .scoring import NullScores


def null_of_gates(
    loaded: LoadedModel,
    sweep: Sweep,
    options: L0Options,
    recipe: Recipe,
    null: Null,
    out: Path,
    progress: Progress,
    *,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Learn gates at each penalty in the untrained encoder; score both with their controls.

    Writes `untrained-l0-PENALTY.safetensors` and the tables of the null into the folder of the
    sweep.

    Args:
        loaded: the fine-tuned model.
        sweep: its learned gates.
        options: how they were learnt; its `penalty` is not read.
        recipe: how the model was fine-tuned, see `check_recorded`.
        null: of the null.
        out: the folder of the sweep.
        progress: receives the progress of trainings.
        overwrite: see `atomic_folder`.

    Returns:
        tidy rows; `variant` says the penalty.
    """
    twin, flag = untrained_twin(loaded, recipe, progress, device=null.device)
    if flag == DIVERGED:
        progress.say("the training from random weights diverged: there is no untrained null")
    frames, items, masks = [], [], {}
    for penalty, found in sweep.learned.items():
        name = f"{penalty:g}"
        scores = NullScores(
            loaded.name, loaded.parts, loaded.tokenizer, loaded.max_length, null.seed, null.draws,
            progress.say,
        )  # fmt: skip
        scores.add(found.model, found.subnetwork, "pruned", flag=found.flag, seed=loaded.seeds[0])
        if flag != DIVERGED:
            with progress.stage(f"learning gates, penalty {name}, untrained encoder") as advance:
                own = learn_gates(
                    twin.model, twin.tokenizer, twin.parts, replace(options, penalty=penalty),
                    replace(recipe, max_length=loaded.max_length), seeds=loaded.seeds,
                    model_name=loaded.name, progress=advance,
                )  # fmt: skip
            masks[f"{UNTRAINED}-l0-{name}"] = own.subnetwork
            scores.add(
                own.model, own.subnetwork, UNTRAINED, flag=flag or own.flag, seed=loaded.seeds[0]
            )
        rows, said = scores.tables()
        frames.append(_of_penalty(rows, name))
        items.append(said.assign(cell_id=f"lambda={name} " + said["cell_id"]))
    table = rows_frame(pd.concat(frames, ignore_index=True))
    with atomic_folder(out, GATES, overwrite=overwrite, adds=True) as folder:
        for name, mask in masks.items():
            mask.save(folder / f"{name}.safetensors")
        write_csv(table, folder / ROWS)
        write_parquet(items_frame(pd.concat(items, ignore_index=True)), folder / ITEMS)
    return table


def _of_penalty(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows whose `variant` and `cell_id` begin with the penalty."""
    about = f"lambda={name}"
    own = rows["variant"].fillna("")
    variant = own.map(lambda one: f"{about};{one}" if one else about)
    cell = rows["cell_id"].map(lambda one: f"{about} {one}", na_action="ignore")
    return rows.assign(variant=variant, cell_id=cell)
