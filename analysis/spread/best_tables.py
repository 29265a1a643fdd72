"""The expected best of several trainings of each model, and plans that stop trainings early."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.better import LOWER, better_of
from ..wording import counted
from .continued import evaluate_plans
from .expected_best import RESAMPLINGS, WITHOUT, best_of
from .over_seeds import RESAMPLES, mean_over_seeds
from .panel import MODEL
from .seed_grid import crossed, grid_in
from .trainings import Training

Floats = npt.NDArray[np.float64]
Said = list[tuple[Mapping[str, Any], str]]

REPORTED, SELECTION = "reported", "selection"
"""The examples on which the best training is chosen; its score is reported on the reported ones."""
MOST_BUDGET = 30
_NO_INTERVAL = "no interval: of the best of 2 or more it covers less than 92%"


def best_lines(
    runs: pd.DataFrame, trainings: Sequence[Training], most: int, seed: int
) -> list[dict[str, Any]]:
    """The expected best of n trainings of each model with two or more seeds.

    Args:
        runs: the values of each seed, see `runs_of`.
        trainings: what the trainings have recorded.
        most: maximum n; 0 = the number of runs.
        seed: of the bootstrap.
    """
    lines: list[dict[str, Any]] = []
    for who, mine in runs[runs["primary"]].groupby(MODEL, sort=False):
        if len(mine) < 2:
            continue
        about = dict(zip(MODEL, who, strict=True))
        about |= {"metric": mine["metric"].iloc[0], "better": mine["better"].iloc[0]}
        values = mine["value"].to_numpy(dtype=float)
        mean = mean_over_seeds(values, grid_in(mine), RESAMPLES, seed)
        if crossed(mine) and grid_in(mine) is None:
            mean = {"ci_method": "no interval: seeds are crossed, and runs are missing"}
        lines += _curve(about | {"chosen_on": REPORTED}, values, None, most, mean)
        chosen = _selection_scores(about, mine["seed"].tolist(), trainings)
        if chosen is not None:
            lines += _curve(about | {"chosen_on": SELECTION}, values, chosen, most, mean)
    return lines


def _curve(
    about: dict[str, Any],
    values: Floats,
    chosen: Floats | None,
    most: int,
    mean: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """One line for each n and resampling; n = 1 is the mean with its interval."""
    sign = -1.0 if about["better"] == LOWER else 1.0
    for resampling in RESAMPLINGS:
        for n in range(1, (most or len(values)) + 1):
            if resampling == WITHOUT and n > len(values):
                break
            value, sd = best_of(sign * values, n, chosen_by=chosen, resampling=resampling)
            interval = {"ci_method": _NO_INTERVAL}
            if n == 1:
                names = ("ci_low", "ci_high", "ci_method")
                interval = {name: mean[name] for name in names if name in mean}
            yield about | interval | {
                "resampling": resampling, "best_of": n, "value": sign * float(value),
                "sd": float(sd), "n_seeds": len(values),
            }  # fmt: skip


def trainings_of(about: Mapping[str, Any], trainings: Sequence[Training]) -> list[Training]:
    """The trainings of a model, as the rows name it."""
    whole = about["kind"] in ("full", "untrained")
    method = "full" if whole else about["method"]
    key = (about["task"], method, about["kind"], about["state"])
    return [one for one in trainings if one.model == key]


def _selection_scores(
    about: Mapping[str, Any], seeds: Sequence[int], trainings: Sequence[Training]
) -> Floats | None:
    """The score of each seed on the selection examples, higher is better; None if one lacks it."""
    mine = trainings_of(about, trainings)
    scores: dict[int, list[float]] = {}
    for one in mine:
        if one.score is not None and one.metric == about["metric"]:
            scores.setdefault(one.seed, []).append(one.score)
    if not all(seed in scores for seed in seeds):
        return None
    sign = -1.0 if about["better"] == LOWER else 1.0
    return np.array([sign * np.mean(scores[seed]) for seed in seeds])


def plan_lines(
    runs: pd.DataFrame,
    trainings: Sequence[Training],
    budgets: Sequence[int],
    *,
    resamples: int,
    seed: int,
) -> tuple[list[dict[str, Any]], Said]:
    """Plans that stop trainings early, for each model whose trainings recorded curves.

    Args:
        runs: the values of each seed, see `runs_of`.
        trainings: what the trainings have recorded.
        budgets: numbers of complete trainings; empty = each from 1 to the number of curves.
        resamples: number of samples of runs.
        seed: of the samples.
    """
    lines: list[dict[str, Any]] = []
    said: Said = []
    for who in runs.loc[runs["primary"], MODEL].drop_duplicates().itertuples(index=False):
        about = dict(zip(MODEL, who, strict=True))
        mine = [one for one in trainings_of(about, trainings) if one.curve and not one.draw]
        if not mine:
            continue
        about["metric"] = mine[0].metric
        steps = max((tuple(step for step, _ in one.curve) for one in mine), key=len)
        whole = [one for one in mine if tuple(step for step, _ in one.curve) == steps]
        if ended := len(mine) - len(whole):
            said.append((about, f"{counted(ended, 'curve')} left out: the training ended early"))
        if len(whole) < 2 or len(steps) < 2:
            said.append((about, "no plan: it needs 2 complete curves of 2 evaluations or more"))
            continue
        sign = -1.0 if better_of(about["metric"]) == LOWER else 1.0
        curves = sign * np.array(
            [[np.nan if v is None else v for _, v in one.curve] for one in whole], dtype=float
        )
        if not np.isfinite(curves).any():
            said.append((about, "no plan: no evaluation has a finite score"))
            continue
        asked = list(dict.fromkeys(budgets)) or range(1, min(len(whole), MOST_BUDGET) + 1)
        lines += _told(about, curves, asked, sign, resamples, seed)
    return lines, said


def _told(
    about: dict[str, Any],
    curves: Floats,
    budgets: Sequence[int],
    sign: float,
    resamples: int,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """The plans of each budget, the best of them marked."""
    found = evaluate_plans(curves, budgets, resamples=resamples, seed=seed)
    for budget in budgets:
        mine = [line for line in found if line["budget"] == budget]
        best = max(mine, key=lambda line: line["value"])
        for line in mine:
            yield about | line | {
                "value": sign * line["value"],
                "without_stopping": sign * mine[0]["value"],
                "gain": line["value"] - mine[0]["value"],
                "best": line is best,
                "n_seeds": curves.shape[0],
                "n_evaluations": curves.shape[1],
            }  # fmt: skip
