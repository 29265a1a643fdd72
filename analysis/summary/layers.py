"""What probes say layer by layer, and what patterns heads have: summaries for curves and bars."""

from __future__ import annotations

import pandas as pd

from ...probes.registry import declaring
from .kinds import WHO, by_method, plain, tidy_kinds, with_flags
from .over_draws import RANGE, each_draw, over_draws_and_seeds

_NUMBERS = ["value", "ci_low", "ci_high", "baseline_value", "n"]
_ABOUT = ["probe", "variant", "metric", "relation", "target", "direction", "baseline"]
LAYER_COLUMNS = [
    *WHO, *_ABOUT, "kind", "state", "layer", *RANGE, "ci_low", "ci_high", "baseline_value", "n",
    "flag",
]  # fmt: skip
_CLASSES = ["probe", "variant", "metric", "class"]
PATTERN_COLUMNS = [
    *WHO, *_CLASSES, "kind", "state", *RANGE, "n", "flag",
]  # fmt: skip
_WIDEST = ("model", "layer", "head")


def layer_summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Every number about a layer: one line for each task, probe, metric, kind, state and layer.

    Returns:
        mean and range over draws and seeds (`over_draws_and_seeds`); `ci_low` and `ci_high` are the
        interval of the row itself and only there for one seed and draw, since several have several;
        `n` is that of the smallest seed.
    """
    cells = rows[(rows["unit"] == "layer") & rows["value"].notna() & rows["layer"].notna()]
    table = _over_seeds(cells, [*_ABOUT, "kind", "state", "layer"])
    several = table["n_seeds"] * table["n_draws"] > 1
    for name in ("ci_low", "ci_high"):
        table[name] = table[name].mask(several)
    return table[LAYER_COLUMNS]


def pattern_summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of heads (or maps) of each pattern class: one line for each kind, state and class.

    The probe's rows about the whole model count where there are such, else the mean of those about
    layers or heads.
    """
    shares = {
        entry.name: entry.headline.metric
        for entry in declaring(rows["probe"].dropna().unique(), survivors="patterns")
        if entry.headline
    }
    cells = rows[rows["metric"].eq(rows["probe"].map(shares)) & rows["value"].notna()]
    units = [unit for unit in _WIDEST if (cells["unit"] == unit).any()]
    cells = cells[cells["unit"] == units[0]] if units else cells
    cells = cells.assign(**{"class": cells["relation"].fillna(cells["target"])})
    return _over_seeds(cells, [*_CLASSES, "kind", "state"])[PATTERN_COLUMNS]


def _over_seeds(cells: pd.DataFrame, about: list[str]) -> pd.DataFrame:
    """Mean and range over draws and seeds of each line."""
    tidy = tidy_kinds(by_method(cells))
    tidy = tidy.astype(dict.fromkeys(_NUMBERS, float))
    line = [*WHO, *about]
    table = over_draws_and_seeds(each_draw(tidy, line, _NUMBERS), line)
    about = [*WHO, "probe", "kind", "state"]
    table = with_flags(table, tidy, about)
    order = [column for column in line if column not in ("kind", "state", "layer")]
    return plain(table.sort_values([*order, *line[len(order) :]], kind="stable"))
