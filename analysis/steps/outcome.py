"""The outcome of a training: it diverged, did not learn, or learned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...data.tasks.task import TaskParts
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, evaluate
from ...models.training.recipes import Recipe
from ..flags import DIVERGED, UNLEARNED
from ..wording import between, counted, decimal, training_text
from .performance import lowest, performance_rows

if TYPE_CHECKING:  # judging a training needs no Trainer
    from ...models.training.finetune import FineTuned


@dataclass(frozen=True)
class Outcome:
    """The outcome of a training, as recorded in cells and model folders.

    Attributes:
        flag: `diverged`, `unlearned`, or empty.
        why: the sentence that explains the flag; empty without a flag.
        scored: the model's predictions on the selection examples; None if there are none.
        notes: plain values: `flag`, and `training` with steps, mean loss of each epoch (None for
            no finite number), the primary metric on the selection examples with its interval and
            baseline, and the size of micro-batches; if it was scored during training, whether it
            stopped early, and the step and score of each look at the selection examples.
    """

    flag: str
    why: str
    scored: Evaluation | None
    notes: Mapping[str, Any]


def outcome(
    trained: FineTuned, parts: TaskParts, recipe: Recipe, mask: Subnetwork | None = None
) -> Outcome:
    """Judge a training by its loss and by its model's score on the selection examples.

    It is `diverged` as `divergence.has_diverged` says. Else it is `unlearned` if the 95% interval
    of the task's primary metric on the selection examples reaches the score of the majority class
    of train (in regression: of its mean). If masks are chosen on the reported examples, these are
    the selection examples.

    Args:
        trained: the result of `finetune`.
        parts: the task that it was trained on.
        recipe: its recipe.
        mask: the mask that it was trained under.
    """
    held = replace(parts, report=parts.selection, report_name=parts.selection_name)
    found = None
    if held.report:
        found = evaluate(
            trained.model,
            trained.tokenizer,
            held.report,
            held.spec,
            subnetwork=mask,
            max_length=recipe.max_length,
        )
    scored = _primary(found, held) if found else {}
    flag, why = "", ""
    if trained.diverged:
        flag, why = DIVERGED, f"DIVERGED: {_exploded(trained)}"
    elif scored and lowest(scored["value"], scored["ci_low"]) <= scored["baseline_value"]:
        flag, how = UNLEARNED, training_text(vars(recipe), len(parts.train))
        why = (
            f"UNLEARNED: {_no_better(scored)} after {how}: it did not learn in this time and may "
            "learn with more; try more epochs or another learning rate"
        )
    training = {
        "steps": trained.steps,
        "losses": [_finite(loss) for loss in trained.losses],
        "on_selection": scored,
        "micro_batch": trained.micro_batch,
    }
    if trained.head_loss is not None:
        training["head_loss"] = _finite(trained.head_loss)
    if trained.scores:
        training["stopped_early"] = trained.stopped_early
        training["scores"] = [[step, _finite(score)] for step, score in trained.scores]
    return Outcome(flag, why, found, {"flag": flag, "training": training})


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _primary(found: Evaluation, held: TaskParts) -> dict[str, Any]:
    """The primary metric with its interval and baseline, as plain values."""
    line = performance_rows(found, held).iloc[0]
    numbers = ("value", "ci_low", "ci_high", "baseline_value")
    return {
        "metric": str(line["metric"]),
        # a score whose resamples are all equal has no interval
        **{name: None if pd.isna(line[name]) else float(line[name]) for name in numbers},
        "baseline": str(line["baseline"]),
        "n": int(line["n"]),
    }


def _exploded(trained: FineTuned) -> str:
    lost = [place for place, loss in enumerate(trained.losses, 1) if not math.isfinite(loss)]
    if lost:
        what = f"the loss of epoch {lost[0]} is not finite"
    elif trained.losses and trained.losses[-1] > trained.loss_limit:
        what = (
            f"the mean loss of the last epoch is {trained.losses[-1]:.3g}, above "
            f"{trained.loss_limit:.3g}, twice the loss at the start of a training"
        )
    else:
        what = "the weights contain NaN or infinity after the last step"
    return f"{what}; try a lower learning rate, a longer warm-up or another seed"


def _no_better(scored: Mapping[str, Any]) -> str:
    limits = ""
    if scored["ci_low"] is not None:
        limits = f"{between(scored['ci_low'], scored['ci_high'], 3)} "
    return (
        f"{scored['metric']} {decimal(scored['value'], 3)} {limits}on the "
        f"{counted(scored['n'], 'selection example')} is not significantly above the "
        f"{scored['baseline']}'s {decimal(scored['baseline_value'], 3)}"
    )
