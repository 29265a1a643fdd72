"""A subclass of transformers.Trainer that writes no files and records the loss of each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments

from ...data.encoding.collate import TextBatches, to_inputs
from ...data.masking.choice import IGNORED
from ...data.masking.masked_batches import MaskedBatches
from ..language.answers import piece_loss
from .recipes import Recipe
from .training_state import TrainingState, set_optimizer_state, set_random_state

Step = Callable[[int, int | None], None]
"""Called with the steps that are done and all of them."""


def arguments(recipe: Recipe, seed: int, scratch: str, device: str) -> TrainingArguments:
    """The options of Trainer for a recipe.

    Args:
        recipe: the recipe.
        seed: seed of the order of examples.
        scratch: an empty folder.
        device: see `device_of`.
    """
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
        fp16=recipe.precision == "float16",
        # Trainer rejects bfloat16 on a CPU unless use_cpu is set
        use_cpu=device == "cpu" or not torch.accelerator.is_available(),
        lr_scheduler_type="linear",
        seed=seed,
        data_seed=seed,
        # the options below keep Trainer from writing files and progress bars
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=device != "cpu" and torch.cuda.is_available(),
    )


class Places(Dataset[int]):
    """The positions of the training examples; the collator has their subwords."""

    def __init__(self, count: int):
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> int:
        if not 0 <= place < self._count:
            raise IndexError(place)
        return place


class Collator:
    """Pads the examples of a step to the longest one; masked texts get new masks in each epoch.

    Args:
        encoded: the training examples.
        steps: steps that were taken before, where a training goes on.
    """

    def __init__(self, encoded: TextBatches, steps: int = 0):
        self._encoded, self._drawn = encoded, dict[int, TextBatches]()
        epochs, inside = divmod(steps, len(encoded))
        self._read = epochs * encoded.n_examples + inside * encoded.largest

    def __call__(self, places: list[int]) -> dict[str, torch.Tensor]:
        """The tensors of these examples, including labels."""
        epoch = self._read // self._encoded.n_examples
        self._read += len(places)
        batch = self._in_epoch(epoch).batch(tuple(places))
        assert batch.labels is not None
        return {**to_inputs(batch), "labels": batch.labels}

    def _in_epoch(self, epoch: int) -> TextBatches:
        """The examples as they are masked in an epoch."""
        if not isinstance(self._encoded, MaskedBatches):
            return self._encoded
        if epoch not in self._drawn:
            self._drawn = {epoch: self._encoded.drawn(epoch)}
        return self._drawn[epoch]


def micro_batches(
    inputs: Mapping[str, torch.Tensor], size: int
) -> Iterator[tuple[dict[str, torch.Tensor], float]]:
    """Split a batch into parts, in order, each padded to the length of its longest example.

    Args:
        inputs: tensors [B, S], or [B, K, S] of questions, and `labels` [B], or [B, S] of masked
            texts, padded on the right.
        size: number of examples per part; the last part may have fewer.

    Yields:
        A part, and its share of the examples, or of the masked pieces. Mean losses and gradients
        weighted by these shares sum to those of the batch, even if the parts differ in size.
    """
    count, asked = len(inputs["labels"]), _asked(inputs["labels"])
    for start in range(0, count, size):
        part = {name: tensor[start : start + size] for name, tensor in inputs.items()}
        longest = int(part["attention_mask"].sum(dim=-1).max())
        yield (
            {
                name: tensor[..., :longest].contiguous() if tensor.dim() > 1 else tensor
                for name, tensor in part.items()
            },
            _asked(part["labels"]) / max(asked, 1),
        )


def _asked(labels: torch.Tensor) -> int:
    """Number of answers that labels ask for."""
    return len(labels) if labels.dim() == 1 else int((labels != IGNORED).sum())


class Watch(TrainerCallback):  # type: ignore[misc]
    """Tells how far training is."""

    def __init__(self, progress: Step | None):
        self._progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by Trainer after each optimiser step."""
        if self._progress is not None:
            self._progress(state.global_step, state.max_steps)


class FineTuner(Trainer):  # type: ignore[misc]
    """Trainer that uses micro-batches, records its losses, and can resume from a state.

    Args:
        micro_batch: number of examples whose gradients are computed at once; a larger batch is
            split into parts, each weighted by its share of the examples.
        options: options of Trainer.
    """

    def __init__(self, *, micro_batch: int, **options: Any):
        super().__init__(**options)
        self._micro_batch, self._share = micro_batch, 1.0
        self._losses: dict[int, list[torch.Tensor]] = {}
        self._from: TrainingState | None = None

    def training_step(
        self, model: Any, inputs: Any, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Compute the gradients of one step, and record its loss for the epoch."""
        loss: torch.Tensor
        if len(inputs["labels"]) <= self._micro_batch:
            loss = super().training_step(model, inputs, num_items_in_batch)
        else:
            # the number of items is not passed, because only some families divide by it
            losses = []
            for part, share in micro_batches(inputs, self._micro_batch):
                self._share = share
                losses.append(super().training_step(model, part))
            self._share, loss = 1.0, torch.stack(losses).sum()
        self._losses.setdefault(int(self.state.epoch or 0), []).append(loss.detach())
        return loss

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """Mean loss of the examples or masked pieces times their share of the step."""
        loss = self._loss(*args, **kwargs)
        return loss if self._share == 1.0 else loss * self._share

    def _loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        labels = inputs["labels"]
        if labels.dim() == 1:
            return super().compute_loss(model, inputs, *args, **kwargs)
        # only the masked pieces go through the head, which has as many outputs as the vocabulary
        rest = {name: tensor for name, tensor in inputs.items() if name != "labels"}
        with self.accelerator.autocast():
            return piece_loss(model, rest, labels)

    @property
    def first_loss(self) -> float:
        """Loss of the first step, before any update."""
        return self._losses[min(self._losses)][0].item()

    @property
    def epoch_losses(self) -> list[float]:
        """Mean loss of each epoch."""
        return [torch.stack(losses).mean().item() for _, losses in sorted(self._losses.items())]

    def noted(self) -> TrainingState:
        """The losses so far, and the scale of gradients in float16."""
        tensors = {f"losses/{epoch}": torch.stack(held) for epoch, held in self._losses.items()}
        scaler = getattr(self.accelerator, "scaler", None)
        return TrainingState(tensors, {"scaler": scaler.state_dict() if scaler else {}})

    def go_on_from(self, state: TrainingState, scratch: Path) -> None:
        """Let `train(resume_from_checkpoint=scratch)` resume from a state.

        Args:
            state: a state written by `WriteState`.
            scratch: an empty folder.
        """
        self._from = state
        for epoch, losses in state.group("losses").items():
            self._losses[int(epoch)] = list(losses.to(self.args.device))
        # the only file of Trainer's checkpoints that is not a pickle; the others are replaced below
        TrainerState(**state.facts["trainer"]).save_to_json(str(scratch / "trainer_state.json"))

    @torch.no_grad()
    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        stored: Mapping[str, torch.Tensor] = self._stored.group("weights")
        for name, weight in self.model.named_parameters():
            weight.copy_(stored[name])

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            state = self._stored
            held = state.group("optimizer")
            set_optimizer_state(self.optimizer, held, state.facts["optimizer"])
            self.lr_scheduler.load_state_dict(state.facts["schedule"])

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None and self._stored.facts["scaler"]:
            self.accelerator.scaler.load_state_dict(self._stored.facts["scaler"])

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            set_random_state(self._stored.group("random"), self._stored.facts["random"])
            # loaded last, when three copies of the weights are no longer needed
            self._from = None

    @property
    def _stored(self) -> TrainingState:
        assert self._from is not None
        return self._from
