"""Whether masks of one score predict alike: agreement beside that expected from their accuracies,
and whether they differ in accuracy at all.

Error consistency (Geirhos, Meding & Wichmann 2020) is Cohen's kappa of being right: two models with
accuracies p and q agree in being right or wrong on pq + (1 - p)(1 - q) of the examples by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..spread.columns import framed
from ..statistics.clusters import Units, count_of, over_units, resampled, units_of
from ..statistics.paired import expanded_limits
from ..statistics.row_units import item_ratios
from ..statistics.uncertainty import permutation_p
from .columns import PREDICTIONS
from .points import FULL

Floats = npt.NDArray[np.float64]
RESAMPLES = 2000


@dataclass(frozen=True)
class Answers:
    """What M masks answer to the same N examples.

    Attributes:
        names: of the masks [M].
        said: predicted class of each example [M, N]; None where only right and wrong are known.
        right: whether it is right, or what it adds to the metric [M, N].
        units: independent unit of each example [N].
    """

    names: tuple[str, ...]
    said: Floats | None
    right: Floats
    units: Units


def answers_of(
    items: Mapping[str, pd.DataFrame], probe: str, metric: str = "", relation: str = ""
) -> Answers | None:
    """The answers behind one metric; None if the items of the masks are not the same examples.

    Args:
        items: mask -> items.
        probe: whose items.
        metric: of which metric; empty = all.
        relation: of which relation; empty = all.
    """
    names, said, right = [], [], []
    first: pd.DataFrame | None = None
    for name, table in items.items():
        mine = table[table["probe"].eq(probe)]
        if metric:
            mine = mine[mine["metric"].eq(metric)]
        if relation:
            mine = mine[mine["relation"].eq(relation)]
        mine = mine.sort_values("item_id", kind="stable")
        if mine.empty or mine["item_id"].duplicated().any():
            return None
        if first is not None and mine["item_id"].tolist() != first["item_id"].tolist():
            return None
        first = mine if first is None else first
        guess = mine["prediction"].to_numpy(dtype=np.float64, na_value=np.nan)
        gold = mine["gold"].to_numpy(dtype=np.float64, na_value=np.nan)
        if np.isnan(guess).any() or np.isnan(gold).any():
            values, weights = item_ratios(mine)
            if not (weights == 1).all():
                return None
            right.append(values)
        else:
            said.append(guess)
            right.append((guess == gold).astype(np.float64))
        names.append(name)
    if first is None or len(names) < 2:
        return None
    clusters = first["cluster_id"].astype("string").fillna("").tolist()
    whole = np.stack(said) if len(said) == len(names) else None
    return Answers(tuple(names), whole, np.stack(right), units_of(clusters))


def prediction_table(answers: Answers, about: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """Agreement in predictions and in being right of each two masks, and of each with the full one.

    Intervals are percentiles of a bootstrap over examples, or over clusters of them.
    """
    return framed((dict(about) | one for one in _pairs(answers, seed)), PREDICTIONS)


def _pairs(answers: Answers, seed: int) -> Iterator[dict[str, Any]]:
    right, units = answers.right, answers.units
    n_units = count_of(units)
    for i, j in combinations(range(len(answers.names)), 2):
        a, b = right[i], right[j]
        both = np.stack([a, b, (a == b).astype(np.float64), np.ones(len(a))], axis=1)
        p, q, same = (float(x) for x in both[:, :3].mean(axis=0))
        drawn = resampled(over_units(both, units), seed, RESAMPLES)
        shares = drawn[:, :3] / drawn[:, 3:]
        kappas = error_consistency(*shares.T)
        kappas = kappas[np.isfinite(kappas)]
        low, high = float("nan"), float("nan")
        if len(kappas) > RESAMPLES / 2 and np.ptp(kappas) > 0:
            low, high = expanded_limits(kappas, n_units)
        yield {
            "mask": answers.names[i], "other": answers.names[j], "accuracy": p,
            "other_accuracy": q, "same_right": same,
            "same_right_expected": p * q + (1 - p) * (1 - q),
            "same_prediction": float(np.mean(answers.said[i] == answers.said[j]))
            if answers.said is not None else float("nan"),
            "error_consistency": float(error_consistency(p, q, same)), "ci_low": low,
            "ci_high": high, "n": len(a), "n_clusters": n_units,
            "ci_method": f"percentile bootstrap over {n_units} examples or clusters ({RESAMPLES})"
            if np.isfinite(low) else "no interval: no spread",
        }  # fmt: skip


def error_consistency(first: Any, second: Any, same: Any) -> Floats:
    """(same - expected) / (1 - expected) of two accuracies and the share of equal correctness.

    NaN where both are right, or both wrong, on every example by expectation.
    """
    p, q, observed = (np.asarray(x, dtype=np.float64) for x in (first, second, same))
    expected = p * q + (1 - p) * (1 - q)
    found: Floats = np.full(np.broadcast(expected, observed).shape, np.nan)
    np.divide(observed - expected, 1 - expected, out=found, where=expected < 1 - 1e-12)
    return found


def differing(answers: Answers, draws: int, seed: int) -> dict[str, Any]:
    """Whether masks differ in their mean over examples more than by chance.

    Under the null the masks answer alike, so that within an example, or a cluster of them, their
    answers can be exchanged. p is of the variance over masks; with right and wrong answers to
    single examples, this is the permutation form of Cochran's (1950) Q. `sd_expected` is the
    standard deviation over masks that exchange alone gives.
    """
    masks = [place for place, name in enumerate(answers.names) if name != FULL]
    right = answers.right[masks]
    by_unit = over_units(right.T, answers.units)
    observed = float(right.mean(axis=1).var(ddof=1))
    # units on which all masks answer alike stay as they are
    varies = np.ptp(by_unit, axis=1) > 0
    fixed, moved = by_unit[~varies].sum(axis=0), by_unit[varies]
    if not len(moved):
        return {"sd_expected": 0.0, "test": "none: all masks give the same answers"}
    rng = np.random.default_rng((5, seed))
    null = np.empty(draws)
    for place in range(draws):
        total = rng.permuted(moved, axis=1).sum(axis=0) + fixed
        null[place] = (total / right.shape[1]).var(ddof=1)
    return {
        "sd_expected": float(np.sqrt(null.mean())),
        "p_value": permutation_p(observed, null, alternative="greater"),
        "floor": 1 / (draws + 1), "n_clusters": count_of(answers.units),
        "test": f"masks exchanged within examples or clusters ({draws})",
    }  # fmt: skip
