"""`run`, `compare` and `report` on a tiny encoder, and what lies in the run folder."""

import json
import re
import shutil
from itertools import product

import pandas as pd
import pytest
import tomlkit
from statsmodels.stats.multitest import multipletests
from subprobe.analysis import experiment
from subprobe.analysis.run_folder.reading import load_rows
from subprobe.data.errors import ConfigError
from subprobe.data.output.tables import ITEM_TYPES, ROW_TYPES
from subprobe.models.masks.subnetwork import Subnetwork
from tiny_run import tiny_options

KINDS = ("good", "random", "bad")


def rows_of(folder, probe):
    rows = load_rows(folder)
    return rows[rows["probe"] == probe]


def test_the_folder_holds_what_was_promised(finished_run):
    names = {path.name for path in finished_run.iterdir()}
    assert names == {
        "manifest.json", "subprobe.json", "report.html", "rows.parquet", "masks", "models", "cells",
        ".locks",
        "summary_performance.csv", "summary_against_random.csv", "summary_probes.csv",
        "summary_probe_draws.csv",
        "summary_survival.csv", "summary_survival_content.csv",
        "summary_stability.csv",
        "summary_overlap.csv", "summary_layers.csv", "summary_patterns.csv",
        "summary_head_attributions.csv", "heads.csv", "words.csv",
        "attribution_examples.csv", "attribution_agreement.csv",
        "labels.csv", "calibration.csv", "reliability.csv", "calibration_differences.csv",
        "comparisons.csv", "tests.csv", "summary_headline.csv", "answers.csv",
        "probe_differences.csv",
        "seed_points.csv", "over_seeds.csv", "mixed_model.csv", "comparison_notes.csv",
    }  # fmt: skip


def test_words_have_their_annotation_beside_their_attribution(finished_run):
    words = pd.read_csv(finished_run / "words.csv", dtype={"depth": "Int64"})
    shown = pd.read_csv(finished_run / "attribution_examples.csv")
    assert words["word"].tolist() == shown["word"].tolist()
    assert words["attribution"].tolist() == shown["attribution"].tolist()
    assert words["example"].tolist() == shown["item_id"].tolist()
    assert words[["pos", "relation", "depth"]].notna().all(axis=None)
    assert set(words.loc[words["word"] == "The", "pos"]) == {"DET"}
    # one root for each sentence of each model
    sentence = words.groupby(["seed", "kind", "state", "method", "example", "sentence"])
    assert sentence["depth"].apply(lambda depth: (depth == 0).sum()).eq(1).all()
    assert set(words.loc[words["depth"] == 0, "relation"].str.lower()) == {"root"}


def test_masks_differ_only_in_the_kind(finished_run):
    names = sorted(path.name for path in (finished_run / "masks").iterdir())
    assert names == sorted(
        f"acceptability-seed{seed}-{kind}.safetensors" for seed in (1, 2) for kind in KINDS
    )


def test_random_and_bad_have_exactly_the_counts_of_good(finished_run):
    for seed in (1, 2):
        good, *others = [
            Subnetwork.load(finished_run / "masks" / f"acceptability-seed{seed}-{kind}.safetensors")
            for kind in KINDS
        ]
        assert {(m.n_heads, m.n_mlps) for m in others} == {(good.n_heads, good.n_mlps)}


def test_every_row_is_written_once(finished_run):
    rows = pd.read_parquet(finished_run / "rows.parquet")
    assert list(rows.columns) == list(ROW_TYPES)
    assert {"performance", "mask", "attention-stats", "dependency-heads", "attributions",
            "survivors"} == set(rows["probe"])  # fmt: skip
    for path in finished_run.glob("*.csv"):
        assert "schema_version" not in pd.read_csv(path, nrows=1), path.name


def test_every_kind_is_scored_in_every_state(finished_run):
    rows = rows_of(finished_run, "performance")
    rows = rows[rows["metric"] == "accuracy"]
    count = rows.groupby(["seed", "kind", "state"])["draw"].nunique().to_dict()
    for seed in (1, 2):
        assert count[seed, "full", "finetuned"] == 1
        assert count[seed, "untrained", "untrained"] == 1
        assert (count[seed, "good", "pruned"], count[seed, "good", "retrained"]) == (1, 1)
        for kind in ("random", "bad"):
            assert (count[seed, kind, "pruned"], count[seed, kind, "retrained"]) == (3, 1)
    assert rows[["value", "baseline_value", "n"]].notna().all(axis=None)
    # a model that answers every example alike has no interval
    spread = ~rows["ci_method"].str.startswith("no interval")
    assert spread.any()
    assert (rows[["ci_low", "ci_high"]].notna().all(axis=1) == spread).all()


def test_cells_keep_every_scored_item(finished_run):
    paths = list((finished_run / "cells").glob("evaluate-*.parquet"))
    assert paths
    for path in paths:
        items = pd.read_parquet(path)
        assert list(items.columns) == list(ITEM_TYPES)
        assert len(items) >= 24


def test_dead_heads_are_empty_and_living_ones_are_not(finished_run):
    every = pd.read_parquet(finished_run / "rows.parquet")
    every = every[(every["probe"] == "attention-stats") & (every["unit"] == "head")]
    for seed, kind in product((1, 2), KINDS):
        name = f"acceptability-seed{seed}-{kind}.safetensors"
        mask = Subnetwork.load(finished_run / "masks" / name)
        assert mask.n_heads == mask.head_mask.size / 2
        rows = every[(every["kind"] == kind) & (every["seed"] == seed) & (every["draw"] == 0)]
        assert len(rows) >= mask.head_mask.size
        for line in rows.itertuples():
            alive = mask.head_mask[int(line.layer), int(line.head)]
            assert pd.notna(line.value) == alive


def test_the_manifest_says_what_ran(finished_run, tiny_encoder):
    manifest = json.loads((finished_run / "manifest.json").read_text("utf-8"))
    assert manifest["config"]["model"] == str(tiny_encoder)
    assert [run["seed_init"] for run in manifest["runs"]] == [1, 2]
    assert manifest["runs"][0]["examples"] == {
        "train": 48, "selection": 16, "test": 24, "unreadable": 0,
    }  # fmt: skip
    assert manifest["versions"]["torch"]
    assert manifest["runs"][0]["search"]


@pytest.mark.usefixtures("no_report")
def test_run_from_a_file_ends_with_the_answer(
    subprobe_command, tiny_encoder, finished_run, tmp_path
):
    # a copy of the finished run under the same options: nothing is left to compute
    shutil.copytree(finished_run, tmp_path / "run")
    config = tmp_path / "run.toml"
    config.write_text(tomlkit.dumps(tiny_options(tiny_encoder)), encoding="utf-8")
    before = (tmp_path / "run" / "rows.parquet").read_bytes()
    code, out, _ = subprobe_command("run", "--config", config, "--out", tmp_path / "run", "--quiet")
    assert code == 0
    assert "On acceptability, the full model has accuracy" in " ".join(out.split())
    assert "report.html" in out.rpartition("report: ")[2]
    assert (tmp_path / "run" / "rows.parquet").read_bytes() == before


@pytest.mark.usefixtures("no_report")
@pytest.mark.slow
def test_run_options_stand_above_the_file(subprobe_command, tiny_encoder, tmp_path):
    config = tmp_path / "run.toml"
    small = {"names": ["attention-stats"], "sentences": 4, "states": ["pruned"]}
    config.write_text(
        tomlkit.dumps(
            tiny_options(
                tiny_encoder, probe=small,
                controls={"draws": 1, "untrained": False, "retrained_draws": 0},
            )
        ),
        encoding="utf-8",
    )  # fmt: skip
    code, out, _ = subprobe_command(
        "run", "--config", config, "--seed", 9, "--out", tmp_path / "run", "--json", "--quiet"
    )
    assert code == 0
    summary = json.loads(out)
    assert summary["folder"] == str(tmp_path / "run")
    assert {line["n_seeds"] for line in summary["performance"]} == {1}
    assert sorted(p.name for p in (tmp_path / "run" / "masks").iterdir())[0].startswith(
        "acceptability-seed9"
    )


@pytest.mark.parametrize(
    ("given", "path", "expected"),
    [
        (["--limit", 7], "examples", (7, 7, 7)),
        ([], "examples", (32, 8, 8)),
        (["--batch-size", 4, "--max-length", 9], "recipe", {"batch_size": 4, "max_length": 9}),
        (["--batch-size", 4], "recipe", {"batch_size": 4, "max_length": 0}),
    ],
)
def test_counts_and_sizes_stand_above_the_file(
    subprobe_command, tiny_encoder, tmp_path, monkeypatch, given, path, expected
):
    read = []

    def stopped(options, *_args, **_kwargs):
        read.append(options)
        raise ConfigError("enough")

    monkeypatch.setattr(experiment, "run_experiment", stopped)
    config = tmp_path / "run.toml"
    config.write_text(tomlkit.dumps(tiny_options(tiny_encoder, examples=[32, 8, 8])), "utf-8")
    assert subprobe_command("run", "--config", config, "--out", tmp_path / "run", *given)[0] == 2
    found = getattr(read[0], path)
    assert expected == (
        {name: getattr(found, name) for name in expected} if isinstance(expected, dict) else found
    )


@pytest.mark.slow
def test_compare_shows_or_writes_tables(subprobe_command, finished_run, tmp_path):
    code, out, _ = subprobe_command("compare", finished_run)
    assert code == 0
    assert all(kind in out for kind in KINDS)
    code, out, _ = subprobe_command("compare", finished_run, "--out", tmp_path / "tables")
    assert (code, out) == (0, "")
    assert len(list((tmp_path / "tables").glob("*.csv"))) == 22


@pytest.mark.parametrize("figures", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_report_is_written_again(subprobe_command, finished_run, tmp_path, figures):
    target = tmp_path / "again.html"
    more = ["--figures", tmp_path / "figures"] if figures else []
    code, out, _ = subprobe_command(
        "report", finished_run, "--out", target, "--tables", tmp_path / "tables", *more
    )
    assert (code, out) == (0, "")
    page = target.read_text("utf-8")
    links = set(re.findall(r'href="([^"#]+)"', page))
    assert links
    assert all((target.parent / link).is_file() for link in links)
    beside = re.sub(r'href="[^"#]+/', 'href="', page)
    assert beside == (finished_run / "report.html").read_text("utf-8")
    assert (tmp_path / "tables" / "scores-acceptability.tex").is_file()
    assert bool(list((tmp_path / "figures").glob("performance-*.png"))) == figures


def test_survivors_are_corrected_over_relations(finished_run):
    rows = rows_of(finished_run, "survivors")
    mean = rows["relation"] == "all-relations"
    assert rows.loc[mean, "p_value"].notna().all()
    assert rows.loc[mean, "p_adjusted"].isna().all()
    families = rows[~mean].groupby(["seed", "kind", "draw", "baseline"])
    assert len(families) >= 4
    for _, family in families:
        expected = multipletests(family["p_value"], method="holm")[1]
        assert family["p_adjusted"].tolist() == pytest.approx(expected)
        assert set(family["family_size"]) == {len(family)}
        assert set(family["correction"]) == {"Holm"}


def test_layers_heads_and_draws_are_whole_numbers_in_every_table(finished_run):
    whole = {"layer", "head", "seed", "draw", "n_seeds", "n_draws", "position", "sentence"}
    checked = 0
    for path in finished_run.glob("*.csv"):
        table = pd.read_csv(path, dtype=str)
        for name in whole & set(table.columns):
            values = table[name].dropna()
            assert values.str.fullmatch(r"\d+").all(), (path.name, name)
            checked += len(values) > 0
    assert checked > 30
