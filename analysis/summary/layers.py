"""What probes say layer by layer, and what patterns heads have: summaries for curves and bars."""

from __future__ import annotations

import pandas as pd

from .kinds import WHO, by_method, plain, tidy_kinds, with_flags

_NUMBERS = ["value", "ci_low", "ci_high", "baseline_value", "n"]
_ABOUT = ["probe", "variant", "metric", "relation", "target", "direction", "baseline"]
LAYER_COLUMNS = [
    *WHO, *_ABOUT, "kind", "state", "layer", "n_seeds", "mean", "seed_low", "seed_high", "ci_low",
    "ci_high", "baseline_value", "n", "flag",
]  # fmt: skip
PATTERNS = "attention-patterns"
PATTERN_SHARES = ("pattern_share", "class_share")
_CLASSES = ["probe", "variant", "metric", "class"]
PATTERN_COLUMNS = [
    *WHO, *_CLASSES, "kind", "state", "n_seeds", "mean", "seed_low", "seed_high", "n", "flag",
]  # fmt: skip
_WIDEST = ("model", "layer", "head")


def layer_summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Every number about a layer: one line for each task, probe, metric, kind, state and layer.

    Returns:
        `mean`, `seed_low`, `seed_high` over seeds; `ci_low` and `ci_high` are the interval of the
        row itself and only there for one seed, since several seeds have several; `n` is that of the
        smallest seed.
    """
    cells = rows[(rows["unit"] == "layer") & rows["value"].notna() & rows["layer"].notna()]
    cells = cells[(cells["draw"] == 0) | cells["draw"].isna()]
    table = _over_seeds(cells, [*_ABOUT, "kind", "state", "layer"])
    several = table["n_seeds"] > 1
    for name in ("ci_low", "ci_high"):
        table[name] = table[name].mask(several)
    return table[LAYER_COLUMNS]


def pattern_summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of heads (or maps) of each pattern class: one line for each kind, state and class.

    The probe's rows about the whole model count where there are such, else the mean of those about
    layers or heads.
    """
    cells = rows[
        (rows["probe"] == PATTERNS) & rows["metric"].isin(PATTERN_SHARES) & rows["value"].notna()
    ]
    units = [unit for unit in _WIDEST if (cells["unit"] == unit).any()]
    cells = cells[cells["unit"] == units[0]] if units else cells
    cells = cells[(cells["draw"] == 0) | cells["draw"].isna()]
    cells = cells.assign(**{"class": cells["relation"].fillna(cells["target"])})
    return _over_seeds(cells, [*_CLASSES, "kind", "state"])[PATTERN_COLUMNS]


def _over_seeds(cells: pd.DataFrame, about: list[str]) -> pd.DataFrame:
    """Mean and range over seeds of each line; what a seed has several of is averaged first."""
    tidy = tidy_kinds(by_method(cells))
    tidy = tidy.astype(dict.fromkeys(_NUMBERS, float))
    line = [*WHO, *about]
    seeds = tidy.groupby([*line, "seed"], observed=True, sort=False, dropna=False)
    per_seed = seeds[_NUMBERS].mean().reset_index()
    found = per_seed.groupby(line, observed=True, sort=False, dropna=False)
    table = found.agg(
        n_seeds=("value", "size"),
        mean=("value", "mean"),
        seed_low=("value", "min"),
        seed_high=("value", "max"),
        ci_low=("ci_low", "mean"),
        ci_high=("ci_high", "mean"),
        baseline_value=("baseline_value", "mean"),
        n=("n", "min"),
    ).reset_index()
    about = [*WHO, "probe", "kind", "state"]
    table = with_flags(table, tidy, about)
    order = [column for column in line if column not in ("kind", "state", "layer")]
    return plain(table.sort_values([*order, *line[len(order) :]], kind="stable"))
