"""A run that scores complements: its cells, their masks, and the table of hypotheses."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from few_cells import few_config
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.plan.graph import Cell
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.run_folder.export import export_run
from subprobe.analysis.run_folder.reading import load_run
from subprobe.models.masks.subnetwork import Subnetwork

CONTROLS = {"draws": 29, "retrained_draws": 0, "untrained": False, "bag_of_words": False,
            "complement": True, "match": "layer"}  # fmt: skip


@pytest.fixture(scope="module")
def run(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("necessity") / "run"
    prune = {"keep": 0.5, "methods": ["structured-heads"]}
    run_experiment(few_config(tiny_encoder, controls=CONTROLS, prune=prune), folder)
    return folder


@pytest.mark.slow
def test_complements_are_scored_beside_their_null(run):
    rows = pd.read_parquet(run / "rows.parquet")
    scores = rows[(rows["probe"] == "performance") & (rows["metric"] == "mcc")]
    if scores.empty:
        scores = rows[rows["probe"] == "performance"]
        scores = scores[scores["metric"] == scores["metric"].iloc[0]]
    counts = scores["kind"].value_counts().to_dict()
    assert counts == {
        "full": 1, "good": 1, "random": 29, "bad": 29, "complement": 1, "random-complement": 29,
    }  # fmt: skip
    drawn = scores["kind"].isin(["random", "random-complement"])
    assert (scores.loc[drawn, "variant"] == "match=layer").all()
    assert scores.loc[~drawn, "variant"].isna().all()
    masks = {path.stem: Subnetwork.load(path) for path in run.glob("masks/*.safetensors")}
    good = next(one for one in masks.values() if one.kind == "good")
    rest = next(one for one in masks.values() if one.kind == "complement")
    assert np.array_equal(rest.head_mask, ~good.head_mask)
    assert np.array_equal(rest.mlp_mask, good.mlp_mask)


@pytest.mark.slow
def test_the_table_is_that_of_the_cells(run, tmp_path):
    table = pd.read_csv(run / "hypotheses.csv")
    assert list(table["hypothesis"]) == ["sufficiency", "necessity", "equivalence", "independence"]
    rows = pd.read_parquet(run / "rows.parquet")
    scores = rows[rows["probe"] == "performance"]
    scores = scores[scores["metric"] == scores["metric"].iloc[0]].set_index("kind")["value"]
    sufficiency, necessity = table.iloc[0], table.iloc[1]
    assert sufficiency["wins"] == (scores["good"] > scores["random"] + 1e-9).sum()
    assert necessity["wins"] == (scores["complement"] < scores["random-complement"] - 1e-9).sum()
    assert list(table["n"][:2]) == [29, 29]
    assert list(table["least_n"][:2]) == [29, 29]
    assert list(table["match"][:2]) == ["layer", "layer"]
    assert "at least 76 are needed" in table["flag"][2]
    out = tmp_path / "tables"
    export_run(load_run(run), out, tables=["hypotheses"])
    described = pd.read_csv(out / "dictionary.csv")
    mine = described[described["table"] == "hypotheses"]
    assert list(mine["column"]) == list(table)
    assert mine["meaning"].notna().all()
    page = (run / "report.html").read_text("utf-8")
    assert "Sufficiency and necessity" in page
    assert "hypotheses.csv" in page


def cells_of(**controls):
    from types import SimpleNamespace

    from subprobe.analysis.configuration.config import parse_config
    from subprobe.analysis.plan.seed_plan import TaskFacts

    config = parse_config(
        {"tasks": ["acceptability"], "seeds": [1], "controls": {"draws": 2, **controls}}, where="t"
    )
    recipe: Any = SimpleNamespace(max_length=16, head="new")
    facts = {"acceptability": TaskFacts("acceptability", recipe)}
    found: dict[str, Cell] = {cell.name: cell for cell in plan(config, facts)}
    return found


def test_other_cells_keep_their_options():
    plain, more = cells_of(), cells_of(complement=True)
    added = set(more) - set(plain)
    assert {name.split("/", 2)[2] for name in added} == {
        "structured/complement/0/score", "structured/complement/0/mask",
        "structured/random-complement/0/score", "structured/random-complement/0/mask",
        "structured/random-complement/1/score",
    }  # fmt: skip
    assert all(more[name] == plain[name] for name in plain)
    matched = cells_of(match="layer")
    changed = {name for name in plain if matched[name] != plain[name]}
    assert changed
    assert all("/random/" in name for name in changed)
