"""A treebank for training probes: the acceptable sentences of the generated tasks, with UD trees.

Its parts are made of the parts of the tasks, so that no word of the lexicon is in two of them: what
they share are function words and the few verbs that stand in templates. What a probe has learnt of
the words of train is of no use on test: what it finds there is the structure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from .errors import ConfigError
from .generator.acceptability import acceptability
from .generator.entailment import entailment
from .generator.registry import SET_SIZE
from .sentences.parted import Parted
from .sentences.sentence import Example, Sentence

GENERATED = "generated"
"""Name of the treebank that the package makes."""

SENTENCES: Mapping[str, int] = {"train": 2000, "dev": 250, "test": 500}
"""Different sentences of each part."""

_SPLIT_OF = {"train": "train", "dev": "validation", "test": "test"}
_SPARE = 1.5
"""Drawn for each sentence that is wanted: some texts come twice."""


def treebank(sizes: Mapping[str, int] = SENTENCES, *, seed: int = 0) -> Parted:
    """Generate the treebank.

    Sentences are those of the acceptable items of `acceptability` and the premises of the entailed
    items of `entailment`, in turns. The members of a minimal set are one document: their words were
    drawn together.

    Args:
        sizes: different sentences of `train`, `dev` and `test`.
        seed: same seed, same sentences.

    Raises:
        ConfigError: if the templates do not yield that many sentences.
    """
    # half of a set is good, and both tasks give as much
    drawn = {
        _SPLIT_OF[part]: SET_SIZE * math.ceil(_SPARE * count / SET_SIZE)
        for part, count in sizes.items()
    }
    tasks = {"a": acceptability(seed, drawn), "e": entailment(seed, drawn)}
    parts: dict[str, tuple[Sentence, ...]] = {}
    taken: set[tuple[str, ...]] = set()
    for part, count in sizes.items():
        split = _SPLIT_OF[part]
        found = _distinct({name: tasks[name][split] for name in tasks}, taken)
        parts[part] = tuple(islice(found, count))
        if len(parts[part]) < count:
            raise ConfigError(
                f"{part} has {len(parts[part])} different sentences, fewer than the {count} "
                "asked for",
                where="sizes",
                remedy="ask for fewer sentences",
            )
    return Parted(parts["train"], parts["dev"], parts["test"], GENERATED)


def _distinct(
    tasks: Mapping[str, Sequence[Example]], taken: set[tuple[str, ...]]
) -> Iterator[Sentence]:
    """The good sentences of several tasks in turns, each once; `taken` grows."""
    good = [
        [(f"{name}/{one.cluster}", one.first) for one in examples if one.label == 1]
        for name, examples in tasks.items()
    ]
    for both in zip(*good, strict=True):
        for document, sentence in both:
            if sentence.words not in taken:
                taken.add(sentence.words)
                yield replace(sentence, id=f"{document[:1]}/{sentence.id}", document=document)
