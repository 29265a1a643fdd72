"""Attributions of words as rows and items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example
from ...data.sentences.word_groups import GROUPS
from ..forward.needs import sentences_of
from .group_share import GroupShares
from .word_scores import WordAttributions

NAME = "attributions"
WORD_METRIC = "word_attribution"


def attribution_rows(
    found: Sequence[WordAttributions], shares: GroupShares, n_dropped: int
) -> pd.DataFrame:
    """Mean share of each group, and how far the attributions miss the logits."""
    deltas = np.abs([one.delta for one in found])
    groups = pd.DataFrame(
        {
            "relation": GROUPS,
            "metric": "attribution_share",
            "value": shares.mean,
            "n": shares.n,
            "n_dropped": n_dropped,
            "baseline": "permutation",
            "baseline_value": shares.mean_expected,
            "p_value": shares.p_value,
            "flag": [None if n else "degenerate" for n in shares.n],
        }
    )
    convergence = pd.DataFrame(
        {
            "metric": ["convergence_delta_mean", "convergence_delta_max", "logit_difference_mean"],
            "value": [
                deltas.mean(),
                deltas.max(),
                np.abs([one.logit_difference for one in found]).mean(),
            ],
            "n": len(found),
        }
    )
    return pd.concat([groups, convergence], ignore_index=True)


def attribution_items(
    examples: Sequence[Example],
    found: Sequence[WordAttributions],
    shares: GroupShares,
    attributed: Sequence[int],
) -> pd.DataFrame:
    """Share (numerator, denominator 1) by example and group; delta and difference by example;
    attribution in logits by word, whose item is `EXAMPLE#SENTENCE.WORD`, both counted from 0.
    """
    records: list[dict[str, Any]] = []
    for place, number in enumerate(attributed):
        example = examples[number]
        records += [
            {
                "item_id": example.id,
                "sentence_id": example.first.id,
                "relation": group,
                "metric": "attribution_share",
                "numerator": shares.share[place, g],
                "denominator": 1.0,
                "score": shares.expected[place, g],
            }
            for g, group in enumerate(GROUPS)
            if not np.isnan(shares.share[place, g])
        ]
    for example, one in zip(examples, found, strict=True):
        facts = {"convergence_delta": one.delta, "logit_difference": one.logit_difference}
        records += [
            {
                "item_id": example.id,
                "sentence_id": example.first.id,
                "metric": metric,
                "score": value,
                "prediction": one.predicted,
                "gold": example.label,
            }
            for metric, value in facts.items()
        ]
        ids = [sentence.id for sentence in sentences_of(example)]
        records += [
            {
                "item_id": f"{example.id}#{segment}.{index}",
                "sentence_id": ids[segment],
                "metric": WORD_METRIC,
                "score": value,
                "prediction": one.predicted,
                "gold": example.label,
            }
            for (segment, index), value in zip(one.kept, one.words.tolist(), strict=True)
        ]
    return items_frame(pd.DataFrame(records).assign(probe=NAME))
