"""Sentences as subwords, where the last subword of each complete word carries the word's class.

Word classifiers that run the model in each step are trained and scored on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..errors import AnnotationError, InputError
from ..sentences.sentence import Sentence
from ..sentences.word_labels import word_labels
from .alignment import Encoded, encode_texts
from .collate import Batch, TextBatches
from .literal import makes_token_types
from .tokenizer_check import check_padding

UNSEEN = -1
"""The class of a word whose label is not among the classes; it equals no prediction."""


@dataclass(frozen=True)
class WordBatch:
    """R labelled words of B sentences, with the model input.

    Attributes:
        texts: the model input.
        text: index of each word's sentence in the batch [R].
        piece: position of each word's last subword [R].
        gold: class of each word [R].
    """

    texts: Batch
    text: torch.Tensor
    piece: torch.Tensor
    gold: torch.Tensor

    def pick(self, states: torch.Tensor) -> torch.Tensor:
        """Select the states of the words [R, D] from those of all subwords [B, S, D]."""
        return states[self.text.to(states.device), self.piece.to(states.device)]


@dataclass(frozen=True)
class LabelledWords:
    """N sentences with words that have a label and all of their subwords.

    Attributes:
        property_name: the property that the labels state, see `word_labels`.
        sentences: the N sentences, in the order given.
        classes: label of each class.
        pieces: position of the last subword of each word, for each sentence [N][W].
        gold: class of each word, for each sentence [N][W].
        n_words_dropped: number of labelled words that are truncated or have no subword of their
            own.
        n_unseen: number of words whose label is not among the classes.
    """

    property_name: str
    sentences: tuple[Sentence, ...]
    classes: tuple[str, ...]
    pieces: tuple[npt.NDArray[np.int64], ...]
    gold: tuple[npt.NDArray[np.int64], ...]
    n_words_dropped: int
    n_unseen: int
    _texts: TextBatches

    @property
    def n_words(self) -> int:
        """Number of words in all sentences."""
        return sum(map(len, self.gold))

    def batch(self, index: Sequence[int]) -> WordBatch:
        """The subset of the sentences at these positions, with their words."""
        rows = [np.full(len(self.gold[i]), row) for row, i in enumerate(index)]
        return WordBatch(
            self._texts.batch(tuple(index)),
            torch.from_numpy(np.concatenate(rows)),
            torch.from_numpy(np.concatenate([self.pieces[i] for i in index])),
            torch.from_numpy(np.concatenate([self.gold[i] for i in index])),
        )

    def batches(self, size: int) -> Iterator[WordBatch]:
        """All sentences, in their order."""
        for start in range(0, len(self.sentences), size):
            yield self.batch(range(start, min(start + size, len(self.sentences))))


def label_words(
    tokenizer: Any,
    sentences: Sequence[Sentence],
    property: str,
    *,
    max_length: int,
    classes: Sequence[str] = (),
    part: str = "corpus",
) -> LabelledWords:
    """Encode the sentences that are annotated with a property of their words.

    Args:
        tokenizer: a fast tokenizer.
        sentences: N' sentences; those without a complete labelled word are left out.
        property: see `word_labels`.
        max_length: maximum number of subwords per sentence.
        classes: label of each class; empty = the labels of these sentences, sorted.
        part: what to call the sentences in messages.

    Raises:
        AnnotationError: if no sentence is annotated with the property.
        InputError: if no labelled word has a subword, or all have the same label and no classes are
            given: there is nothing to learn.
        CheckpointError: if the tokenizer is slow or cannot pad.
        UnknownNameError: if the property does not exist.
    """
    check_padding(tokenizer)
    labels = [word_labels(sentence, property) for sentence in sentences]
    annotated = [place for place, found in enumerate(labels) if any(found)]
    if not annotated:
        raise AnnotationError(
            f"no sentence of the {part} has {property}",
            remedy="name a treebank that is annotated with it",
        )
    encoded = encode_texts(tokenizer, [sentences[i] for i in annotated], max_length=max_length)
    read = [(i, one, _words(one, labels[i])) for i, one in zip(annotated, encoded, strict=True)]
    read = [(i, one, words) for i, one, words in read if words]
    if not read:
        raise InputError(
            f"no word of the {part} with {property} has a subword of its own",
            remedy="name a treebank that the tokenizer can read",
        )
    found = [labels[i][word] for i, _, words in read for word in words]
    names = tuple(classes) or tuple(sorted(set(found)))
    if len(names) == 1:
        raise InputError(
            f"all {len(found)} words of the {part} have the {property} {names[0]!r}: there is "
            "nothing to learn",
            remedy="name a treebank with at least two labels",
        )
    number = {name: place for place, name in enumerate(names)}
    gold = [np.array([number.get(labels[i][w], UNSEEN) for w in words]) for i, _, words in read]
    given = sum(bool(label) for i in annotated for label in labels[i])
    return LabelledWords(
        property_name=property,
        sentences=tuple(sentences[i] for i, _, _ in read),
        classes=names,
        pieces=tuple(np.array(list(words.values()), dtype=np.int64) for _, _, words in read),
        gold=tuple(gold),
        n_words_dropped=given - len(found),
        n_unseen=sum(int((one == UNSEEN).sum()) for one in gold),
        _texts=_texts(tokenizer, [one for _, one, _ in read], max_length),
    )


def _words(encoded: Encoded, labels: Sequence[str]) -> dict[int, int]:
    """Word with a label and all its subwords -> position of the last subword."""
    last = {word: place for place, word in enumerate(encoded.word_of_piece) if word >= 0}
    return {word: last[word] for word in sorted(last) if labels[word]}


def _texts(tokenizer: Any, encoded: Sequence[Encoded], size: int) -> TextBatches:
    # where the family has no token types, they are asked for and left out by `TextBatches`
    rows = [(list(e.input_ids), list(e.token_type_ids or [0] * len(e.input_ids))) for e in encoded]
    return TextBatches(
        rows,
        None,
        range(len(rows)),
        batch_size=size,
        padding=tokenizer.pad_token_id,
        token_types=makes_token_types(tokenizer),
        n_truncated=sum(one.truncated for one in encoded),
        n_wordless=0,
    )
