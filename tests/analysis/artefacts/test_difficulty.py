"""Accuracy on easy and hard examples: identities, and a plain second implementation."""

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.artefacts.difficulty import difficulty_output
from subprobe.analysis.statistics.row_units import item_ratios


def answers(seed):
    """Predictions, gold labels, hardness and groups of a few examples, easy and hard."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 30))
    hard = [True, False, *(rng.random(count - 2) < 0.4).tolist()]
    said, gold, group = (rng.integers(0, most, count) for most in (3, 2, 5))
    drawn = zip(said, gold, hard, group, strict=True)
    return [tuple(map(int, line)) for line in drawn]


def made(found, grouped=False):
    frame = pd.DataFrame(found, columns=["prediction", "gold", "hard", "of"])
    ids = [f"e{place}" for place in range(len(frame))]
    cluster = [f"g{k}" if grouped else pd.NA for k in frame["of"]]
    said = frame[["prediction", "gold"]].assign(item_id=ids, cluster_id=cluster)
    difficulty = pd.Series(np.where(frame["hard"].astype(bool), "hard", "easy"), index=ids)
    return said, difficulty


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_rows_are_counts_and_items_sum_up_to_rows(seed, grouped):
    found = answers(seed)
    said, difficulty = made(found, grouped)
    rows, items = difficulty_output(said, difficulty, 0, "second text, n-grams")
    lines = {(line.metric, "" if pd.isna(line.relation) else line.relation): line
             for line in rows.itertuples()}  # fmt: skip
    assert set(lines) == {("accuracy", "easy"), ("accuracy", "hard"), ("accuracy_gap", "")}
    share = {}
    for part in ("easy", "hard"):
        mine = [(p, g) for p, g, hard, _ in found if hard == (part == "hard")]
        share[part] = sum(p == g for p, g in mine) / len(mine)
        line = lines["accuracy", part]
        assert (line.value, line.n) == (pytest.approx(share[part]), len(mine))
        assert line.baseline_value == pytest.approx(sum(g == 0 for _, g in mine) / len(mine))
    gap = lines["accuracy_gap", ""]
    assert gap.value == pytest.approx(share["easy"] - share["hard"])
    assert gap.n == len(found)
    for (metric, relation), line in lines.items():
        own = items[(items["metric"] == metric) & (items["relation"].fillna("") == relation)]
        top, bottom = item_ratios(own)
        assert top.sum() / bottom.sum() == pytest.approx(line.value)
        assert set(own["sentence_id"]) <= set(said["item_id"])
        if not pd.isna(line.ci_low):
            assert line.ci_low <= line.ci_high
        if grouped:
            assert line.n_clusters == own["cluster_id"].nunique()


def test_a_part_without_examples_has_no_row():
    said, _ = made([(0, 0, False, 0), (1, 0, False, 0)])
    easy = pd.Series("easy", index=said["item_id"])
    rows, items = difficulty_output(said, easy, 0, "v")
    assert list(rows["relation"]) == ["easy"]
    assert len(items) == 2


def test_the_interval_of_the_gap_is_a_bootstrap_of_both_parts():
    rng = np.random.default_rng(0)
    hard = rng.random(200) < 0.3
    right = rng.random(200) < np.where(hard, 0.5, 0.9)
    found = [(int(r), 1, bool(h), 0) for r, h in zip(right, hard, strict=True)]
    said, parts = made(found)
    rows, _ = difficulty_output(said, parts, 1, "v")
    gaps = []
    for _ in range(1000):
        drawn = rng.integers(0, 200, 200)
        r, h = right[drawn], hard[drawn]
        gaps.append(r[~h].mean() - r[h].mean())
    gap = rows[rows["metric"] == "accuracy_gap"].iloc[0]
    assert gap["ci_low"] == pytest.approx(np.quantile(gaps, 0.025), abs=0.03)
    assert gap["ci_high"] == pytest.approx(np.quantile(gaps, 0.975), abs=0.03)
    assert gap["ci_method"] == "percentile bootstrap over examples (2000)"
