"""What a model under a mask knows: the asked-for probes over a corpus and the task's examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import UnknownNameError
from ...data.files.atomic import digest
from ...data.output.better import filled
from ...data.output.item_parts import ItemParts
from ...data.output.tables import rows_frame
from ...data.sentences.plain_text import read_corpus
from ...data.sentences.sentence import Example, Sentence
from ...data.tasks.task import TaskSpec
from ...models.encoder.anatomy import anatomy_of
from ...models.folder.text_lengths import USUAL_LENGTH
from ...models.masks.subnetwork import Subnetwork
from ...probes.entry import Options
from ...probes.forward.base import Context, ProbeResult
from ...probes.forward.needs import sentences_of
from ...probes.named import run_named_probes
from ...probes.registry import find_probe
from ..cell_output import CellOutput
from ..configuration.asked_probes import (
    needs_corpus,
    of_corpus,
    of_task,
    options_of,
    probes_reading,
)
from ..configuration.config import ProbeOptions
from ..findings.change_statistics import with_statistics
from ..findings.dependency_tests import dependency_rows
from ..findings.head_map import head_map_rows
from ..findings.pattern_intervals import pattern_intervals
from ..statistics.row_units import with_clusters, with_n_clusters
from .annotations import as_read, check_readable, left_out, say_left_out
from .progress import Advance, Progress, Silent
from .said import reading_of


@dataclass(frozen=True)
class Corpus:
    """Sentences that the attention probes read.

    Attributes:
        name: `natural`, or the file's name.
        sentences: the N sentences, all gold or all of one parser.
        clusters: sentence -> the set or source it was sampled with, for those not alone.
    """

    name: str
    sentences: tuple[Sentence, ...]
    clusters: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A hash of texts, words, trees, who made them, documents, and clusters."""
        read = ([s.raw_text(), s.words, s.spans] for s in self.sentences)
        trees = ([s.heads, s.deprels, s.upos] for s in self.sentences)
        made = ([s.annotation, s.scheme, s.document] for s in self.sentences)
        parts = zip(read, trees, made, strict=True)
        said: list[Any] = [[*one, *other, *more] for one, other, more in parts]
        return digest([*said, dict(self.clusters)] if self.clusters else said)

    @property
    def examples(self) -> list[Example]:
        """Each sentence as what probes read."""
        return [
            Example(id=s.id, first=s, cluster=self.clusters.get(s.id, "")) for s in self.sentences
        ]


def clusters_of(examples: Iterable[Example]) -> dict[str, str]:
    """Sentence -> cluster of its example, for examples that do not stand alone."""
    return {
        sentence.id: example.cluster
        for example in examples
        for sentence in sentences_of(example)
        if example.cluster
    }


def read_probe_corpus(options: ProbeOptions, progress: Progress | None = None) -> Corpus:
    """Read the first sentences of a corpus, with the annotation that the asked-for probes need.

    Gold annotation stays as it is, unless `options.reparse` asks for the parser's. What a probe
    cannot read is told to `progress`.

    Raises:
        AnnotationError: if a probe can read no sentence.
    """
    for typed in options_of(options).values():
        typed.inputs()  # a bad file is refused before anything is computed
    read = read_corpus(options.corpus, surface=options.tokens == "surface")[: options.sentences]
    names = of_corpus(options)
    sentences = as_read(read, names, pipeline=options.pipeline, reparse=options.reparse)
    corpus = Corpus(Path(options.corpus).name, tuple(sentences))
    check_readable(corpus.examples, names)
    say_left_out(progress or Silent(), options.corpus, corpus.examples, names)
    return corpus


def corpus_note(corpus: Corpus | None, options: ProbeOptions) -> dict[str, Any] | None:
    """What the manifest records of a corpus."""
    if corpus is None:
        return None
    return {
        "name": corpus.name,
        "sentences": len(corpus.sentences),
        "annotation": corpus.sentences[0].annotation,
        "left_out": left_out(corpus.examples, of_corpus(options)),
    }


def annotated_examples(examples: tuple[Example, ...], options: ProbeOptions) -> tuple[Example, ...]:
    """Examples of a task with the annotation that the asked-for probes need (see `as_read`)."""
    sentences = [sentence for example in examples for sentence in sentences_of(example)]
    read = iter(
        as_read(sentences, options.names, pipeline=options.pipeline, reparse=options.reparse)
    )
    return tuple(
        example.with_sentences(next(read), None if example.second is None else next(read))
        for example in examples
    )


def probe_model(
    model: Any,
    tokenizer: Any,
    mask: Subnetwork | None,
    spec: TaskSpec | None,
    corpus: Corpus | None,
    task_examples: tuple[Example, ...],
    options: ProbeOptions,
    *,
    split: str,
    progress: Advance,
    reference: Any | None = None,
    task_length: int = 0,
    batch_size: int = 0,
    say: Callable[[str], None] | None = None,
) -> CellOutput:
    """Run the probes that `options` names.

    Args:
        model: an encoder, with a task head where attributions are asked for.
        tokenizer: its tokenizer.
        mask: the subnetwork, or None for the whole model.
        spec: the task that the model was fine-tuned on, if any.
        corpus: what the attention probes read.
        task_examples: annotated examples whose predictions are attributed; those that lack what
            attribution needs are left out and counted.
        options: which probes, and their settings.
        split: name of the split that `task_examples` come from.
        progress: called with the number of batches done.
        reference: whole model that probes with the need `second-model` compare with.
        task_length: subwords that a task example keeps, where that is not `options.max_length`: it
            is to be explained as it is scored.
        batch_size: examples a forward pass; 0 = as each probe has it.
        say: told of smaller batches where memory runs out.

    Returns:
        rows and items; the note `texts` counts what was read, cut and left out.
    """
    context = Context(
        model=model,
        tokenizer=tokenizer,
        anatomy=anatomy_of(model),
        subnetwork=mask,
        spec=spec,
        max_length=options.max_length or USUAL_LENGTH,
        reference=reference,
        pre_split=options.pre_split,
    )
    settings = {
        name: {shared: getattr(options, shared) for shared in find_probe(name).shared}
        | typed.model_dump()
        | (_batch_sizes(typed, batch_size) if batch_size else {})
        for name, typed in options_of(options).items()
    }
    outputs: list[CellOutput] = []
    readings: dict[str, dict[str, int]] = {}
    if corpus is not None and needs_corpus(options):
        first = corpus.sentences[0]
        for result in run_named_probes(
            context, corpus.examples, of_corpus(options), options=settings,
            batch_size=batch_size or 32, progress=progress, say=say,
        ):  # fmt: skip
            found = clustered(result, corpus.clusters)
            outputs.append(_output(found, corpus.name, first, options, split=""))
            readings["sentences"] = reading_of(result.notes)
    if task_examples and of_task(options):
        own = replace(context, max_length=task_length or context.max_length)
        for result in run_named_probes(
            own, task_examples, of_task(options), options=settings, batch_size=batch_size or 32,
            progress=progress, say=say,
        ):  # fmt: skip
            name = spec.name if spec else ""
            first = task_examples[0].first
            found = clustered(result, clusters_of(task_examples))
            outputs.append(_output(found, name, first, options, split=split))
            readings["examples"] = reading_of(result.notes)
    suites = probes_reading(options, "suite")
    for result in run_named_probes(
        context, (), suites, options=settings, progress=progress, say=say
    ):
        outputs.append(_of_suite(result, options))
    joined = join(outputs)
    return joined.but(notes={**joined.notes, "texts": readings})


def _batch_sizes(options: Options, batch_size: int) -> dict[str, int]:
    """A probe's own sizes of batches: no larger than asked for, unless it was told its own."""
    known = {"batch_size", "internal_batch_size"} & set(type(options).model_fields)
    own = options.model_dump()
    return {name: min(own[name], batch_size) for name in known - options.model_fields_set}


FINISHED: Mapping[str, Callable[[ProbeResult, ProbeOptions], pd.DataFrame]] = {
    "": lambda result, _options: result.rows,
    "dependency-tests": lambda result, options: dependency_rows(result, options.correction),
    "head-map": lambda result, _options: head_map_rows(result),
    "change-statistics": lambda result, _options: with_statistics(result.rows, result.item_parts),
    "pattern-intervals": lambda result, _options: pattern_intervals(result),
}
"""Finish step of an entry -> what makes rows of a result: with intervals, tests, a map of heads."""


def finished(result: ProbeResult, options: ProbeOptions) -> pd.DataFrame:
    """The rows of a probe, with what analysis adds.

    Raises:
        UnknownNameError: if there is no such finish step.
    """
    entry = find_probe(result.probe)
    if entry.finish not in FINISHED:
        raise UnknownNameError("finish step", entry.finish, filter(None, FINISHED))
    rows = rows_frame(FINISHED[entry.finish](result, options))
    directions = {name: entry.better_of(str(name)) for name in rows["metric"].dropna().unique()}
    return rows.assign(better=filled(rows["better"], rows["metric"], directions))


def _of_suite(result: ProbeResult, options: ProbeOptions) -> CellOutput:
    """The output of a probe that read texts of its own: its rows may say whose they are."""
    found = clustered(result, {})
    entry = find_probe(result.probe)
    rows = finished(found, options)
    corpus = rows["corpus"].fillna(entry.source or entry.name)
    return CellOutput(rows.assign(corpus=corpus), found.item_parts, found.arrays, found.notes)


def clustered(result: ProbeResult, clusters: Mapping[str, str]) -> ProbeResult:
    """A result whose items name their cluster and whose rows have `n_clusters`."""
    items = result.item_parts.mapped(
        lambda part: with_clusters(part.assign(probe=result.probe), clusters)
    )
    return replace(result, rows=with_n_clusters(result.rows, items), make_items=lambda: items)


def _output(
    result: ProbeResult, corpus: str, first: Sentence, options: ProbeOptions, *, split: str
) -> CellOutput:
    rows = finished(result, options)
    rows = rows.assign(corpus=corpus, annotation=first.annotation, scheme=first.scheme, split=split)
    return CellOutput(rows, result.item_parts, result.arrays, result.notes)


def join(outputs: list[CellOutput]) -> CellOutput:
    """Several outputs as one: rows and items below each other, arrays and notes side by side."""
    empty = pd.DataFrame()
    return CellOutput(
        pd.concat([empty, *(output.rows for output in outputs)], ignore_index=True),
        ItemParts.joined(output.parts for output in outputs),
        {name: array for output in outputs for name, array in output.arrays.items()},
        {name: note for output in outputs for name, note in output.notes.items()},
    )
