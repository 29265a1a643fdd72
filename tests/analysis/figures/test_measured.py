"""Charts of one measurement: the form that fits its units, the values of its rows."""

import pandas as pd
import pytest
from subprobe.analysis.figures.measured import MOST_PANELS, chart_of, difference_chart
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.data.output.tables import rows_frame


def rows(*records, probe="p"):
    return rows_frame([{"probe": probe, **record} for record in records])


def grid(metric="m", **more):
    return [
        {"unit": "head", "layer": layer, "head": head, "metric": metric, **more,
         "value": None if (layer, head) == (1, 2) else layer + head / 10}
        for layer in range(2) for head in range(3)
    ]  # fmt: skip


def drawn(chart):
    """The specification, which altair checks, and the data in it."""
    spec = chart.to_dict()
    (values,) = spec["datasets"].values()
    return spec, values


def test_heads_are_a_grid_in_which_dead_ones_are_empty():
    table = rows(*grid(), {"unit": "model", "metric": "m", "value": 9.0})
    spec, values = drawn(chart_of(table))
    assert spec["mark"]["type"] == "rect"
    found = {(one["layer"], one["head"]): one["value"] for one in values}
    assert found.pop((1, 2)) is None
    assert found == {(0, 0): 0.0, (0, 1): 0.1, (0, 2): 0.2, (1, 0): 1.0, (1, 1): 1.1}


def test_relations_are_grids_beside_each_other_or_one_is_chosen():
    table = rows(*grid(relation="nsubj"), *grid(relation="obj"))
    spec, values = drawn(chart_of(table, metric="m"))
    assert spec["facet"]["field"] == "panel"
    assert {one["panel"] for one in values} == {"nsubj", "obj"}
    spec, values = drawn(chart_of(table, relation="obj"))
    assert "facet" not in spec
    assert len(values) == 6


def test_too_many_grids_are_refused_and_not_the_default():
    many = [line for n in range(MOST_PANELS + 1) for line in grid(relation=f"r{n:02d}")]
    best = {"unit": "model", "metric": "best", "relation": "r00", "value": 0.5, "layer": 0,
            "head": 1}  # fmt: skip
    table = rows(*many, best)
    with pytest.raises(ConfigError, match=r"13 grids of heads.*choose a relation: r00, r01"):
        chart_of(table, metric="m")
    _, values = drawn(chart_of(table))
    assert [one["value"] for one in values] == [0.5]
    assert len(drawn(chart_of(table, metric="m", relation="r03"))[1]) == 6


def test_layers_are_a_line_and_pairs_of_heads_a_matrix():
    lines = [{"unit": "layer", "layer": n, "metric": "m", "value": n / 2, "target": t}
             for n in range(3) for t in "ab"]  # fmt: skip
    spec, values = drawn(chart_of(rows(*lines)))
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["tick", "rule", "line"]
    assert {one["panel"] for one in values} == {"a", "b"}
    pair = {"unit": "head", "metric": "js", "layer": 0, "head": 1, "layer_b": 1, "head_b": 0,
            "value": 0.3}  # fmt: skip
    _, values = drawn(chart_of(rows(pair)))
    assert {(one["first"], one["second"]) for one in values} == {("0.1", "1.0"), ("1.0", "0.1")}


def test_scores_are_shown_together_with_their_baseline():
    scores = [{"unit": "model", "metric": m, "value": v, "ci_low": v - 0.1, "ci_high": v + 0.1,
               "baseline": "majority", "baseline_value": 0.5}
              for m, v in (("accuracy", 0.8), ("matthews", 0.6))]  # fmt: skip
    table = rows(*scores, probe="performance")
    _, values = drawn(chart_of(table))
    assert [one["line"] for one in values] == ["accuracy", "matthews"]
    _, values = drawn(chart_of(table, metric="matthews"))
    assert [one["value"] for one in values] == [0.6]


def test_unknown_names_are_refused():
    table = rows(*grid(relation="obj"))
    for wanted in ({"metric": "n"}, {"probe": "q"}, {"relation": "nsubj"}):
        with pytest.raises(UnknownNameError, match=f"unknown {next(iter(wanted))}"):
            chart_of(table, **wanted)


def test_differences_are_marks_about_zero():
    table = pd.DataFrame(
        {
            "metric": ["m", "m", "other"],
            "relation": ["nsubj", pd.NA, pd.NA],
            "direction": [pd.NA] * 3,
            "layer": pd.array([pd.NA, 2, pd.NA], dtype="Int64"),
            "difference": [0.1, -0.2, 0.3],
            "ci_low": pd.array([0.05, pd.NA, 0.1], dtype="Float64"),
            "ci_high": pd.array([0.15, pd.NA, 0.5], dtype="Float64"),
            "p_value": [0.01, 0.5, 0.2],
            "n": [10, 10, 10],
        }
    )
    _, values = drawn(difference_chart(table))
    assert [(one["line"], one["difference"], one["ci_low"]) for one in values] == [
        ("nsubj", 0.1, 0.05), ("layer 2", -0.2, None),
    ]  # fmt: skip
    assert drawn(difference_chart(table, metric="other"))[1][0]["line"] == "other"
    with pytest.raises(UnknownNameError, match="unknown metric"):
        difference_chart(table, metric="n")
