"""Candidates of a masked language model: what it expects in the place of a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...data.encoding.literal import encode_literally
from ...models.encoder.anatomy import max_tokens
from ...models.language.masked import masked_top_k
from ...models.language.masked_inputs import MaskedText
from .attacked_text import AttackedText
from .sources import Found, Source, replaceable, spelled

_STARTS = ("Ġ", "▁")
_INSIDE = "##"
_SURPLUS = 4
"""Pieces that are looked at for each candidate: not every piece is a word."""


def from_language_model(model: Any, tokenizer: Any, count: int) -> Source:
    """The most probable words in the place of each word, which is masked as a single piece.

    Words beyond the positions of the model have none.

    Args:
        model: a model of `load_language_model`.
        tokenizer: its tokenizer.
        count: maximum number of candidates of a word.
    """
    words = whole_words(tokenizer)

    def found(texts: Sequence[AttackedText], tags: Sequence[Sequence[str]]) -> Found:
        asked: list[MaskedText] = []
        wanted: list[tuple[int, int]] = []
        fitted = encode_literally(
            tokenizer, [text.text for text in texts], pre_split=False, max_length=max_tokens(model)
        )
        for place, (text, one) in enumerate(zip(texts, fitted, strict=True)):
            ids, spans, offsets = one.kept.ids, text.spans(), one.kept.offsets
            for number in replaceable(text):
                start, end = spans[number]
                inside = [at for at, (first, last) in enumerate(offsets)
                          if first < end and last > start]  # fmt: skip
                if inside:
                    at = inside[0]
                    masked = (*ids[:at], ids[at], *ids[inside[-1] + 1 :])
                    asked.append(MaskedText(tuple(masked), (at,), (at,)))
                    wanted.append((place, number))
        result: Found = [{} for _ in texts]
        if not asked or not count:
            return result
        k = min(count * _SURPLUS, int(model.config.vocab_size))
        for (place, number), top in zip(
            wanted, masked_top_k(model, tokenizer, asked, k), strict=True
        ):
            own = texts[place].words[number]
            likely = (words[piece] for piece in top[0].tolist() if piece in words)
            result[place][number] = spelled(tuple(likely), own)[:count]
        return result

    return found


def whole_words(tokenizer: Any) -> dict[int, str]:
    """Id -> word, of the pieces that are words of letters."""
    vocabulary = tokenizer.get_vocab()
    marked = any(piece.startswith(_STARTS) for piece in vocabulary)
    special = set(tokenizer.all_special_ids)
    found = {}
    for piece, number in vocabulary.items():
        starts = piece.startswith(_STARTS) if marked else not piece.startswith(_INSIDE)
        word = piece.lstrip("".join(_STARTS)) if marked else piece
        if starts and word.isalpha() and number not in special:
            found[int(number)] = word
    return found
