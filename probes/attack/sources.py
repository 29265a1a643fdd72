"""Where the candidates for a word come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from ...data.files.word_vectors import read_word_vectors
from ...data.words.glove import glove_space
from ...data.words.neighbours import VectorSpace
from ...data.words.wordnet import wordnet
from .attacked_text import AttackedText, cased, is_stop_word

Name = Literal["wordnet", "vectors", "glove", "mlm"]
Found = list[dict[int, tuple[str, ...]]]
"""For each text, number of a word -> its candidates, spelled as they would stand in the text."""


class Source(Protocol):
    """What finds candidates."""

    def __call__(self, texts: Sequence[AttackedText], tags: Sequence[Sequence[str]]) -> Found:
        """The candidates for the words of N texts that are not stop words.

        Args:
            texts: N texts.
            tags: the parts of speech of their words [N][W].
        """


def from_wordnet(count: int) -> Source:
    """Synonyms of WordNet, of the part of speech that the word has in the text.

    Args:
        count: maximum number of candidates of a word.
    """
    table = wordnet()

    def found(texts: Sequence[AttackedText], tags: Sequence[Sequence[str]]) -> Found:
        return [
            {
                number: spelled(table.synonyms_of(text.words[number], own[number])[:count],
                                 text.words[number])
                for number in replaceable(text)
            }
            for text, own in zip(texts, tags, strict=True)
        ]  # fmt: skip

    return found


def from_space(space: VectorSpace, count: int, min_cosine: float, *, filtered: bool) -> Source:
    """The nearest words in a space of vectors.

    Args:
        space: the vectors.
        count: maximum number of neighbours, before the filter.
        min_cosine: their minimum cosine similarity.
        filtered: whether antonyms (WordNet) and neighbours that are not words are left out.
    """
    opposites = wordnet().antonyms_of if filtered else lambda word: frozenset[str]()

    def found(texts: Sequence[AttackedText], tags: Sequence[Sequence[str]]) -> Found:
        words = {text.words[n].lower() for text in texts for n in replaceable(text)}
        near = space.nearest(sorted(words), count=count, min_cosine=min_cosine)

        def of(word: str) -> tuple[str, ...]:
            lower = word.lower()
            kept = near.get(lower, ())
            if filtered:
                kept = tuple(one for one in kept if one.isalpha() and one not in opposites(lower))
            return spelled(kept, word)

        return [{n: of(text.words[n]) for n in replaceable(text)} for text in texts]

    return found


def from_vectors(path: Path | str, count: int, min_cosine: float) -> Source:
    """The nearest words in the vectors of a file, as published for counter-fitted vectors.

    Raises:
        DataFileError: if the file is missing or damaged.
    """
    read = read_word_vectors(path, None)
    return from_space(VectorSpace(list(read.rows), read.numbers), count, min_cosine, filtered=False)


def from_glove(count: int, min_cosine: float) -> Source:
    """The nearest words in GloVe vectors, without antonyms.

    Raises:
        ConfigError: if the vectors are not installed.
    """
    return from_space(glove_space(), count, min_cosine, filtered=True)


def replaceable(text: AttackedText) -> list[int]:
    """Numbers of the words that are not stop words."""
    return [number for number, word in enumerate(text.words) if not is_stop_word(word)]


def spelled(candidates: Sequence[str], word: str) -> tuple[str, ...]:
    """Different candidates in the spelling of a word, without the word itself."""
    every = dict.fromkeys(cased(one, word) for one in candidates)
    return tuple(one for one in every if one.lower() != word.lower())
