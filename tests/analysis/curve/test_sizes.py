"""Sizes from shares, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.curve.sizes import SHARES, UNITS, sizes_of
from subprobe.data.errors import ConfigError, UnknownNameError

TOTALS = {"heads": 72, "mlps": 6, "neurons": 9216, "weights": 10_616_832}


@given(
    st.sampled_from(sorted(UNITS)),
    st.lists(st.floats(0.2, 1, exclude_max=True), min_size=1, max_size=12),
)
def test_sizes_grow_to_the_full_model(units, shares):
    found = sizes_of(units, TOTALS, shares)
    assert list(found.totals) == list(UNITS[units])
    assert found.counts[-1] == found.totals
    assert found.shares[-1] == 1
    assert (np.diff(found.shares) > 0).all()
    for asked, kept in zip(found.asked[:-1], found.counts[:-1], strict=True):
        assert asked in shares
        assert all(kept[name] == round(asked * n) for name, n in found.totals.items())


def test_both_types_have_the_share():
    found = sizes_of("joint", TOTALS, [0.5])
    assert found.counts == ({"heads": 36, "mlps": 3}, {"heads": 72, "mlps": 6})


def test_usual_shares_below_one_unit_are_left_out():
    found = sizes_of("mlps", TOTALS)
    assert [kept["mlps"] for kept in found.counts] == [1, 2, 3, 4, 5, 6]
    assert found.shares == pytest.approx([n / 6 for n in range(1, 7)])
    assert found.asked[0] == 0.2
    assert len(sizes_of("heads", TOTALS)) == len(SHARES)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.1], "a share of 0.1 is less than one unit: the model has 6 mlps"),
        ([0.0], "must be > 0 and <= 1, got 0"),
        ([1.5], "must be > 0 and <= 1, got 1.5"),
        ([float("nan")], "must be > 0 and <= 1, got nan"),
        ([1.0], "a curve needs a share below 1"),
    ],
)
def test_impossible_shares_are_refused(shares, said):
    with pytest.raises(ConfigError, match=said):
        sizes_of("mlps", TOTALS, shares)


def test_unknown_units_are_refused():
    with pytest.raises(UnknownNameError, match="layers"):
        sizes_of("layers", TOTALS)
