"""Generated strings of tokens: random ones, and pairs of parentheses (Papadimitriou & Jurafsky).

Isabel Papadimitriou and Dan Jurafsky (2020), "Learning Music Helps You Read: Using Transfer to
Study Linguistic Structure in Language Models", EMNLP, section 4.2. Differences from their corpora:
a string is a text of its own, not a window of one stream, so that every parenthesis is closed in
it; and the distances of flat parentheses are drawn from those of nested ones of the same length
(theirs are dependency lengths of a treebank). Where the drawn distance is not free the nearest one
is taken, so that flat distances are about 7% shorter in the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, UnknownNameError
from .kinds import KINDS, LENGTHS, Lengths

OPEN = 0.4
"""Chance that nested parentheses open a new pair rather than close the last one, as published. (The
published code draws with a chance of .5.)"""

_OFFSET = 2.7
"""Offset of the ranks in the law of Zipf and Mandelbrot (Piantadosi 2014)."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StringOptions:
    """What strings are made of.

    Attributes:
        vocabulary: number of tokens.
        shortest: tokens of the shortest string.
        longest: tokens of the longest string. Strings of parentheses whose length would be odd are
            one token shorter.
        lengths: `uniform` from shortest to longest, or `geometric`: each further token is less
            probable by the same factor, the mean being a quarter of the way to the longest.
        exponent: of the Zipfian distribution: the token of rank r has a probability proportional to
            (r + 2.7) ** -exponent. Parentheses draw their tokens from it as well; 0 = uniform.

    Raises:
        ConfigError: for a value out of range.
    """

    vocabulary: int = 500
    shortest: int = 8
    longest: int = 64
    lengths: Lengths = "uniform"
    exponent: float = 1.0

    def __post_init__(self) -> None:
        if self.vocabulary < 2:
            raise ConfigError(f"vocabulary must be >= 2, got {self.vocabulary}")
        if not 2 <= self.shortest <= self.longest:
            raise ConfigError(
                f"shortest must be >= 2 and at most longest, got {self.shortest} and {self.longest}"
            )
        if self.longest < 4:
            raise ConfigError(f"longest must be >= 4, got {self.longest}")
        if not 0 <= self.exponent < float("inf"):
            raise ConfigError(f"exponent must be >= 0, got {self.exponent:g}")
        if self.lengths not in LENGTHS:
            raise UnknownNameError("distribution of lengths", self.lengths, LENGTHS)


@dataclass(frozen=True)
class TokenString:
    """One string.

    Attributes:
        tokens: numbers from 0 below the size of the vocabulary; 0 is the most frequent one.
        pairs: (opening, closing) positions of its parentheses; none in random strings. Both have
            the same token, as published.
    """

    tokens: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...] = ()


def generate_strings(
    kind: str, count: int, options: StringOptions | None = None, *, seed: int = 0
) -> list[TokenString]:
    """Generate strings of one kind; the same seed gives the same strings.

    - `uniform`, `zipf`: independent tokens.
    - `nested`: at each position a parenthesis is opened with a chance of .4, or the one that was
      opened last is closed; towards the end of the string all are closed.
    - `flat`: each free position from the left opens a pair. It is closed at the free position
      nearest to a distance that is drawn from the distances of a nested string of the same length.

    Args:
        kind: one of `KINDS`.
        count: number of strings.
        options: vocabulary and lengths.
        seed: not negative.

    Raises:
        UnknownNameError: for another kind.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of strings", kind, KINDS)
    options = options or StringOptions()
    generator = np.random.default_rng((seed, KINDS.index(kind), 20))
    chances = token_chances(0.0 if kind == "uniform" else options.exponent, options.vocabulary)
    found = []
    for length in _lengths(count, options, generator).tolist():
        if kind in ("zipf", "uniform"):
            tokens = generator.choice(options.vocabulary, size=length, p=chances)
            found.append(TokenString(tuple(tokens.tolist())))
            continue
        length -= length % 2
        pairs = _nested(length, generator)
        if kind == "flat":
            pairs = _flat(length, [close - begin for begin, close in pairs], generator)
        drawn = generator.choice(options.vocabulary, size=len(pairs), p=chances)
        placed = np.empty(length, dtype=np.int64)
        for (begin, close), token in zip(pairs, drawn.tolist(), strict=True):
            placed[[begin, close]] = token
        found.append(TokenString(tuple(placed.tolist()), tuple(pairs)))
    return found


def token_chances(exponent: float, vocabulary: int) -> npt.NDArray[np.float64]:
    """Probability of each token [V], the most frequent first: (rank + 2.7) ** -exponent."""
    weights = (np.arange(1, vocabulary + 1) + _OFFSET) ** -exponent
    return np.asarray(weights / weights.sum())


def _lengths(count: int, options: StringOptions, generator: np.random.Generator) -> Ints:
    low, high = options.shortest, options.longest
    if options.lengths == "uniform":
        return generator.integers(low, high + 1, size=count)
    more = np.arange(high - low + 1)
    # the mean of an untruncated geometric law with this chance to stop
    stop = 1 / (1 + (high - low) / 4)
    chances = (1 - stop) ** more
    return low + generator.choice(len(more), size=count, p=chances / chances.sum())


def _nested(length: int, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of a string of even length, in the order in which they open."""
    opens = generator.random(length) < OPEN
    stack: list[int] = []
    closing: dict[int, int] = {}
    for place in range(length):
        left = length - place
        if len(stack) < left and (opens[place] or not stack):
            stack.append(place)
        else:
            closing[stack.pop()] = place
    return sorted(closing.items())


def _flat(
    length: int, distances: Sequence[int], generator: np.random.Generator
) -> list[tuple[int, int]]:
    """Pairs of the same string length whose distances are drawn independently."""
    free = np.ones(length, dtype=bool)
    wanted = generator.permutation(distances)
    found = []
    for distance in wanted.tolist():
        begin = int(np.argmax(free))
        free[begin] = False
        places = np.flatnonzero(free)
        # of two equally near places the earlier one
        close = int(places[np.argmin(np.abs(places - (begin + distance)))])
        free[close] = False
        found.append((begin, close))
    return found
