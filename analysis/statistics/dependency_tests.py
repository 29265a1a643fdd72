"""Does a head find a relation better than the best fixed offset? Tests and their correction.

Exact McNemar (1947) of head and offset on the same arcs, for every living head, relation and
direction; all of them are one family. The heads that are best on the choosing half are tested on
the other one, and are a family of their own.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.tables import rows_frame
from ...probes.base import ProbeResult
from .corrections import adjust_rows
from .uncertainty import Floats

TESTED = ("dependency_accuracy", "best_head_accuracy")


def dependency_rows(result: ProbeResult, correction: str = "holm") -> pd.DataFrame:
    """Rows of `dependency-heads` with p-values, adjusted over heads x relations x directions.

    Arcs of one sentence are taken as independent, which is rough where a relation has several in
    a sentence, as `all` has. The best head has no p-value where it was chosen on what it is scored
    on (`selection=reported`).

    Args:
        result: what the probe found.
        correction: `holm` (Holm 1979) or `fdr_bh` (Benjamini & Hochberg 1995).
    """
    rows, relations = result.rows, str(result.notes["relations"]).split()
    directions = str(result.notes["directions"]).split()
    tested = rows["metric"].isin(TESTED) & rows["value"].notna()
    tested &= (rows["metric"] == TESTED[0]) | (rows["selection"] != "reported")
    chosen = rows[tested]
    place = (
        chosen["relation"].map(relations.index).to_numpy(np.int64),
        chosen["direction"].map(directions.index).to_numpy(np.int64),
        chosen["layer"].to_numpy(np.int64),
        chosen["head"].to_numpy(np.int64),
    )
    p_values = pd.Series(np.nan, index=rows.index)
    p_values[tested] = mcnemar_p(
        result.arrays["only_head"][place], result.arrays["only_offset"][place]
    )
    return rows_frame(adjust_rows(rows.assign(p_value=p_values), ["metric"], correction))


def mcnemar_p(only_first: npt.ArrayLike, only_second: npt.ArrayLike) -> Floats:
    """Two-sided exact McNemar p of many tables; 1 where the two never differ.

    Args:
        only_first: cases that only the first gets right [T].
        only_second: cases that only the second gets right [T].
    """
    from scipy.stats import binom

    first, second = np.asarray(only_first, np.float64), np.asarray(only_second, np.float64)
    tail = binom.cdf(np.minimum(first, second), first + second, 0.5)
    return cast(Floats, np.minimum(1.0, 2 * tail))
