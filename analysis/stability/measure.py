"""How stable the subnetworks of several seeds and tasks are: the tables of `subprobe stability`."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..statistics.checks import trusted
from . import agreement
from .agreement import Masks
from .coverage import coverage_of
from .mask_nulls import kept_in_all_p, permutation_tests
from .mask_sets import MaskSet
from .mask_variance import variance_table
from .overlap import overlap_table
from .seed_intervals import (
    BOOTSTRAP,
    COVERS,
    JACKKNIFE,
    bootstrap_over_units,
    jackknife_limits,
    jackknife_over_seeds,
)
from .unit_weights import UnitWeights

COLUMNS = ("task", "unit", "statistic", "value", "ci_low", "ci_high", "p_value", "n_seeds")
ORDER = (
    "survival_mean", "survival_sd", "fleiss_kappa", "krippendorff_alpha", "cochran_q", "cochran_p",
    "kept_in_all", "kept_in_all_expected", "jaccard_mean", "jaccard_expected", "permutation_p",
)  # fmt: skip
"""Every statistic of the main table, in file order."""

DRAWS = 2000
_PERMUTED = ("fleiss_kappa", "krippendorff_alpha", "jaccard_mean")
_METHOD = {"kept_in_all": BOOTSTRAP}
"""Statistic -> the interval that the main table gives, where it is not the jackknife: leaving a
seed out of `kept in all` asks another question."""

Q_NOTE = "Cochran's Q and its p test only whether the seeds keep the same number of units"


@dataclass(frozen=True)
class Stability:
    """Everything that `subprobe stability` writes, each a frame.

    Attributes:
        stability: one statistic a row (COLUMNS).
        overlap: each two tasks.
        variance: what masks vary with, empty for one task or for tasks of different seeds.
        survival: mean and standard deviation over seeds of each head and MLP.
        counts: units kept by each seed.
        intervals: both intervals of each statistic, also those that the main table refuses.
        notes: what cannot be said, and why.
    """

    stability: pd.DataFrame
    overlap: pd.DataFrame
    variance: pd.DataFrame
    survival: pd.DataFrame
    counts: pd.DataFrame
    intervals: pd.DataFrame
    notes: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without its ending -> frame."""
        return dict(vars(self))


def measure_stability(
    tasks: Sequence[MaskSet],
    *,
    weights: UnitWeights | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Stability:
    """Every table of the stability of masks.

    Args:
        tasks: the masks of each task.
        weights: adds the kept share of prunable weights as unit `weight`.
        draws: permutations and bootstrap samples.
        seed: same seed, same tables; a task's rows do not depend on the other tasks.
    """
    found = _Tables()
    for task in tasks:
        for unit, masks in task.units.items():
            _unit_rows(found, task, unit, masks, draws, seed)
            _cells(found, task, unit, masks)
        if weights is not None and set(task.units) == {"head", "mlp"}:
            _weight_rows(found, task, weights)
    found.note("", "", "cochran_q", Q_NOTE)
    return Stability(
        stability=pd.DataFrame(found.rows, columns=list(COLUMNS)),
        overlap=overlap_table(tasks),
        variance=variance_table(tasks, draws=draws, seed=seed),
        survival=pd.DataFrame(found.survival).astype({"head": "Int64"}),
        counts=pd.DataFrame(found.counts),
        intervals=pd.DataFrame(found.intervals, columns=list(INTERVAL_COLUMNS)),
        notes=pd.DataFrame(found.notes),
    )


INTERVAL_COLUMNS = (
    "task", "unit", "statistic", "interval", "covers", "value", "ci_low", "ci_high",
    "n_seeds", "n_units", "simulated_coverage", "given",
)  # fmt: skip


OF_CROSSED = "no interval: seeds are crossed, and masks that share one are not independent"
P_OF_CROSSED = "seeds are crossed: p tests masks as if none shared a seed"


class _Tables:
    """Records as they are collected."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.survival: list[dict[str, Any]] = []
        self.counts: list[dict[str, Any]] = []
        self.intervals: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []

    def note(self, task: str, unit: str, statistic: str, note: str) -> None:
        self.notes.append({"task": task, "unit": unit, "statistic": statistic, "note": note})


def _unit_rows(
    found: _Tables, task: MaskSet, unit: str, masks: Masks, draws: int, seed: int
) -> None:
    """The rows of one task and unit, in the order of the file."""
    rng = np.random.default_rng((seed, zlib.crc32(f"{task.task}/{unit}".encode())))
    n_seeds, n_units = masks.shape
    permuted = {name: agreement.STATISTICS[name] for name in _PERMUTED}
    p_values = permutation_tests(masks, permuted, draws, rng)
    p_values["kept_in_all"] = kept_in_all_p(masks)
    statistic, p = agreement.cochran_q(masks)
    p_values["cochran_q"] = p
    values = {name: float(of(masks)) for name, of in agreement.STATISTICS.items()}
    values |= {
        "cochran_q": statistic,
        "cochran_p": p,
        "kept_in_all_expected": agreement.kept_in_all_expected(masks),
        "jaccard_expected": agreement.jaccard_expected(masks),
        "permutation_p": p_values["fleiss_kappa"],
    }
    limits = _intervals(found, task, unit, masks, draws, rng)
    for name in ORDER:
        low, high = limits.get(name, (np.nan, np.nan))
        line = (task.task, unit, name, values[name], low, high, p_values.get(name), n_seeds)
        found.rows.append(dict(zip(COLUMNS, line, strict=True)))
    _notes(found, task.task, unit, masks, p_values)
    if task.crossed:
        found.note(task.task, unit, "", P_OF_CROSSED)
    for one, mask in zip(task.seeds, masks, strict=True):
        kept = int(mask.sum())
        found.counts.append(
            {"task": task.task, "unit": unit, "seed": one, "kept": kept, "of": n_units,
             "share": kept / n_units}
        )  # fmt: skip


def _intervals(
    found: _Tables, task: MaskSet, unit: str, masks: Masks, draws: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Both intervals of every statistic into the table of intervals; the main table's limits."""
    limits: dict[str, tuple[float, float]] = {}
    over_units = bootstrap_over_units(masks, agreement.STATISTICS, rng=rng, resamples=draws)
    for name, statistic in agreement.STATISTICS.items():
        made = {BOOTSTRAP: over_units[name]}
        if name not in _METHOD:
            lower, upper = jackknife_over_seeds(masks, statistic)
            made[JACKKNIFE] = float(lower), float(upper)
        least, most = _range(name, masks.shape[1])
        for method, limits_of in made.items():
            # a symmetric interval may leave what the statistic can be; cut, it covers as often
            low, high = np.clip(limits_of, least, most)
            ends = float(low), float(high)
            coverage = coverage_of(
                name, method, units=masks.shape[1], seeds=len(masks), kept=float(masks.mean())
            )
            given = trusted(coverage) and bool(np.isfinite(ends[0]))
            given = given and not (task.crossed and method == JACKKNIFE)
            of = (task.task, unit, name, method)
            _interval_line(found, of, float(statistic(masks)), ends, masks.shape, coverage, given)
            if method == _METHOD.get(name, JACKKNIFE):
                if given:
                    limits[name] = ends
                else:
                    refused = task.crossed and method == JACKKNIFE
                    why = OF_CROSSED if refused else _refusal(method, coverage)
                    found.note(task.task, unit, name, why)
    return limits


def _range(statistic: str, n_units: int) -> tuple[float, float]:
    """The lowest and highest value that a statistic can have."""
    least = -1.0 if statistic in {"fleiss_kappa", "krippendorff_alpha"} else 0.0
    return least, float(n_units) if statistic == "kept_in_all" else 1.0


def _interval_line(
    found: _Tables,
    of: tuple[str, str, str, str],
    value: float,
    limits: tuple[float, float],
    shape: tuple[int, ...],
    coverage: float | None,
    given: bool,
) -> None:
    task, unit, statistic, method = of
    line = (task, unit, statistic, method, COVERS[method], value, *limits, *shape, coverage, given)
    found.intervals.append(dict(zip(INTERVAL_COLUMNS, line, strict=True)))


def _refusal(method: str, coverage: float | None) -> str:
    if coverage is None:
        return f"no interval: the {method} was never simulated with so few seeds or units"
    if not trusted(coverage):
        return f"no interval: the {method} covers {coverage:.0%} of a nominal 95% at these numbers"
    return "no interval: not defined without some seed, or without spread"


def _notes(found: _Tables, task: str, unit: str, masks: Masks, p_values: dict[str, float]) -> None:
    sizes = masks.sum(axis=1)
    empty, full = int((sizes == 0).sum()), int((sizes == masks.shape[1]).sum())
    for count, what in ((empty, "keep nothing"), (full, "keep everything")):
        if count:
            found.note(task, unit, "", f"degenerate: {count} of {len(masks)} masks {what}")
    if np.isnan(p_values["fleiss_kappa"]):
        found.note(task, unit, "permutation_p", "no p: masks of these sizes cannot reach .05")
    if np.isnan(p_values["kept_in_all"]):
        found.note(task, unit, "kept_in_all", "no p: masks of these sizes cannot reach .05")


def _cells(found: _Tables, task: MaskSet, unit: str, masks: Masks) -> None:
    """Survival of each single unit: mean and standard deviation over seeds."""
    mean, sd = masks.mean(axis=0), masks.std(axis=0, ddof=1)
    for place, index in enumerate(np.ndindex(task.shapes[unit])):
        head = index[1] if len(index) > 1 else None
        found.survival.append(
            {"task": task.task, "unit": unit, "layer": index[0], "head": head,
             "survival_mean": float(mean[place]), "survival_sd": float(sd[place]),
             "n_seeds": len(masks)}
        )  # fmt: skip


def _weight_rows(found: _Tables, task: MaskSet, weights: UnitWeights) -> None:
    """Mean and spread over seeds of the share of prunable weights that is kept."""
    heads, mlps = task.units["head"], task.units["mlp"]
    shares = weights.kept_share(heads, mlps)
    mean, n_seeds = float(shares.mean()), len(shares)
    units, kept = heads.shape[1] + mlps.shape[1], mean
    coverage = coverage_of("survival_mean", JACKKNIFE, units=units, seeds=n_seeds, kept=kept)
    limits = (np.nan, np.nan)
    if trusted(coverage) and not task.crossed:
        low, high = jackknife_limits(mean, (shares.sum() - shares) / (n_seeds - 1))
        limits = float(low), float(high)
    for name, value, ends in (
        ("survival_mean", mean, limits),
        ("survival_sd", float(shares.std(ddof=1)), (np.nan, np.nan)),
    ):
        line = (task.task, "weight", name, value, *ends, np.nan, n_seeds)
        found.rows.append(dict(zip(COLUMNS, line, strict=True)))
    total = heads.shape[1] * weights.head + mlps.shape[1] * weights.mlp
    for one, share in zip(task.seeds, shares, strict=True):
        found.counts.append(
            {"task": task.task, "unit": "weight", "seed": one, "kept": round(share * total),
             "of": total, "share": float(share)}
        )  # fmt: skip
