"""Positions of the words of a sentence in its raw text."""

from __future__ import annotations

from collections.abc import Sequence

from .sentence import Sentence

Spans = tuple[tuple[int, int], ...]


def joined_spans(words: Sequence[str]) -> Spans:
    """(start, end) of each word in the words joined by single spaces [W]."""
    spans, start = [], 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + 1
    return tuple(spans)


def locate_words(words: Sequence[str], text: str) -> Spans | None:
    """(start, end) of each word [W] in a text that consists of these words and white space.

    White space is ignored: the text may have it inside a word, and may lack it where a word has it.

    Returns:
        None if words and text differ in more than white space.
    """
    places = [place for place, letter in enumerate(text) if not letter.isspace()]
    spans, done = [], 0
    for word in words:
        letters = "".join(word.split())
        mine = places[done : done + len(letters)]
        if [text[place] for place in mine] != list(letters):
            return None
        done += len(letters)
        if mine:
            spans.append((mine[0], mine[-1] + 1))
        else:
            here = spans[-1][1] if spans else 0
            spans.append((here, here))
    return tuple(spans) if done == len(places) else None


def word_spans(sentence: Sentence) -> Spans | None:
    """(start, end) of each word in `sentence.raw_text()` [W]: its `spans`, else found by search.

    Returns:
        None if there is a text that does not consist of the words.
    """
    if sentence.spans:
        return sentence.spans
    if sentence.text is None:
        return joined_spans(sentence.words)
    return locate_words(sentence.words, sentence.text)
