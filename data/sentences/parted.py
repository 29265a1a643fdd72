"""Split a corpus into parts for training, early stopping and scoring of probes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from .sentence import Sentence

SHARES = (0.8, 0.1, 0.1)
"""Shares of train, dev and test."""

_DOCUMENTS = 10
"""Minimum number of documents per part for splitting by document."""


@dataclass(frozen=True)
class Parted:
    """The parts of a corpus.

    Attributes:
        train: sentences on which probes are trained.
        dev: sentences that decide on early stopping.
        test: sentences on which probes are scored.
        how: `given`, `by document`, `by sentence` or `generated`.
    """

    train: tuple[Sentence, ...]
    dev: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    how: str


def part_by_hash(
    sentences: Sequence[Sentence], shares: Sequence[float] = SHARES
) -> tuple[list[list[Sentence]], str]:
    """Split a corpus into parts by its documents or, without documents, by its sentences.

    The documents (or the distinct sentences), sorted by hash, fill one part after the other up to
    its share of the sentences. The parts therefore do not depend on the order of the corpus, and no
    document (or sentence) occurs in two of them. A sentence outside of all documents counts as a
    document of its own.

    Args:
        sentences: the corpus.
        shares: share of each part; the shares sum to 1.

    Returns:
        The sentences of each part, in the order of the corpus, and `by document` or `by sentence`.

    Raises:
        InputError: if there are fewer documents, or fewer distinct sentences, than parts.
    """
    documents = {sentence.document for sentence in sentences} - {""}
    how = "by document" if len(documents) >= _DOCUMENTS * len(shares) else "by sentence"
    names = [
        _hash(s.document if s.document and how == "by document" else "\x1f".join(s.words))
        for s in sentences
    ]
    sizes: dict[str, int] = {}
    for name in names:
        sizes[name] = sizes.get(name, 0) + 1
    if len(sizes) < len(shares):
        different = f"{len(sizes)} different sentence{'s' if len(sizes) != 1 else ''}"
        raise InputError(
            f"{different} cannot be split into {len(shares)} parts",
            remedy="name a larger treebank, or files for each part",
        )
    bounds = [sum(shares[: place + 1]) * len(sentences) for place in range(len(shares) - 1)]
    part_of: dict[str, int] = {}
    part, filled = 0, 0
    ordered = sorted(sizes)
    for place, name in enumerate(ordered):
        # each part gets at least one
        last = len(ordered) - place <= len(shares) - 1 - part
        if part < len(bounds) and place and (filled >= bounds[part] or last):
            part += 1
        part_of[name] = part
        filled += sizes[name]
    parts: list[list[Sentence]] = [[] for _ in shares]
    for sentence, name in zip(sentences, names, strict=True):
        parts[part_of[name]].append(sentence)
    return parts, how


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
