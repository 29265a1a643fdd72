"""What all trainings of gates share: order of examples, mode of the model, its optimiser."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from transformers import get_linear_schedule_with_warmup

from ...data.encoding.collate import Batch, TextBatches
from ...data.masking.masked_batches import MaskedBatches, task_batches
from ...data.tasks.task import TaskParts
from ...models.encoder.fingerprint import weights_fingerprint
from ...models.masks.subnetwork import Subnetwork
from ...models.training.recipes import Recipe
from ..importance.gate_gradients import frozen


class Trained(Protocol):
    """Options that all gates of a task have."""

    @property
    def batch_size(self) -> int:
        """Examples of a step."""

    @property
    def seed(self) -> int:
        """Seed of gates, order and dropout."""

    @property
    def frozen(self) -> bool:
        """Whether only the gates are trained."""


def to_train(
    model: Any, tokenizer: Any, parts: TaskParts, options: Trained, recipe: Recipe
) -> tuple[Any, TextBatches]:
    """The model under the gates, a copy if it is trained with them, and its training examples.

    Args:
        model: a fine-tuned model.
        tokenizer: its tokenizer.
        parts: the task; gates are trained on `parts.train`.
        options: size of batches, seed, and whether the model is frozen.
        recipe: maximum length.
    """
    encoded = task_batches(
        tokenizer, parts.train, parts.spec, batch_size=options.batch_size,
        max_length=recipe.max_length, mask_seed=options.seed,
    )  # fmt: skip
    return model if options.frozen else copy.deepcopy(model), encoded


def learned_mask(
    method: str, parts: TaskParts, model: Any, *, seeds: tuple[int, int], model_name: str,
    history: Sequence[dict[str, Any]], **masks: Any,
) -> Subnetwork:  # fmt: skip
    """A good mask of gates that were learned for a task, selected on `train`.

    Args:
        method: the form of the gates.
        parts: the task.
        model: the model of the mask.
        seeds: (init, order) seeds of the model.
        model_name: name of the pretrained encoder.
        history: one record per epoch.
        masks: which units are kept.
    """
    return Subnetwork(
        **masks, kind="good", method=method, importance=method, task=parts.spec.name,
        model=model_name, seed_init=seeds[0], seed_order=seeds[1], selection="train",
        fingerprint=weights_fingerprint(model), history=tuple(history),
    )  # fmt: skip


@contextmanager
def learning(model: Any, only_gates: bool, seed: int) -> Iterator[None]:
    """Frozen or in training mode, with randomness of its own that only dropout draws from.

    Args:
        model: the model under the gates.
        only_gates: freeze the model and disable dropout.
        seed: seed of dropout.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        if only_gates:
            with frozen(model):
                yield
            return
        model.train()
        yield
        model.eval()


def shuffled(encoded: TextBatches, epoch: int, generator: torch.Generator) -> Iterator[Batch]:
    """Every example once, in an order and with masked pieces of its own per epoch.

    Args:
        encoded: the examples in batches, whose size is kept.
        epoch: number of the epoch, from 1.
        generator: source of the order.
    """
    count, size = encoded.n_examples, encoded.largest
    if epoch > 1 and isinstance(encoded, MaskedBatches):
        encoded = encoded.drawn(epoch - 1)
    order = torch.randperm(count, generator=generator).tolist()
    for start in range(0, count, size):
        yield encoded.batch(tuple(order[start : start + size]))


class EncoderStep:
    """The optimiser of an encoder that is trained together with its gates."""

    def __init__(self, model: Any, recipe: Recipe, steps: int):
        self._parameters = list(model.parameters())
        self._max_norm = recipe.max_grad_norm
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=recipe.learning_rate,
            eps=recipe.adam_epsilon,
            weight_decay=recipe.weight_decay,
        )
        self._schedule = get_linear_schedule_with_warmup(
            self._optimizer, math.ceil(recipe.warmup * steps), steps
        )

    def step(self) -> bool:
        """One step along the gradients that are there; none, and False, if they are not finite."""
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._max_norm)
        finite = bool(norm.isfinite())
        if finite:
            self._optimizer.step()
            self._schedule.step()
        self._optimizer.zero_grad()
        return finite
