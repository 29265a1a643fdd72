"""Full, good, random and bad compared with each other on the same examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.seeds import Pairs, design_of
from ...data.tasks.metrics import BITS
from ..statistics.clusters import Units
from ..statistics.corrections import adjust_rows
from ..statistics.uncertainty import Floats
from ..statistics.variation import pairs_in
from ..statistics.weighted import CLASS_METRICS, RESAMPLES, weight_blocks, weighted_scores
from .answer_tests import item_tests, pairs_of_draws
from .pair_records import (
    COMPARED,
    ONE_DRAW,
    TESTED,
    difference_records,
    draw_record,
    frame_of,
    over_seeds_test,
)
from .pairs import DrawPair, Model, Pair, Side, pairs_of
from .run_items import Answers, answers_of, model_columns

OF_EACH_DRAW = " · each draw"
"""End of the name of a family of tests of single draws."""


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
        """The same with p-values corrected within their families.

        Tests of single draws are families of their own: how many draws there are costs the others
        nothing.
        """
        named = self.tests[["model", "probe", "test"]].fillna("").agg(" · ".join, axis=1)
        tests = self.tests.assign(family=named.astype("string") if len(named) else pd.NA)
        single = tests["level"].eq(ONE_DRAW).fillna(False)
        tests["family"] = tests["family"].mask(single, tests["family"] + OF_EACH_DRAW)
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
    several draws enters with the mean of its draws, in differences and in tests; each draw has
    lines of its own as well (`one draw`).

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
    found = compare_answers(
        pairs_of(list(answers)), answers, metrics, about, pairs_in(scores), resamples=resamples
    )
    return Comparisons(found.compared, found.tests, [prefix + note for note in notes])


def compare_answers(
    pairs: list[Pair],
    answers: dict[Model, dict[int, Answers]],
    metrics: list[str],
    about: dict[str, Any],
    crossed: Pairs | None = None,
    *,
    resamples: int = RESAMPLES,
) -> Comparisons:
    """Differences and tests of pairs of models that were scored on the same examples.

    Args:
        pairs: what is compared.
        answers: model -> seed -> what it said.
        metrics: of the task, the primary one first.
        about: columns that every line repeats.
        crossed: what seeds stand for, where those of initialisation and order are crossed.
        resamples: bootstrap samples.
    """
    sides = resampled_scores(answers, metrics, resamples)
    compared: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for pair in pairs:
        first, second = answers[pair.first], answers[pair.second]
        seeds = sorted(set(first) & set(second))
        if not seeds:
            continue
        design = design_of(seeds, crossed)
        for metric in metrics:
            line = {**about, "metric": metric, "primary": metric == metrics[0]}
            draws = sides[pair.first, metric], sides[pair.second, metric]
            a, b = (side.mean() for side in draws)
            both = [(first[s], second[s]) for s in seeds]
            shares = [_differing(*said, pairs_of_draws(pair, *said)) for said in both]
            share = float(np.mean(shares))
            compared += difference_records(pair, line, a, b, design, outcome=metric, share=share)
            tests.append(over_seeds_test(pair, line, a, b, design))
            compared += _each_draw(pair, line, *draws, seeds)
        tests += list(item_tests(pair, about, metrics, first, second, seeds))
    return Comparisons(frame_of(compared, COMPARED), frame_of(tests, TESTED))


def resampled_scores(
    answers: dict[Model, dict[int, Answers]], metrics: list[str], resamples: int
) -> dict[tuple[Model, str], Draws]:
    """Every model's score, whole and on the resamples that all models share."""
    one = next(iter(next(iter(answers.values())).values()))
    ids, units = one.ids, one.units
    once = np.ones((1, len(ids)), dtype=np.float32)
    whole: dict[tuple[Model, str], dict[int, Floats]] = {}
    drawn: dict[tuple[Model, str], dict[int, list[Floats]]] = {}
    for weights in [once, *weight_blocks(ids, units, resamples=resamples)]:
        for model, seeds in answers.items():
            for metric in metrics:
                for seed, said in seeds.items():
                    found = weighted_scores(metric, said.read_by(metric), said.gold, weights)
                    if weights is once:
                        whole.setdefault((model, metric), {})[seed] = found[0]
                    else:
                        of_seed = drawn.setdefault((model, metric), {})
                        of_seed.setdefault(seed, []).append(found)
    return {
        (model, metric): Draws(
            values,
            {seed: np.concatenate(blocks) for seed, blocks in drawn[model, metric].items()},
            {seed: _rights(said, metric) for seed, said in answers[model].items()},
            answers[model],
            units,
        )
        for (model, metric), values in whole.items()
    }


@dataclass(frozen=True)
class Draws:
    """Every draw of one model, by seed.

    Attributes:
        scores: its score in each draw [D].
        samples: the same on the resamples [R, D].
        items: what each example adds [N, D].
        said: its answers.
        units: the cluster of each example [N].
    """

    scores: dict[int, Floats]
    samples: dict[int, Floats]
    items: dict[int, Floats]
    said: dict[int, Answers]
    units: Units

    def mean(self) -> Side:
        """The mean over draws."""
        return Side(
            {seed: float(values.mean()) for seed, values in self.scores.items()},
            {seed: values.mean(axis=1) for seed, values in self.samples.items()},
            {seed: values.mean(axis=1) for seed, values in self.items.items()},
            {seed: len(said.draws) for seed, said in self.said.items()},
            {seed: said.flag for seed, said in self.said.items()},
            {seed: said.cells[0] for seed, said in self.said.items()},
            self.units,
        )

    def one(self, seed: int, place: int) -> Side:
        """One draw of one seed."""
        return Side(
            {seed: float(self.scores[seed][place])},
            {seed: self.samples[seed][:, place]},
            {seed: self.items[seed][:, place]},
            {seed: 1},
            {seed: self.said[seed].flag},
            {seed: self.said[seed].cells[place]},
            self.units,
        )


def _rights(said: Answers, metric: str) -> Floats:
    """What each example adds in each draw [N, D]: whether it is right, minus its error, or bits."""
    if metric in CLASS_METRICS:
        return np.asarray(said.predictions == said.gold[:, None], dtype=np.float64)
    if metric == BITS:
        return said.read_by(metric)
    return np.asarray(-np.abs(said.predictions - said.gold[:, None]))


def _differing(first: Answers, second: Answers, draws: Sequence[DrawPair]) -> float:
    """Share of examples on which two draws differ, mean over the pairs of draws."""
    gaps = [first.predictions[:, d.first] != second.predictions[:, d.second] for d in draws]
    return float(np.mean(gaps)) if gaps else 1.0


def _each_draw(
    pair: Pair, line: dict[str, Any], first: Draws, second: Draws, seeds: list[int]
) -> Iterator[dict[str, Any]]:
    """The difference in each draw of each seed, where one side has several."""
    for seed in seeds:
        a, b = first.said[seed], second.said[seed]
        if max(len(a.draws), len(b.draws)) < 2:
            continue
        for draw in pairs_of_draws(pair, a, b):
            yield draw_record(
                pair, line, first.one(seed, draw.first), second.one(seed, draw.second), seed,
                draw.draw, outcome=line["metric"], share=_differing(a, b, [draw]),
            )  # fmt: skip
