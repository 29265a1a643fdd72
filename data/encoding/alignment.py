"""Alignment of subwords with words, and attention between words.

A raw text is tokenized as a task model reads it; its subwords are assigned to words by character
offsets. The published procedure, which tokenizes each word on its own, is also available.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Encoding

from ..sentences.sentence import Sentence
from ..sentences.spans import Spans, joined_spans, word_spans
from .literal import Fitted, encode_literally, makes_token_types

NO_WORD = -1
_MARKS = frozenset("▁Ġ")
"""Pieces that mark the start of a word but contain no character of it."""

_Pieces = list[tuple[int, tuple[int, int], tuple[int, ...]] | None]
"""Segment, (start, end) and words of each piece, the word with most of its characters first; None
for special tokens."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sentence, or a pair of sentences, as S subwords aligned with words.

    Attributes:
        input_ids: subword ids [S].
        token_type_ids: which segment a subword belongs to [S]; None where the family has none.
        word_of_piece: index of the word in its sentence [S]; `NO_WORD` (-1) for special tokens, for
            the pieces of a word that truncation cut in half, and for pieces without a character of
            a word. A piece with characters of several words belongs to the word that contributes
            most of them, in a tie to the first.
        segment_of_piece: 0 or 1 for pieces of the first or second sentence [S]; -1 for special
            tokens.
        special: whether the tokenizer added the subword [S]; False for text that spells a special
            token.
        offsets: (start, end) of each piece in the text of its sentence, in characters, surrounding
            white space excluded [S]; (0, 0) for special tokens. The pieces of a word cover it: a
            character that normalisation merged or removed belongs to the preceding piece.
        n_words_kept: number of words whose pieces are complete, for each sentence.
        n_words_dropped: number of words without pieces, because they are truncated or cut in half,
            consist of characters that the tokenizer removes, or lie in a piece that belongs to
            another word.
        n_shared: number of pieces with characters of several words.
        n_unlocated: number of sentences whose words are not found in their text; none of their
            pieces is assigned to a word.
        truncated: whether the text was truncated.
        readable: whether every sentence has at least one piece of a word, complete or truncated.
    """

    input_ids: tuple[int, ...]
    token_type_ids: tuple[int, ...] | None
    word_of_piece: tuple[int, ...]
    segment_of_piece: tuple[int, ...]
    special: tuple[bool, ...]
    offsets: tuple[tuple[int, int], ...]
    n_words_kept: tuple[int, ...]
    n_words_dropped: int
    n_shared: int
    n_unlocated: int
    truncated: bool
    readable: bool


def encode_texts(
    tokenizer: Any,
    sentences: Sequence[Sentence],
    seconds: Sequence[Sentence] | None = None,
    *,
    max_length: int,
) -> list[Encoded]:
    """Encode raw texts as a task model reads them, and align words by character offsets.

    Args:
        tokenizer: a fast tokenizer of transformers.
        sentences: N sentences; their texts are `Sentence.raw_text`.
        seconds: the second sentence of each pair, or None.
        max_length: maximum number of subwords, special tokens included; the longer text of a pair
            is truncated first.

    Raises:
        CheckpointError: if the tokenizer is not a fast one.
        ConfigError: if `max_length` leaves no room for text.
    """
    texts = _of_segments(sentences, seconds, Sentence.raw_text)
    spans = _of_segments(sentences, seconds, word_spans)
    counts = _of_segments(sentences, seconds, lambda sentence: len(sentence.words))
    inputs = texts if seconds is not None else [text for (text,) in texts]
    fitted = encode_literally(tokenizer, inputs, pre_split=False, max_length=max_length)
    token_types = makes_token_types(tokenizer)
    return [
        _align(one, counts[i], spans[i], token_types, _RawReader(texts[i], spans[i]))
        for i, one in enumerate(fitted)
    ]


def encode_words(
    tokenizer: Any,
    sentences: Sequence[Sentence],
    seconds: Sequence[Sentence] | None = None,
    *,
    max_length: int,
) -> list[Encoded]:
    """Encode pre-split words, each tokenized on its own; otherwise like `encode_texts`.

    Offsets refer to the words joined by single spaces.
    """
    words = _of_segments(sentences, seconds, lambda sentence: list(sentence.words))
    spans = _of_segments(sentences, seconds, lambda sentence: joined_spans(sentence.words))
    counts = _of_segments(sentences, seconds, lambda sentence: len(sentence.words))
    inputs: list[Any] = words if seconds is not None else [one for (one,) in words]
    fitted = encode_literally(tokenizer, inputs, pre_split=True, max_length=max_length)
    token_types = makes_token_types(tokenizer)
    return [
        _align(one, counts[i], spans[i], token_types, _WordReader(spans[i]))
        for i, one in enumerate(fitted)
    ]


def _of_segments(
    firsts: Sequence[Sentence], seconds: Sequence[Sentence] | None, take: Callable[[Sentence], Any]
) -> list[tuple[Any, ...]]:
    """The result of `take` for the one or two sentences of each example [N]."""
    if seconds is None:
        return [(take(one),) for one in firsts]
    return [(take(one), take(two)) for one, two in zip(firsts, seconds, strict=True)]


class _RawReader:
    """Positions of the pieces of raw texts, and the words that their characters belong to."""

    def __init__(self, texts: Sequence[str], spans: Sequence[Spans | None]):
        self._texts = texts
        self._starts = [[start for start, _ in one or ()] for one in spans]
        self._ends = [[end for _, end in one or ()] for one in spans]

    def __call__(self, encoding: Encoding) -> _Pieces:
        pieces: _Pieces = [
            None if segment is None else (segment, *self._read(segment, *span))
            for segment, span in zip(encoding.sequence_ids, encoding.offsets, strict=True)
        ]
        # backwards, because a separate piece that marks a word's start belongs to the next piece
        for place in range(len(pieces) - 2, -1, -1):
            mark, after = pieces[place], pieces[place + 1]
            if mark is None or after is None or mark[2] or mark[0] != after[0]:
                continue
            if encoding.tokens[place] in _MARKS and mark[1][1] == after[1][0]:
                pieces[place] = (mark[0], mark[1], after[2][:1])
        return pieces

    def _read(self, segment: int, start: int, stop: int) -> tuple[tuple[int, int], tuple[int, ...]]:
        """(start, end) without surrounding white space, and the words with characters there."""
        text, starts, ends = self._texts[segment], self._starts[segment], self._ends[segment]
        end = stop
        while start < end and text[end - 1].isspace():
            end -= 1
        while start < end and text[start].isspace():
            start += 1
        if start == end:
            return (stop, stop), ()
        inside = range(bisect_right(ends, start), bisect_left(starts, end))
        # the sort is stable, so a tie goes to the first word
        most = sorted(inside, key=lambda w: max(starts[w], start) - min(ends[w], end))
        return (start, end), tuple(most)


class _WordReader:
    """Positions and words of pieces for pre-split words, where each piece belongs to one word."""

    def __init__(self, spans: Sequence[Spans]):
        self._spans = spans

    def __call__(self, encoding: Encoding) -> _Pieces:
        pieces: _Pieces = []
        for segment, word, (start, end) in zip(
            encoding.sequence_ids, encoding.word_ids, encoding.offsets, strict=True
        ):
            if segment is None or word is None:
                pieces.append(None)
            else:
                first = self._spans[segment][word][0]
                pieces.append((segment, (first + start, first + end), (word,)))
        return pieces


def _align(
    fitted: Fitted,
    counts: Sequence[int],
    spans: Sequence[Spans | None],
    token_types: bool,
    read: Callable[[Encoding], _Pieces],
) -> Encoded:
    pieces = read(fitted.kept)
    owners = [(piece[0], piece[2][0]) if piece and piece[2] else None for piece in pieces]
    complete = {owner for owner in owners if owner is not None}
    if fitted.truncated:
        whole, present = _pieces_of_words(read(fitted.whole)), _pieces_of_words(pieces)
        complete = {owner for owner in complete if present[owner] == whole[owner]}
    n_kept = tuple(sum(owner[0] == s for owner in complete) for s in range(len(counts)))
    return Encoded(
        input_ids=tuple(fitted.kept.ids),
        token_type_ids=tuple(fitted.kept.type_ids) if token_types else None,
        word_of_piece=tuple(
            owner[1] if owner is not None and owner in complete else NO_WORD for owner in owners
        ),
        segment_of_piece=tuple(-1 if piece is None else piece[0] for piece in pieces),
        special=tuple(piece is None for piece in pieces),
        offsets=_cover(pieces, spans),
        n_words_kept=n_kept,
        n_words_dropped=sum(counts) - sum(n_kept),
        n_shared=sum(piece is not None and len(piece[2]) > 1 for piece in pieces),
        n_unlocated=sum(found is None for found in spans),
        truncated=fitted.truncated,
        readable={owner[0] for owner in owners if owner} == set(range(len(counts))),
    )


def _pieces_of_words(pieces: _Pieces) -> Counter[tuple[int, int]]:
    """Number of pieces with characters of each (segment, word)."""
    return Counter((piece[0], word) for piece in pieces if piece for word in piece[2])


def _cover(pieces: _Pieces, spans: Sequence[Spans | None]) -> tuple[tuple[int, int], ...]:
    """Extend each piece to the next piece of its word, and the outer ones to the word's ends."""
    covered = []
    for place, piece in enumerate(pieces):
        if piece is None:
            covered.append((0, 0))
            continue
        segment, (start, end), words = piece
        found = spans[segment]
        if not words or found is None:
            covered.append((start, end))
            continue
        before = pieces[place - 1] if place else None
        after = pieces[place + 1] if place + 1 < len(pieces) else None
        first, last = min(words), max(words)
        if before is None or before[0] != segment or first not in before[2]:
            start = min(start, found[first][0])
        following = found[last][1]
        if after is not None and after[0] == segment and last in after[2]:
            following = after[1][0]
        covered.append((start, max(end, following)))
    return tuple(covered)


def word_pooling(
    word_of_piece: Sequence[int], n_words: int, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Mean over the pieces of each word, as a matrix [W, S]; zero rows for words without pieces.

    Multiplied by hidden states [S, D], it gives word vectors [W, D].
    """
    member = _membership(word_of_piece, n_words, dtype)
    return member / member.sum(dim=1, keepdim=True).clamp_min(1)


def word_attention(
    attention: torch.Tensor, word_of_piece: Sequence[int], n_words: int
) -> torch.Tensor:
    """Attention between words [..., W, W] from attention between subwords [..., S, S].

    Attention is summed over the pieces of the target and averaged over those of the source (Clark
    et al. 2019), so that a row and the attention of its word to special tokens sum to 1.

    Args:
        attention: rows are sources, columns are targets; without padding.
        word_of_piece: word of each piece of one sentence, as in `Encoded` [S].
        n_words: number of words W.
    """
    mean = word_pooling(word_of_piece, n_words, attention.dtype).to(attention.device)
    total = _membership(word_of_piece, n_words, attention.dtype).to(attention.device)
    return mean @ attention @ total.T


def _membership(word_of_piece: Sequence[int], n_words: int, dtype: torch.dtype) -> torch.Tensor:
    """A matrix [W, S] with 1 where a piece belongs to a word, else 0."""
    words = torch.tensor(word_of_piece)
    return (words[None, :] == torch.arange(n_words)[:, None]).to(dtype)
