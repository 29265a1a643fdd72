"""Does a head find a relation better than the best fixed offset? Tests and their correction.

Exact McNemar (1947) of head and offset on the same arcs, for every kept head, relation and
direction; all of them are one family. What was sampled is the sentence (or a cluster of sentences)
with all of its arcs: counts are divided by their design effect (Rao & Scott 1992), which is the
variance of the difference by sentences (Obuchowski 1998; Durkalski et al. 2003) over that of single
arcs. The heads that are best on the choosing half are tested on the other one, and are a family of
their own.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ..statistics.corrections import adjust_rows
from ..statistics.uncertainty import Floats

TESTED = ("dependency_accuracy", "best_head_accuracy")


def dependency_rows(result: ProbeResult, correction: str = "holm") -> pd.DataFrame:
    """Rows of `dependency-heads` with p-values, adjusted over heads x relations x directions.

    The best head has no p-value where it was chosen on what it is scored on
    (`selection=reported`).

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
    counts = (result.arrays[name][place] for name in ("only_head", "only_offset", "squares"))
    p_values[tested] = mcnemar_p(*counts)
    return rows_frame(adjust_rows(rows.assign(p_value=p_values), ["metric"], correction))


def mcnemar_p(
    only_first: npt.ArrayLike, only_second: npt.ArrayLike, squares: npt.ArrayLike | None = None
) -> Floats:
    """Two-sided exact McNemar p of many tables; 1 where the two never differ.

    With `squares` both counts are divided by the design effect, where that is above 1; the
    binomial tail of what need not be whole numbers is the incomplete beta function. Where every
    sentence has at most one such case nothing changes; where every sentence has its cases k times,
    p is that of one case each.

    Args:
        only_first: cases that only the first gets right [T].
        only_second: cases that only the second gets right [T].
        squares: sum over sentences of the squared difference of the two [T]; None = each case was
            sampled by itself.
    """
    from scipy.special import betainc

    first, second = np.asarray(only_first, np.float64), np.asarray(only_second, np.float64)
    differing = first + second
    effect = np.ones_like(differing)
    if squares is not None:
        np.divide(np.asarray(squares, np.float64), differing, out=effect, where=differing > 0)
    fewer, n = (side / np.maximum(effect, 1.0) for side in (np.minimum(first, second), differing))
    tail = np.where(n > 0, betainc(np.maximum(n - fewer, 1e-9), fewer + 1, 0.5), 1.0)
    return cast(Floats, np.minimum(1.0, 2 * tail))
