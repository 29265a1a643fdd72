"""A text whose words can be replaced one by one, with everything between them unchanged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from ...data.sentences.annotate import unicode_words
from ...data.sentences.sentence import Example
from ...data.words.tags import Spelled

_NEGATED = ("n't", "n’t")
_AROUND = 4
"""Tokens on each side that a tagger reads of longer texts, as in the authors' code."""
_SHORT = 10


@dataclass(frozen=True)
class AttackedText:
    """The text of an example that an attack may change: the only one, or the second of a pair.

    Attributes:
        before: the other texts that the model reads before it.
        tokens: words and punctuation.
        gaps: what stands before each token, and after the last one.
        places: which tokens are words: those with a letter or digit [W].
    """

    before: tuple[str, ...]
    tokens: tuple[str, ...]
    gaps: tuple[str, ...]
    places: tuple[int, ...]

    @classmethod
    def of(cls, example: Example) -> AttackedText:
        """The text of an example, split into words between Unicode word boundaries (UAX #29)."""
        *before, text = example.texts()
        tokens: list[str] = []
        gaps: list[str] = []
        at = 0
        for token in unicode_words(text):
            start = text.index(token, at)
            gaps.append(text[at:start])
            tokens.append(token)
            at = start + len(token)
        places = [n for n, token in enumerate(tokens) if any(map(str.isalnum, token))]
        return cls(tuple(before), tuple(tokens), (*gaps, text[at:]), tuple(places))

    @property
    def words(self) -> tuple[str, ...]:
        """The W words."""
        return tuple(self.tokens[place] for place in self.places)

    @cached_property
    def text(self) -> str:
        """The text itself."""
        joined = (part for pair in zip(self.gaps, self.tokens, strict=False) for part in pair)
        return "".join(joined) + self.gaps[-1]

    def spans(self) -> list[tuple[int, int]]:
        """(start, end) of each word in the text, in characters [W]."""
        ends: list[int] = []
        at = 0
        for gap, token in zip(self.gaps, self.tokens, strict=False):
            at += len(gap) + len(token)
            ends.append(at)
        return [(ends[place] - len(self.tokens[place]), ends[place]) for place in self.places]

    @property
    def read(self) -> tuple[str, ...]:
        """What the model reads: one text or two."""
        return (*self.before, self.text)

    def with_word(self, number: int, word: str) -> AttackedText:
        """The text with another word in the place of word `number`, spelled as it is."""
        place = self.places[number]
        return replace(self, tokens=(*self.tokens[:place], word, *self.tokens[place + 1 :]))

    def without(self, number: int) -> tuple[str, ...]:
        """What the model reads without a word and the gap before it (for the first: after it)."""
        place = self.places[number]
        gaps = list(self.gaps)
        gaps[place or 1] = ""
        return replace(
            self, tokens=(*self.tokens[:place], "", *self.tokens[place + 1 :]), gaps=tuple(gaps)
        ).read

    def window(self, number: int, size: int) -> str:
        """The part of the text of at most `size` words around word `number`.

        As in the authors' code, it is moved inwards at the ends of the text.
        """
        half = (size - 1) // 2
        first = min(max(0, number - half), max(0, len(self.places) - size))
        last = min(first + size, len(self.places)) - 1
        start, end = self.places[first], self.places[last]
        parts = [self.tokens[start]]
        for place in range(start + 1, end + 1):
            parts += [self.gaps[place], self.tokens[place]]
        return "".join(parts)

    def spelled(self) -> Spelled:
        """All tokens."""
        return self._spelled(0, len(self.tokens))

    def context(self, number: int) -> tuple[Spelled, int]:
        """What is tagged to find the part of speech of word `number`, and its place therein."""
        place = self.places[number]
        if len(self.tokens) <= _SHORT:
            return self.spelled(), place
        start = max(0, place - _AROUND)
        return self._spelled(start, min(len(self.tokens), place + _AROUND + 1)), place - start

    def _spelled(self, start: int, end: int) -> Spelled:
        spaces = tuple(gap.isspace() for gap in self.gaps[start + 1 : end + 1])
        return Spelled(self.tokens[start:end], spaces)


def is_stop_word(word: str) -> bool:
    """Whether a word is never replaced: spaCy's stop words, and every negated verb."""
    from spacy.lang.en.stop_words import STOP_WORDS

    lower = word.lower()
    return lower in STOP_WORDS or lower.endswith(_NEGATED)


def cased(word: str, like: str) -> str:
    """A word in capitals, or with a capital, where the word that it replaces is written so."""
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if like[:1].isupper() else word
