"""The spread of a run over its seeds: scores, second metrics, and the best of several trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ...data.errors import DataFileError
from ...data.seeds import Grid
from ..statistics.corrections import adjust_rows
from ..summary.kinds import WHO, performance_of
from ..wording import counted
from .best_tables import best_lines, plan_lines
from .columns import BEST, PARTS, PLANS, RUNS, SPREAD, framed
from .over_seeds import RESAMPLES, correlation, mean_over_seeds
from .panel import LINE, MODEL, PERFORMANCE, runs_of
from .seed_grid import crossed, grid_in, variance_parts
from .trainings import Training

_OF_FEW = "a correlation needs at least 3 seeds"


@dataclass(frozen=True)
class Asked:
    """What is asked of a run, apart from its rows.

    Attributes:
        metrics: names of the metrics beside the score; empty = the headline of each probe.
        pairs: seed -> its seeds of initialisation and order, where they differ.
        trainings: what the trainings of the run have recorded.
        budgets: numbers of complete trainings; empty = each from 1 to the number of runs.
        n: maximum number of trainings of which the best is expected; 0 = the number of runs.
        n_missing: number of cells that the run lacks.
        correction: `holm` or `fdr_bh`.
        permutations: number of permutations of a test that cannot permute all orders.
        resamples: number of samples of trainings that are stopped early.
        seed: same seed, same tables.
    """

    metrics: Sequence[str] = ()
    pairs: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    trainings: Sequence[Training] = ()
    budgets: Sequence[int] = ()
    n: int = 0
    n_missing: int = 0
    correction: str = "holm"
    permutations: int = 2000
    resamples: int = 50_000
    seed: int = 0


@dataclass(frozen=True)
class Spread:
    """Everything that `subprobe spread` writes.

    Attributes:
        spread: one metric of one model a line, over seeds (columns of `SPREAD`).
        runs: the value of each seed.
        parts: components of variance, if seeds of initialisation and order are crossed.
        best: the expected best of n trainings.
        plans: plans that stop trainings early, if curves were recorded.
        notes: what cannot be said, and why.
    """

    spread: pd.DataFrame
    runs: pd.DataFrame
    parts: pd.DataFrame
    best: pd.DataFrame
    plans: pd.DataFrame
    notes: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without its ending -> frame."""
        return {
            "spread": self.spread, "spread_runs": self.runs, "spread_variance": self.parts,
            "expected_best": self.best, "early_stopping": self.plans, "spread_notes": self.notes,
        }  # fmt: skip


def measure_spread(rows: pd.DataFrame, asked: Asked | None = None, *, where: str = "") -> Spread:
    """How much the results of a run vary over its seeds.

    Args:
        rows: tidy rows of the run.
        asked: metrics, trainings and options.
        where: what the rows were read from, for the message.

    Raises:
        DataFileError: if no model has two seeds.
        UnknownNameError: for a metric that no row has.
    """
    asked = asked or Asked()
    runs = _with_pairs(runs_of(rows, asked.metrics), asked.pairs)
    if runs.groupby(LINE)["seed"].nunique().max() < 2:
        raise DataFileError(
            "every model has one seed, and a spread needs at least 2",
            where=where or "rows",
            remedy="add seeds to the run (`subprobe run` with `seed` and `add`)",
        )
    notes: list[dict[str, str]] = []
    if asked.n_missing:
        lacking = f"{counted(asked.n_missing, 'cell')} of the run failed or depend on one that did"
        notes.append(_note({}, f"{lacking}: their seeds are left out where they lack a value"))
    notes += _without_value(rows, runs)
    lines = list(_lines(runs, asked, notes))
    spread = adjust_rows(
        framed(lines, SPREAD), ("model", "task", "method"), asked.correction,
        floors=framed(lines, {"floor": "Float64"})["floor"], flag="note",
    )  # fmt: skip
    best = best_lines(runs, asked.trainings, asked.n, asked.seed)
    plans, unplanned = plan_lines(
        runs, asked.trainings, asked.budgets, resamples=asked.resamples, seed=asked.seed
    )
    for about, note in unplanned:
        notes.append(_note(about, note))
    return Spread(
        framed(spread, SPREAD),
        framed(runs, RUNS),
        _parts(runs, asked),
        framed(best, BEST),
        framed(plans, PLANS),
        framed(notes, dict.fromkeys((*MODEL, "metric", "note"), "string")),
    )


def _with_pairs(runs: pd.DataFrame, pairs: Mapping[int, tuple[int, int]]) -> pd.DataFrame:
    """The runs with their two seeds, sorted by them within each line."""
    both = [pairs.get(int(seed), (int(seed), int(seed))) for seed in runs["seed"]]
    runs = runs.assign(seed_init=[a for a, _ in both], seed_order=[b for _, b in both])
    order = {line: place for place, line in enumerate(map(tuple, runs[LINE].to_numpy()))}
    place = [order[line] for line in map(tuple, runs[LINE].to_numpy())]
    sorted_runs = runs.assign(place=place).sort_values(
        ["place", "seed_init", "seed_order"], kind="stable"
    )
    return sorted_runs.drop(columns="place").reset_index(drop=True)


def _note(about: Mapping[str, Any], note: str) -> dict[str, str]:
    return {**{name: str(about.get(name, "")) for name in (*MODEL, "metric")}, "note": note}


def _without_value(rows: pd.DataFrame, runs: pd.DataFrame) -> Iterator[dict[str, str]]:
    """A note for each model whose score is undefined for a seed, as a correlation may be."""
    scored = rows[rows["probe"].eq(PERFORMANCE)]
    own = runs.loc[runs["primary"], [*WHO, "metric"]].drop_duplicates()
    # of all rows: those of the full model take the names of the methods from the others
    lost = performance_of(scored.assign(value=scored["value"].isna().astype(float)))
    scores = lost[lost["value"] > 0].merge(own, on=[*WHO, "metric"])
    for about, mine in scores.groupby([*MODEL, "metric"], observed=True, sort=False):
        seeds = ", ".join(map(str, sorted(set(mine["seed"]))))
        what = f"{counted(len(mine), 'score')} without a value left out, of seed {seeds}"
        yield _note(dict(zip((*MODEL, "metric"), about, strict=True)), what)


def _lines(
    runs: pd.DataFrame, asked: Asked, notes: list[dict[str, str]]
) -> Iterator[dict[str, Any]]:
    """One line for each metric of each model, over its seeds."""
    paired = crossed(runs)
    scores = {
        who: mine.set_index("seed")["value"]
        for who, mine in runs[runs["primary"]].groupby(MODEL, sort=False)
    }
    for about, one in runs.groupby(LINE, sort=False):
        line = dict(zip(LINE, about, strict=True))
        grid = grid_in(one) if paired else None
        found = mean_over_seeds(one["value"].to_numpy(dtype=float), grid, RESAMPLES, asked.seed)
        if paired and grid is None:
            notes.append(_note(line, "no interval: seeds are crossed, and runs are missing"))
            found = {n: v for n, v in found.items() if not n.startswith(("ci_", "sd_"))}
        first = one.iloc[0]
        known = {
            "primary": first["primary"], "better": first["better"], "n_seeds": len(one),
            "n_inits": one["seed_init"].nunique(), "n_orders": one["seed_order"].nunique(),
            "n_draws": one["n_draws"].min(), "baseline": first["baseline"],
            "baseline_value": one["baseline_value"].mean(), "n": one["n"].min(),
            "flag": ", ".join(sorted(set(filter(None, one["flag"])))),
        }  # fmt: skip
        score = scores.get(tuple(line[name] for name in MODEL), pd.Series(dtype=float))
        yield line | known | found | _beside(one, score, grid, paired, asked)


def _beside(
    one: pd.DataFrame, scores: pd.Series, grid: Grid | None, paired: bool, asked: Asked
) -> dict[str, Any]:
    """The correlation of a second metric with the score, over the seeds that have both."""
    if one["primary"].iloc[0] or (paired and grid is None):
        return {}
    both = one[one["seed"].isin(scores.index)]
    if len(both) < len(one) and paired:
        return {}
    if len(both) < 3:
        return {"note": _OF_FEW}
    found = correlation(
        scores.loc[both["seed"]].to_numpy(dtype=float), both["value"].to_numpy(dtype=float),
        grid, asked.permutations, asked.seed,
    )  # fmt: skip
    return found or {"note": "no correlation: one of the two does not vary over seeds"}


def _parts(runs: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """Components of variance of every metric whose runs are a complete grid of seeds."""
    lines: list[dict[str, Any]] = []
    for about, one in runs.groupby(LINE, sort=False) if crossed(runs) else ():
        grid = grid_in(one)
        if grid is None:
            continue
        shape = len(grid.inits), len(grid.orders)
        values = one["value"].to_numpy(dtype=float).reshape(shape)
        line = dict(zip(LINE, about, strict=True))
        line |= {"n_inits": shape[0], "n_orders": shape[1], "n_seeds": len(one)}
        for part in variance_parts(values):
            lines.append(line | part)
    table = framed(lines, PARTS)
    return framed(
        adjust_rows(table, ("model", "task", "method"), asked.correction, flag="note"), PARTS
    )
