"""One step alone: what the single commands do with a model folder, a task and a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import ConfigError
from ...data.task import TaskData, TaskParts
from ...data.tasks import custom_task, load_task, split_parts
from ...pruning.checkpoint import (
    load_classifier,
    load_tokenizer,
    read_meta,
    resolve_model,
    save_classifier,
)
from ...pruning.evaluate import evaluate
from ...pruning.finetune import finetune
from ...pruning.subnetwork import Subnetwork
from ..flags import ABOUT, FAILED
from .config import PruneOptions, RecipeOptions
from .degenerate import degenerate_search
from .identity import identity, selection_of
from .masks import RETRAINED, state_of
from .outcome import outcome
from .performance import performance_rows
from .progress import Progress
from .seed_model import chosen_recipe, cut_examples
from .selection import find_good


@dataclass(frozen=True)
class TaskChoice:
    """Which task, and where its examples lie.

    Attributes:
        name: a registered task, or any name with `columns`.
        data_dir: local folder, or None for the embedded generator or the hub.
        columns: role (`first`, `second`, `label`) -> column of the user's own files.
    """

    name: str
    data_dir: str | None = None
    columns: dict[str, str] | None = None

    def load(self) -> TaskData:
        """Read the task."""
        if self.columns:
            if self.data_dir is None:
                raise ConfigError("--column needs --data-dir, the folder of your files")
            return custom_task(self.name, self.data_dir, self.columns)
        return load_task(self.name, data_dir=self.data_dir)


def task_choice(task: str, data_dir: Path | None, columns: Sequence[str] | None) -> TaskChoice:
    """Which task the options of a command name.

    Args:
        task: task id.
        data_dir: local folder, if any.
        columns: texts such as `first=sentence`, one a role.

    Raises:
        ConfigError: for a column that is no `role=name`.
    """
    pairs = [column.partition("=") for column in columns or ()]
    for role, equals, name in pairs:
        if role not in {"first", "second", "label"} or not equals or not name:
            raise ConfigError(
                f"--column {role}{equals}{name} is no role=name",
                remedy="roles are first, second, label, for instance --column first=sentence",
            )
    roles = {role: name for role, _, name in pairs}
    return TaskChoice(task, str(data_dir) if data_dir else None, roles or None)


def fine_tune_to_folder(
    model: str,
    task: TaskChoice,
    out: Path,
    *,
    seed: int,
    order_seed: int,
    selection: str,
    options: RecipeOptions,
    progress: Progress,
    mask: Subnetwork | None = None,
    route: str = "masked",
) -> dict[str, Any]:
    """Fine-tune a model on a task into a folder; returns what was recorded beside the weights.

    Args:
        model: the pretrained encoder.
        task: the task.
        out: the folder.
        seed: initialises the task head.
        order_seed: orders the examples and draws the dropout.
        selection: `held-out` or `reported`.
        options: what of the recorded recipe to change.
        progress: where the training reports to.
        mask: retrain this subnetwork on the pretrained weights.
        route: by which way, see `finetune`.
    """
    source = resolve_model(model)
    data = task.load()
    parts = split_parts(data, selection=selection, seed=seed)
    recipe = chosen_recipe(source, data.spec.name, options)
    with progress.stage(f"fine-tuning on {data.spec.name}") as advance:
        trained = finetune(
            model, parts, recipe, seed_init=seed, seed_order=order_seed, subnetwork=mask,
            route=route, progress=advance,
        )  # fmt: skip
    if said := cut_examples(trained, parts, recipe):
        progress.say(said)
    came_to = outcome(trained, parts, recipe, mask)
    if came_to.why:
        progress.say(came_to.why)
    meta = {
        "task": data.spec.name,
        "model": source.name,
        "seed_init": seed,
        "seed_order": order_seed,
        "selection": parts.selection_name,
        "recipe": vars(recipe),
        "n_train": len(parts.train),
        "n_truncated": trained.n_truncated,
        "fingerprint": trained.fingerprint,
        **came_to.notes,
        **({RETRAINED: mask.mask_id, "route": route} if mask else {}),
    }
    save_classifier(trained.model, trained.tokenizer, out, meta)
    return meta


@dataclass(frozen=True)
class Loaded:
    """A fine-tuned model with the parts of the task that it was trained with."""

    name: str
    model: Any
    tokenizer: Any
    parts: TaskParts
    meta: dict[str, Any]

    @property
    def max_length(self) -> int:
        """The length it was fine-tuned with, else 128."""
        return int(self.meta.get("recipe", {}).get("max_length", 128))

    @property
    def seeds(self) -> tuple[int, int]:
        """The (init, order) seeds it was fine-tuned with, else 0."""
        return int(self.meta.get("seed_init", 0)), int(self.meta.get("seed_order", 0))


def load_for_task(model: str, task: TaskChoice, *, selection: str = "") -> Loaded:
    """Load a fine-tuned model; its task is split as it was when the model was trained.

    Args:
        model: its folder, or a hub id.
        task: what it was fine-tuned on.
        selection: `held-out` or `reported`; empty takes what the folder records, else `held-out`.
    """
    meta = read_meta(model)
    data = task.load()
    recorded = "reported" if meta.get("selection", "") == "reported" else "held-out"
    parts = split_parts(data, selection=selection or recorded, seed=int(meta.get("seed_init", 0)))
    return Loaded(model, load_classifier(model, data.spec), load_tokenizer(model), parts, meta)


def prune_to_mask(
    loaded: Loaded, options: PruneOptions, out: Path, progress: Progress
) -> Subnetwork:
    """Find the good subnetwork of a fine-tuned model by the first of `options.methods`; save it.

    Raises:
        ConfigError: for the lottery protocol, whose rounds are trainings.
    """
    parts, method = loaded.parts, options.methods[0]
    if "selection" not in loaded.meta and parts.selection_name.startswith("train"):
        progress.say(
            f"{loaded.name} does not record what it was fine-tuned on: if that was all of train, "
            f"it has seen the examples that masks are chosen on ({parts.selection_name}); "
            "--selection reported chooses on those that are reported on, as the study did"
        )
    if method == "imp":
        raise ConfigError(
            "the rounds of imp are trainings from the pretrained weights, which a fine-tuned "
            "model does not hold",
            where="--method",
            remedy='use subprobe run with prune.methods = ["imp"]',
        )
    if (flag := loaded.meta.get("flag")) in FAILED:
        progress.say(f"{loaded.name} {ABOUT[str(flag)]}")
    with progress.stage("searching the good subnetwork") as advance:
        good = find_good(
            loaded.model,
            loaded.tokenizer,
            parts,
            options,
            max_length=loaded.max_length,
            seeds=loaded.seeds,
            method=method,
            model_name=str(loaded.meta.get("model", loaded.name)),
            progress=advance,
        )
    good.save(out)
    if said := degenerate_search(good):
        progress.say(f"DEGENERATE: {said}")
    return good


def evaluate_rows(loaded: Loaded, mask: Subnetwork | None) -> pd.DataFrame:
    """Performance rows of a fine-tuned model, whole or under a mask."""
    found = evaluate(
        loaded.model,
        loaded.tokenizer,
        loaded.parts.report,
        loaded.parts.spec,
        subnetwork=mask,
        max_length=loaded.max_length,
    )
    about = identity(loaded.name, mask, state_of(mask, loaded.meta)) | {
        "task": loaded.parts.spec.name,
        "selection": selection_of(mask, loaded.parts),
        "seed": loaded.seeds[0],
    }
    rows = performance_rows(found, loaded.parts).assign(**about)
    lost = mask is not None and (mask.empty or bool(degenerate_search(mask)))
    flag = loaded.meta.get("flag") or ("degenerate" if lost else "")
    return rows.assign(flag=flag) if flag else rows
