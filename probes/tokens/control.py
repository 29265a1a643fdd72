"""Control tasks (Hewitt & Liang 2019): whether a probe decodes a state or memorises words.

In a control task every word type has one label, drawn at random from the distribution of the
property's labels in the training part; for arcs every type is attached to itself or to the first or
the last word. A classifier can only memorise it. Selectivity is the accuracy of the property minus
that of its control task, of the same classifiers on the same cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..learning.learning import Learning
from ..states.word_states import WordStates
from .answers import Answers, answers_to
from .arcs import YES, arc_pairs, attached_pairs
from .control_labels import ATTACHMENTS, ControlLabels, attached, types_hash
from .entries import ARC
from .questions import PARTS, Labelled, Question, question_of, words_labelled
from .setting import notes_of, plan_of, refused, shapes_of, states_of

PROBE = "control"
LINGUISTIC, CONTROL, SELECTIVITY, CEILING = (
    "linguistic_accuracy", "control_accuracy", "selectivity", "control_ceiling",
)  # fmt: skip
Floats = npt.NDArray[np.float64]


def run_control(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    progress: Progress | None = None,
    batch_size: int = 32,
    tasks: Sequence[str] = ("upos", ARC),
    hidden: Sequence[int] = (0,),
    rank: Sequence[int] = (0,),
    seeds: int = 1,
    seed: int = 0,
    rates: Sequence[float] = (1e-3,),
    epochs: int = 40,
) -> ProbeResult:
    """Learn tasks and their control tasks from every state.

    Args:
        context: the model with its mask.
        examples: the texts that are scored.
        learning: the texts that are learnt from.
        progress: called with (texts done, N) for each part, then with (epochs done, maximum).
        batch_size: texts per forward pass.
        tasks: properties of words (`word_labels`), and `arc`.
        hidden: units of the hidden layer, of each kind of classifier; 0 = none.
        rank: of the weights of each kind of linear classifier; 0 = full.
        seeds: S classifiers each, from different initial weights.
        seed: of the control labels, the initial weights, the order of texts and the negatives.
        rates: learning rates; of each state and task that with the lowest dev loss is used.
        epochs: maximum number of passes over the training part.

    Returns:
        for each task and state both accuracies and their difference, and for each task the most
        that its control task allows; an item is a sentence. Arrays: `control_TASK_labels`, the
        label of each word type.

    Raises:
        InputError: if a task cannot be learnt.
    """
    parts = states_of(context, examples, learning, batch_size=batch_size, progress=progress)
    pairs = [_controlled(task, parts, seed) for task in tasks]
    plan = plan_of(seed, seeds, rates, epochs)
    answered = answers_to(
        [question for pair in pairs for question in (pair.property, pair.control)],
        shapes_of(hidden, rank), parts, plan, device=context.model.device, progress=progress,
    )  # fmt: skip
    found = [
        _Found(pairs[k % len(pairs)], *answered[2 * k : 2 * k + 2])
        for k in range(len(answered) // 2)
    ]
    types = [word for part in parts.values() for one in part.examples for word in one.first.words]
    notes = notes_of(PROBE, learning, parts, answered, {})
    notes |= {f"{PROBE}_types": len(set(types)), f"{PROBE}_types_sha256": types_hash(types)}
    for pair in pairs:
        notes[f"{PROBE}_{pair.name}_label_order"] = " ".join(pair.labels.classes)
    result = ProbeResult(
        PROBE,
        rows_frame([row for one in found for row in one.rows()]),
        lambda: (part for one in found for part in one.items(parts["test"])),
        arrays={f"{PROBE}_{pair.name}_labels": pair.labels.table(types) for pair in pairs},
        notes=notes,
    )
    return parts["test"].texts.counted(result)


@dataclass(frozen=True)
class _Controlled:
    """A task and its control task over the same cases.

    Attributes:
        name: of the task.
        property: the task.
        control: its control task.
        labels: that of each word type.
        possible: what the best guess gets right of each test case of the control task [N].
    """

    name: str
    property: Question
    control: Question
    labels: ControlLabels
    possible: Floats


def _controlled(task: str, parts: Mapping[str, WordStates], seed: int) -> _Controlled:
    """A task with its control task.

    Raises:
        InputError: if one of them cannot be learnt.
    """
    if task == ARC:
        given = {part: arc_pairs(parts[part], seed) for part in PARTS}
        labels = ControlLabels(task, seed, ATTACHMENTS, [1] * len(ATTACHMENTS))

        def where(form: str, place: int, kept: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
            return attached(labels, form, place, kept)

        random = {part: attached_pairs(parts[part], seed, where) for part in PARTS}
    else:
        given = {part: words_labelled(parts[part], task) for part in PARTS}
        classes, counts = np.unique(given["train"].labels, return_counts=True)
        if not len(classes):
            raise refused(PROBE, f"the task {task}", "no label in training")
        labels = ControlLabels(task, seed, classes.tolist(), counts.tolist())
        random = {part: _relabelled(given[part], parts[part], labels) for part in PARTS}
    first, second = question_of(task, given), question_of(f"{task}:control", random)
    if isinstance(first, str):
        raise refused(PROBE, f"the task {task}", first)
    if isinstance(second, str):
        raise refused(PROBE, f"the control task of {task}", second)
    return _Controlled(task, first, second, labels, _possible(second, parts))


def _relabelled(labelled: Labelled, states: WordStates, labels: ControlLabels) -> Labelled:
    """The same words with the labels of their types."""
    forms = _forms(states)
    drawn = np.array([labels.of(forms[row]) for row in labelled.first.tolist()], dtype=np.str_)
    return replace(labelled, labels=drawn)


def _forms(states: WordStates) -> list[str]:
    """The form of each word with a state."""
    return [
        states.sentence(text).words[place] if place >= 0 else ""
        for text in range(len(states.examples))
        for place in states.places(text).tolist()
    ]


def _possible(control: Question, parts: Mapping[str, WordStates]) -> Floats:
    """What the best guess gets right of each test case: all of types seen in training.

    Of other words the most frequent label of training is guessed. Of a pair it is one of two; but a
    word that is itself an end of its sentence has two of three labels that attach it to itself.
    """
    forms = {part: _forms(parts[part]) for part in ("train", "test")}
    test = control.test
    seen = {forms["train"][row] for row in control.train.first.tolist()}
    known = np.array([forms["test"][row] in seen for row in test.first.tolist()])
    if test.second is None:
        guess = (test.gold == control.majority).astype(np.float64)
    else:
        offsets = parts["test"].offsets
        first, last = offsets[test.text], offsets[test.text + 1] - 1
        itself = test.first == test.second
        right = itself == (test.gold == control.classes.index(YES))
        guess = np.where((test.first == first) | (test.first == last), right, 0.5)
    return np.where(known, 1.0, guess)


@dataclass(frozen=True)
class _Found:
    """What classifiers of one shape say of a task and of its control task."""

    pair: _Controlled
    property: Answers
    control: Answers

    def _sums(self) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int64]]:
        """Right answers by state and text [U, G] of both, what is possible [G], and cases [G]."""
        text = self.pair.property.test.text
        number = int(text[-1]) + 1
        cases = np.bincount(text, minlength=number)

        def summed(values: Floats) -> Floats:
            return np.array([np.bincount(text, one, minlength=number) for one in values])

        return (
            summed(self.property.correct.mean(axis=1)), summed(self.control.correct.mean(axis=1)),
            summed(self.pair.possible[None])[0], cases,
        )  # fmt: skip

    def rows(self) -> Iterator[Mapping[str, object]]:
        """Both accuracies, their difference and the ceiling."""
        question = self.pair.property
        n = len(question.test)
        same = {"probe": PROBE, "relation": self.pair.name, "n": n, "n_dropped": question.lost,
                "variant": f"own{self.property.shape.said}"}  # fmt: skip
        ceiling = float(self.pair.possible.mean())
        majority = float((question.test.gold == question.majority).mean())
        right, learnt = (one.correct.mean(axis=(1, 2)) for one in (self.property, self.control))
        for layer, (linguistic, control) in enumerate(zip(right, learnt, strict=True)):
            at = {**same, "unit": "layer", "layer": layer}
            yield {**at, "metric": LINGUISTIC, "value": linguistic,
                   "baseline": "majority", "baseline_value": majority}  # fmt: skip
            yield {**at, "metric": CONTROL, "value": control,
                   "baseline": "ceiling", "baseline_value": ceiling}  # fmt: skip
            yield {**at, "metric": SELECTIVITY, "value": linguistic - control}
        yield {**same, "unit": "model", "metric": CEILING, "value": ceiling}

    def items(self, states: WordStates) -> Iterator[pd.DataFrame]:
        """One item per sentence, state and number, in frames of sentences."""
        right, learnt, possible, cases = self._sums()
        there = np.flatnonzero(cases)
        names = [(one.id, one.first.id) for one in states.examples]
        item, sentence = (np.array(one, dtype=object) for one in zip(*names, strict=True))
        metrics = {LINGUISTIC: right, CONTROL: learnt, SELECTIVITY: right - learnt}
        same = {"probe": PROBE, "relation": self.pair.name,
                "variant": f"own{self.property.shape.said}"}  # fmt: skip
        for block in text_blocks(len(there), len(metrics) * len(right) + 1):
            texts = there[block]
            layer, text = (axis.ravel() for axis in np.indices((len(right), len(texts))))
            frames = [
                pd.DataFrame({"metric": metric, "layer": layer, "text": texts[text],
                              "numerator": sums[layer, texts[text]]})
                for metric, sums in metrics.items()
            ]  # fmt: skip
            frames.append(
                pd.DataFrame({"metric": CEILING, "text": texts, "numerator": possible[texts]})
            )
            frame = pd.concat(frames, ignore_index=True)
            text = frame.pop("text").to_numpy()
            yield items_frame(
                frame.assign(
                    item_id=item[text], sentence_id=sentence[text], denominator=cases[text], **same
                )
            )
