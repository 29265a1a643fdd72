"""Tasks from the data sets of the Holmes folder, or from the annotation of a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
import torch

from ...data.errors import InputError
from ...data.holmes.data_set import PARTS, DataSet
from ...data.holmes.folder import data_set_folders, read_data_set
from ...data.holmes.published import FEATURE, about_set
from ...data.sentences.word_labels import properties_of
from ..learning import joint_readouts
from ..states.word_states import WordStates
from ..tokens.arcs import arc_labels
from ..tokens.questions import Labelled, Question, questions_of, words_labelled
from .cases import Cases, Task
from .encoding import SampleVectors

_PROPERTY = {"upos": "upos", "xpos": "xpos", "ner": "entity", "chunk": "chunk"}
"""Data set -> the property of words that is the same task in a corpus."""
ARCS = "dep"
"""The relation of a word to its head, both given."""


def chosen(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """The names that a pattern covers; all where there is no pattern.

    Raises:
        InputError: if a pattern covers none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(
                f"no data set matches {pattern}",
                where="option holmes.sets",
                remedy=f"known data sets: {', '.join(names[:20])}"
                + (" ..." if len(names) > 20 else ""),
            )
    return [one for one in names if not patterns or any(fnmatchcase(one, p) for p in patterns)]


def folder_sets(folder: str, patterns: Sequence[str]) -> Iterator[tuple[int, int, DataSet]]:
    """(number, of how many, data set) of the chosen data sets of a folder, read one by one.

    Raises:
        DataFileError: as `read_data_set`, or if the configuration of one names another.
        InputError: if a pattern covers none, or two data sets have one name.
    """
    by_name = {path.name.removeprefix("flash-"): path for path in data_set_folders(folder)}
    names = chosen(list(by_name), patterns)
    seen: dict[str, str] = {}
    for number, name in enumerate(names):
        found = read_data_set(by_name[name])
        if found.name in seen:
            raise InputError(
                f"{seen[found.name]} and {name} have the same probe_name {found.name}",
                where=folder,
                remedy="leave one out (`holmes.sets`)",
            )
        seen[found.name] = name
        yield number, len(names), found


def task_of_set(data_set: DataSet, vectors: SampleVectors, source: str) -> Task:
    """A data set of the folder, without the samples that are cut off.

    Raises:
        InputError: if a part has none left, or the training part one class.
    """
    table = torch.from_numpy(vectors.numbers)
    start, parts, lost = 0, {}, dict.fromkeys(PARTS, 0)
    for part in PARTS:
        samples = data_set.parts[part]
        rows = start + np.flatnonzero(vectors.whole[start : start + len(samples)])
        labels = [samples[row - start].label for row in rows.tolist()]
        if not labels:
            raise InputError(
                f"truncation cuts off every sample of the part {part}",
                where=data_set.name,
                remedy="raise `length`, or leave the data set out (`holmes.sets`)",
            )
        kind = torch.float32 if data_set.classes == 1 else torch.int64
        parts[part] = Cases(table, (torch.from_numpy(rows),), torch.tensor(labels, dtype=kind))
        lost[part] = len(samples) - len(rows)
        if part == "test":
            ids = [f"{data_set.name}/{samples[row - start].id}" for row in rows.tolist()]
        start += len(samples)
    named = np.array(ids, dtype=object)
    cut = ", ".join(f"{count} {part}" for part, count in lost.items())
    return Task(
        data_set.name, about_set(data_set.name), data_set.classes, parts, named, named,
        lost["test"], source, lost_in=cut if any(lost.values()) else "",
    )  # fmt: skip


def corpus_tasks(
    parts: Mapping[str, WordStates], patterns: Sequence[str]
) -> tuple[list[Task], dict[str, str]]:
    """The Holmes tasks that the corpus is annotated for, and why the others are omitted.

    Raises:
        InputError: if no task can be learnt, or a pattern matches no task.
    """
    sentences = [example.first for example in parts["train"].examples]
    there = properties_of(sentences)
    names = [name for name, of in _PROPERTY.items() if of in there]
    names += [name for name in there if name.startswith(FEATURE)]
    names += [ARCS] * any(one.heads and one.deprels for one in sentences)

    def labelled(states: WordStates, name: str) -> Labelled:
        return arc_labels(states) if name == ARCS else words_labelled(
            states, _PROPERTY.get(name, name)
        )  # fmt: skip

    questions, left_out = questions_of(chosen(names, patterns), parts, labelled)
    if not questions:
        raise InputError(
            "no task can be learnt from the corpus",
            where="holmes",
            remedy="use a larger treebank, or one with more annotation",
        )
    return [_task_of(one, parts) for one in questions], left_out


def _task_of(question: Question, parts: Mapping[str, WordStates]) -> Task:
    cases = {part: _cases(getattr(question, part), parts[part]) for part in PARTS}
    test, states = question.test, parts["test"]
    place = np.concatenate([states.places(text) for text in range(len(states.examples))])
    ids = [f"{states.examples[text].id}:{word + 1}"
           for text, word in zip(test.text, place[test.first], strict=True)]  # fmt: skip
    sentences = [states.sentence(text).id for text in test.text.tolist()]
    return Task(
        question.name, about_set(question.name), question.known, cases,
        np.array(ids, dtype=object), np.array(sentences, dtype=object), question.lost,
    )  # fmt: skip


def _cases(given: joint_readouts.Cases, states: WordStates) -> Cases:
    """Words of the last state, pairs side by side."""
    both = (given.first,) if given.second is None else (given.first, given.second)
    columns = tuple(torch.from_numpy(rows) for rows in both)
    table = states.state(states.num_states - 1)
    return Cases(table, columns, torch.from_numpy(given.gold))
