"""Attributions of words as rows and items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example
from ...data.sentences.word_groups import GROUPS
from ..forward.needs import sentences_of
from .group_share import GroupShares
from .settings import COMPLETE, AttributionSettings
from .word_kinds import Kind

if TYPE_CHECKING:
    from .word_scores import WordAttributions

NAME = "attributions"
WORD_METRIC = "word_attribution"
SHARE, NET = "attribution_share", "net_attribution"
PERMUTATION = "permutation"


@dataclass(frozen=True)
class Attributed:
    """The results of one method.

    Attributes:
        settings: the method and all that it depends on.
        examples: the N examples that were read.
        words: their attributions [N].
        kinds: kinds of word, behind the groups.
        shares: metric -> shares of groups and kinds, of the examples that have an attribution.
        attributed: places of these examples.
        n_dropped: examples that could not be read or have no attribution.
    """

    settings: AttributionSettings
    examples: Sequence[Example]
    words: Sequence[WordAttributions]
    kinds: Sequence[Kind]
    shares: Mapping[str, GroupShares]
    attributed: Sequence[int]
    n_dropped: int

    @property
    def names(self) -> list[tuple[str, str]]:
        """What follows the metric's name, and the relation, of each group and kind."""
        groups = [("", group) for group in GROUPS]
        return groups + [(f"_by_{way}", kind) for way, kind in self.kinds]


def attribution_rows(found: Attributed) -> pd.DataFrame:
    """Mean share of each group and kind, and the convergence error of the attributions."""
    parts = [_shares(metric, shares, found) for metric, shares in found.shares.items()]
    return pd.concat([*parts, _convergence(found)], ignore_index=True).assign(
        probe=NAME, variant=found.settings.variant, unit="model"
    )


def _shares(metric: str, shares: GroupShares, found: Attributed) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "relation": [kind for _, kind in found.names],
            "metric": [f"{metric}{way}" for way, _ in found.names],
            "value": shares.mean,
            "n": shares.n,
            "n_dropped": found.n_dropped,
            "baseline": PERMUTATION,
            "baseline_value": shares.mean_expected,
            "p_value": shares.p_value,
            "flag": [None if n else "degenerate" for n in shares.n],
        }
    )


def _convergence(found: Attributed) -> pd.DataFrame:
    values = {
        "logit_difference_mean": float(np.abs([one.logit_difference for one in found.words]).mean())
    }
    if found.settings.method in COMPLETE:
        deltas = np.abs([one.delta for one in found.words])
        values |= {
            "convergence_delta_mean": float(deltas.mean()),
            "convergence_delta_max": float(deltas.max()),
            "steps_mean": float(np.mean([one.n_steps for one in found.words])),
        }
        if found.settings.tolerance is not None:
            values["unconverged_share"] = float((deltas > found.settings.tolerance).mean())
    return pd.DataFrame({"metric": list(values), "value": values.values(), "n": len(found.words)})


def attribution_items(every: Sequence[Attributed]) -> Iterator[pd.DataFrame]:
    """The items of each method, in a frame of its own.

    Share (numerator, denominator 1; score = what it is on average over the orders of the words) by
    example and kind; delta, difference and steps by example; attribution in logits by word, whose
    item is `EXAMPLE#SENTENCE.WORD`, both counted from 0.
    """
    for found in every:
        records = [
            *_share_records(found),
            *_example_records(found),
            *_word_records(found),
        ]
        yield items_frame(pd.DataFrame(records).assign(probe=NAME, variant=found.settings.variant))


def _share_records(found: Attributed) -> Iterator[dict[str, Any]]:
    for metric, shares in found.shares.items():
        for place, number in enumerate(found.attributed):
            example = found.examples[number]
            for column in np.flatnonzero(~np.isnan(shares.share[place])):
                way, kind = found.names[column]
                yield {
                    "item_id": example.id,
                    "sentence_id": example.first.id,
                    "relation": kind,
                    "metric": f"{metric}{way}",
                    "numerator": shares.share[place, column],
                    "denominator": 1.0,
                    "score": shares.expected[place, column],
                }


def _example_records(found: Attributed) -> Iterator[dict[str, Any]]:
    for example, one in zip(found.examples, found.words, strict=True):
        facts: dict[str, float] = {"logit_difference": one.logit_difference}
        if found.settings.method in COMPLETE:
            facts |= {"convergence_delta": one.delta, "steps": one.n_steps}
        for metric, value in facts.items():
            yield {
                "item_id": example.id,
                "sentence_id": example.first.id,
                "metric": metric,
                "score": value,
                "prediction": one.predicted,
                "gold": example.label,
            }


def _word_records(found: Attributed) -> Iterator[dict[str, Any]]:
    for example, one in zip(found.examples, found.words, strict=True):
        ids = [sentence.id for sentence in sentences_of(example)]
        for (segment, index), value in zip(one.kept, one.words.tolist(), strict=True):
            yield {
                "item_id": f"{example.id}#{segment}.{index}",
                "sentence_id": ids[segment],
                "metric": WORD_METRIC,
                "score": value,
                "prediction": one.predicted,
                "gold": example.label,
            }
