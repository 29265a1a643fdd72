"""Labels of lines in a chart, merged where they would overprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..wording import decimal

LINE_HEIGHT = 13
"""Pixels of one line of a label."""
LETTER_WIDTH = 6.4
"""Pixels of an average letter of a label in 12 pixels."""


@dataclass(frozen=True)
class Label:
    """The label of one line or of several that are near each other.

    Attributes:
        at: centre of the label in pixels, on the axis of the lines.
        lines: what it says, one text per line.
    """

    at: float
    lines: tuple[str, ...]

    @property
    def low(self) -> float:
        """Its first pixel."""
        return self.at - LINE_HEIGHT * len(self.lines) / 2

    @property
    def high(self) -> float:
        """Its last pixel."""
        return self.at + LINE_HEIGHT * len(self.lines) / 2


def merged_labels(
    named: Sequence[tuple[str, float]], low: float, high: float, pixels: float
) -> list[Label]:
    """Labels beside an axis, none of which covers another.

    Lines with the same printed value share one line of text ("majority and bag-of-words .500").
    Labels that would overlap become one label with several lines, and a label that would leave
    the axis is moved inside.

    Args:
        named: name and value of each line.
        low: value at pixel 0.
        high: value at the last pixel, other than `low`.
        pixels: length of the axis.
    """
    groups = [[one] for one in sorted(named, key=lambda pair: pair[1])]
    while True:
        labels = [_label(group, low, high, pixels) for group in groups]
        near = [
            place
            for place in range(len(labels) - 1)
            if labels[place].high > labels[place + 1].low
            or _text(groups[place][-1]) == _text(groups[place + 1][0])
        ]
        if not near:
            return labels
        groups[near[0] : near[0] + 2] = [groups[near[0]] + groups[near[0] + 1]]


def _text(pair: tuple[str, float]) -> str:
    return decimal(pair[1], 3)


def joined(names: Sequence[str]) -> str:
    """Names as a list in a sentence: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _label(group: list[tuple[str, float]], low: float, high: float, pixels: float) -> Label:
    names: dict[str, list[str]] = {}
    # the highest value stands on top, where its line is
    for pair in reversed(group):
        names.setdefault(_text(pair), []).insert(0, pair[0])
    lines = tuple(f"{joined(some)} {value}" for value, some in names.items())
    middle = sum(value for _, value in group) / len(group)
    half = LINE_HEIGHT * len(lines) / 2
    place = pixels * (middle - low) / (high - low)
    return Label(min(max(place, half), max(pixels - half, half)), lines)
