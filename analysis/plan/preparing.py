"""Read and check the inputs of a run before anything is computed: encoder, tasks, sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...data.errors import ConfigError
from ...data.seeds import seeds_of
from ...data.tasks.class_order import parse_pairs
from ...data.tasks.task import TaskData
from ...models.ablation.pairing import paired
from ...models.checkpoint.checkpoint import load_encoder, load_tokenizer, resolve_model
from ...models.checkpoint.inputs import check_inputs
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.device import device_of
from ...models.folder.sources import ModelSource
from ...models.folder.text_lengths import fitting_length
from ...models.smaller.shrink import check_removable
from ...models.training.precision import check_precision
from ...models.training.recipes import Recipe
from ..configuration.asked_probes import (
    check_some_fit,
    learning,
    needs_corpus,
    of_corpus,
    of_language,
    options_of,
)
from ..configuration.config import RunConfig
from ..configuration.learning_files import learning_files, scored_corpus
from ..configuration.recipe import chosen_recipe, fitting_recipe
from ..learning.parts import Parts, read_parts
from ..steps.annotations import readable, say_left_out
from ..steps.data_summary import summarise
from ..steps.probing import Corpus, read_probe_corpus
from ..steps.progress import Progress
from ..steps.selection import parts_for
from ..steps.task_head import check_whole, kept_head, start_of_head
from .seed_plan import TaskFacts


@dataclass(frozen=True)
class TaskSetting:
    """One task of a run, read and checked.

    Attributes:
        data: the task as it was read.
        recipe: how its models are fine-tuned.
        probe_length: maximum subwords per probed sentence.
        flag: the flag of rows that is due to the tokenizer, or empty.
        said: the messages about the tokenizer and the length of texts.
    """

    data: TaskData
    recipe: Recipe
    probe_length: int
    flag: str = ""
    said: tuple[str, ...] = ()

    @property
    def facts(self) -> TaskFacts:
        """What the graph depends on."""
        spec = self.data.spec
        own = tuple(spec.labels) if spec.own else ()
        return TaskFacts(spec.name, self.recipe, own, self.probe_length)


@dataclass(frozen=True)
class Prepared:
    """The inputs that the cells of a run share.

    Attributes:
        config: the options.
        source: where the pretrained encoder comes from.
        tasks: name -> task, in the order of the options.
    """

    config: RunConfig
    source: ModelSource
    tasks: Mapping[str, TaskSetting]

    @property
    def facts(self) -> dict[str, TaskFacts]:
        """Task, as named in the options -> what the graph depends on."""
        given = zip(self.config.tasks, self.tasks.values(), strict=True)
        return {name: task.facts for name, task in given}


def prepare(config: RunConfig, progress: Progress) -> Prepared:
    """Read the encoder and the tasks of a run, and report anything unusual about them.

    Raises:
        InputError: for inputs that cannot be read, or do not fit together.
    """
    device_of(config.device)
    source = resolve_model(config.model)
    encoder, tokenizer = load_encoder(config.model), load_tokenizer(config.model)
    if config.retrain.route == "compact":
        check_removable(encoder)
    check_whole(encoder, config.model)
    positions = anatomy_of(encoder).max_tokens
    length, _ = fitting_length(positions, config.probe.max_length, option="probe.max_length")
    tasks: dict[str, TaskSetting] = {}
    for task in config.tasks:
        data = config.choice(task).load(config.sizes())
        found = check_inputs(
            encoder,
            tokenizer,
            where=config.model,
            pairs=data.spec.pair,
            allow_no_specials=config.allow_no_specials,
        )
        recipe = chosen_recipe(source, data.spec.name, config.recipe, config.device)
        check_precision(recipe.precision, config.device)
        recipe, cut = fitting_recipe(recipe, config.recipe, positions)
        said = tuple(line for line in (*found.said, cut) if line)
        if found.flag:
            data = readable(data, tokenizer, progress)
        if recipe.head == "kept":
            kept_head(config, data.spec)
        tasks[data.spec.name] = TaskSetting(data, recipe, length, found.flag, said)
    speaking = of_language(config.probe.names)
    if speaking and not any(task.data.spec.masked for task in tasks.values()):
        raise ConfigError(
            f"needs a masked-LM head, which models of {', '.join(tasks)} do not have",
            where=speaking[0],
            remedy="add the task mlm, or leave the probe out",
        )
    check_some_fit(config.probe, [task.data.spec for task in tasks.values()])
    for line in dict.fromkeys(line for task in tasks.values() for line in task.said):
        progress.say(line)
    return Prepared(config, source, tasks)


def check_pairs(prepared: Prepared) -> None:
    """Raise unless every example has the counterfactual that the ablation of a run asks for.

    Raises:
        InputError: if a task cannot have them, or an example has none of its length.
        MaskError: if there are too many for a mask file.
    """
    config = prepared.config
    if config.prune.ablation != "counterfactual":
        return
    tokenizer, seed = load_tokenizer(prepared.source.name), config.split_seed(config.seeds[0])
    for task in prepared.tasks.values():
        parts = parts_for(task.data, config.prune, seed=seed)
        paired(tokenizer, parts, max_length=task.recipe.max_length)


def check_probes(config: RunConfig, progress: Progress) -> Corpus | None:
    """Check the options of probes, and that each probe can read at least one of its sentences.

    Returns:
        The sentences with the annotation that all of these probes need; None without such probes.

    Raises:
        ConfigError: for invalid options.
        AnnotationError: if a probe can read no sentence.
    """
    options_of(config.probe)
    if not needs_corpus(config.probe):
        return None
    corpus = read_probe_corpus(config.probe)
    say_left_out(progress, scored_corpus(config.probe), corpus.examples, of_corpus(config.probe))
    return corpus


def check_learning(
    prepared: Prepared, progress: Progress
) -> tuple[Parts, dict[str, Any]] | tuple[None, None]:
    """Read the training data of probes; check that each probe can read a sentence of every part.

    Returns:
        The parts with the annotation that all of these probes need, and their record; None if no
        probe is trained.

    Raises:
        InputError: for parts that cannot be read or combined.
    """
    options = prepared.config.probe
    learning_files(options)
    if not learning(options):
        return None, None
    parts = read_parts(options, progress)
    progress.say(f"{', '.join(learning(options))}: {parts.said}")
    unknown = parts.say_unknown(load_tokenizer(prepared.source.name), progress)
    return parts, {**parts.note(options), "unknown": unknown}


def summaries_of(prepared: Prepared) -> list[dict[str, Any]]:
    """A summary of each task; the parts are those of the first seed."""
    config, tokenizer = prepared.config, load_tokenizer(prepared.source.name)
    return [
        summarise(
            task.data,
            parts_for(task.data, config.prune, seed=config.split_seed(config.seeds[0])),
            tokenizer,
            max_length=task.recipe.max_length,
        )
        for task in prepared.tasks.values()
    ]


def told_of_heads(prepared: Prepared) -> list[str]:
    """How a run treats the head of the model that it starts from: one line per task and seed."""
    labels = parse_pairs(prepared.config.labels)
    lines = [
        start_of_head(
            prepared.source.name,
            task.data.spec,
            seeds_of(seed, crossed=bool(prepared.config.seeds_init))[0],
            kept=task.recipe.head == "kept",
            labels=labels,
        )
        for task in prepared.tasks.values()
        for seed in prepared.config.seeds
    ]
    return [line for line in dict.fromkeys(lines) if line]
