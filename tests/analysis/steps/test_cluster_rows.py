"""Examples of one source stay together from the task to the rows of a run and its comparisons."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from paired_run import write_paired_run
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.cells.bag_of_words import bag_of_words
from subprobe.analysis.comparison.between_runs import Run, between_runs
from subprobe.analysis.comparison.tables import comparison_tables
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.statistics.paired_tests import cluster_signs
from subprobe.analysis.statistics.row_units import with_clusters, with_n_clusters
from subprobe.analysis.steps.performance import performance_rows
from subprobe.analysis.steps.selection import Chooser, find_good
from subprobe.analysis.summary.degenerate import flag_degenerate
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.output.tables import items_frame, read_rows, rows_frame, write_csv, write_parquet
from subprobe.data.tasks.by_name import load_task
from subprobe.data.tasks.task_parts import examples_digest, split_parts
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts

MEMBERS = 4


@pytest.fixture(scope="module")
def parts():
    data = load_task("acceptability", sizes={"train": 120, "validation": 80, "test": 120})
    return split_parts(data, seed=1)


def answered(parts, predictions):
    """An evaluation of these answers to the reported examples."""
    found = bag_of_words(parts)
    logits = np.eye(2)[np.asarray(predictions)]
    return replace(found, logits=logits, metrics={"accuracy": 0.5, "matthews": 0.0})


def test_rows_count_examples_and_sets(parts):
    found = bag_of_words(parts)
    rows = performance_rows(found, parts)
    assert rows["n"].tolist() == [120, 120]
    assert rows["n_clusters"].tolist() == [30, 30]
    items = found.items()
    assert items["cluster_id"].nunique() == 30
    assert set(items.groupby("cluster_id").size()) == {MEMBERS}
    assert items["cluster_id"].tolist() == [example.cluster for example in parts.report]


def test_a_model_of_one_answer_has_no_interval_and_carries_no_claim(parts):
    rows = performance_rows(answered(parts, np.ones(120, int)), parts)
    assert rows["ci_low"].isna().all()
    assert rows["ci_high"].isna().all()
    assert (rows["ci_method"] == "no interval: the prediction is the same for every example").all()
    about = {"model": "m", "task": "acceptability", "seed": 1, "state": "finetuned",
             "kind": "full", "method": "full"}  # fmt: skip
    assert (flag_degenerate(rows_frame(rows.assign(**about)))["flag"] == "degenerate").all()


def test_a_model_that_is_always_right_is_not_degenerate(parts):
    gold = [example.label for example in parts.report]
    found = replace(answered(parts, gold), metrics={"accuracy": 1.0, "matthews": 1.0})
    about = {"model": "m", "task": "acceptability", "seed": 1, "state": "finetuned",
             "kind": "full", "method": "full"}  # fmt: skip
    rows = rows_frame(performance_rows(found, parts).assign(**about))
    assert rows["ci_low"].isna().all()
    assert flag_degenerate(rows)["flag"].isna().all()


def test_examples_without_a_source_are_counted_one_by_one():
    parts = toy_parts()
    found = bag_of_words(parts)
    rows = performance_rows(found, parts)
    assert rows["n_clusters"].tolist() == rows["n"].tolist() == [24]
    assert found.items()["cluster_id"].isna().all()


def test_the_sources_of_examples_are_part_of_what_is_scored(parts):
    bare = tuple(replace(example, cluster="") for example in parts.report)
    assert examples_digest(bare) != examples_digest(parts.report)


def test_folds_keep_clusters_together(monkeypatch):
    parts = toy_parts()
    grouped = [replace(e, cluster=f"set {k // 3}") for k, e in enumerate(parts.selection[:21])]
    parts = replace(parts, selection=(*grouped, *parts.selection[21:]))
    model, tokenizer = tiny_model("bert", "classification"), tiny_tokenizer("wordpiece")
    options = PruneOptions(selection="cross-validation", folds=4, threshold=0.5)
    chooser = Chooser(model, tokenizer, parts, options, 32)
    scored, ranked = [], []

    def heard(name, seen):
        asked = getattr(Chooser, name)

        def call(self, held, **more):
            seen.append(held)
            return asked(self, held, **more)

        monkeypatch.setattr(Chooser, name, call)

    heard("metric", scored)
    heard("importance", ranked)
    find_good(model, tokenizer, parts, chooser.options, max_length=32, seeds=(1, 1))
    folds = [held for held in scored if len(held) < len(parts.selection)]
    assert len(folds) == 4
    assert sorted(e.id for held in folds for e in held) == sorted(e.id for e in parts.selection)
    for held, rest in zip(folds, ranked, strict=False):
        inside = {example.cluster for example in held} - {""}
        assert inside
        assert not inside & {example.cluster for example in rest}
        assert len(held) + len(rest) == len(parts.selection)


def test_no_more_folds_than_clusters():
    parts = toy_parts()
    two = tuple(replace(e, cluster=f"set {k % 2}") for k, e in enumerate(parts.selection))
    model, tokenizer = tiny_model("bert", "classification"), tiny_tokenizer("wordpiece")
    options = PruneOptions(selection="cross-validation", folds=3)
    with pytest.raises(ConfigError, match="must be at most 2, the number of groups, got 3"):
        find_good(model, tokenizer, replace(parts, selection=two), options, max_length=32,
                  seeds=(1, 1))  # fmt: skip


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_of_another_version_are_refused_by_name(tmp_path, suffix):
    rows = rows_frame([{"metric": "accuracy", "value": 0.5}])
    path = tmp_path / f"rows.{suffix}"
    write = write_csv if suffix == "csv" else write_parquet
    write(rows, path)
    assert read_rows(path)["value"].tolist() == [0.5]
    write(rows.assign(schema_version=1).drop(columns="n_clusters"), path)
    with pytest.raises(DataFileError, match="schema version 1, this subprobe reads 2 and 3"):
        read_rows(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "clustered"
    rows = write_paired_run(folder, seeds=(1, 2, 3), sentences=40, members=MEMBERS)
    return folder, rows


def performance(folder, kind, state, seed=1):
    items = CellOutput.load(folder / "cells" / f"acceptability-{seed}-{kind}-{state}-0.parquet")
    items = items.items[items.items["probe"] == "performance"]
    right = (items["prediction"] == items["gold"]).to_numpy(bool)
    return right, pd.factorize(items["cluster_id"])[0]


@pytest.fixture(scope="module")
def tables(run):
    folder, rows = run
    return comparison_tables(rows, folder / "cells", resamples=400)


def between(table, **where):
    for side, kind in (("a", "good"), ("b", "bad")):
        table = table[(table[f"kind_{side}"] == kind) & (table[f"state_{side}"] == "pruned")]
    for name, value in where.items():
        table = table[table[name] == value]
    return table


def test_differences_are_resampled_by_cluster(run, tables):
    a, units = performance(run[0], "good", "pruned")
    draws = [CellOutput.load(run[0] / "cells" / f"acceptability-1-bad-pruned-{d}.parquet").items
             for d in range(3)]  # fmt: skip
    draws = [one[one["probe"] == "performance"] for one in draws]
    b = np.mean([(one["prediction"] == one["gold"]).to_numpy(float) for one in draws], axis=0)
    gaps = np.array([(a - b)[units == unit].sum() for unit in range(30)])
    rng = np.random.default_rng(0)
    plain = np.quantile(gaps[rng.integers(0, 30, (6000, 30))].sum(axis=1) / 120, [0.025, 0.975])
    single = np.quantile((a - b)[rng.integers(0, 120, (6000, 120))].mean(axis=1), [0.025, 0.975])
    found = between(tables["comparisons"], metric="accuracy", level="one seed", seed=1).iloc[0]
    assert (found["n"], found["n_clusters"]) == (120, 30)
    assert found["ci_method"] == "paired bootstrap over clusters (400), this seed"
    width = found["ci_high"] - found["ci_low"]
    wider = np.sqrt(30 / 29) * 2.045 / 1.960
    assert width == pytest.approx(wider * (plain[1] - plain[0]), rel=0.15)
    assert width > 1.3 * (single[1] - single[0])
    over = between(tables["comparisons"], metric="accuracy", level="seeds and examples").iloc[0]
    assert over["n_clusters"] == 30
    assert "over seeds and clusters" in over["ci_method"]


def test_tests_exchange_clusters(run, tables):
    a, units = performance(run[0], "good", "pruned")
    b, _ = performance(run[0], "bad", "pruned")
    assert "McNemar, exact" not in set(tables["tests"]["test"])
    found = between(tables["tests"], test="signs of clusters, exact", seed=1).iloc[0]
    assert found["p_value"] == pytest.approx(cluster_signs(a, b, units).p_value)
    assert (found["n"], found["n_clusters"]) == (120, 30)
    assert found["only_first"] == int((a & ~b).sum())
    exchanged = between(tables["tests"], test="exchanged answers", seed=1)
    assert set(exchanged["n_clusters"]) == {30}


def test_probes_are_compared_by_clusters_of_sentences(tables):
    found = tables["comparisons"]
    found = found[(found["probe"] == "dependency-heads") & (found["level"] == "one seed")]
    # 20 of the 40 sentences are scored, the odd ones: two of each set of four
    assert set(found["n"]) == {20}
    assert set(found["n_clusters"]) == {10}
    tested = tables["tests"][tables["tests"]["test"] == "exchanged sentences"]
    assert set(tested["n_clusters"]) == {10}


def test_two_runs_are_compared_by_cluster(run, tmp_path):
    folder, rows = run
    other = write_paired_run(tmp_path / "other", seeds=(4, 5), members=MEMBERS, entropy=1)
    found = between_runs(
        [Run("a", rows, folder / "cells"), Run("b", other, tmp_path / "other" / "cells")],
        resamples=200,
    )["between_runs"]
    scores = found[(found["probe"] == "performance") & found["n"].notna()]
    assert set(scores["n_clusters"]) == {30}
    assert scores["ci_method"].str.contains("paired bootstrap over clusters").all()


def test_seeds_keep_both_numbers(tables):
    points = tables["seed_points"]
    scores = points[points["probe"] == "performance"]
    assert set(scores["n"]) == {120}
    assert set(scores["n_clusters"]) == {30}


def test_rows_of_a_probe_count_the_clusters_of_their_relation():
    sentences = [f"s{k}" for k in range(8)]
    items = items_frame(
        [
            {"sentence_id": s, "metric": "dependency_accuracy", "relation": relation, "head": head,
             "numerator": 1, "denominator": 1}
            for relation, of in (("nsubj", sentences), ("obj", sentences[:3]))
            for s in of for head in (0, 1)
        ]
    )  # fmt: skip
    clusters = {s: f"c{k // 4}" for k, s in enumerate(sentences)} | {"s0": ""}
    clusters.pop("s0")
    items = with_clusters(items, clusters)
    rows = rows_frame(
        [
            {"metric": "dependency_accuracy", "relation": "nsubj", "n": 8},
            {"metric": "best_head_accuracy", "relation": "nsubj", "n": 8},
            {"metric": "dependency_accuracy", "relation": "obj", "n": 3},
            {"metric": "dependency_accuracy", "relation": "obj", "n": 0},
            {"metric": "offset_accuracy", "relation": "obj", "n": 3},
            {"metric": "offset_accuracy", "relation": "obj", "n": 3, "n_clusters": 9},
        ]
    )
    rows = rows.assign(probe="dependency-heads")
    found = with_n_clusters(rows, items)["n_clusters"]
    # s0 stands alone, s1 to s3 are one set, s4 to s7 another
    assert found.tolist()[:4] == [3, 3, 2, 0]
    assert pd.isna(found[4])
    assert found[5] == 9
