"""Surface tokens of a treebank: the words of a multiword token are merged into its written form.

UD trees connect syntactic words: `don't` is `do` and `n't`, French `du` is `de` and `le`. A surface
token takes the head, relation and tags of its outermost word, the one nearest to the root (the
first of several). Words that depend on any of its words depend on the token. Arcs inside the token
and the heads of its other words are removed. The result is a tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import DataFileError
from .sentence import ROOT, Sentence


@dataclass(frozen=True)
class MultiwordToken:
    """A range of syntactic words with one written form.

    Attributes:
        first: index of its first word, counted from 0.
        last: index of its last word.
        form: the written form; empty = the concatenation of its words.
    """

    first: int
    last: int
    form: str


def with_surface_tokens(sentence: Sentence, tokens: Sequence[MultiwordToken]) -> Sentence:
    """Replace the words of multiword tokens in a sentence by the tokens.

    Args:
        sentence: a sentence of W syntactic words.
        tokens: its multiword tokens, in order.

    Raises:
        DataFileError: if a token is empty, overlaps another one or exceeds the sentence.
    """
    end = -1
    for token in tokens:
        if not end < token.first <= token.last < len(sentence.words):
            raise DataFileError(
                f"multiword token {token.first + 1}-{token.last + 1} does not match the "
                "words of the sentence",
                where=f"sentence {sentence.id!r}",
            )
        end = token.last
    if not tokens:
        return sentence
    last_of = {token.first: token.last for token in tokens}
    groups: list[range] = []
    while (place := groups[-1].stop if groups else 0) < len(sentence.words):
        groups.append(range(place, last_of.get(place, place) + 1))
    outermost = [_outermost(sentence.heads, group) for group in groups]
    number = {word: k for k, group in enumerate(groups) for word in group} | {ROOT: ROOT}
    changed: dict[str, Any] = {
        layer: tuple(values[word] for word in outermost)
        for layer in ("upos", "xpos", "feats", "deprels", "entities", "chunks")
        if (values := getattr(sentence, layer))
    }
    if sentence.heads:
        changed["heads"] = tuple(number[sentence.heads[word]] for word in outermost)
    # positions in the raw text, if the sentence has them
    if spans := getattr(sentence, "spans", ()):
        changed["spans"] = tuple((spans[one[0]][0], spans[one[-1]][1]) for one in groups)
    forms = {token.first: token.form for token in tokens}
    words = tuple(
        forms.get(one[0]) or "".join(sentence.words[one[0] : one[-1] + 1]) for one in groups
    )
    return replace(sentence, words=words, **changed)


def _outermost(heads: Sequence[int], group: range) -> int:
    """The word of a group nearest to the root; the first if there are several or no tree."""

    def depth(word: int) -> int:
        steps = 0
        while (word := heads[word]) != ROOT:
            steps += 1
        return steps

    return min(group, key=depth) if heads and len(group) > 1 else group[0]
