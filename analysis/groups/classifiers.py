"""Train on some examples and predict others: n-grams, or the encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...data.sentences.sentence import Example, plain_sentence
from ...data.tasks.task import TaskParts, TaskSpec
from ...models.folder.sources import ModelSource
from ..artefacts.linear import log_probabilities, ngram_counts
from ..artefacts.partial import by_encoder, recipe_of
from ..configuration.config import RecipeOptions
from ..statistics.clusters import Units
from ..steps.progress import Progress

Predicted = npt.NDArray[np.int64]
Classify = Callable[[TaskSpec, Sequence[Example], Sequence[Example]], Predicted]
"""(task, training examples, other examples [M]) -> predicted class ids [M]."""


def ngram_classifier(
    spec: TaskSpec, train: Sequence[Example], others: Sequence[Example]
) -> Predicted:
    """Logistic regression on uni- and bigrams; each text of a pair has features of its own.

    Raises:
        DataFileError: if no training text contains a word.
    """
    counts, report = ngram_counts([one.texts() for one in train], [one.texts() for one in others])
    labels = np.array([int(one.label or 0) for one in train])
    logits = log_probabilities(counts, labels, report, spec.num_labels)
    return np.asarray(logits.argmax(axis=1), dtype=np.int64)


def encoder_classifier(
    model: str, source: ModelSource, options: RecipeOptions, *, seed: int, device: str,
    progress: Progress,
) -> Classify:  # fmt: skip
    """A function that fine-tunes the encoder anew for each set of training examples."""

    def classify(spec: TaskSpec, train: Sequence[Example], others: Sequence[Example]) -> Predicted:
        parts = TaskParts(spec, tuple(train), (), tuple(others), "", "held-out groups")
        recipe = recipe_of(source, spec.name, options, device)
        with progress.stage(f"fine-tuning on {len(train)} examples of {spec.name}") as advance:
            found = by_encoder(
                model, parts, recipe, seed=seed, device=device, say=progress.say, advance=advance
            )
        return np.asarray(found.predictions, dtype=np.int64)

    return classify


def with_group(examples: Sequence[Example], units: Units) -> list[Example]:
    """The examples with the number of their group as one word before the first text.

    It is put first because long texts are cut off at their end.
    """
    return [
        replace(one, first=plain_sentence(one.first.id, f"group{unit} {one.first.text}"))
        for one, unit in zip(examples, units, strict=True)
    ]
