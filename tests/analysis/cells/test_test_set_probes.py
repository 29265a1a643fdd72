"""Second test sets in runs: every model of the task reads the same pairs, and is compared."""

import pandas as pd
import pytest
from probe_cases import CHALLENGE
from subprobe.analysis.comparison.probe_comparisons import compare_probes
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.figures.figures import figures
from subprobe.analysis.plan.preparing import prepare
from subprobe.analysis.run_folder.reading import load_rows
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import InputError
from tiny_run import tiny_config, without_report

PROBE = {"names": ["heuristics", "challenge"], "draws": 2, "states": ["pruned"], "examples": 8,
         "options": {"heuristics": {"generated": 76}, "challenge": CHALLENGE}}  # fmt: skip


def test_a_run_without_a_fitting_task_is_refused(tiny_encoder):
    config = tiny_config(tiny_encoder, probe={**PROBE, "names": ["heuristics"], "options": {}})
    with pytest.raises(InputError, match="heuristics: acceptability: its examples are single"):
        prepare(config, Silent())


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_model_of_the_task_reads_the_same_pairs(tiny_encoder, tmp_path):
    config = tiny_config(
        tiny_encoder, tasks=["entailment", "acceptability"], seeds=[1], examples=[48, 16, 24],
        controls={"draws": 2, "untrained": False, "retrained_draws": 0}, probe=PROBE,
    )  # fmt: skip
    with without_report():
        run_experiment(config, tmp_path / "run")
    everything = load_rows(tmp_path / "run")
    for probe, metric, n in (("heuristics", "reliance", 76), ("challenge", "accuracy", 4)):
        mine = everything[(everything["probe"] == probe) & (everything["metric"] == metric)]
        rows = mine[mine["relation"].isna()]
        models = list(zip(rows["kind"], rows["state"], rows["draw"].fillna(0), strict=True))
        assert sorted(models) == [
            ("bad", "pruned", 0), ("bad", "pruned", 1), ("full", "finetuned", 0),
            ("good", "pruned", 0), ("random", "pruned", 0), ("random", "pruned", 1),
        ]  # fmt: skip
        assert set(rows["n"]) == {n}
        # the models of acceptability do not fit
        assert set(rows["task"]) == {"entailment"}
    found = compare_probes(everything, tmp_path / "run" / "cells", resamples=200).compared
    good = found[(found["kind_a"] == "good") & (found["kind_b"] == "random")]
    line = good[(good["metric"] == "reliance") & good["relation"].isna()]
    assert len(line)
    values = everything[(everything["metric"] == "reliance") & everything["relation"].isna()]
    of = values.groupby("kind")["value"].mean()
    mean = line[line["level"] == "one seed"]["difference"].astype(float)
    assert mean.iloc[0] == pytest.approx(of["good"] - of["random"], abs=1e-5)
    drawn = [one.name for one in figures(everything) if one.name.startswith("heuristics")]
    assert {name.rsplit("-", 1)[-1] for name in drawn} <= {"entailment"}
    assert isinstance(good, pd.DataFrame)
