"""Where the words of a sentence stand in its raw text."""

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
    """(start, end) of each word in a text that they make up, white space apart [W].

    White space may stand anywhere: between words, inside a word that has none there, and missing
    where the word has some.

    Returns:
        None if the words, without white space, are not the text without white space.
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
    """(start, end) of each word in `sentence.raw_text()` [W], as given or looked for.

    Returns:
        None if there is a text that the words do not make up.
    """
    if sentence.spans:
        return sentence.spans
    if sentence.text is None:
        return joined_spans(sentence.words)
    return locate_words(sentence.words, sentence.text)
