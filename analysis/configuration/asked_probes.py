"""The requested probes: what each reads and needs, and its checked options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...data.errors import ConfigError, InputError
from ...data.tasks.task import TaskSpec
from ...probes.entry import Options, Reads
from ...probes.options import check_options
from ...probes.registry import find_probe
from ...pruning.importance.methods import find_importance
from .config import ProbeOptions


def probes_reading(options: ProbeOptions, reads: Reads) -> list[str]:
    """The requested probes that read a corpus, a task or a suite."""
    return [name for name in options.names if find_probe(name).reads == reads]


def learning(options: ProbeOptions) -> list[str]:
    """The requested probes that are trained on texts and scored on others."""
    return [name for name in options.names if "training-part" in find_probe(name).further]


def of_corpus(options: ProbeOptions) -> list[str]:
    """The requested probes that read any sentences and are not trained."""
    learnt = learning(options)
    return [name for name in probes_reading(options, "corpus") if name not in learnt]


def of_task(options: ProbeOptions) -> list[str]:
    """The requested probes that read examples of the model's task."""
    return probes_reading(options, "task")


def options_of(options: ProbeOptions) -> dict[str, Options]:
    """The checked options of each requested probe.

    Raises:
        ConfigError: for an invalid option, or probes that need different heads.
        UnknownNameError: for a probe, an option or an importance that does not exist.
    """
    speaking, deciding = of_language(options.names), explaining(options)
    if speaking and deciding:
        raise ConfigError(
            f"{speaking[0]} needs the masked-LM head and {deciding[0]} the head of a task, but a "
            "model has one head",
            where="`names`",
            remedy="run them separately",
        )
    checked = check_options(options.options, options.names)
    for typed in checked.values():
        for importance in getattr(typed, "importances", ()):
            find_importance(importance)
    return checked


def explaining(options: ProbeOptions) -> list[str]:
    """The requested probes that use the head of the model's task."""
    return [name for name in options.names if "task-head" in find_probe(name).further]


def classifying(options: ProbeOptions) -> list[str]:
    """The requested probes that run the classifier on texts of their own."""
    return [name for name in explaining(options) if find_probe(name).reads == "suite"]


def unfit_for(name: str, options: ProbeOptions, spec: TaskSpec) -> str:
    """Why a probe cannot be run on models of a task; empty if it can."""
    further = find_probe(name).further
    if "choices" in further and not spec.choices:
        return f"{spec.name} has no multiple-choice questions, which {name} needs"
    if spec.choices and "task-head" in further and "choices" not in further:
        return f"{spec.name} is multiple choice: {name} needs a classifier of texts"
    if "classes" in further and not spec.labels:
        what = "has masked pieces as labels" if spec.masked else "predicts a number"
        return f"{spec.name} {what}: {name} needs classes"
    if "language-model-head" in further and not spec.masked:
        return f"models of {spec.name} have no masked-LM head: {name} needs one"
    return options_of(narrowed(options, [name]))[name].unfit(spec)


def check_fitting(options: ProbeOptions, spec: TaskSpec | None, classes_by: str = "") -> None:
    """Raise if a requested probe of named classes, or of questions, does not fit a model's task.

    Nor does a probe of a classifier fit a model that answers questions. Other probes say themselves
    what their head must be.

    Args:
        options: the requested probes.
        spec: the task; None = not known.
        classes_by: how the model's classes were matched to those of the task (`ClassOrder.by`).

    Raises:
        InputError: naming the probe.
    """
    if spec is None:
        return
    for name in explaining(options):
        further = find_probe(name).further
        if not (spec.choices or {"named-classes", "choices"} & set(further)):
            continue
        if why := unfit_for(name, options, spec):
            raise InputError(why, where=name)
        if classes_by == "place" and "named-classes" in further:
            raise InputError(
                f"the model does not name its classes, and {', '.join(spec.labels)} cannot be "
                "matched by position",
                where=name,
                remedy="match them with `labels` TASK_CLASS=MODEL_CLASS,...",
            )


def check_some_fit(options: ProbeOptions, specs: Sequence[TaskSpec]) -> None:
    """Raise if a probe of named classes can be run on the models of none of the tasks.

    Raises:
        InputError: naming the probe, and the reason for the first task.
    """
    for name in options.names:
        if "named-classes" in find_probe(name).further:
            reasons = [unfit_for(name, options, spec) for spec in specs]
            if all(reasons):
                raise InputError(f"{specs[0].name}: {reasons[0]}", where=name)


def of_language(names: Iterable[str]) -> list[str]:
    """Those of the named probes that read the head of masked language modelling."""
    return [name for name in names if "language-model-head" in find_probe(name).further]


def narrowed(options: ProbeOptions, names: Iterable[str]) -> ProbeOptions:
    """The same options, restricted to some of the probes."""
    kept = tuple(name for name in options.names if name in set(names))
    own = {name: given for name, given in options.options.items() if name in kept}
    return options.model_copy(update={"names": kept, "options": own})


def needs_corpus(options: ProbeOptions) -> bool:
    """Whether a requested probe reads any sentences and is not trained."""
    return bool(of_corpus(options))


def comparing(probes: Iterable[str]) -> list[str]:
    """The named probes that compare the model with another one."""
    return [name for name in probes if "second-model" in find_probe(name).further]


def headless(names: Iterable[str]) -> list[str]:
    """The named probes that need no task head, which only fine-tuned models have."""
    return [name for name in names if "task-head" not in find_probe(name).further]


_SHARED = ("max_length", "pre_split", "pipeline", "reparse")
_OF_CORPUS = ("corpus", "tokens", "sentences")
_OF_PARTS = ("train", "dev", "test", "train_sentences", *_OF_CORPUS)
_OF_TASK = ("examples",)
_STATISTICS = ("selection", "correction")


def probe_inputs(options: ProbeOptions, length: int) -> dict[str, Any]:
    """What determines the output of one probe: its own options, and the content of files.

    Args:
        options: those of a run, narrowed to the probe.
        length: maximum subwords per sentence, used if the options do not set it.
    """
    [(name, typed)] = options_of(options).items()
    reads = {"corpus": _OF_CORPUS, "task": _OF_TASK}.get(find_probe(name).reads, ())
    if learning(options):
        reads = (*reads, *_OF_PARTS)
    elif "corpus" in reads and options.test:
        options = options.model_copy(update={"corpus": options.test})
    plain = options.model_dump(mode="json", include={*_SHARED, *_STATISTICS, *reads})
    for part in {"corpus", "train", "dev", "test"} & plain.keys():
        # the content is a source of its own; the path determines only the name
        plain[part] = Path(plain[part]).name
    own = {**typed.model_dump(mode="json"), **typed.inputs()}
    return {**plain, "max_length": options.max_length or length, "name": name, "options": own}


def settings_of(options: ProbeOptions, batch_size: int) -> dict[str, dict[str, Any]]:
    """The keyword arguments of each requested probe.

    Args:
        options: the requested probes and their settings.
        batch_size: examples per forward pass; 0 = the default of each probe.
    """
    return {
        name: {shared: getattr(options, shared) for shared in find_probe(name).shared}
        | typed.model_dump(exclude=set(find_probe(name).analysed))
        | (_batch_sizes(typed, batch_size) if batch_size else {})
        for name, typed in options_of(options).items()
    }


def _batch_sizes(options: Options, batch_size: int) -> dict[str, int]:
    """The batch sizes of a probe: at most the requested size, unless its own options set one."""
    known = {"batch_size", "internal_batch_size"} & set(type(options).model_fields)
    own = options.model_dump()
    return {name: min(own[name], batch_size) for name in known - options.model_fields_set}
