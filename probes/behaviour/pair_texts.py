"""What each score compares of the two sentences of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...data.suites.pair import Pair, word_change
from .pieces import Pieces, pieces_of

Score = Literal["pll", "pll-word-l2r", "masked-word"]
SeveralPieces = Literal["pll", "skip"]

VOCABULARY = "vocabulary"
TOO_LONG = "longer than the model reads"
SEVERAL_WORDS = "not in one word"
"""Why a pair is skipped; `vocabulary`: what differs is unknown to the tokenizer, or not seen."""


@dataclass(frozen=True, slots=True)
class PairTexts:
    """A pair as it is scored.

    Attributes:
        pair: the pair.
        good: pieces of the good sentence.
        bad: pieces of the bad sentence.
        word: the position that is masked in both, and the ids of the good and the bad form there;
            None if all pieces of both sentences are scored.
    """

    pair: Pair
    good: Pieces
    bad: Pieces
    word: tuple[int, int, int] | None = None

    @property
    def scored_ids(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The pieces whose log-probabilities make up the score of each sentence."""
        if self.word is not None:
            return self.word[1:2], self.word[2:]
        good, bad = (tuple(one.ids[at] for at in one.places) for one in (self.good, self.bad))
        return good, bad


def pair_texts(
    tokenizer: Any,
    pairs: Sequence[Pair],
    score: Score,
    *,
    several_pieces: SeveralPieces = "pll",
    max_length: int,
) -> list[PairTexts | str]:
    """Each pair as it is scored, or why it is skipped.

    Args:
        tokenizer: of the model.
        pairs: N pairs.
        score: `pll`: each piece is masked once (Salazar et al. 2020, ACL); `pll-word-l2r`: with the
            following pieces of its word (Kauf & Ivanova 2023, ACL); `masked-word`: the word that
            differs is masked, and both forms are compared there (Goldberg 2019).
        several_pieces: with `masked-word`, whether pairs whose word is not a single piece are
            scored by `pll` or skipped.
        max_length: maximum number of pieces per sentence.
    """
    texts = [text for pair in pairs for text in (pair.good, pair.bad)]
    read = pieces_of(tokenizer, texts, max_length)
    return [
        _asked(pair, read[2 * n], read[2 * n + 1], tokenizer.unk_token_id, score, several_pieces)
        for n, pair in enumerate(pairs)
    ]


def _asked(
    pair: Pair, good: Pieces, bad: Pieces, unknown: int | None, score: Score, several: SeveralPieces
) -> PairTexts | str:
    if good.truncated or bad.truncated:
        return TOO_LONG
    differing = _differing(good.ids, bad.ids)
    seen = any(differing) and good.places and bad.places
    if not seen or unknown in (*differing[0], *differing[1]):
        return VOCABULARY
    if score == "masked-word":
        change = word_change(pair.good, pair.bad)
        if change is None:
            return SEVERAL_WORDS
        in_good = good.inside(change.start, change.good_end)
        in_bad = bad.inside(change.start, change.bad_end)
        if len(in_good) == 1 == len(in_bad) and [len(one) for one in differing] == [1, 1]:
            [place] = in_good
            return PairTexts(pair, good, bad, (place, good.ids[place], bad.ids[place]))
        if several == "skip":
            return VOCABULARY
    return PairTexts(pair, good, bad)


def _differing(good: tuple[int, ...], bad: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The pieces between the common start and the common end of two texts."""
    shorter = min(len(good), len(bad))
    start = next((at for at in range(shorter) if good[at] != bad[at]), shorter)
    left = shorter - start
    common = next((at for at in range(left) if good[-1 - at] != bad[-1 - at]), left)
    return good[start : len(good) - common], bad[start : len(bad) - common]
