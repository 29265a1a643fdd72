"""Dependency arcs of a corpus as flat arrays, and the split of its sentences into two halves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...data.sentences.relations import main_relation
from ...data.sentences.sentence import ROOT, Sentence
from ..forward.needs import check_annotated

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
