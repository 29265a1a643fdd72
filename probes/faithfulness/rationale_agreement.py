"""Agreement of word scores with the words that annotators marked (DeYoung et al. 2020)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from sklearn.metrics import auc, precision_recall_curve

from ...data.sentences.sentence import Example
from ...data.sentences.spans import word_spans
from ..forward.needs import sentences_of
from .chosen_words import generator_of

Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]


def marked_words(example: Example, kept: tuple[tuple[int, int], ...]) -> Marks:
    """Which words share a character with the rationale of an example [W].

    Args:
        example: with a rationale.
        kept: (segment, index in the sentence) of the W words.
    """
    spans = [word_spans(sentence) or () for sentence in sentences_of(example)]
    marked = np.zeros(len(kept), dtype=np.bool_)
    for place, (segment, index) in enumerate(kept):
        start, end = spans[segment][index]
        marked[place] = any(
            of == segment and first < end and start < last
            for of, first, last in example.rationale or ()
        )
    return marked


def token_f1(scores: Floats, marked: Marks, count: int) -> tuple[float, float]:
    """F1 of the words with the highest scores, and what it is on average for random words.

    Args:
        scores: of the W words; of equal ones the first counts more.
        marked: the words that people marked, at least one [W].
        count: how many words are taken.
    """
    taken = np.argsort(-scores, kind="stable")[:count]
    both = len(taken) + int(marked.sum())
    return 2 * int(marked[taken].sum()) / both, 2 * len(taken) * float(marked.mean()) / both


def auprc(scores: Floats, marked: Marks) -> float:
    """Area under the curve of precision over recall of the marked words, as their code has it."""
    precision, recall, _ = precision_recall_curve(marked, scores)
    return float(auc(recall, precision))


@lru_cache(maxsize=4096)
def random_auprc(words: int, marked: int, draws: int, seed: int) -> float:
    """Mean `auprc` of random scores: it depends on the numbers of words and marked words alone."""
    scores = generator_of(seed, "random scores", words, marked).standard_normal((draws, words))
    marks = np.arange(words) < marked
    return float(np.mean([auprc(one, marks) for one in scores]))
