"""Which pieces of a text are masked, and what is read in their place.

Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers", section 3.1: 15% of
the pieces are chosen; 80% of these become the mask token, 10% a random piece, and 10% stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SHARE = 0.15
"""Share of the pieces, or of the words, that is chosen."""

MASKED, RANDOM = 0.8, 0.1
"""Share of the chosen pieces that becomes the mask token, and that becomes a random piece."""

IGNORED = -100
"""Label of a piece that is not asked for: the value that PyTorch's cross-entropy leaves out."""


@dataclass(frozen=True)
class Vocabulary:
    """What masking needs to know of a tokenizer.

    Attributes:
        mask: id of the mask token.
        replacements: ids that a random piece is drawn from: all without the special tokens.
        size: number of pieces V, special tokens included.
    """

    mask: int
    replacements: npt.NDArray[np.int64]
    size: int


@dataclass(frozen=True)
class Pieces:
    """One text as the model reads it before anything is masked.

    Attributes:
        ids: piece ids [S], special tokens included.
        types: segment of each piece [S].
        words: number of the word that each piece belongs to [S]; None for special tokens, which are
            never chosen.
        key: what the draw depends on beside the seed: the id of the text and the text.
    """

    ids: tuple[int, ...]
    types: tuple[int, ...]
    words: tuple[int | None, ...]
    key: str


def masked(
    pieces: Pieces, vocabulary: Vocabulary, *, whole_words: bool, seed: int, draw: int = 0
) -> tuple[list[int], list[int]]:
    """Mask a text.

    Every piece is chosen with probability `SHARE`, independently of the others; with whole words
    every word is, with all of its pieces. What stands in its place is drawn for each piece. The
    result depends on the text with its id, the seed and the draw alone, not on other texts, their
    order or the size of batches.

    Args:
        pieces: the text, S pieces.
        vocabulary: of the tokenizer.
        whole_words: choose words, not pieces.
        seed: of the draw.
        draw: another number, another draw of the same seed: an epoch.

    Returns:
        The ids that the model reads [S], and the labels [S]: the id of each chosen piece before
        masking, `IGNORED` elsewhere.
    """
    ids = np.array(pieces.ids, dtype=np.int64)
    text = int.from_bytes(hashlib.sha256(pieces.key.encode()).digest()[:8], "big")
    generator = np.random.default_rng((seed, draw, text))
    units = _units(pieces.words, whole_words)
    count = max(units, default=-1) + 1
    drawn = generator.random(count) < SHARE
    chosen = np.array([unit >= 0 and bool(drawn[unit]) for unit in units], dtype=bool)
    fate = generator.random(len(ids))
    random = generator.integers(0, len(vocabulary.replacements), size=len(ids))
    labels = np.where(chosen, ids, IGNORED)
    ids[chosen & (fate < MASKED)] = vocabulary.mask
    replaced = chosen & (fate >= MASKED) & (fate < MASKED + RANDOM)
    ids[replaced] = vocabulary.replacements[random[replaced]]
    return ids.tolist(), labels.tolist()


def _units(words: Sequence[int | None], whole_words: bool) -> list[int]:
    """Number of the unit that is drawn for each piece [S]; -1 for special tokens."""
    if whole_words:
        return [-1 if word is None else word for word in words]
    places = iter(range(len(words)))
    return [-1 if word is None else next(places) for word in words]
