"""The pieces of texts as a masked language model reads them, and what is masked of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...data.encoding.literal import encode_literally, makes_token_types
from ...models.language.masked_inputs import MaskedText


@dataclass(frozen=True, slots=True)
class Pieces:
    """One text as S pieces.

    Attributes:
        ids: piece ids [S], special tokens included.
        segments: segment ids [S]; empty where the family has none.
        places: positions of the pieces of the text itself, special tokens excluded.
        words: number of the word of each piece as the tokenizer splits words [S]; -1 for special
            tokens.
        offsets: (start, end) of each piece in characters, without leading white space [S].
        truncated: whether the text is longer than the model reads.
    """

    ids: tuple[int, ...]
    segments: tuple[int, ...]
    places: tuple[int, ...]
    words: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    truncated: bool

    def one_masked(self, place: int) -> MaskedText:
        """The text with one piece masked, whose probability is asked for."""
        return MaskedText(self.ids, (place,), (place,), self.segments)

    def rest_masked(self, place: int) -> MaskedText:
        """The same with the following pieces of its word masked too (Kauf & Ivanova 2023, ACL)."""
        end = place + 1
        while end < len(self.words) and self.words[end] == self.words[place]:
            end += 1
        return MaskedText(self.ids, tuple(range(place, end)), (place,), self.segments)

    def inside(self, start: int, end: int) -> tuple[int, ...]:
        """Positions of the pieces with characters between `start` and `end`."""
        return tuple(
            at for at in self.places if self.offsets[at][0] < end and self.offsets[at][1] > start
        )


def pieces_of(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[Pieces]:
    """Encode texts; text that spells a special token is read as text.

    Args:
        tokenizer: a fast tokenizer of transformers.
        texts: N texts.
        max_length: maximum number of pieces, special tokens included.

    Raises:
        CheckpointError: if the tokenizer is not a fast one.
        ConfigError: if `max_length` leaves no room for text.
    """
    types = makes_token_types(tokenizer)
    found = []
    for text, fitted in zip(
        texts,
        encode_literally(tokenizer, list(texts), pre_split=False, max_length=max_length),
        strict=True,
    ):
        kept = fitted.kept
        own = [segment is not None for segment in kept.sequence_ids]
        found.append(
            Pieces(
                tuple(kept.ids),
                tuple(kept.type_ids) if types else (),
                tuple(at for at, is_own in enumerate(own) if is_own),
                tuple(-1 if word is None else word for word in kept.word_ids),
                tuple(_stripped(text, *span) for span in kept.offsets),
                fitted.truncated,
            )
        )
    return found


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without leading white space, which some tokenizers count to a word."""
    while start < end and text[start].isspace():
        start += 1
    return start, end
