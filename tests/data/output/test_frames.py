"""Frames of the schema have the same columns and types, however many lines they have."""

import pandas as pd
import pytest
from subprobe.data.output.tables import items_frame, rows_frame


@pytest.mark.parametrize(
    ("typed", "line"),
    [(rows_frame, {"metric": "accuracy", "value": 0.5}), (items_frame, {"score": 1})],
)
@pytest.mark.parametrize("empty", [[], pd.DataFrame(), pd.DataFrame({"metric": []})])
def test_a_frame_without_lines_is_one_with_lines_cut(typed, line, empty):
    cut = typed([line]).iloc[:0].reset_index(drop=True)
    pd.testing.assert_frame_equal(typed(empty), cut)
    with pytest.raises(KeyError, match="nothing"):
        typed(pd.DataFrame({"nothing": []}))
