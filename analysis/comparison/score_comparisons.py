"""Full, good, random and bad held against each other on the same examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..statistics.clusters import Units, alone, count_of
from ..statistics.corrections import ALPHA, adjust_rows
from ..statistics.paired_tests import Tested, cluster_signs, swap_test
from ..statistics.uncertainty import Floats, mcnemar_exact
from ..statistics.weighted import CLASS_METRICS, RESAMPLES, weight_blocks, weighted_scores
from .pair_records import (
    COMPARED,
    TESTED,
    Side,
    difference_records,
    frame_of,
    over_seeds_test,
    pair_columns,
    tested_columns,
)
from .pairs import Model, Pair, pairs_of
from .run_items import Answers, answers_of, model_columns

MCNEMAR, SIGNS_OF_CLUSTERS = "McNemar, exact", "signs of clusters, exact"
"""Names of the exact test of right answers: of single examples, and of clusters."""


@dataclass
class Comparisons:
    """What was compared.

    Attributes:
        compared: one line a difference and level, with its interval.
        tests: one line a test.
        notes: what could not be said, one line each.
    """

    compared: pd.DataFrame = field(default_factory=lambda: frame_of([], COMPARED))
    tests: pd.DataFrame = field(default_factory=lambda: frame_of([], TESTED))
    notes: list[str] = field(default_factory=list)

    def corrected(self, correction: str) -> Comparisons:
        """The same with p-values corrected within their families."""
        named = self.tests[["model", "probe", "test"]].fillna("").agg(" · ".join, axis=1)
        tests = self.tests.assign(family=named.astype("string") if len(named) else pd.NA)
        tests = adjust_rows(tests, ["family"], correction)
        return Comparisons(self.compared, frame_of(tests, TESTED), self.notes)


def joined(parts: list[Comparisons]) -> Comparisons:
    """Several comparisons below each other."""
    filled = [part for part in parts if len(part.compared)]
    if not filled:
        return Comparisons(notes=[note for part in parts for note in part.notes])
    return Comparisons(
        frame_of(pd.concat([part.compared for part in filled]), COMPARED),
        frame_of(pd.concat([part.tests for part in filled]), TESTED),
        [note for part in parts for note in part.notes],
    )


def compare_scores(rows: pd.DataFrame, cells: Path, *, resamples: int = RESAMPLES) -> Comparisons:
    """Differences of task scores between the models of a run, on the same examples.

    Where examples share a source, their clusters are resampled and exchanged whole. A kind with
    several draws enters with the mean of its draws; tests read its first draw.

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells, which hold the items.
        resamples: bootstrap samples.

    Returns:
        Differences and tests; p-values are not yet corrected.
    """
    performance = rows[(rows["probe"] == "performance") & rows["value"].notna()]
    performance = model_columns(performance)
    parts = []
    for (model, task), scores in performance.groupby(["model", "task"], sort=False):
        about = {"model": model, "task": task, "probe": "performance"}
        parts.append(_compare_task(scores, cells, about, resamples))
    return joined(parts) if parts else Comparisons()


def _compare_task(
    scores: pd.DataFrame, cells: Path, about: dict[str, Any], resamples: int
) -> Comparisons:
    metrics = list(dict.fromkeys(scores["metric"]))
    answers, notes = answers_of(scores[scores["metric"] == metrics[0]], cells)
    prefix = f"{about['task']}: "
    if not answers:
        return Comparisons(notes=[f"{prefix}no items in {cells}: nothing is compared by example"])
    found = compare_answers(pairs_of(list(answers)), answers, metrics, about, resamples=resamples)
    return Comparisons(found.compared, found.tests, [prefix + note for note in notes])


def compare_answers(
    pairs: list[Pair],
    answers: dict[Model, dict[int, Answers]],
    metrics: list[str],
    about: dict[str, Any],
    *,
    resamples: int = RESAMPLES,
) -> Comparisons:
    """Differences and tests of pairs of models that were scored on the same examples.

    Args:
        pairs: what is compared.
        answers: model -> seed -> what it said.
        metrics: of the task, the primary one first.
        about: columns that every line repeats.
        resamples: bootstrap samples.
    """
    sides = _resampled(answers, metrics, resamples)
    compared: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for pair in pairs:
        first, second = answers[pair.first], answers[pair.second]
        seeds = sorted(set(first) & set(second))
        if not seeds:
            continue
        for metric in metrics:
            line = {**about, "metric": metric, "primary": metric == metrics[0]}
            a, b = sides[pair.first, metric], sides[pair.second, metric]
            share = float(np.mean([_differing(first[s], second[s]) for s in seeds]))
            compared += difference_records(pair, line, a, b, seeds, outcome=metric, share=share)
            tests.append(over_seeds_test(pair, line, a, b, seeds))
        tests += list(_item_tests(pair, about, metrics, first, second, seeds))
    return Comparisons(frame_of(compared, COMPARED), frame_of(tests, TESTED))


def _resampled(
    answers: dict[Model, dict[int, Answers]], metrics: list[str], resamples: int
) -> dict[tuple[Model, str], Side]:
    """Every model's score, whole and on the resamples that all models share."""
    one = next(iter(next(iter(answers.values())).values()))
    ids, units = one.ids, one.units
    once = np.ones((1, len(ids)), dtype=np.float32)
    whole: dict[tuple[Model, str], dict[int, float]] = {}
    drawn: dict[tuple[Model, str], dict[int, list[Floats]]] = {}
    for weights in [once, *weight_blocks(ids, units, resamples=resamples)]:
        for model, seeds in answers.items():
            for metric in metrics:
                for seed, said in seeds.items():
                    found = weighted_scores(metric, said.predictions, said.gold, weights)
                    mean = found.mean(axis=1)
                    if weights is once:
                        whole.setdefault((model, metric), {})[seed] = float(mean[0])
                    else:
                        of_seed = drawn.setdefault((model, metric), {})
                        of_seed.setdefault(seed, []).append(mean)
    return {
        key: Side(
            values,
            {seed: np.concatenate(blocks) for seed, blocks in drawn[key].items()},
            _rights(answers[key[0]], key[1]),
            {seed: said.predictions.shape[1] for seed, said in answers[key[0]].items()},
            {seed: said.flag for seed, said in answers[key[0]].items()},
            {seed: said.cells[0] for seed, said in answers[key[0]].items()},
            units,
        )
        for key, values in whole.items()
    }


def _rights(seeds: dict[int, Answers], metric: str) -> dict[int, Floats]:
    """What each example adds [N]: share of draws that are right, or minus their mean error."""
    if metric in CLASS_METRICS:
        return {
            seed: (said.predictions == said.gold[:, None]).mean(axis=1)
            for seed, said in seeds.items()
        }
    return {
        seed: -np.abs(said.predictions - said.gold[:, None]).mean(axis=1)
        for seed, said in seeds.items()
    }


def _differing(first: Answers, second: Answers) -> float:
    """Share of examples on which the first draws differ."""
    return float((first.predictions[:, 0] != second.predictions[:, 0]).mean())


def _item_tests(
    pair: Pair,
    about: dict[str, Any],
    metrics: list[str],
    first: dict[int, Answers],
    second: dict[int, Answers],
    seeds: list[int],
) -> Iterator[dict[str, Any]]:
    """Exact tests of right answers, and exchange tests, on the first draw of each side's seed."""
    for seed in seeds:
        a, b, gold = first[seed].predictions[:, 0], second[seed].predictions[:, 0], first[seed].gold
        units = first[seed].units
        line = {**about, **pair_columns(pair), "seed": seed, "draw": 0,
                "n": len(gold), "n_clusters": count_of(units)}  # fmt: skip
        if any(metric in CLASS_METRICS for metric in metrics):
            yield {
                **line,
                **_right_answers(a == gold, b == gold, units),
                "primary": metrics[0] == "accuracy",
            }
        for metric in metrics:
            if metric == "accuracy":
                continue  # the exchange test of accuracy is that of right answers, which is exact
            tested = swap_test(metric, a, b, gold, units, seed=seed)
            once = np.ones((1, len(gold)), dtype=np.float32)
            scores = weighted_scores(metric, np.stack([a, b], axis=1), gold, once)[0]
            yield {
                **line, "test": "exchanged answers", "metric": metric,
                "primary": metric == metrics[0],
                "difference": float(scores[0] - scores[1]), **tested_columns(tested),
            }  # fmt: skip


def _right_answers(first: Any, second: Any, units: Units) -> dict[str, Any]:
    """McNemar's test, or of clusters the exact test of their signs; the odds ratio of examples."""
    found = mcnemar_exact(first, second)
    differing = found.only_first + found.only_second
    floor = min(1.0, 2.0 ** (1 - differing))
    if floor <= ALPHA:
        tested = Tested(found.p_value, floor)
    else:
        said = f"smallest p is {floor:.3g}: one alone is right on {differing} items, 6 are needed"
        tested = Tested(float("nan"), floor, said if differing else "right on the same items")
    name = MCNEMAR
    if not alone(units):
        name, tested = SIGNS_OF_CLUSTERS, cluster_signs(first, second, units)
    # half an item more on both sides where one is 0 (Haldane 1956)
    more = 0.5 if min(found.only_first, found.only_second) == 0 else 0.0
    return {
        "test": name, "metric": "accuracy",
        "difference": (found.only_first - found.only_second) / len(first),
        "only_first": found.only_first, "only_second": found.only_second,
        "effect": "odds ratio",
        "effect_size": (found.only_first + more) / (found.only_second + more),
        **tested_columns(tested),
    }  # fmt: skip
