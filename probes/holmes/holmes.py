"""The protocol of Holmes (Waldis et al. 2024, TACL): linear probes of the last hidden state.

A linear probe with dropout is trained on the last state of the frozen encoder for each data set
and each of five seeds. Data sets come from Holmes's own folder, and scores are then comparable with
published ones; otherwise from the annotation of the corpus, and they are not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..learning.learning import Learning
from ..tokens.setting import states_of
from .cases import Task
from .described import described
from .encoding import sample_vectors
from .entries import COMPARABLE, NOT_COMPARABLE, HolmesOptions, Loss
from .linear_probe import Training, train_probes
from .rows import PROBE, Scored, holmes_items, holmes_rows
from .tasks import corpus_tasks, folder_sets, task_of_set

Notes = dict[str, int | float | str]


def run_holmes(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    progress: Progress | None = None,
    batch_size: int = 32,
    folder: str = "",
    sets: Sequence[str] = (),
    loss: Loss = "as-published",
    description_length: bool = False,
    seeds: int = 5,
    seed: int = 0,
    epochs: int = 20,
    cases: int = 16,
    length: int = 512,
) -> ProbeResult:
    """Train and score the probes of each data set.

    Args:
        context: the model with its mask.
        examples: test texts, if no folder is given.
        learning: training texts, if no folder is given.
        progress: called with (texts done, all) and (data sets done, all).
        batch_size: texts per forward pass.
        folder: Holmes's folder of data sets; empty = the corpus.
        sets: names of data sets, or patterns; empty = all.
        loss: `as-published` or `cross-entropy`.
        description_length: whether to compute the published description length.
        seeds: probes of each data set.
        seed: first seed.
        epochs: maximum number of epochs.
        cases: cases per training step.
        length: maximum length of the folder's texts in subwords.

    Returns:
        scores of data sets, and their means over each subfield; one item per test case and seed.

    Raises:
        InputError: if there is no data set, or one cannot be learnt.
        DataFileError: for a folder that is not in Holmes's format.
    """
    asked = HolmesOptions(
        folder=folder, sets=tuple(sets), loss=loss, description_length=description_length,
        seeds=seeds, seed=seed, epochs=epochs, cases=cases, length=length, batch_size=batch_size,
    )  # fmt: skip
    training = Training(tuple(range(seed, seed + seeds)), loss, epochs, cases)
    departures = asked.departures()
    variant = NOT_COMPARABLE if departures else COMPARABLE
    notes: Notes = {f"{PROBE}_{variant.replace(' ', '_')}": "; ".join(departures) or "yes"}
    if folder:
        found = list(_of_folder(context, asked, training, progress))
        return _result(found, variant, notes)
    parts = states_of(context, examples, learning, batch_size=batch_size, progress=progress)
    tasks, left_out = corpus_tasks(parts, sets)
    found = []
    for number, task in enumerate(tasks, start=1):
        found.append(_scored(task, asked, training, context))
        if progress is not None:
            progress(number, len(tasks))
    if left_out:
        notes[f"{PROBE}_left_out"] = ", ".join(f"{name} ({why})" for name, why in left_out.items())
    return parts["test"].texts.counted(_result(found, variant, notes))


def _of_folder(
    context: Context, asked: HolmesOptions, training: Training, progress: Progress | None
) -> Iterator[Scored]:
    """The data sets of the folder, one after the other: their vectors lie in a file meanwhile."""
    source = Path(asked.folder).name
    for number, count, data_set in folder_sets(asked.folder, asked.sets):
        with tempfile.TemporaryDirectory(prefix="subprobe-holmes-") as place:
            vectors = sample_vectors(
                context, data_set, Path(place) / "vectors",
                length=asked.length, batch_size=asked.batch_size,
            )  # fmt: skip
            yield _scored(task_of_set(data_set, vectors, source), asked, training, context)
        if progress is not None:
            progress(number + 1, count)


def _scored(task: Task, asked: HolmesOptions, training: Training, context: Context) -> Scored:
    """The predictions of the probes of a data set for its test part; its vectors are released."""
    device = context.model.device
    train, dev, test = (task.parts[part] for part in ("train", "dev", "test"))
    probes, courses = train_probes(train, dev, task.classes, training, device=device)
    every = range(len(training.seeds))
    with torch.no_grad():
        said = probes.predict(every, test)
    length = described(task, training, device=device) if asked.description_length else None
    told = {
        "cases": f"{len(train)} train, {len(dev)} dev, {len(test)} test",
        "classes": str(task.classes),
        "epochs": " ".join(str(course.best + 1) for course in courses),
    }
    if task.lost_in:
        told["cut_off"] = task.lost_in
    majority = 0 if task.numbers else int(torch.bincount(train.gold).argmax())
    gold = test.gold.numpy().astype(np.float64)
    return Scored(replace(task, parts={}), gold, said, majority, length, told)


def _result(found: Sequence[Scored], variant: str, notes: Notes) -> ProbeResult:
    told = {f"{PROBE}_{one.task.name}_{key}": value for one in found for key, value in
            one.told.items()}  # fmt: skip
    return ProbeResult(
        PROBE,
        rows_frame(holmes_rows(found, variant)),
        lambda: holmes_items(found, variant),
        notes={**notes, **told},
    )
