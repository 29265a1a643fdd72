"""A minimal pair: two sentences that differ in what makes one of them unacceptable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataFileError

_INSIDE = frozenset("'’-_")
"""Characters that are part of a word between its letters."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One minimal pair.

    Attributes:
        id: unique in its suite.
        good: the acceptable sentence.
        bad: the unacceptable sentence.
        paradigm: the set of pairs that test the same thing.
        field: the field of linguistics; empty = not given.
        term: the phenomenon or the template within the paradigm; empty = not given.
        attractors: nouns between subject and verb whose number differs from the subject's; None =
            not given.
        group: the source that it shares with other pairs; empty = it stands alone.
        source: name of the file, or of the generator.
        place: its place there, such as `line 12`.
    """

    id: str
    good: str
    bad: str
    paradigm: str
    field: str = ""
    term: str = ""
    attractors: int | None = None
    group: str = ""
    source: str = ""
    place: str = ""


@dataclass(frozen=True)
class Suite:
    """The pairs of one file or generator.

    Attributes:
        name: name of the file or generator.
        collection: the published collection that it is a part of, or its own name.
        pairs: at least one pair.
        skipped: reason -> number of pairs that were left out.
    """

    name: str
    collection: str
    pairs: tuple[Pair, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)


def checked_suite(
    path: Path,
    pairs: list[Pair],
    skipped: Mapping[str, int] | None = None,
    *,
    collection: str = "",
) -> Suite:
    """A suite whose pairs have two different sentences each and unique ids.

    Args:
        path: the file; without `collection` its name is that of the collection.
        pairs: its pairs.
        skipped: reason -> number of pairs that were left out.
        collection: the published collection that the file is a part of.

    Raises:
        DataFileError: naming the file and the line, or if there are no pairs.
    """
    places: dict[str, str] = {}
    for pair in pairs:
        for name, text in (("good", pair.good), ("bad", pair.bad)):
            if not text.strip():
                raise _at(path, pair.place, f"the {name} sentence is empty")
        if pair.good.split() == pair.bad.split():
            raise _at(path, pair.place, "the two sentences of the pair are equal")
        if pair.id in places:
            raise _at(path, pair.place, f"has the id {pair.id!r} of {places[pair.id]}")
        places[pair.id] = pair.place
    if not pairs:
        raise DataFileError("contains no usable pairs", where=str(path))
    return Suite(path.name, collection or path.name, tuple(pairs), dict(skipped or {}))


def _at(path: Path, place: str, problem: str) -> DataFileError:
    return DataFileError(problem, where=f"{path}, {place}", remedy="correct or remove the pair")


@dataclass(frozen=True, slots=True)
class WordChange:
    """The one word in which two sentences differ.

    Attributes:
        start: its first character, in both sentences.
        good_end: one past its last character in the good sentence.
        bad_end: the same in the bad sentence.
    """

    start: int
    good_end: int
    bad_end: int


def word_change(good: str, bad: str) -> WordChange | None:
    """The word in which two sentences differ; None if they differ in any other way.

    A word consists of letters and digits, and of apostrophes and hyphens between them.
    """
    if good == bad:
        return None
    shorter = min(len(good), len(bad))
    start = next((at for at in range(shorter) if good[at] != bad[at]), shorter)
    common = next(
        (at for at in range(shorter - start) if good[-1 - at] != bad[-1 - at]), shorter - start
    )
    good_end, bad_end = len(good) - common, len(bad) - common
    while start and _is_inside(good, start - 1):
        start -= 1
    while common and _is_inside(good, good_end):
        good_end, bad_end, common = good_end + 1, bad_end + 1, common - 1
    if not (_is_word(good[start:good_end]) and _is_word(bad[start:bad_end])):
        return None
    return WordChange(start, good_end, bad_end)


def _is_inside(text: str, at: int) -> bool:
    """Whether a character is part of a word."""
    if text[at].isalnum():
        return True
    around = text[max(0, at - 1) : at + 2]
    return text[at] in _INSIDE and len(around) == 3 and around[0].isalnum() and around[2].isalnum()


def _is_word(text: str) -> bool:
    return bool(text) and all(_is_inside(text, at) for at in range(len(text)))
