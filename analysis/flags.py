"""Flags of a training that failed, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

DIVERGED = "diverged"
"""The loss was not finite, or it exploded."""
UNLEARNED = "unlearned"
"""The trained model is not clearly above its majority baseline (in regression: its mean)."""
FAILED = (DIVERGED, UNLEARNED)

OF_A_SEED = {
    DIVERGED: "its training diverged",
    UNLEARNED: "its full model did not learn the task",
}
"""Flag of a full model -> why its seed is left out."""

ABOUT = {
    DIVERGED: "diverged: its scores say nothing about the model, and are included as they are",
    UNLEARNED: (
        "did not learn in the training given: its scores do not show what more training would "
        "give, and are included as they are"
    ),
}
"""Flag of a training -> what its scores show."""


def joined(*flags: str) -> str:
    """Several flags as one, each once; empty ones are left out."""
    return ", ".join(dict.fromkeys(one for flag in flags for one in flag.split(", ") if one))


def flags_of(frames: Iterable[pd.DataFrame]) -> str:
    """Every flag in the rows of several models, joined; empty without any."""
    said = {str(flag) for rows in frames if "flag" in rows for flag in rows["flag"].dropna()}
    return joined(*sorted(said))
