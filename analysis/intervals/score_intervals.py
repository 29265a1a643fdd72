"""Intervals of mean scores: of each kind and state, over its seeds and draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..comparison.pairs import Model
from ..comparison.run_items import Answers, answers_of, model_columns
from ..statistics.clusters import alone, count_of
from ..statistics.paired import expanded_limits
from ..statistics.weighted import RESAMPLES, weight_blocks, weighted_scores

LINE = ["model", "task", "method", "kind", "state", "metric"]
COLUMNS = [*LINE, "ci_low", "ci_high", "ci_method"]


def score_intervals(rows: pd.DataFrame, cells: Path, *, resamples: int = RESAMPLES) -> pd.DataFrame:
    """95% intervals of the mean score of each kind and state.

    The examples are resampled, or the clusters that they were sampled in; every seed and draw is
    scored on the same resample, and the mean is taken as the summaries take it: over seeds, of each
    seed's mean over draws. Limits are percentiles, expanded for the number of units (Hesterberg
    2015). They cover other examples for these models and masks, not other seeds or draws.

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells, which hold the items.
        resamples: bootstrap samples.

    Returns:
        The columns of `COLUMNS`; models without subnetworks have the method `full`. `ci_method`
        says what was resampled, or why there is no interval. A kind and state has no line if the
        answers of any of its seeds or draws are missing.
    """
    scored = model_columns(rows[(rows["probe"] == "performance") & rows["value"].notna()])
    lines = []
    for (model, task), mine in scored.groupby(["model", "task"], sort=False):
        metrics = list(dict.fromkeys(mine["metric"]))
        first = mine[mine["metric"] == metrics[0]]
        answers = _whole(answers_of(first, cells)[0], first)
        about = {"model": model, "task": task}
        lines += [about | line for line in _of_task(answers, metrics, resamples)]
    return pd.DataFrame(lines, columns=COLUMNS).astype({"ci_low": float, "ci_high": float})


def _whole(
    answers: Mapping[Model, dict[int, Answers]], scored: pd.DataFrame
) -> dict[Model, dict[int, Answers]]:
    """Those that have the answers of every seed: the mean of fewer would be another number."""
    seeds = scored.groupby(["method", "kind", "state"], observed=True)["seed"].agg(set)
    return {model: found for model, found in answers.items() if set(found) == seeds[model]}


def _of_task(
    answers: Mapping[Model, Mapping[int, Answers]], metrics: list[str], resamples: int
) -> Iterator[dict[str, Any]]:
    if not answers:
        return
    first = next(iter(next(iter(answers.values())).values()))
    blocks = list(weight_blocks(first.ids, first.units, resamples=resamples))
    over = "examples" if alone(first.units) else f"{count_of(first.units)} clusters"
    name = f"percentile bootstrap over {over} ({resamples})"
    for (method, kind, state), seeds in answers.items():
        these = "this seed" if len(seeds) == 1 else "these seeds"
        for metric in metrics:
            read = [said.read_by(metric) for said in seeds.values()]
            drawn = [
                np.concatenate(
                    [weighted_scores(metric, values, said.gold, block).mean(axis=1)
                     for block in blocks]
                )
                for values, said in zip(read, seeds.values(), strict=True)
            ]  # fmt: skip
            low, high = expanded_limits(np.mean(drawn, axis=0), count_of(first.units))
            if not any(np.ptp(values, axis=0).any() for values in read):
                low, high = float("nan"), float("nan")
            yield {
                "method": method, "kind": kind, "state": state, "metric": metric,
                "ci_low": low, "ci_high": high,
                "ci_method": f"{name}, {these}" if np.isfinite(low)
                else "no interval: the score is the same in all resamples, or the prediction is "
                "the same for every example",
            }  # fmt: skip
