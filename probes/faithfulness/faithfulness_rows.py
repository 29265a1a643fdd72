"""The faithfulness of attributions as rows and items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example

Floats = npt.NDArray[np.float64]

RANDOM = "random attribution"
EQUALLY_LONG = "random words of equal length"


@dataclass(frozen=True)
class Column:
    """One number of every text.

    Attributes:
        metric: its name.
        variant: method and settings.
        numbers: of the N texts; NaN where there is none [N].
        null: the same of random attributions [N]; None where that means nothing.
        relation: the share of words, or empty.
        baseline: what the null is.
    """

    metric: str
    variant: str
    numbers: Floats
    null: Floats | None = None
    relation: str = ""
    baseline: str = RANDOM


def column_rows(columns: Sequence[Column], n_dropped: int) -> pd.DataFrame:
    """The mean of each column over the texts that have it; its null is over the same texts."""
    records = []
    for one in columns:
        known = np.isfinite(one.numbers)
        n = int(known.sum())
        record = {
            "variant": one.variant,
            "relation": one.relation or None,
            "metric": one.metric,
            "value": float(one.numbers[known].mean()) if n else np.nan,
            "n": n,
            "n_dropped": n_dropped + len(known) - n,
            "flag": None if n else "degenerate",
        }
        if one.null is not None:
            null = one.null[known & np.isfinite(one.null)]
            record["baseline"] = one.baseline
            record["baseline_value"] = float(null.mean()) if len(null) else np.nan
        records.append(record)
    return pd.DataFrame(records).assign(unit="model")


def column_items(
    probe: str, examples: Sequence[Example], columns: Sequence[Column]
) -> Iterator[pd.DataFrame]:
    """One item for each text and number (numerator, denominator 1), with its null as score."""
    for one in columns:
        known = np.flatnonzero(np.isfinite(one.numbers))
        chosen = [examples[place] for place in known.tolist()]
        frame = pd.DataFrame(
            {
                "item_id": [example.id for example in chosen],
                "sentence_id": [example.first.id for example in chosen],
                "numerator": one.numbers[known],
                "denominator": 1.0,
                "score": np.nan if one.null is None else one.null[known],
            }
        )
        yield items_frame(
            frame.assign(
                probe=probe, variant=one.variant, metric=one.metric, relation=one.relation or None
            )
        )
