"""The tasks of spans that texts are annotated for, or that a user has labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from ...data.errors import ConfigError, InputError
from ...data.sentences.sentence import Example, Sentence
from ...data.spans.labelled import ANNOTATED, PAIRS, Spans, SpansOf
from ...data.spans.parts import SpanParts
from ..forward.needs import check_annotated
from ..learning.learning import Learning

Examples = tuple[Example, ...]


@dataclass(frozen=True)
class SpanTask:
    """Texts with labelled spans.

    Attributes:
        name: of the task.
        train: what is learnt from.
        dev: what stops training and chooses settings.
        test: what is scored.
        spans: the spans of a sentence.
        pairs: whether each has two spans.
        source: name of the file that texts and labels are from; empty = the corpus.
        how: how the parts were made.
    """

    name: str
    train: Examples
    dev: Examples
    test: Examples
    spans: SpansOf
    pairs: bool
    source: str = ""
    how: str = ""

    @property
    def parts(self) -> Mapping[str, Examples]:
        """The texts by part."""
        return {"train": self.train, "dev": self.dev, "test": self.test}

    def check(self) -> None:
        """Raise unless each part has a span.

        Raises:
            InputError: naming the part that has none.
        """
        for part, examples in self.parts.items():
            if not any(self.spans(example.first) for example in examples):
                raise InputError(
                    f"no sentence of the {part} part has a span of the task {self.name}",
                    where="edges",
                    remedy="name texts that are annotated for it, or leave the task out",
                )


def annotated_tasks(
    examples: Sequence[Example], learning: Learning, names: Sequence[str]
) -> list[SpanTask]:
    """The tasks that the annotation of a corpus gives.

    Args:
        examples: what is scored.
        learning: what is learnt from.
        names: the tasks; none = those of which each part has spans.

    Raises:
        InputError: if a part has no span of a named task, or of any task.
        AnnotationError: if gold trees and a parser's are mixed.
    """
    check_annotated((one.first for one in chain(examples, learning.train, learning.dev)), ())
    found = [
        SpanTask(
            name, learning.train, learning.dev, tuple(examples), ANNOTATED[name],
            name in PAIRS, how=learning.how,
        )
        for name in names or ANNOTATED
    ]  # fmt: skip
    if names:
        for task in found:
            task.check()
        return found
    there = [
        task
        for task in found
        if all(any(task.spans(one.first) for one in part) for part in task.parts.values())
    ]
    if not there:
        raise InputError(
            f"none of {', '.join(ANNOTATED)} is annotated in every part",
            where="edges",
            remedy="name an annotated treebank, or a file of labelled spans (`spans`)",
        )
    return there


def task_of_files(read: SpanParts, others: Sequence[str]) -> SpanTask:
    """The task of a user's files.

    Args:
        read: the files.
        others: names of tasks that run beside it.

    Raises:
        ConfigError: if it has the name of another task.
        InputError: if a part has no span.
    """
    if read.name in others:
        raise ConfigError(
            f"the file of spans and the task {read.name} have the same name, so their rows could "
            "not be told apart",
            where="option edges.spans",
            remedy="rename the file",
        )

    def spans(sentence: Sentence) -> Spans:
        return read.spans[sentence.id]

    train, dev, test = (
        tuple(Example(id=one.id, first=one) for one in read.parts[part])
        for part in ("train", "dev", "test")
    )
    task = SpanTask(read.name, train, dev, test, spans, read.pairs, read.source, read.how)
    task.check()
    return task
