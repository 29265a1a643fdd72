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
        seed: initialises the task head, and draws what is set aside for choosing masks.
        order_seed: orders the examples and draws the dropout; by default the seed.
        mask: train this subnetwork alone, on the pretrained weights.
        learning_rate: peak learning rate; 0 takes what is recorded for the encoder and task, as for
            the other options of the recipe.
        epochs: passes over the training examples; 0 = recorded.
        batch_size: examples a step; 0 = recorded.
        max_length: subwords an example keeps; 0 = recorded.
        selection: what masks will be chosen on: `held-out` or `reported`.
        overwrite: write although the folder holds files that subprobe did not write; they stay.
        device: as in `load_model`.
        progress: what is told goes there; by default each line is a `SubprobeWarning`.

    Raises:
        CheckpointError: if the encoder cannot be loaded faithfully.
        ConfigError: for an option out of range.
        InputError: if the folder holds something else.
        UnknownNameError: if there is no such task or family.
    """
    progress = progress or Warned()
    recipe = {
        "learning_rate": learning_rate,
        "epochs": epochs,
        "batch_size": batch_size,
        "max_length": max_length,
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
