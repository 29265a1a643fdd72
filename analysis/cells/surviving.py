"""The step that compares survivors with random heads by the probe scores of the full model."""

from __future__ import annotations

import pandas as pd

from ..cell_output import CellOutput
from ..findings.pattern_survivors import pattern_survivor_rows
from ..findings.survivors import survivor_rows
from .work import Work


def survivors(work: Work) -> CellOutput:
    """Rows about the heads that a mask keeps, by their attention in the full model."""
    mask, full = work.mask(), work.output("full")
    assert mask is not None
    about = work.about(mask, "pruned")
    subsets = int(work.options["subsets"])
    if work.options["of"] == "patterns":
        rows = pattern_survivor_rows(full, mask, about, subsets=subsets)
    else:
        reported = bool(work.options["reported"])
        rows = survivor_rows(full, mask, about, subsets=subsets, reported=reported)
    return CellOutput(rows, pd.DataFrame())
