"""Flags of groups, in one pass: what `joined_flags` says of each group alone."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.summary.kinds import flags_by_group, joined_flags

FLAG = st.sampled_from([None, "", "diverged", "unlearned", "truncated, diverged", "degenerate"])
LINES = st.lists(st.tuples(st.sampled_from(["b", "a", None]), st.integers(0, 2), FLAG), min_size=1)


@pytest.mark.parametrize("dropna", [True, False])
@given(lines=LINES)
def test_flags_of_groups_are_those_of_each_group(dropna, lines):
    table = pd.DataFrame(lines, columns=["task", "seed", "flag"])
    table = table.astype({"task": "string", "flag": "string"})
    groups = table.groupby(["task", "seed"], sort=False, observed=True, dropna=dropna)["flag"]
    found = flags_by_group(groups)
    expected = groups.agg(joined_flags)
    pd.testing.assert_series_equal(found, expected, check_dtype=False)
    assert found.dtype == "string"
