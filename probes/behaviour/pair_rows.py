"""Rows and items of minimal pairs: by paradigm, and means over paradigms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame
from ...data.suites.pair import Pair
from .entries import BY_PLL, LEVELS, MEASURED, MINIMAL_PAIRS, OVERALL, PARADIGM, TIED

Floats = npt.NDArray[np.float64]

ALL = "all"
"""The relation of the means over all paradigms."""


@dataclass(frozen=True)
class ScoredPairs:
    """N scored pairs.

    Attributes:
        pairs: the pairs.
        suites: the published set or file of each [N].
        accuracy: what each adds to accuracy [N].
        margin: log-odds of the good sentence against the bad one, in nats [N].
        tied: 1 where both are equally probable [N].
        by_pll: 1 where `masked-word` scored all pieces instead of one word [N]; None = not asked.
        unigram: name of the unigram baseline; empty = none.
        unigram_accuracy: what each adds to its accuracy [N].
        unigram_margin: its margins [N].
        dropped: level and relation -> pairs that were skipped.
    """

    pairs: Sequence[Pair]
    suites: Sequence[str]
    accuracy: Floats
    margin: Floats
    tied: Floats
    by_pll: Floats | None
    unigram: str
    unigram_accuracy: Floats
    unigram_margin: Floats
    dropped: Mapping[tuple[str, str], int]

    def relations(self, level: str) -> list[str]:
        """What each pair belongs to on a level [N]; empty where it belongs to nothing."""
        both = zip(self.pairs, self.suites, strict=True)
        return [relation_of(pair, suite, level) for pair, suite in both]

    def levels(self) -> Iterator[tuple[str, list[str], Floats]]:
        """Level, relation [N] and weight [N] of each pair; paradigms of a level count the same."""
        paradigm = np.array(self.relations(PARADIGM), dtype=object)
        for level in LEVELS:
            relation = self.relations(level)
            if level == "suite" and len(set(relation)) < 2:
                continue
            if level == PARADIGM:
                yield level, relation, np.ones(len(relation))
                continue
            cell = pd.factorize(pd.Series(relation, dtype=object) + "\0" + paradigm)[0]
            yield level, relation, 1 / np.bincount(cell)[cell]


def relation_of(pair: Pair, suite: str, level: str) -> str:
    """What a pair of a suite belongs to on a level; empty = nothing."""
    if level == OVERALL:
        return ALL
    return suite if level == "suite" else str(getattr(pair, level))


def pair_rows(found: ScoredPairs, variant: str) -> Iterator[dict[str, Any]]:
    """The rows of each paradigm, and of the means over the paradigms of a field, a suite, and all.

    A paradigm whose pairs are all skipped has a row without a value, and no part in the means.

    Args:
        found: what was scored.
        variant: how.
    """
    about = {"probe": MINIMAL_PAIRS, "unit": "model", "variant": variant}
    for level, relations, weight in found.levels():
        # as an array: pandas takes a list of one name for a list of groupings
        members = pd.Series(range(len(relations))).groupby(
            np.array(relations, dtype=object), sort=False
        )
        for relation, places in members:
            if not relation:
                continue
            at = places.to_numpy()
            sources = {found.pairs[n].source for n in at.tolist()}
            same = {
                **about, "relation": relation, "n": len(at),
                "n_dropped": found.dropped.get((level, relation), 0),
                "corpus": next(iter(sources)) if len(sources) == 1 else None,
            }  # fmt: skip
            for measure, values, baseline in (
                ("accuracy", found.accuracy, found.unigram_accuracy),
                ("margin", found.margin, found.unigram_margin),
            ):
                line = {**same, "metric": MEASURED[level, measure],
                        "value": _mean(values, weight, at)}  # fmt: skip
                if found.unigram:
                    line |= {"baseline": found.unigram,
                             "baseline_value": _mean(baseline, weight, at)}  # fmt: skip
                yield line
            if level == PARADIGM:
                yield {**same, "metric": TIED, "value": _mean(found.tied, weight, at)}
                if found.by_pll is not None:
                    yield {**same, "metric": BY_PLL, "value": _mean(found.by_pll, weight, at)}
    scored = set(found.relations(PARADIGM))
    for (level, relation), count in found.dropped.items():
        if level == PARADIGM and count and relation not in scored:
            for measure in ("accuracy", "margin"):
                yield {**about, "relation": relation, "metric": MEASURED[level, measure],
                       "value": np.nan, "n": 0, "n_dropped": count}  # fmt: skip


def _mean(values: Floats, weight: Floats, at: npt.NDArray[np.int64]) -> float:
    return float((values[at] * weight[at]).sum() / weight[at].sum())


def pair_items(found: ScoredPairs, variant: str) -> Iterator[pd.DataFrame]:
    """One item per pair, metric and level; its weight is the denominator."""
    ids = np.array([pair.id for pair in found.pairs], dtype=object)
    clusters = np.array([pair.group or None for pair in found.pairs], dtype=object)
    for level, relations, weight in found.levels():
        measured = {MEASURED[level, "accuracy"]: found.accuracy,
                    MEASURED[level, "margin"]: found.margin}  # fmt: skip
        if level == PARADIGM:
            measured[TIED] = found.tied
            if found.by_pll is not None:
                measured[BY_PLL] = found.by_pll
        relation = np.array(relations, dtype=object)
        for metric, values in measured.items():
            for block in text_blocks(len(ids), 1):
                frame = pd.DataFrame(
                    {
                        "probe": MINIMAL_PAIRS,
                        "variant": variant,
                        "item_id": ids[block],
                        "sentence_id": ids[block],
                        "cluster_id": clusters[block],
                        "relation": relation[block],
                        "metric": metric,
                        "numerator": (values * weight)[block],
                        "denominator": weight[block],
                    }
                )
                yield items_frame(frame[frame["relation"] != ""])
