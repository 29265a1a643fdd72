"""Probes on sentences that were sampled together: their items, halves, intervals and shuffles."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from probe_cases import random_examples, tiny_context
from subprobe.analysis.findings.change_statistics import with_statistics
from subprobe.analysis.intervals.pattern_intervals import CLUSTERS, OVER, pattern_intervals
from subprobe.analysis.steps.probing import Corpus, clustered, clusters_of
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.attribution.group_share import GroupShareTest
from subprobe.probes.forward.base import ProbeResult
from subprobe.probes.forward.held_out import halves, unit_digest
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.syntax.dependency_heads import DependencyHeads


def in_sets(examples, members=4):
    return [replace(one, cluster=f"set {k // members}") for k, one in enumerate(examples)]


def test_a_half_has_whole_clusters():
    examples = in_sets(random_examples(40))
    side = halves([unit_digest(one, one.first) for one in examples])
    by_set = side.reshape(-1, 4)
    assert (by_set == by_set[:, :1]).all()
    assert 0 < side.sum() < 40


def test_sentences_alone_are_halved_by_their_words():
    one = random_examples(2)
    assert unit_digest(one[0], one[0].first) != unit_digest(one[1], one[1].first)
    same = replace(one[0], id="again")
    assert unit_digest(same, same.first) == unit_digest(one[0], one[0].first)


@pytest.fixture(scope="module")
def dependencies():
    examples = in_sets(random_examples(40))
    context = tiny_context("bert")
    result = run_probes(context, examples, [DependencyHeads(context, min_count=5)])[0]
    return clustered(result, clusters_of(examples)), examples


def test_items_and_rows_of_a_probe_name_their_clusters(dependencies):
    result, examples = dependencies
    of = {one.first.id: one.cluster for one in examples}
    items = result.items
    assert (items["cluster_id"] == items["sentence_id"].map(of)).all()
    scored = items[items["metric"] == "dependency_accuracy"]
    choosing = items[items["metric"] == "dependency_accuracy_choosing"]
    assert not set(scored["cluster_id"]) & set(choosing["cluster_id"])
    rows = result.rows
    every = rows[(rows["metric"] == "dependency_accuracy") & (rows["relation"] == "all")]
    assert set(every["n_clusters"]) == {scored["cluster_id"].nunique()}
    for relation, mine in rows[rows["metric"] == "best_head_accuracy"].groupby("relation"):
        expected = scored.loc[scored["relation"] == relation, "cluster_id"].nunique()
        assert mine["n_clusters"].tolist() == [expected]


def test_a_corpus_says_which_sentences_belong_together():
    sentences = tuple(one.first for one in random_examples(4))
    alone = Corpus("c", sentences)
    assert alone.digest == Corpus("c", sentences, {}).digest
    assert alone.digest != Corpus("c", sentences, {sentences[0].id: "a"}).digest


def patterns(copies):
    """Maps of one layer and two heads over 30 texts, `copies` times each as one cluster."""
    rng = np.random.default_rng(0)
    said = rng.integers(0, 2, size=(30, 2))
    records = [
        {"item_id": f"t{t}.{c}", "sentence_id": f"t{t}.{c}",
         "cluster_id": f"t{t}" if copies > 1 else None, "metric": "attention_map", "layer": 0,
         "head": h, "prediction": said[t, h], "gold": said[t, h], "score": 0.9}
        for t in range(30) for c in range(copies) for h in (0, 1)
    ]  # fmt: skip
    from subprobe.probes.patterns.pattern_shares import PatternClasses, share_rows

    items = items_frame(records)
    found, _ = PatternClasses.of_items(items, (1, 2))
    rows = share_rows(found, np.ones((1, 2), bool), 0.5).assign(variant="attention")
    return ProbeResult(
        "attention-patterns", rows_frame(rows), lambda: items, notes={"pattern_threshold": 0.5}
    )


def test_copies_of_texts_make_no_interval_narrower():
    one, four = (pattern_intervals(patterns(copies)) for copies in (1, 4))
    text = one["ci_method"] == OVER["texts"]
    assert text.any()
    assert (four.loc[text, "ci_method"] == CLUSTERS).all()
    assert set(four.loc[text, "n_clusters"]) == set(one.loc[text, "n_clusters"]) == {30}
    for name in ("ci_low", "ci_high"):
        np.testing.assert_allclose(
            four.loc[text, name].to_numpy(float), one.loc[text, name].to_numpy(float), rtol=1e-12
        )
    heads = one["ci_method"] == OVER["heads"]
    assert set(one.loc[heads, "n_clusters"]) == {2}


def changes(copies):
    rng = np.random.default_rng(1)
    score, mean = rng.random((20, 2)), rng.random((20, 2))
    records = []
    for metric, values in (
        ("attention_to_target", score), ("shuffled_mean", mean),
        ("shuffled_variance", np.full((20, 2), 0.04)), ("reference_attention_to_target", mean),
    ):  # fmt: skip
        for t in range(20):
            for c in range(copies):
                records += [
                    {"item_id": f"t{t}.{c}", "sentence_id": f"t{t}.{c}", "metric": metric,
                     "cluster_id": f"t{t}" if copies > 1 else None, "relation": "nsubj",
                     "layer": 0, "head": h, "score": values[t, h]}
                    for h in (0, 1)
                ]  # fmt: skip
    rows = [
        {"metric": "attention_to_target", "relation": "nsubj", "layer": 0, "head": h, "n": 20}
        for h in (0, 1)
    ]
    return with_statistics(rows_frame(rows), items_frame(records))


def test_copies_of_texts_change_no_test_of_attention_to_targets():
    one, four = changes(1), changes(4)
    assert one["ci_method"].str.contains("over texts").all()
    assert four["ci_method"].str.contains("over clusters of texts").all()
    for name in ("ci_low", "ci_high", "p_value"):
        np.testing.assert_allclose(four[name].to_numpy(float), one[name].to_numpy(float), rtol=1e-9)


def test_shuffles_are_alike_in_sentences_of_a_cluster():
    rng = np.random.default_rng(2)
    examples = [(rng.random(6), rng.random((2, 6)) < 0.5) for _ in range(8)]
    once, copied, naive = (GroupShareTest(2) for _ in range(3))
    for k, (weights, members) in enumerate(examples):
        once.update(f"set {k}", weights, members)
        for copy in range(4):
            copied.update(f"set {k}", weights, members)
            naive.update(f"{k}.{copy}", weights, members)
    expected = once.result().p_value
    np.testing.assert_allclose(copied.result().p_value, expected, atol=1e-12)
    assert (naive.result().p_value <= expected).all()
    assert (naive.result().p_value < expected).any()
    assert pd.notna(expected).all()
