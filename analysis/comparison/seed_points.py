"""Every seed's value of every score: the values that means and intervals are computed from."""

from __future__ import annotations

import pandas as pd

from ...data.seeds import Pairs
from ..flags import DIVERGED, FAILED, UNLEARNED
from ..statistics.variation import grid_in
from ..summary.kinds import flags_by_group
from .run_items import model_columns

POINT = [
    "model", "task", "method", "kind", "state", "probe", "variant", "metric", "relation",
    "direction", "target", "layer", "baseline", "annotation", "scheme",
]  # fmt: skip
_WITHOUT = ("mask",)


def seed_points(rows: pd.DataFrame) -> pd.DataFrame:
    """One line for each seed and score of a model: mean and median over its draws.

    Scores of single heads, neurons and weights are left to the tables of the probes.

    Args:
        rows: tidy rows of a run.

    Returns:
        The columns of `POINT` with `seed`, `n_draws`, `mean`, `median`, `low`, `high` (over
        draws), `baseline_value`, `n`, `n_clusters` and `flag`.
    """
    chosen = rows[rows["unit"].isin(["model", "layer"]) & ~rows["probe"].isin(_WITHOUT)]
    chosen = model_columns(chosen[chosen["value"].notna()])
    chosen = chosen.assign(
        value=chosen["value"].astype(float), flag=chosen["flag"].fillna(""),
        baseline_value=chosen["baseline_value"].astype(float),
    )  # fmt: skip
    # the head that a row names is part of the finding, not of what was asked
    chosen["layer"] = chosen["layer"].mask(chosen["head"].notna())
    line = [*POINT, "seed"]
    found = chosen.groupby(line, observed=True, sort=False, dropna=False)
    values = found["value"]
    table = pd.DataFrame(
        {
            "n_draws": values.size(),
            "mean": values.mean(),
            "median": values.median(),
            "low": values.min(),
            "high": values.max(),
            "baseline_value": found["baseline_value"].mean(),
            "n": found["n"].min(),
            "n_clusters": found["n_clusters"].min(),
            "flag": flags_by_group(found["flag"]),
        }
    )
    return table.reset_index()


def over_seeds(points: pd.DataFrame, pairs: Pairs | None = None) -> pd.DataFrame:
    """Means and medians over seeds, with and without the seeds whose training diverged.

    A training that did not learn is no failure of the run: it is counted, and stays in.

    Args:
        points: what `seed_points` gives.
        pairs: what seeds stand for, where those of initialisation and order are crossed.
    """
    line = POINT
    points = points.assign(**{flag: points["flag"].str.contains(flag) for flag in FAILED})
    points = points.assign(settled=points["mean"].mask(points[DIVERGED]))
    found = points.groupby(line, observed=True, sort=False, dropna=False)
    table = pd.DataFrame(
        {
            "n_seeds": found.size(),
            "seed_grid": found["seed"].agg(lambda seeds: grid_in(map(int, seeds), pairs or {})),
            "mean": found["mean"].mean(),
            "median": found["mean"].median(),
            "low": found["mean"].min(),
            "high": found["mean"].max(),
            "sd": found["mean"].std(ddof=1),
            "n_diverged": found[DIVERGED].sum(),
            "n_unlearned": found[UNLEARNED].sum(),
            "mean_without_diverged": found["settled"].mean(),
            "baseline_value": found["baseline_value"].mean(),
        }
    )
    return table.reset_index().astype({"seed_grid": "string"})
