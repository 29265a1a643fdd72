"""Variation due to seeds: mean and standard deviation over copies retrained on the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ..attention_explanation.figures import Figure, mean_of


def means_of_seeds(copies: Sequence[Sequence[Figure]]) -> list[Figure]:
    """The mean over copies of each figure, text by text.

    Args:
        copies: the same figures of each copy, one copy per seed.
    """
    return [
        replace(
            same[0],
            values=np.mean([one.values for one in same], axis=0),  # noqa: PD011
            variant=f"seeds={len(copies)}",
        )
        for same in zip(*copies, strict=True)
    ]


def spread_of_seeds(probe: str, copies: Sequence[Sequence[Figure]]) -> pd.DataFrame:
    """Rows of the standard deviation over copies of each figure's mean over texts.

    With the number of copies less one in the denominator; of a single copy there is none.
    """
    rows = []
    for same in zip(*copies, strict=True):
        means = [mean_of(one.values) for one in same]
        spread = float(np.std(means, ddof=1)) if len(means) > 1 else float("nan")
        rows.append(
            {
                "probe": probe,
                "variant": f"seeds={len(means)}",
                "unit": "model",
                "relation": same[0].relation,
                "metric": f"{same[0].metric}_sd",
                "value": spread,
                "n": len(means),
                "flag": None if np.isfinite(spread) else "degenerate",
            }
        )
    return pd.DataFrame(rows)
