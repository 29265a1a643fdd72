"""What all trainings of gates share: order of examples, mode of the model, its optimiser."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import get_linear_schedule_with_warmup

from ...data.encoding.collate import Batch, TextBatches
from ...data.masking.masked_batches import MaskedBatches
from ...models.training.recipes import Recipe
from ..importance.gate_gradients import frozen


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
