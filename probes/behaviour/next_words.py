"""Words after a context: their probability at the masked place, and the most probable pieces."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...models.language.masked import Progress, masked_log_probs, masked_top_k
from ...models.language.masked_inputs import MaskedText
from ...models.masks.subnetwork import Subnetwork
from .pair_texts import TOO_LONG, VOCABULARY
from .pieces import Pieces, pieces_of
from .word_entries import MultiPiece

SEVERAL_PIECES = "several pieces"
ContextWord: TypeAlias = tuple[str, str]
"""A context, and a word after it."""


@dataclass(frozen=True, slots=True)
class NextWord:
    """A word after its context, as pieces.

    Attributes:
        text: the pieces of the context with the word.
        places: positions of the word's pieces.
        problem: why the word cannot be predicted at one masked place; empty if it can.
    """

    text: Pieces
    places: tuple[int, ...]
    problem: str = ""

    @property
    def id(self) -> int | None:
        """The id of a word that is a single piece of the vocabulary."""
        return None if self.problem else self.text.ids[self.places[0]]

    def is_scored(self, multi_piece: MultiPiece) -> bool:
        """Whether the word gets a score."""
        return not self.problem or (self.problem == SEVERAL_PIECES and multi_piece != "skip")

    def masked(self, multi_piece: MultiPiece) -> list[MaskedText]:
        """The masked texts whose log-probabilities add up to the score of the word."""
        way = Pieces.rest_masked if multi_piece == "pll-word-l2r" else Pieces.one_masked
        return [way(self.text, place) for place in self.places]


def next_words(
    tokenizer: Any, asked: Iterable[ContextWord], *, ending: str = "", max_length: int
) -> dict[ContextWord, NextWord]:
    """The pieces of words after their contexts; equal ones once.

    Args:
        tokenizer: a fast tokenizer of transformers.
        asked: contexts and words.
        ending: what follows the word, such as a full stop.
        max_length: maximum number of pieces of a text, special tokens included.

    Raises:
        CheckpointError: if the tokenizer is not a fast one.
        ConfigError: if `max_length` leaves no room for text.
    """
    distinct = list(dict.fromkeys(asked))
    texts = [f"{context} {word}{ending}" for context, word in distinct]
    found = {}
    for (context, word), text in zip(
        distinct, pieces_of(tokenizer, texts, max_length), strict=True
    ):
        start = len(context) + 1
        found[context, word] = _placed(text, start, start + len(word), tokenizer.unk_token_id)
    return found


def _placed(text: Pieces, start: int, end: int, unknown: int | None) -> NextWord:
    places = text.inside(start, end)
    if text.truncated:
        return NextWord(text, places, TOO_LONG)
    shared = any(not start <= at < to <= end for at, to in (text.offsets[one] for one in places))
    if not places or shared or unknown in {text.ids[one] for one in places}:
        return NextWord(text, places, VOCABULARY)
    return NextWord(text, places, SEVERAL_PIECES if len(places) > 1 else "")


def word_log_probs(
    model: Any,
    tokenizer: Any,
    words: Mapping[ContextWord, NextWord],
    *,
    multi_piece: MultiPiece = "skip",
    subnetwork: Subnetwork | None = None,
    tokens: int,
    progress: Progress | None = None,
) -> dict[ContextWord, float]:
    """The natural log-probability of each word that can be scored.

    Args:
        model: a model of `load_language_model`.
        tokenizer: its tokenizer.
        words: the words.
        multi_piece: what is done with words of several pieces.
        subnetwork: the mask; None = the full model.
        tokens: maximum number of pieces per batch, padding included.
        progress: called with (masked texts done, all).

    Raises:
        CheckpointError, MaskError, MemoryLimitError: as `masked_log_probs`.
    """
    texts = {
        asked: word.masked(multi_piece)
        for asked, word in words.items()
        if word.is_scored(multi_piece)
    }
    values = iter(
        masked_log_probs(
            model, tokenizer, [one for several in texts.values() for one in several],
            subnetwork=subnetwork, tokens=tokens, progress=progress,
        )
    )  # fmt: skip
    return {
        asked: math.fsum(float(next(values)[0]) for _ in several)
        for asked, several in texts.items()
    }


def most_probable(
    model: Any,
    tokenizer: Any,
    words: Sequence[NextWord],
    k: int,
    *,
    subnetwork: Subnetwork | None = None,
    tokens: int,
    progress: Progress | None = None,
) -> list[tuple[int, ...]]:
    """The ids of the k most probable pieces at the place of each word, most probable first.

    Args:
        model: a model of `load_language_model`.
        tokenizer: its tokenizer.
        words: words of a single piece.
        k: number of pieces.
        subnetwork: the mask; None = the full model.
        tokens: maximum number of pieces per batch, padding included.
        progress: called with (masked texts done, all).

    Raises:
        CheckpointError, InputError, MaskError, MemoryLimitError: as `masked_top_k`.
    """
    texts = [word.text.one_masked(word.places[0]) for word in words]
    found = masked_top_k(
        model, tokenizer, texts, k, subnetwork=subnetwork, tokens=tokens, progress=progress
    )
    return [tuple(one[0].tolist()) for one in found]
