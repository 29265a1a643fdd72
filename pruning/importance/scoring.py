"""Compute the importance of heads, MLPs and neurons, and the logits, in the same pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.encoding.collate import Batch, TextBatches
from ...data.errors import InputError, SubprobeError, UnknownNameError
from ...models.encoder.out_of_memory import SMALLER, once_halved
from ...models.language.answers import answered
from .gate_gradients import Units, frozen
from .methods import find_importance

OVER_BATCHES = ("gate-batch-accumulated", "taylor-weight")
"""Definitions over batches, whose values depend on the batch size."""

NORMALISATIONS = ("l2", "none")
"""`l2` divides the scores of the heads, and of the neurons, of each layer by their L2 norm."""


@dataclass(frozen=True)
class ImportancePass:
    """Importance under one mask, and the outputs of the masked model.

    Attributes:
        head: importance of each head [L, H].
        mlp: importance of each MLP [L].
        neuron: importance of each neuron [L, F]; None if neurons are not scored.
        logits: output for each example [N, K], in the order of the examples; for masked texts, what
            `piece_scores` gives for each masked piece [P, 2], text after text.
        labels: their labels [N], int64 or float64; of masked pieces [P], all 1.
        batch_size: number of examples of the largest batch.
    """

    head: npt.NDArray[np.float64]
    mlp: npt.NDArray[np.float64]
    neuron: npt.NDArray[np.float64] | None
    logits: npt.NDArray[np.float64]
    labels: npt.NDArray[Any]
    batch_size: int = 0


def layer_norms(
    head: npt.NDArray[np.float64], counted: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.float64]:
    """Importance of heads divided by the L2 norm over their layer (Molchanov et al. 2017).

    Args:
        head: importance [L, H].
        counted: heads included in the norm [L, H]; the others become 0. None = all.
    """
    kept = head if counted is None else np.where(counted, head, 0.0)
    norms = np.linalg.norm(kept, axis=1, keepdims=True)
    shares: npt.NDArray[np.float64] = np.zeros_like(kept)
    np.divide(kept, norms, out=shares, where=norms > 0)
    return shares


def importance_pass(
    model: Any,
    batches: TextBatches | Sequence[Batch],
    head: Any,
    mlp: Any,
    neuron: Any = None,
    *,
    method: str = "gate-example",
    normalise: str = "l2",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> ImportancePass:
    """Score every unit of a masked classifier, and collect its outputs, in one pass.

    The result does not depend on batch size, order or padding beyond 1e-5, except for
    `OVER_BATCHES`. If memory runs out, the pass starts again once with batches of half the size,
    unless the result depends on the size or single batches were given.

    Args:
        model: a classifier; it is frozen during the pass and restored afterwards.
        batches: N labelled examples, identified by `index`.
        head: mask of heads [L, H], 1 = kept. Pruned heads get a score if the method has one for
            them (a gradient at gate 0), otherwise 0.
        mlp: mask of MLPs [L].
        neuron: mask of neurons [L, F]; None = neurons are neither masked nor scored.
        method: name of a definition in methods.py or of a plugin.
        normalise: one of `NORMALISATIONS`.
        seed: seed of the method `random`.
        progress: called with (completed batches, all batches) after each batch.
        say: receives a message about smaller batches.

    Raises:
        UnknownNameError: if the method or normalisation is unknown.
        MemoryLimitError: if memory runs out even with smaller batches.
        InputError: if there are no examples, or an example has no label.
        SubprobeError: if a score is not finite, or the batches do not contain each example once.
    """
    scored_by = find_importance(method).load()
    if normalise not in NORMALISATIONS:
        raise UnknownNameError("normalisation", normalise, NORMALISATIONS)
    if not len(batches):
        raise InputError("no examples to score heads on")
    masks = Units(np.asarray(head), np.asarray(mlp), None if neuron is None else np.asarray(neuron))
    splits = isinstance(batches, TextBatches) and method not in OVER_BATCHES

    def passed(size: int) -> tuple[Any, ...]:
        sized = batches.sized(size) if isinstance(batches, TextBatches) else batches
        logits: list[npt.NDArray[np.float64]] = []
        labels: list[npt.NDArray[Any]] = []
        items: list[npt.NDArray[Any]] = []
        index: list[int] = []
        with frozen(model):
            adding = scored_by(model, masks, seed)
            for done, batch in enumerate(sized, start=1):
                of_batch = answered(adding.add(batch), batch.labels, batch.index)
                for held, one in zip((logits, labels, items), of_batch, strict=True):
                    held.append(one)
                index.extend(batch.index)
                if progress is not None:
                    progress(done, len(sized))
            return adding.result(), logits, labels, items, index

    (scores, logits, labels, items, index), size = once_halved(
        passed, _largest(batches), what="scoring units", remedy=SMALLER, say=say, may_halve=splits
    )
    if not all(np.isfinite(one).all() for one in vars(scores).values() if one is not None):
        raise SubprobeError(
            "importance scores contain NaN or infinity",
            remedy="check that the fine-tuning converged",
        )
    if not np.array_equal(np.sort(index), np.arange(len(index))):
        raise SubprobeError("the batches do not contain each example exactly once")
    order = np.argsort(np.concatenate(items), kind="stable")
    by_layer = layer_norms if normalise == "l2" else np.asarray
    return ImportancePass(
        head=by_layer(scores.head),
        mlp=scores.mlp,
        neuron=None if scores.neuron is None else by_layer(scores.neuron),
        logits=np.concatenate(logits)[order],
        labels=np.concatenate(labels)[order],
        batch_size=size,
    )


def _largest(batches: TextBatches | Sequence[Batch]) -> int:
    """Number of examples of the largest batch."""
    if isinstance(batches, TextBatches):
        return batches.largest
    return max(len(batch.index) for batch in batches)
