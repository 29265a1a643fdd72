"""The GLUE mean: scores of tasks, what is missing, intervals and refusals."""

import numpy as np
import pandas as pd
import pytest
from answered_run import write_answers
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from subprobe.analysis.comparison.run_items import answers_of, model_columns
from subprobe.analysis.glue.mean import METRICS, glue_table
from subprobe.data.errors import ConfigError
from subprobe.data.tasks.glue import GLUE


def tables_of(tmp_path, *tasks, **options):
    rows = write_answers(tmp_path / "run", [GLUE[task] for task in tasks], **options)
    return rows, glue_table([(rows, tmp_path / "run" / "cells")], resamples=200)


def line(table, kind, task):
    [found] = table[(table["kind"] == kind) & (table["task"] == task)].to_dict("records")
    return found


def test_every_task_of_glue_has_metrics_that_it_reports():
    assert list(METRICS) == list(GLUE)
    assert all(set(METRICS[task]) <= set(spec.metrics) for task, spec in GLUE.items())


def test_a_task_is_the_mean_of_its_metrics_and_the_mean_that_of_tasks(tmp_path):
    rows, table = tables_of(tmp_path, "mrpc", "cola", "wnli", draws=3)
    cells = tmp_path / "run" / "cells"
    expected = {}
    for task in ("mrpc", "cola", "wnli"):
        mine = model_columns(rows[rows["task"] == task])
        mine = mine[mine["metric"] == mine["metric"].iloc[0]]
        said = answers_of(mine, cells)[0]["structured", "random", "pruned"]
        each = []
        for seed in said.values():
            drawn = []
            for predictions in seed.predictions.T:
                drawn.append(
                    matthews_corrcoef(seed.gold, predictions) if task == "cola"
                    else accuracy_score(seed.gold, predictions) if task == "wnli"
                    else (accuracy_score(seed.gold, predictions)
                          + f1_score(seed.gold, predictions)) / 2
                )  # fmt: skip
            each.append(np.mean(drawn))
        expected[task] = np.mean(each)
        assert line(table, "random", task)["value"] == pytest.approx(expected[task])
    whole = line(table, "random", "mean")
    assert whole["value"] == pytest.approx(np.mean(list(expected.values())))
    assert (whole["n_tasks"], whole["note"]) == (3, "with wnli")
    rest = line(table, "random", "mean without wnli")
    assert rest["value"] == pytest.approx((expected["mrpc"] + expected["cola"]) / 2)
    assert rest["n_tasks"] == 2
    assert whole["missing"] == "sst2, stsb, qqp, mnli, qnli, rte"
    assert rest["missing"] == whole["missing"]
    assert whole["ci_low"] < whole["value"] < whole["ci_high"]


def test_stsb_is_the_mean_of_two_correlations(tmp_path):
    rows, table = tables_of(tmp_path, "stsb", models=[("full", "full", "finetuned", 2.0)])
    values = rows.groupby("metric")["value"].mean()
    assert line(table, "full", "stsb")["value"] == pytest.approx(
        (values["pearson"] + values["spearman"]) / 2
    )
    assert not table["task"].eq("mean without wnli").any()


def test_only_matched_mnli_is_said(tmp_path):
    _, table = tables_of(tmp_path, "mnli")
    assert line(table, "good", "mnli")["note"] == "without validation_mismatched"
    assert line(table, "good", "mean")["note"] == "mnli is validation_matched only"


def test_both_parts_of_mnli_are_averaged(tmp_path):
    rows, _ = tables_of(tmp_path, "mnli", models=[("full", "full", "finetuned", 2.0)])
    other = rows.assign(split="validation_mismatched", value=rows["value"] - 0.1)
    both = pd.concat([rows, other], ignore_index=True)
    table = glue_table([(both, tmp_path / "nowhere")])
    found = line(table, "full", "mnli")
    assert found["value"] == pytest.approx(rows["value"].mean() - 0.05)
    assert found["split"] == "validation_matched, validation_mismatched"
    assert pd.isna(found["note"])
    assert "not stored" in found["ci_method"]


def test_the_difference_from_random_is_paired(tmp_path):
    _, table = tables_of(tmp_path, "mrpc", "rte", n=120)
    good, random = (line(table, kind, "mean") for kind in ("good", "random"))
    assert good["difference"] == pytest.approx(good["value"] - random["value"])
    assert 0 < good["difference_low"] < good["difference"] < good["difference_high"]
    assert pd.isna(random["difference"])


def test_tasks_of_several_runs_are_joined(tmp_path):
    one = write_answers(tmp_path / "one", [GLUE["mrpc"]])
    two = write_answers(tmp_path / "two", [GLUE["rte"]])
    runs = [(one, tmp_path / "one" / "cells"), (two, tmp_path / "two" / "cells")]
    table = glue_table(runs, resamples=100)
    assert line(table, "good", "mean")["n_tasks"] == 2
    with pytest.raises(ConfigError, match="mrpc of embedded is in more than one of these runs"):
        glue_table([*runs, runs[0]], resamples=100)


def test_a_kind_without_some_task_names_it(tmp_path):
    one = write_answers(tmp_path / "one", [GLUE["mrpc"]])
    two = write_answers(tmp_path / "two", [GLUE["rte"]], models=[("full", "full", "finetuned", 1)])
    table = glue_table(
        [(one, tmp_path / "one" / "cells"), (two, tmp_path / "two" / "cells")], resamples=100
    )
    assert "rte" in line(table, "good", "mean")["missing"]
    assert "rte" not in line(table, "full", "mean")["missing"]


def test_other_tasks_have_no_glue_mean(tmp_path):
    rows, _ = tables_of(tmp_path, "rte")
    with pytest.raises(ConfigError, match="no task of GLUE was scored"):
        glue_table([(rows.assign(task="entailment"), tmp_path)])


def test_the_command_prints_the_mean_and_cautions(tmp_path, subprobe_command):
    tables_of(tmp_path, "mrpc", "wnli")
    code, out, _ = subprobe_command("glue", tmp_path / "run")
    assert code == 0
    flat = " ".join(out.split())
    assert "missing: cola, sst2, stsb, qqp, mnli, qnli, rte" in flat
    assert "Caution: wnli has 71 validation pairs" in flat
    target = tmp_path / "glue.csv"
    code, _, _ = subprobe_command("glue", tmp_path / "run", "--out", target)
    assert code == 0
    assert set(pd.read_csv(target)["task"]) == {"mrpc", "wnli", "mean", "mean without wnli"}
