"""Attribution and importance of each head and MLP, and the share of masks that keep it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...probes.registry import declaring
from .kinds import WHO, by_method, plain, tidy_kinds, with_flags
from .over_draws import RANGE, each_draw, over_draws_and_seeds
from .survival import survival_table

SIZES = ("head_attribution_absolute", "mlp_attribution_absolute")
IMPORTANCES = ("head_importance", "mlp_importance")
KEPT = "kept"
_METRICS = ("head_attribution", "mlp_attribution", *SIZES, *IMPORTANCES)
_LINE = [*WHO, "metric", "variant", "kind", "state", "unit", "layer", "head"]
COLUMNS = [*_LINE, *RANGE, "n", "flag"]


def unit_attributions(rows: pd.DataFrame) -> pd.DataFrame:
    """One line for each head and MLP, kind and state, of an attribution or an importance score.

    Returns:
        mean and range over draws and seeds (`over_draws_and_seeds`). The metric `kept` says in what
        share of the seeds the good mask keeps the unit, where something was attributed to units.
    """
    attributing = declaring(rows["probe"].dropna().unique(), beside="importances")
    of_probe = rows["probe"].isin([entry.name for entry in attributing[:1]])
    mine = rows[of_probe & rows["metric"].isin(list(_METRICS))]
    mine = mine[mine["value"].notna()]
    if mine.empty:
        return pd.DataFrame(columns=COLUMNS)
    tidy = tidy_kinds(by_method(mine)).astype({"value": float, "n": float})
    found = over_draws_and_seeds(each_draw(tidy, _LINE, ["value", "n"]), _LINE)
    found = with_flags(found, tidy, [*WHO, "kind", "state"])
    found = plain(found.sort_values(_LINE, kind="stable"))[COLUMNS]
    answers = found[WHO].drop_duplicates()
    kept = survival_table(rows).merge(answers, on=WHO)
    kept = kept[kept["kind"] == "good"].assign(metric=KEPT, variant=pd.NA, n_draws=1)
    empty = pd.Series(np.nan, index=kept.index)
    kept = kept.assign(mean=kept["share"], **dict.fromkeys([*RANGE[3:], "n"], empty))
    return pd.concat([found, kept[COLUMNS].astype(found.dtypes.to_dict())], ignore_index=True)
