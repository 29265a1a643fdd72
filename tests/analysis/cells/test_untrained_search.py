"""A run with `controls.untrained_search`: both encoders are searched and compared."""

import pandas as pd
import pytest
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.figures.charts import unchecked
from subprobe.analysis.figures.masks.null_figure import untrained_null_figure
from subprobe.analysis.run_folder.export import export_run
from subprobe.analysis.run_folder.reading import load_rows, load_run
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.verdict.answer import answers_of
from subprobe.data.errors import ConfigError
from tiny_run import tiny_options, without_report


@pytest.fixture(scope="module")
def run(tiny_encoder, tmp_path_factory):
    """A small run with two methods and the null of each."""
    options = tiny_options(
        tiny_encoder, seeds=[1], probe={"names": []},
        prune={"keep": 0.5, "methods": ["structured", "magnitude"]},
        controls={"draws": 2, "untrained": True, "untrained_search": True, "retrained_draws": 0},
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("null") / "run"
    with without_report():
        run_experiment(parse_config(options, where="test"), folder)
    return folder


@pytest.fixture(scope="module")
def rows(run):
    return load_rows(run)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_the_rows_of_the_null_are_one_group(rows, method):
    null = rows[rows["probe"].eq("untrained-null") & rows["method"].isin([method, "full"])]
    scores = null[null["metric"].eq("accuracy")]
    counted = scores.groupby(["state", "kind"]).size().to_dict()
    own = {key: number for key, number in counted.items() if key[1] != "full"}
    assert own == {
        (state, kind): number
        for state in ("pruned", "untrained")
        for kind, number in (("good", 1), ("complement", 1), ("random", 2))
    }
    by = scores.drop_duplicates(["state", "kind"]).set_index(["state", "kind"])
    chance = by["baseline_value"].iloc[0]
    gaps = null[null["metric"].eq("mask_minus_complement")].set_index("state")
    for state in ("pruned", "untrained"):
        one, rest = (max(by.loc[(state, kind), "value"], chance) for kind in ("good", "complement"))
        assert gaps.loc[state, "value"] == pytest.approx(one - rest)
        assert gaps.loc[state, "n"] == 24
    against = null[null["variant"].eq("of=mask_minus_complement")]["value"].item()
    assert against == pytest.approx(gaps.loc["pruned", "value"] - gaps.loc["untrained", "value"])
    # what the run scores anyway is not changed by the null
    usual = rows[rows["probe"].eq("performance") & rows["kind"].eq("good")]
    assert set(usual["state"]) == {"pruned"}


@pytest.mark.slow
def test_the_two_encoders_have_masks_of_their_own(rows):
    null = rows[rows["probe"].eq("untrained-null") & rows["kind"].eq("good")]
    found = null[null["method"].eq("structured") & null["metric"].eq("accuracy")]
    assert found.set_index("state")["mask_id"].nunique() == 2
    assert set(found["sparsity"].round(6)) == {found["sparsity"].iloc[0].round(6)}


def test_the_null_needs_the_untrained_encoder(tiny_encoder, tmp_path):
    options = tiny_options(tiny_encoder, controls={"untrained": False, "untrained_search": True})
    with pytest.raises(ConfigError, match="needs that encoder"):
        run_experiment(parse_config(options, where="test"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_summary_figure_and_export_hold_the_null(rows, run, tmp_path):
    table = pd.read_csv(run / "summary_probes.csv")
    lines = table[table["probe"].eq("untrained-null")]
    assert set(lines["metric"]) == {"mask_minus_complement", "mask_minus_random"}
    assert set(lines["state"]) == {"pruned", "untrained"}
    with unchecked():
        found = [one for answer in answers_of(rows, summaries(rows))
                 for one in untrained_null_figure(answer)]  # fmt: skip
    assert len(found) == 2
    export_run(load_run(run), tmp_path / "export")
    told = pd.read_csv(tmp_path / "export" / "dictionary.csv")
    assert "untrained-null" in set(pd.read_csv(tmp_path / "export" / "rows.csv")["probe"])
    assert len(told)
