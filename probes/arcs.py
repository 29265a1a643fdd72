"""Dependency arcs of a corpus as flat arrays, and the split of its sentences into two halves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..data.errors import ConfigError
from ..data.sentence import ROOT, Example, Sentence
from .needs import check_annotated

Selection = Literal["held-out", "reported"]

UNKNOWN = ""
"""The relation of an arc of a tree without relations."""


@dataclass(frozen=True)
class Arcs:
    """The A arcs of one sentence, root arc left out, in the order of the dependents.

    Attributes:
        dependent: index of the dependent word [A].
        head: index of its head [A].
        relation: name of the relation without subtype [A]; `UNKNOWN` where the tree has none.
    """

    dependent: npt.NDArray[np.int64]
    head: npt.NDArray[np.int64]
    relation: npt.NDArray[np.str_]


def main_relation(deprel: str) -> str:
    """The relation without its subtype: `nsubj:pass` becomes `nsubj`."""
    return deprel.partition(":")[0]


def arcs_of(sentence: Sentence) -> Arcs:
    """Arcs of a sentence with heads. Punctuation counts; the root has no head to be found.

    Raises:
        AnnotationError: if the sentence has no tree.
    """
    check_annotated([sentence], ["heads"])
    heads = np.array(sentence.heads, dtype=np.int64)
    dependent = np.flatnonzero(heads != ROOT)
    # CoNLL-U writes a relation that nobody gave as an underscore
    names = [UNKNOWN if name == "_" else name for name in sentence.deprels]
    names = names or [UNKNOWN] * len(heads)
    relations = np.array([main_relation(name) for name in names], dtype=np.str_)
    return Arcs(dependent, heads[dependent], relations[dependent])


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
