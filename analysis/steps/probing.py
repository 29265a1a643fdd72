"""Run the requested probes on a model under a mask, over a corpus and the task's examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...data.files.atomic import digest
from ...data.sentences.plain_text import read_corpus
from ...data.sentences.sentence import LAYERS, Example, Sentence
from ...data.tasks.task import TaskSpec
from ...models.encoder.anatomy import anatomy_of
from ...models.folder.text_lengths import USUAL_LENGTH
from ...models.masks.subnetwork import Subnetwork
from ...probes.forward.base import Context, ProbeResult
from ...probes.forward.needs import sentences_of
from ...probes.named import run_named_probes
from ...probes.registry import find_probe
from ..cell_output import CellOutput, join
from ..configuration.asked_probes import (
    classifying,
    learning,
    needs_corpus,
    of_corpus,
    of_task,
    options_of,
    probes_reading,
    settings_of,
)
from ..configuration.config import ProbeOptions
from ..configuration.learning_files import scored_corpus
from ..rankings.beside import with_what_is_beside
from ..statistics.row_units import with_clusters, with_n_clusters
from .annotations import as_read, check_readable, left_out, say_left_out
from .finishing import finished
from .progress import Advance, Progress, Silent
from .said import reading_of


@dataclass(frozen=True)
class Corpus:
    """The sentences that the attention probes read.

    Attributes:
        name: `natural`, or the file's name.
        sentences: the N sentences, with gold annotation or that of one parser.
        clusters: sentence -> the set or source that it was sampled with, for those in a larger
            cluster.
    """

    name: str
    sentences: tuple[Sentence, ...]
    clusters: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A hash of texts, words, annotation and its origin, documents, clusters."""
        said: list[Any] = [
            [
                s.raw_text(), s.words, *(getattr(s, layer) for layer in LAYERS),
                s.annotation, s.scheme, s.document,
            ]
            for s in self.sentences
        ]  # fmt: skip
        return digest([*said, dict(self.clusters)] if self.clusters else said)

    @property
    def examples(self) -> list[Example]:
        """Each sentence as the input of probes."""
        return [
            Example(id=s.id, first=s, cluster=self.clusters.get(s.id, "")) for s in self.sentences
        ]


def clusters_of(examples: Iterable[Example]) -> dict[str, str]:
    """Sentence -> cluster of its example, for examples in larger clusters."""
    return {
        sentence.id: example.cluster
        for example in examples
        for sentence in sentences_of(example)
        if example.cluster
    }


def read_probe_corpus(options: ProbeOptions, progress: Progress | None = None) -> Corpus:
    """Read the first sentences of a corpus, with the annotation that the requested probes need.

    Gold annotation is kept unless `options.reparse` is set. Sentences that a probe cannot read are
    reported to `progress`.

    Raises:
        AnnotationError: if a probe can read no sentence.
    """
    for typed in options_of(options).values():
        typed.inputs()  # a bad file is refused before anything is computed
    named = scored_corpus(options)
    read = read_corpus(named, surface=options.tokens == "surface")[: options.sentences]
    names = of_corpus(options)
    sentences = as_read(read, names, pipeline=options.pipeline, reparse=options.reparse)
    corpus = Corpus(Path(named).name, tuple(sentences))
    check_readable(corpus.examples, names)
    say_left_out(progress or Silent(), named, corpus.examples, names)
    return corpus


def corpus_note(corpus: Corpus | None, options: ProbeOptions) -> dict[str, Any] | None:
    """The record of a corpus in the manifest."""
    if corpus is None:
        return None
    return {
        "name": corpus.name,
        "sentences": len(corpus.sentences),
        "annotation": corpus.sentences[0].annotation,
        "left_out": left_out(corpus.examples, of_corpus(options)),
    }


def annotated_examples(examples: tuple[Example, ...], options: ProbeOptions) -> tuple[Example, ...]:
    """Examples of a task with the annotation that the requested probes need (see `as_read`)."""
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
    """Run the probes that `options` names, except trained ones (see learning/probing.py).

    Args:
        model: an encoder, with a task head if attributions are requested.
        tokenizer: its tokenizer.
        mask: the subnetwork, or None for the whole model.
        spec: the task that the model was fine-tuned on, if any.
        corpus: the sentences that the attention probes read.
        task_examples: annotated examples whose predictions are attributed; those without the
            necessary annotation are left out and counted.
        options: which probes, and their settings.
        split: name of the split that `task_examples` come from.
        progress: called with the number of batches done.
        reference: a full model for probes with the need `second-model` to compare with.
        task_length: maximum subwords per task example, if not `options.max_length`: examples are
            explained as they are scored.
        batch_size: examples per forward pass; 0 = the default of each probe.
        say: receives a message if memory runs out and batches are made smaller.

    Returns:
        rows and items; the note `texts` counts what was read, cut and left out.
    """
    context = context_of(model, tokenizer, mask, spec, options, reference)
    settings = settings_of(options, batch_size)
    outputs: list[CellOutput] = []
    readings: dict[str, dict[str, int]] = {}
    if corpus is not None and needs_corpus(options):
        first = corpus.sentences[0]
        for result in run_named_probes(
            context, corpus.examples, of_corpus(options), options=settings,
            batch_size=batch_size or 32, progress=progress, say=say,
        ):  # fmt: skip
            found = clustered(result, corpus.clusters)
            outputs.append(output_of(found, corpus.name, first, options, split=""))
            readings["sentences"] = reading_of(result.notes)
    names = [name for name in of_task(options) if name not in learning(options)]
    if task_examples and names:
        own = replace(context, max_length=task_length or context.max_length)
        for result in run_named_probes(
            own, task_examples, names, options=settings, batch_size=batch_size or 32,
            progress=progress, say=say,
        ):  # fmt: skip
            name = spec.name if spec else ""
            first = task_examples[0].first
            found = clustered(result, clusters_of(task_examples))
            found = with_what_is_beside(found, own, task_examples, options, say)
            outputs.append(output_of(found, name, first, options, split=split))
            readings["examples"] = reading_of(result.notes)
    suites = [name for name in probes_reading(options, "suite") if name not in learning(options)]
    deciding = replace(context, max_length=task_length or context.max_length)
    for name in suites:
        used = deciding if name in classifying(options) else context
        for result in run_named_probes(
            used, (), [name], options=settings, progress=progress, say=say
        ):
            outputs.append(of_suite(result, options))
    joined = join(outputs)
    return joined.but(notes={**joined.notes, "texts": readings})


def context_of(
    model: Any, tokenizer: Any, mask: Subnetwork | None, spec: TaskSpec | None,
    options: ProbeOptions, reference: Any | None = None,
) -> Context:  # fmt: skip
    """The context of a model for probes (see `probe_model`)."""
    return Context(
        model=model,
        tokenizer=tokenizer,
        anatomy=anatomy_of(model),
        subnetwork=mask,
        spec=spec,
        max_length=options.max_length or USUAL_LENGTH,
        reference=reference,
        pre_split=options.pre_split,
    )


def of_suite(result: ProbeResult, options: ProbeOptions) -> CellOutput:
    """The output of a probe with texts of its own, whose rows may name their corpus."""
    found = clustered(result, {})
    entry = find_probe(result.probe)
    rows = finished(found, options)
    corpus = rows["corpus"].fillna(entry.source or entry.name)
    return CellOutput(rows.assign(corpus=corpus), found.item_parts, found.arrays, found.notes)


def clustered(result: ProbeResult, clusters: Mapping[str, str]) -> ProbeResult:
    """A result with the clusters of its items and `n_clusters` in its rows."""
    items = result.item_parts.mapped(
        lambda part: with_clusters(part.assign(probe=result.probe), clusters)
    )
    return replace(result, rows=with_n_clusters(result.rows, items), make_items=lambda: items)


def output_of(
    result: ProbeResult, corpus: str, first: Sentence, options: ProbeOptions, *, split: str
) -> CellOutput:
    """The output of a probe: its result, a description of its texts, and the additions of analysis.

    Args:
        result: its result.
        corpus: name of its texts.
        first: one of these texts.
        options: the options of all probes.
        split: the part of the corpus that it was scored on.
    """
    rows = finished(result, options)
    # rows about texts outside the corpus name them
    for name, said in (
        ("corpus", corpus), ("annotation", first.annotation), ("scheme", first.scheme)
    ):  # fmt: skip
        rows[name] = rows[name].fillna(said)
    rows = rows.assign(split=rows["split"].fillna(split))
    return CellOutput(rows, result.item_parts, result.arrays, result.notes)
