"""Rows and items of pairs in which a heuristic is right or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.challenge.heuristic_pair import HeuristicPair
from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame
from .entries import (
    ACCURACY,
    ENTAILED,
    HEURISTICS,
    NOT_ENTAILED,
    RELIANCE,
    SHARE,
    SUBCASE,
    TEMPLATE,
)

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MAJORITY, ALWAYS, GOLD = "majority", "always-entailment", "gold"
"""Baselines: the more frequent label, entailment for every pair, the share of the gold label."""


@dataclass(frozen=True)
class Judged:
    """N pairs and what a model says of them.

    Attributes:
        name: of the file or generator.
        pairs: the pairs.
        said: whether it predicts entailment [N].
        gold: whether the hypothesis follows [N].
    """

    name: str
    pairs: Sequence[HeuristicPair]
    said: Flags
    gold: Flags


@dataclass(frozen=True)
class Part:
    """One metric of some of the pairs.

    Attributes:
        metric: its name.
        relation: heuristic, subcase or template; empty = all pairs.
        places: those of the pairs [n].
        added: what each pair adds; the mean is the value of the row [n].
        baseline: name of a model without knowledge of the pair.
        baseline_value: its value.
    """

    metric: str
    relation: str
    places: npt.NDArray[np.int64]
    added: Floats
    baseline: str
    baseline_value: float


def _parts(judged: Judged) -> Iterator[Part]:
    """Every row apart from those of templates."""
    heuristics = np.array([one.heuristic for one in judged.pairs], dtype=object)
    for heuristic in ("", *dict.fromkeys(heuristics)):
        inside = np.ones(len(heuristics), bool) if heuristic == "" else heuristics == heuristic
        yield from _of_group(judged, heuristic, np.flatnonzero(inside))
    for subcase, at in _places([one.subcase for one in judged.pairs]):
        yield _right(judged, SUBCASE, subcase, at)


def _of_group(judged: Judged, relation: str, at: npt.NDArray[np.int64]) -> Iterator[Part]:
    said, gold = judged.said[at], judged.gold[at]
    share = float(gold.mean())
    right = (said == gold).astype(np.float64)
    yield Part(ACCURACY, relation, at, right, MAJORITY, max(share, 1 - share))
    for metric, of_label in ((ENTAILED, gold), (NOT_ENTAILED, ~gold)):
        if of_label.any():
            yield _right(judged, metric, relation, at[of_label])
    yield Part(SHARE, relation, at, said.astype(np.float64), GOLD, share)
    if 0 < share < 1:
        yield Part(RELIANCE, relation, at, _signed(right, gold), ALWAYS, 1.0)


def _right(judged: Judged, metric: str, relation: str, at: npt.NDArray[np.int64]) -> Part:
    """Accuracy, next to that of a model that always predicts entailment."""
    right = (judged.said[at] == judged.gold[at]).astype(np.float64)
    return Part(metric, relation, at, right, ALWAYS, float(judged.gold[at].mean()))


def _signed(right: Floats, gold: Flags) -> Floats:
    """Numbers whose mean is the accuracy on entailed minus that on other pairs [n]."""
    return np.asarray(np.where(gold, right / gold.mean(), -right / (~gold).mean()))


def _places(names: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    codes, known = pd.factorize(np.array(names, dtype=object))
    for code, name in enumerate(known):
        yield str(name), np.flatnonzero(codes == code)


def heuristic_rows(judged: Judged, variant: str) -> Iterator[dict[str, Any]]:
    """The rows by heuristic and gold label, by subcase, by template, and over all pairs."""
    templates = (
        _right(judged, TEMPLATE, template, at)
        for template, at in _places([one.template for one in judged.pairs])
    )
    for part in (*_parts(judged), *templates):
        yield {
            "probe": HEURISTICS, "unit": "model", "variant": variant, "metric": part.metric,
            "relation": part.relation or None, "corpus": judged.name,
            "value": float(part.added.mean()), "n": len(part.places), "n_dropped": 0,
            "n_clusters": len({judged.pairs[n].template for n in part.places.tolist()}),
            "baseline": part.baseline, "baseline_value": part.baseline_value,
        }  # fmt: skip


def heuristic_items(judged: Judged, variant: str) -> Iterator[pd.DataFrame]:
    """One item per pair and metric; those of subcases also give the rows of templates."""
    ids = np.array([one.example.id for one in judged.pairs], dtype=object)
    templates = np.array([one.template for one in judged.pairs], dtype=object)
    for part in _parts(judged):
        for block in text_blocks(len(part.places), 1):
            at = part.places[block]
            yield items_frame(
                pd.DataFrame(
                    {
                        "probe": HEURISTICS, "variant": variant, "item_id": ids[at],
                        "sentence_id": ids[at], "cluster_id": templates[at],
                        "relation": part.relation or None, "metric": part.metric,
                        "numerator": part.added[block], "denominator": 1.0,
                        "prediction": judged.said[at].astype(np.float64),
                        "gold": judged.gold[at].astype(np.float64),
                    }
                )
            )  # fmt: skip
