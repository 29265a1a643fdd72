"""What is attributed to heads and MLPs, beside their importance and survival."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ...summary.unit_attributions import IMPORTANCES, KEPT, SIZES
from ...verdict.answer import Answer
from ...wording import counted, decimal
from ..charts import Figure, beside, file_name, spec_of
from ..score_figures import heat_map

_SHOWN = ["metric", "variant", "kind", "unit", "layer", "head", "mean", "seed_low", "seed_high",
          "n_seeds", "n"]  # fmt: skip
_SURVIVAL = "survival of good"


def unit_figure(answer: Answer) -> Iterator[Figure]:
    """Heat maps of the full model's attributions and importances, and of what good masks keep."""
    table = answer.tables["summary_head_attributions"]
    full = (table["kind"] == "full") & table["metric"].isin([*SIZES, *IMPORTANCES])
    table = table[full | (table["metric"] == KEPT)]
    if not full.any():
        return
    drawn = table.assign(panel=_panels(table), mean=table["mean"].astype(float))
    # heads and MLPs are coloured apart: an MLP carries more than a head
    scored = drawn["panel"] != _SURVIVAL
    largest = drawn.groupby(["panel", "unit"])["mean"].transform("max").where(scored, 1.0)
    drawn["shade"] = (drawn["mean"] / largest.where(largest > 0, 1.0)).clip(0, 1)
    panels = drawn["panel"].drop_duplicates().tolist()
    maps = [
        heat_map(drawn[drawn["panel"] == panel], "shade", panel, _LEGEND, "mean")
        for panel in panels
    ]
    n_seeds = int(table.loc[full.loc[table.index], "n_seeds"].max())
    yield Figure(
        file_name("head-attributions", answer.label),
        f"Which heads and MLPs carry the predictions on {answer.label}",
        "Each cell is a head (its layer down, its number across) or, to the right, a layer's MLP "
        "of the full model: its mean absolute attribution, its importance by each score, and the "
        "share of seeds whose good mask keeps it. Colours of attributions and importances are "
        "scaled to the largest value in their panel, separately for heads and MLPs; negative "
        "values count as 0."
        f" Means over {counted(n_seeds, 'seed')}.",
        f"Heat maps of attribution, importance and survival. {_said(drawn)}",
        spec_of(beside(maps, shared=False, columns=4, spacing=14)),
        table[_SHOWN],
        "summary_head_attributions.csv",
    )


_LEGEND = "fraction of the largest in the panel; share of seeds that keep it"


def _panels(table: pd.DataFrame) -> pd.Series:
    """What each line's map is called: an attribution by its method, an importance by its name."""
    method = table["variant"].fillna("").str.split(";").str[0]
    several = table.groupby(method)["variant"].transform("nunique") > 1
    named = method.where(~several, table["variant"])
    title = ("importance: " + named).where(table["metric"].isin(list(IMPORTANCES)), named)
    return title.where(table["metric"] != KEPT, _SURVIVAL)


def _said(drawn: pd.DataFrame) -> str:
    """How each map of heads goes with survival, in words."""
    heads = drawn[drawn["unit"] == "head"]
    wide = heads.pivot_table(values="mean", index=["layer", "head"], columns="panel", sort=False)
    varies = [name for name in wide if wide[name].max() > wide[name].min()]
    if _SURVIVAL not in varies:
        return "No head is kept more often than another."
    ranks = wide[varies].rank()
    others = ranks.drop(columns=_SURVIVAL).corrwith(ranks[_SURVIVAL])
    listed = ", ".join(f"{name} {decimal(value)}" for name, value in others.items())
    return f"Rank correlation with survival over heads: {listed}."
