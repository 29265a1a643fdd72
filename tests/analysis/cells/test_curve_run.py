"""A run with `curve.shares`: every seed is scored over sizes, and one curve covers all seeds."""

from collections import defaultdict

import pandas as pd
import pytest
from subprobe.analysis.comparison.between_runs import Run, between_runs
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.curve.columns import AREAS, MASKS, POINTS, TESTS
from subprobe.analysis.curve.draw import Asked, draw_curve
from subprobe.analysis.curve.measure import curve_of
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.figures.charts import unchecked
from subprobe.analysis.figures.masks.run_curves import curve_figures
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.registry import VERSIONS
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.analysis.run_folder.export import export_run
from subprobe.analysis.run_folder.reading import load_run
from subprobe.analysis.running.earlier import settled
from subprobe.analysis.single.loaded import load_for_task
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError
from subprobe.models.training.recipes import STUDY
from tiny_run import computed_cells, tiny_options, without_report

CURVE = {"shares": [0.25, 0.5], "draws": 2}
COLUMNS = {"curve": POINTS, "curve_areas": AREAS, "curve_tests": TESTS, "curve_masks": MASKS}
SMALL = {"draws": 1, "retrained_draws": 0, "untrained": False, "bag_of_words": False}


def config_of(encoder, **changed):
    values = tiny_options(encoder, probe={"names": []}, controls=SMALL, **changed)
    return parse_config(values, where="test")


@pytest.fixture(scope="module")
def ran(tiny_encoder, tmp_path_factory):
    """The folder of a run to which the curve was added later, and the steps of the addition."""
    folder = tmp_path_factory.mktemp("curve") / "run"
    with without_report(), pytest.MonkeyPatch.context() as patch:
        run_experiment(config_of(tiny_encoder), folder)
        steps = computed_cells(patch)
        run_experiment(config_of(tiny_encoder, curve=CURVE), folder, existing="add")
    return folder, steps


@pytest.fixture(scope="module")
def folder(ran):
    return ran[0]


@pytest.mark.slow
def test_the_addition_computes_only_the_curve(ran):
    assert sorted(ran[1]) == ["curve", "curve", "curvesuper", "curvesuper", "curvetables"]


@pytest.mark.slow
def test_the_tables_are_those_of_the_command(folder, tiny_encoder):
    tables = load_run(folder).tables
    for name, columns in COLUMNS.items():
        assert list(tables[name]) == list(columns)
    config = config_of(tiny_encoder)
    data = config.choice("acceptability").load(config.sizes())
    names = [str(folder / "models" / f"acceptability-seed{seed}") for seed in (1, 2)]
    asked = Asked(shares=(0.25, 0.5), kinds=("random", "bad", "super"), draws=2,
                  options=PruneOptions())  # fmt: skip
    panel = draw_curve(names, lambda name: load_for_task(name, data), asked, Silent())
    own = curve_of(panel)
    # random masks of a run are drawn with the seed of each model
    for name, alone in (("curve", own.points), ("curve_areas", own.areas)):
        ours, theirs = (
            table[table["kind"].isin(["good", "super"])].drop(columns="model").astype(object)
            for table in (tables[name], alone)
        )
        pd.testing.assert_frame_equal(
            ours.reset_index(drop=True), theirs.reset_index(drop=True), check_dtype=False
        )
    masks = tables["curve_masks"]
    assert set(masks["seed"]) == {1, 2}
    good = masks[masks["kind"].eq("good")]["value"].tolist()
    assert good == own.masks[own.masks["kind"].eq("good")]["value"].tolist()


@pytest.mark.slow
def test_rows_hold_the_areas_of_each_draw(folder):
    run = load_run(folder)
    rows = run.rows[run.rows["probe"].eq("curve")]
    counted = rows.groupby(["kind", "metric"]).size().to_dict()
    assert counted == {
        **{(kind, metric): 2 if kind == "good" else 4
           for kind in ("good", "random", "bad") for metric in ("cpr", "cmd", "effective_size")},
        ("super", "effective_size"): 2,
    }  # fmt: skip
    areas = run.tables["curve_areas"].set_index(["kind", "measure"])["value"]
    for (kind, metric), mine in rows.groupby(["kind", "metric"]):
        assert mine["value"].mean() == pytest.approx(areas[kind, metric])
    assert set(rows["baseline"]) == {"mean of random masks"}
    assert rows["n"].eq(24).all()
    summed = run.summaries["summary_probes"]
    assert set(summed.loc[summed["probe"].eq("curve"), "metric"]) == {
        "cpr", "cmd", "effective_size",
    }  # fmt: skip


@pytest.mark.slow
def test_export_figure_and_comparison_hold_the_curve(folder, tmp_path):
    run = load_run(folder)
    export_run(run, tmp_path / "export")
    told = pd.read_csv(tmp_path / "export" / "dictionary.csv")
    for name, columns in COLUMNS.items():
        table = pd.read_csv(tmp_path / "export" / f"{name}.csv")
        assert len(table) == len(run.tables[name]) > 0
        described = told[told["table"].eq(name)]
        assert described["column"].tolist() == list(columns)
        assert described["meaning"].notna().all()
    with unchecked():
        (figure,) = curve_figures(run.tables)
    assert figure.name == "curve-acceptability-joint"
    assert "The smallest masks within 3 points" in figure.text
    assert run.plot(figure.name).text == figure.text
    sides = [Run(name, run.rows, folder / "cells") for name in ("a", "b")]
    between = between_runs(sides)["between_runs"]
    mine = between[between["probe"].eq("curve")]
    assert {"cpr", "cmd", "effective_size"} == set(mine["metric"])
    assert {"good", "random", "bad", "super"} == set(mine["kind"])
    assert mine["difference"].eq(0).all()


def ids(config):
    facts = {task: TaskFacts(task, STUDY) for task in config.tasks}
    return plan(config, facts).ids(VERSIONS, defaultdict(str))


@pytest.mark.parametrize("units", ["joint", "heads", "mlps", "neurons", "weights"])
def test_no_other_cell_depends_on_the_curve(tiny_encoder, units):
    plain = ids(config_of(tiny_encoder))
    asked = ids(config_of(tiny_encoder, curve={**CURVE, "units": units}))
    assert plain.items() <= asked.items()
    steps = [cell.rpartition("-")[0] for name, cell in asked.items() if name not in plain]
    natural = units in ("joint", "heads", "mlps")
    assert sorted(steps) == ["curve"] * 2 + ["curvesuper"] * 2 * natural + ["curvetables"]


def test_a_further_seed_does_not_score_the_others_again(tiny_encoder):
    two, three = (
        ids(config_of(tiny_encoder, curve=CURVE, seeds=seeds)) for seeds in ([1, 2], [1, 2, 3])
    )
    changed = {name for name in two if two[name] != three[name]}
    assert {name.rpartition("/")[2] for name in changed} == {"super", "curve"}


def test_options_that_a_nested_curve_does_not_read_do_not_change_it(tiny_encoder):
    def scored(**prune):
        return ids(config_of(tiny_encoder, curve=CURVE, prune=prune))[
            "acceptability/seed1/curve/score"
        ]

    assert scored(keep=0.5) == scored(threshold=0.8)
    assert scored(keep=0.5) != scored(keep=0.5, importance="fisher")
    assert scored(keep=0.5) != scored(keep=0.5, ablation="mean")


@pytest.mark.slow
def test_a_run_keeps_its_curve(folder, tiny_encoder):
    said = []
    plain = config_of(tiny_encoder, seeds=[1, 2, 3])
    both = settled(plain, folder, "add", said.append)
    assert both.curve.shares == (0.25, 0.5)
    assert both.curve.draws == 2
    other = config_of(tiny_encoder, curve={"shares": [0.75]})
    with pytest.raises(ConfigError, match=r"curve\.shares"):
        settled(other, folder, "add", said.append)


@pytest.mark.parametrize(
    ("curve", "line"),
    [
        ({"shares": [0.0, 0.5]}, "'curve.shares': must be > 0 and <= 1, got 0"),
        ({"shares": [1.0]}, "a curve needs a share below 1"),
        ({"shares": [0.5], "units": "layers"}, "curve.units"),
        ({"shares": [0.5], "units": "weights", "order": "search"}, "ranked by their magnitude"),
        ({"shares": [0.5], "draws": 0}, "curve.draws"),
    ],
)
def test_curves_that_cannot_be_drawn_are_refused(tiny_encoder, curve, line):
    with pytest.raises(ConfigError, match=line):
        config_of(tiny_encoder, curve=curve)
