"""The unigram model of a training text: what is known of a masked piece without its context."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..encoding.literal import content_of, encode_literally
from ..files.atomic import digest
from ..sentences.sentence import Example

NAME = "unigram"

_KEPT = 4
_kept: OrderedDict[tuple[str, str], Unigram] = OrderedDict()


@dataclass(frozen=True)
class Unigram:
    """Frequencies of the pieces of a text, with add-one smoothing (Laplace).

    Attributes:
        bits: -log2 of the probability of each piece [V].
        most_frequent: id of the most frequent piece; of several, the lowest.
    """

    bits: npt.NDArray[np.float64]
    most_frequent: int

    def scores(self, gold: npt.NDArray[np.int64]) -> dict[str, float]:
        """Accuracy of always naming the most frequent piece, and mean bits per piece.

        Args:
            gold: ids of the masked pieces [P].
        """
        return {
            "accuracy": float((gold == self.most_frequent).mean()),
            "bits": float(self.bits[gold].mean()),
        }


def unigram_of(tokenizer: Any, examples: Sequence[Example]) -> Unigram:
    """Count the pieces of texts in full length, special tokens left out.

    P(v) = (n_v + 1) / (N + V) for N pieces of a vocabulary of V.

    Args:
        tokenizer: a fast tokenizer.
        examples: the texts.
    """
    key = digest([example.texts() for example in examples], 64), content_of(tokenizer)
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    texts = [text for example in examples for text in example.texts()]
    specials = set(tokenizer.all_special_ids)
    size = max(len(tokenizer), *(id + 1 for id in tokenizer.get_vocab().values()))
    counts = np.zeros(size, dtype=np.int64)
    for fitted in encode_literally(tokenizer, texts, pre_split=False, max_length=_LONG):
        ids = [id for id in fitted.whole.ids if id not in specials]
        np.add.at(counts, ids, 1)
    found = Unigram(-np.log2((counts + 1) / (counts.sum() + size)), int(counts.argmax()))
    _kept[key] = found
    while len(_kept) > _KEPT:
        _kept.popitem(last=False)
    return found


_LONG = 2**20
"""Nothing is cut: more pieces than a text of the longest line has."""
