"""Correct words of each sentence under each condition: the items, and the rows that they sum to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example
from .linear_probe import Codes


@dataclass(frozen=True)
class Score:
    """The score of one classifier on the words of one state.

    Attributes:
        metric: what is counted.
        variant: whose states, and which eraser.
        relation: the property.
        layer: the state.
        examples: the N texts.
        right: right words of each text [N]; of a difference, those more than the other has.
        words: words of each text that have a label [N].
        majority: what the most frequent class alone would have; NaN where it is not a null.
    """

    metric: str
    variant: str
    relation: str
    layer: int
    examples: Sequence[Example]
    right: Codes
    words: Codes
    majority: float = float("nan")

    def row(self) -> dict[str, object]:
        """The share of right words."""
        n = int(self.words.sum())
        null = np.isfinite(self.majority)
        return {
            "unit": "layer",
            "layer": self.layer,
            "metric": self.metric,
            "variant": self.variant,
            "relation": self.relation,
            "value": float(self.right.sum() / n) if n else np.nan,
            "n": n,
            "baseline": "majority" if null else None,
            "baseline_value": self.majority,
        }

    def items(self, probe: str) -> pd.DataFrame:
        """One line per text that has words."""
        there = [int(text) for text in np.flatnonzero(self.words)]
        return items_frame(
            pd.DataFrame(
                {
                    "probe": probe,
                    "variant": self.variant,
                    "item_id": [self.examples[text].id for text in there],
                    "sentence_id": [self.examples[text].first.id for text in there],
                    "layer": self.layer,
                    "relation": self.relation,
                    "metric": self.metric,
                    "numerator": self.right[there],
                    "denominator": self.words[there],
                }
            )
        )


def score_items(probe: str, scores: Sequence[Score]) -> Iterator[pd.DataFrame]:
    """The items of all scores, one frame each."""
    for score in scores:
        yield score.items(probe)


def rank_row(variant: str, relation: str, layer: int, rank: int, n: int) -> dict[str, object]:
    """The number of directions that an eraser removes."""
    return {
        "unit": "layer", "layer": layer, "metric": "rank_removed", "variant": variant,
        "relation": relation, "value": float(rank), "n": n,
    }  # fmt: skip
