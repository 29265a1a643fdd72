"""Draw minimal sets from templates, without repeated texts, and turn them into examples."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..errors import ConfigError
from ..sentences.sentence import Example
from .grammar import Draw
from .lexicon import SPLITS, lexicon
from .registry import SET_SIZE, MinimalSet, Phenomenon
from .trees import sentence

SIZES: Mapping[str, int] = {"train": 1200, "validation": 200, "test": 400}
"""Default number of examples per split."""

_PATIENCE = 1000


def check_sizes(sizes: Mapping[str, int]) -> None:
    """Reject unknown split names, and sizes that would divide a minimal set.

    Raises:
        ConfigError: if a split is unknown, or a size is not a positive multiple of the set size.
    """
    for split, size in sizes.items():
        if split not in SPLITS:
            raise ConfigError(
                f"unknown split {split!r}", where="sizes", remedy=f"use {', '.join(SPLITS)}"
            )
        if size < SET_SIZE or size % SET_SIZE:
            raise ConfigError(
                f"{split} has size {size}",
                where="sizes",
                remedy=f"the size must be a positive multiple of {SET_SIZE}, the size of a minimal "
                "set",
            )


def sample(
    task: str, phenomena: Sequence[Phenomenon], seed: int, sizes: Mapping[str, int] | None
) -> dict[str, tuple[Example, ...]]:
    """Examples of every split, minimal set by minimal set.

    Templates alternate, the first of each phenomenon before the second of any, so that every prefix
    of complete sets is balanced over labels and nearly balanced over templates.

    Args:
        task: name of the task; part of the random state, so that tasks have independent draws.
        phenomena: the phenomena whose templates are used.
        seed: same seed, same examples.
        sizes: number of examples of each split; the default is `SIZES`.

    Returns:
        Split name -> examples. Ids have the form `phenomenon/template/number`. Four consecutive
        numbers form one minimal set, whose words were drawn together; their `cluster` is
        `phenomenon/template/` and the number of the set, and their `counterfactuals` are the two
        members with the other label.

    Raises:
        ConfigError: if a split is unknown, a size is not a multiple of the set size, or the
            templates yield too few different sentences.
    """
    sizes = dict(SIZES if sizes is None else sizes)
    check_sizes(sizes)
    seen: set[tuple[str, ...]] = set()
    return {
        split: _split(task, phenomena, seed, split, sizes[split], seen)
        for split in SPLITS
        if split in sizes
    }


def _split(
    task: str,
    phenomena: Sequence[Phenomenon],
    seed: int,
    split: str,
    size: int,
    seen: set[tuple[str, ...]],
) -> tuple[Example, ...]:
    rng = random.Random(f"{task}/{split}/{seed}")
    examples: list[Example] = []
    turns = _turns(phenomena)
    for turn in range(size // SET_SIZE):
        phenomenon, number = turns[turn % len(turns)]
        first_index = turn // len(turns) * SET_SIZE
        prefix = f"{phenomenon.name}/t{number + 1}"
        for _ in range(_PATIENCE):
            draw = Draw(lexicon(split), rng)
            members = phenomenon.templates[number](draw)
            built = _examples(members, phenomenon.name, prefix, first_index, split)
            texts = {example.texts() for example in built}
            if len(texts) == SET_SIZE and not texts & seen:
                break
        else:
            raise ConfigError(
                f"{prefix} has fewer than {size} different sentences for {split}",
                where="sizes",
                remedy="ask for fewer examples",
            )
        seen |= texts
        examples += built
    return tuple(examples)


def _turns(phenomena: Sequence[Phenomenon]) -> list[tuple[Phenomenon, int]]:
    """Every template as (phenomenon, number), the first of each phenomenon first."""
    most = max(len(phenomenon.templates) for phenomenon in phenomena)
    return [
        (phenomenon, number)
        for number in range(most)
        for phenomenon in phenomena
        if number < len(phenomenon.templates)
    ]


def _examples(
    members: MinimalSet, group: str, prefix: str, first_index: int, split: str
) -> list[Example]:
    cluster = f"{prefix}/set{first_index // SET_SIZE + 1:05d}"
    built = []
    for offset, item in enumerate(members):
        id = f"{prefix}/{first_index + offset:06d}"
        where = f"{split}/{id}"
        second = None if item.second is None else sentence(item.second, f"{where}/b")
        name = where if second is None else f"{where}/a"
        first = sentence(item.first, name, item.stop)
        built.append(Example(id, first, second, int(item.good), group, cluster))
    return [
        replace(one, counterfactuals=_opposites(built, place)) for place, one in enumerate(built)
    ]


def _opposites(members: Sequence[Example], place: int) -> tuple[tuple[str, ...], ...]:
    """The texts of the members of a set with the other label than the member at `place`.

    Neighbours come first: they differ in one of two crossed choices, or in the order of the words.
    """
    others = sorted(range(len(members)), key=lambda other: place ^ other)
    return tuple(
        members[other].texts() for other in others if members[other].label != members[place].label
    )
