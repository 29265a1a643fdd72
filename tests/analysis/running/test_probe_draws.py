"""Probes run on as many random and bad masks as asked for; one draw gives what it always gave."""

import shutil

import pandas as pd
import pytest
import subprobe
from few_cells import rows_alone
from subprobe.analysis.configuration.asked_probes import narrowed, probe_inputs
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.run_folder.export import export_run
from subprobe.data.output.tables import ROW_TYPES, read_rows, write_parquet
from tiny_run import computed_cells, tiny_config

pytestmark = pytest.mark.slow

PROBE = {
    "names": ["attention-stats", "dependency-heads"], "sentences": 12, "subsets": 20,
}  # fmt: skip


def config(encoder, draws, **more):
    return tiny_config(
        encoder,
        seeds=[1],
        prune={"keep": 0.6, "batch_size": 16},
        controls={"draws": 3, "untrained": False, "bag_of_words": False, "retrained_draws": 1},
        probe={**PROBE, "states": ["pruned", "retrained"], "draws": draws, **more},
    )


@pytest.fixture(scope="module")
def one(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("one") / "run"
    with rows_alone():
        run_experiment(config(tiny_encoder, 1), folder)
    return folder


@pytest.fixture(scope="module")
def three(one, tiny_encoder, tmp_path_factory):
    """The same run with two more draws added; and the names of the steps that were computed."""
    folder = shutil.copytree(one, tmp_path_factory.mktemp("three") / "run")
    with pytest.MonkeyPatch.context() as patch, rows_alone():
        names = computed_cells(patch)
        run_experiment(config(tiny_encoder, 9), folder, existing="add")
    return folder, names


PROBED = ["attention-stats", "dependency-heads", "survivors"]


def draws_of(rows):
    probed = rows[rows["probe"].isin(PROBED) & (rows["state"] == "pruned")]
    return {kind: set(mine["draw"]) for kind, mine in probed.groupby("kind")}


def test_as_many_masks_are_probed_as_asked_for_and_scored(one, three):
    assert draws_of(subprobe.load_rows(one)) == {"good": {0}, "random": {0}, "bad": {0}}
    rows = subprobe.load_rows(three[0])
    assert draws_of(rows) == {"good": {0}, "random": {0, 1, 2}, "bad": {0, 1, 2}}
    retrained = rows[rows["probe"].isin(PROBED) & (rows["state"] == "retrained")]
    assert set(retrained["draw"]) == {0}
    masks = rows[rows["state"].eq("pruned") & rows["probe"].eq("performance")]
    known = masks[masks["metric"] == "accuracy"].set_index(["kind", "draw"])["mask_id"]
    for row in rows[rows["probe"].isin(PROBED)].drop_duplicates("mask_id").itertuples():
        if row.state == "pruned" and row.kind != "full":
            assert known[row.kind, row.draw] == row.mask_id


def test_more_draws_compute_their_probes_alone(three):
    # two more draws of random and bad, two probes each; survivors of one of them
    assert sorted(three[1]) == ["probe"] * 8 + ["survivors"] * 4


def test_with_one_draw_the_rows_are_those_of_the_first(one, three):
    """What more draws add stands in lines of its own."""
    single, more = (subprobe.load_rows(folder) for folder in (one, three[0]))
    first = more[~more["probe"].isin(PROBED) | more["draw"].eq(0)].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, single)


def test_the_number_of_draws_is_no_part_of_a_cell(tiny_encoder):
    found = []
    for draws in (1, 7):
        probe = narrowed(config(tiny_encoder, draws).probe, ["attention-stats"])
        found.append(probe_inputs(probe, 128))
    assert found[0] == found[1]
    assert "draws" not in found[0]


# -- run folders of before ------------------------------------------------------------------


@pytest.fixture
def earlier(one, tmp_path):
    """The run as the version before would have written it: rows of schema 2."""
    folder = shutil.copytree(one, tmp_path / "earlier")
    rows = read_rows(folder / "rows.parquet").assign(schema_version=2)
    write_parquet(rows.drop(columns=["better", "ablation"]), folder / "rows.parquet")
    return folder


@pytest.mark.slow
def test_an_earlier_run_is_read_reported_compared_and_exported(
    earlier, one, tmp_path, subprobe_command
):
    run, now = subprobe.load_run(earlier), subprobe.load_run(one)
    pd.testing.assert_frame_equal(run.rows, now.rows)
    for name, table in now.summaries.items():
        pd.testing.assert_frame_equal(run.summaries[name], table)
    export_run(run, tmp_path / "tables", tables=["rows"])
    assert list(pd.read_csv(tmp_path / "tables" / "rows.csv", nrows=1)) == list(ROW_TYPES)
    code, _, err = subprobe_command("report", earlier, "--out", tmp_path / "report.html")
    assert code == 0, err
    assert (tmp_path / "report.html").is_file()
    code, out, err = subprobe_command("compare", earlier, "--no-probes")
    assert code == 0, err
    assert "good - random, pruned" in out


def test_a_run_of_another_version_is_refused_by_name(earlier, subprobe_command, tmp_path):
    rows = pd.read_parquet(earlier / "rows.parquet").assign(schema_version=1)
    write_parquet(rows, earlier / "rows.parquet")
    for command in (
        ("report", earlier, "--out", tmp_path / "r.html"),
        ("compare", earlier),
        ("export", earlier, "--out", tmp_path / "x"),
    ):
        code, out, err = subprobe_command(*command)
        assert (code, out) == (2, "")
        assert "its rows have schema version 1, this subprobe reads 2 and 3" in err
        assert "recompute them, or read them with the version of subprobe that wrote them" in err
        assert len(err.strip().splitlines()) == 1
