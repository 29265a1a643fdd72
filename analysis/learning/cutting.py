"""The train, dev and test parts of a treebank, from one or several named corpora."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...data.generated_treebank import treebank
from ...data.sentences.parted import Parted, part_by_hash
from ...data.sentences.sentence import Sentence

_DEV = (0.9, 0.1)
"""Shares of the training corpus for train and dev if no dev corpus is named."""


def cut_parts(
    read: Callable[[str], Sequence[Sentence]],
    *,
    one: str = "",
    train: str = "",
    dev: str = "",
    test: str = "",
) -> Parted:
    """Split one corpus into train, dev and test, or read each part from its own corpus.

    Without any name the generated treebank is used; without `dev`, a tenth of `train` is.

    Args:
        read: gives the sentences of a name.
        one: a single corpus, which is split by documents, or by sentences where it has too few.
        train: the training part.
        dev: the part for early stopping.
        test: the part that is scored; empty = the caller provides it.

    Raises:
        InputError: if there are fewer sentences than parts.
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
