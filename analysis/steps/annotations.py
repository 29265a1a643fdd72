"""What models and probes can read of examples: their annotation, and their length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...data.encoding.unreadable import without_unreadable
from ...data.sentences.annotate import annotate, split_words
from ...data.sentences.sentence import Example, Sentence
from ...data.tasks.task import TaskData
from ...models.folder.text_lengths import USUAL_LENGTH
from ...probes.forward.needs import NAMES, check_some_readable, parsed, split_readable
from ...probes.registry import find_probe
from .progress import Progress


def as_read(
    sentences: Sequence[Sentence], probes: Iterable[str], *, pipeline: str = "", reparse: bool
) -> list[Sentence]:
    """Sentences with the annotation that the probes read.

    If any sentence is gold, all stay as they are, and each probe leaves out those that lack what it
    needs. Otherwise they are parsed by spaCy (silver) if a probe needs a parse, or only split into
    words.

    Args:
        sentences: N sentences.
        probes: names of those that will read them.
        pipeline: name of a spaCy pipeline; empty = the default one.
        reparse: parse gold sentences as well.

    Raises:
        AnnotationError: if a pipeline is needed and none is installed.
    """
    if not reparse and any(sentence.annotation == "gold" for sentence in sentences):
        return list(sentences)
    if reparse or any(parsed(find_probe(name).needs) for name in probes):
        return annotate(sentences, pipeline or None)
    return split_words(sentences, pipeline or None)


def check_readable(examples: Sequence[Example], probes: Iterable[str]) -> None:
    """Raise, before anything is computed, unless each probe can read at least one example.

    Raises:
        AnnotationError: naming the probe and what the examples lack.
    """
    for name in probes:
        check_some_readable(name, examples, find_probe(name).needs)


def left_out(examples: Sequence[Example], probes: Iterable[str]) -> dict[str, dict[str, int]]:
    """Probe -> layer -> sentences that lack it, for each layer that a probe needs or uses."""
    found: dict[str, dict[str, int]] = {}
    for name in probes:
        entry = find_probe(name)
        lacks = split_readable(examples, (*entry.needs, *entry.uses))[1].by_layer
        if lacks:
            found[name] = {str(layer): count for layer, count in lacks.items()}
    return found


def say_left_out(
    progress: Progress, title: str, examples: Sequence[Example], probes: Iterable[str]
) -> None:
    """Report the texts of a corpus that each probe leaves out, and why."""
    for name in probes:
        entry = find_probe(name)
        lost = split_readable(examples, entry.needs)[1]
        if lost.n_examples:
            why = " or ".join(f"no {NAMES[layer]}" for layer in lost.by_layer)
            progress.say(
                f"{title}: {name} leaves out {lost.n_examples} of {len(examples)} texts ({why})"
            )
        some = split_readable(split_readable(examples, entry.needs)[0], entry.uses)[1]
        if some.n_examples:
            why = " or ".join(f"no {NAMES[layer]}" for layer in some.by_layer)
            progress.say(
                f"{title}: {name} reads {some.n_examples} of {len(examples)} texts only for some "
                f"of its rows ({why})"
            )


def recorded_length(meta: Mapping[str, Any]) -> int:
    """The length that a model was fine-tuned with, by its folder's record, else 128."""
    return int(meta.get("recipe", {}).get("max_length", USUAL_LENGTH))


def readable(data: TaskData, tokenizer: Any, progress: Progress) -> TaskData:
    """The task without examples that have no subwords; their number is reported."""
    data, lost = without_unreadable(data, tokenizer)
    if lost:
        progress.say(f"{lost} examples left out: without special tokens they have no subwords")
    return data
