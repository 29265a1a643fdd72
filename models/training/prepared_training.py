"""Prepare and run one training."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, TrainerCallback, set_seed

from ...data.errors import MaskError
from ...data.masking.masked_batches import MaskedBatches, task_batches
from ...data.tasks.class_order import Pairs
from ...data.tasks.task import TaskParts
from ...data.tasks.task_parts import examples_digest
from ..checkpoint.checkpoint import load_tokenizer
from ..checkpoint.inputs import check_inputs, check_max_length
from ..encoder.device import device_of
from ..encoder.fingerprint import tensors_hash, weights_fingerprint
from ..encoder.kept_units import kept_units_of
from ..language.loading import has_language_head
from ..language.new_head import train_head
from ..masks.gates import gated
from ..masks.subnetwork import Subnetwork
from ..masks.weight_masks import WeightHold, held_at_zero
from ..smaller.shrink import shrink, write_back
from .checkpointing import Checkpoints, WriteState, what_decides
from .divergence import has_diverged, loss_limit
from .early_stopping import EarlyStopping, selection_score
from .evaluate import is_finite
from .precision import end_autocast
from .randomness import own_randomness
from .recipes import Recipe
from .starts import load_start
from .task_head import probe_head
from .trainer import Collator, FineTuner, Places, Step, Watch, arguments
from .training_memory import fitting_micro_batch
from .training_state import TrainingState


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned model, after its last step.

    Attributes:
        model: in eval mode, without gates.
        tokenizer: its tokenizer.
        fingerprint: hash of the encoder's weights.
        n_truncated: number of truncated training examples.
        n_wordless: number of training examples with a text without subwords.
        steps: number of optimiser steps.
        losses: mean training loss of each epoch.
        loss_limit: see `divergence.loss_limit`.
        diverged: see `divergence.has_diverged`; a training that has merely not learned has not
            diverged.
        wall_s: seconds of training, including those before interruptions.
        micro_batch: number of examples whose gradients were computed at once. The same size gives
            the same weights, whether it was requested or chosen because memory ran out.
        scores: (step, score on the selection examples) of each evaluation during training.
        stopped_early: whether the training ended before its last step (see `early_stopping`).
        head_loss: mean loss of a new masked-LM head over the epoch in which it was trained alone.
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
    micro_batch: int
    scores: tuple[tuple[int, float], ...] = ()
    stopped_early: bool = False
    head_loss: float | None = None


class PreparedTraining:
    """A model that is ready to be trained once, with its training data."""

    def __init__(
        self,
        model_name: str,
        parts: TaskParts,
        recipe: Recipe,
        *,
        seeds: tuple[int, int],
        subnetwork: Subnetwork | None,
        start: str,
        rewind: int,
        route: str,
        labels: Pairs,
        allow_no_specials: bool,
        device: str,
        tell: Callable[[str], None] | None,
    ):
        self._parts, self._recipe, self._device = parts, recipe, device
        self._seed_order, self._rewind = seeds[1], rewind
        self._state: TrainingState | None = None
        kept = recipe.head == "kept"
        whole = load_start(
            model_name, parts.spec, start, seed=seeds[0], keep_head=kept, labels=labels
        )
        if subnetwork is not None and kept_units_of(whole) is not None:
            raise MaskError(
                "heads were removed from the model, so another mask cannot be applied",
                where=model_name,
            )
        model, self._mask_id = whole, subnetwork.mask_id if subnetwork else ""
        if route == "compact" and subnetwork is not None:
            model, subnetwork = shrink(whole, subnetwork), None
        self._whole, self._model, self._subnetwork = whole, model, subnetwork
        self._tokenizer = load_tokenizer(model_name)
        found = check_inputs(
            whole,
            self._tokenizer,
            where=model_name,
            pairs=parts.spec.pair,
            allow_no_specials=allow_no_specials,
        )
        for line in found.said:
            if tell is not None:
                tell(line)
        check_max_length(whole, recipe.max_length)
        self._encoded = task_batches(
            self._tokenizer,
            parts.train,
            parts.spec,
            batch_size=recipe.batch_size,
            max_length=recipe.max_length,
            mask_seed=seeds[1],
        )
        self._started = time.perf_counter()
        self.head_loss: float | None = None
        if isinstance(self._encoded, MaskedBatches):
            if start == "random" or not has_language_head(model_name):
                self.head_loss = train_head(
                    model, self._encoded, seed=seeds[0], subnetwork=subnetwork, device=device
                )
        elif recipe.head == "probed":
            probe_head(model, parts, self._encoded, seed=seeds[0], subnetwork=subnetwork)

    def micro_batch(self) -> int:
        """Number of examples whose gradients are computed at once, unless memory runs out."""
        recipe = self._recipe
        size = min(recipe.micro_batch or recipe.batch_size, recipe.batch_size)
        size = min(size, self._encoded.n_examples)
        if not recipe.memory_gb:
            return size
        return fitting_micro_batch(
            self._model,
            self._encoded,
            size=size,
            precision=recipe.precision,
            memory_gb=recipe.memory_gb,
        )

    @cached_property
    def about(self) -> dict[str, Any]:
        """The facts that determine the result, by the names that messages about differences use."""
        recipe = self._recipe
        return what_decides(
            device_of(self._device),
            **{
                "weights": tensors_hash(self._model.state_dict()),
                "examples": self._encoded.content_digest(),
                "selection examples": examples_digest(self._parts.selection)
                if recipe.patience or recipe.evaluate_every
                else "",
                "recipe": asdict(recipe),
                "seed": self._seed_order,
                "mask": self._mask_id,
                "rewinding": self._rewind,
            },
        )

    def go_on_from(self, state: TrainingState) -> int:
        """Let `run` resume from a state of this training; return the size of its micro-batches."""
        self._state = state
        return int(state.facts["micro_batch"])

    def run(self, micro_batch: int, checkpoints: Checkpoints, progress: Step | None) -> FineTuned:
        """Train to the end, once."""
        model, recipe = self._model, self._recipe
        state, self._state = self._state, None
        spent = state.facts["seconds"] if state else 0.0
        stopping = self._early_stopping(state)
        # of the loaded weights, before a mask sets some of them to zero
        about = self.about if checkpoints.folder is not None else {}
        with (
            tempfile.TemporaryDirectory() as scratch,
            own_randomness(),
            _under(model, self._subnetwork, self._rewind) as callbacks,
        ):
            trainer = FineTuner(
                micro_batch=micro_batch,
                model=model,
                args=arguments(recipe, self._seed_order, scratch, self._device),
                train_dataset=Places(self._encoded.n_examples),
                data_collator=Collator(
                    self._encoded, int(state.facts["trainer"]["global_step"]) if state else 0
                ),
                callbacks=[Watch(progress), *callbacks],
            )
            trainer.remove_callback(PrinterCallback)
            if stopping is not None:
                trainer.add_callback(stopping)
            if checkpoints.folder is not None:
                more = partial(_noted, trainer, stopping, micro_batch)
                trainer.add_callback(WriteState(checkpoints, about, more, spent=spent))
            # building Trainer consumed random numbers; dropout starts from the order seed
            set_seed(self._seed_order)
            if state is None:
                trainer.train()
            else:
                trainer.go_on_from(state, Path(scratch))
                del state
                trainer.train(resume_from_checkpoint=scratch)
        end_autocast(model)
        checkpoints.remove()
        return self._finished(trainer, stopping, micro_batch, spent)

    def _early_stopping(self, state: TrainingState | None) -> EarlyStopping | None:
        recipe = self._recipe
        if not (recipe.patience or recipe.evaluate_every):
            return None
        return EarlyStopping(
            selection_score(self._model, self._tokenizer, self._parts, recipe.max_length),
            every=recipe.evaluate_every or len(self._encoded),
            patience=recipe.patience,
            scores=state.facts["scores"] if state else (),
        )

    def _finished(
        self, trainer: FineTuner, stopping: EarlyStopping | None, micro_batch: int, spent: float
    ) -> FineTuned:
        whole, vocabulary = self._whole, int(getattr(self._whole.config, "vocab_size", 0))
        if self._model is not whole:
            write_back(self._model, whole.to(self._model.device))
        whole.eval()
        losses, limit = (
            tuple(trainer.epoch_losses),
            loss_limit(self._parts, trainer.first_loss, vocabulary),
        )
        return FineTuned(
            model=whole,
            tokenizer=self._tokenizer,
            fingerprint=weights_fingerprint(whole),
            n_truncated=self._encoded.n_truncated,
            n_wordless=self._encoded.n_wordless,
            steps=trainer.state.global_step,
            losses=losses,
            loss_limit=limit,
            diverged=has_diverged(losses, limit) or not is_finite(whole),
            wall_s=time.perf_counter() - self._started + spent,
            micro_batch=micro_batch,
            scores=tuple(stopping.scores) if stopping else (),
            head_loss=self.head_loss,
            stopped_early=stopping.stopped if stopping else False,
        )


def _noted(trainer: FineTuner, stopping: EarlyStopping | None, micro_batch: int) -> TrainingState:
    """The parts of a state that Trainer does not have."""
    noted = trainer.noted()
    scores = stopping.scores if stopping else []
    facts = {**noted.facts, "scores": scores, "micro_batch": micro_batch}
    return TrainingState(noted.tensors, facts)


@contextmanager
def _under(
    model: Any, subnetwork: Subnetwork | None, rewind: int
) -> Iterator[list[TrainerCallback]]:
    """Apply the mask now, or return a callback that applies it after `rewind` steps."""
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
    """Callback that applies a weight mask after a number of steps."""

    def __init__(self, hold: WeightHold, step: int):
        self._hold, self._step = hold, step

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by Trainer before the first step, or before the first one after resuming."""
        if state.global_step >= self._step:
            self._hold.begin()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by Trainer after each optimiser step."""
        if state.global_step == self._step:
            optimizer = kwargs["optimizer"]
            self._hold.begin(getattr(optimizer, "optimizer", optimizer))
