"""Edge probing (Tenney et al. 2019a, 2019b): labels of spans, and the layers that encode them.

A probe predicts the labels of spans from a mix of the hidden states 0..k. The F1 that one more
state adds shows at which layer a label is encoded; the learnt weights of the mix of all states show
which states the probe uses. Only given spans are classified; spans are not searched for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from ...data.errors import ConfigError, InputError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example, Sentence
from ...data.spans.labelled import Spans, SpansOf
from ...data.spans.parts import read_span_parts
from ..entry import STATIC
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..forward.texts import Texts
from ..learning.learning import Learning
from ..states.static_words import static_states
from .edge_rows import NAME, EdgeScores, edge_items, edge_rows
from .entries import EdgesOptions, Task
from .span_probes import SpanForm
from .span_table import label_counts, span_table
from .span_tasks import SpanTask, annotated_tasks, task_of_files
from .training import MixProbe, Part, Settings, train_mixes

Notes = dict[str, int | float | str]


def run_edges(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    progress: Progress | None = None,
    batch_size: int = 32,
    tasks: Sequence[Task] = (),
    spans: str = "",
    spans_train: str = "",
    spans_dev: str = "",
    spans_test: str = "",
    symmetric: bool = False,
    unscored: Sequence[str] = (),
    projection: int = 256,
    sentences: int = 8,
    max_train: int = 2000,
    seeds: int = 1,
    seed: int = 0,
    rates: Sequence[float] = (1e-3,),
    epochs: int = 40,
    static_vectors: str = "",
) -> ProbeResult:
    """Train probes of spans on each mix of hidden states 0..k, and score them.

    Args:
        context: the model with its mask.
        examples: sentences to score on, for tasks of the corpus.
        learning: sentences to learn from, for the same.
        progress: called with (texts done, N) in each pass, (epochs done, maximum) in training.
        batch_size: texts per forward pass.
        tasks: what is read off the corpus; none = all that it is annotated with, or nothing beside
            files of spans.
        spans: a file of labelled spans that is cut into parts.
        spans_train: in its place, one to learn from,
        spans_dev: one to stop by,
        spans_test: and one to score.
        symmetric: one projection for both spans of the pairs of a file.
        unscored: patterns of labels that F1 does not count.
        projection: numbers that a word is projected to, and hidden units.
        sentences: sentences per training step.
        max_train: training sentences, drawn at random; 0 = all.
        seeds: probes of each mix, from different initial weights; they are scored together.
        seed: of initial weights, of the order of sentences, and of those that are drawn.
        rates: learning rates; of each mix the one with the lowest dev loss is used.
        epochs: maximum number of passes over the training part.
        static_vectors: a file of vectors of words; a probe of them stands beside those of a full
            model, in the variant `static-vectors`.

    Returns:
        rows for each task, mix and state; items by sentence.

    Raises:
        InputError: if a task has nothing to learn from or to be scored on, or states contain NaN or
            infinity.
        ConfigError: if no label is counted.
    """
    asked = EdgesOptions(
        batch_size=batch_size, tasks=tuple(tasks), spans=spans, spans_train=spans_train,
        spans_dev=spans_dev, spans_test=spans_test, symmetric=symmetric, unscored=tuple(unscored),
        projection=projection, sentences=sentences, max_train=max_train, seeds=seeds, seed=seed,
        rates=tuple(rates), epochs=epochs, static_vectors=static_vectors,
    )  # fmt: skip
    paths = asked.span_paths()
    chosen: list[SpanTask] = []
    if asked.tasks or not paths:
        chosen += annotated_tasks(examples, learning, asked.tasks)
    if paths:
        chosen.append(task_of_files(read_span_parts(paths), [task.name for task in chosen]))
    found: list[EdgeScores] = []
    notes: Notes = {}
    texts: Texts | None = None
    for task in chosen:
        scores, read, said = _probed(context, task, learning, asked, progress)
        found += scores
        notes |= {f"{NAME}_{task.name}_{name}": value for name, value in said.items()}
        texts = texts or read
    assert texts is not None
    rows = rows_frame([row for scores in found for row in edge_rows(scores)])
    return texts.counted(ProbeResult(NAME, rows, lambda: edge_items(found), notes=notes))


def _probed(
    context: Context,
    task: SpanTask,
    learning: Learning,
    asked: EdgesOptions,
    progress: Progress | None,
) -> tuple[list[EdgeScores], Texts, Notes]:
    """The scores of the probes of a task, the test texts, and facts about both.

    Scores of static vectors come second, where they were asked for.
    """
    chosen = _drawn(task, asked.max_train, asked.seed)
    counts = label_counts([one.first for one in chosen], task.spans)
    labels = tuple(counts)
    scored = np.array([_is_scored(label, asked) for label in labels], dtype=np.bool_)
    if not scored.any():
        raise ConfigError(
            f"all labels of the task {task.name} are excluded from F1" if labels
            else f"no training span of the task {task.name} has a label",
            where="option edges.unscored" if labels else NAME,
            remedy="exclude fewer labels" if labels else "name training texts with labels",
        )  # fmt: skip

    def counted(sentence: Sentence) -> Spans:
        return tuple(
            replace(span, labels=tuple(one for one in span.labels if _is_scored(one, asked)))
            for span in task.spans(sentence)
        )

    parts: dict[str, Part] = {}
    lost: dict[str, int] = {}
    for name, part in {"train": chosen, "dev": task.dev, "test": task.test}.items():
        states = learning.states.of(context, part, batch_size=asked.batch_size, progress=progress)
        spans = counted if name == "test" else task.spans
        parts[name] = Part(states, span_table(states, spans, labels, pairs=task.pairs))
        lost[name] = sum(len(task.spans(one.first)) for one in part) - len(parts[name].table)
        if not len(parts[name].table):
            raise InputError(
                f"truncation cuts off every span of the task {task.name} in the {name} part",
                where=NAME,
                remedy="raise `max_length`, or name shorter sentences",
            )
    train, test = parts["train"], parts["test"]
    form = SpanForm(
        states=train.states.num_states,
        width=train.states.width,
        labels=len(labels),
        pairs=task.pairs,
        symmetric=asked.symmetric and bool(task.source),
        projection=asked.projection,
    )
    settings = Settings(
        seed=asked.seed,
        seeds=asked.seeds,
        rates=asked.rates,
        epochs=asked.epochs,
        texts=asked.sentences,
    )
    device = context.model.device
    probes = train_mixes(form, parts, settings, scored, device=device, progress=progress)
    common = max(np.flatnonzero(scored), key=lambda one: counts[labels[one]])
    gold, majority = _gold(test, int(common))
    scores = EdgeScores(
        task=task.name,
        source=task.source,
        examples=test.states.examples,
        gold=gold,
        probes=probes,
        majority=majority,
        n_train=len(train.table),
        n=len(test.table),
        n_dropped=lost["test"],
    )
    found, said = [scores], dict[str, str]()
    if context.subnetwork is None and asked.static_vectors:
        given = {name: part.states for name, part in parts.items()}
        static, said = static_states(given, asked.static_vectors, learning.states.folder)
        alone = replace(form, states=1, width=static["train"].width)
        vectors = {name: replace(part, states=static[name]) for name, part in parts.items()}
        mixes = train_mixes(alone, vectors, settings, scored, device=device, progress=progress)
        found.append(replace(scores, probes=mixes, variant=STATIC))
    learnt_texts = {one.first.words for one in chosen}
    notes: Notes = {
        "parts": task.how,
        **{f"{name}_sentences": len(part.states.examples) for name, part in parts.items()},
        **{f"{name}_spans": len(part.table) for name, part in parts.items()},
        **{f"{name}_spans_cut": lost[name] for name in parts},
        "test_sentences_also_learnt": sum(one.first.words in learnt_texts for one in task.test),
        "labels": _said(counts),
        "labels_unseen": _said(_unseen(task.test, counted, counts)),
        "majority_label": labels[common],
        **_training_notes(probes),
        **said,
    }
    return found, test.states.texts, notes


def _drawn(task: SpanTask, most: int, seed: int) -> Sequence[Example]:
    """A random sample of the training sentences with spans, in corpus order; 0 = all."""
    if not most or len(task.train) <= most:
        return task.train
    some = [example for example in task.train if task.spans(example.first)]
    drawn = np.random.default_rng(seed).permutation(len(some))[:most]
    return tuple(some[place] for place in sorted(drawn))


def _is_scored(label: str, asked: EdgesOptions) -> bool:
    return not any(fnmatchcase(label, pattern) for pattern in asked.unscored)


def _gold(part: Part, common: int) -> tuple[npt.NDArray[np.int64], float]:
    """Number of scored labels in each test text [N], and F1 of the majority baseline."""
    table = part.table
    known = table.starts[1:] - table.starts[:-1]
    gold = np.zeros(len(part.states.examples), dtype=np.int64)
    np.add.at(gold, table.text, known + table.unseen)
    right = int((table.labels == common).sum())
    given = len(table)
    return gold, 2 * right / (given + int(gold.sum()))


def _unseen(
    examples: Sequence[Example], spans: SpansOf, counts: Mapping[str, int]
) -> dict[str, int]:
    """Labels of the test part that none of the training part has, with how often they are there."""
    found = label_counts([one.first for one in examples], spans)
    return {label: count for label, count in found.items() if label not in counts}


def _training_notes(probes: Sequence[MixProbe]) -> Notes:
    """Learning rate, epochs to the best weights, and scale, by mix."""
    first = [probe for probe in probes if probe.seed == 0]
    return {
        "learning_rates": " ".join(f"{probe.course.lr:g}" for probe in first),
        "epochs": " ".join(str(probe.course.best + 1) for probe in first),
        "dev_losses": " ".join(f"{probe.course.loss:.4f}" for probe in first),
        "gammas": " ".join(f"{probe.gamma:.3f}" for probe in first),
    }


def _said(counts: Mapping[str, int], most: int = 200) -> str:
    """Labels and their counts, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    said = ", ".join(f"{label} {count}" for label, count in ordered[:most])
    return said + (f" and {len(ordered) - most} more" if len(ordered) > most else "")
