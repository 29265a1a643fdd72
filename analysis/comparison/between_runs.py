"""The same question asked of several runs: what differs, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.seeds import Pairs, design_of
from ..statistics.checks import trusted
from ..statistics.clusters import count_of
from ..statistics.corrections import adjust_rows
from ..statistics.paired import expanded_limits, over_two_runs
from ..statistics.paired_coverage import CROSSED_RUNS, EXAMPLES, TWO_RUNS
from ..statistics.paired_tests import Tested, crossed_groups, exchanged_groups
from ..statistics.uncertainty import Floats
from ..statistics.variation import CROSSED_GROUPS, EXCHANGED, INCOMPLETE, pairs_in
from ..statistics.weighted import RESAMPLES, weight_blocks, weighted_scores
from .pair_records import frame_of
from .pairs import Sizes
from .run_items import Answers, answers_of, model_columns
from .seed_points import seed_points

_TEXT, _WHOLE, _REAL = "string", "Int64", "Float64"
_KEY = ["task", "method", "kind", "state", "probe", "variant", "metric", "relation", "direction",
        "target", "layer", "annotation", "scheme"]  # fmt: skip
_NAMES: dict[str, str] = {
    "run_a": _TEXT, "run_b": _TEXT, "model_a": _TEXT, "model_b": _TEXT,
    **dict.fromkeys(_KEY, _TEXT), "layer": _WHOLE, "primary": "boolean",
}  # fmt: skip
BETWEEN: dict[str, str] = {
    **_NAMES, "level": _TEXT, "value_a": _REAL, "value_b": _REAL, "difference": _REAL,
    "median_a": _REAL, "median_b": _REAL, "ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT,
    "varies": _TEXT, "coverage": _REAL, "n": _WHOLE, "n_clusters": _WHOLE, "seeds_a": _WHOLE,
    "seeds_b": _WHOLE,
    "flag": _TEXT,
}  # fmt: skip
BETWEEN_TESTS: dict[str, str] = {
    **_NAMES, "test": _TEXT, "varies": _TEXT, "difference": _REAL, "effect": _TEXT,
    "effect_size": _REAL,
    "seeds_a": _WHOLE, "seeds_b": _WHOLE, "p_value": _REAL, "p_floor": _REAL, "p_adjusted": _REAL,
    "correction": _TEXT, "family": _TEXT, "family_size": _WHOLE, "flag": _TEXT,
}  # fmt: skip
_LINE = ["task", "method", "kind", "state", "metric"]


@dataclass(frozen=True)
class Run:
    """One finished run: its name, its rows and its folder of cells."""

    name: str
    rows: pd.DataFrame
    cells: Path


def run_names(folders: Sequence[Path]) -> list[str]:
    """Short names that tell folders apart: their own, or their whole paths."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def between_runs(
    runs: Sequence[Run], *, correction: str = "holm", resamples: int = RESAMPLES
) -> dict[str, pd.DataFrame]:
    """Every two runs on every score that both have.

    Seeds of two runs are independent, also where they have the same number. Examples are paired
    where both runs were scored on the same ones with the same labels, else drawn independently.

    Returns:
        `between_runs` (differences, at the levels `these seeds` and `seeds and examples`),
        `between_tests` (permutation of seeds over the two runs), `seed_points` with the name of
        the run, and `comparison_notes`.
    """
    points = [seed_points(run.rows).assign(run=run.name) for run in runs]
    compared: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    notes: list[str] = []
    answers = [_answers(run) for run in runs]
    for a, b in combinations(range(len(runs)), 2):
        names = {"run_a": runs[a].name, "run_b": runs[b].name}
        pairs = pairs_in(runs[a].rows), pairs_in(runs[b].rows)
        notes += _ablations(runs[a], runs[b])
        found = _Two(names, points[a], points[b], answers[a], answers[b], resamples, pairs)
        compared += found.compared
        tests += found.tests
        notes += found.notes
    tested = frame_of(tests, BETWEEN_TESTS)
    tested["family"] = tested["run_a"] + " · " + tested["run_b"] + " · " + tested["probe"]
    tested = adjust_rows(tested, ["family"], correction)
    every = pd.concat(points, ignore_index=True)
    return {
        "between_runs": frame_of(compared, BETWEEN),
        "between_tests": frame_of(tested, BETWEEN_TESTS),
        "seed_points": every[["run", *(name for name in every if name != "run")]],
        "comparison_notes": pd.DataFrame({"note": pd.array(notes, dtype="string")}),
    }


def _answers(run: Run) -> dict[tuple[str, ...], dict[int, Answers]]:
    """Answers by task, method, kind and state."""
    scores = run.rows[(run.rows["probe"] == "performance") & run.rows["value"].notna()]
    found: dict[tuple[str, ...], dict[int, Answers]] = {}
    for task, mine in model_columns(scores).groupby("task", sort=False):
        first = mine[mine["metric"] == mine["metric"].iloc[0]]
        for model, seeds in answers_of(first, run.cells)[0].items():
            found[(str(task), *model)] = seeds
    return found


def _ablations(first: Run, second: Run) -> list[str]:
    """A note if the pruned units of two runs give different things instead."""
    given = []
    for run in (first, second):
        masked = run.rows[run.rows["mask_id"].fillna("").ne("")]
        # a run of an earlier version says nothing, and has zeros
        found = masked["ablation"].fillna("").replace("", "zero")
        given.append(" and ".join(sorted(found.unique())))
    if not all(given) or given[0] == given[1]:
        return []
    return [
        f"{first.name} and {second.name}: pruned units have the ablation {given[0]} in the one and "
        f"{given[1]} in the other, to which differences between their subnetworks may be due"
    ]


class _Two:
    """Two runs compared with each other."""

    def __init__(
        self,
        names: dict[str, str],
        first: pd.DataFrame,
        second: pd.DataFrame,
        answers_a: dict[tuple[str, ...], dict[int, Answers]],
        answers_b: dict[tuple[str, ...], dict[int, Answers]],
        resamples: int,
        pairs: tuple[Pairs, Pairs],
    ):
        self.compared: list[dict[str, Any]] = []
        self.tests: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self._resamples, self._unpaired, self._pairs = resamples, set[str](), pairs
        sides = []
        for points in (first, second):
            grouped = points.groupby(_KEY, sort=False, dropna=False, observed=True)
            sides.append({_plain(key): group for key, group in grouped})
        primary: dict[str, str] = {}
        for key, mine in sides[0].items():
            other = sides[1].get(key)
            if other is None:
                continue
            about = dict(zip(_KEY, key, strict=True))
            if about["probe"] == "performance":
                primary.setdefault(str(about["task"]), str(about["metric"]))
            line = {
                **names, **about,
                "model_a": mine["model"].iloc[0], "model_b": other["model"].iloc[0],
                "primary": about["probe"] == "performance"
                and primary.get(str(about["task"])) == about["metric"],
            }  # fmt: skip
            self._compare(line, mine, other, answers_a, answers_b)
        missing = len(sides[0].keys() ^ sides[1].keys())
        pair = f"{names['run_a']} and {names['run_b']}"
        if not self.compared:
            self.notes.append(f"{pair} share no score: nothing to compare")
        elif missing:
            self.notes.append(f"{pair}: {missing} scores are in one of them only")
        first_trees, second_trees = _trees(first), _trees(second)
        if first_trees and second_trees and first_trees != second_trees:
            self.notes.append(
                f"{pair}: probes read {first_trees} trees in the one and {second_trees} in the "
                "other; different trees are not compared"
            )
        for task in sorted(self._unpaired):
            self.notes.append(f"{pair}, {task}: scored on other examples, so they are unpaired")

    def _compare(
        self, line: dict[str, Any], mine: pd.DataFrame, other: pd.DataFrame,
        answers_a: dict[tuple[str, ...], dict[int, Answers]],
        answers_b: dict[tuple[str, ...], dict[int, Answers]],
    ) -> None:  # fmt: skip
        flags = {f for side in (mine, other) for flag in side["flag"] for f in flag.split(", ")}
        designs = [design_of(side["seed"].astype(int), pairs) for side, pairs in
                   zip((mine, other), self._pairs, strict=True)]  # fmt: skip
        a, b = (
            side.set_index("seed")["mean"].astype(float)[list(design.seeds)].to_numpy()
            for side, design in zip((mine, other), designs, strict=True)
        )
        same = {
            **line, "value_a": a.mean(), "value_b": b.mean(), "difference": a.mean() - b.mean(),
            "median_a": np.median(a), "median_b": np.median(b), "seeds_a": len(a),
            "seeds_b": len(b), "flag": ", ".join(sorted(flags - {""})),
        }  # fmt: skip
        key = tuple(str(line[name]) for name in ("task", "method", "kind", "state"))
        if line["probe"] == "performance" and key in answers_a and key in answers_b:
            gap = float(same["difference"])
            sides = answers_a[key], answers_b[key]
            for level in self._levels(str(line["metric"]), gap, key[0], *sides):
                self.compared.append(same | level)
        else:
            said = "no interval: values over seeds only, see the tests"
            self.compared.append(same | {"level": "these seeds", "ci_method": said})
        grids = designs[0].grid, designs[1].grid
        crossed = any(design.crossed for design in designs)
        if any(design.incomplete for design in designs):
            tested = Tested(float("nan"), 1.0, INCOMPLETE)
        else:
            tested = crossed_groups(a, b, grids) if crossed else exchanged_groups(a, b)
        self.tests.append(
            {
                **line, "test": CROSSED_GROUPS if crossed else EXCHANGED,
                "difference": a.mean() - b.mean(),
                "effect": "Cohen's d", "effect_size": _cohens_d(a, b), "seeds_a": len(a),
                "seeds_b": len(b), "p_value": tested.p_value, "p_floor": tested.floor,
                "flag": tested.flag,
            }
        )  # fmt: skip

    def _levels(
        self, metric: str, value: float, task: str,
        first: dict[int, Answers], second: dict[int, Answers],
    ) -> list[dict[str, Any]]:  # fmt: skip
        one, two = next(iter(first.values())), next(iter(second.values()))
        paired = one.ids == two.ids and np.array_equal(one.gold, two.gold)
        paired = paired and np.array_equal(one.units, two.units)
        if not paired:
            self._unpaired.add(task)
        designs = [design_of(side, pairs) for side, pairs in
                   zip((first, second), self._pairs, strict=True)]  # fmt: skip
        first, second = ({seed: side[seed] for seed in design.seeds} for side, design in
                         zip((first, second), designs, strict=True))  # fmt: skip
        a = self._resampled(metric, first, 0)
        b = self._resampled(metric, second, 0 if paired else 1)  # [R, S]
        fewer = min(one, two, key=lambda said: count_of(said.units))
        sizes = Sizes(len(fewer.ids), count_of(fewer.units))
        share = float(np.mean(one.predictions[:, 0] != two.predictions[:, 0])) if paired else 1.0
        kind = "paired" if paired else "unpaired"
        seeds = min(design.units for design in designs)
        grids = designs[0].grid, designs[1].grid
        drawn, of_runs = "seeds drawn in each run", TWO_RUNS
        if any(design.crossed for design in designs):
            drawn = "rows and columns of crossed seeds drawn in each run"
            of_runs = CROSSED_RUNS
        fixed = a.mean(axis=1) - b.mean(axis=1)
        wanted = (
            ("these seeds", EXAMPLES, expanded_limits(fixed, sizes.n_clusters), 1,
             f"{kind} bootstrap over {sizes.over}"),
            ("seeds and examples", of_runs, over_two_runs(value, a, b, grids=grids), seeds,
             f"{kind} bootstrap over {sizes.over}, {drawn}"),
        )  # fmt: skip
        found = []
        for level, interval, (low, high), of_seeds, name in wanted:
            coverage = sizes.coverage(interval, metric, seeds=of_seeds, share=share)
            line: dict[str, Any] = {"level": level, **vars(sizes), "coverage": coverage}
            said = f"{name} ({self._resamples})"
            if interval != EXAMPLES and any(design.incomplete for design in designs):
                line["ci_method"] = f"no {said}: {INCOMPLETE}"
            elif trusted(coverage) and np.isfinite(low):
                line |= {"ci_low": low, "ci_high": high, "ci_method": said}
            else:
                line["ci_method"] = f"no {said}: too few items or seeds for .92 coverage"
            found.append(line)
        return found

    def _resampled(self, metric: str, seeds: dict[int, Answers], seed: int) -> Floats:
        """Each seed's score on the resamples [R, S]."""
        one = next(iter(seeds.values()))
        blocks = [
            np.stack(
                [weighted_scores(metric, s.read_by(metric), s.gold, weights).mean(axis=1)
                 for s in seeds.values()],
                axis=1,
            )
            for weights in weight_blocks(
                one.ids, one.units, resamples=self._resamples, seed=seed
            )
        ]  # fmt: skip
        return np.concatenate(blocks)


def _trees(points: pd.DataFrame) -> str:
    """Who drew the trees that probes read, and in which scheme, in words."""
    kinds = points[["annotation", "scheme"]].fillna("").drop_duplicates()
    kinds = kinds[kinds["annotation"].ne("") & kinds["scheme"].ne("")]
    return " and ".join(sorted(f"{one.annotation} {one.scheme}" for one in kinds.itertuples()))


def _plain(key: Any) -> tuple[Any, ...]:
    """A key whose missing parts are equal to each other."""
    return tuple(None if pd.isna(part) else part for part in key)


def _cohens_d(first: Floats, second: Floats) -> float:
    """Cohen's d of two independent groups, with their pooled standard deviation."""
    n, m = len(first), len(second)
    if n + m < 3:
        return float("nan")
    pooled = ((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum()
    spread = np.sqrt(pooled / (n + m - 2))
    return float((first.mean() - second.mean()) / spread) if spread > 1e-12 else float("nan")
