"""The basis of a plan: the graph of a run, its cells' identities and amounts of computation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...data.sentences.plain_text import read_corpus
from ...data.tasks.task import TaskData
from ...models.folder.sources import ModelSource, resolve_model
from ...models.folder.text_lengths import USUAL_LENGTH, fitting_length
from ..configuration.asked_probes import needs_corpus, options_of
from ..configuration.config import RunConfig
from ..configuration.learning_files import scored_corpus
from ..configuration.recipe import chosen_recipe, fitting_recipe
from ..plan.graph import Graph
from ..plan.planning import plan
from ..plan.seed_plan import TaskFacts
from ..plan.whole_run import read_plan, recorded_plan
from ..steps.progress import Progress
from .amounts import Workload
from .learning_size import learning_size
from .shape import EncoderShape, shape_of
from .sizes import SUBWORDS_A_WORD, TaskSize, from_hub, published_size, read_size

_SPECIAL = 2


@dataclass(frozen=True)
class Planned:
    """A run before anything is computed.

    Attributes:
        config: the options.
        folder: the run folder, if any.
        graph: the cells.
        ids: cell -> identity; None if its inputs are not on this machine.
        work: the amount of computation of the cells.
        said: messages about the plan.
    """

    config: RunConfig
    folder: Path | None
    graph: Graph
    ids: Mapping[str, str] | None
    work: Workload
    said: tuple[str, ...] = ()


def planned(config: RunConfig, folder: Path | None, progress: Progress) -> Planned:
    """Plan a run; inputs on this machine are read and checked as for the run itself.

    Nothing is downloaded from the hub: a plan uses the published sizes of the GLUE tasks and shapes
        of well-known encoders.

    Args:
        config: the options.
        folder: the run folder; if it records the same run and the inputs are unchanged, nothing is
            read again.
        progress: receives the progress of reading.

    Raises:
        InputError: any error that the run itself would raise before it computes.
    """
    options_of(config.probe)
    recorded = recorded_plan(config, folder) if folder else None
    if recorded is not None:
        facts = recorded.sources.facts
        return Planned(config, folder, recorded.graph, recorded.ids, workload_of(config, facts))
    source = resolve_model(config.model)
    absent = [config.model] if source.kind == "hub" else []
    absent += [task for task in config.tasks if from_hub(config, task)]
    if absent:
        return _unread(config, folder, source, absent)
    from ..plan.preparing import check_learning, check_probes

    here = config
    if config.recipe.precision in ("", "float32"):
        # the plan may be for another machine with an accelerator, if that affects
        # nothing; other precisions depend on the device
        here = config.model_copy(update={"device": "cpu"})
    run, prepared = read_plan(here, folder or Path(), progress)
    check_probes(here, progress)
    check_learning(prepared, progress)
    data = {task.data.spec.name: task.data for task in prepared.tasks.values()}
    work = workload_of(config, run.sources.facts, data)
    return Planned(config, folder, run.graph, run.ids, work, _states_said(work))


def _states_said(work: Workload) -> tuple[str, ...]:
    """The message about the hidden states that the probes of a run share."""
    probe, shape = work.config.probe, work.shape
    if not work.learning.count:
        return ()
    size = work.learning.states(shape.layers, shape.width) / 2**30
    where, until = "the run folder", "they are removed when it is done"
    if probe.cache:
        where, until = probe.cache, "stay there"
    return (
        f"hidden states of each probed model take {size:.2g} GiB in {where}; those used last stay, "
        f"up to {probe.cache_limit:g} GiB, while the run is computed, and {until}",
    )


def _unread(
    config: RunConfig, folder: Path | None, source: ModelSource, absent: list[str]
) -> Planned:
    """The plan of a run whose inputs are not all on this machine."""
    shape = shape_of(source)
    data = {task: _data(config, task) for task in config.tasks}
    facts = {task: _facts(config, source, shape, task, data[task]) for task in config.tasks}
    read = {facts[task].name: found for task, found in data.items() if found is not None}
    work = workload_of(config, facts, read)
    said = [
        f"not on this machine, and not downloaded for a plan: {', '.join(absent)}; cells are "
        "identified by the content of model and examples, so no cell counts as finished"
    ]
    if "published" in {size.known for size in work.sizes.values()}:
        said.append("numbers of examples are those published for GLUE")
    if shape.known == "assumed":
        said.append(f"the shape of {config.model} is not known; that of BERT-base is used")
    return Planned(config, folder, plan(config, facts), None, work, (*said, *_states_said(work)))


def _data(config: RunConfig, task: str) -> TaskData | None:
    """The examples of a task, if they are on this machine."""
    return None if from_hub(config, task) else config.choice(task).load(config.sizes())


def _facts(
    config: RunConfig, source: ModelSource, shape: EncoderShape, task: str, data: TaskData | None
) -> TaskFacts:
    """What the graph depends on, as far as it is known without the model."""
    from ...data.tasks.by_name import task_spec

    spec = task_spec(task) if data is None else data.spec
    recipe = chosen_recipe(source, spec.name, config.recipe, config.device)
    length = config.probe.max_length or USUAL_LENGTH
    if shape.known != "assumed":
        recipe, _ = fitting_recipe(recipe, config.recipe, shape.positions)
        length, _ = fitting_length(shape.positions, config.probe.max_length)
    own = tuple(spec.labels) if spec.own else ()
    return TaskFacts(spec.name, recipe, own, length)


def workload_of(
    config: RunConfig, facts: Mapping[str, TaskFacts], data: Mapping[str, TaskData] | None = None
) -> Workload:
    """The amount of computation of the cells of a run.

    Args:
        config: the options.
        facts: task, as named in the options -> what the graph depends on.
        data: task -> its examples, if already read.

    Raises:
        InputError: if the user's own examples cannot be read.
    """
    sizes: dict[str, TaskSize] = {}
    for task, fact in facts.items():
        read = (data or {}).get(fact.name)
        if read is None and from_hub(config, task):
            sizes[fact.name] = published_size(config, task, fact.recipe)
        else:
            read = read or config.choice(task).load(config.sizes())
            sizes[fact.name] = read_size(config, read, fact.recipe)
    recipes = {fact.name: fact.recipe for fact in facts.values()}
    shape = shape_of(resolve_model(config.model))
    return Workload(config, recipes, sizes, shape, _corpus(config), learning_size(config))


def _corpus(config: RunConfig) -> tuple[int, float]:
    """The number of sentences that probes read, and their mean length in subwords."""
    options = config.probe
    if not needs_corpus(options):
        return 0, 1.0
    read = read_corpus(scored_corpus(options), surface=options.tokens == "surface")[
        : options.sentences
    ]
    words = sum(len(sentence.words) for sentence in read)
    return len(read), SUBWORDS_A_WORD * words / max(1, len(read)) + _SPECIAL
