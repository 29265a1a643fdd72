"""Differences in Matthews correlation on the diagnostic set, against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import matthews_corrcoef
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.comparison.by_category import compare_categories
from subprobe.analysis.comparison.tables import comparison_tables
from subprobe.analysis.statistics.paired_tests import swap_test
from subprobe.data.output.tables import items_frame, rows_frame

N = 160
GOLD = np.random.default_rng(0).integers(0, 3, N)
LOGIC = np.arange(N) % 3 == 0
CLUSTERS = [f"c{place // 2}" for place in range(N)]
MODELS = (("full", "finetuned", 0, 0.9), ("good", "pruned", 0, 0.8), ("random", "pruned", 0, 0.45),
          ("random", "pruned", 1, 0.4))  # fmt: skip


def said_by(kind, seed, draw, right):
    rng = np.random.default_rng([seed, draw, round(100 * right)])
    return np.where(rng.random(N) < right, GOLD, (GOLD + 1) % 3)


def items_of(said):
    parts = []
    for metric, relation, inside in (("accuracy", None, np.ones(N, bool)),
                                     ("category_accuracy", "Logic", LOGIC)):  # fmt: skip
        ids = [f"p{place}" for place in np.flatnonzero(inside)]
        parts.append(pd.DataFrame({
            "probe": "glue-diagnostics", "item_id": ids, "sentence_id": ids,
            "cluster_id": np.array(CLUSTERS)[inside], "relation": relation, "metric": metric,
            "numerator": (said == GOLD)[inside].astype(float), "denominator": 1.0,
            "prediction": said[inside], "gold": GOLD[inside],
        }))  # fmt: skip
    return items_frame(pd.concat(parts, ignore_index=True))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ax")
    rows = []
    for seed in (1, 2):
        for kind, state, draw, right in MODELS:
            said, cell = said_by(kind, seed, draw, right), f"{seed}-{kind}-{draw}"
            about = {"model": "m", "task": "mnli", "seed": seed, "draw": draw, "kind": kind,
                     "method": "full" if kind == "full" else "structured", "state": state,
                     "probe": "glue-diagnostics", "unit": "model", "cell_id": cell}  # fmt: skip
            mine = [
                about | {"metric": "matthews", "value": matthews_corrcoef(GOLD, said), "n": N},
                about | {"metric": "accuracy", "value": (said == GOLD).mean(), "n": N},
            ]
            CellOutput(rows_frame(mine), items_of(said)).save(folder / "cells" / f"{cell}.parquet")
            rows += mine
    return rows_frame(rows), folder / "cells"


@pytest.fixture(scope="module")
def found(run):
    return compare_categories(*run, resamples=200)


def gap(a, b, inside, seed):
    def mean(kind):
        values = [matthews_corrcoef(GOLD[inside], said_by(k, seed, draw, right)[inside])
                  for k, _, draw, right in MODELS if k == kind]  # fmt: skip
        return np.mean(values)

    return mean(a) - mean(b)


@pytest.mark.parametrize("other", ["random", "full"])
@pytest.mark.parametrize("name", ["", "Logic"])
def test_good_is_compared_with_random_and_full(found, name, other):
    lines = found.compared
    lines = lines[lines["kind_a"].eq("good") & lines["kind_b"].eq(other)
                  & lines["relation"].fillna("").eq(name)]  # fmt: skip
    assert set(lines["metric"]) == {"category_matthews" if name else "matthews"}
    inside = LOGIC if name else np.ones(N, bool)
    for seed in (1, 2):
        line = lines[(lines["level"] == "one seed") & (lines["seed"] == seed)].iloc[0]
        assert line["difference"] == pytest.approx(gap("good", other, inside, seed))
        assert line["n"] == inside.sum()
        assert line["n_clusters"] == len(set(np.array(CLUSTERS)[inside]))
    mean = lines[lines["level"] == "these seeds"].iloc[0]
    expected = np.mean([gap("good", other, inside, seed) for seed in (1, 2)])
    assert mean["difference"] == pytest.approx(expected)
    if not name:
        assert mean["ci_low"] < expected < mean["ci_high"]
        assert "clusters" in mean["ci_method"]
    assert not lines["primary"].any()


def test_p_exchanges_the_answers_of_clusters(found):
    tests = found.corrected("holm").tests
    assert set(tests["probe"]) == {"glue-diagnostics"}
    assert set(tests["metric"]) == {"matthews", "category_matthews"}
    line = tests[
        tests["kind_a"].eq("good")
        & tests["kind_b"].eq("full")
        & tests["seed"].eq(1)
        & tests["relation"].isna()
        & tests["test"].eq("exchanged answers")
    ].iloc[0]
    units = np.arange(N) // 2
    expected = swap_test("matthews", said_by("good", 1, 0, 0.8).astype(float),
                         said_by("full", 1, 0, 0.9).astype(float), GOLD.astype(float), units,
                         seed=1)  # fmt: skip
    assert line["p_value"] == expected.p_value
    assert line["p_adjusted"] >= line["p_value"]


def test_compare_holds_them_beside_accuracies(run):
    tables = comparison_tables(*run, resamples=50)
    metrics = set(tables["comparisons"]["metric"])
    assert {"matthews", "category_matthews", "accuracy", "category_accuracy"} <= metrics
    without = comparison_tables(*run, probes=False, resamples=50)
    assert without["comparisons"].empty


def test_runs_without_the_probe_have_no_lines(run):
    rows, cells = run
    assert compare_categories(rows[rows["metric"] == "accuracy"], cells).compared.empty
