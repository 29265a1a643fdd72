"""Fine-tuning with transformers.Trainer, whole or under a mask."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

from ...data.encoding.collate import TextBatches, text_batches, to_inputs
from ...data.errors import ConfigError, MaskError, UnknownNameError
from ...data.tasks.class_order import Pairs
from ...data.tasks.task import TaskParts
from ..checkpoint.checkpoint import load_tokenizer
from ..checkpoint.inputs import check_inputs, check_max_length
from ..encoder.fingerprint import weights_fingerprint
from ..encoder.kept_units import kept_units_of
from ..masks.gates import gated
from ..masks.subnetwork import Subnetwork
from ..masks.weight_masks import WeightHold, held_at_zero
from ..smaller.shrink import shrink, write_back
from .divergence import has_diverged, loss_limit
from .evaluate import is_finite
from .randomness import own_randomness
from .recipes import Recipe
from .starts import load_start
from .task_head import probe_head

Step = Callable[[int, int | None], None]

ROUTES = ("masked", "compact")
"""How units that are switched off are trained around: under gates, or without them in the model.
Without dropout both are the same training; with it they draw other dropout."""


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned model, after its last step.

    Attributes:
        model: in eval mode, without gates.
        tokenizer: its tokenizer.
        fingerprint: hash of its encoder's weights.
        n_truncated: training examples of which something was cut off.
        n_wordless: training examples with a text without a word piece.
        steps: optimiser steps taken.
        losses: mean training loss of each epoch.
        loss_limit: see `divergence.loss_limit`.
        diverged: see `divergence.has_diverged`; a training that only has not learned has not.
        wall_s: seconds of training.
    """

    model: Any
    tokenizer: Any
    fingerprint: str
    n_truncated: int
    n_wordless: int
    steps: int
    losses: tuple[float, ...]
    loss_limit: float
    diverged: bool
    wall_s: float


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
            its weights back into the whole one, whose dead units stay as they started.
        labels: which classes of a head that is kept mean which of the task, see `contract`.
        allow_no_specials: go on where the tokenizer never adds the special tokens that it knows.
        device: where it is trained: `auto` (what Trainer takes: an accelerator if there is one),
            `cpu` or `cuda`.
        tell: called with each line that is to be told of the tokenizer.
        progress: called with (steps done, steps in all).

    Returns:
        The whole model, by either route; one that had lost heads before is as small as it was.

    Raises:
        CheckpointError: if the model cannot read what its tokenizer gives, see `check_inputs`.
        UnknownNameError: if there is no such route or start.
        ConfigError: if the recipe's length is above the model's positions, or a mask of whole
            units is to be rewound.
        MaskError: if a mask of single weights is to take the route `compact`, or the model has
            lost heads already.
        InputError: if the family's layers cannot become smaller.
    """
    if route not in ROUTES:
        raise UnknownNameError("route", route, ROUTES)
    if rewind and subnetwork is not None and not subnetwork.weight_masks:
        raise ConfigError("rewinding is for masks of single weights", where="rewind")
    kept = recipe.head == "kept"
    whole = load_start(model_name, parts.spec, start, seed=seed_init, keep_head=kept, labels=labels)
    if subnetwork is not None and kept_units_of(whole) is not None:
        raise MaskError("the model has lost heads and has a mask of its own", where=model_name)
    model = whole
    if route == "compact" and subnetwork is not None:
        model, subnetwork = shrink(whole, subnetwork), None
    tokenizer = load_tokenizer(model_name)
    found = check_inputs(
        whole,
        tokenizer,
        where=model_name,
        pairs=parts.spec.pair,
        allow_no_specials=allow_no_specials,
    )
    for line in found.said:
        if tell is not None:
            tell(line)
    check_max_length(whole, recipe.max_length)
    encoded = text_batches(
        tokenizer, parts.train, batch_size=recipe.batch_size, max_length=recipe.max_length
    )
    started = time.perf_counter()
    if recipe.head == "probed":
        probe_head(model, parts, encoded, seed=seed_init, subnetwork=subnetwork)
    with (
        tempfile.TemporaryDirectory() as scratch,
        own_randomness(),
        _under(model, subnetwork, rewind) as callbacks,
    ):
        trainer = _Trainer(
            model=model,
            args=_arguments(recipe, seed_order, scratch, device),
            train_dataset=_Places(encoded.n_examples),
            data_collator=_Collator(encoded),
            callbacks=[_Watch(progress), *callbacks],
        )
        trainer.remove_callback(PrinterCallback)
        # Trainer consumed randomness while it was built; dropout starts from the order seed
        set_seed(seed_order)
        trainer.train()
    if model is not whole:
        write_back(model, whole.to(model.device))
    whole.eval()
    losses, limit = tuple(trainer.epoch_losses), loss_limit(parts, trainer.first_loss)
    return FineTuned(
        model=whole,
        tokenizer=tokenizer,
        fingerprint=weights_fingerprint(whole),
        n_truncated=encoded.n_truncated,
        n_wordless=encoded.n_wordless,
        steps=trainer.state.global_step,
        losses=losses,
        loss_limit=limit,
        diverged=has_diverged(losses, limit) or not is_finite(whole),
        wall_s=time.perf_counter() - started,
    )


@contextmanager
def _under(
    model: Any, subnetwork: Subnetwork | None, rewind: int
) -> Iterator[list[TrainerCallback]]:
    """Put the mask on now, or by the callback that this gives after `rewind` steps."""
    if not rewind:
        with held_at_zero(model, subnetwork), gated(model, subnetwork):
            yield []
        return
    hold = WeightHold(model, subnetwork)
    try:
        yield [_PutOn(hold, rewind)]
    finally:
        hold.end()


class _PutOn(TrainerCallback):  # type: ignore[misc]
    """Puts a weight mask on after some steps."""

    def __init__(self, hold: WeightHold, step: int):
        self._hold, self._step = hold, step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by Trainer after each optimiser step."""
        if state.global_step == self._step:
            optimizer = kwargs["optimizer"]
            self._hold.begin(getattr(optimizer, "optimizer", optimizer))


def _arguments(recipe: Recipe, seed: int, scratch: str, device: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=scratch,
        learning_rate=recipe.learning_rate,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        warmup_steps=recipe.warmup,
        weight_decay=recipe.weight_decay,
        adam_epsilon=recipe.adam_epsilon,
        max_grad_norm=recipe.max_grad_norm,
        bf16=recipe.precision == "bfloat16",
        # bfloat16 on a processor is refused unless it is asked for by name
        use_cpu=device == "cpu" or not torch.accelerator.is_available(),
        lr_scheduler_type="linear",
        seed=seed,
        data_seed=seed,
        # everything below keeps Trainer from writing files or bars of its own
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=device != "cpu" and torch.cuda.is_available(),
    )


class _Places(Dataset[int]):
    """The training examples by their place; the collator knows their subwords."""

    def __init__(self, count: int):
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> int:
        if not 0 <= place < self._count:
            raise IndexError(place)
        return place


class _Collator:
    """Pads the examples of a step to the longest of them."""

    def __init__(self, encoded: TextBatches):
        self._encoded = encoded

    def __call__(self, places: list[int]) -> dict[str, torch.Tensor]:
        batch = self._encoded.batch(tuple(places))
        assert batch.labels is not None
        return {**to_inputs(batch), "labels": batch.labels}


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Tells how far training is."""

    def __init__(self, progress: Step | None):
        self._progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by Trainer after each optimiser step."""
        if self._progress is not None:
            self._progress(state.global_step, state.max_steps)


class _Trainer(Trainer):  # type: ignore[misc]
    """Trainer that remembers the mean loss of each epoch."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._sums: dict[int, list[torch.Tensor]] = {}

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One step, its loss noted under its epoch."""
        loss: torch.Tensor = super().training_step(*args, **kwargs)
        self._sums.setdefault(int(self.state.epoch or 0), []).append(loss.detach())
        return loss

    @property
    def first_loss(self) -> float:
        """Loss of the first step, before any was taken."""
        return self._sums[min(self._sums)][0].item()

    @property
    def epoch_losses(self) -> list[float]:
        """Mean loss of each epoch."""
        return [torch.stack(losses).mean().item() for _, losses in sorted(self._sums.items())]
