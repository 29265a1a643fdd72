"""What a model under a mask knows: the asked-for probes over a corpus and the task's examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.annotate import annotate
from ...data.atomic import digest, file_digest
from ...data.plain_text import read_corpus
from ...data.sentence import Example, Sentence
from ...data.task import TaskSpec
from ...probes.base import Context, ProbeResult
from ...probes.options import check_options
from ...probes.patterns.network import classifier_of
from ...probes.registry import find_probe, run_named_probes
from ...pruning.anatomy import anatomy_of
from ...pruning.subnetwork import Subnetwork
from ..statistics.change_statistics import with_statistics
from ..statistics.dependency_tests import dependency_rows
from ..statistics.pattern_intervals import pattern_intervals
from ..statistics.row_units import with_clusters, with_n_clusters
from .cells import CellOutput
from .config import ProbeOptions
from .head_map import head_map_rows
from .progress import Advance


@dataclass(frozen=True)
class Corpus:
    """Parsed sentences that the attention probes read.

    Attributes:
        name: `natural`, or the file's name.
        sentences: the N sentences, every one with a tree of the same scheme.
        clusters: sentence -> the set or source it was sampled with, for those not alone.
    """

    name: str
    sentences: tuple[Sentence, ...]
    clusters: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A hash of words, trees and clusters."""
        said: list[Any] = [[s.words, s.heads, s.deprels, s.upos] for s in self.sentences]
        return digest([*said, dict(self.clusters)] if self.clusters else said)


def clusters_of(examples: Iterable[Example]) -> dict[str, str]:
    """Sentence -> cluster of its example, for examples that do not stand alone."""
    return {
        sentence.id: example.cluster
        for example in examples
        for sentence in (example.first, example.second)
        if sentence is not None and example.cluster
    }


def read_probe_corpus(options: ProbeOptions) -> Corpus:
    """Read and, where there are no gold trees, annotate the first sentences of a corpus."""
    if options.patterns:
        classifier_of(options.patterns)  # a bad file is refused before anything is computed
    sentences = read_corpus(options.corpus)[: options.sentences]
    if not all(sentence.parsed for sentence in sentences):
        sentences = annotate(sentences, options.pipeline or None)
    return Corpus(Path(options.corpus).name, tuple(sentences))


def needs_corpus(options: ProbeOptions) -> bool:
    """Whether a probe is asked for that reads any sentences."""
    return any(not find_probe(name).needs_task for name in options.names)


def read_options(options: ProbeOptions) -> dict[str, Any]:
    """What decides the output of a probing step: files by their content."""
    plain = options.model_dump(mode="json")
    path = plain.pop("patterns")
    if "attention-patterns" in options.names:
        plain["patterns"] = file_digest(Path(path)) if path else classifier_of().digest
    return plain


def annotated_examples(
    examples: tuple[Example, ...], pipeline: str | None = None
) -> tuple[Example, ...]:
    """The examples with silver trees of the spaCy pipeline on both sentences, batched as one."""
    firsts = annotate([example.first for example in examples], pipeline)
    pairs = [example for example in examples if example.second is not None]
    seconds = iter(annotate([e.second for e in pairs if e.second is not None], pipeline))
    return tuple(
        example.with_sentences(first, next(seconds) if example.second is not None else None)
        for example, first in zip(examples, firsts, strict=True)
    )


def spread(examples: tuple[Example, ...], count: int) -> tuple[Example, ...]:
    """At most `count` examples at equal distances, so that every group of a sorted set is met."""
    if count >= len(examples):
        return examples
    places = np.linspace(0, len(examples) - 1, count).round().astype(int)
    return tuple(examples[i] for i in places)


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
) -> CellOutput:
    """Run the probes that `options` names.

    Args:
        model: an encoder, with a task head where attributions are asked for.
        tokenizer: its tokenizer.
        mask: the subnetwork, or None for the whole model.
        spec: the task that the model was fine-tuned on, if any.
        corpus: what the attention probes read.
        task_examples: annotated examples whose predictions are attributed.
        options: which probes, and their settings.
        split: name of the split that `task_examples` come from.
        progress: called with the number of batches done.
        reference: whole model that the probes of `COMPARING` compare with.
    """
    context = Context(
        model=model,
        tokenizer=tokenizer,
        anatomy=anatomy_of(model),
        subnetwork=mask,
        spec=spec,
        max_length=options.max_length,
        reference=reference,
    )
    settings: dict[str, dict[str, Any]] = {
        "dependency-heads": {"selection": options.selection},
        "attention-trees": {"selection": options.selection},
        "attention-patterns": {"weights": options.patterns},
        "attributions": {"n_steps": options.attribution_steps},
    }
    check_options(options.options, options.names)
    for name, given in options.options.items():
        settings.setdefault(name, {}).update(given)
    names = {
        own: [name for name in options.names if find_probe(name).needs_task is own]
        for own in (False, True)
    }
    outputs: list[CellOutput] = []
    if corpus is not None and names[False]:
        read = [
            Example(id=s.id, first=s, cluster=corpus.clusters.get(s.id, ""))
            for s in corpus.sentences
        ]
        first = corpus.sentences[0]
        for result in run_named_probes(
            context, read, names[False], options=settings, progress=progress
        ):
            found = clustered(result, corpus.clusters)
            outputs.append(_output(found, corpus.name, first, options, split=""))
    if task_examples and names[True]:
        for result in run_named_probes(
            context, task_examples, names[True], options=settings, progress=progress
        ):
            name = spec.name if spec else ""
            first = task_examples[0].first
            found = clustered(result, clusters_of(task_examples))
            outputs.append(_output(found, name, first, options, split=split))
    return join(outputs)


_FINISHED: Mapping[str, Callable[[ProbeResult, ProbeOptions], pd.DataFrame]] = {
    "dependency-heads": lambda result, options: dependency_rows(result, options.correction),
    "head-distances": lambda result, _options: head_map_rows(result),
    "attention-change": lambda result, _options: with_statistics(result.rows, result.items),
    "attention-patterns": lambda result, _options: pattern_intervals(result),
}
"""Probe -> what turns its result into rows: with intervals and tests, or with a map of heads."""


def clustered(result: ProbeResult, clusters: Mapping[str, str]) -> ProbeResult:
    """A result whose items name their cluster and whose rows have `n_clusters`."""
    items = with_clusters(result.items.assign(probe=result.probe), clusters)
    return replace(result, rows=with_n_clusters(result.rows, items), make_items=lambda: items)


def _output(
    result: ProbeResult, corpus: str, first: Sentence, options: ProbeOptions, *, split: str
) -> CellOutput:
    rows = _FINISHED[result.probe](result, options) if result.probe in _FINISHED else result.rows
    rows = rows.assign(corpus=corpus, annotation=first.annotation, scheme=first.scheme, split=split)
    return CellOutput(rows, result.items, result.arrays, result.notes)


def join(outputs: list[CellOutput]) -> CellOutput:
    """Several outputs as one: rows and items below each other, arrays and notes side by side."""
    empty = pd.DataFrame()
    return CellOutput(
        pd.concat([empty, *(output.rows for output in outputs)], ignore_index=True),
        pd.concat([empty, *(output.items for output in outputs)], ignore_index=True),
        {name: array for output in outputs for name, array in output.arrays.items()},
        {name: note for output in outputs for name, note in output.notes.items()},
    )
