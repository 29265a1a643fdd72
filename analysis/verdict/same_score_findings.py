"""What masks of one size show about a task of a run, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..wording import counted, decimal, listed, named, p_text, percent, seen

_MOST = 3


def said_of_run(task: str, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """The spread of the score, then of other metrics, and what the score tells about them.

    Args:
        task: the task.
        tables: the tables of `subprobe same-score`, with the lines of each seed.
    """
    spread = tables["mask_spread"]
    primary = spread["primary"].fillna(False).astype(bool)
    score = spread[primary]
    if score.empty:
        return [f"{task}: no masks of one size could be compared."]
    masks = listed([str(count) for count in sorted(score["n_masks"].unique())])
    seeds = score["seed"].nunique()
    models = f"each of {counted(seeds, 'model')}" if seeds > 1 else "the model"
    name = named(score["metric"].iloc[0])
    lines = [
        f"{task}: {name} of {masks} masks of {models} has {_sd(score)}, {_range(score)}; full "
        f"model {decimal(score['full'].mean())}."
    ]
    others = spread[~primary]
    keys = others.assign(relation=others["relation"].fillna(""))
    for (probe, metric, relation), mine in list(
        keys.groupby(["probe", "metric", "relation"], sort=False)
    )[:_MOST]:
        label = f"{probe} {named(metric)} {relation}".strip()
        lines.append(
            f"{label} has {_sd(mine)}, {_range(mine)}; full model {decimal(mine['full'].mean())}"
            f"{_told(tables['mask_correlations'], probe, metric, relation)}."
        )
    if others.empty:
        lines.append("No other metric was measured: name probes to compare behaviour.")
    return lines + _core(tables) + _chance(score)


def _sd(lines: pd.DataFrame) -> str:
    mean = " on average" if len(lines) > 1 else ""
    return f"a standard deviation of {decimal(lines['sd'].mean(), 4)} over masks{mean}"


def _range(lines: pd.DataFrame) -> str:
    return seen(lines["lowest"].min(), lines["highest"].max())


def _told(table: pd.DataFrame, probe: str, metric: str, relation: str) -> str:
    """The correlation with the score, over seeds."""
    mine = table[
        table["correlation"].eq("pearson") & table["probe"].eq(probe) & table["metric"].eq(metric)
        & table["relation"].fillna("").eq(relation) & table["r"].notna()
    ]  # fmt: skip
    if mine.empty:
        return ""
    least = mine["p_adjusted"].dropna()
    tested = f", smallest corrected {p_text(least.min())}" if len(least) else ", not tested"
    which = decimal(mine["r"].iloc[0])
    if len(mine) > 1:
        which = f"{decimal(mine['r'].mean())} on average, {seen(mine['r'].min(), mine['r'].max())}"
    return f"; Pearson's r with the score {which}{tested}"


def _core(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """How many units all masks keep, and their own score."""
    units = tables.get("core_units")
    if units is None or units.empty:
        return []
    share = units.groupby("seed")["core"].mean().astype(float)
    said = f"{percent(share.mean())} of the heads and MLPs are kept in all masks"
    core = tables.get("core", pd.DataFrame())
    alone = core[core["set"].eq("core alone")] if len(core) else core
    alone = alone[alone["probe"].eq("performance")] if len(alone) else alone
    if len(alone):
        metric = alone["metric"].iloc[0]
        alone = alone[alone["metric"].eq(metric)]
        said += f"; alone they have {named(metric)} {decimal(alone['value'].mean())}"
        if np.isfinite(random := float(alone["random_mean"].astype(float).mean())):
            said += f", random units {decimal(random)}"
    return [f"{said}."]


def _chance(score: pd.DataFrame) -> list[str]:
    """Whether equal scores are those of models that know nothing."""
    low = score[score["mean"].le(score["baseline_value"]).fillna(False)]
    if low.empty:
        return []
    seeds = listed([str(seed) for seed in low["seed"]])
    return [
        f"Masks of seed {seeds} score no better than the {low['baseline'].iloc[0]} baseline: equal "
        "scores say nothing there."
    ]
