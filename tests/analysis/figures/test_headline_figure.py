"""The picture of the first screen: every score, mean, interval and the baseline, from rows."""

import altair as alt
import pandas as pd
import pytest
from run_rows import MadeRun
from subprobe.analysis.figures.charts import unchecked
from subprobe.analysis.figures.headline_figure import headline_figure
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.verdict.answer import answers_of


def answer_of(**changed):
    rows = MadeRun(layers=2, heads=2, probes=False, **changed).rows()
    return rows, answers_of(rows, summaries(rows))[0]


@pytest.fixture(scope="module")
def made():
    rows, answer = answer_of()
    with unchecked():
        (figure,) = headline_figure(answer)
    return rows, answer, figure


def data_of(figure, *fields):
    """Every datum of the specification that has these fields."""
    return [
        one
        for values in figure.spec["datasets"].values()
        for one in values
        if set(fields) <= set(one)
    ]


def test_it_shows_every_score_every_mean_and_the_baseline(made):
    rows, answer, figure = made
    alt.Chart.from_dict(figure.spec, validate=True)
    assert [panel["title"]["text"] for panel in figure.spec["concat"]] == ["pruned", "retrained"]
    scored = rows[(rows["metric"] == "accuracy") & (rows["state"] != "untrained")]
    for kind in ("full", "good", "random", "bad"):
        expected = scored.loc[scored["kind"] == kind, "value"].tolist()
        # the full model stands in both panels
        found = [one["value"] for one in data_of(figure, "value", "draw") if one["kind"] == kind]
        assert sorted(found) == pytest.approx(sorted(expected * (2 if kind == "full" else 1)))
    table = answer.tables["summary_performance"]
    means = {one["label"] for one in data_of(figure, "mean")}
    shown = table[table["primary"] & table["kind"].isin(["full", "good", "random", "bad"])]
    assert means == {f"{value:.3f}"[1:] for value in shown["mean"]}
    assert {one["label"] for one in data_of(figure, "label") if "kind" not in one} == {
        "majority baseline .500"
    }


def test_intervals_are_those_of_the_rows_and_of_enough_draws(made):
    rows, _, figure = made
    scored = rows[(rows["metric"] == "accuracy") & (rows["kind"] == "good")]
    found = {(one["ci_low"], one["ci_high"]) for one in data_of(figure, "ci_low")
             if one["kind"] == "good"}  # fmt: skip
    assert found == set(zip(scored["ci_low"], scored["ci_high"], strict=True))
    middle = {one["kind"]: one["draw_low"] for one in data_of(figure, "draw_low")}
    pruned = rows[(rows["metric"] == "accuracy") & (rows["state"] == "pruned")]
    for kind in ("random", "bad"):
        values = pruned.loc[pruned["kind"] == kind, "value"].astype(float)
        assert middle[kind] == pytest.approx(values.quantile(0.025))
    _, few = answer_of(draws=5)
    (figure,) = headline_figure(few)
    assert not data_of(figure, "draw_low")
    assert "middle 95%" not in figure.text
    assert "5 random draws per seed are too few for a test" in figure.title


def test_its_table_names_lines_of_the_rows(made):
    rows, _, figure = made
    same = rows.reset_index(drop=True).loc[figure.table.index, figure.table.columns]
    pd.testing.assert_frame_equal(same, figure.table, check_dtype=False)


def test_without_subnetworks_there_is_no_picture(made):
    rows, *_ = made
    alone = rows[rows["kind"].eq("full")]
    answers = answers_of(alone, summaries(alone))
    assert [figure for answer in answers for figure in headline_figure(answer)] == []
