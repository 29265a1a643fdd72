"""The single steps that commands run on a model folder, a task and a mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.encoding.tokenizer_check import NO_SPECIALS, missing_specials
from ...data.errors import ConfigError
from ...data.tasks.class_order import Pairs
from ...data.tasks.task import TaskData, TaskParts
from ...data.tasks.task_parts import examples_digest, limited, split_parts
from ...models.checkpoint.checkpoint import load_tokenizer, resolve_model, save_classifier
from ...models.checkpoint.compact_files import save_compact
from ...models.checkpoint.inputs import positions_of
from ...models.encoder.device import device_of
from ...models.masks.compact_mask import compact_mask
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, evaluate
from ..cell_output import CellOutput
from ..configuration.config import RecipeOptions
from ..configuration.mask_options import PruneOptions
from ..configuration.recipe import chosen_recipe, fitting_recipe
from ..configuration.task_choice import TaskChoice
from ..flags import ABOUT, FAILED
from ..steps.annotations import readable
from ..steps.data_summary import summarise, summary_lines, without_texts
from ..steps.degenerate import degenerate_search
from ..steps.identity import DONORS_BY_LABEL, by_label, drawn_by_layer, identity, selection_of
from ..steps.masks import RETRAINED, state_of
from ..steps.outcome import outcome
from ..steps.performance import performance_rows
from ..steps.progress import Progress, Silent
from ..steps.said import read_said
from ..steps.selection import find_good
from ..steps.task_head import BY_PLACE, start_of_head
from .ablated import refreshed_for, tell_partners
from .loaded import LoadedModel

MoreRows = Callable[[Evaluation, TaskParts], pd.DataFrame]
"""Makes further rows of an evaluation, such as metrics by label."""


def look_at(
    model: str, task: TaskChoice, *, seed: int, selection: str, max_length: int, limit: int = 0
) -> dict[str, Any]:
    """A summary of the data of a task as fine-tuning of `model` would read it (`data_summary`).

    Args:
        model: the encoder whose subwords are counted.
        task: the task.
        seed: seed of the examples that are held out for choosing masks.
        selection: `held-out` or `reported`.
        max_length: maximum length of an example in subwords; 0 = the value recorded for model and
            task.
        limit: maximum number of examples of each part; 0 = all.
    """
    data = task.load()
    options = RecipeOptions(max_length=max_length)
    recipe = chosen_recipe(resolve_model(model), data.spec.name, options)
    parts = limited(split_parts(data, selection=selection, seed=seed), limit)
    return summarise(data, parts, load_tokenizer(model), max_length=recipe.max_length)


def fine_tune_to_folder(
    model: str,
    task: TaskChoice | TaskData,
    out: Path,
    *,
    seed: int,
    order_seed: int,
    selection: str,
    options: RecipeOptions,
    progress: Progress,
    mask: Subnetwork | None = None,
    route: str = "masked",
    refresh_means: bool = False,
    overwrite: bool = False,
    labels: Pairs = (),
    allow_no_specials: bool = False,
    describe: Callable[[str], None] | None = None,
    limit: int = 0,
    device: str = "auto",
) -> dict[str, Any]:
    """Fine-tune a model on a task and save it to a folder; returns the record stored with the
    weights.

    The data are described first; the first examples are returned but not recorded. An interrupted
    training is resumed by the same call (`recipe.checkpoint_minutes`).

    Args:
        model: the pretrained encoder.
        task: the task, by name or already loaded.
        out: the folder.
        seed: initialises the task head.
        order_seed: seed of the order of examples and of dropout.
        selection: `held-out` or `reported`.
        options: changes to the recorded recipe.
        progress: receives the progress of training.
        mask: retrain this subnetwork on the pretrained weights.
        route: the kind of fine-tuning, see `finetune`.
        refresh_means: compute the means of the mask anew on the weights that training starts from;
            the mask with them is stored in the folder. By default, it keeps its constants.
        overwrite: write although the folder holds files that subprobe did not write; they stay.
        labels: class of the task -> class of a kept head.
        allow_no_specials: see `check_inputs`.
        describe: receives each line of the data description; by default `progress` does.
        limit: maximum number of examples of each part of the task, evenly spaced; 0 = all.
        device: where the model is trained, see `device_of`.

    Raises:
        ConfigError: for `labels` without a kept head, or a device that does not exist or lacks the
            precision.
        MemoryLimitError: if memory also runs out with smaller micro-batches.
    """
    from ...models.training.finetune import finetune  # with the Trainer, that only this one needs

    device_of(device)
    source = resolve_model(model)
    data = task if isinstance(task, TaskData) else task.load()
    tokenizer = load_tokenizer(model)
    if labels and options.head != "kept":
        raise ConfigError(
            "a new task head has no classes to map",
            where="`labels`",
            remedy="omit it, or keep the model's head (`recipe.head`)",
        )
    if said := start_of_head(model, data.spec, seed, kept=options.head == "kept", labels=labels):
        progress.say(said)
    flag = ""
    if allow_no_specials and missing_specials(tokenizer):
        flag, data = NO_SPECIALS, readable(data, tokenizer, progress)
    whole = split_parts(data, selection=selection, seed=seed)
    parts = limited(whole, limit)
    recipe = chosen_recipe(source, data.spec.name, options, device)
    recipe, said = fitting_recipe(recipe, options, positions_of(source))
    if said:
        progress.say(said)
    summary = summarise(data, parts, tokenizer, max_length=recipe.max_length)
    for line in summary_lines(summary):
        (describe or progress.say)(line)
    if refresh_means:
        mask = refreshed_for(mask, model, parts, progress, max_length=recipe.max_length)
    with progress.stage(f"fine-tuning on {data.spec.name}") as advance:
        trained = finetune(
            model, parts, recipe, seed_init=seed, seed_order=order_seed, subnetwork=mask,
            route=route, labels=labels, allow_no_specials=allow_no_specials, device=device,
            tell=progress.say, progress=advance, say=progress.say,
            checkpoints=_state_folder(out), checkpoint_steps=options.checkpoint_steps,
            checkpoint_minutes=options.checkpoint_minutes,
        )  # fmt: skip
    for line in read_said(trained, len(parts.train), recipe.max_length, "training examples"):
        progress.say(line)
    came_to = outcome(trained, parts, recipe, mask)
    if came_to.why:
        progress.say(came_to.why)
    meta = {
        "task": data.spec.name,
        "pair": data.spec.pair,
        "model": source.name,
        "seed_init": seed,
        "seed_order": order_seed,
        "selection": parts.selection_name,
        "recipe": vars(recipe),
        "n_train": len(parts.train),
        # of all that was set apart for training: what a limit left out is not held out
        "train_digest": examples_digest(whole.train),
        "n_truncated": trained.n_truncated,
        "n_wordless": trained.n_wordless,
        "fingerprint": trained.fingerprint,
        **came_to.notes,
        "flag": came_to.flag or flag,
        "data": without_texts(summary),
        **({RETRAINED: mask.mask_id, "route": route} if mask else {}),
    }
    kept = compact_mask(trained.model)
    if kept is None:
        own = mask if refresh_means else None
        save_classifier(trained.model, trained.tokenizer, out, meta, own, overwrite=overwrite)
    else:
        save_compact(trained.model, trained.tokenizer, out, kept, meta, overwrite=overwrite)
    return {**meta, "data": summary}


def _state_folder(out: Path) -> Path:
    """The path of the state of an unfinished training, next to its output folder."""
    folder = out.resolve()
    return folder.with_name(f".{folder.name}.training")


def find_mask(loaded: LoadedModel, options: PruneOptions, progress: Progress) -> Subnetwork:
    """Find the good subnetwork of a fine-tuned model by the first of `options.methods`.

    Raises:
        ConfigError: for the lottery protocol, which retrains in each round.
    """
    parts, method = loaded.parts, options.methods[0]
    if "selection" not in loaded.meta and parts.selection_name.startswith("train"):
        progress.say(
            f"{loaded.name} does not record what it was fine-tuned on: if that was all of train, "
            f"it has seen the examples that masks are chosen on ({parts.selection_name}); "
            "`selection` reported chooses on those that are reported on, as the study did"
        )
    if method == "imp":
        raise ConfigError(
            "the rounds of imp are trainings from the pretrained weights, which a fine-tuned "
            "model does not hold",
            where="`prune.methods`",
            remedy='use subprobe run with prune.methods = ["imp"]',
        )
    loaded.tell(parts.selection, "selection examples", progress)
    if (flag := loaded.meta.get("flag")) in FAILED:
        progress.say(f"{loaded.name} {ABOUT[str(flag)]}")
    with progress.stage("searching for the good subnetwork") as advance:
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
            say=progress.say,
        )
    if said := degenerate_search(good):
        progress.say(f"DEGENERATE: {said}")
    tell_partners(good, loaded.tokenizer, parts, progress, max_length=loaded.max_length)
    return good


def prune_to_mask(
    loaded: LoadedModel, options: PruneOptions, out: Path, progress: Progress
) -> Subnetwork:
    """The same, saved."""
    good = find_mask(loaded, options, progress)
    good.save(out)
    return good


def evaluate_rows(
    loaded: LoadedModel,
    mask: Subnetwork | None,
    progress: Progress | None = None,
    *,
    batch_size: int = 64,
    more: Sequence[MoreRows] = (),
) -> pd.DataFrame:
    """Performance rows of a fine-tuned model, full or masked; truncated texts are reported."""
    told = progress or Silent()
    return evaluate_loaded(loaded, mask, told, batch_size=batch_size, more=more).rows


def evaluate_loaded(
    loaded: LoadedModel,
    mask: Subnetwork | None,
    progress: Progress,
    *,
    batch_size: int = 64,
    more: Sequence[MoreRows] = (),
) -> CellOutput:
    """The same with the prediction for each example as items, and rows that `more` adds."""
    found = evaluate(
        loaded.model,
        loaded.tokenizer,
        loaded.parts.report,
        loaded.parts.spec,
        subnetwork=mask,
        batch_size=batch_size,
        max_length=loaded.max_length,
        say=progress.say,
    )
    for line in read_said(found, found.n_examples, loaded.max_length):
        progress.say(line)
    about = identity(loaded.name, mask, state_of(mask, loaded.meta)) | {
        "task": loaded.parts.spec.name,
        "selection": selection_of(mask, loaded.parts),
        **loaded.seed_columns,
    }
    made = [performance_rows(found, loaded.parts), *(make(found, loaded.parts) for make in more)]
    made[0] = made[0].assign(**drawn_by_layer(mask))
    rows = pd.concat(made, ignore_index=True).assign(**about)
    lost = mask is not None and (mask.empty or bool(degenerate_search(mask)))
    flags = [loaded.meta.get("flag") or ("degenerate" if lost else "")]
    flags += [BY_PLACE] if loaded.classes_by == "place" else []
    flags += [loaded.flag, DONORS_BY_LABEL if by_label(mask) else ""]
    flag = ", ".join(dict.fromkeys(one for one in flags if one))
    items = found.items().assign(probe="performance")
    notes = {"batch_size": found.batch_size}
    return CellOutput(rows.assign(flag=flag) if flag else rows, items, notes=notes)
