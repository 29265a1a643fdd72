"""Labels of control tasks: random, one for each word type, the same wherever the type stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

SELF, FIRST, LAST = "self", "first", "last"
ATTACHMENTS = (SELF, FIRST, LAST)
"""What a word type is attached to: itself, or the first or the last word of its sentence."""


class ControlLabels:
    """A label of each word type (case-sensitive form), drawn from a distribution.

    The label of a type is where a number between 0 and 1 falls in the cumulative distribution:
    the first 64 bits of SHA-256 of `SEED`, the task and the type, separated by a byte 31. So it
    depends on these and the distribution alone, not on the corpus that the type is met in.

    Args:
        task: name of the task that is controlled.
        seed: of the draw.
        classes: what is drawn [K].
        counts: how often each class is there in the training part [K].
    """

    def __init__(self, task: str, seed: int, classes: Sequence[str], counts: Sequence[int]):
        self._task, self._seed, self.classes = task, seed, tuple(classes)
        shares = np.cumsum(counts, dtype=np.float64)
        self._bounds = shares / shares[-1]
        self.number = lru_cache(maxsize=None)(self._number)

    def of(self, form: str) -> str:
        """The label of a word."""
        return self.classes[self.number(form)]

    def _number(self, form: str) -> int:
        text = f"{self._seed}\x1f{self._task}\x1f{form}".encode()
        drawn = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") / 2**64
        return int(np.searchsorted(self._bounds, drawn, side="right"))

    def table(self, forms: Iterable[str]) -> npt.NDArray[np.float64]:
        """The number of the label of each type, types in the order of their code points [F]."""
        return np.array([self.number(form) for form in sorted(set(forms))], dtype=np.float64)


def attached(
    labels: ControlLabels, form: str, place: int, kept: Sequence[int]
) -> tuple[int, tuple[int, ...]]:
    """The place that a word is attached to, and those that it could have been attached to.

    First and last are those words that the model reads.
    """
    ends = {SELF: place, FIRST: kept[0], LAST: kept[-1]}
    head = ends[labels.of(form)]
    return head, tuple(sorted({*ends.values()} - {head}))


def types_hash(forms: Iterable[str]) -> str:
    """SHA-256 of the word types, one per line, in the order of `ControlLabels.table`."""
    return hashlib.sha256("\n".join(sorted(set(forms))).encode()).hexdigest()
