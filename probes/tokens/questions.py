"""Tasks as classes of the words, or pairs of words, in the parts of a corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...data.sentences.word_labels import word_labels
from ..learning.joint_readouts import PAIR, Cases, Ints
from ..states.word_states import WordStates

PARTS = ("train", "dev", "test")
"""The parts for training, for early stopping and choosing a rate, and for scoring."""


@dataclass(frozen=True)
class Labelled:
    """The cases of a task in one part: R labelled words or pairs, sorted by text.

    Attributes:
        first: row of the word [R].
        second: row of the other word of a pair [R]; None where a case is a word.
        labels: one each [R].
        text: its text [R].
        lost: cases without states: a word of theirs is cut off, or they have no negative.
    """

    first: Ints
    second: Ints | None
    labels: npt.NDArray[np.str_]
    text: Ints
    lost: int = 0


@dataclass(frozen=True)
class Question:
    """A task that can be learnt.

    Attributes:
        name: of the task.
        classes: the labels of the training part [K], sorted; then those of the test part alone,
            which no probe can give.
        known: K.
        train: what is learnt from.
        dev: what stops training, cases of labels that training lacks left out.
        test: what is scored.
        lost: cases of the test part without states.
        dev_unknown: cases of the dev part that were left out.
    """

    name: str
    classes: tuple[str, ...]
    known: int
    train: Cases
    dev: Cases
    test: Cases
    lost: int = 0
    dev_unknown: int = 0

    def width(self, states: int) -> int:
        """Numbers that a classifier reads where a state has so many."""
        return states if self.train.second is None else PAIR * states

    @property
    def majority(self) -> int:
        """The class that is most frequent in training, the first of several."""
        return int(np.bincount(self.train.gold, minlength=self.known).argmax())

    @property
    def n_unseen(self) -> int:
        """Test cases of labels that training lacks: each is an error."""
        return int((self.test.gold >= self.known).sum())

    def said(self) -> dict[str, int | str]:
        """What notes say: `label=train/dev/test` by class, and what could not be learnt or read."""
        parts = (self.train, self.dev, self.test)
        counts = [np.bincount(part.gold, minlength=len(self.classes)) for part in parts]
        by_class = zip(self.classes, *counts, strict=True)
        found: dict[str, int | str] = {
            "classes": " ".join(f"{name}={a}/{b}/{c}" for name, a, b, c in by_class)
        }
        if self.n_unseen:
            found["unseen_in_training"] = " ".join(self.classes[self.known :])
            found["n_test_unseen"] = self.n_unseen
        if self.dev_unknown:
            found["n_dev_unseen"] = self.dev_unknown
        if self.lost:
            found["n_without_states"] = self.lost
        return found


def words_labelled(states: WordStates, name: str) -> Labelled:
    """The words that have a label of a property, in a part.

    Args:
        states: of the part.
        name: of the property.
    """
    first, labels, text, lost = [], list[str](), [], 0
    for number in range(len(states.examples)):
        given = word_labels(states.sentence(number), name)
        if not given:
            continue
        start = int(states.offsets[number])
        own = [(start + k, given[place]) for k, place in enumerate(states.places(number).tolist())
               if place >= 0 and given[place]]  # fmt: skip
        lost += sum(map(bool, given)) - len(own)
        first += [row for row, _ in own]
        labels += [label for _, label in own]
        text += [number] * len(own)
    return Labelled(_ints(first), None, np.array(labels, dtype=np.str_), _ints(text), lost)


def question_of(name: str, labelled: Mapping[str, Labelled]) -> Question | str:
    """A task of the three parts, or why it cannot be learnt.

    Args:
        name: of the task.
        labelled: part -> what it says.
    """
    train = labelled["train"]
    known, seen = np.unique(train.labels), np.unique(labelled["test"].labels)
    if len(known) == 0:
        return "no label in training"
    if len(known) == 1:
        return f"one label in training, {known[0]}"
    classes = [*known.tolist(), *(one for one in seen.tolist() if one not in set(known.tolist()))]
    code = {label: number for number, label in enumerate(classes)}
    cases = {part: _coded(labelled[part], code) for part in PARTS}
    learnt = cases["dev"].chosen((cases["dev"].gold >= 0) & (cases["dev"].gold < len(known)))
    if not len(learnt):
        return "no training label occurs in dev"
    if not len(cases["test"]):
        return "no label in test"
    return Question(
        name, tuple(classes), len(known), cases["train"], learnt, cases["test"],
        lost=labelled["test"].lost, dev_unknown=len(cases["dev"]) - len(learnt),
    )  # fmt: skip


def _coded(labelled: Labelled, code: Mapping[str, int]) -> Cases:
    """Cases with the class of each label; -1 for labels of dev that have none."""
    names, place = np.unique(labelled.labels, return_inverse=True)
    gold = _ints([code.get(name, -1) for name in names.tolist()])
    return Cases(labelled.first, labelled.second, gold[place], labelled.text)


def questions_of(
    names: Sequence[str],
    parts: Mapping[str, WordStates],
    labelled: Callable[[WordStates, str], Labelled],
) -> tuple[list[Question], dict[str, str]]:
    """The tasks that can be learnt, and why others cannot.

    Args:
        names: of tasks.
        parts: the states of each part.
        labelled: gives what a task says of a part.
    """
    questions, left_out = [], {}
    for name in names:
        found = question_of(name, {part: labelled(parts[part], name) for part in PARTS})
        if isinstance(found, str):
            left_out[name] = found
        else:
            questions.append(found)
    return questions, left_out


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
