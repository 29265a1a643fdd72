"""The step that records the examples that the probes of a task explain, and their words."""

from __future__ import annotations

from ...data.sentences.sentence import Example
from ...probes.attribution.word_kinds import depths
from ...probes.forward.needs import sentences_of
from ..cell_output import CellOutput
from ..configuration.asked_probes import of_task
from ..steps.annotations import left_out, say_left_out
from .work import Work, noted


def read(work: Work) -> CellOutput:
    """Counts of the examples by role, and the words of the explained examples."""
    parts, options = work.parts, work.materials.config.probe
    notes = {
        "selection": parts.selection_name,
        "examples": {
            "unreadable": parts.n_unreadable,
            "train": len(parts.train),
            "selection": len(parts.selection),
            parts.report_name: len(parts.report),
        },
        "left_out": {},
        "words": {},
        "word_kinds": {},
        "labels": [] if parts.spec.regression else list(parts.spec.labels),
    }
    if names := of_task(options):
        examples = work.materials.examples(parts.spec.name, work.seed)
        say_left_out(work.progress, work.title, examples, names)
        notes["left_out"] = left_out(examples, names)
        notes["words"] = {example.id: _words(example) for example in examples}
        notes["word_kinds"] = {example.id: _kinds(example) for example in examples}
    return noted(notes)


def _words(example: Example) -> list[list[str]]:
    # the words are those of the parser, which splits more than at white space
    return [list(sentence.words) for sentence in sentences_of(example)]


def _kinds(example: Example) -> list[dict[str, list[str] | list[int]]]:
    """Part of speech, relation and depth of the words of each sentence, as far as annotated."""
    found = []
    for sentence in sentences_of(example):
        kinds: dict[str, list[str] | list[int]] = {
            "pos": list(sentence.upos),
            "relation": list(sentence.deprels),
            "depth": depths(sentence),
        }
        found.append({k: v for k, v in kinds.items() if len(v) == len(sentence.words)})
    return found
