"""Rows that rest on undefined logits."""

from __future__ import annotations

import pandas as pd

from ...models.training.evaluate import Evaluation

UNDEFINED = "diverged"
"""Flag of rows that rest on NaN or infinite logits."""


def with_undefined(rows: pd.DataFrame, *found: Evaluation) -> pd.DataFrame:
    """The rows with the flag `diverged` if some of the logits behind them are NaN or infinite.

    The prediction of such an example is the first class, which says nothing about the model.
    """
    return rows.assign(flag=UNDEFINED) if any(one.n_undefined for one in found) else rows
