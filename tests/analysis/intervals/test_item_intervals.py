"""Intervals over texts of ratios of sums, against a plain second bootstrap."""

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.intervals.item_intervals import (
    NO_RATIO,
    NO_SPREAD,
    ONE_TEXT,
    OVER_CLUSTERS,
    OVER_TEXTS,
    item_intervals,
    summed_items,
)
from subprobe.data.output.item_parts import ItemParts
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.forward.base import ProbeResult

N = 60


def made(
    *, clusters=None, metric="accuracy", layers=(0, 1), variants=("own",), relations=("",), texts=N
):
    """Items and the rows that they sum up to."""
    rng = np.random.default_rng(3)
    items, rows = [], []
    for layer in layers:
        for variant in variants:
            for relation in relations:
                about = {"metric": metric, "variant": variant, "layer": layer,
                         "relation": relation or None}  # fmt: skip
                counts = rng.integers(1, 9, texts)
                right = rng.binomial(counts, 0.4 + 0.1 * layer)
                for text in range(texts):
                    items.append(
                        {**about, "item_id": f"s{text}", "sentence_id": f"s{text}",
                         "cluster_id": clusters and f"c{text // clusters}",
                         "numerator": right[text], "denominator": counts[text]}
                    )  # fmt: skip
                rows.append(
                    {**about, "probe": "p", "unit": "layer", "value": right.sum() / counts.sum(),
                     "n": int(counts.sum())}
                )  # fmt: skip
    return items, rows


def result(items, rows, parts=1):
    frame = items_frame(items)
    step = -(-len(frame) // parts)
    return ProbeResult(
        "p", rows_frame(rows), lambda: (frame[i : i + step] for i in range(0, len(frame), step))
    )


def plain(items, resamples=20_000):
    """Percentiles of the ratio over resampled clusters or sentences, one by one."""
    frame = pd.DataFrame(items)
    unit = frame["cluster_id"].fillna(frame["sentence_id"])
    sums = frame.groupby(unit)[["numerator", "denominator"]].sum().to_numpy(float)
    rng = np.random.default_rng(11)
    drawn = sums[rng.integers(0, len(sums), (resamples, len(sums)))].sum(1)
    return np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])


@pytest.mark.parametrize("clusters", [None, 2])
def test_limits_are_those_of_a_plain_bootstrap(clusters):
    items, rows = made(clusters=clusters)
    found = item_intervals(result(items, rows))
    for layer in (0, 1):
        row = found[found["layer"].eq(layer)].iloc[0]
        expected = plain([one for one in items if one["layer"] == layer])
        # expanded quantiles are a little wider
        width = expected[1] - expected[0]
        assert [row["ci_low"], row["ci_high"]] == pytest.approx(expected, abs=0.12 * width)
        assert row["ci_low"] < row["value"] < row["ci_high"]
    assert set(found["ci_method"]) == {OVER_CLUSTERS if clusters else OVER_TEXTS}


def test_clusters_that_agree_make_intervals_wider():
    items, rows = made(layers=(0,), texts=80)
    # eight sentences of a cluster are eight times the same one
    for place, one in enumerate(items):
        first = items[place // 8 * 8]
        one |= {"numerator": first["numerator"], "denominator": first["denominator"]}
    rows[0]["value"] = sum(i["numerator"] for i in items) / sum(i["denominator"] for i in items)
    alone = item_intervals(result(items, rows)).iloc[0]
    shared = [one | {"cluster_id": f"c{place // 8}"} for place, one in enumerate(items)]
    together = item_intervals(result(shared, rows)).iloc[0]
    ratio = (together["ci_high"] - together["ci_low"]) / (alone["ci_high"] - alone["ci_low"])
    assert 2 < ratio < 4.5  # sqrt(8), and the expansion for ten units


def test_every_key_has_its_own_interval_in_whatever_frames_items_come():
    items, rows = made(variants=("own", "transferred"), relations=("nsubj", "obj"))
    whole = item_intervals(result(items, rows))
    assert len(whole[["ci_low", "ci_high"]].drop_duplicates()) == 8
    pd.testing.assert_frame_equal(whole, item_intervals(result(items, rows, parts=7)))
    again = item_intervals(result(items, rows[::-1]))
    assert list(again["ci_low"]) == list(whole["ci_low"])[::-1]
    for _, row in whole.iterrows():
        mine = [
            one for one in items
            if (one["layer"], one["variant"], one["relation"])
            == (row["layer"], row["variant"], row["relation"])
        ]  # fmt: skip
        alone = item_intervals(result(mine, [row.dropna().to_dict()])).iloc[0]
        assert (alone["ci_low"], alone["ci_high"]) == (row["ci_low"], row["ci_high"])


def test_scores_and_answers_are_averaged():
    rng = np.random.default_rng(5)
    about = {"metric": "score", "variant": "own", "layer": 0}
    scores = rng.normal(size=N)
    gold, said = rng.integers(0, 2, (2, N))
    items = [
        {**about, "item_id": f"s{i}", "sentence_id": f"s{i}", "score": s}
        for i, s in enumerate(scores)
    ]
    items += [
        {**about, "metric": "accuracy", "item_id": f"s{i}", "sentence_id": f"s{i}",
         "gold": g, "prediction": p}
        for i, (g, p) in enumerate(zip(gold, said, strict=True))
    ]  # fmt: skip
    rows = [
        {**about, "probe": "p", "value": scores.mean()},
        {**about, "probe": "p", "metric": "accuracy", "value": (gold == said).mean()},
    ]
    found = item_intervals(result(items, rows))
    error = scores.std() / np.sqrt(N)
    assert found["ci_low"][0] == pytest.approx(scores.mean() - 1.96 * error, abs=0.25 * error)
    assert found["ci_high"][0] == pytest.approx(scores.mean() + 1.96 * error, abs=0.25 * error)
    assert found["ci_low"][1] < found["value"][1] < found["ci_high"][1]


def test_a_row_that_is_no_ratio_of_its_items_says_so():
    items, rows = made(layers=(0,))
    rows[0]["value"] += 0.01
    found = item_intervals(result(items, rows))
    assert found["ci_low"].isna().all()
    assert list(found["ci_method"]) == [NO_RATIO]


def test_rows_without_items_and_those_with_intervals_stay():
    items, rows = made(layers=(0,))
    rows += [
        {"probe": "p", "metric": "other", "unit": "model", "value": 0.5},
        {**rows[0], "ci_low": 0.1, "ci_high": 0.2, "ci_method": "by hand"},
        {**rows[0], "value": None},
    ]
    found = item_intervals(result(items, rows))
    assert found["ci_method"].tolist()[:3] == [OVER_TEXTS, pd.NA, "by hand"]
    assert (found["ci_low"][2], found["ci_high"][2]) == (0.1, 0.2)
    assert found["ci_low"].isna().tolist() == [False, True, False, True]


def test_what_shows_no_spread_has_no_interval():
    items, rows = made(layers=(0,))
    for one in items:
        one["numerator"] = one["denominator"]
    rows[0]["value"] = 1.0
    found = item_intervals(result(items, rows))
    assert list(found["ci_method"]) == [NO_SPREAD]
    assert found["ci_low"].isna().all()
    items, rows = made(layers=(0,), texts=1)
    assert list(item_intervals(result(items, rows))["ci_method"]) == [ONE_TEXT]


def test_an_empty_result_stays_empty():
    assert item_intervals(ProbeResult("p", rows_frame([]), lambda: items_frame([]))).empty
    assert summed_items(ItemParts(lambda: items_frame([]))).keys == []
