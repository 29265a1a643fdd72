"""`sp.search_property`: what the command finds, held together by `sp.compare`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import subprobe as sp
from labelled_sentences import tagged_sentences, write_tagged
from subprobe.analysis.property_search.compared import compared_masks, read_search
from subprobe.analysis.statistics.row_units import item_ratios
from subprobe.analysis.steps.progress import Silent
from tiny_run import save_tiny_encoder

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {
    "epochs": 2,
    "readout_rate": 0.05,
    "batch_size": 16,
    "mask_rate": 1.0,
    "progress": Silent(),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("property")
    save_tiny_encoder(folder / "tiny")
    write_tagged(folder / "t.conllu", tagged_sentences(60, documents=40))
    return folder


@pytest.fixture(scope="module")
def model(place):
    return sp.load_model(str(place / "tiny"), progress=Silent())


@pytest.fixture(scope="module")
def found(place, model):
    against = {"half": sp.random_like(half_of(model), seed=1)}
    return sp.search_property(
        model, "upos", str(place / "t.conllu"), units="heads", penalties=(20, 0.1), draws=1,
        against=against, **QUICK,
    )  # fmt: skip


def half_of(model):
    whole = sp.full_subnetwork(model.anatomy, kind="good", method="structured")
    heads = np.array(whole.head_mask)
    heads[0] = False
    return sp.Subnetwork(heads, whole.mlp_mask)


@pytest.mark.slow
def test_masks_and_tables_are_those_of_the_command(place, found, model, subprobe_command):
    out = place / "by-command"
    code, _, err = subprobe_command(
        "prune", str(place / "tiny"), "--criterion", "property=upos", "--out", str(out),
        "--corpus", str(place / "t.conllu"), "--units", "heads", "--penalty", "20",
        "--penalty", "0.1", "--draws", "1", "--epochs", "2",
        "--readout-rate", ".05", "--batch-size", "16", "--mask-rate", "1", "-q",
    )  # fmt: skip
    assert code == 0, err
    assert list(found.masks) == [20, 0.1]
    for penalty, mask in found.masks.items():
        assert mask == sp.Subnetwork.load(out / f"l0-upos-{penalty:g}.safetensors")
    rows, items = read_search(out)
    ours = found.to_frame()
    theirs = rows
    keys = ["cell_id", "metric"]
    both = ours.merge(theirs, on=keys, suffixes=("", "_theirs"))
    assert len(both) == len(ours) == len(theirs)
    np.testing.assert_allclose(both["value"], both["value_theirs"])
    assert set(found.items()["cell_id"]) == set(items["cell_id"])
    assert set(found.overlap()["other"]) == {"half"}
    assert {"value", "kept_units"} <= set(found.curve())


def test_every_accuracy_is_a_function_of_its_items(found):
    items = found.items()
    scored = found.to_frame().query("metric == 'accuracy'")
    assert len(scored) == items["cell_id"].nunique()
    for row in scored.itertuples():
        top, bottom = item_ratios(items[items["cell_id"].eq(row.cell_id)])
        assert row.value == pytest.approx(top.sum() / bottom.sum())
        assert row.n == bottom.sum()


def test_masks_are_held_against_their_controls(found):
    tables = found.comparisons()
    compared, tests = tables["comparisons"], tables["tests"]
    assert set(compared["variant"]) == {
        "lambda=20;units=heads;score=refit", "lambda=0.1;units=heads;score=refit"
    }  # fmt: skip
    rows = found.to_frame().query("metric == 'accuracy'")
    single = compared[compared["level"].eq("one seed") & compared["variant"].str.startswith("lam")]
    kinds = {(one.kind_a, one.kind_b, one.state_b) for one in single.itertuples()}
    assert kinds == {
        ("good", "full", "pretrained"), ("good", "complement", "pretrained"),
        ("good", "random", "pretrained"), ("good", "good", "untrained"),
        ("random", "full", "pretrained"),
    }  # fmt: skip
    for line in single.itertuples():
        for side in "ab":
            kind, state = getattr(line, f"kind_{side}"), getattr(line, f"state_{side}")
            variant = "score=refit" if kind == "full" else line.variant
            mine = rows[rows["kind"].eq(kind) & rows["state"].eq(state)]
            value = mine.loc[mine["variant"].eq(variant), "value"].mean()
            assert getattr(line, f"value_{side}") == pytest.approx(value)
    assert set(tests["test"]) >= {"exchanged sentences"}
    assert tests["p_adjusted"].notna().any() or tests["flag"].notna().all()


def test_two_scores_are_compared_as_measurements(found):
    good, rest = found.measurement(penalty=0.1), found.measurement("complement", penalty=0.1)
    table = sp.compare(good, rest, resamples=200).to_frame()
    assert table["variant"].tolist() == ["score=refit"]
    values = [one.to_frame().query("metric == 'accuracy'")["value"].item() for one in (good, rest)]
    assert table["difference"].item() == pytest.approx(values[0] - values[1])
    across = sp.compare(found.measurement(), found.measurement("full"), resamples=200).to_frame()
    assert len(across) == 1
    with pytest.raises(sp.UnknownNameError, match="pretrained good 0 lambda=9"):
        found.measurement(penalty=9)


def test_a_saved_search_is_compared_by_the_command(place, found, subprobe_command):
    folder, page = place / "saved", place / "page.html"
    found.save(folder)
    code, shown, err = subprobe_command("compare", str(folder))
    assert code == 0, err
    assert "upos · differences in accuracy" in shown
    assert "good - complement" in shown
    code, _, err = subprobe_command(
        "compare", str(folder), "--out", str(place / "tables"), "--report", str(page)
    )
    assert code == 0, err
    written = pd.read_csv(place / "tables" / "comparisons.csv")
    tables = compared_masks(*read_search(folder))
    assert len(written) == len(tables["comparisons"])
    text = page.read_text("utf-8")
    for variant in ("lambda=20;units=heads;score=refit", "lambda=0.1;units=heads;score=refit"):
        assert f"upos: differences in accuracy {variant}" in text
    assert "good pretrained - complement pretrained" in text
    (folder / "items.parquet").write_bytes(b"PAR1" + bytes(40))
    code, _, err = subprobe_command("compare", str(folder))
    assert code == 2
    assert "items.parquet" in err


def test_sentences_in_memory_are_read_as_files_are(place, found, model):
    read = sp.read_conllu(place / "t.conllu")
    again = sp.search_property(
        model, "upos", read, units="heads", penalties=20, draws=0, reset="none", **QUICK
    )
    assert again.masks[20] == found.masks[20]
    assert again.read == found.read or again.to_frame()["corpus"].iloc[0] == "texts"
    assert set(again.to_frame()["kind"]) == {"full", "good", "complement"}


def test_what_cannot_be_searched_is_refused(place, model):
    with pytest.raises(sp.UnknownNameError, match="word label"):
        sp.search_property(model, "upas")
    with pytest.raises(sp.ConfigError, match="no training sentences"):
        sp.search_property(model, "upos", test=str(place / "t.conllu"), **QUICK)
    with pytest.raises(sp.UnknownNameError, match="reset"):
        sp.search_property(model, "upos", reset="some")
    parts: Any = object()
    task = sp.LoadedModel("m", model.model, model.tokenizer, task=parts)
    with pytest.raises(sp.InputError, match="load it without `task`"):
        sp.search_property(task, "upos")
