"""A treebank for training probes: the acceptable sentences of the generated tasks, with UD trees.

Each part is built from the same part of the tasks, so that no content word of the lexicon occurs in
two parts; they share function words and the few verbs that the templates contain. A probe cannot
use what it learnt about the words of `train` on `test`, where it must rely on the structure.
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
"""Name of the treebank that the package generates."""

SENTENCES: Mapping[str, int] = {"train": 2000, "dev": 250, "test": 500}
"""Number of distinct sentences in each part."""

_SPLIT_OF = {"train": "train", "dev": "validation", "test": "test"}
_SPARE = 1.5
"""Sentences drawn for each one that is needed, because some texts occur twice."""


def treebank(sizes: Mapping[str, int] = SENTENCES, *, seed: int = 0) -> Parted:
    """Generate the treebank.

    The sentences are the acceptable items of `acceptability` and the premises of the entailed items
    of `entailment`, in alternation. The members of a minimal set form one document, because their
    words were drawn together.

    Args:
        sizes: number of distinct sentences in `train`, `dev` and `test`.
        seed: same seed, same sentences.

    Raises:
        ConfigError: if the templates yield fewer sentences than asked for.
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
    """Alternate between the acceptable sentences of several tasks; add each to `taken` once."""
    good = [
        [(f"{name}/{one.cluster}", one.first) for one in examples if one.label == 1]
        for name, examples in tasks.items()
    ]
    for both in zip(*good, strict=True):
        for document, sentence in both:
            if sentence.words not in taken:
                taken.add(sentence.words)
                yield replace(sentence, id=f"{document[:1]}/{sentence.id}", document=document)
