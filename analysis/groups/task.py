"""Read a task whose examples name their groups, and compare splits of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...data.errors import ConfigError
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskData
from ...data.tasks.task_parts import spread
from ..artefacts.partial import without_classes
from ..configuration.config import RecipeOptions
from ..configuration.task_choice import TaskChoice
from ..steps.data_summary import left_out_lines
from ..steps.progress import Progress
from .classifiers import Classify, encoder_classifier, ngram_classifier
from .measure import GroupSplits, measure_groups


def group_splits(
    task: TaskChoice | TaskData,
    *,
    progress: Progress,
    encoder: str | None = None,
    options: RecipeOptions | None = None,
    folds: int = 5,
    added: Sequence[int] = (1,),
    largest: int = 20,
    limit: int = 0,
    seed: int = 1,
    device: str = "auto",
) -> GroupSplits:
    """Compare random with group-disjoint splits of a task: see `measure_groups`.

    The examples are those of all labelled splits together. Examples without a group are left out
    and counted.

    Args:
        task: the task, by name or already loaded.
        progress: receives the progress of training, and messages.
        encoder: an encoder that is fine-tuned in each fold; None = n-grams.
        options: changes to its recorded recipe.
        folds: number of folds of groups.
        added: numbers of examples of each held-out group that are added to the training examples.
        largest: number of groups that are predicted.
        limit: maximum number of examples, in evenly spaced whole groups; 0 = all.
        seed: of folds and of training.
        device: where the encoder is trained.

    Raises:
        ConfigError: for a task without classes or without groups.
        DataFileError: if groups are too few or too small.
    """
    data = task if isinstance(task, TaskData) else task.load()
    examples, without = grouped_examples(data)
    for line in left_out_lines(data):
        progress.say(line)
    if without:
        progress.say(f"{without} of {without + len(examples)} examples without a group left out")
    if limit:
        examples = whole_groups(examples, limit)
    classify: Classify = ngram_classifier
    if encoder:
        # with transformers, which n-grams do not need
        from ...models.checkpoint.checkpoint import resolve_model

        classify = encoder_classifier(
            encoder, resolve_model(encoder), options or RecipeOptions(), seed=seed, device=device,
            progress=progress,
        )  # fmt: skip
    return measure_groups(
        data.spec, examples, classify, folds=folds, added=added, largest=largest, seed=seed
    )


def grouped_examples(data: TaskData) -> tuple[tuple[Example, ...], int]:
    """The examples of all splits that have a group, and how many have none.

    Raises:
        ConfigError: for a task without classes, or without any group.
    """
    spec = data.spec
    if why := without_classes(spec):
        raise ConfigError(
            f"{why}: splits are compared for classes", remedy="name a task with classes"
        )
    every = tuple(one for split in data.splits.values() for one in split)
    grouped = tuple(one for one in every if one.cluster)
    if not grouped:
        raise ConfigError(
            f"the examples of {spec.name} have no groups",
            where="`columns`",
            remedy="name the column of the source that examples share: group=...",
        )
    return grouped, len(every) - len(grouped)


def whole_groups(examples: tuple[Example, ...], limit: int) -> tuple[Example, ...]:
    """Evenly spaced groups with all of their examples: at most `limit`, but at least two groups."""
    sizes = Counter(one.cluster for one in examples)
    names = tuple(sizes)
    count = len(names)
    while count > 2 and sum(sizes[name] for name in spread(names, count)) > limit:
        count -= 1
    kept = set(spread(names, count))
    return tuple(one for one in examples if one.cluster in kept)
