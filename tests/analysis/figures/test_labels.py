"""Labels of lines: merged where they would overprint, and never outside the axis."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subprobe.analysis.figures.charts import LINE_HEIGHT, joined, merged_labels


def test_lines_of_one_value_share_one_label():
    (near, far) = merged_labels(
        [("full", 0.9), ("majority", 0.5), ("bag-of-words", 0.5)], 0.4, 1, 280
    )
    assert near.lines == ("majority and bag-of-words .500",)
    assert near.at == pytest.approx(280 * 0.1 / 0.6)
    assert far.lines == ("full .900",)


def test_near_lines_share_a_label_with_a_text_each_the_highest_on_top():
    (label,) = merged_labels([("majority", 0.5), ("untrained", 0.51)], 0, 1, 280)
    assert label.lines == ("untrained .510", "majority .500")


def test_a_label_stays_inside_the_axis():
    low, high = merged_labels([("a", 0.0), ("b", 1.0)], 0, 1, 100)
    assert (low.low, high.high) == (0, 100)


def test_lists_are_read_as_in_a_sentence():
    assert [joined(list("abc"[:n])) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_no_label_covers_another_and_none_is_lost(values):
    named = [(f"line{place}", value) for place, value in enumerate(values)]
    labels = merged_labels(named, -0.1, 1.1, 280)
    for one, other in pairwise(labels):
        assert one.high <= other.low + 1e-9
        assert other.high - other.low == pytest.approx(LINE_HEIGHT * len(other.lines))
    text = " ".join(line for label in labels for line in label.lines)
    assert all(name in text for name, _ in named)
