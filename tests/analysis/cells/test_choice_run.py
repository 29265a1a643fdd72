"""A run of a multiple-choice task: every kind of subnetwork, and the probe of choices."""

import pandas as pd
import pytest
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.run_folder.reading import load_rows
from tiny_run import tiny_config

PROBE = {
    "names": ["choices", "attributions"], "draws": 1, "examples": 12,
    "states": ["pruned"],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tiny_encoder, tmp_path_factory):
    """A finished run of one seed."""
    target = tmp_path_factory.mktemp("choices") / "run"
    config = tiny_config(
        tiny_encoder,
        tasks=["reading"],
        seeds=[1],
        examples=[32, 16, 24],
        probe=PROBE,
        controls={"draws": 2, "untrained": True},
    )
    run_experiment(config, target)
    return target


@pytest.fixture(scope="module")
def rows(folder):
    return load_rows(folder)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_kind_is_scored_beside_chance(rows):
    scores = rows[rows["probe"].eq("performance")]
    assert {"full", "good", "random", "bad"} <= set(scores["kind"])
    assert set(scores["baseline"].dropna()) == {"chance"}
    assert set(scores["baseline_value"].dropna()) == {0.25}
    assert set(scores["n_clusters"].dropna()) == {6}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_probe_has_rows_of_every_kind_and_paired_differences(rows, folder):
    own = rows[rows["probe"].eq("choices")]
    assert {"full", "good", "random", "bad"} <= set(own["kind"])
    assert {"accuracy", "type_accuracy", "part_accuracy", "overlap_accuracy"} <= set(own["metric"])
    assert not rows["probe"].eq("attributions").any()
    differences = pd.read_csv(folder / "probe_differences.csv")
    assert differences["probe"].eq("choices").any()
