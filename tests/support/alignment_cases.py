"""Words that are hard to align, and what must hold of every alignment."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from subprobe.data.encoding.alignment import NO_WORD, Encoded
from subprobe.data.sentences.sentence import Sentence
from subprobe.data.sentences.spans import Spans, joined_spans

SPELLED = ("[SEP]", "[CLS]", "[PAD]", "[MASK]", "[UNK]", "<s>", "</s>", "<pad>", "<mask>", "<unk>")
ODD = (
    "👩‍👩‍👧",  # one family, five code points
    "🇩🇪",
    "e\u0301tude",  # e with a combining accent
    "\u0301",
    "\u200b",  # zero width, alone and inside
    "in\u200bside",
    "\ufeff",
    "中文字",
    "ﬁne",
    "＜s＞",  # full width: compatibility normalisation makes <s> of it
    "x<s>y",
    "[SEP][SEP]",
    "don't",
    "a-b",
    "ǅungla",
    "İstanbul",
    "ß",
    "\x00",
    "\x7f",
    "½",
    "ศูนย์",
)
letters = st.characters(exclude_categories=("Cs", "Zs", "Zl", "Zp")).filter(
    lambda letter: not letter.isspace()
)
words = st.one_of(
    st.text(letters, min_size=1, max_size=8),
    st.text("abcdefgh", min_size=1, max_size=8),
    st.sampled_from(SPELLED + ODD),
)
texts = st.lists(words, min_size=1, max_size=8)


def sentence(found: list[str], name: str = "s") -> Sentence:
    """Words without annotation."""
    return Sentence(id=name, words=tuple(found))


def pieces_by_word(encoded: Encoded) -> dict[tuple[int, int], list[int]]:
    """(segment, word) -> places of its pieces, in order."""
    found: dict[tuple[int, int], list[int]] = {}
    for place, owner in enumerate(
        zip(encoded.segment_of_piece, encoded.word_of_piece, strict=True)
    ):
        if owner[1] != NO_WORD:
            found.setdefault(owner, []).append(place)
    return found


def check_invariants(
    tokenizer: Any,
    encoded: Encoded,
    segments: list[list[str]],
    spans: list[Spans] | None = None,
) -> None:
    """Specials are the tokenizer's own; words are whole, in order, and counted where lost.

    Args:
        tokenizer: what encoded.
        encoded: what it gave.
        segments: the words of each sentence.
        spans: where they stand in raw texts, whose pieces may reach over words; None for words
            that were read alone.
    """
    alone = spans is None
    spans = spans or [joined_spans(words) for words in segments]
    n = len(encoded.input_ids)
    assert {len(encoded.word_of_piece), len(encoded.segment_of_piece), len(encoded.special)} == {n}
    # what the tokenizer put there is special, and nothing else is
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    for id, added, segment, word in zip(
        encoded.input_ids,
        encoded.special,
        encoded.segment_of_piece,
        encoded.word_of_piece,
        strict=True,
    ):
        assert (id in special) == added
        assert (segment == -1) == added
        assert word == NO_WORD or not added
    # monotone: a word's pieces are neighbours and words come in order
    owners = [
        pair
        for pair in zip(encoded.segment_of_piece, encoded.word_of_piece, strict=True)
        if pair[1] != NO_WORD
    ]
    assert owners == sorted(owners)
    grouped = pieces_by_word(encoded)
    for (segment, word), places in grouped.items():
        assert places == list(range(places[0], places[-1] + 1))
        covered: set[int] = set()
        for place in places:
            start, end = encoded.offsets[place]
            first, last = spans[segment][word]
            assert first <= start <= end <= last or not alone
            assert start < last or start == end
            covered.update(range(start, end))
        wanted = set(range(*spans[segment][word]))
        assert covered >= wanted if alone else covered & wanted
    # every word is kept or counted as dropped
    for segment in range(len(segments)):
        assert encoded.n_words_kept[segment] == sum(owner[0] == segment for owner in grouped)
    total = sum(len(segment) for segment in segments)
    assert encoded.n_words_dropped == total - sum(encoded.n_words_kept)
