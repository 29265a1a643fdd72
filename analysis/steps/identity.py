"""The columns that say which model a row is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...data.output.tables import ZERO
from ...data.tasks.task import TaskParts
from ...models.masks.subnetwork import Subnetwork

SIZES = {"units": "heads+mlps", "neurons": "neurons", "weights": "weights"}
"""What a mask is counted in -> what rows call it."""


def identity(model: str, mask: Subnetwork | None, state: str) -> dict[str, Any]:
    """The row columns that say which model a row is about, as far as one command knows."""
    return {
        "model": model,
        "method": mask.method if mask else "full",
        "kind": mask.kind if mask else "full",
        "state": state,
        "draw": mask.draw if mask else 0,
        "mask_id": mask.mask_id if mask else "",
        "sparsity": mask.sparsity(mask.size_of) if mask else 0.0,
        "sparsity_of": SIZES[mask.size_of] if mask else "heads+mlps",
        "ablation": ZERO if mask else "",
    }


def selection_of(mask: Subnetwork | None, parts: TaskParts) -> str:
    """What was chosen on: by a mask's search, else what the model's task sets aside for it."""
    return (mask.selection if mask else "") or parts.selection_name


def flagged(rows: pd.DataFrame, flag: str) -> pd.DataFrame:
    """The rows with a flag where they have none yet; an empty flag changes nothing."""
    if not flag or not len(rows):
        return rows
    given = rows["flag"] if "flag" in rows else pd.Series("", index=rows.index)
    given = given.astype("string").fillna("")
    return rows.assign(flag=given.mask(given.eq(""), flag))


def stamped(rows: pd.DataFrame, identity: Mapping[str, Any]) -> pd.DataFrame:
    """The rows with the columns of `identity`, which leave alone what a probe has filled in."""
    own = {name for name in rows.columns if rows[name].notna().any()}
    return rows.assign(**{name: v for name, v in identity.items() if name not in own})
