"""`subprobe survival`: tables, screen and bad input."""

import json

import pandas as pd
import pytest
from run_rows import made_rows
from subprobe.analysis.survival_content.measure import COLUMNS

KEPT = ("kept", "attention_entropy", "attention_to_self")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run folder with rows alone, in which heads of low entropy survive."""
    rows = made_rows(("alpha",), (1, 2), draws=1, layers=4, heads=6)
    rows = rows[rows["metric"].isin(KEPT) & rows["kind"].isin(["full", "good"])]
    good = rows[(rows["metric"] == "kept") & (rows["unit"] == "head")]
    kept = good.set_index(["seed", "layer", "head"])["value"]
    lines = (rows["metric"] == "attention_entropy") & (rows["kind"] == "full")
    places = rows.loc[lines, ["seed", "layer", "head"]].itertuples(index=False, name=None)
    rows.loc[lines, "value"] -= [kept[place] for place in places]
    path = tmp_path_factory.mktemp("run")
    rows.to_parquet(path / "rows.parquet", index=False)
    return path


def test_tables_json_and_screen_agree(subprobe_command, folder, tmp_path):
    code, out, err = subprobe_command("survival", folder, "--out", tmp_path / "a")
    assert (code, out) == (0, "")
    assert "3 tables" in err
    table = pd.read_csv(tmp_path / "a" / "survival_content.csv")
    assert list(table.columns) == list(COLUMNS)
    line = table[table["metric"] == "attention_entropy"].iloc[0]
    assert line["z"] < -3
    assert line["p_adjusted"] < 0.01
    heads = pd.read_csv(tmp_path / "a" / "survival_heads.csv")
    assert len(heads) == 2 * 24 * 2
    code, out, _ = subprobe_command("survival", folder, "--json")
    assert code == 0
    first = json.loads(out)["survival_content"][0]
    assert first["p_value"] == pytest.approx(table["p_value"].iloc[0])
    code, out, _ = subprobe_command("survival", folder)
    said = " ".join(out.split())
    assert "1 of 2 predictors (24 heads, 2 runs) predicts survival at the same layer" in said
    assert "heads with high attention entropy are pruned (odds ratio " in said
    assert said.startswith("alpha, structured: 1 of 2 predictors")
    assert "2 seeds: tests and intervals speak of other heads under these masks" in said


def test_same_seed_same_bytes(subprobe_command, folder, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        more = ("--seed", seed, "--permutations", 199)
        assert subprobe_command("survival", folder, "--out", tmp_path / name, *more)[0] == 0
    one, again, other = ((tmp_path / name / "survival_content.csv").read_bytes() for name in "abc")
    assert one == again != other


def test_wrong_use(subprobe_command, folder, tmp_path):
    (tmp_path / "file").write_text("x")
    for arguments, word in (
        ((tmp_path,), "holds no rows.parquet"),
        ((folder, "--state", "pruned"), "unknown state 'pruned'"),
        ((folder, "--out", tmp_path / "file"), "is a file"),
    ):
        code, out, err = subprobe_command("survival", *arguments)
        assert (code, out) == (2, "")
        assert word in err
    code, out, _ = subprobe_command("survival", folder, "--state", "pretrained")
    assert code == 0
    assert "no predictor: the run has no rows of single heads of pretrained models" in " ".join(
        out.split()
    )
