"""The columns that identify the model of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...data.tasks.task import TaskParts
from ...models.masks.subnetwork import Subnetwork
from ...models.partners.drawing import draws_of

SIZES = {"units": "heads+mlps", "neurons": "neurons", "weights": "weights"}
"""Kind of units of a mask -> its name in rows."""


def identity(model: str, mask: Subnetwork | None, state: str) -> dict[str, Any]:
    """The columns that identify the model of a row, as far as a single command knows them."""
    return {
        "model": model,
        "method": mask.method if mask else "full",
        "kind": mask.kind if mask else "full",
        "state": state,
        "draw": mask.draw if mask else 0,
        "mask_id": mask.mask_id if mask else "",
        "sparsity": mask.sparsity(mask.size_of) if mask else 0.0,
        "sparsity_of": SIZES[mask.size_of] if mask else "heads+mlps",
        "ablation": mask.ablation if mask else "",
    }


BY_LAYER = "match=layer"
"""`variant` of the scores of random masks with the good one's number of units in each layer."""


def drawn_by_layer(mask: Subnetwork | None) -> dict[str, str]:
    """The `variant` of a mask that was drawn by layer; nothing for others."""
    return {"variant": BY_LAYER} if mask is not None and mask.match == "layer" else {}


def selection_of(mask: Subnetwork | None, parts: TaskParts) -> str:
    """The selection examples: those of the mask's search, else those that the task sets aside."""
    return (mask.selection if mask else "") or parts.selection_name


def flagged(rows: pd.DataFrame, flag: str) -> pd.DataFrame:
    """The rows with this flag where they have none; an empty flag changes nothing."""
    if not flag or not len(rows):
        return rows
    given = rows["flag"] if "flag" in rows else pd.Series("", index=rows.index)
    given = given.astype("string").fillna("")
    return rows.assign(flag=given.mask(given.eq(""), flag))


DONORS_BY_LABEL = "donors-by-label"
"""Flag of scores under `resample` with partners of the same class."""


def by_label(mask: Subnetwork | None) -> bool:
    """Whether what replaces pruned units comes from examples of the input's class."""
    return mask is not None and "label" in draws_of(mask.constants).get("match", "")


def flagged_by_label(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows about units that are replaced by those of the same class, flagged where they have none.

    Rows that list the units of a mask show what it keeps, whatever replaces the others; scores of
    learned gates are scores.
    """
    scored = rows["probe"].ne("mask") | rows["metric"].eq("gate_score")
    where = rows["ablation"].eq("resample") & scored
    where = where.fillna(False).astype(bool) & rows["flag"].fillna("").eq("")
    return rows.assign(flag=rows["flag"].mask(where, DONORS_BY_LABEL))


def stamped(rows: pd.DataFrame, identity: Mapping[str, Any]) -> pd.DataFrame:
    """The rows with the columns of `identity`; values that a probe has set are kept."""
    own = {name for name in rows.columns if rows[name].notna().any()}
    return rows.assign(**{name: v for name, v in identity.items() if name not in own})
