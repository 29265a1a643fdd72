"""Intervals of `edges`: gains on the same resamples, and an expected layer that may be refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.configuration.config import ProbeOptions
from subprobe.analysis.intervals.edge_intervals import NO_GAIN, REFUSED, edge_intervals
from subprobe.analysis.intervals.item_intervals import (
    NO_SPREAD,
    ONE_TEXT,
    OVER_CLUSTERS,
    OVER_TEXTS,
)
from subprobe.analysis.steps.probing import output_of
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.data.sentences.sentence import Sentence
from subprobe.probes.edges.mix_measures import expected_layer
from subprobe.probes.forward.base import ProbeResult

PUBLISHED = [
    85.1990, 90.2369, 91.2977, 92.5571, 93.6569, 94.0952, 94.6465, 94.8954, 95.1667, 95.2115,
    95.0951, 95.3245, 95.2172,
]  # fmt: skip
"""F1 of mixes 0..12 of bert-base-uncased in dependency labelling (Tenney et al. 2019b)."""
DPR = [
    56.1118, 59.2018, 56.6392, 57.2738, 54.5226, 54.7192, 56.9444, 55.7178, 58.5143, 57.7197,
    57.4822, 59.1484, 55.2180,
]  # fmt: skip
"""The same in resolving pronouns: the summed gain is below zero, and the formula gives 23.9."""


def result_of(scores, *, sentences=400, spans=10, clusters=None, task="t", seed=0):
    """A result whose mixes find each label with a probability in percent, paired over mixes."""
    draw = np.random.default_rng(seed)
    luck = draw.random((sentences, spans))
    parts = []
    for layer, score in enumerate(scores):
        right = (luck < score / 100).sum(1)
        parts.append(
            pd.DataFrame(
                {
                    "probe": "edges",
                    "variant": "own",
                    "relation": task,
                    "metric": "mix_micro_f1",
                    "layer": layer,
                    "item_id": [f"e{place}" for place in range(sentences)],
                    "sentence_id": [f"s{place}" for place in range(sentences)],
                    "cluster_id": clusters,
                    "numerator": 2.0 * right,
                    "denominator": 2.0 * spans,
                }
            )
        )
    items = items_frame(pd.concat(parts))
    sums = items.groupby("layer")[["numerator", "denominator"]].sum()
    about = {"probe": "edges", "variant": "own", "relation": task, "n": sentences * spans}
    rows = [
        {**about, "unit": "layer", "layer": layer, "metric": "mix_micro_f1", "value": above / below,
         "baseline": name}
        for layer, (above, below) in enumerate(sums.to_numpy())
        for name in ("majority", "layer-0")[: 1 + (layer > 0)]
    ]  # fmt: skip
    rows.append({**about, "unit": "model", "metric": "centre_of_gravity", "value": 3.0})
    return ProbeResult("edges", rows_frame(rows), lambda: items)


def only(rows, metric):
    """The one row of a metric."""
    [found] = rows[rows["metric"] == metric].to_dict("records")
    return found


def test_the_expected_layer_of_published_scores():
    rows = edge_intervals(result_of(PUBLISHED))
    found, total = only(rows, "expected_layer"), only(rows, "summed_gain")
    f1 = rows[rows["metric"] == "mix_micro_f1"].drop_duplicates("layer")["value"].to_numpy(float)
    assert found["value"] == pytest.approx(float(expected_layer(f1)))
    assert found["ci_low"] < 2.52 < found["ci_high"]
    assert found["ci_low"] < found["value"] < found["ci_high"]
    assert total["value"] == pytest.approx(f1[-1] - f1[0])
    assert 0 < total["ci_low"] < total["value"] < total["ci_high"]
    assert pd.isna(found["flag"])
    assert found["ci_method"] == OVER_TEXTS
    assert found["n_clusters"] == 400


@pytest.mark.parametrize("scores", [DPR, [80, 80, 80], [90, 85, 80], [80.0, 80.1, 80.2]])
def test_an_expected_layer_without_a_gain_is_refused(scores):
    rows = edge_intervals(result_of(scores, sentences=60))
    found, total = only(rows, "expected_layer"), only(rows, "summed_gain")
    assert pd.isna(total["ci_low"]) or total["ci_low"] <= 0
    assert pd.isna(found["value"])
    assert pd.isna(found["ci_low"])
    assert found["flag"] == NO_GAIN
    assert found["ci_method"] == REFUSED


def test_gains_add_up_and_are_paired():
    rows = edge_intervals(result_of([60, 70, 75, 75]))
    gains = rows[rows["metric"] == "mix_gain"]
    assert gains["layer"].tolist() == [1, 2, 3]
    assert gains["value"].sum() == pytest.approx(only(rows, "summed_gain")["value"])
    # mix 3 finds what mix 2 finds, in every resample
    assert gains["value"].iloc[2] == 0
    assert gains["ci_method"].iloc[2] == NO_SPREAD
    assert gains["ci_low"].isna().tolist() == [False, False, True]
    width = (gains["ci_high"] - gains["ci_low"]).iloc[0]
    f1 = rows[rows["metric"] == "mix_micro_f1"]
    assert width < (f1["ci_high"] - f1["ci_low"]).iloc[0]


def test_intervals_against_plain_resampling():
    result = result_of([60, 70, 80], sentences=150)
    rows = edge_intervals(result)
    table = result.items.pivot_table(index="item_id", columns="layer", values="numerator")
    sums, draw = table.to_numpy(float) / 20, np.random.default_rng(5)
    drawn = np.array([sums[draw.integers(0, 150, 150)].mean(0) for _ in range(4000)])
    expected = np.quantile(drawn, [0.025, 0.975], axis=0)
    f1 = rows[rows["metric"] == "mix_micro_f1"]
    found = f1.drop_duplicates("layer")[["ci_low", "ci_high"]].to_numpy(float).T
    assert np.allclose(found, expected, atol=0.003)
    each = expected_layer(drawn)
    layer = only(rows, "expected_layer")
    assert np.allclose(
        [layer["ci_low"], layer["ci_high"]], np.quantile(each, [0.025, 0.975]), atol=0.03
    )
    # every row about one mix has the interval of that mix
    assert f1.groupby("layer")["ci_low"].nunique().eq(1).all()


def test_clusters_are_resampled_whole():
    clusters = [f"c{place // 8}" for place in range(400)]
    alone = only(edge_intervals(result_of(PUBLISHED)), "summed_gain")
    found = only(edge_intervals(result_of(PUBLISHED, clusters=clusters)), "summed_gain")
    assert found["ci_method"] == OVER_CLUSTERS
    assert found["n_clusters"] == 50
    assert found["value"] == alone["value"]
    assert found["ci_low"] != alone["ci_low"]


def test_one_sentence_has_no_interval_and_no_expected_layer():
    rows = edge_intervals(result_of([60, 90], sentences=1, spans=50))
    assert rows["ci_low"].isna().all()
    assert only(rows, "expected_layer")["flag"] == NO_GAIN
    f1 = rows[rows["metric"] == "mix_micro_f1"]
    assert set(f1["ci_method"]) == {ONE_TEXT}


def test_a_gain_that_no_resample_changes_is_a_gain():
    rows = edge_intervals(result_of([0, 0, 100], sentences=30))
    found, total = only(rows, "expected_layer"), only(rows, "summed_gain")
    assert (total["value"], total["ci_method"]) == (1, NO_SPREAD)
    assert (found["value"], found["ci_method"]) == (2, NO_SPREAD)
    assert pd.isna(found["flag"])


def test_tasks_are_kept_apart_and_others_rows_stay():
    one, other = result_of([60, 70, 80]), result_of([80, 80, 80], task="u")
    both = replace(
        one,
        rows=rows_frame(pd.concat([one.rows, other.rows], ignore_index=True)),
        make_items=lambda: iter([one.items, other.items]),
    )
    rows = edge_intervals(both)
    assert rows[rows["relation"] == "t"]["flag"].isna().all()
    assert (rows[rows["relation"] == "u"]["flag"] == NO_GAIN).sum() == 1
    centres = rows[rows["metric"] == "centre_of_gravity"]
    assert centres["value"].tolist() == [3.0, 3.0]
    assert centres["ci_low"].isna().all()
    apart = pd.concat([edge_intervals(one), edge_intervals(other)], ignore_index=True)
    pd.testing.assert_frame_equal(rows, rows_frame(apart))


def test_rows_about_a_users_file_name_it_and_others_name_the_corpus():
    one, other = result_of([60, 70, 80]), result_of([60, 70, 80], task="u")
    named = other.rows.assign(corpus="roles.jsonl", annotation="", scheme="")
    both = replace(
        one,
        rows=rows_frame(pd.concat([one.rows, named], ignore_index=True)),
        make_items=lambda: iter([one.items, other.items]),
    )
    first = Sentence("s", ("a",), annotation="gold", scheme="ud")
    options = ProbeOptions(names=("edges",))
    rows = output_of(both, "en.conllu", first, options, split="test").rows
    columns = ["corpus", "annotation", "scheme", "split"]
    for task, said in (
        ("t", ["en.conllu", "gold", "ud", "test"]), ("u", ["roles.jsonl", "", "", "test"])
    ):  # fmt: skip
        mine = rows[rows["relation"] == task]
        assert {"expected_layer", "mix_gain", "mix_micro_f1"} <= set(mine["metric"])
        assert mine[columns].drop_duplicates().to_numpy().tolist() == [said]
