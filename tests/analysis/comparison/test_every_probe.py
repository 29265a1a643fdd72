"""Every probe of a run is compared, each from its own cell, and each variant with its own."""

import numpy as np
import pandas as pd
import pytest
from paired_run import write_paired_run
from subprobe.analysis import cell_output
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.comparison.probe_comparisons import compare_probes
from subprobe.analysis.comparison.probe_items import read_probe_items
from subprobe.data.output.tables import ITEM_TYPES, items_frame, rows_frame

SENTENCES = 40
RIGHT = {"own": {"full": 0.9, "good": 0.85, "bad": 0.6}, "transferred": {"good": 0.7, "bad": 0.2}}
"""Variant -> kind -> share of words that are right, at each of two states."""


def learnt(about):
    """Rows and items of a probe of hidden states on one model."""
    kind = about["kind"]
    rng = np.random.default_rng([*kind.encode(), about["seed"]])
    rows, items = [], []
    for variant, of_kind in RIGHT.items():
        for layer in range(2) if kind in of_kind else ():
            right = rng.binomial(10, of_kind[kind] - 0.1 * layer, SENTENCES)
            key = {"probe": "learnt", "metric": "tags", "variant": variant, "layer": layer,
                   "relation": "upos"}  # fmt: skip
            rows.append({**about, **key, "value": right.mean() / 10, "n": 10 * SENTENCES})
            items += [
                {**key, "cell_id": about["cell_id"], "sentence_id": f"t{i}", "item_id": f"t{i}",
                 "numerator": n, "denominator": 10}
                for i, n in enumerate(right)
            ]  # fmt: skip
    return rows_frame(rows), items_frame(items)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Rows and cells of a run with two probes."""
    folder = tmp_path_factory.mktemp("run")
    rows = write_paired_run(folder, sentences=20, draws=1, kinds=("full", "good", "bad"))
    of = ["model", "task", "seed", "method", "kind", "state", "draw"]
    every = [rows]
    for about in rows[rows["state"] != "retrained"][of].drop_duplicates().to_dict("records"):
        cell = f"probe-{about['kind']}-{about['seed']}"
        found, items = learnt({**about, "cell_id": cell})
        CellOutput(found, items).save(folder / "cells" / f"{cell}.parquet")
        every.append(found)
    return pd.concat(every, ignore_index=True), folder / "cells"


@pytest.fixture(scope="module")
def compared(run):
    return compare_probes(*run, resamples=200)


def test_the_items_of_every_cell_are_read(run, compared):
    probes = set(run[0]["probe"]) - {"performance"}
    assert len(probes) == 2
    assert set(compared.compared["probe"]) == set(compared.tests["probe"]) == probes


def test_own_is_held_against_own_and_transferred_against_transferred(run, compared):
    rows = run[0]
    lines = compared.compared[compared.compared["probe"].eq("learnt")]
    single = lines[lines["level"].eq("one seed")]
    for line in single.itertuples():
        here = rows[rows["seed"].eq(line.seed) & rows["probe"].eq("learnt")]
        for kind, value in ((line.kind_a, line.value_a), (line.kind_b, line.value_b)):
            mine = here[here["kind"].eq(kind) & here["variant"].eq(line.variant)]
            [expected] = mine.loc[mine["layer"].eq(line.layer), "value"]
            assert value == pytest.approx(expected)
    pairs = {(one.kind_a, one.kind_b, one.variant) for one in single.itertuples()}
    assert ("good", "bad", "transferred") in pairs
    assert ("good", "bad", "own") in pairs
    assert not {p for p in pairs if "full" in p[:2] and p[2] == "transferred"}


def test_differences_have_tests_that_say_their_variant(compared):
    tests = compared.corrected("holm").tests
    mine = tests[tests["probe"].eq("learnt") & tests["test"].eq("exchanged sentences")]
    assert set(mine["variant"]) == {"own", "transferred"}
    far = mine[mine["kind_a"].eq("good") & mine["kind_b"].eq("bad")]
    assert len(far) == 8
    assert far["p_value"].lt(0.01).all()
    assert far["p_adjusted"].notna().all()


def test_cells_that_name_no_variant_are_still_read(run, tmp_path, monkeypatch):
    stored = CellOutput.load(run[1] / "probe-good-1.parquet")
    older = {name: kind for name, kind in ITEM_TYPES.items() if name != "variant"}
    monkeypatch.setattr(cell_output, "ITEM_TYPES", older)
    stored.save(tmp_path / "probe-good-1.parquet")
    found = read_probe_items(tmp_path / "probe-good-1.parquet")
    assert found is not None
    assert {key[2] for key in found.keys} == {""}
