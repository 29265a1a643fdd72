"""Run trained probes on one model, with training texts, hidden states and full-model arrays.

Probes without training are run in steps/probing.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskSpec
from ...models.masks.subnetwork import Subnetwork
from ...probes.forward.base import Context, ProbeResult
from ...probes.learning.learning import Arrays
from ...probes.named import run_named_probes
from ...probes.registry import find_probe
from ...probes.states.cache import StateCache
from ..cell_output import CellOutput, join
from ..configuration.asked_probes import learning, narrowed, settings_of
from ..configuration.probe_options import ProbeOptions
from ..steps.probing import clustered, clusters_of, context_of, of_suite, output_of
from ..steps.progress import Progress
from ..steps.said import READING, reading_of
from .parts import Parts

SPLIT = "test"
"""What the column `split` says of rows about a corpus that is cut into parts."""


@dataclass(frozen=True)
class Taught:
    """The data that trained probes need.

    Attributes:
        parts: training and test sentences.
        states: where hidden states are kept.
        whole: probe -> its `arrays` on the full model, where this is a mask of it, for probes whose
            read-outs are transferred.
    """

    parts: Parts
    states: StateCache
    whole: Mapping[str, Arrays] = field(default_factory=dict)


def probe_learning(
    model: Any,
    tokenizer: Any,
    mask: Subnetwork | None,
    spec: TaskSpec | None,
    taught: Taught,
    task_examples: tuple[Example, ...],
    options: ProbeOptions,
    *,
    split: str,
    progress: Progress,
    title: str = "probing",
    task_length: int = 0,
    batch_size: int = 0,
) -> CellOutput:
    """Run those probes named in `options` that are trained.

    Args:
        model: an encoder, with a task head if probes need one.
        tokenizer: its tokenizer.
        mask: the subnetwork, or None for the full model.
        spec: the task that the model was fine-tuned on, if any.
        taught: their training data.
        task_examples: annotated examples, for probes that are scored on the task's examples.
        options: which probes, and their settings.
        split: name of the split that `task_examples` come from.
        progress: receives the progress of each probe, and messages about smaller batches if memory
            runs out.
        title: of what is told.
        task_length: subwords that a task example keeps, where that is not `options.max_length`.
        batch_size: examples per forward pass; 0 = as each probe has it.

    Returns:
        rows and items; the note `texts` counts what was read, cut and left out.
    """
    results = _results(
        context_of(model, tokenizer, mask, spec, options), taught, task_examples, options,
        learning(options), progress=progress, title=title, task_length=task_length,
        batch_size=batch_size,
    )  # fmt: skip
    outputs: list[CellOutput] = []
    readings: dict[str, dict[str, int]] = {}
    for result in results:
        reads = find_probe(result.probe).reads
        if reads == "suite":
            outputs.append(of_suite(result, options))
        else:
            outputs.append(_with_texts(result, taught.parts, task_examples, spec, options, split))
        if set(READING) <= {note.removeprefix("n_") for note in result.notes}:
            readings["examples" if reads == "task" else "sentences"] = reading_of(result.notes)
    joined = join(outputs)
    return joined.but(notes={**joined.notes, "texts": readings})


def whole_arrays(
    model: Any,
    tokenizer: Any,
    spec: TaskSpec | None,
    taught: Taught,
    task_examples: tuple[Example, ...],
    options: ProbeOptions,
    *,
    progress: Progress,
    task_length: int = 0,
    batch_size: int = 0,
) -> dict[str, Arrays]:
    """Probe -> its arrays from the full model, for probes whose read-outs are transferred.

    The arguments are those of `probe_learning`.
    """
    names = [name for name in learning(options) if find_probe(name).transfers]
    results = _results(
        context_of(model, tokenizer, None, spec, options), replace(taught, whole={}),
        task_examples, options, names, progress=progress, title="training probes on the full model",
        task_length=task_length, batch_size=batch_size,
    )  # fmt: skip
    return {result.probe: result.arrays for result in results}


def _results(
    context: Context, taught: Taught, task_examples: tuple[Example, ...], options: ProbeOptions,
    names: list[str], *, progress: Progress, title: str, task_length: int, batch_size: int,
) -> Iterator[ProbeResult]:  # fmt: skip
    settings = settings_of(options, batch_size)
    for name in names:
        own, examples = context, list[Example]()
        if find_probe(name).reads == "task":
            own = replace(context, max_length=task_length or context.max_length)
            examples = list(task_examples)
        elif find_probe(name).reads == "corpus":
            examples = taught.parts.test.examples
        with progress.stage(f"{title}: {name}") as advance:
            [result] = run_named_probes(
                own,
                examples,
                [name],
                options={name: settings[name]},
                learning=taught.parts.learning(taught.states, taught.whole.get(name)),
                batch_size=batch_size or 32,
                progress=advance,
                say=progress.say,
            )
        yield result


def _with_texts(
    result: ProbeResult, parts: Parts, task_examples: tuple[Example, ...], spec: TaskSpec | None,
    options: ProbeOptions, split: str,
) -> CellOutput:  # fmt: skip
    """The output of a probe, with the names of its texts."""
    own = narrowed(options, [result.probe])
    if find_probe(result.probe).reads == "task":
        found = clustered(result, clusters_of(task_examples))
        name, first = spec.name if spec else "", task_examples[0].first
        return output_of(found, name, first, own, split=split)
    test = parts.test
    return output_of(
        clustered(result, test.clusters), test.name, test.sentences[0], own, split=SPLIT
    )
