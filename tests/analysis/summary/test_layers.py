"""Curves over layers, pattern shares and masks of a run: summaries equal plain loops."""

import numpy as np
import pandas as pd
import pytest
from report_rows import CLASSES, report_rows
from run_rows import MadeRun
from subprobe.analysis.summary.agreement import mask_sets, overlap_summary, stability_summary
from subprobe.analysis.summary.layers import layer_summary, pattern_summary
from subprobe.analysis.summary.survival import survival_table
from subprobe.data.output.tables import rows_frame


@pytest.fixture(scope="module")
def rows():
    return report_rows()


def test_a_point_of_a_curve_is_the_mean_over_seeds(rows):
    table = layer_summary(rows)
    chosen = table[
        (table["task"] == "entailment")
        & (table["probe"] == "rollout")
        & (table["metric"] == "map_to_first")
        & (table["kind"] == "good")
        & (table["state"] == "pruned")
    ]
    assert chosen["layer"].tolist() == list(range(6))
    curves = rows[rows["probe"] == "rollout"]
    for line in chosen.itertuples():
        values = [
            row.value
            for row in curves.itertuples()
            if (row.task, row.probe, row.metric, row.kind, row.state, row.layer)
            == ("entailment", "rollout", "map_to_first", "good", "pruned", line.layer)
        ]
        assert len(values) == line.n_seeds == 2
        assert line.mean == pytest.approx(np.mean(values))
        assert (line.seed_low, line.seed_high) == (min(values), max(values))
        assert pd.isna(line.ci_low)


def test_one_seed_keeps_its_interval(rows):
    one = rows[(rows["seed"] == 1) & (rows["probe"] == "rollout")]
    table = layer_summary(one.assign(ci_low=one["value"] - 0.1, ci_high=one["value"] + 0.1))
    assert (table["ci_high"] - table["ci_low"]).tolist() == pytest.approx([0.2] * len(table))


@pytest.mark.parametrize("column", ["relation", "target"])
def test_pattern_shares_sum_to_one_whatever_names_the_class(rows, column):
    some = rows[rows["probe"] == "attention-patterns"]
    some = some.assign(**{"relation": None, "target": None, column: some["relation"]})
    table = pattern_summary(rows_frame(some))
    assert set(table["class"]) == set(CLASSES)
    sums = table.groupby(["task", "method", "variant", "kind", "state"])["mean"].sum()
    assert sums.tolist() == pytest.approx([1.0] * len(sums))


def test_pattern_shares_of_heads_are_averaged_where_no_model_row_is():
    made = {"model": "m", "task": "t", "method": "structured", "kind": "good", "state": "pruned",
            "seed": 1, "draw": 0, "probe": "attention-patterns", "metric": "pattern_share",
            "unit": "head", "relation": "block"}  # fmt: skip
    heads = pd.DataFrame({"layer": [0, 0], "head": [0, 1], "value": [0.2, 0.6]}).assign(**made)
    (line,) = pattern_summary(rows_frame(heads)).itertuples()
    assert line.mean == pytest.approx(0.4)


def test_masks_come_back_from_rows(rows):
    found = list(mask_sets(rows))
    assert found
    for about, masks in found:
        assert about == {"model": "embedded", "method": "structured"}
        assert masks.shapes == {"head": (6, 12), "mlp": (6,)}
        kept = rows[
            (rows["task"] == masks.task) & (rows["metric"] == "kept") & (rows["kind"] == "good")
        ]
        for row in kept[kept["unit"] == "head"].itertuples():
            place = masks.seeds.index(row.seed), row.layer * 12 + row.head
            assert masks.units["head"][place] == bool(row.value)


def test_spread_of_survival_is_that_of_its_seeds(rows):
    table = survival_table(rows)
    assert table["sd"].tolist() == pytest.approx(
        [np.std([1] * round(2 * s) + [0] * round(2 - 2 * s), ddof=1) for s in table["share"]]
    )


def test_agreement_needs_two_seeds_and_overlap_two_tasks_or_seeds():
    one = MadeRun(seeds=(1,), probes=False).rows()
    assert stability_summary(one).empty
    assert overlap_summary(one).empty
    two = MadeRun(tasks=("a", "b"), seeds=(1,), probes=False).rows()
    assert set(overlap_summary(two)["seeds"]) == {"same"}
