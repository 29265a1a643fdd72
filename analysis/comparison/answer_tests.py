"""Tests of what two models answered to each example: in each draw, and in the mean over draws."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..statistics.clusters import Units, alone, count_of
from ..statistics.corrections import ALPHA
from ..statistics.paired_tests import Tested, cluster_signs, swap_draws, swap_test
from ..statistics.uncertainty import Floats, mcnemar_exact
from ..statistics.weighted import CLASS_METRICS, weighted_scores
from .pair_records import ONE_DRAW, ONE_SEED, pair_columns, tested_columns
from .pairs import DrawPair, Pair, draw_pairs
from .run_items import Answers

MCNEMAR, SIGNS_OF_CLUSTERS = "McNemar, exact", "signs of clusters, exact"
SIGNS_OF_EXAMPLES = "signs of examples, exact"
EXACT = (MCNEMAR, SIGNS_OF_CLUSTERS, SIGNS_OF_EXAMPLES)
"""Names of the exact test of right answers: of single examples, of clusters, and of single examples
with the mean over draws."""


def pairs_of_draws(pair: Pair, first: Answers, second: Answers) -> list[DrawPair]:
    """Which draw of the first model of a pair is compared with which of the second."""
    same = pair.first[1] == pair.second[1]
    return draw_pairs(first.draws, second.draws, same_kind=same)


def item_tests(
    pair: Pair,
    about: dict[str, Any],
    metrics: list[str],
    first: dict[int, Answers],
    second: dict[int, Answers],
    seeds: list[int],
) -> Iterator[dict[str, Any]]:
    """Exact tests of right answers, and exchange tests, in each seed.

    Where a side has several draws: of each draw, and of the mean over all of them.
    """
    for seed in seeds:
        a, b = first[seed], second[seed]
        line = {**about, **pair_columns(pair), "seed": seed, "n": len(a.gold),
                "n_clusters": count_of(a.units)}  # fmt: skip
        several = max(len(a.draws), len(b.draws)) > 1
        for draw in pairs_of_draws(pair, a, b):
            one = {**line, "level": ONE_DRAW if several else ONE_SEED, "draw": draw.draw,
                   "draws_a": 1, "draws_b": 1}  # fmt: skip
            yield from _tests_of(one, metrics, a.one(draw.first), b.one(draw.second), seed)
        if several:
            over = {**line, "level": ONE_SEED, "draws_a": len(a.draws), "draws_b": len(b.draws)}
            yield from _tests_of(over, metrics, a, b, seed)


def _tests_of(
    line: dict[str, Any], metrics: list[str], a: Answers, b: Answers, seed: int
) -> Iterator[dict[str, Any]]:
    """Every test of the answers of two models, or of one draw of each."""
    gold, units = a.gold, a.units
    if any(metric in CLASS_METRICS for metric in metrics):
        right = a.predictions == gold[:, None], b.predictions == gold[:, None]
        yield {**line, **_right_answers(*right, units), "primary": metrics[0] == "accuracy"}
    once = np.ones((1, len(gold)), dtype=np.float32)
    for metric in metrics:
        if metric == "accuracy":
            continue  # the exchange test of accuracy is that of right answers, which is exact
        first, second = a.read_by(metric), b.read_by(metric)
        if first.shape[1] == second.shape[1] == 1:
            tested = swap_test(metric, first[:, 0], second[:, 0], gold, units, seed=seed)
        else:
            tested = swap_draws(metric, *_as_many(first, second), gold, units, seed=seed)
        means = [weighted_scores(metric, side, gold, once)[0].mean() for side in (first, second)]
        yield {
            **line, "test": "exchanged answers", "metric": metric, "primary": metric == metrics[0],
            "difference": float(means[0] - means[1]), **tested_columns(tested),
        }  # fmt: skip


def _as_many(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Both sides with equal numbers of columns, each repeated as often as the other has some."""
    a, b = first.shape[1], second.shape[1]
    if a == b:
        return first, second
    whole = math.lcm(a, b)
    return np.repeat(first, whole // a, axis=1), np.repeat(second, whole // b, axis=1)


def _right_answers(first: Any, second: Any, units: Units) -> dict[str, Any]:
    """Exact test of right answers [N, D]; with one draw also the odds ratio of examples."""
    difference = float(first.mean() - second.mean())
    said = {"metric": "accuracy", "difference": difference}
    if first.shape[1] > 1 or second.shape[1] > 1:
        name = SIGNS_OF_EXAMPLES if alone(units) else SIGNS_OF_CLUSTERS
        return {**said, "test": name, **tested_columns(cluster_signs(first, second, units))}
    first, second = first[:, 0], second[:, 0]
    found = mcnemar_columns(first, second)
    if not alone(units):
        signs = cluster_signs(first, second, units)
        found |= {"test": SIGNS_OF_CLUSTERS, **tested_columns(signs)}
    return {**said, **found}


def mcnemar_columns(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> dict[str, Any]:
    """The columns of McNemar's exact test of two models on the same items.

    Args:
        first: what the first model gets for each item, 1 = right; half for a tie counts as better
            than wrong and worse than right [N].
        second: of the second model [N].
    """
    found = mcnemar_exact(first > second, second > first)
    differing = found.only_first + found.only_second
    floor = min(1.0, 2.0 ** (1 - differing))
    if floor <= ALPHA:
        tested = Tested(found.p_value, floor)
    else:
        why = f"smallest p is {floor:.3g}: one alone is right on {differing} items; 6 are needed"
        tested = Tested(float("nan"), floor, why if differing else "right on the same items")
    # half an item more on both sides where one is 0 (Haldane 1956)
    more = 0.5 if min(found.only_first, found.only_second) == 0 else 0.0
    return {
        "test": MCNEMAR, "only_first": found.only_first, "only_second": found.only_second,
        "effect": "odds ratio",
        "effect_size": (found.only_first + more) / (found.only_second + more),
        **tested_columns(tested),
    }  # fmt: skip
