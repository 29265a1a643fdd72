"""Fine-tune the full model or a subnetwork with transformers.Trainer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...data.errors import ConfigError, MaskError, UnknownNameError
from ...data.tasks.class_order import Pairs
from ...data.tasks.task import TaskParts
from ..encoder.out_of_memory import once_halved
from ..masks.subnetwork import Subnetwork
from .checkpointing import Checkpoints, Say
from .early_stopping import check_selection
from .precision import check_precision
from .prepared_training import FineTuned as FineTuned
from .prepared_training import PreparedTraining
from .recipes import Recipe
from .trainer import Step

ROUTES = ("masked", "compact")
"""How units that are switched off are trained around: under gates, or without them in the model.
Without dropout both are the same training; with it they draw other dropout."""

_REMEDY = (
    "train on fewer examples at once (`recipe.micro_batch`) or shorter ones (`recipe.max_length`)"
)


def finetune(
    model_name: str,
    parts: TaskParts,
    recipe: Recipe,
    *,
    seed_init: int,
    seed_order: int,
    subnetwork: Subnetwork | None = None,
    start: str = "pretrained",
    rewind: int = 0,
    route: str = "masked",
    labels: Pairs = (),
    allow_no_specials: bool = False,
    device: str = "auto",
    tell: Callable[[str], None] | None = None,
    progress: Step | None = None,
    checkpoints: Path | None = None,
    checkpoint_steps: int = 0,
    checkpoint_minutes: float = 5.0,
    say: Say | None = None,
) -> FineTuned:
    """Fine-tune an encoder on `parts.train`; the weights of the last step are used.

    Args:
        model_name: see `resolve_model`.
        parts: the task.
        recipe: rate, epochs, batch size, length.
        seed_init: seed of the task head (and of an untrained encoder). A probed head is fitted to
            examples drawn with this seed.
        seed_order: seed of the order of examples and of dropout.
        subnetwork: the mask to apply to the pretrained weights during training; None = none.
        start: origin of the initial weights, one of `starts.STARTS`.
        rewind: number of steps to train the full model, as in the training of the mask, before the
            mask is applied to the weights (Frankle et al. 2019). Only for masks of single weights.
        route: one of `ROUTES`. `compact` trains the smaller model from `shrink` and writes its
            weights back into the full model, whose pruned units keep their initial weights.
        labels: pairs of matching classes of the task and a kept head (see `contract`).
        allow_no_specials: continue if the tokenizer defines special tokens but never adds them.
        device: `auto` (chosen by Trainer: an accelerator if there is one), `cpu` or `cuda`.
        tell: receives each message about the tokenizer.
        progress: called with (completed steps, total steps).
        checkpoints: folder for the state of only this training, from which the same call resumes
            after an interruption, with the same bytes; it is removed at the end. None = the state
            is not written.
        checkpoint_steps: number of steps between writes of the state; 0 = do not write by steps.
        checkpoint_minutes: number of minutes between writes; 0 = do not write by time.
        say: receives messages about the training, such as its resumption or a lack of memory.

    Returns:
        The full model, for both routes; a model that had lost heads before keeps its size.

    Raises:
        CheckpointError: if the model cannot read the output of its tokenizer (see `check_inputs`).
        UnknownNameError: if the route, start or precision is unknown.
        ConfigError: if the maximum length exceeds the model's positions, `rewind` is set for a mask
            of complete units, the device does not support the precision, the memory budget is too
            small for any micro-batch, or early stopping has no selection examples.
        MemoryLimitError: if memory runs out even with half the size of micro-batches.
        MaskError: if the route is `compact` with a mask of single weights or with an ablation other
            than zero, or a mask is given and the model has lost heads already.
        InputError: if units cannot be removed from the layers of the family.
    """
    if route not in ROUTES:
        raise UnknownNameError("route", route, ROUTES)
    if rewind and subnetwork is not None and not subnetwork.weight_masks:
        raise ConfigError("rewinding is possible only for masks of single weights", where="rewind")
    if route == "compact" and subnetwork is not None and subnetwork.ablation != "zero":
        raise MaskError(
            f"the mask replaces pruned units ({subnetwork.ablation}), and biases that hold the "
            "constants would be trained in a compact model",
            remedy="train under the mask: route masked",
        )
    check_precision(recipe.precision, device)
    check_selection(recipe, parts)
    kept = Checkpoints(checkpoints, checkpoint_steps, checkpoint_minutes, say)
    again = False

    def prepared() -> PreparedTraining:
        return PreparedTraining(
            model_name, parts, recipe, seeds=(seed_init, seed_order), subnetwork=subnetwork,
            start=start, rewind=rewind, route=route, labels=labels, device=device,
            allow_no_specials=allow_no_specials, tell=None if again else tell,
        )  # fmt: skip

    found, _ = once_halved(lambda _: prepared(), 1, what="loading a model to train", remedy=_REMEDY)
    ready: PreparedTraining | None = found
    size = first = found.micro_batch()
    state = kept.found(found.about) if checkpoints else None
    if state is not None:
        # if memory ran out before the interruption, it would run out again
        size = found.go_on_from(state)
    del found, state

    def run(micro_batch: int) -> FineTuned:
        nonlocal ready, again
        if again:
            kept.remove()
        # weights that a training has changed are loaded anew
        training, ready, again = ready or prepared(), None, True
        return training.run(micro_batch, kept, progress)

    trained, _ = once_halved(
        run,
        size,
        what="fine-tuning",
        remedy=_REMEDY,
        say=say,
        may_halve=size == first and not recipe.micro_batch,
    )
    if trained.stopped_early and say is not None:
        say(
            f"stopped early after step {trained.steps}: {parts.spec.metric} on the selection "
            f"examples reached no new best in {recipe.patience} scores"
        )
    return trained
