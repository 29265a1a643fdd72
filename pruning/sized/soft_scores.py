"""Outputs of a model under soft gates, which lie between 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.collate import to_inputs
from ...data.masking.masked_batches import task_batches
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskSpec
from ...models.language.answers import answered
from ..importance.gate_gradients import frozen
from ..learned.unit_gates import answers_under


@torch.no_grad()
def soft_logits(
    model: Any,
    gates: Mapping[str, torch.Tensor],
    tokenizer: Any,
    examples: Sequence[Example],
    spec: TaskSpec,
    *,
    max_length: int,
    batch_size: int = 64,
) -> npt.NDArray[np.float64]:
    """Logits [N, K] of labelled examples, in their order, under gates without noise.

    Args:
        model: a classifier, regressor or masked language model.
        gates: factors by gate tensor; those of weights in the shape of the weight.
        tokenizer: its tokenizer.
        examples: the N examples.
        spec: the task.
        max_length: maximum subwords per example.
        batch_size: examples per forward pass; does not change the result beyond 1e-5.

    Returns:
        The logits; of masked texts what `piece_scores` gives, text after text [P, 2].
    """
    batches = task_batches(tokenizer, examples, spec, batch_size=batch_size, max_length=max_length)
    parts: list[npt.NDArray[np.float64]] = []
    items: list[npt.NDArray[np.int64]] = []
    with frozen(model):
        for batch in batches:
            assert batch.labels is not None
            labels = batch.labels.to(model.device)
            logits = answers_under(model, gates, to_inputs(batch, model.device), labels)
            values, _, numbers = answered(logits, labels, batch.index)
            parts.append(values)
            items.append(numbers)
    order = np.argsort(np.concatenate(items), kind="stable")
    return np.asarray(np.concatenate(parts)[order])
