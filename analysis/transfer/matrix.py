"""The transfer matrix: what the mask of each task scores on each task, with its references."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.output.better import LOWER, better_of
from ...data.seeds import design_of
from ..comparison.pair_records import BEYOND, frame_of
from ..comparison.pairs import Model, Sizes
from ..comparison.run_items import Answers, answers_of
from ..comparison.score_comparisons import Draws, resampled_scores
from ..statistics.checks import trusted
from ..statistics.clusters import count_of
from ..statistics.paired import expanded_limits, over_seeds_and_examples
from ..statistics.paired_coverage import CROSSED_AND_EXAMPLES, SEEDS_AND_EXAMPLES
from ..statistics.variation import INCOMPLETE, pairs_in
from ..statistics.weighted import METRICS, RESAMPLES
from ..summary.kinds import joined_flags
from .computing import Crossed
from .differences import DIFFERENCES, corrected, differences
from .overlap import overlap_columns

_TEXT, _WHOLE, _REAL = "string", "Int64", "Float64"
_UNITS = ("heads", "mlps", "neurons", "weights")
MATRIX: dict[str, str] = {
    "model": _TEXT, "method": _TEXT, "reading": _TEXT, "mask_task": _TEXT, "task": _TEXT,
    "metric": _TEXT, "primary": "boolean", "value": _REAL, "ci_low": _REAL, "ci_high": _REAL,
    "ci_method": _TEXT, "beyond_low": _REAL, "beyond_high": _REAL, "beyond_method": _TEXT,
    "seed_low": _REAL, "seed_high": _REAL, "gain_kept": _REAL, "full": _REAL, "own": _REAL,
    "random": _REAL, "random_low": _REAL, "random_high": _REAL, "above_random": _REAL,
    "n_draws": _WHOLE, "complement": _REAL,
    "baseline": _TEXT, "baseline_value": _REAL, "p_adjusted": _REAL,
    **{f"kept_{unit}": _REAL for unit in _UNITS},
    **{f"jaccard_{unit}{end}": _REAL for unit in _UNITS for end in ("", "_expected")},
    "n": _WHOLE, "n_clusters": _WHOLE, "n_seeds": _WHOLE, "flag": _TEXT,
}  # fmt: skip
"""Column -> type of the matrix; one line is one mask on one task in one metric."""

Cell = tuple[str, str, str]
"""Method, reading and task of the mask."""


def transfer_tables(
    crossed: Crossed, flags: pd.DataFrame, *, correction: str = "holm", resamples: int = RESAMPLES
) -> dict[str, pd.DataFrame]:
    """The matrix of a run, its differences to the references, and what cannot be said.

    Args:
        crossed: the finished scores.
        flags: tidy rows of the run, whose flags the matrix repeats: a task that was not learned, a
            search that found nothing.
        correction: `holm` or `fdr_bh`.
        resamples: bootstrap samples.

    Returns:
        `transfer` (columns of `MATRIX`), `transfer_differences` (of `DIFFERENCES`) and
        `comparison_notes`.
    """
    lines: list[dict[str, Any]] = []
    compared: list[dict[str, Any]] = []
    notes: list[str] = []
    for _, rows in crossed.rows.groupby(["model", "task"], sort=False):
        task = _Scored(rows, crossed.plan.store.cells, resamples)
        lines += task.lines(crossed)
        compared += differences(task.about, task.answers, task.sides, task.metrics, task.pairs)
        notes += task.notes
    table = pd.DataFrame(lines)
    tested = corrected(frame_of(compared, DIFFERENCES), correction)
    table = table.assign(flag=[_flags(flags, line) for line in table.to_dict("records")])
    table = table.merge(_against_random(tested), how="left")
    order = {name: place for place, name in enumerate(dict.fromkeys(crossed.rows["task"]))}
    table = table.sort_values(
        ["mask_task", "task"], key=lambda names: names.map(order), kind="stable"
    ).sort_values(["method", "reading"], kind="stable")
    return {
        "transfer": frame_of(table, MATRIX),
        "transfer_differences": tested,
        "comparison_notes": pd.DataFrame({"note": pd.array(notes, dtype="string")}),
    }


def model_of(kind: str, mask_task: Any, method: str, reading: Any) -> Model:
    """What names a model among those that one task is scored with."""
    if pd.isna(mask_task):
        return ("full", "full", "")
    return (method, f"{kind} of {mask_task}", str(reading))


class _Scored:
    """Everything that was scored on one task."""

    def __init__(self, rows: pd.DataFrame, cells: Path, resamples: int):
        self.rows, self.pairs, self._resamples = rows, pairs_in(rows), resamples
        self.about = {name: str(rows[name].iloc[0]) for name in ("model", "task")}
        every = list(dict.fromkeys(rows["metric"]))
        self.metrics = [metric for metric in every if metric in METRICS]
        names = [
            model_of(line.kind, line.mask_task, line.method, line.reading)
            for line in rows.itertuples()
        ]
        columns = dict(zip(("method", "kind", "state"), zip(*names, strict=True), strict=True))
        renamed = rows.assign(**{name: list(values) for name, values in columns.items()})
        first = renamed[renamed["metric"] == every[0]]
        self.answers, missing = answers_of(first, cells)
        self.sides: dict[tuple[Model, str], Draws] = resampled_scores(
            self.answers, self.metrics, resamples
        )
        self.notes = [f"{self.about['task']}: {note}" for note in missing]
        self.notes += [
            f"{self.about['task']}: {metric} has no resampled scores, so neither interval nor p"
            for metric in every
            if metric not in METRICS
        ]

    def lines(self, crossed: Crossed) -> Iterator[dict[str, Any]]:
        """One line for each mask and metric."""
        good = self.rows[self.rows["mask_task"].notna() & self.rows["kind"].eq("good")]
        primary = self.rows["metric"].iloc[0]
        key = ["method", "reading", "mask_task", "metric"]
        for (method, reading, of, metric), scores in good.groupby(key, sort=False):
            mean = scores["value"].astype(float)
            yield {
                **self.about, "method": method, "reading": reading, "mask_task": of,
                "metric": metric, "primary": metric == primary, "value": mean.mean(),
                "seed_low": mean.min(), "seed_high": mean.max(), "n_seeds": len(scores),
                "baseline": scores["baseline"].iloc[0],
                "baseline_value": scores["baseline_value"].astype(float).mean(),
                **self._interval((method, f"good of {of}", reading), metric),
                **self._references((method, reading, of), metric, scores),
                **overlap_columns(crossed.masks, of, self.about["task"], method),
            }  # fmt: skip

    def _interval(self, model: Model, metric: str) -> dict[str, Any]:
        """Intervals of the mean over seeds: for other examples, and for other seeds as well."""
        drawn = self.sides.get((model, metric))
        if drawn is None:
            return {}
        side = drawn.mean()
        design = design_of(side.scores, self.pairs)
        seeds = list(design.seeds)
        samples = np.stack([side.samples[seed] for seed in seeds], axis=1)  # [R, S]
        answers: Answers = self.answers[model][seeds[0]]
        sizes = Sizes(len(answers.ids), count_of(answers.units))
        found: dict[str, Any] = vars(sizes)
        name = f"percentile bootstrap over {sizes.over} ({self._resamples}), these seeds"
        low, high = expanded_limits(samples.mean(axis=1), sizes.n_clusters)
        if np.isfinite(low):
            found |= {"ci_low": low, "ci_high": high, "ci_method": name}
        else:
            found["ci_method"] = f"no {name}: the resamples do not vary"
        name = f"bootstrap over seeds and {sizes.over} ({self._resamples})"
        if design.incomplete:
            return found | {"beyond_method": f"no {name}: {INCOMPLETE}"}
        kind = SEEDS_AND_EXAMPLES
        if design.grid is not None:
            kind = CROSSED_AND_EXAMPLES
            over = f"rows and columns of a {design.grid.shape} grid of seeds, and {sizes.over}"
            name = f"bootstrap over {over} ({self._resamples})"
        # a score varies as its difference from a model that answers the same everywhere
        coverage = sizes.coverage(kind, metric, seeds=design.units, share=1.0)
        mean = float(np.mean([side.scores[seed] for seed in seeds]))
        low, high = over_seeds_and_examples(mean, samples, grid=design.grid)
        if trusted(coverage) and np.isfinite(low):
            found |= {"beyond_low": low, "beyond_high": high, "beyond_method": name}
        else:
            found["beyond_method"] = f"no {name}: too few seeds or examples for .92 coverage"
        return found

    def _references(self, cell: Cell, metric: str, good: pd.DataFrame) -> dict[str, Any]:
        """What the full model, the own mask, random masks and the complement of the mask score."""
        method, reading, of = cell
        scores = self.rows[self.rows["metric"] == metric]
        whole = scores[scores["mask_task"].isna()]
        mine = scores[scores["method"].eq(method) & scores["reading"].eq(reading)]
        own = mine[mine["mask_task"].eq(self.about["task"]) & mine["kind"].eq("good")]
        random, rest = (
            mine[mine["mask_task"].eq(of) & mine["kind"].eq(kind)]
            for kind in ("random", "complement")
        )
        every = {"full": whole, "own": own, "random": random, "complement": rest}
        found = {name: one["value"].astype(float).mean() for name, one in every.items()}
        baseline = whole["baseline_value"].astype(float).mean()
        sign = -1 if better_of(metric) == LOWER else 1
        gain = sign * (found["full"] - baseline)
        kept = sign * (float(good["value"].astype(float).mean()) - baseline)
        found["gain_kept"] = kept / gain if gain > 0 else np.nan
        found["flag"] = joined_flags(pd.concat([one["flag"] for one in (good, own, random, rest)]))
        if random.empty:
            return found
        draws = random["value"].astype(float)
        by_seed = {seed: sign * group["value"].to_numpy(dtype=float)
                   for seed, group in random.groupby("seed")}  # fmt: skip
        values = sign * good.set_index("seed")["value"].astype(float)
        below = [(pool < values[seed]).mean() + (pool == values[seed]).mean() / 2
                 for seed, pool in by_seed.items()]  # fmt: skip
        return found | {
            "random_low": draws.min(), "random_high": draws.max(),
            "n_draws": min(map(len, by_seed.values())), "above_random": float(np.mean(below)),
        }  # fmt: skip


def _flags(rows: pd.DataFrame, line: dict[str, Any]) -> str:
    """Flags of the scores, of the full model of the scored task, and of the other task's search."""
    rows = rows[rows["probe"].isin(["performance", "mask"])]
    whole = rows["task"].eq(line["task"]) & rows["kind"].eq("full")
    search = rows["task"].eq(line["mask_task"]) & rows["kind"].eq("good")
    search &= rows["method"].eq(line["method"]) & rows["state"].eq("pruned")
    own = pd.Series([line["flag"]], dtype="string")
    return joined_flags(pd.concat([rows.loc[whole | search, "flag"], own]))


def _against_random(tested: pd.DataFrame) -> pd.DataFrame:
    """Corrected p of each mask against random masks of its size."""
    key = ["model", "method", "reading", "mask_task", "task", "metric"]
    lines = tested[tested["reference"].eq("random") & tested["level"].ne(BEYOND)]
    return lines.loc[lines["p_value"].notna(), [*key, "p_adjusted"]]
