"""Dependency arcs of a corpus as flat arrays, and the split of its sentences into two halves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..data.errors import AnnotationError, ConfigError
from ..data.sentence import ROOT, Example, Sentence

Selection = Literal["held-out", "reported"]


@dataclass(frozen=True)
class Arcs:
    """The A arcs of one sentence, root arc left out, in the order of the dependents.

    Attributes:
        dependent: index of the dependent word [A].
        head: index of its head [A].
        relation: name of the relation without subtype [A].
    """

    dependent: npt.NDArray[np.int64]
    head: npt.NDArray[np.int64]
    relation: npt.NDArray[np.str_]


def main_relation(deprel: str) -> str:
    """The relation without its subtype: `nsubj:pass` becomes `nsubj`."""
    return deprel.partition(":")[0]


def arcs_of(sentence: Sentence) -> Arcs:
    """Arcs of a parsed sentence. Punctuation counts; the root has no head to be found.

    Raises:
        AnnotationError: if the sentence has no tree.
    """
    check_parsed([sentence])
    heads = np.array(sentence.heads, dtype=np.int64)
    dependent = np.flatnonzero(heads != ROOT)
    relations = np.array([main_relation(name) for name in sentence.deprels], dtype=np.str_)
    return Arcs(dependent, heads[dependent], relations[dependent])


def check_parsed(sentences: Iterable[Sentence]) -> None:
    """Raise unless every sentence has a tree, all in one scheme and all gold or all silver.

    Raises:
        AnnotationError: naming the first sentence that is not like the others.
    """
    first: Sentence | None = None
    for sentence in sentences:
        where = f"sentence {sentence.id!r}"
        if not sentence.parsed:
            raise AnnotationError(
                "no dependency tree", where=where, remedy="annotate it or name a CoNLL-U corpus"
            )
        first = first or sentence
        kind = f"{sentence.annotation} {sentence.scheme}"
        others = f"{first.annotation} {first.scheme}"
        if kind != others:
            raise AnnotationError(
                f"{kind} tree among {others} trees",
                where=where,
                remedy="the schemes draw different trees: probe one kind at a time",
            )


def check_selection(selection: str) -> None:
    """Raise unless `selection` names a protocol.

    Raises:
        ConfigError: listing the two.
    """
    if selection not in ("held-out", "reported"):
        raise ConfigError(f"selection is {selection!r}", remedy="choose held-out or reported")


def text_digest(sentence: Sentence) -> str:
    """Hash of the words: equal sentences get equal digests."""
    return hashlib.sha256("\x1f".join(sentence.words).encode()).hexdigest()


def unit_digest(example: Example, sentence: Sentence) -> str:
    """Hash of what a sentence was sampled with: its example's cluster, else its own words."""
    if not example.cluster:
        return text_digest(sentence)
    return hashlib.sha256(f"\x1e{example.cluster}".encode()).hexdigest()


def halves(digests: Sequence[str]) -> npt.NDArray[np.int64]:
    """Half 0 or 1 for each sentence [N]: what is chosen on half 0 is scored on half 1.

    The distinct texts, sorted by hash, go to the halves in turn. The split therefore does not
    depend on the order of the corpus, is even, and keeps repeated sentences on one side, as it
    does those of a cluster, which have one digest (`unit_digest`).
    """
    rank = {digest: place for place, digest in enumerate(sorted(set(digests)))}
    return np.array([rank[digest] % 2 for digest in digests], dtype=np.int64)
