"""Items that are right or wrong and stand alone take McNemar's exact test as well."""

import numpy as np
import pandas as pd
import pytest
from paired_run import write_paired_run
from scipy.stats import binomtest
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.comparison.probe_comparisons import compare_probes
from subprobe.analysis.statistics.row_units import is_right_or_wrong
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.registry import entries_of

PAIRS = 60
SHARE = {"full": 0.9, "good": 0.7, "bad": 0.5}


def points(about):
    rng = np.random.default_rng([*about["kind"].encode(), about["seed"]])
    found = (rng.random(PAIRS) < SHARE[about["kind"]]).astype(float)
    found[:3] = 0.5 if about["kind"] == "full" else 0.0
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    rows = write_paired_run(folder, sentences=20, draws=1, kinds=("full", "good", "bad"))
    of = ["model", "task", "seed", "method", "kind", "state", "draw"]
    every, found = [rows], {}
    for about in rows[rows["state"] != "retrained"][of].drop_duplicates().to_dict("records"):
        cell = f"pairs-{about['kind']}-{about['seed']}"
        right = found[about["kind"], about["seed"]] = points(about)
        key = {"probe": "minimal-pairs", "variant": "pll"}
        mine, items = [], []
        for relation, metric, group in (
            ("alone", "accuracy", False), ("grouped", "accuracy", True), ("alone", "margin", False),
        ):  # fmt: skip
            named = {**key, "metric": metric, "relation": relation}
            mine.append({**about, **named, "cell_id": cell, "value": right.mean(), "n": PAIRS})
            items += [
                {**named, "cell_id": cell, "item_id": f"{relation}{i}",
                 "sentence_id": f"{relation}{i}", "cluster_id": f"g{i // 2}" if group else None,
                 "numerator": value, "denominator": 1.0}
                for i, value in enumerate(right)
            ]  # fmt: skip
        CellOutput(rows_frame(mine), items_frame(items)).save(folder / "cells" / f"{cell}.parquet")
        every.append(rows_frame(mine))
    return pd.concat(every, ignore_index=True), folder / "cells", found


def test_pairs_that_stand_alone_take_mcnemars_test(run):
    rows, cells, right = run
    tests = compare_probes(rows, cells, resamples=50).corrected("holm").tests
    tests = tests[tests["probe"] == "minimal-pairs"]
    exact = tests[tests["test"] == "McNemar, exact"]
    assert set(exact["metric"]) == {"accuracy"}
    assert set(exact["relation"]) == {"alone"}
    swapped = tests[tests["test"] == "exchanged sentences"]
    assert set(swapped["relation"]) == {"alone", "grouped"}
    assert set(swapped["metric"]) == {"accuracy", "margin"}
    lines = exact[exact["kind_a"].eq("good") & exact["kind_b"].eq("full")]
    assert len(lines) == len({seed for _, seed in right})
    for line in lines.itertuples():
        a, b = right["good", line.seed], right["full", line.seed]
        only_a, only_b = int((a > b).sum()), int((b > a).sum())
        assert (line.only_first, line.only_second) == (only_a, only_b)
        assert only_b >= 3  # half right is better than wrong
        assert line.p_value == pytest.approx(binomtest(only_a, only_a + only_b).pvalue)
        assert line.difference == pytest.approx(a.mean() - b.mean())
        assert line.p_adjusted >= line.p_value
    # a family of its own: the exchange tests are corrected as without it
    assert set(exact["family"]) == {f"{exact['model'].iloc[0]} · minimal-pairs · McNemar, exact"}


@pytest.mark.parametrize(
    ("probe", "exact", "other"),
    [
        ("minimal-pairs", ["accuracy"], ["margin", "tied"]),
        ("agreement", ["accuracy"], ["margin", "tied", "scored_by_pll"]),
        (
            "cloze",
            ["accuracy_top_1", "accuracy_top_5", "sensitivity", "sensitivity_above_margin"],
            ["log_odds", "tied", "coverage"],
        ),
    ],
)
def test_which_answers_are_right_or_wrong(probe, exact, other):
    assert all(is_right_or_wrong(probe, metric) for metric in exact)
    assert not any(is_right_or_wrong(probe, metric) for metric in other)
    (entry,) = entries_of([probe])
    for metric in (*exact, *other):  # the names are those of the probe
        assert any(row.covers(metric) for row in entry.rows), metric
