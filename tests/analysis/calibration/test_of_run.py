"""Calibration, reliability and metrics by label of every model of a run."""

import numpy as np
import pandas as pd
import pytest
from answered_run import manifest_of, write_answers
from sklearn.metrics import precision_score
from subprobe.analysis.calibration.binned import BINNED
from subprobe.analysis.calibration.of_run import TABLES, answer_tables_of, classes_of
from subprobe.analysis.comparison.run_items import answers_of, model_columns
from subprobe.data.tasks.glue import GLUE

MODELS = (
    ("full", "full", "finetuned", 2.0), ("structured", "good", "pruned", 1.0),
    ("structured", "random", "pruned", 0.3),
)  # fmt: skip


def made(tmp_path, task="rte", **options):
    spec = GLUE[task]
    rows = write_answers(tmp_path / "run", [spec], models=MODELS, **options)
    tables = answer_tables_of(
        rows, tmp_path / "run" / "cells", classes_of(manifest_of([spec])), resamples=100
    )
    return rows, tables


@pytest.mark.parametrize("task", ["rte", "mnli"])
def test_every_kind_has_every_table(tmp_path, task):
    _, tables = made(tmp_path, task)
    assert {name: list(table) for name, table in tables.items()} == {
        name: list(columns) for name, columns in TABLES.items()
    }
    for name in ("labels", "calibration", "reliability"):
        assert set(tables[name]["kind"]) == {"full", "good", "random"}, name
        # lines of the full model stand beside each method
        assert set(tables[name]["method"]) == {"structured"}
    assert set(tables["labels"]["target"]) == set(GLUE[task].labels)
    assert tables["calibration_notes"].empty
    curve = tables["reliability"].groupby("kind")["n"].sum()
    # 2 seeds, and 2 draws of random
    assert curve.to_dict() == {"full": 120, "good": 120, "random": 240}


def test_values_are_means_over_seeds_of_means_over_draws(tmp_path):
    rows, tables = made(tmp_path, n=40)
    mine = model_columns(rows[rows["metric"] == "accuracy"])
    said = answers_of(mine, tmp_path / "run" / "cells")[0]["structured", "random", "pruned"]
    brier, nll, precision = [], [], []
    for seed in said.values():
        brier.append(np.mean([np.mean(2 * (1 - p) ** 2) for p in seed.scores.T]))
        nll.append(np.mean([np.mean(-np.log(p)) for p in seed.scores.T]))
        precision.append(np.mean([precision_score(seed.gold, p) for p in seed.predictions.T]))
    found = tables["calibration"]
    found = found[found["kind"] == "random"].set_index("metric")["value"]
    assert found["brier"] == pytest.approx(np.mean(brier))
    assert found["nll"] == pytest.approx(np.mean(nll))
    labels = tables["labels"]
    labels = labels[(labels["kind"] == "random") & (labels["metric"] == "precision")]
    labels = labels.set_index("target")["value"]
    # rte: entailment is class 0, not_entailment class 1
    assert labels["not_entailment"] == pytest.approx(np.mean(precision))


def test_three_classes_need_what_cells_store(tmp_path):
    _, tables = made(tmp_path, "mnli", confidences=False)
    assert tables["calibration"].empty
    assert len(tables["labels"])
    notes = tables["calibration_notes"]["note"]
    assert notes.str.contains("its cells hold no confidences of each class").sum() == 3


def test_stored_confidences_are_those_of_the_softmax(tmp_path):
    """Of two classes, the same numbers come from the gold probability and from what is stored."""
    _, tables = made(tmp_path, "mnli", n=200)
    found = tables["calibration"]
    full = found[found["kind"] == "full"].set_index("metric")
    assert full.loc["brier", "value"] < 2 / 3  # a guess among three
    assert full.loc["brier", "baseline_value"] == pytest.approx(2 / 3)
    assert full.loc["nll", "baseline_value"] == pytest.approx(np.log(3))
    curve = tables["reliability"]
    curve = curve[curve["kind"] == "full"]
    assert curve["bin_high"].min() > 1 / 3


def test_differences_are_those_of_the_values(tmp_path):
    _, tables = made(tmp_path, n=100)
    values = tables["calibration"].set_index(["kind", "metric"])["value"]
    gaps = tables["calibration_differences"]
    pairs = set(zip(gaps["kind_a"], gaps["kind_b"], strict=True))
    assert pairs == {("good", "full"), ("random", "full"), ("good", "random")}
    for gap in gaps.itertuples():
        expected = values[gap.kind_a, gap.metric] - values[gap.kind_b, gap.metric]
        assert gap.difference == pytest.approx(expected)
        assert gap.ci_low <= gap.ci_high
    brier = gaps[(gaps["metric"] == "brier") & (gaps["kind_a"] == "good")]
    brier = brier[brier["kind_b"] == "random"].iloc[0]
    assert brier.ci_high < 0  # good knows more
    assert "paired bootstrap over examples (100)" in brier.ci_method
    assert brier.test == "exchanged forecasts"
    assert brier.p_value < 0.05
    tested = gaps[~gaps["metric"].isin(BINNED)]
    assert (tested["p_adjusted"] >= tested["p_value"]).all()
    assert set(tested["family_size"]) == {len(tested)}
    assert gaps[gaps["metric"].isin(BINNED)]["p_value"].isna().all()


def test_a_model_compared_with_itself_differs_by_nothing(tmp_path):
    same = (("full", "full", "finetuned", 1.0), ("structured", "full", "pruned", 1.0))
    rows = write_answers(tmp_path / "run", [GLUE["rte"]], models=same)
    rows = rows.assign(kind=rows["kind"].mask(rows["state"] == "pruned", "good"))
    tables = answer_tables_of(
        rows, tmp_path / "run" / "cells", classes_of(manifest_of([GLUE["rte"]])), resamples=50
    )
    gaps = tables["calibration_differences"]
    assert len(gaps)
    assert (gaps["difference"].abs() < 1e-12).all()
    assert gaps["ci_low"].isna().all()
    assert gaps["p_value"].isna().all()
    assert set(gaps[~gaps["metric"].isin(BINNED)]["flag"]) == {"the two never differ"}


def test_tests_are_corrected_and_clusters_resampled(tmp_path):
    _, tables = made(tmp_path, members=4)
    tested = tables["calibration"].dropna(subset="p_value")
    assert set(tested["metric"]) == {"ece", "ece_adaptive", "mce"}
    assert (tested["p_adjusted"] >= tested["p_value"]).all()
    assert set(tested["family_size"]) == {9}
    assert set(tested["n_clusters"]) == {15}
    assert tested["ci_method"].str.contains("15 clusters").all()


def test_numbers_have_no_calibration(tmp_path):
    rows = write_answers(tmp_path / "run", [GLUE["stsb"]])
    tables = answer_tables_of(rows, tmp_path / "run" / "cells", {})
    assert tables["calibration_notes"]["note"].tolist() == ["stsb: no classes"]
    assert all(table.empty for name, table in tables.items() if name != "calibration_notes")


def test_a_run_writes_what_it_says_of_its_models(finished_run):
    """The files of a real run agree with its scores."""
    scores = pd.read_csv(finished_run / "summary_performance.csv")
    accuracy = scores[scores["metric"] == "accuracy"].set_index(["kind", "state"])["mean"]
    curve = pd.read_csv(finished_run / "reliability.csv")
    curve = curve.assign(right=curve["value"] * curve["n"])
    sums = curve.groupby(["kind", "state"])[["right", "n"]].sum()
    for model in ("full", "finetuned"), ("good", "pruned"), ("random", "pruned"):
        assert sums.loc[model, "right"] / sums.loc[model, "n"] == pytest.approx(accuracy[model])
    labels = pd.read_csv(finished_run / "labels.csv")
    assert set(labels["target"]) == {"acceptable", "unacceptable"}
    recall = labels[labels["metric"] == "recall"].set_index(["kind", "state"]).sort_index()
    full = recall.loc["full", "finetuned"]
    assert (full["value"] * full["support"]).sum() / full["support"].sum() == pytest.approx(
        accuracy["full", "finetuned"]
    )
    page = (finished_run / "report.html").read_text("utf-8")
    assert 'id="reliability-acceptability"' in page
    assert (finished_run / "calibration_differences.csv").is_file()
