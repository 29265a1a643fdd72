"""Accuracy and sensitivity of Ettinger (2020) from probabilities; no model is needed here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...data.output.tables import items_frame
from .cloze_cases import ALL, Contrast, Question
from .entries import TIED
from .next_words import ContextWord
from .pair_scores import is_tie
from .word_entries import ABOVE_MARGIN, CLOZE, LOG_ODDS, SENSITIVITY

CHANCE = "chance level"


def top_metric(k: int) -> str:
    """The metric of accuracy within the k most probable pieces."""
    return f"accuracy_top_{k}"


@dataclass(frozen=True)
class Scored:
    """One question or contrast with its scores.

    Attributes:
        item: the item of the file.
        groups: those that it is counted in.
        scores: metric -> score; empty if it could not be scored.
        chance: the sensitivity of random probabilities; None for a question.
    """

    item: str
    groups: tuple[str, ...]
    scores: Mapping[str, float]
    chance: float | None = None


def answered(
    question: Question, ids: Sequence[int], top: Sequence[int], ks: Sequence[int]
) -> Scored:
    """Whether a correct word is among the k most probable pieces.

    Args:
        question: what is asked.
        ids: ids of the correct words that are single pieces; empty = the question is not scored.
        top: ids of the most probable pieces, most probable first.
        ks: each k.
    """
    values = {top_metric(k): float(not set(ids).isdisjoint(top[:k])) for k in ks} if ids else {}
    return Scored(question.item, question.groups, values)


def contrasted(contrast: Contrast, log_probs: Mapping[ContextWord, float], margin: float) -> Scored:
    """Whether the better word is more probable than each of the others.

    Differences up to `pair_scores.TIE` are ties, and ties are wrong, as published. With the margin,
    the difference of the probabilities must exceed it.

    Args:
        contrast: what is compared; not scored if one of its words has no score.
        log_probs: natural log-probability of words after contexts.
        margin: in probability.
    """
    chance = 1 / (1 + len(contrast.worse))
    if any(one not in log_probs for one in (contrast.better, *contrast.worse)):
        return Scored(contrast.item, contrast.groups, {}, chance)
    better, worse = log_probs[contrast.better], max(log_probs[one] for one in contrast.worse)
    tied = bool(is_tie(better - worse))
    above = better > worse and not tied
    clearly = above and math.exp(better) - math.exp(worse) > margin
    return Scored(
        contrast.item,
        contrast.groups,
        {SENSITIVITY: float(above), ABOVE_MARGIN: float(clearly), LOG_ODDS: better - worse,
         TIED: float(tied)},
        chance,
    )  # fmt: skip


@dataclass(frozen=True)
class Table:
    """The scored questions, or the scored contrasts, of one file and variant.

    Attributes:
        file: name of the file.
        variant: the perturbation, the ending and how words are scored.
        metrics: what is scored.
        scored: the cases.
        n_unfit: cases that the perturbation does not apply to.
    """

    file: str
    variant: str
    metrics: Sequence[str]
    scored: Sequence[Scored]
    n_unfit: int = 0

    def relation(self, group: str) -> str:
        """The value of the column `relation`."""
        return self.file if group == ALL else f"{self.file}/{group}"

    def rows(self) -> Iterator[dict[str, Any]]:
        """The mean of each metric by group; `n_dropped` counts the cases that have no score."""
        groups = sorted({group for one in self.scored for group in one.groups})
        for group in groups:
            own = [one for one in self.scored if group in one.groups]
            there = [one for one in own if one.scores]
            for metric in self.metrics:
                values = [one.scores[metric] for one in there]
                chance = own[0].chance if metric == SENSITIVITY else None
                yield {
                    "probe": CLOZE, "unit": "model", "variant": self.variant, "corpus": self.file,
                    "relation": self.relation(group), "metric": metric,
                    "value": math.fsum(values) / len(values) if values else math.nan,
                    "n": len(values),
                    "n_dropped": len(own) - len(there) + (self.n_unfit if group == ALL else 0),
                    "baseline": CHANCE if chance else None, "baseline_value": chance,
                }  # fmt: skip

    def items(self) -> pd.DataFrame:
        """One item per scored case, metric and group."""
        return items_frame(
            {
                "probe": CLOZE, "variant": self.variant, "item_id": f"{self.file}/{one.item}",
                "sentence_id": f"{self.file}/{one.item}",
                "cluster_id": f"{self.file}/{_number(one.item)}",
                "relation": self.relation(group), "metric": metric, "score": one.scores[metric],
            }
            for metric in self.metrics
            for one in self.scored if one.scores
            for group in one.groups
        )  # fmt: skip


def _number(item: str) -> str:
    """The item of the file that a case belongs to: both orders or polarities share it."""
    return item.removesuffix("-a").removesuffix("-b").split("/")[0]
