"""Which word each subword belongs to, and attention between words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Encoding

from .literal import Fitted, encode_literally, makes_token_types
from .sentence import Sentence

NO_WORD = -1


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sentence, or a pair, as S subwords with the word that each belongs to.

    Attributes:
        input_ids: subword ids [S].
        token_type_ids: which segment a subword belongs to [S]; None where the family has none.
        word_of_piece: index of the word in its sentence [S]; `NO_WORD` (-1) for special tokens
            and for the pieces of a word that truncation cut in half.
        segment_of_piece: 0 or 1 for pieces of the first or second sentence [S]; -1 for special
            tokens.
        special: whether the tokenizer put the subword there [S]: never for text that spells a
            special token.
        offsets: (start, end) of each piece in its word, in characters [S]. The pieces of a word
            cover it: a character that normalisation merged or removed belongs to the piece before.
        n_words_kept: words that have all their pieces, for each sentence.
        n_words_dropped: words without pieces: cut off, cut in half, or made of characters that the
            tokenizer removes.
    """

    input_ids: tuple[int, ...]
    token_type_ids: tuple[int, ...] | None
    word_of_piece: tuple[int, ...]
    segment_of_piece: tuple[int, ...]
    special: tuple[bool, ...]
    offsets: tuple[tuple[int, int], ...]
    n_words_kept: tuple[int, ...]
    n_words_dropped: int


def encode_words(
    tokenizer: Any,
    sentences: Sequence[Sentence],
    seconds: Sequence[Sentence] | None = None,
    *,
    max_length: int,
) -> list[Encoded]:
    """Encode pre-split words, so that alignment is known and not guessed.

    Args:
        tokenizer: a fast tokenizer of transformers.
        sentences: N sentences.
        seconds: the second sentence of each pair, or None.
        max_length: subwords kept, special tokens counted; the longer one of a pair is cut first.

    Raises:
        CheckpointError: if the tokenizer is a slow one.
        ConfigError: if `max_length` leaves no room for text.
    """
    token_types = makes_token_types(tokenizer)
    segments: list[tuple[Sentence, ...]]
    if seconds is None:
        segments = [(one,) for one in sentences]
        inputs: list[Any] = [list(one.words) for one in sentences]
    else:
        segments = list(zip(sentences, seconds, strict=True))
        inputs = [(list(one.words), list(two.words)) for one, two in segments]
    fitted = encode_literally(tokenizer, inputs, pre_split=True, max_length=max_length)
    return [_align(one, words, token_types) for one, words in zip(fitted, segments, strict=True)]


def _align(fitted: Fitted, segments: tuple[Sentence, ...], token_types: bool) -> Encoded:
    kept = fitted.kept
    owners = _owners(kept)
    if fitted.truncated:
        whole, present = Counter(_owners(fitted.whole)), Counter(owners)
        complete = {owner for owner in present if owner is not None}
        complete = {owner for owner in complete if present[owner] == whole[owner]}
    else:
        complete = {owner for owner in owners if owner is not None}
    n_kept = tuple(sum(owner[0] == s for owner in complete) for s in range(len(segments)))
    return Encoded(
        input_ids=tuple(kept.ids),
        token_type_ids=tuple(kept.type_ids) if token_types else None,
        word_of_piece=tuple(
            owner[1] if owner is not None and owner in complete else NO_WORD for owner in owners
        ),
        segment_of_piece=tuple(-1 if owner is None else owner[0] for owner in owners),
        special=tuple(owner is None for owner in owners),
        offsets=_cover(kept.offsets, owners, segments),
        n_words_kept=n_kept,
        n_words_dropped=sum(len(sentence.words) for sentence in segments) - sum(n_kept),
    )


def _owners(encoding: Encoding) -> list[tuple[int, int] | None]:
    """(segment, word) of each piece [S]; None for special tokens."""
    return [
        None if segment is None or word is None else (segment, word)
        for segment, word in zip(encoding.sequence_ids, encoding.word_ids, strict=True)
    ]


def _cover(
    offsets: Sequence[tuple[int, int]],
    owners: Sequence[tuple[int, int] | None],
    segments: tuple[Sentence, ...],
) -> tuple[tuple[int, int], ...]:
    """Stretch each piece to the next one of its word, and the outer ones to the word's ends."""
    spans = list(offsets)
    for place, owner in enumerate(owners):
        if owner is None:
            continue
        start, end = spans[place]
        if place == 0 or owners[place - 1] != owner:
            start = 0
        last = place + 1 == len(owners) or owners[place + 1] != owner
        following = len(segments[owner[0]].words[owner[1]]) if last else offsets[place + 1][0]
        spans[place] = (start, max(end, following))
    return tuple(spans)


def word_pooling(
    word_of_piece: Sequence[int], n_words: int, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Mean over the pieces of each word, as a matrix [W, S]; zero rows for words without pieces.

    Times hidden states [S, D] it gives word vectors [W, D].
    """
    member = _membership(word_of_piece, n_words, dtype)
    return member / member.sum(dim=1, keepdim=True).clamp_min(1)


def word_attention(
    attention: torch.Tensor, word_of_piece: Sequence[int], n_words: int
) -> torch.Tensor:
    """Attention between words [..., W, W] from attention between subwords [..., S, S].

    Summed over the pieces of the target and averaged over those of the source (Clark et al. 2019),
    so that a row and what its word gives to special tokens sum to one.

    Args:
        attention: rows are sources, columns targets; padding cut off.
        word_of_piece: of one sentence, from `Encoded` [S].
        n_words: W.
    """
    mean = word_pooling(word_of_piece, n_words, attention.dtype).to(attention.device)
    total = _membership(word_of_piece, n_words, attention.dtype).to(attention.device)
    return mean @ attention @ total.T


def _membership(word_of_piece: Sequence[int], n_words: int, dtype: torch.dtype) -> torch.Tensor:
    """1 where a piece belongs to a word [W, S]."""
    words = torch.tensor(word_of_piece)
    return (words[None, :] == torch.arange(n_words)[:, None]).to(dtype)
