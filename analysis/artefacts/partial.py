"""Classifiers that see only part of the input: one text of a pair, or n-grams without order.

The hypothesis-only baseline of Gururangan et al. (2018), Poliak et al. (2018) and Tsuchiya (2018):
what such a classifier gets right can be solved without the relation of the two texts. Its errors
are the *hard* examples of Gururangan et al. (2018).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...data.errors import ConfigError, UnknownNameError
from ...data.sentences.sentence import Example
from ...data.tasks.metrics import score
from ...data.tasks.task import TaskParts, TaskSpec
from ...models.encoder.device import device_of
from ...models.folder.sources import ModelSource
from ...models.training.evaluate import Evaluation, evaluate
from ..configuration.config import RecipeOptions
from ..configuration.recipe import chosen_recipe, fitting_recipe
from ..steps.progress import Progress
from .linear import log_probabilities, ngram_counts

TEXTS = ("second", "first")
"""Which text of a pair the classifiers see, the default first."""
ACCURACY = "accuracy"
NGRAMS, ENCODER = "n-grams", "encoder"
"""Classifiers: logistic regression on lower-cased uni- and bigrams, and the fine-tuned encoder."""


def chosen_text(spec: TaskSpec, text: str = "") -> str:
    """The text that the classifiers see: `first`, `second`, or `only` where there is just one.

    Raises:
        ConfigError: if the labels are not classes, or a text is named where there is only one.
        UnknownNameError: for a text that does not exist.
    """
    if not spec.labels:
        found = "masked pieces" if spec.masked else "numbers"
        raise ConfigError(
            f"{spec.name} has {found} as labels: artefacts are measured for classes",
            remedy="name a task with classes",
        )
    if text and text not in TEXTS:
        raise UnknownNameError("text", text, TEXTS)
    if spec.pair:
        return text or TEXTS[0]
    if text:
        raise ConfigError(
            f"{spec.name} has one text per example", where="`only`", remedy="leave it out"
        )
    return "only"


def only(parts: TaskParts, text: str) -> TaskParts:
    """The same examples with one of their texts; accuracy is the metric, with the task's others."""

    def reduced(examples: tuple[Example, ...]) -> tuple[Example, ...]:
        return tuple(
            replace(
                one, first=one.second if text == "second" and one.second else one.first,
                second=None, rationale=None,
            )
            for one in examples
        )  # fmt: skip

    others = (name for name in parts.spec.metrics if name != ACCURACY)
    spec = replace(parts.spec, pair=False, metric=ACCURACY, metrics=(ACCURACY, *others))
    return replace(
        parts, spec=spec, train=reduced(parts.train),
        selection=reduced(parts.selection), report=reduced(parts.report),
    )  # fmt: skip


def by_ngrams(parts: TaskParts) -> Evaluation:
    """Predictions for the reported examples from counts of lower-cased uni- and bigrams.

    Multinomial logistic regression (scikit-learn, L2, C = 1) on `parts.train`; nothing is tuned.

    Raises:
        DataFileError: if no training text contains a word.
    """
    spec = parts.spec
    train, report = ngram_counts(
        *([one.texts() for one in of] for of in (parts.train, parts.report))
    )
    labels = np.array([one.label for one in parts.report])
    logits = log_probabilities(
        train, np.array([one.label for one in parts.train]), report, spec.num_labels
    )
    return Evaluation(
        spec=spec,
        ids=tuple(one.id for one in parts.report),
        logits=logits,
        labels=labels,
        metrics=score(spec, logits.argmax(axis=1), labels),
        n_truncated=0,
        n_wordless=int((np.asarray(report.sum(axis=1)).ravel() == 0).sum()),
        clusters=tuple(one.cluster for one in parts.report),
        n_examples=len(parts.report),
    )


def by_encoder(
    model: str,
    source: ModelSource,
    parts: TaskParts,
    options: RecipeOptions,
    *,
    seed: int,
    device: str = "auto",
    progress: Progress,
) -> Evaluation:
    """Predictions for the reported examples by the encoder, fine-tuned on this text alone.

    Args:
        model: the encoder as it was named.
        source: where it is.
        parts: examples with one text, see `only`.
        options: changes to the recorded recipe.
        seed: of the task head, of the order of examples and of dropout.
        device: where the model is trained.
        progress: receives the progress of the training and messages.
    """
    from ...models.checkpoint.inputs import positions_of
    from ...models.training.finetune import finetune

    device_of(device)
    recipe = chosen_recipe(source, parts.spec.name, options, device)
    recipe, said = fitting_recipe(recipe, options, positions_of(source))
    say: Callable[[str], None] = progress.say
    if said:
        say(said)
    with progress.stage(f"fine-tuning on part of {parts.spec.name}") as advance:
        trained = finetune(
            model, parts, recipe, seed_init=seed, seed_order=seed, device=device, tell=say,
            progress=advance, say=say,
        )  # fmt: skip
    return evaluate(
        trained.model, trained.tokenizer, parts.report, parts.spec, max_length=recipe.max_length,
        say=say,
    )  # fmt: skip
