"""The untrained null on the screen: one line for each encoder and kind, then the differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ..wording import bare_p, between, decimal
from .names import CONTRASTS, MASK_MINUS_COMPLEMENT, UNTRAINED


def shown(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Records for the screen: the primary metric of each model, and the differences.

    Args:
        rows: of `null_rows`, of one mask.
    """
    compared = rows["metric"].isin(CONTRASTS)
    if not compared.any():
        return []
    metric = str(rows.loc[compared, "target"].iloc[0])
    scores = rows[rows["metric"].eq(metric) & ~compared]
    return [*_scores(scores, metric), *_differences(rows[compared], metric)]


def _encoder(state: Any) -> str:
    return UNTRAINED if state == UNTRAINED else "trained"


def _scores(rows: pd.DataFrame, metric: str) -> Iterator[dict[str, Any]]:
    for encoder, lines in rows.groupby(rows["state"].map(_encoder), sort=False):
        for kind, of_kind in lines.groupby("kind", sort=False):
            first = of_kind.iloc[0]
            record = {
                "encoder": encoder,
                "model": kind,
                metric: decimal(of_kind["value"].mean(), 3),
            }
            if kind == "random":
                record["model"] = f"random, mean of {len(of_kind)}"
                record["interval"] = (
                    f"{decimal(of_kind['value'].min(), 3)} to {decimal(of_kind['value'].max(), 3)}"
                )
            else:
                record["interval"] = between(first["ci_low"], first["ci_high"], 3)
                record["p"] = "" if pd.isna(first["p_value"]) else bare_p(first["p_value"])
            yield {**record, "flag": "" if pd.isna(first["flag"]) else first["flag"]}


def _differences(rows: pd.DataFrame, metric: str) -> Iterator[dict[str, Any]]:
    for _, line in rows.iterrows():
        if line["metric"] == MASK_MINUS_COMPLEMENT:
            said, encoder = "mask - complement", _encoder(line["state"])
        else:
            of = str(line["variant"]).rsplit("of=", 1)[-1].replace("_minus_", " - ")
            said, encoder = of, "trained - untrained"
        yield {
            "encoder": encoder, "model": said, metric: decimal(line["value"], 3),
            "interval": between(line["ci_low"], line["ci_high"], 3),
        }  # fmt: skip
