"""The three parts of a treebank, from the texts that are named for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...data.generated_treebank import treebank
from ...data.sentences.parted import Parted, part_by_hash
from ...data.sentences.sentence import Sentence

_DEV = (0.9, 0.1)
"""What is left of train, and what is taken for dev, where nothing is named for it."""


def cut_parts(
    read: Callable[[str], Sequence[Sentence]],
    *,
    one: str = "",
    train: str = "",
    dev: str = "",
    test: str = "",
) -> Parted:
    """Cut one corpus into train, dev and test, or read the parts as they are named.

    Without any name the generated treebank is read; without `dev` it is a tenth of `train`.

    Args:
        read: gives the sentences of a name.
        one: a corpus that is cut by its documents, else by its sentences; alone.
        train: what is learnt from.
        dev: what stops training.
        test: what is scored; empty = nothing, for the caller to say what is.

    Raises:
        InputError: for fewer sentences than parts.
    """
    if one:
        (learnt, held, scored), how = part_by_hash(read(one))
        return Parted(tuple(learnt), tuple(held), tuple(scored), how)
    if not train:
        return treebank()
    learnt = list(read(train))
    if dev:
        held = list(read(dev))
    else:
        (learnt, held), _ = part_by_hash(learnt, _DEV)
    return Parted(tuple(learnt), tuple(held), tuple(read(test)) if test else (), "given")
