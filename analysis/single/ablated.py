"""Give a mask another ablation: what replaces the units that it prunes in one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...data.errors import ConfigError
from ...data.tasks.task import TaskData, TaskParts
from ...data.tasks.task_parts import split_parts
from ...models.ablation.constants import with_ablation
from ...models.ablation.partner_counts import partner_counts
from ...models.checkpoint.checkpoint import load_encoder, load_tokenizer
from ...models.encoder.kept_units import kept_units_of
from ...models.masks.subnetwork import Subnetwork
from ..steps.progress import Progress


def recorded_parts(data: TaskData, meta: Mapping[str, Any]) -> TaskParts:
    """The parts of a task as they were when a model was fine-tuned.

    Args:
        data: the task.
        meta: the record in the model's folder.
    """
    chosen = "reported" if meta.get("selection", "") == "reported" else "held-out"
    seed = int(meta.get("seed_split", meta.get("seed_init", 0)))
    return split_parts(data, selection=chosen, seed=seed)


def under_ablation(
    mask: Subnetwork | None,
    name: str,
    model: Any,
    tokenizer: Any,
    meta: Mapping[str, Any],
    parts: TaskParts | None,
    progress: Progress,
    *,
    max_length: int,
    batch_size: int = 64,
    match: str = "",
    seed: int | None = None,
) -> Subnetwork:
    """A mask with another ablation, or with constants that are computed anew on this model.

    Args:
        mask: the mask of the model.
        name: the ablation.
        model: the model.
        tokenizer: its tokenizer.
        meta: the record in the model's folder.
        parts: the task, over whose training part means are taken; None = unknown.
        progress: receives messages.
        max_length: maximum subwords per example.
        batch_size: B.
        match: the examples from which `resample` draws; empty = any.
        seed: seed of these draws; None = 0.

    Raises:
        ConfigError: without a mask, if the model has its ablation in its weights, the ablation
            needs a task, or it draws nothing and is told how to draw.
        UnknownNameError, InputError, MaskError: as `with_ablation` does.
    """
    check_draws(name, match, seed)
    if mask is None:
        raise ConfigError(
            "the full model has no pruned units to replace",
            where="`ablation`",
            remedy="add `mask`, or leave out `ablation`",
        )
    if kept_units_of(model) is not None or meta.get("form") == "baked":
        raise ConfigError(
            "the weights of a compact or baked model contain its ablation",
            where="`ablation`",
            remedy="use the full model and the mask",
        )
    if parts is None:
        if name != "zero":
            raise ConfigError(
                f"the ablation {name} is computed on the training part of a task",
                where="`ablation`",
                remedy="add `task`",
            )
        return mask.with_meta(ablation="zero", constants={}, constants_of="")
    if name == "learned" and model.base_model is model:
        raise ConfigError(
            "the constants of the ablation learned need the model's task head, which no chosen "
            "probe uses",
            where="`ablation`",
            remedy="store them in a mask (`subprobe prune` with `ablation` learned)",
        )
    found = with_ablation(
        mask, name, model, tokenizer, parts, match=match or "any", seed=seed or 0,
        batch_size=batch_size, max_length=max_length, say=progress.say,
    )  # fmt: skip
    tell_partners(found, tokenizer, parts, progress, max_length=max_length)
    return found


def check_draws(name: str, match: str, seed: int | None) -> None:
    """Raise if an ablation that draws no examples is told how to draw them.

    Raises:
        ConfigError: naming the option.
    """
    given = {"match_donors": bool(match), "donor_seed": seed is not None}
    for option, here in given.items():
        if here and name != "resample":
            raise ConfigError(
                f"the ablation {name or 'of the mask file'} draws no examples anew",
                where=f"`{option}`",
                remedy="leave it out, or name the `ablation` resample",
            )


def tell_partners(
    mask: Subnetwork, tokenizer: Any, parts: TaskParts, progress: Progress, *, max_length: int
) -> None:
    """Report what partners of the reported examples differ from them in."""
    counts = partner_counts(mask, tokenizer, parts.report, parts.spec, max_length=max_length)
    for line in counts.said(f"{parts.report_name} examples"):
        progress.say(line)


def refreshed_for(
    mask: Subnetwork | None, model: str, parts: TaskParts, progress: Progress, *, max_length: int
) -> Subnetwork:
    """A mask with the means of the weights that its retraining starts from.

    Args:
        mask: the mask that is retrained; None is refused.
        model: the pretrained encoder.
        parts: the task, over whose training part means are taken.
        progress: receives messages.
        max_length: maximum subwords per example.

    Raises:
        ConfigError: if the mask has no means.
        InputError, MaskError: as `with_ablation` does.
    """
    if mask is None or mask.ablation not in ("mean", "mean-by-position"):
        given = f"the mask has the ablation {mask.ablation}" if mask else "no mask is given"
        raise ConfigError(
            f"{given}, so there are no means to compute anew",
            where="`refresh_means`",
            remedy="leave it out",
        )
    return with_ablation(
        mask, mask.ablation, load_encoder(model), load_tokenizer(model), parts,
        max_length=max_length, say=progress.say,
    )  # fmt: skip
