"""One step alone: what the single commands do with a model folder, a task and a mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import ConfigError
from ...data.task import TaskParts
from ...data.task_parts import split_parts
from ...pruning.checkpoint import (
    load_classifier,
    load_tokenizer,
    read_meta,
    resolve_model,
    save_classifier,
)
from ...pruning.evaluate import evaluate
from ...pruning.finetune import DIVERGED, finetune
from ...pruning.subnetwork import Subnetwork
from .config import PruneOptions, RecipeOptions
from .data_summary import left_out_lines, summarise, summary_lines, without_texts
from .degenerate import degenerate_search
from .identity import identity, selection_of
from .masks import RETRAINED, state_of
from .performance import performance_rows
from .progress import Progress
from .seed_model import chosen_recipe, cut_examples, examples_digest
from .selection import find_good
from .task_choice import TaskChoice


def look_at(
    model: str, task: TaskChoice, *, seed: int, selection: str, max_length: int
) -> dict[str, Any]:
    """What is read of a task, as fine-tuning `model` on it would read it (`data_summary`).

    Args:
        model: the encoder whose subwords are counted.
        task: the task.
        seed: draws what is set aside for choosing masks.
        selection: `held-out` or `reported`.
        max_length: subwords an example keeps; 0 takes what is recorded for the model and task.
    """
    data = task.load()
    options = RecipeOptions(max_length=max_length)
    recipe = chosen_recipe(resolve_model(model), data.spec.name, options)
    parts = split_parts(data, selection=selection, seed=seed)
    return summarise(data, parts, load_tokenizer(model), max_length=recipe.max_length)


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

    What was read is told before; the first examples of it are returned and not recorded.

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
    summary = summarise(data, parts, load_tokenizer(model), max_length=recipe.max_length)
    for line in summary_lines(summary):
        progress.say(line)
    with progress.stage(f"fine-tuning on {data.spec.name}") as advance:
        trained = finetune(
            model, parts, recipe, seed_init=seed, seed_order=order_seed, subnetwork=mask,
            route=route, progress=advance,
        )  # fmt: skip
    if said := cut_examples(trained, parts, recipe):
        progress.say(said)
    if trained.diverged:
        progress.say(DIVERGED)
    meta = {
        "task": data.spec.name,
        "model": source.name,
        "seed_init": seed,
        "seed_order": order_seed,
        "selection": parts.selection_name,
        "recipe": vars(recipe),
        "n_train": len(parts.train),
        "train_digest": examples_digest(parts.train),
        "n_truncated": trained.n_truncated,
        "fingerprint": trained.fingerprint,
        "flag": "diverged" if trained.diverged else "",
        "data": without_texts(summary),
        **({RETRAINED: mask.mask_id, "route": route} if mask else {}),
    }
    save_classifier(trained.model, trained.tokenizer, out, meta)
    return {**meta, "data": summary}


@dataclass(frozen=True)
class Loaded:
    """A fine-tuned model with the parts of the task that it was trained with.

    Attributes:
        told: lines for the user: rows that were left out, or another training part than the one
            that the folder records.
    """

    name: str
    model: Any
    tokenizer: Any
    parts: TaskParts
    meta: dict[str, Any]
    told: tuple[str, ...] = ()

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
    chosen = selection or recorded
    parts = split_parts(data, selection=chosen, seed=int(meta.get("seed_init", 0)))
    told = left_out_lines(data)
    trained = meta.get("train_digest", "")
    if trained and chosen == recorded and trained != examples_digest(parts.train):
        told.append(
            f"{model} was fine-tuned on other examples than these files and options set apart for "
            f"training now: it may have seen what is called held out ({parts.selection_name})"
        )
    net, tokenizer = load_classifier(model, data.spec), load_tokenizer(model)
    return Loaded(model, net, tokenizer, parts, meta, tuple(told))


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
