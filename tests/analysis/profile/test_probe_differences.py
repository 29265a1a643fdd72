"""Good minus random in the headline numbers of probes equals plain sums over the items."""

import numpy as np
import pandas as pd
import pytest
from paired_run import write_paired_run
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.comparison.found_better import FOUND, good_minus_random
from subprobe.analysis.profile.probe_differences import beyond_draws, clear, probe_differences
from subprobe.data.output.tables import rows_frame


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paired")
    rows = rows_frame(write_paired_run(folder, seeds=(1, 2), sentences=60, probe_draws=3))
    return folder / "cells", rows


@pytest.fixture(scope="module")
def table(paired):
    cells, rows = paired
    return probe_differences(rows, cells, resamples=200)


def test_every_headline_number_of_all_draws_has_a_line(paired, table):
    _, rows = paired
    assert list(table.columns) == list(FOUND)
    assert set(table["probe"]) == set(rows["probe"]) - {"performance", "mask"}
    assert set(table["n_draws"]) == {3}
    assert set(table["n_seeds"]) == {2}
    assert set(table["varies"]) == {"examples"}
    assert (table["p_adjusted"].dropna() >= table["p_value"][table["p_adjusted"].notna()]).all()
    assert (table["random_low"] <= table["random"]).all()
    assert (table["random"] <= table["random_high"]).all()
    assert table["difference"].to_numpy() == pytest.approx(
        (table["good"] - table["random"]).to_numpy(), abs=1e-9
    )


def test_what_is_clear_and_outside_of_the_draws_comes_first(table):
    ranked = list(zip(~clear(table), ~beyond_draws(table), strict=True))
    assert ranked == sorted(ranked)


def test_numbers_of_several_layers_are_pooled(tmp_path):
    """Of hidden states 1 to L, in each draw; the mean over draws is subtracted."""
    rng = np.random.default_rng(0)
    rows, sums = [], {}
    for kind, draws in (("good", 1), ("random", 2)):
        for draw in range(draws):
            cell = f"{kind}-{draw}"
            right = rng.integers(0, 5, (3, 40))  # states 0 to 2, sentences
            items = pd.DataFrame(
                [{"cell_id": cell, "probe": "tokens", "item_id": f"{s}", "sentence_id": f"{s}",
                  "variant": "own", "relation": "upos", "layer": layer, "metric": "accuracy",
                  "numerator": float(right[layer, s]), "denominator": 5.0}
                 for layer in range(3) for s in range(40)]
            )  # fmt: skip
            about = {"model": "m", "task": "t", "seed": 1, "draw": draw, "method": "structured",
                     "kind": kind, "state": "pruned", "cell_id": cell, "probe": "tokens",
                     "unit": "layer", "metric": "accuracy", "variant": "own",
                     "target": "upos"}  # fmt: skip
            own = rows_frame([{**about, "layer": layer, "value": right[layer].mean() / 5}
                              for layer in range(3)])  # fmt: skip
            CellOutput(own, items).save(tmp_path / f"{cell}.parquet")
            rows.append(own)
            sums[cell] = right[1:].mean() / 5
    rows = rows_frame(pd.concat(rows))
    (line,) = probe_differences(rows, tmp_path, resamples=100).itertuples()
    assert line.good == pytest.approx(sums["good-0"])
    assert line.random == pytest.approx((sums["random-0"] + sums["random-1"]) / 2)
    assert (line.n_draws, line.family_size) == (2, 1)
    assert pd.isna(line.layer)


def test_a_run_without_items_has_an_empty_table(paired, tmp_path):
    _, rows = paired
    assert probe_differences(rows, tmp_path).empty
    assert good_minus_random(rows, tmp_path, {}).empty
