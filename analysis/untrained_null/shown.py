"""The untrained null on the screen: one line for each encoder and kind, then the differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ..wording import bare_p, between, decimal, seen
from .names import CONTRASTS, OWN_MINUS_OTHER, TRAINED_MINUS_UNTRAINED, UNTRAINED


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
    keys = [rows["state"].map(_encoder), rows["target"].fillna(""), rows["kind"]]
    several = len(set(rows["target"].dropna())) > 1
    for (encoder, target, kind), lines in rows.groupby(keys, sort=False):
        first, values = lines.iloc[0], lines["value"]
        record = {"encoder": encoder, "model": kind, metric: decimal(values.mean(), 3)}
        if kind == "random":
            record["model"] = f"random, mean of {len(lines)}"
            record["interval"] = seen(values.min(), values.max(), 3)
        else:
            record["interval"] = between(first["ci_low"], first["ci_high"], 3)
        record["model"] += f", {target}" if several else ""
        yield {**record, "flag": "" if pd.isna(first["flag"]) else first["flag"]}


def _differences(rows: pd.DataFrame, metric: str) -> Iterator[dict[str, Any]]:
    for _, line in rows.iterrows():
        said, encoder = str(line["metric"]), _encoder(line["state"])
        if line["metric"] == TRAINED_MINUS_UNTRAINED:
            said, encoder = str(line["variant"]).rsplit("of=", 1)[-1], "trained - untrained"
        elif line["metric"] == OWN_MINUS_OTHER:
            said = f"{'mask' if line['kind'] == 'good' else line['kind']}_{said}"
        yield {
            "encoder": encoder,
            "model": said.replace("_minus_", " - ").replace("_", ", "),
            metric: decimal(line["value"], 3),
            "interval": between(line["ci_low"], line["ci_high"], 3),
            "p": "" if pd.isna(line["p_adjusted"]) else bare_p(line["p_adjusted"]),
        }
