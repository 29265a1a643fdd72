"""Six kinds of word that attention may go to, and which subwords they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ...data.sentences.sentence import Sentence
from ...data.sentences.word_groups import GROUPS, word_groups
from ..forward.base import BatchView
from ..forward.needs import check_annotated

_BY_TAG = {"noun": frozenset({"NOUN", "PROPN"}), "pronoun": frozenset({"PRON"})}
TARGETS = ("noun", "verb", "pronoun", "subject", "object", "negation")
"""Names of the T targets; a word may be of several or of none. Nouns, verbs and pronouns by
universal tags, auxiliaries among the verbs; the others by relation, as `word_groups` reads UD and
ClearNLP names. A subject is its head word, as in Kovaleva et al.; their lists also have the
relations agent, expl, attr and oprd, which are no arguments of a verb, and match negation by
substring."""


def target_words(sentences: Sequence[Sentence]) -> npt.NDArray[np.bool_]:
    """Which words are which target [T, W], over the words of all sentences in a row.

    Args:
        sentences: one or two sentences with relations and universal tags.

    Raises:
        AnnotationError: if a sentence has no relations or no tags.
    """
    check_annotated(sentences, ["deprels", "upos"])
    tags = [tag for sentence in sentences for tag in sentence.upos]
    groups = dict(zip(GROUPS, word_groups(sentences), strict=True))
    by_tag = {name: np.isin(tags, list(wanted)) for name, wanted in _BY_TAG.items()}
    return np.array([by_tag[name] if name in by_tag else groups[name] for name in TARGETS])


def target_pieces(batch: BatchView) -> torch.Tensor:
    """Which subwords belong to a word of each target [B, T, S].

    Words that truncation cut have no pieces; special tokens and padding are of no target.
    """
    W = batch.source.shape[1]
    words = np.zeros((len(batch.examples), len(TARGETS), W + 1), dtype=np.bool_)
    for row, (example, kept) in enumerate(zip(batch.examples, batch.kept, strict=True)):
        sentences = [one for one in (example.first, example.second) if one is not None]
        starts = (0, len(example.first.words))
        every = target_words(sentences)
        places = [starts[segment] + index for segment, index in kept]
        words[row, :, : len(kept)] = every[:, places]
    # the last column, where -1 points, is the place of pieces without a word
    numbers = (batch.word % (W + 1))[:, None].expand(-1, len(TARGETS), -1)
    return torch.from_numpy(words).to(batch.word.device).gather(2, numbers)
