"""Synonyms and antonyms of WordNet 3.0, for words of the embedded encoder's vocabulary.

`resources/wordnet/synonyms.tsv.gz` is made by `benchmarks/make_wordnet.py`; WordNet's licence is in
the same folder.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

TAGS = {"NOUN": "n", "PROPN": "n", "VERB": "v", "AUX": "v", "ADJ": "a", "ADV": "r"}
"""Universal tag -> WordNet's part of speech."""


@dataclass(frozen=True)
class WordNet:
    """Related words of single words in lower case, inflected alike.

    Attributes:
        synonyms: (word, part of speech) -> its synonyms, those of the most frequent sense first.
        antonyms: word -> its antonyms in any part of speech.
    """

    synonyms: Mapping[tuple[str, str], tuple[str, ...]]
    antonyms: Mapping[str, frozenset[str]]

    def synonyms_of(self, word: str, tag: str) -> tuple[str, ...]:
        """The synonyms of a word.

        Args:
            word: in any case.
            tag: its universal part of speech; none has synonyms that WordNet does not cover.
        """
        return self.synonyms.get((word.lower(), TAGS.get(tag, "")), ())

    def antonyms_of(self, word: str) -> frozenset[str]:
        """The antonyms of a word in any case, as any part of speech."""
        return self.antonyms.get(word.lower(), frozenset())


@cache
def wordnet() -> WordNet:
    """The table that subprobe ships."""
    packed = files("subprobe.data").joinpath("resources", "wordnet", "synonyms.tsv.gz").read_bytes()
    synonyms: dict[tuple[str, str], tuple[str, ...]] = {}
    antonyms: defaultdict[str, set[str]] = defaultdict(set)
    for line in gzip.decompress(packed).decode("utf-8").splitlines():
        word, tag, same, other = line.split("\t")
        if same:
            synonyms[word, tag] = tuple(same.split(" "))
        for one in other.split(" ") if other else ():
            # an inflected form may be missing on one side
            antonyms[word].add(one)
            antonyms[one].add(word)
    return WordNet(synonyms, {word: frozenset(other) for word, other in antonyms.items()})
