"""Fine-tune an encoder from Python."""

from __future__ import annotations

from pathlib import Path

from ...data.output.outputs import prepare_out
from ...data.tasks.by_name import load_task
from ...data.tasks.task import TaskData
from ...models.folder.sources import MODEL
from ...models.masks.subnetwork import Subnetwork
from ..configuration.config import parse_config
from ..single.loaded import LoadedModel, load_model
from ..single.training import fine_tune_to_folder
from ..steps.progress import Progress, Warned, unheard


def fine_tune(
    name: str,
    task: str | TaskData,
    out: Path | str,
    *,
    seed: int = 1,
    order_seed: int | None = None,
    mask: Subnetwork | None = None,
    learning_rate: float = 0.0,
    epochs: float = 0.0,
    batch_size: int = 0,
    max_length: int = 0,
    precision: str = "",
    micro_batch: int = 0,
    memory_gb: float = 0.0,
    patience: int = 0,
    evaluate_every: int = 0,
    checkpoint_steps: int = 0,
    checkpoint_minutes: float = 5.0,
    selection: str = "held-out",
    overwrite: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
) -> LoadedModel:
    """Fine-tune a pretrained encoder on a task, save it into a folder, and load it.

    Args:
        name: the encoder: `embedded`, a folder *written as a path*, or a hub id.
        task: an embedded or GLUE task by name, or what `load_task` gave.
        out: the folder; it may hold an earlier model that subprobe wrote.
        seed: seed of the task head, and of the examples that are held out for choosing masks.
        order_seed: seed of the order of examples and of dropout; by default `seed`.
        mask: train only this subnetwork, from the pretrained weights.
        learning_rate: peak learning rate; 0 = the value recorded for the encoder and task, as for
            the other options of the recipe.
        epochs: passes over the training examples; 0 = recorded.
        batch_size: examples per step; 0 = recorded.
        max_length: maximum length of an example in subwords; 0 = recorded.
        precision: `float32`, `bfloat16` or, on a GPU, `float16`; empty = recorded.
        micro_batch: examples of a step in memory at once; 0 = all, or half if memory runs out.
        memory_gb: memory limit in GB, to which the micro-batch is adapted by halving; 0 = no limit.
        patience: number of evaluations on the selection examples without a new best score before
            training stops; 0 = never.
        evaluate_every: steps between these evaluations, which are recorded; 0 = one epoch with
            `patience`, else none.
        checkpoint_steps: steps between checkpoints from which the same call resumes; 0 = none.
        checkpoint_minutes: minutes between such checkpoints; 0 = none.
        selection: the examples on which masks will be chosen: `held-out` or `reported`.
        overwrite: write although the folder holds files that subprobe did not write; they stay.
        device: as in `load_model`.
        progress: receives messages; by default each is issued as a `SubprobeWarning`.

    Raises:
        CheckpointError: if the encoder cannot be loaded faithfully.
        ConfigError: for an option out of range.
        InputError: if the folder contains other files.
        MemoryLimitError: if memory also runs out with smaller micro-batches.
        UnknownNameError: if there is no such task or family.
    """
    progress = progress or Warned()
    recipe = {
        "learning_rate": learning_rate,
        "epochs": epochs,
        "batch_size": batch_size,
        "max_length": max_length,
        "precision": precision,
        "micro_batch": micro_batch,
        "memory_gb": memory_gb,
        "patience": patience,
        "evaluate_every": evaluate_every,
        "checkpoint_steps": checkpoint_steps,
        "checkpoint_minutes": checkpoint_minutes,
    }
    options = parse_config({"recipe": recipe}, where="fine_tune").recipe
    data = task if isinstance(task, TaskData) else load_task(task)
    folder = prepare_out(out, folder=MODEL, overwrite=overwrite)
    fine_tune_to_folder(
        name,
        data,
        folder,
        seed=seed,
        order_seed=seed if order_seed is None else order_seed,
        selection=selection,
        options=options,
        progress=progress,
        mask=mask,
        overwrite=overwrite,
        device=device,
        describe=unheard,
    )
    # a name without a slash would be one on the hub
    written = str(folder) if folder.is_absolute() else f"./{folder}"
    return load_model(written, data, device=device, progress=progress)
