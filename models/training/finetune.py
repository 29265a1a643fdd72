"""Fine-tuning with transformers.Trainer, whole or under a mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...data.errors import ConfigError, UnknownNameError
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
    """Fine-tune an encoder on `parts.train`; the last checkpoint counts, as in the study.

    Args:
        model_name: see `resolve_model`.
        parts: the task.
        recipe: rate, epochs, batch size, length.
        seed_init: initialises the task head (and an untrained encoder), nothing else. A probed
            head is fitted to the examples that this seed draws.
        seed_order: orders the examples and draws the dropout.
        subnetwork: keep this mask on the pretrained weights while training.
        start: where the weights come from, one of `starts.STARTS`.
        rewind: train the whole model for so many steps first, as the mask's training did: the
            weights of that step are what the mask is put on (Frankle et al. 2019). For masks of
            single weights.
        route: one of `ROUTES`. `compact` trains the smaller model that `shrink` makes and writes
            its weights back into the whole one, whose pruned units stay as they started.
        labels: which classes of a head that is kept mean which of the task, see `contract`.
        allow_no_specials: go on where the tokenizer never adds the special tokens that it knows.
        device: where it is trained: `auto` (what Trainer takes: an accelerator if there is one),
            `cpu` or `cuda`.
        tell: called with each line that is to be told of the tokenizer.
        progress: called with (steps done, steps in all).
        checkpoints: folder for the state of this training and no other, from which the same call
            goes on after a stop, to the same bytes; it is removed at the end. None = no state is
            kept.
        checkpoint_steps: write the state after every so many steps; 0 = not by steps.
        checkpoint_minutes: write it when so many minutes have passed; 0 = not by time.
        say: called with each line about the course of the training: where it goes on, and that
            memory ran out.

    Returns:
        The whole model, by either route; one that had lost heads before is as small as it was.

    Raises:
        CheckpointError: if the model cannot read what its tokenizer gives, see `check_inputs`.
        UnknownNameError: if there is no such route, start or precision.
        ConfigError: if the recipe's length is above the model's positions, a mask of whole units is
            to be rewound, the device lacks the precision, the memory is too little for any
            micro-batch, or there is nothing to stop early by.
        MemoryLimitError: if memory runs out in micro-batches of half the size as well.
        MaskError: if a mask of single weights is to take the route `compact`, or the model has
            lost heads already.
        InputError: if the family's layers cannot become smaller.
    """
    if route not in ROUTES:
        raise UnknownNameError("route", route, ROUTES)
    if rewind and subnetwork is not None and not subnetwork.weight_masks:
        raise ConfigError("rewinding is for masks of single weights", where="rewind")
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
        # where memory ran out before the stop, it would again
        size = found.go_on_from(state)
    del found, state

    def run(micro_batch: int) -> FineTuned:
        nonlocal ready, again
        if again:
            kept.remove()
        # weights that a training has moved are loaded again
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
