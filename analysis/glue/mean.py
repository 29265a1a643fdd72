"""The mean over the tasks of GLUE (Wang et al. 2019, ICLR), for each kind of subnetwork."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.errors import ConfigError
from ...data.tasks.glue import GLUE, glue_splits
from ..comparison.pair_records import frame_of
from ..comparison.run_items import Answers, answers_of, model_columns
from ..statistics.clusters import alone, count_of
from ..statistics.paired import expanded_limits
from ..statistics.uncertainty import Floats
from ..statistics.weighted import weight_blocks, weighted_scores
from ..summary.kinds import tidy_kinds
from .cautions import WNLI

METRICS: Mapping[str, tuple[str, ...]] = {
    "cola": ("matthews",), "sst2": ("accuracy",), "mrpc": ("accuracy", "f1"),
    "stsb": ("pearson", "spearman"), "qqp": ("accuracy", "f1"), "mnli": ("accuracy",),
    "qnli": ("accuracy",), "rte": ("accuracy",), "wnli": ("accuracy",),
}  # fmt: skip
"""Task -> the metrics whose mean is its score."""
ALL, WITHOUT = "mean", "mean without wnli"
RESAMPLES = 2000
_TEXT, _WHOLE, _REAL = "string", "Int64", "Float64"
COLUMNS: dict[str, str] = {
    **dict.fromkeys(("model", "method", "kind", "state", "task", "metric", "split"), _TEXT),
    "value": _REAL, "ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT,
    "baseline": _TEXT, "baseline_value": _REAL, "difference": _REAL,
    "difference_low": _REAL, "difference_high": _REAL, "n_tasks": _WHOLE, "missing": _TEXT,
    **dict.fromkeys(("n", "n_clusters", "n_seeds", "n_draws"), _WHOLE),
    "flag": _TEXT, "note": _TEXT,
}  # fmt: skip

Who = tuple[str, str, str, str]
"""Model, method, kind and state."""


@dataclass(frozen=True)
class Scored:
    """The score of one kind and state on one task.

    Attributes:
        task: the task.
        value: mean of its metrics, over seeds of the mean over draws.
        samples: the same on resamples of the examples [R]; None = no answers are stored.
        baseline: score of the majority baseline.
        splits: what is scored.
        about: counts and flags.
    """

    task: str
    value: float
    samples: Floats | None
    baseline: float
    splits: tuple[str, ...]
    about: Mapping[str, Any] = field(default_factory=dict)


def glue_table(
    runs: Sequence[tuple[pd.DataFrame, Path]], *, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """The score of each GLUE task, and their mean with and without WNLI.

    The score of a task is the mean of its metrics, and the mean over tasks gives each the same
    weight. MNLI is the mean of matched and mismatched, where both are scored. Tasks that are not
    scored are named and no part of the mean.

    Args:
        runs: rows and folder of cells of each run; each task is in one run only.
        resamples: bootstrap samples.

    Returns:
        The columns of `COLUMNS`. Intervals resample the examples or clusters of each task, for
        these seeds and draws. `difference` is good or bad minus random, of the same method and
        state and on the same tasks.

    Raises:
        ConfigError: if no run has a task of GLUE, or two runs have the same.
    """
    found: dict[Who, dict[str, Scored]] = {}
    held: set[tuple[str, str]] = set()
    for rows, cells in runs:
        scored = model_columns(rows[(rows["probe"] == "performance") & rows["value"].notna()])
        scored = scored[scored["task"].isin(list(GLUE))]
        for (model, task), mine in scored.groupby(["model", "task"], sort=False):
            if (str(model), str(task)) in held:
                raise ConfigError(
                    f"{task} of {model} is in more than one of these runs",
                    remedy="name runs of different tasks",
                )
            held.add((str(model), str(task)))
            for who, one in _of_task(str(task), mine, cells, resamples):
                found.setdefault((str(model), *who), {})[str(task)] = one
    if not found:
        raise ConfigError(
            "no task of GLUE was scored", remedy=f"name a run with some of {', '.join(GLUE)}"
        )
    lines = [line for who, tasks in found.items() for line in _lines(who, tasks, found)]
    table = frame_of(lines, COLUMNS)
    order = tidy_kinds(table).sort_values(["model", "method", "state", "kind"], kind="stable")
    return table.loc[order.index].reset_index(drop=True)


def _of_task(
    task: str, rows: pd.DataFrame, cells: Path, resamples: int
) -> Iterator[tuple[tuple[str, str, str], Scored]]:
    """The score of each kind and state on one task."""
    metrics = METRICS[task]
    rows = rows[rows["metric"].isin(list(metrics))]
    answers, _ = answers_of(rows[rows["metric"] == metrics[0]], cells)
    splits = tuple(dict.fromkeys(rows["split"].dropna()))
    who = ["method", "kind", "state"]
    for key, mine in rows.groupby(who, sort=False, observed=True):
        per_seed = mine.groupby(["seed", "metric"])[["value", "baseline_value"]].mean()
        means = per_seed.groupby("seed").mean().mean()
        seeds = answers.get(tuple(map(str, key)), {})  # type: ignore[arg-type]
        samples = None
        if seeds and set(seeds) == set(mine["seed"]):
            samples = _samples(seeds, metrics, list(GLUE).index(task), resamples)
        flags = {one for flag in mine["flag"].dropna() for one in flag.split(", ") if one}
        draws = mine[mine["metric"] == metrics[0]].groupby("seed")["draw"].nunique()
        first = next(iter(seeds.values()), None)
        yield tuple(map(str, key)), Scored(  # type: ignore[misc]
            task, float(means["value"]), samples, float(means["baseline_value"]), splits,
            {
                "n": mine["n"].min(), "n_clusters": mine["n_clusters"].min(),
                "n_seeds": len(draws), "n_draws": max(1, int(draws.min())),
                "flag": ", ".join(sorted(flags)), "baseline": mine["baseline"].iloc[0],
                "over": "examples" if first is None or alone(first.units)
                else f"{count_of(first.units)} clusters",
            },
        )  # fmt: skip


def _samples(
    seeds: Mapping[int, Answers], metrics: Sequence[str], place: int, resamples: int
) -> Floats:
    """The score of a task on resamples [R], the same for every kind."""
    first = next(iter(seeds.values()))
    blocks = weight_blocks(first.ids, first.units, resamples=resamples, seed=place)
    drawn = []
    for weights in blocks:
        scores = [
            weighted_scores(metric, said.read_by(metric), said.gold, weights).mean(axis=1)
            for said in seeds.values()
            for metric in metrics
        ]
        drawn.append(np.mean(scores, axis=0))
    return np.concatenate(drawn)


def _lines(
    who: Who, tasks: Mapping[str, Scored], every: Mapping[Who, Mapping[str, Scored]]
) -> Iterator[dict[str, Any]]:
    names = dict(zip(("model", "method", "kind", "state"), who, strict=True))
    random = every.get((*who[:2], "random", who[3])) if who[2] in ("good", "bad") else None
    for task in GLUE:
        if task in tasks:
            one = tasks[task]
            left = [split for split in glue_splits(GLUE[task])[1:] if split not in one.splits]
            yield {
                **names, "task": task, "metric": ", ".join(METRICS[task]),
                "split": ", ".join(one.splits), "n_tasks": 1, "value": one.value,
                "baseline_value": one.baseline, **_beyond([task], tasks, random), **one.about,
                **_interval([one]), "note": f"without {', '.join(left)}" if left else None,
            }  # fmt: skip
    for name in (ALL, WITHOUT):
        wanted = [task for task in GLUE if name == ALL or task != WNLI]
        there = [task for task in wanted if task in tasks]
        if not there or (name == WITHOUT and WNLI not in tasks):
            continue
        scores = [tasks[task] for task in there]
        notes = []
        if "mnli" in tasks and len(tasks["mnli"].splits) < 2:
            notes.append(f"mnli is {tasks['mnli'].splits[0]} only")
        if name == ALL and WNLI in tasks:
            notes.append("with wnli")
        yield {
            **names, "task": name, "n_tasks": len(there),
            "missing": ", ".join(task for task in wanted if task not in tasks) or None,
            "value": float(np.mean([one.value for one in scores])), "baseline": "majority or mean",
            "baseline_value": float(np.mean([one.baseline for one in scores])),
            **_interval(scores), **_beyond(there, tasks, random),
            **{count: min(one.about[count] for one in scores) for count in ("n_seeds", "n_draws")},
            "flag": ", ".join(sorted({one.about["flag"] for one in scores} - {""})),
            "note": ", ".join(notes) or None,
        }  # fmt: skip


def _interval(scores: Sequence[Scored]) -> dict[str, Any]:
    """Limits of the mean of some tasks, whose examples are resampled independently."""
    drawn = [one.samples for one in scores if one.samples is not None]
    if len(drawn) < len(scores):
        return {"ci_method": "no interval: the answers to single examples are not stored"}
    units = min(int(one.about["n_clusters"]) for one in scores)
    low, high = expanded_limits(np.mean(drawn, axis=0), units)
    over = scores[0].about["over"] if len(scores) == 1 else "examples of each task"
    if np.isnan(low):
        return {"ci_method": "no interval: the resamples do not vary"}
    method = f"percentile bootstrap over {over} ({len(drawn[0])}), these seeds"
    return {"ci_low": low, "ci_high": high, "ci_method": method}


def _beyond(
    there: Sequence[str], tasks: Mapping[str, Scored], random: Mapping[str, Scored] | None
) -> dict[str, Any]:
    """The difference from random on the same tasks and resamples; nothing where one is missing."""
    if random is None or any(task not in random for task in there):
        return {}
    pairs = [(tasks[task], random[task]) for task in there]
    found: dict[str, Any] = {"difference": float(np.mean([a.value - b.value for a, b in pairs]))}
    gaps = [
        a.samples - b.samples
        for a, b in pairs
        if a.samples is not None and b.samples is not None and len(a.samples) == len(b.samples)
    ]
    if len(gaps) == len(pairs):
        units = min(int(a.about["n_clusters"]) for a, _ in pairs)
        low, high = expanded_limits(np.mean(gaps, axis=0), units)
        found |= {"difference_low": low, "difference_high": high}
    return found
