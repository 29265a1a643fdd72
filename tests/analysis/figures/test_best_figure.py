"""The curve of the expected best: what it draws are the scores of the seeds and their best."""

import altair as alt
import pytest
from run_rows import MadeRun
from subprobe.analysis.figures.best_figure import expected_best_figure
from subprobe.analysis.spread.expected_best import best_of
from subprobe.analysis.summary.summaries import performance_table
from subprobe.analysis.verdict.answer import answers_of


def drawn(**options):
    rows = MadeRun(draws=2, layers=2, heads=2, probes=False, **options).rows()
    (answer,) = answers_of(rows, {"summary_performance": performance_table(rows)})
    return rows, list(expected_best_figure(answer))


def test_curves_and_points_are_those_of_the_seeds():
    rows, (figure,) = drawn(seeds=(1, 2, 3, 4))
    alt.Chart.from_dict(figure.spec, validate=True)
    marks = [line for data in figure.spec["datasets"].values() for line in data]
    scored = rows[(rows["probe"] == "performance") & (rows["metric"] == "accuracy")]
    for kind, state in (("good", "pruned"), ("random", "retrained"), ("full", "finetuned")):
        mine = scored[(scored["kind"] == kind) & (scored["state"] == state)]
        values = mine.groupby("seed")["value"].mean().to_numpy(dtype=float)
        here = [one for one in marks if (one["kind"], one["state"]) == (kind, state)]
        best = {one["trainings"]: one["best"] for one in here if "best" in one}
        assert best == {n: pytest.approx(float(best_of(values, n)[0])) for n in (1, 2, 3, 4)}
        points = {one["seed"]: one["value"] for one in here if "value" in one}
        assert sorted(points.values()) == pytest.approx(sorted(values))
    numbers = rows.reset_index(drop=True).loc[figure.table.index]
    assert (numbers["value"] == figure.table["value"]).all()


def test_two_seeds_have_no_curve():
    assert drawn(seeds=(1, 2))[1] == []
