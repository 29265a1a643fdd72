"""Predictions of a task model, whole or under a mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.encoding.collate import text_batches, to_inputs
from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example
from ...data.tasks.metrics import predictions_of, score
from ...data.tasks.task import TaskSpec
from ..encoder.out_of_memory import SMALLER, once_halved
from ..masks.gates import gated
from ..masks.subnetwork import Subnetwork
from ..smaller.candidate import shrunk_to


@dataclass(frozen=True)
class Evaluation:
    """What a model said about N examples, in their order.

    Attributes:
        spec: the task.
        ids: ids of the examples.
        logits: [N, K].
        labels: gold class ids or numbers [N].
        metrics: metric -> value.
        n_truncated: examples of which something was cut off.
        n_undefined: examples for which the model gave no finite number. They count as answered by
            the first class, or by 0 in regression: a model that has diverged guesses.
        n_wordless: examples with a text without a word piece, scored on what is read then: special
            tokens and, in a pair, the other text.
        clusters: name of the source of each example [N], empty where it stands alone.
        batch_size: examples of the largest forward pass: fewer than asked for where memory ran out.
    """

    spec: TaskSpec
    ids: tuple[str, ...]
    logits: npt.NDArray[np.float64]
    labels: npt.NDArray[Any]
    metrics: dict[str, float]
    n_truncated: int
    n_undefined: int = 0
    n_wordless: int = 0
    clusters: tuple[str, ...] = ()
    batch_size: int = 0

    @property
    def predictions(self) -> npt.NDArray[Any]:
        """Class ids, or numbers in regression [N]."""
        return predictions_of(self.spec, self.logits)

    def items(self) -> pd.DataFrame:
        """One line an example: prediction, gold, and the probability of the gold class."""
        if self.spec.regression:
            scores = -np.abs(self.predictions - self.labels)
        else:
            shifted = self.logits - self.logits.max(axis=1, keepdims=True)
            likely = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
            scores = likely[np.arange(len(likely)), self.labels.astype(int)]
        return items_frame(
            pd.DataFrame(
                {
                    "item_id": self.ids,
                    "sentence_id": self.ids,
                    "cluster_id": [name or None for name in self.clusters] or pd.NA,
                    "metric": "negative_error" if self.spec.regression else "gold_probability",
                    "score": scores,
                    "prediction": self.predictions,
                    "gold": self.labels,
                }
            )
        )


def evaluate(
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    spec: TaskSpec,
    *,
    subnetwork: Subnetwork | None = None,
    batch_size: int = 64,
    max_length: int = 128,
    say: Callable[[str], None] | None = None,
) -> Evaluation:
    """Score a task model on labelled examples.

    Args:
        model: a classifier or regressor.
        tokenizer: its tokenizer.
        examples: the N examples.
        spec: the task.
        subnetwork: the mask; None = the whole model. Where its dead units can be taken out, a
            smaller copy is run, which gives the same scores within 1e-5.
        batch_size: examples a forward pass; does not change the result beyond 1e-5. It is halved
            once if memory runs out.
        max_length: subwords an example keeps.
        say: told of a smaller batch.

    Raises:
        MemoryLimitError: if memory runs out in batches of half the size as well.
    """
    batches = text_batches(tokenizer, examples, batch_size=batch_size, max_length=max_length)
    logits = np.zeros((len(examples), spec.num_labels))
    training = model.training
    model.eval()
    try:
        smaller = shrunk_to(model, subnetwork)

        def scored(size: int) -> None:
            for batch in batches.sized(size):
                found = smaller(**to_inputs(batch, model.device)).logits
                logits[list(batch.index)] = found.double().cpu().numpy()

        with gated(smaller, subnetwork), torch.inference_mode():
            _, size = once_halved(
                scored, min(batch_size, len(examples)), what="scoring", remedy=SMALLER, say=say
            )
    finally:
        model.train(training)
    undefined = ~np.isfinite(logits).all(axis=1)
    logits[undefined] = 0.0
    labels = np.array([example.label for example in examples])
    return Evaluation(
        spec=spec,
        ids=tuple(example.id for example in examples),
        logits=logits,
        labels=labels,
        metrics=score(spec, predictions_of(spec, logits), labels),
        n_truncated=batches.n_truncated,
        n_undefined=int(undefined.sum()),
        n_wordless=batches.n_wordless,
        clusters=tuple(example.cluster for example in examples),
        batch_size=size,
    )


@torch.no_grad()
def is_finite(model: Any) -> bool:
    """Whether every weight of a model is a finite number, as none is after a loss of NaN."""
    return all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())
