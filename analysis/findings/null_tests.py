"""Intervals of rows whose items name a null of their own, and tests of each row against it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ..intervals.item_intervals import item_intervals
from ..statistics.clusters import over_units, units_of
from ..statistics.corrections import adjust_rows
from ..statistics.paired_tests import Tested, sign_flips

_KEY = ["metric", "variant"]


def with_null_tests(result: ProbeResult, correction: str) -> pd.DataFrame:
    """The rows with intervals over texts (`item_intervals`) and tests against their nulls.

    An item has its value as numerator and its null as score. The test flips the signs of their
    differences, those of a cluster together. Parts of another row, which have a relation, are not
    tested; all others are one family. `flag` says where no outcome could have been significant.

    Args:
        result: rows and items.
        correction: as in `adjust`.
    """
    rows = item_intervals(result)
    items = result.item_parts.frame()
    items = items[items["score"].notna() & items["relation"].isna()]
    found: dict[tuple[str, ...], Tested] = {}
    for key, own in items.groupby(_KEY, sort=False):
        gaps = own["numerator"] / own["denominator"] - own["score"]
        shared = own["cluster_id"].fillna(own["sentence_id"])
        units = units_of(shared.tolist())
        by_unit = over_units(gaps.to_numpy(dtype=np.float64)[:, None], units)[:, 0]
        found[tuple(map(str, key))] = sign_flips(by_unit, what="texts")
    whole = rows[[*_KEY]].where(rows["relation"].isna(), "")
    none = Tested(np.nan, np.nan)
    tests = [found.get(key, none) for key in whole.itertuples(index=False, name=None)]
    said = pd.Series([one.flag or pd.NA for one in tests], index=rows.index, dtype="string")
    floors = pd.Series([one.floor for one in tests], index=rows.index)
    rows = rows.assign(
        p_value=[one.p_value for one in tests], flag=rows["flag"].astype("string").fillna(said)
    )
    return rows_frame(adjust_rows(rows, method=correction, floors=floors))
