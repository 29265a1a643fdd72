"""Gold trees as geometry: path lengths between words, depths, and which are punctuation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from ...data.sentences.sentence import ROOT, Sentence
from ..states.word_states import WordStates

Punctuation = Literal["upos", "xpos", "none"]
"""How punctuation is recognised: by the universal tag PUNCT, a list of Penn tags, or not at all."""

PUNCTUATION_TAGS = ("''", ",", ".", ":", "``", "-LRB-", "-RRB-")
"""The tags of words that Hewitt & Manning 2019 leave out of trees; UD has others, such as NFP."""

Paths = npt.NDArray[np.int16]


@dataclass(frozen=True)
class GoldTree:
    """The tree over the W kept words of one sentence.

    Attributes:
        rows: where the words' states are [W].
        distances: edges between each two words in the tree of the whole sentence [W, W].
        depths: edges between each word and the root of the whole sentence [W].
        root: index of the root among the kept words; -1 if it was cut off.
        stays: words that are not punctuation [W]; None if unknown.
    """

    rows: npt.NDArray[np.int64]
    distances: Paths
    depths: Paths
    root: int
    stays: npt.NDArray[np.bool_] | None

    def __len__(self) -> int:
        """W."""
        return len(self.rows)


def path_lengths(heads: Sequence[int]) -> tuple[Paths, Paths]:
    """Edges between each two words [W, W], and between each word and the root [W].

    Args:
        heads: index of each word's head, `ROOT` for the root.
    """
    above = np.asarray(heads, dtype=np.int64)
    below = np.flatnonzero(above != ROOT)
    W = len(above)
    graph = csr_array((np.ones(len(below)), (below, above[below])), shape=(W, W))
    lengths = shortest_path(graph, method="D", directed=False, unweighted=True).astype(np.int16)
    return lengths, lengths[int(np.flatnonzero(above == ROOT)[0])]


def words_that_stay(sentence: Sentence, punctuation: Punctuation) -> npt.NDArray[np.bool_] | None:
    """Words that are not punctuation [W]; None if the sentence lacks the tags."""
    if punctuation == "none":
        return np.ones(len(sentence.words), dtype=np.bool_)
    tags = sentence.upos if punctuation == "upos" else sentence.xpos
    if not tags:
        return None
    dropped = ("PUNCT",) if punctuation == "upos" else PUNCTUATION_TAGS
    return np.array([tag not in dropped for tag in tags], dtype=np.bool_)


def gold_trees(states: WordStates, punctuation: Punctuation = "none") -> list[GoldTree]:
    """The tree of each of N texts, over the words that have states.

    Args:
        states: of sentences with heads.
        punctuation: how it is known.
    """
    found = []
    for text in range(len(states.examples)):
        sentence, places = states.sentence(text), states.places(text)
        rows = states.rows(text).start + np.flatnonzero(places >= 0)
        places = places[places >= 0]
        distances, depths = path_lengths(sentence.heads)
        stays = words_that_stay(sentence, punctuation)
        roots = np.flatnonzero(depths[places] == 0)
        found.append(
            GoldTree(
                rows=rows,
                distances=distances[np.ix_(places, places)],
                depths=depths[places],
                root=int(roots[0]) if len(roots) else -1,
                stays=None if stays is None else stays[places],
            )
        )
    return found
