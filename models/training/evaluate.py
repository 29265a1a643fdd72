"""Predictions of a task model, full or under a mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.encoding.collate import Batch, to_inputs
from ...data.encoding.encoded_once import EncodedExamples
from ...data.masking.masked_batches import task_batches_once
from ...data.masking.pieces import MaskedPieces, masked_places
from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example
from ...data.tasks.metrics import BITS, predictions_of, scores_of
from ...data.tasks.task import TaskSpec
from ..encoder.evaluating import evaluating
from ..encoder.out_of_memory import SMALLER, once_halved
from ..language.answers import answered, answers
from ..masks.subnetwork import Subnetwork
from ..smaller.shared_layers import SharedLayers


@dataclass(frozen=True)
class Evaluation:
    """The outputs of a model for N examples, in order.

    Of a masked task, the N are the masked pieces of all texts.

    Attributes:
        spec: the task.
        ids: ids of the examples; of masked pieces `TEXT/POSITION`.
        logits: outputs of the model [N, K]; for masked pieces, see `predictions_of`.
        labels: gold class ids or numbers [N].
        metrics: metric -> value.
        n_truncated: number of truncated examples.
        n_undefined: number of examples with NaN or infinite logits. Their prediction is the first
            class, or 0 in regression.
        n_wordless: number of examples with a text without subwords; they are scored on their
            special tokens and, in a pair, the other text.
        clusters: name of the source of each example [N]; empty if there is none. Pieces belong to
            the source of their text, or to the text.
        batch_size: number of examples of the largest forward pass, which is smaller than requested
            if memory ran out.
        n_examples: number of examples or texts.
        pieces: the masked pieces; None for other tasks.
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
    n_examples: int = 0
    pieces: MaskedPieces | None = None

    @property
    def predictions(self) -> npt.NDArray[Any]:
        """Class ids, or numbers in regression [N]."""
        return predictions_of(self.spec, self.logits)

    def read_by(self, metric: str) -> npt.NDArray[Any]:
        """What a metric of the task reads of each example [N]."""
        return predictions_of(self.spec, self.logits, metric)

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """Probabilities of the classes [N, K]: the softmax of the logits."""
        shifted = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))

    @property
    def brier(self) -> npt.NDArray[np.float64]:
        """Brier score of each example [N] (Brier 1950).

        The squared difference between probability and label, summed over classes, from 0 to 2.
        """
        likely = self.probabilities
        gold = likely[np.arange(len(likely)), self.labels.astype(int)]
        return np.asarray((likely**2).sum(axis=1) - 2 * gold + 1)

    def items(self) -> pd.DataFrame:
        """One row per example: prediction, gold label, and probability of the gold class.

        Of masked texts, one row per masked piece: whether it is right, 1, and its bits.
        """
        if self.spec.masked:
            scores = self.read_by(BITS)
        elif self.spec.regression:
            scores = -np.abs(self.predictions - self.labels)
        else:
            likely = self.probabilities
            scores = likely[np.arange(len(likely)), self.labels.astype(int)]
        return items_frame(
            pd.DataFrame(
                {
                    "item_id": self.ids,
                    "sentence_id": self.pieces.texts if self.pieces else self.ids,
                    "cluster_id": [name or None for name in self.clusters] or pd.NA,
                    "metric": _item_metric(self.spec),
                    "score": scores,
                    "prediction": self.predictions,
                    "gold": self.labels,
                }
            )
        )


def _item_metric(spec: TaskSpec) -> str:
    """What the score of a single example is."""
    if spec.masked:
        return BITS
    return "negative_error" if spec.regression else "gold_probability"


class Scorer:
    """Scores a task model on the same examples under several masks.

    The examples are encoded once. A score depends only on its mask, not on previous ones, and the
    model is unchanged afterwards.

    Args:
        model: a classifier or regressor.
        tokenizer: its tokenizer.
        examples: the N examples.
        spec: the task.
        batch_size: examples a forward pass; does not change the result beyond 1e-5. It is halved
            once if memory runs out.
        max_length: subwords an example keeps.
        say: told of a smaller batch.

    Raises:
        InputError: if there is no example, or some have one sentence and some two.
        CheckpointError: if the tokenizer is a slow one or cannot pad.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        examples: Sequence[Example],
        spec: TaskSpec,
        *,
        batch_size: int = 64,
        max_length: int = 128,
        say: Callable[[str], None] | None = None,
    ):
        self._model, self._spec, self._examples = model, spec, tuple(examples)
        self._tokenizer, self._max_length, self._say = tokenizer, max_length, say
        self._encoded = self._in_batches(batch_size)
        self._batch_size = min(batch_size, len(self._examples))

    def _in_batches(self, size: int) -> EncodedExamples:
        return task_batches_once(
            self._tokenizer,
            self._examples,
            self._spec,
            batch_size=size,
            max_length=self._max_length,
        )

    def score(self, mask: Subnetwork | None = None) -> Evaluation:
        """Predict all examples under a mask.

        Args:
            mask: the mask; None = the full model. If its pruned units can be removed, a smaller
                copy is run, which gives the same scores within 1e-5.

        Raises:
            MaskError: if the mask does not fit the model.
            MemoryLimitError: if memory runs out even with half the batch size.
        """
        return self.score_all([mask])[0]

    def score_all(
        self,
        masks: Sequence[Subnetwork | None],
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Evaluation]:
        """The same under many masks, faster: equal masks, and layers that they share, run once.

        Args:
            masks: the masks; None = the full model.
            progress: called with (passes over the examples done, all of them).

        Raises:
            MaskError, MemoryLimitError: as `score`.
        """
        shared = SharedLayers(self._model, masks)

        def scored(size: int) -> list[npt.NDArray[np.float64]]:
            whole = size == self._batch_size
            encoded = self._encoded if whole else self._in_batches(size)
            return self._logits(shared, encoded, progress)

        logits, size = once_halved(
            scored, self._batch_size, what="scoring", remedy=SMALLER, say=self._say
        )
        distinct = [self._evaluation(one, size) for one in logits]
        return [distinct[place] for place in shared.places]

    def _evaluation(self, logits: npt.NDArray[np.float64], size: int) -> Evaluation:
        undefined = ~np.isfinite(logits).all(axis=1)
        logits[undefined] = 0.0
        if self._spec.masked:
            logits[undefined, 1] = -np.log2(len(self._tokenizer))
        named = self._named()
        return Evaluation(
            spec=self._spec,
            logits=logits,
            metrics=scores_of(self._spec, logits, named["labels"]),
            n_truncated=self._encoded.n_truncated,
            n_undefined=int(undefined.sum()),
            n_wordless=self._encoded.n_wordless,
            batch_size=size,
            n_examples=len(self._examples),
            **named,
        )

    def _named(self) -> dict[str, Any]:
        """Ids, labels and clusters of what is scored: of examples, or of masked pieces."""
        if not self._spec.masked:
            return {
                "ids": tuple(example.id for example in self._examples),
                "labels": np.array([example.label for example in self._examples]),
                "clusters": tuple(example.cluster for example in self._examples),
            }
        places, gold = masked_places(self._encoded.batches)
        texts = [self._examples[text] for text, _ in places]
        return {
            "ids": tuple(f"{one.id}/{at}" for one, (_, at) in zip(texts, places, strict=True)),
            "labels": np.ones(len(gold), dtype=np.int64),
            "clusters": tuple(one.cluster or one.id for one in texts),
            "pieces": MaskedPieces(tuple(one.id for one in texts), gold, self._tokenizer),
        }

    def _logits(
        self,
        shared: SharedLayers,
        encoded: EncodedExamples,
        progress: Callable[[int, int], None] | None,
    ) -> list[npt.NDArray[np.float64]]:
        """Logits [N, K] in the order of the examples; of masked texts [P, 2], text after text."""
        model = self._model

        def run(running: Any, batch: Batch) -> tuple[npt.NDArray[np.float64], Any, Any]:
            labels = batch.labels
            assert labels is not None
            found = answers(running, to_inputs(batch, model.device), labels.to(model.device))
            return answered(found, labels, batch.index)

        tokens = [batch.input_ids.numel() for batch in encoded.batches]
        with evaluating(model), torch.inference_mode():
            made = shared.run(encoded.batches, tokens, run, progress)
        order = np.argsort(np.concatenate([items for _, _, items in made[0]]), kind="stable")
        return [np.concatenate([logits for logits, _, _ in one])[order] for one in made]


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
    """Score a task model on labelled examples: a `Scorer` that is used once.

    Args:
        model: a classifier or regressor.
        tokenizer: its tokenizer.
        examples: the N examples.
        spec: the task.
        subnetwork: the mask; None = the full model.
        batch_size: examples a forward pass; does not change the result beyond 1e-5. It is halved
            once if memory runs out.
        max_length: subwords an example keeps.
        say: told of a smaller batch.

    Raises:
        InputError, CheckpointError, MaskError, MemoryLimitError: as `Scorer`.
    """
    sizes = {"batch_size": batch_size, "max_length": max_length}
    return Scorer(model, tokenizer, examples, spec, say=say, **sizes).score(subnetwork)


@torch.no_grad()
def is_finite(model: Any) -> bool:
    """Whether all weights of a model are finite; after a loss of NaN they are not."""
    return all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())
