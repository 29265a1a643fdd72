"""A run with `same_score.masks`: several good masks of each model, compared as by the command."""

from collections import defaultdict

import pandas as pd
import pytest
from subprobe.analysis.comparison.between_runs import Run, between_runs
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.figures.charts import unchecked
from subprobe.analysis.figures.masks.same_score_figure import same_score_figures
from subprobe.analysis.interactive.ready_probes import ready_probes
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.registry import VERSIONS
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.analysis.run_folder.export import export_run
from subprobe.analysis.run_folder.reading import load_run
from subprobe.analysis.running.earlier import settled
from subprobe.analysis.same_score.compare import Asked, compare_masks
from subprobe.analysis.same_score.making import make_masks
from subprobe.analysis.same_score.scoring import Measuring
from subprobe.analysis.same_score.written import OF_MODEL, TABLES
from subprobe.analysis.single.loaded import load_for_task
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError
from subprobe.models.training.recipes import STUDY
from tiny_run import computed_cells, tiny_options, without_report, write_toy_task

SAME = {"masks": 3, "core_draws": 1, "core_probes": True}
SMALL = {"draws": 1, "retrained_draws": 0, "untrained": False, "bag_of_words": False}
PRUNE = {"methods": ["structured-heads"], "keep": 0.5}
RECIPE = {"learning_rate": 0.005, "epochs": 3, "batch_size": 8}


@pytest.fixture(scope="module")
def options_of(tiny_encoder, tmp_path_factory):
    """Options of a run on the toy task, with a second test set of it."""
    folder = tmp_path_factory.mktemp("toy")
    write_toy_task(folder / "toy")
    lines = [f"The {('cats', 'dogs')[n % 2]} saw the author {n}.,{('left', 'right')[n // 2 % 2]}"
             for n in range(16)]  # fmt: skip
    (folder / "hard.csv").write_text("\n".join(["text,side", *lines]) + "\n")
    second = {"file": str(folder / "hard.csv"), "columns": ["first=text", "label=side"]}
    probe = {"names": ["challenge"], "draws": 1, "states": ["pruned"],
             "options": {"challenge": second}}  # fmt: skip
    toy = {"data_dir": str(folder / "toy"), "columns": {"first": "text", "label": "side"}}

    def made(**changed):
        values = {"tasks": ["toy"], "task": {"toy": toy}, "seeds": [1], "probe": probe,
                  "controls": SMALL, "recipe": RECIPE, "prune": PRUNE, **changed}  # fmt: skip
        return parse_config(tiny_options(tiny_encoder, **values), where="test")

    return made


@pytest.fixture(scope="module")
def ran(options_of, tmp_path_factory):
    """The folder of a run to which the masks were added later, and the steps of the addition."""
    folder = tmp_path_factory.mktemp("same") / "run"
    with without_report(), pytest.MonkeyPatch.context() as patch:
        run_experiment(options_of(), folder)
        steps = computed_cells(patch)
        run_experiment(options_of(same_score=SAME), folder, existing="add")
    return folder, steps


@pytest.fixture(scope="module")
def folder(ran):
    return ran[0]


@pytest.mark.slow
def test_the_addition_computes_only_the_masks(ran):
    assert pd.Series(ran[1]).value_counts().to_dict() == {
        "samemask": 3, "samescore": 3, "sameprobe": 3, "samecore": 2, "sametables": 1,
    }  # fmt: skip


@pytest.mark.slow
def test_the_tables_are_those_of_the_command(folder, options_of):
    tables = load_run(folder).tables
    config = options_of()
    data = config.choice("toy").load(config.sizes())
    loaded = load_for_task(str(folder / "models" / "toy-seed1"), data)
    masks = make_masks(loaded, config.prune, 3, Silent(), seed=1)
    ready = ready_probes(loaded, config.probe, progress=Silent())
    found = compare_masks(Measuring(loaded, (ready,)), masks, Asked(1, seed=1), Silent())
    assert {"core", "mask_predictions", "mask_correlations"} <= set(found.tables())
    for name, columns in TABLES.items():
        ours, theirs = tables[name], found.tables()[name]
        assert list(ours) == list(columns), name
        assert set(ours["seed"].dropna()) <= {1}
        pd.testing.assert_frame_equal(
            ours.drop(columns=list(OF_MODEL)).astype(object),
            theirs.astype(object), check_dtype=False, obj=name,
        )  # fmt: skip
    points = tables["mask_scores"]
    # a comparison of equal numbers would show nothing
    assert len(set(tables["core"]["value"].round(3))) > 1
    assert points[points["probe"].eq("challenge")]["ci_low"].notna().all()
    assert set(points["probe"]) == {"performance", "challenge"}


@pytest.mark.slow
def test_rows_hold_the_spread_and_the_correlation(folder):
    run = load_run(folder)
    rows = run.rows[run.rows["probe"].eq("same-score")]
    spread = run.tables["mask_spread"].set_index("metric")
    own = rows[rows["metric"].eq("sd")].set_index("target")["value"]
    assert own.to_dict() == pytest.approx(spread["sd"].to_dict())
    assert set(rows["n"]) == {3}
    assert rows["relation"].str.startswith(("performance ", "challenge ")).all()
    # the masks are no draws of the run's own good mask
    good = run.rows[run.rows["kind"].eq("good") & run.rows["probe"].eq("performance")]
    assert set(good["draw"].fillna(0)) == {0}
    summed = run.summaries["summary_probes"]
    assert "sd" in set(summed.loc[summed["probe"].eq("same-score"), "metric"])


@pytest.mark.slow
def test_export_figure_and_comparison_hold_them(folder, tmp_path):
    run = load_run(folder)
    export_run(run, tmp_path / "export")
    told = pd.read_csv(tmp_path / "export" / "dictionary.csv")
    for name, columns in TABLES.items():
        table = pd.read_csv(tmp_path / "export" / f"{name}.csv")
        assert len(table) == len(run.tables[name])
        described = told[told["table"].eq(name)]
        assert described["column"].tolist() == list(columns)
        assert described["meaning"].notna().all(), name
    with unchecked():
        (figure,) = same_score_figures(run.tables)
    assert figure.name == "same-score-toy"
    assert "of 3 masks of the model has a standard deviation of" in figure.text
    # the task and the probe have a metric of one name
    assert "challenge accuracy has a standard deviation of" in figure.text
    assert "challenge accuracy" in set(figure.table["label"])
    assert run.plot(figure.name).text == figure.text
    # the table of a figure names the lines of its source
    score = run.tables["mask_scores"].loc[figure.table.index, "value"]
    assert figure.table["value"].tolist() == score.tolist()
    sides = [Run(name, run.rows, folder / "cells") for name in ("a", "b")]
    between = between_runs(sides)["between_runs"]
    mine = between[between["probe"].eq("same-score")]
    assert "sd" in set(mine["metric"])
    assert mine["difference"].eq(0).all()


def ids(config):
    facts = {task: TaskFacts(task, STUDY) for task in config.tasks}
    return plan(config, facts).ids(VERSIONS, defaultdict(str))


@pytest.mark.parametrize("prune", [{}, {"keep": 0.5}, {"keep": 0.5, "methods": ["hard-concrete"]}])
def test_no_other_cell_depends_on_the_masks(options_of, prune):
    plain = ids(options_of(prune=prune))
    asked = ids(options_of(prune=prune, same_score=SAME))
    assert plain.items() <= asked.items()
    steps = {cell.rpartition("-")[0] for name, cell in asked.items() if name not in plain}
    assert steps == {"samemask", "samescore", "sameprobe", "samecore", "sametables"}


def test_more_masks_search_and_score_none_again(options_of):
    three, four = (ids(options_of(same_score={**SAME, "masks": count})) for count in (3, 4))
    changed = {name.rpartition("/")[2] for name in three if three[name] != four[name]}
    at = "toy/seed1/same/structured-heads"
    assert {name for name in three if three[name] != four[name]} == {
        f"{at}/core/score", f"{at}/core/probe/challenge", f"{at}/tables",
    }, changed  # fmt: skip


@pytest.mark.slow
def test_a_run_keeps_its_masks(folder, options_of):
    said = []
    both = settled(options_of(seeds=[1, 2]), folder, "add", said.append)
    assert both.same_score.masks == 3
    more = options_of(same_score={**SAME, "masks": 5})
    assert settled(more, folder, "add", said.append).same_score.masks == 5
    other = options_of(same_score={**SAME, "resampling": "half"})
    with pytest.raises(ConfigError, match=r"same_score\.resampling"):
        settled(other, folder, "add", said.append)


@pytest.mark.parametrize(
    ("same", "more", "line"),
    [
        ({"masks": 1}, {}, "'same_score.masks' must be 0 or >= 2, got 1"),
        ({"masks": -1}, {}, "same_score.masks"),
        ({"masks": 3, "method": "l0"}, {}, "must be one of prune.methods, got 'l0'"),
        ({"masks": 3}, {"prune": {"methods": ["magnitude"]}}, "all of its masks would be equal"),
        ({"masks": 3, "probes": ["heuristics"]}, {}, "'heuristics', which is not in probe.names"),
        ({"masks": 3, "resampling": "third"}, {}, "same_score.resampling"),
    ],
)
def test_masks_that_cannot_be_compared_are_refused(options_of, same, more, line):
    with pytest.raises(ConfigError, match=line):
        options_of(same_score=same, **more)
