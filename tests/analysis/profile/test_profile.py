"""The linguistic profile against loops over items, and where it holds its tongue."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.profile.profile import COLUMNS, has_profile, profile_table
from subprobe.analysis.statistics.corrections import adjust
from subprobe.data.errors import DataFileError
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes import registry
from subprobe.probes.entry import Measure, Phenomenon, ProbeEntry

ENTRY = ProbeEntry(
    "planted", "a probe of hidden states", "nowhere:run",
    rows=(Measure("accuracy", ("layer",), "share of words"),),
    phenomena=(
        Phenomenon("syntax", "accuracy", "deprel", name="relations", variant="own"),
        Phenomenon("morphology", "accuracy", "feats:*", variant="own"),
    ),
)  # fmt: skip
STATES = 3
SENTENCES = 40


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(registry, "PROBES", {**registry.PROBES, ENTRY.name: ENTRY})


def made_items(cell, share, seed, *, sentences=SENTENCES):
    """Items of a model that gets about `share` of the words right; those of state 0 fewer."""
    draw = np.random.default_rng(seed)
    records = []
    for sentence in range(sentences):
        words = 4 + sentence % 5
        for relation in ("deprel", "feats:Number", "other"):
            for variant in ("own", "transferred"):
                for layer in range(STATES):
                    right = draw.binomial(words, share * (0.5 if layer == 0 else 1))
                    records.append(
                        {"cell_id": cell, "probe": ENTRY.name, "variant": variant,
                         "item_id": f"s{sentence}", "sentence_id": f"s{sentence}",
                         "cluster_id": f"c{sentence // 2}", "layer": layer, "relation": relation,
                         "metric": "accuracy", "numerator": right, "denominator": words}
                    )  # fmt: skip
    return items_frame(records)


def made_run(folder, shares, *, seeds=(1, 2), draws=3):
    """Rows and cells of a run; `shares` says how much each kind knows."""
    cells, rows, frames = folder / "cells", [], {}
    cells.mkdir()
    places = [("full", "finetuned", "full", 0), ("full", "untrained", "full", 0)]
    places += [("good", "pruned", "structured", 0)]
    places += [("random", "pruned", "structured", draw) for draw in range(draws)]
    for seed in seeds:
        for kind, state, method, draw in places:
            name = f"{kind}{state}{seed}{draw}"
            share = shares.get(kind if state != "untrained" else state, 0.5)
            items = made_items(name, share, [len(kind), state == "untrained", seed, draw])
            frames[name] = items
            mine = rows_frame(
                [{"cell_id": name, "model": "m", "task": "t", "method": method, "kind": kind,
                  "state": state, "seed": seed, "draw": draw if kind == "random" else None,
                  "probe": ENTRY.name, "metric": "accuracy", "value": 0.5}]
            )  # fmt: skip
            CellOutput(mine, items).save(cells / f"{name}.parquet")
            rows.append(mine)
    return pd.concat(rows, ignore_index=True), cells, frames


def plain_value(items, relation):
    """Mean over states 1..L of the share of words, by a loop."""
    shares = []
    for layer in range(1, STATES):
        mine = items[
            (items["layer"] == layer)
            & (items["relation"] == relation)
            & (items["variant"] == "own")
        ]
        shares.append(mine["numerator"].sum() / mine["denominator"].sum())
    return float(np.mean(shares))


def test_scores_differences_and_corrections_are_those_of_loops(tmp_path):
    rows, cells, frames = made_run(tmp_path, {"good": 0.8, "random": 0.6, "full": 0.9})
    assert has_profile(rows)
    table = profile_table(rows, cells)
    assert list(table.columns) == COLUMNS
    assert table["phenomenon"].tolist() == ["Number", "relations"]
    assert table["subfield"].tolist() == ["morphology", "syntax"]
    for line, relation in zip(table.itertuples(), ("feats:Number", "deprel"), strict=True):
        good = [plain_value(frames[f"goodpruned{seed}0"], relation) for seed in (1, 2)]
        random = [
            [plain_value(frames[f"randompruned{seed}{draw}"], relation) for draw in range(3)]
            for seed in (1, 2)
        ]
        assert line.good == pytest.approx(np.mean(good))
        assert line.random == pytest.approx(np.mean(random))
        assert (line.random_lowest, line.random_highest) == pytest.approx(
            (np.min(random), np.max(random))
        )
        assert line.difference == pytest.approx(np.mean(good) - np.mean(random))
        assert line.ci_low < line.difference < line.ci_high
        assert (line.n_seeds, line.n_draws, line.n_clusters) == (2, 3, SENTENCES // 2)
        assert line.n == sum(4 + s % 5 for s in range(SENTENCES))
        assert line.static < line.full
        assert line.untrained == pytest.approx(
            np.mean([plain_value(frames[f"fulluntrained{seed}0"], relation) for seed in (1, 2)])
        )
        assert np.isnan(line.bad)
        assert pd.isna(line.share_of_draws_below)
        assert "29 draws" in line.note
        assert line.p_value < 0.01
    assert table["p_adjusted"].tolist() == pytest.approx(list(adjust(table["p_value"])))
    assert table["family_size"].tolist() == [2, 2]


def test_items_with_answers_count_as_right_or_wrong(tmp_path):
    rows, cells, frames = made_run(tmp_path, {"good": 0.8, "random": 0.6}, seeds=(1,))
    expected = profile_table(rows, cells)
    for name, items in frames.items():
        records = []
        for item in items.to_dict("records"):
            for word in range(int(item["denominator"])):
                right = word < item["numerator"]
                records.append(
                    item | {"numerator": None, "denominator": None, "gold": word,
                            "prediction": word if right else word + 1}
                )  # fmt: skip
        mine = rows[rows["cell_id"] == name]
        CellOutput(mine, items_frame(records)).save(cells / f"{name}.parquet")
    pd.testing.assert_frame_equal(profile_table(rows, cells), expected)


def test_equal_subnetworks_are_rarely_told_apart(tmp_path):
    rows, cells, _ = made_run(tmp_path, {"good": 0.6, "random": 0.6}, seeds=(3,))
    table = profile_table(rows, cells)
    assert (table["p_adjusted"] > 0.01).all()
    assert (table["difference"].abs() < 0.08).all()


def test_with_enough_draws_it_is_said_where_good_lies(tmp_path):
    rows, cells, frames = made_run(tmp_path, {"good": 0.62, "random": 0.6}, seeds=(1,), draws=29)
    table = profile_table(rows, cells)
    for line, relation in zip(table.itertuples(), ("feats:Number", "deprel"), strict=True):
        good = plain_value(frames["goodpruned10"], relation)
        draws = [plain_value(frames[f"randompruned1{d}"], relation) for d in range(29)]
        ties = [0.5 if one == pytest.approx(good, abs=1e-12) else one < good for one in draws]
        assert line.share_of_draws_below == pytest.approx(np.mean(ties))
        assert line.note == ""


def test_without_random_subnetworks_there_is_no_difference(tmp_path):
    rows, cells, _ = made_run(tmp_path, {}, draws=0)
    table = profile_table(rows, cells)
    assert table["difference"].isna().all()
    assert set(table["note"]) == {"good and random subnetworks were probed differently"}
    assert table["good"].notna().all()


def test_a_run_without_phenomena_has_no_profile(tmp_path):
    rows = rows_frame([{"probe": "attention-stats", "metric": "attention_entropy", "value": 1.0}])
    assert not has_profile(rows)
    assert profile_table(rows, tmp_path).empty


def test_a_damaged_cell_is_named(tmp_path):
    rows, cells, _ = made_run(tmp_path, {}, seeds=(1,))
    path = cells / "goodpruned10.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataFileError, match=r"goodpruned10"):
        profile_table(rows, cells)
