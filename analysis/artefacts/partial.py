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
from ...models.training.recipes import Recipe
from ..configuration.config import RecipeOptions
from ..configuration.recipe import chosen_recipe, fitting_recipe
from ..steps.progress import Advance
from .linear import log_probabilities, ngram_counts

TEXTS = ("second", "first")
"""Which text of a pair the classifiers see, the default first."""
ACCURACY = "accuracy"
NGRAMS, ENCODER = "n-grams", "encoder"
"""Classifiers: logistic regression on lower-cased uni- and bigrams, and the fine-tuned encoder."""


def without_classes(spec: TaskSpec) -> str:
    """Why the labels of a task are not classes of texts; empty if they are."""
    if spec.choices:
        return f"{spec.name} is multiple choice, with letters of options as labels"
    if spec.labels:
        return ""
    return f"{spec.name} has {'masked pieces' if spec.masked else 'numbers'} as labels"


def chosen_text(spec: TaskSpec, text: str = "") -> str:
    """The text that the classifiers see: `first`, `second`, or `only` where there is just one.

    Raises:
        ConfigError: if the labels are not classes, or a text is named where there is only one.
        UnknownNameError: for a text that does not exist.
    """
    if why := without_classes(spec):
        raise ConfigError(
            f"{why}: artefacts are measured for classes", remedy="name a task with classes"
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


def recipe_of(source: ModelSource, task: str, options: RecipeOptions, device: str) -> Recipe:
    """The recipe of an encoder on a task, with lengths that fit into its positions.

    Raises:
        ConfigError: if the device does not exist, or `options` ask for longer texts.
    """
    from ...models.checkpoint.inputs import positions_of

    device_of(device)
    recipe = chosen_recipe(source, task, options, device)
    return fitting_recipe(recipe, options, positions_of(source))[0]


def by_encoder(
    model: str,
    parts: TaskParts,
    recipe: Recipe,
    *,
    seed: int,
    device: str = "auto",
    allow_no_specials: bool = False,
    say: Callable[[str], None] | None = None,
    advance: Advance | None = None,
) -> Evaluation:
    """Predictions for the reported examples by an encoder that is fine-tuned on these parts.

    Args:
        model: the encoder.
        parts: examples, with one text where artefacts are measured (see `only`).
        recipe: how it is fine-tuned; the head is always new.
        seed: of the task head, of the order of examples and of dropout.
        device: where the model is trained.
        allow_no_specials: see `finetune`.
        say: receives messages.
        advance: receives the progress of the training.
    """
    from ...models.training.finetune import finetune

    if recipe.head == "kept":
        recipe = replace(recipe, head="random")
    trained = finetune(
        model, parts, recipe, seed_init=seed, seed_order=seed, device=device, tell=say,
        allow_no_specials=allow_no_specials, progress=advance, say=say,
    )  # fmt: skip
    return evaluate(
        trained.model, trained.tokenizer, parts.report, parts.spec, max_length=recipe.max_length,
        say=say,
    )  # fmt: skip


def check_pair(spec: TaskSpec) -> None:
    """Raise unless an encoder that reads one text of an example sees only part of the input.

    Raises:
        ConfigError: if examples have one text.
    """
    if not spec.pair:
        raise ConfigError(
            f"{spec.name} has one text per example: an encoder would see the whole input",
            where="`encoder`",
            remedy="leave it out",
        )
